/**
 * The chain: its blocks, the versioned state, and the making of a block.
 * @module
 */
import { extrinsicsRootOf, hashHeader, type Block, type Header } from './block.ts';
import type { LocalBeacon } from './beacon.ts';
import { encodeBareExtrinsic, type Extrinsic, type SignedPart } from './extrinsic.ts';
import { stepSubnets } from './runtime/coinbase.ts';
import { revealCommitments } from './runtime/commitments.ts';
import { dispatch, dispatchInfo } from './runtime/dispatch.ts';
import { burn, mint } from './runtime/balances.ts';
import { Execution, type DispatchError, type EpochModel } from './runtime/execution.ts';
import { openStorage, type Storage } from './runtime/storage.ts';
import { checkState, TransactionInvalid, validate, type ValidTransaction } from './runtime/validity.ts';
import type { RuntimeCall } from './scale/type-of.ts';
import { StateHistory, StateOverlay, type StateChanges } from './state.ts';
import { StateTries } from './state-tries.ts';

/** Hashes of so many blocks stay in `System.BlockHash` (`BlockHashCount`). */
const BLOCK_HASH_COUNT = 2400;
/** Extrinsics in one block at most, and their bytes (`BlockLength`). */
const MAX_EXTRINSICS = 4096;
const MAX_BLOCK_BYTES = 5 * 1024 * 1024;
const ZERO_HASH = '0'.repeat(64);

/** A transaction that waits for a block. */
export interface PendingTransaction {
  /** BLAKE2b of its bytes, hex. */
  readonly hash: string;
  readonly bytes: Uint8Array;
  readonly extrinsic: Extrinsic;
  readonly signed: SignedPart;
  /** Hex. */
  readonly signer: string;
}

/** What became of the transactions that a block was offered. */
export interface BlockOutcome {
  readonly block: Block;
  readonly changes: StateChanges;
  /** In the order in which they stand in the block. */
  readonly included: readonly PendingTransaction[];
  /** No block may hold these any more. */
  readonly invalid: readonly PendingTransaction[];
}

/** Where finished blocks go before anybody hears of them. */
export interface BlockSink {
  put(block: Block, changes: StateChanges): void;
}

/** What a chain is made from. */
export interface ChainOptions {
  readonly genesis: StateChanges;
  readonly genesisTimeMs: number;
  readonly blockTimeMs: number;
  readonly beacon: LocalBeacon;
  readonly historyBlocks: number;
  readonly commitRevealDefault: boolean | undefined;
  readonly epochModel: EpochModel;
}

/** The chain of one node. */
export class Chain {
  readonly genesisHash: string;
  readonly history: StateHistory;
  readonly tries: StateTries;
  readonly blockTimeMs: number;
  readonly genesisTimeMs: number;
  readonly #options: ChainOptions;
  readonly #blocks: Block[] = [];
  readonly #numbers = new Map<string, number>();
  #sink: BlockSink | undefined;
  #candidate: Execution | undefined;

  constructor(options: ChainOptions) {
    this.#options = options;
    this.blockTimeMs = options.blockTimeMs;
    this.genesisTimeMs = options.genesisTimeMs;
    this.history = new StateHistory(options.historyBlocks);
    this.tries = new StateTries(this.history);
    const header: Header = { parentHash: ZERO_HASH, number: 0, stateRoot: this.tries.rootAfter(options.genesis), extrinsicsRoot: extrinsicsRootOf([]) };
    this.genesisHash = hashHeader(header);
    this.append({ hash: this.genesisHash, header, extrinsics: [], timestampMs: options.genesisTimeMs }, options.genesis);
  }

  /** The newest block; it is final. */
  get head(): Block {
    return this.#blocks.at(-1) as Block;
  }

  /** From now on blocks are put there first. */
  set sink(sink: BlockSink) {
    this.#sink = sink;
  }

  /** The block of a number or hash (hex). */
  block(id: number | string): Block | undefined {
    const number = typeof id === 'number' ? id : this.#numbers.get(id);
    return number === undefined ? undefined : this.#blocks[number];
  }

  /** Typed reads of the state after a block. */
  storageAt(block: number): Storage {
    return openStorage(this.history.at(block));
  }

  /** Adds a block that is already made (genesis, or from disk). */
  append(block: Block, changes: StateChanges): void {
    this.#blocks.push(block);
    this.#numbers.set(block.hash, block.header.number);
    this.history.apply(block.header.number, changes);
    this.tries.apply(block.header.number, changes);
    this.#candidate = undefined;
  }

  /** The next block as a place to check transactions in; nothing may be written to it. */
  candidate(): Execution {
    this.#candidate ??= this.#begin();
    return this.#candidate;
  }

  /** Checks a transaction for the pool. @throws TransactionInvalid */
  validate(extrinsic: Extrinsic, lengthBytes: number): ValidTransaction {
    return validate(this.candidate(), extrinsic, { genesisHash: this.genesisHash, lengthBytes });
  }

  /** What a transaction would do in the next block: its dispatch error, or `undefined`. @throws TransactionInvalid */
  dryRun(extrinsic: Extrinsic, lengthBytes: number): DispatchError | undefined {
    const { signer } = this.validate(extrinsic, lengthBytes);
    const execution = this.#begin();
    return execution.attempt(() => dispatch(execution, { type: 'signed', account: signer }, extrinsic.call));
  }

  /** Makes the next block of the offered transactions, in the given order. */
  build(offered: readonly PendingTransaction[]): BlockOutcome {
    const execution = this.#begin();
    const inherents = this.#runInherents(execution);
    const included: PendingTransaction[] = [];
    const invalid: PendingTransaction[] = [];
    let sizeBytes = 0;
    for (const transaction of offered) {
      if (included.length + inherents.length >= MAX_EXTRINSICS || sizeBytes + transaction.bytes.length > MAX_BLOCK_BYTES) break;
      execution.phase = { type: 'ApplyExtrinsic', value: inherents.length + included.length };
      const outcome = this.#apply(execution, transaction);
      if (outcome === 'invalid') invalid.push(transaction);
      if (outcome !== 'included') continue;
      included.push(transaction);
      sizeBytes += transaction.bytes.length;
    }
    const { block, changes } = this.#finish(execution, [...inherents, ...included.map(({ bytes }) => bytes)]);
    this.#sink?.put(block, changes);
    this.append(block, changes);
    return { block, changes, included, invalid };
  }

  #begin(): Execution {
    const blockNumber = this.head.header.number + 1;
    const overlay = new StateOverlay(this.history.at(this.head.header.number));
    const timestampMs = this.genesisTimeMs + blockNumber * this.blockTimeMs;
    const execution = new Execution({ overlay, blockNumber, timestampMs, commitRevealDefault: this.#options.commitRevealDefault, epochModel: this.#options.epochModel });
    const { System } = execution.storage;
    System.Number.set(blockNumber);
    System.ParentHash.set(this.head.hash);
    System.BlockHash.set(blockNumber - 1, this.head.hash);
    if (blockNumber > BLOCK_HASH_COUNT + 1) System.BlockHash.remove(blockNumber - BLOCK_HASH_COUNT - 1);
    return execution;
  }

  /** Initialisation, the time, the beacon's rounds. */
  #runInherents(execution: Execution): Uint8Array[] {
    execution.attempt(() => stepSubnets(execution));
    execution.attempt(() => revealCommitments(execution));
    const { blockNumber, timestampMs } = execution;
    const lastStored = execution.storage.Drand.LastStoredRound.get();
    const calls: (RuntimeCall | undefined)[] = [
      { pallet: 'Timestamp', call: 'set', args: { now: BigInt(timestampMs) } },
      this.#options.beacon.writePulses({ lastStored, timeMs: timestampMs, blockNumber }),
    ];
    return calls.filter((call) => call !== undefined).map((call, index) => {
      execution.phase = { type: 'ApplyExtrinsic', value: index };
      depositResult(execution, call, execution.attempt(() => dispatch(execution, { type: 'none' }, call)));
      return encodeBareExtrinsic(call);
    });
  }

  /** Applies a transaction; one whose nonce is ahead stays in the pool. */
  #apply(execution: Execution, { bytes, extrinsic, signed, signer }: PendingTransaction): 'included' | 'invalid' | 'ahead' {
    try {
      const feeRao = checkState(execution, { signer, signed, call: extrinsic.call, lengthBytes: bytes.length });
      if (signed.nonce > execution.storage.System.Account.get(signer).nonce) return 'ahead';
      applyTransaction(execution, { call: extrinsic.call, signed, signer, feeRao });
      return 'included';
    } catch (error) {
      if (error instanceof TransactionInvalid) return 'invalid';
      throw error;
    }
  }

  #finish(execution: Execution, extrinsics: readonly Uint8Array[]): { block: Block; changes: StateChanges } {
    const { System } = execution.storage;
    System.Events.set(execution.events.map((record) => ({ ...record, topics: [] })));
    System.EventCount.set(execution.events.length);
    const changes = execution.overlay.changes();
    const header: Header = {
      parentHash: this.head.hash,
      number: execution.blockNumber,
      stateRoot: this.tries.rootAfter(changes),
      extrinsicsRoot: extrinsicsRootOf(extrinsics),
    };
    return { block: { hash: hashHeader(header), header, extrinsics, timestampMs: execution.timestampMs }, changes };
  }
}

interface SignedCall {
  readonly call: RuntimeCall;
  readonly signed: SignedPart;
  readonly signer: string;
  readonly feeRao: bigint;
}

/** Nonce and fee stand whatever the call does; sudo is free if it was the sudo key's (it is, or the pool had refused it). */
function applyTransaction(execution: Execution, { call, signed, signer, feeRao }: SignedCall): void {
  const { Account } = execution.storage.System;
  const account = Account.get(signer);
  Account.set(signer, { ...account, nonce: account.nonce + 1 });
  const charged = feeRao + signed.tip;
  if (charged > 0n) {
    burn(execution, signer, charged);
    execution.deposit('Balances', 'Withdraw', { who: signer, amount: charged });
  }
  const error = execution.attempt(() => dispatch(execution, { type: 'signed', account: signer }, call));
  const refund = call.pallet === 'Sudo' && error === undefined ? feeRao : 0n;
  if (refund > 0n) {
    mint(execution, signer, refund);
    execution.deposit('Balances', 'Deposit', { who: signer, amount: refund });
  }
  if (charged > 0n) execution.deposit('TransactionPayment', 'TransactionFeePaid', { who: signer, actual_fee: feeRao - refund, tip: signed.tip });
  depositResult(execution, call, error);
}

function depositResult(execution: Execution, call: RuntimeCall, error: DispatchError | undefined): void {
  const info = dispatchInfo(call);
  if (error === undefined) execution.deposit('System', 'ExtrinsicSuccess', { dispatch_info: info });
  else execution.deposit('System', 'ExtrinsicFailed', { dispatch_error: error, dispatch_info: info });
}
