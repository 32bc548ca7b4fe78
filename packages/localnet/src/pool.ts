/**
 * The pool of transactions that wait for a block.
 *
 * Offered in an order that does not depend on when they came: first the unsigned ones by priority, then the others by signer and nonce. Those whose
 * nonce is ahead of the account's wait until the gap is filled.
 * @module
 */
import type { Chain, PendingTransaction } from './chain.ts';
import { MAX_PULSES_PER_BLOCK } from './beacon.ts';
import { decodeExtrinsic, eraBirth } from './extrinsic.ts';
import { blake2, toHex } from './hex.ts';
import { LocalnetError } from './errors.ts';
import { checkUnsigned } from './runtime/unsigned-validity.ts';
import { TransactionInvalid } from './runtime/transaction-invalid.ts';

/** Transactions at most, in all and of one signer. */
const MAX_TRANSACTIONS = 8192;
const MAX_PER_SIGNER = 512;
/** Of those that nobody signed. */
const MAX_UNSIGNED = 512;
/** Bytes of one transaction at most; a block holds 5 MiB. */
export const MAX_EXTRINSIC_BYTES: number = 4 * 1024 * 1024;

/** Who has signed an unsigned transaction. */
const NOBODY = 'nobody';

/** What a watched transaction goes through. */
export type TransactionStatus =
  | 'ready'
  | 'future'
  | 'invalid'
  | 'dropped'
  | { readonly inBlock: string }
  | { readonly retracted: string }
  | { readonly finalized: string }
  | { readonly usurped: string };

/** Called with each status. */
export type StatusListener = (status: TransactionStatus) => void;

/** Why the pool refused a transaction, besides its being invalid. */
export class PoolRefusal extends Error {
  readonly reason: 'already-imported' | 'too-low-priority' | 'full';
  /** Hex. */
  readonly hash: string;

  constructor(reason: PoolRefusal['reason'], hash: string) {
    super(reason);
    this.reason = reason;
    this.hash = hash;
  }
}

interface Entry extends PendingTransaction {
  /** The newest block when it was taken in. */
  readonly enteredAt: number;
  readonly listeners: StatusListener[];
  future: boolean;
}

/** The pool of one chain. */
export class TransactionPool {
  readonly #chain: Chain;
  readonly #entries = new Map<string, Entry>();
  readonly #bySigner = new Map<string, Map<number, Entry>>();
  readonly #byTag = new Map<string, Entry>();
  /** What stands in blocks that are not final, by block hash. */
  readonly #included = new Map<string, readonly Entry[]>();

  constructor(chain: Chain) {
    this.#chain = chain;
  }

  /** How many transactions wait. */
  get size(): number {
    return this.#entries.size;
  }

  /** All waiting transactions, as bytes. */
  all(): Uint8Array[] {
    return [...this.#entries.values()].map(({ bytes }) => bytes);
  }

  /** Takes a transaction in; its hash, hex. @throws TransactionInvalid, PoolRefusal, LocalnetError (bad-scale) */
  submit(bytes: Uint8Array, listener?: StatusListener): string {
    if (bytes.length > MAX_EXTRINSIC_BYTES) {
      throw new LocalnetError('bad-scale', `An extrinsic has at most ${MAX_EXTRINSIC_BYTES} bytes, this one ${bytes.length}.`);
    }
    const hash = toHex(blake2(bytes));
    if (this.#entries.has(hash)) throw new PoolRefusal('already-imported', hash);
    const extrinsic = decodeExtrinsic(bytes);
    const valid = this.#chain.validate(extrinsic, bytes.length);
    const entry: Entry = { hash, bytes, extrinsic, valid, enteredAt: this.#chain.head.header.number, listeners: listener ? [listener] : [], future: true };
    this.#enter(entry);
    this.#promote(valid.type === 'signed' ? this.#readyOf(valid.signer) : [entry]);
    if (entry.future) notify(entry, 'future');
    return hash;
  }

  /** Transactions that can go into the next block, in the order in which they go. */
  ready(): PendingTransaction[] {
    return [...this.#readyUnsigned(), ...[...this.#bySigner.keys()].sort().flatMap((signer) => this.#readyOf(signer))];
  }

  /** Signers (hex) of transactions that can go into the next block, and {@link NOBODY} where there are unsigned ones. */
  readySigners(): ReadonlySet<string> {
    const signers = [...this.#bySigner].filter(([signer, own]) => own.has(this.#nonce(signer)));
    return new Set([...signers.map(([signer]) => signer), ...(this.#byTag.size > 0 ? [NOBODY] : [])]);
  }

  /** The nonce of an account's next transaction, those in the pool counted. */
  nextNonce(account: string): number {
    return this.#nonce(account) + this.#readyOf(account).length;
  }

  /** Tells the pool what the newest block did with its transactions. */
  settle({ included, invalid, blockHash }: { included: readonly PendingTransaction[]; invalid: readonly PendingTransaction[]; blockHash: string }): void {
    const entries = included.map(({ hash }) => this.#leave(hash, [{ inBlock: blockHash }])).filter((entry) => entry !== undefined);
    if (entries.length > 0) this.#included.set(blockHash, entries);
    for (const { hash } of invalid) this.#leave(hash, ['invalid']);
    this.#review();
  }

  /** Tells the pool which blocks are final now. */
  finalize(blockHashes: readonly string[]): void {
    for (const hash of blockHashes) {
      for (const entry of this.#included.get(hash) ?? []) notify(entry, { finalized: hash });
      this.#included.delete(hash);
    }
  }

  /** Tells the pool which blocks are no longer on the chain: their transactions wait again, or are dropped. */
  retract(blockHashes: readonly string[], { drop }: { readonly drop: boolean }): void {
    for (const hash of blockHashes) {
      for (const entry of this.#included.get(hash) ?? []) {
        notify(entry, { retracted: hash });
        if (drop) notify(entry, 'dropped');
        else this.#return(entry);
      }
      this.#included.delete(hash);
    }
    this.#review();
  }

  /** Drops all that wait. */
  clear(): void {
    this.#included.clear();
    for (const hash of this.#entries.keys()) this.#leave(hash, ['dropped']);
  }

  #return(entry: Entry): void {
    if (this.#rivalOf(entry) !== undefined) return notify(entry, 'dropped');
    if (!this.#isStillValid(entry)) return notify(entry, 'invalid');
    entry.future = true;
    this.#place(entry);
  }

  /** The block that a mortal era began with may have been retracted, too; then the signature no longer fits. */
  #isStillValid({ extrinsic, bytes }: Entry): boolean {
    return isValid(() => this.#chain.validate(extrinsic, bytes.length));
  }

  /** Lets go of what no block can hold any more, and promotes what can go now. */
  #review(): void {
    for (const entry of this.#entries.values()) if (this.#isOver(entry)) this.#leave(entry.hash, ['invalid']);
    this.#promote([...this.#byTag.values(), ...[...this.#bySigner.keys()].flatMap((signer) => this.#readyOf(signer))]);
  }

  #isOver({ valid, enteredAt, extrinsic }: Entry): boolean {
    const { number } = this.#chain.head.header;
    if (valid.type === 'unsigned') return number >= enteredAt + valid.longevityBlocks || !isValid(() => checkUnsigned(this.#chain.candidate(), extrinsic.call));
    const { era, nonce } = valid.signed;
    return eraBirth(era, number + 1) !== eraBirth(era, enteredAt + 1) || nonce < this.#nonce(valid.signer);
  }

  #nonce(account: string): number {
    return this.#chain.candidate().storage.System.Account.get(account).nonce;
  }

  /** One signer's transactions from the account's nonce on, up to the first gap. */
  #readyOf(signer: string): Entry[] {
    const own = this.#bySigner.get(signer);
    const found: Entry[] = [];
    if (own === undefined) return found;
    for (let nonce = this.#nonce(signer); own.has(nonce); nonce++) found.push(own.get(nonce) as Entry);
    return found;
  }

  /** No more of them than the author itself would put into a block: each takes 20 ms to verify. */
  #readyUnsigned(): Entry[] {
    const urgentFirst = [...this.#byTag.values()].sort((a, b) => (priorityOf(a) === priorityOf(b) ? (a.hash < b.hash ? -1 : 1) : priorityOf(a) > priorityOf(b) ? -1 : 1));
    return urgentFirst.slice(0, MAX_PULSES_PER_BLOCK);
  }

  /** Tells those that can go now and could not before. */
  #promote(ready: readonly Entry[]): void {
    for (const entry of ready) {
      if (!entry.future) continue;
      entry.future = false;
      notify(entry, 'ready');
    }
  }

  /** A transaction that provides the same yields only to a greater priority. */
  #enter(entry: Entry): void {
    const { hash } = entry;
    const rival = this.#rivalOf(entry);
    if (rival !== undefined && priorityOf(entry) <= priorityOf(rival)) throw new PoolRefusal('too-low-priority', hash);
    if (rival === undefined && !this.#hasRoomFor(entry)) throw new PoolRefusal('full', hash);
    if (rival !== undefined) this.#leave(rival.hash, [{ usurped: hash }]);
    this.#place(entry);
  }

  /** The one with the same signer and nonce, or of the same tag. */
  #rivalOf({ valid }: Entry): Entry | undefined {
    return valid.type === 'signed' ? this.#bySigner.get(valid.signer)?.get(valid.signed.nonce) : this.#byTag.get(valid.tag);
  }

  #hasRoomFor({ valid }: Entry): boolean {
    if (this.#entries.size >= MAX_TRANSACTIONS) return false;
    return valid.type === 'signed' ? (this.#bySigner.get(valid.signer)?.size ?? 0) < MAX_PER_SIGNER : this.#byTag.size < MAX_UNSIGNED;
  }

  #place(entry: Entry): void {
    const { valid } = entry;
    this.#entries.set(entry.hash, entry);
    if (valid.type === 'unsigned') return void this.#byTag.set(valid.tag, entry);
    const own = this.#bySigner.get(valid.signer) ?? new Map<number, Entry>();
    this.#bySigner.set(valid.signer, own.set(valid.signed.nonce, entry));
  }

  #leave(hash: string, statuses: readonly TransactionStatus[]): Entry | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    this.#entries.delete(hash);
    const { valid } = entry;
    if (valid.type === 'unsigned') this.#byTag.delete(valid.tag);
    else {
      const own = this.#bySigner.get(valid.signer);
      own?.delete(valid.signed.nonce);
      if (own?.size === 0) this.#bySigner.delete(valid.signer);
    }
    for (const status of statuses) notify(entry, status);
    return entry;
  }
}

/** The chain's priority of signed ones is their tip, as far as the order goes. */
function priorityOf({ valid }: Entry): bigint {
  return valid.type === 'signed' ? valid.signed.tip : valid.priority;
}

function isValid(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof TransactionInvalid) return false;
    throw error;
  }
}

function notify({ listeners }: Entry, status: TransactionStatus): void {
  for (const listener of listeners) listener(status);
}
