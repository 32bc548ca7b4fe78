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
    const entry: Entry = { hash, bytes, extrinsic, signed, signer, eraBirth: birth, listeners: listener ? [listener] : [], future: false };
    this.#makeRoom(entry);
    this.#entries.set(hash, entry);
    entry.future = !this.ready().includes(entry);
    notify(entry, entry.future ? 'future' : 'ready');
    this.#promote();
    return hash;
  }

  /** Transactions that can go into the next block, in the order in which they go. */
  ready(): PendingTransaction[] {
    const sorted = [...this.#entries.values()].sort((a, b) => (a.signer === b.signer ? a.signed.nonce - b.signed.nonce : a.signer < b.signer ? -1 : 1));
    const next = new Map<string, number>();
    return sorted.filter(({ signer, signed }) => {
      const nonce = next.get(signer) ?? this.#nonce(signer);
      if (signed.nonce !== nonce) return false;
      next.set(signer, nonce + 1);
      return true;
    });
  }

  /** The nonce of an account's next transaction, those in the pool counted. */
  nextNonce(account: string): number {
    const ready = this.ready().filter(({ signer }) => signer === account);
    return this.#nonce(account) + ready.length;
  }

  /** Tells the pool what the newest block did with its transactions. */
  settle({ included, invalid, blockHash }: { included: readonly PendingTransaction[]; invalid: readonly PendingTransaction[]; blockHash: string }): void {
    for (const { hash } of included) this.#leave(hash, [{ inBlock: blockHash }, { finalized: blockHash }]);
    for (const { hash } of invalid) this.#leave(hash, ['invalid']);
    const number = this.#chain.head.header.number + 1;
    for (const entry of [...this.#entries.values()]) {
      const expired = eraBirth(entry.signed.era, number) !== entry.eraBirth;
      if (expired || entry.signed.nonce < this.#nonce(entry.signer)) this.#leave(entry.hash, ['invalid']);
    }
    this.#promote();
  }

  #nonce(account: string): number {
    return this.#chain.candidate().storage.System.Account.get(account).nonce;
  }

  /** Transactions whose gap has been filled become ready. */
  #promote(): void {
    for (const transaction of this.ready()) {
      const entry = transaction as Entry;
      if (!entry.future) continue;
      entry.future = false;
      notify(entry, 'ready');
    }
  }

  /** A transaction with the same signer and nonce yields only to a greater tip. */
  #makeRoom({ signer, signed, hash }: Entry): void {
    const own = [...this.#entries.values()].filter((entry) => entry.signer === signer);
    const rival = own.find((entry) => entry.signed.nonce === signed.nonce);
    if (rival !== undefined) {
      if (signed.tip <= rival.signed.tip) throw new PoolRefusal('too-low-priority', hash);
      return this.#leave(rival.hash, [{ usurped: hash }]);
    }
    if (this.#entries.size >= MAX_TRANSACTIONS || own.length >= MAX_PER_SIGNER) throw new PoolRefusal('full', hash);
  }

  #leave(hash: string, statuses: readonly TransactionStatus[]): void {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return;
    this.#entries.delete(hash);
    for (const status of statuses) notify(entry, status);
  }
}

function notify({ listeners }: Entry, status: TransactionStatus): void {
  for (const listener of listeners) listener(status);
}
