/**
 * The chain: its blocks, the versioned state, and the making of a block.
 * @module
 */
import { extrinsicsRootOf, hashHeader, type Block, type Header } from './block.ts';
import { BlockArchive } from './block-archive.ts';
import type { ChainBeacon } from './beacon.ts';
import type { ChainStore, StoredChain } from './disk.ts';
import { LocalnetError } from './errors.ts';
import { ForkStates, type Branch, type ChangedBlock } from './fork-states.ts';
import { encodeBareExtrinsic, type Extrinsic } from './extrinsic.ts';
import { stepSubnets } from './runtime/coinbase.ts';
import { revealCommitments } from './runtime/commitments.ts';
import { applyBare, applyTransaction } from './runtime/apply-extrinsic.ts';
import { dispatch } from './runtime/dispatch.ts';
import { skipRounds } from './runtime/drand.ts';
import { Execution, type DispatchError, type EpochModel, type Origin } from './runtime/execution.ts';
import { openStorage, type Storage } from './runtime/storage.ts';
import { TransactionInvalid } from './runtime/transaction-invalid.ts';
import { checkUnsigned } from './runtime/unsigned-validity.ts';
import { checkState, validate, type ValidTransaction } from './runtime/validity.ts';
import type { RuntimeCall } from './scale/type-of.ts';
import type { Snapshot } from './snapshot.ts';
import { StateHistory, StateOverlay, stateWith, type BlockState, type StateChanges } from './state.ts';
import { StateTries } from './state-tries.ts';

/** Hashes of so many blocks stay in `System.BlockHash` (`BlockHashCount`). */
const BLOCK_HASH_COUNT = 2400;
/** Extrinsics in one block at most, and their bytes (`BlockLength`). */
const MAX_EXTRINSICS = 4096;
const MAX_BLOCK_BYTES = 5 * 1024 * 1024;

/** A transaction that waits for a block. */
export interface PendingTransaction {
  /** BLAKE2b of its bytes, hex. */
  readonly hash: string;
  readonly bytes: Uint8Array;
  readonly extrinsic: Extrinsic;
  /** What was found when it was taken in. */
  readonly valid: ValidTransaction;
}

/** What became of the transactions that a block was offered. */
export interface BlockOutcome {
  readonly block: Block;
  readonly changes: StateChanges;
  /** In the order in which they stand in the block. */
  readonly included: readonly PendingTransaction[];
  /** No block may hold these any more. */
  readonly invalid: readonly PendingTransaction[];
  /** Blocks that are final now, oldest first. */
  readonly finalized: readonly Block[];
}

/** What is special about a block that is to be made. */
export interface BuildOptions {
  /** Its timestamp, instead of the one that is due. */
  readonly timestampMs?: number;
  /** Leaves out the beacon's rounds that are due by then, for good. */
  readonly skipPulses?: boolean;
  /** Changes that no transaction makes; after them nothing else happens in the block. */
  readonly edit?: ((execution: Execution) => void) | undefined;
}

/** What a chain is made from. */
export interface ChainOptions {
  readonly start: ChainStart;
  readonly beacon: ChainBeacon;
  /** How many blocks back state can be read. */
  readonly historyBlocks: number;
  /** How many blocks are kept at all; state reaches no further back than blocks. */
  readonly keepBlocks: number | undefined;
  /** Blocks so far behind the newest one are final. */
  readonly finalityLagBlocks: number;
  readonly commitRevealDefault: boolean | undefined;
  readonly epochModel: EpochModel;
  /** `wall`: a block is stamped with the clock on the wall where that is later than a block time after the one before (`virtual`). */
  readonly clock?: 'virtual' | 'wall';
}

/** Where a chain begins: with a state in memory, or with what stands in a store. */
export type ChainStart = { readonly snapshot: Snapshot } | { readonly store: ChainStore; readonly stored: StoredChain };

/** Final blocks that are held in memory besides being on disk. */
const HELD_BLOCKS = 64;

/** The chain of one node. */
export class Chain {
  readonly genesisHash: string;
  readonly history: StateHistory;
  readonly tries: StateTries;
  readonly blockTimeMs: number;
  readonly finalityLagBlocks: number;
  readonly #options: ChainOptions;
  readonly #blocks: BlockArchive;
  readonly #store: ChainStore | undefined;
  /** Blocks that are not final yet, oldest first. */
  readonly #open: ChangedBlock[] = [];
  readonly #forks = new ForkStates();
  #finalized: Block;
  #oldest: number;
  #nextTimestampMs: number | undefined;
  #candidate: Execution | undefined;
  /** Whether what was read from disk is known to be the state that its block tells of. */
  #isChecked: boolean;

  constructor(options: ChainOptions) {
    const { start, historyBlocks, keepBlocks = Number.POSITIVE_INFINITY } = options;
    this.#options = options;
    this.finalityLagBlocks = options.finalityLagBlocks;
    this.#store = 'store' in start ? start.store : undefined;
    const { genesis, head, blockTimeMs } = 'store' in start ? start.stored : start.snapshot;
    this.#oldest = 'store' in start ? start.stored.firstBlock : head.header.number;
    this.blockTimeMs = blockTimeMs;
    this.genesisHash = genesis.hash;
    this.#blocks = new BlockArchive(genesis, head, this.#store);
    if ('snapshot' in start && start.snapshot.parent !== undefined) this.#blocks.remember(start.snapshot.parent);
    this.#finalized = head;
    this.history = new StateHistory({ windowBlocks: Math.min(historyBlocks, keepBlocks), archive: this.#store });
    if ('store' in start) this.history.begin(head.header.number, this.#oldest);
    else this.history.reset(head.header.number, start.snapshot.state);
    this.tries = new StateTries(this.history, head.header.number);
    this.#isChecked = this.#store === undefined;
  }

  /** The newest block. */
  get head(): Block {
    return this.#blocks.head;
  }

  /** Where its pulses come from. */
  get beacon(): ChainBeacon {
    return this.#options.beacon;
  }

  /** Whether that is the beacon whose pulses the chain takes now. */
  get followsBeacon(): boolean {
    return followsBeacon(this.storageAt(this.head.header.number), this.beacon);
  }

  /** The newest final block. */
  get finalized(): Block {
    return this.#finalized;
  }

  /** Genesis. */
  get genesis(): Block {
    return this.#blocks.genesis;
  }

  /** Timestamp of the next block. */
  get nextTimestampMs(): number {
    const due = this.head.timestampMs + this.blockTimeMs;
    return this.#nextTimestampMs ?? (this.#options.clock === 'wall' ? Math.max(due, Date.now()) : due);
  }

  /** Stamps the next block; those after it follow by the block time. */
  setNextTimestamp(timeMs: number): void {
    this.#nextTimestampMs = timeMs;
    this.#candidate = undefined;
  }

  /** The block of a number or hash (hex); of a hash also one that was retracted. */
  block(id: number | string): Block | undefined {
    return this.#blocks.get(id);
  }

  /** Whether the block stands on the chain (and was not retracted). */
  has(block: Block): boolean {
    return this.#blocks.has(block);
  }

  /** All blocks that are not final, those of forks included, parents before their children. */
  openBlocks(): readonly Block[] {
    const forks = this.#forks.blocks().filter(({ header }) => header.number > this.#finalized.header.number);
    return [...forks.filter((block) => !this.has(block)), ...this.#open.map(({ block }) => block)].sort((a, b) => a.header.number - b.header.number);
  }

  /** The state after a block, also after one that a reorganisation took from the chain; `undefined` where it is not known any more. */
  stateOf(block: Block): BlockState | undefined {
    const branch = this.#branchOf(block);
    return branch?.blocks.reduce((state, { changes }) => stateWith(state, changes), this.history.at(branch.root.header.number));
  }

  /** The Merkle value of a key (hex), or of its closest descendant, in the state after a block. */
  merkleValue(block: Block, key: string): Uint8Array | undefined {
    const branch = this.#branchOf(block);
    return branch && this.tries.merkleValue(branch.root.header.number, key, branch.blocks.map(({ changes }) => changes));
  }

  /** Typed reads of the state after a block. */
  storageAt(block: number): Storage {
    return openStorage(this.history.at(block));
  }

  /** The newest block, the state after it, and what waits for the next ones. */
  snapshot(): Snapshot {
    const { genesis, head, blockTimeMs } = this;
    return { genesis, parent: this.block(head.header.parentHash), head, blockTimeMs, state: this.history.entries(head.header.number), waitingPulses: this.beacon.waiting };
  }

  /** All blocks made within are written to disk as one; none of them stands if that fails. */
  batch<T>(make: () => T): T {
    if (this.#store === undefined) return make();
    const before = this.head.header.number;
    try {
      return this.#store.batch(make);
    } catch (error) {
      this.#undo(before);
      throw error;
    }
  }

  /** Takes the newest blocks from the chain, down to `number`; returns them, oldest first. None of them may be final. */
  retract(number: number): readonly ChangedBlock[] {
    const retracted = this.#open.filter(({ block }) => block.header.number > number);
    this.#forks.add(retracted);
    this.#undo(number);
    return retracted;
  }

  /** Goes back to a snapshot of this chain, final blocks or not; returns the keys that have another value now. */
  restore(snapshot: Snapshot): ReadonlySet<string> {
    const { number } = snapshot.head.header;
    const before = this.history.entries(this.head.header.number);
    const back = this.has(snapshot.head) && number >= this.history.oldestBlock && number <= this.head.header.number;
    if (back) {
      if (number < this.#finalized.header.number) this.#store?.rewind(number);
      this.#undo(number);
    } else {
      this.#store?.reset(snapshot, { forked: true });
      this.#blocks.reset(snapshot.head);
      if (snapshot.parent !== undefined) this.#blocks.remember(snapshot.parent);
      this.#oldest = number;
      if (this.#store === undefined) this.history.reset(number, snapshot.state);
      else this.history.begin(number, number);
      this.tries.reset(number);
    }
    this.#open.length = 0;
    this.#forks.clear();
    this.#finalized = this.head;
    this.#nextTimestampMs = undefined;
    this.#candidate = undefined;
    this.beacon.resetWaiting(snapshot.waitingPulses ?? []);
    return differingKeys(before, snapshot.state);
  }

  /** The next block as a place to check transactions in; nothing may be written to it. */
  candidate(): Execution {
    this.#candidate ??= this.#begin();
    return this.#candidate;
  }

  /** Checks a transaction for the block after `parent`, the newest one if nothing is said. @throws TransactionInvalid */
  validate(extrinsic: Extrinsic, lengthBytes: number, parent: Block = this.head): ValidTransaction {
    const execution = parent.hash === this.head.hash ? this.candidate() : this.#begin({ parent });
    return validate(execution, extrinsic, { genesisHash: this.genesisHash, lengthBytes });
  }

  /** What a transaction would do in the next block: its dispatch error, or `undefined`. @throws TransactionInvalid */
  dryRun(extrinsic: Extrinsic, lengthBytes: number): DispatchError | undefined {
    const valid = this.validate(extrinsic, lengthBytes);
    const execution = this.#begin();
    const origin: Origin = valid.type === 'signed' ? { type: 'signed', account: valid.signer } : { type: 'none' };
    return execution.attempt(() => void dispatch(execution, origin, extrinsic.call));
  }

  /** Makes the next block of the offered transactions, in the given order. */
  build(offered: readonly PendingTransaction[], options: BuildOptions = {}): BlockOutcome {
    const execution = this.#begin({ timestampMs: options.timestampMs });
    const inherents = this.#runInherents(execution, options.skipPulses === true);
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
    if (options.edit !== undefined) {
      execution.phase = { type: 'Finalization' };
      options.edit(execution);
    }
    const { block, changes } = this.#finish(execution, [...inherents, ...included.map(({ bytes }) => bytes)]);
    return { block, changes, included, invalid, finalized: this.#append({ block, changes }) };
  }

  /** Adds a block, and returns those that are final by it. They are on disk before memory knows of the block. */
  #append(added: ChangedBlock): readonly Block[] {
    const open = [...this.#open, added];
    const final = open.splice(0, Math.max(0, open.length - this.finalityLagBlocks));
    for (const { block, changes } of final) this.#store?.put(block, changes);
    this.#open.splice(0, this.#open.length, ...open);
    this.#blocks.push(added.block);
    this.history.apply(added.block.header.number, added.changes);
    this.tries.apply(added.block.header.number, added.changes);
    this.#finalized = final.at(-1)?.block ?? this.#finalized;
    this.#nextTimestampMs = undefined;
    this.#candidate = undefined;
    this.#trim();
    return final.map(({ block }) => block);
  }

  /** Drops from memory, and where only so many blocks are to be kept for good, what is too old. */
  #trim(): void {
    const final = this.#finalized.header.number;
    if (this.#store !== undefined) {
      this.history.evict(final - HELD_BLOCKS);
      this.#blocks.drop(final - HELD_BLOCKS);
    }
    const keep = this.#options.keepBlocks;
    if (keep === undefined) return;
    for (; this.#oldest < final - keep; this.#oldest++) {
      this.#blocks.drop(this.#oldest);
      this.#store?.prune(this.#oldest + 1);
    }
  }

  #undo(number: number): void {
    this.#blocks.rewind(number);
    this.history.rewind(number);
    this.tries.rewind(number);
    while ((this.#open.at(-1)?.block.header.number ?? 0) > number) this.#open.pop();
    if (this.#finalized.header.number > number) this.#finalized = this.head;
    this.#nextTimestampMs = undefined;
    this.#candidate = undefined;
  }

  /** The beginning of the block after `parent`, whose state must be known. */
  #begin({ parent = this.head, timestampMs }: { readonly parent?: Block; readonly timestampMs?: number | undefined } = {}): Execution {
    const blockNumber = parent.header.number + 1;
    const overlay = new StateOverlay(this.stateOf(parent) as BlockState);
    const due = parent.hash === this.head.hash ? this.nextTimestampMs : parent.timestampMs + this.blockTimeMs;
    const { commitRevealDefault, epochModel } = this.#options;
    const execution = new Execution({ overlay, blockNumber, timestampMs: timestampMs ?? due, commitRevealDefault, epochModel });
    const { System } = execution.storage;
    System.Number.set(blockNumber);
    System.ParentHash.set(parent.hash);
    System.BlockHash.set(blockNumber - 1, parent.hash);
    if (blockNumber > BLOCK_HASH_COUNT + 1) System.BlockHash.remove(blockNumber - BLOCK_HASH_COUNT - 1);
    return execution;
  }

  #branchOf(block: Block): Branch | undefined {
    const onChain = (hash: string): Block | undefined => {
      const found = this.block(hash);
      return found !== undefined && this.has(found) ? found : undefined;
    };
    const branch = this.#forks.branchOf(block, onChain);
    return branch === undefined || branch.root.header.number < this.history.oldestBlock ? undefined : branch;
  }

  /** Initialisation, the time, the beacon's rounds. */
  #runInherents(execution: Execution, skipPulses: boolean): Uint8Array[] {
    execution.attempt(() => stepSubnets(execution));
    execution.attempt(() => revealCommitments(execution));
    const { blockNumber, timestampMs } = execution;
    const { beacon } = this.#options;
    const isFollowed = followsBeacon(execution.storage, beacon);
    if (skipPulses && isFollowed) skipRounds(execution, beacon.lastRoundAt(timestampMs));
    const lastStored = execution.storage.Drand.LastStoredRound.get();
    const calls: readonly RuntimeCall[] = [
      { pallet: 'Timestamp', call: 'set', args: { now: BigInt(timestampMs) } },
      ...(isFollowed ? beacon.writePulses({ lastStored, timeMs: timestampMs, blockNumber }) : []),
    ];
    return calls.map((call, index) => {
      execution.phase = { type: 'ApplyExtrinsic', value: index };
      applyBare(execution, call, { isAuthored: true });
      return encodeBareExtrinsic(call);
    });
  }

  /** Applies a transaction; one whose nonce is ahead stays in the pool. */
  #apply(execution: Execution, { bytes, extrinsic: { call }, valid }: PendingTransaction): 'included' | 'invalid' | 'ahead' {
    try {
      if (valid.type === 'unsigned') {
        checkUnsigned(execution, call);
        applyBare(execution, call, { isAuthored: false });
        return 'included';
      }
      const { signer, signed } = valid;
      const transaction = { signer, signed, call, lengthBytes: bytes.length };
      checkState(execution, transaction);
      if (signed.nonce > execution.storage.System.Account.get(signer).nonce) return 'ahead';
      applyTransaction(execution, transaction);
      return 'included';
    } catch (error) {
      if (error instanceof TransactionInvalid) return 'invalid';
      throw error;
    }
  }

  /** Once after the start from a directory, when the whole state is read anyway. @throws bad-state */
  #assertState(): void {
    const { number, stateRoot } = this.head.header;
    if (!this.#isChecked && this.tries.rootAt(number) !== stateRoot) {
      throw new LocalnetError('bad-state', `The state after block ${number} in the directory is not the one that its header tells of. The directory is damaged: delete it to begin anew.`, { context: { number } });
    }
    this.#isChecked = true;
  }

  #finish(execution: Execution, extrinsics: readonly Uint8Array[]): { block: Block; changes: StateChanges } {
    this.#assertState();
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

/** Whether the beacon's pulses are those that the chain takes: root can set another key. */
function followsBeacon({ Drand }: Storage, { config }: ChainBeacon): boolean {
  return Buffer.compare(Drand.BeaconConfig.get().public_key, config.public_key) === 0;
}

function differingKeys(before: ReadonlyMap<string, Uint8Array>, after: ReadonlyMap<string, Uint8Array>): ReadonlySet<string> {
  const differing = new Set([...before.keys()].filter((key) => !after.has(key)));
  for (const [key, value] of after) {
    const old = before.get(key);
    if (old === undefined || Buffer.compare(old, value) !== 0) differing.add(key);
  }
  return differing;
}
