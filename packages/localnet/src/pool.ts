/**
 * The pool of transactions that wait for a block.
 *
 * Offered in an order that does not depend on when they came: by signer, then by nonce. Those whose nonce is ahead of the
 * account's wait until the gap is filled.
 * @module
 */
import type { Chain, PendingTransaction } from './chain.ts';
import { decodeExtrinsic, eraBirth } from './extrinsic.ts';
import { blake2, toHex } from './hex.ts';
import { LocalnetError } from './errors.ts';
import { TransactionInvalid } from './runtime/validity.ts';

/** Transactions at most, in all and of one signer. */
const MAX_TRANSACTIONS = 8192;
const MAX_PER_SIGNER = 512;
/** Bytes of one transaction at most; a block holds 5 MiB. */
export const MAX_EXTRINSIC_BYTES: number = 4 * 1024 * 1024;

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
  /** The block in which the era began when it was submitted; later it is expired. */
  readonly eraBirth: number;
  readonly listeners: StatusListener[];
  future: boolean;
}

/** The pool of one chain. */
export class TransactionPool {
  readonly #chain: Chain;
  readonly #entries = new Map<string, Entry>();
  readonly #bySigner = new Map<string, Map<number, Entry>>();
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
    const { signer, signed } = this.#chain.validate(extrinsic, bytes.length);
    const birth = eraBirth(signed.era, this.#chain.head.header.number + 1);
    const entry: Entry = { hash, bytes, extrinsic, signed, signer, eraBirth: birth, listeners: listener ? [listener] : [], future: true };
    this.#enter(entry);
    this.#promote(signer);
    if (entry.future) notify(entry, 'future');
    return hash;
  }

  /** Transactions that can go into the next block, in the order in which they go. */
  ready(): PendingTransaction[] {
    return [...this.#bySigner.keys()].sort().flatMap((signer) => this.#readyOf(signer));
  }

  /** Signers (hex) of transactions that can go into the next block. */
  readySigners(): ReadonlySet<string> {
    const signers = [...this.#bySigner].filter(([signer, own]) => own.has(this.#nonce(signer)));
    return new Set(signers.map(([signer]) => signer));
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
    const own = this.#bySigner.get(entry.signer) ?? new Map<number, Entry>();
    if (own.has(entry.signed.nonce)) return notify(entry, 'dropped');
    if (!this.#isStillValid(entry)) return notify(entry, 'invalid');
    entry.future = true;
    this.#entries.set(entry.hash, entry);
    this.#bySigner.set(entry.signer, own.set(entry.signed.nonce, entry));
  }

  /** The block that a mortal era began with may have been retracted, too; then the signature no longer fits. */
  #isStillValid({ extrinsic, bytes }: Entry): boolean {
    try {
      this.#chain.validate(extrinsic, bytes.length);
      return true;
    } catch (error) {
      if (error instanceof TransactionInvalid) return false;
      throw error;
    }
  }

  /** Lets go of what no block can hold any more, and promotes what can go now. */
  #review(): void {
    const number = this.#chain.head.header.number + 1;
    for (const entry of this.#entries.values()) {
      const expired = eraBirth(entry.signed.era, number) !== entry.eraBirth;
      if (expired || entry.signed.nonce < this.#nonce(entry.signer)) this.#leave(entry.hash, ['invalid']);
    }
    for (const signer of this.#bySigner.keys()) this.#promote(signer);
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

  /** Transactions whose gap has been filled become ready. */
  #promote(signer: string): void {
    for (const entry of this.#readyOf(signer)) {
      if (!entry.future) continue;
      entry.future = false;
      notify(entry, 'ready');
    }
  }

  /** A transaction with the same signer and nonce yields only to a greater tip. */
  #enter(entry: Entry): void {
    const { signer, signed, hash } = entry;
    const own = this.#bySigner.get(signer) ?? new Map<number, Entry>();
    const rival = own.get(signed.nonce);
    if (rival !== undefined && signed.tip <= rival.signed.tip) throw new PoolRefusal('too-low-priority', hash);
    if (rival === undefined && (this.#entries.size >= MAX_TRANSACTIONS || own.size >= MAX_PER_SIGNER)) throw new PoolRefusal('full', hash);
    if (rival !== undefined) this.#leave(rival.hash, [{ usurped: hash }]);
    this.#entries.set(hash, entry);
    this.#bySigner.set(signer, own.set(signed.nonce, entry));
  }

  #leave(hash: string, statuses: readonly TransactionStatus[]): Entry | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    this.#entries.delete(hash);
    const own = this.#bySigner.get(entry.signer);
    own?.delete(entry.signed.nonce);
    if (own?.size === 0) this.#bySigner.delete(entry.signer);
    for (const status of statuses) notify(entry, status);
    return entry;
  }
}

function notify({ listeners }: Entry, status: TransactionStatus): void {
  for (const listener of listeners) listener(status);
}
