/**
 * Looking for a signed call in every finalised block that may have it.
 * @module
 */
import { readHashAt, watchBlocks } from '../block.ts';
import type { Chain } from '../connection.ts';
import { ChainError, isChainError } from '../errors.ts';
import { isPassing, pause, RETRY_PAUSE_MS } from './persist.ts';
import type { SignedCall } from './signed-call.ts';
import { openState } from './block-state.ts';
import { fieldOf, readStorage, toNumber, type Codec } from './storage.ts';
import { submit, type Submission } from './submission.ts';

/** Where an extrinsic stands. */
export interface Place {
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly index: number;
}

/** Finalised blocks after which it is handed over again: a pool may have dropped it without a word. */
const RESEND_BLOCKS = 10;
/** Between two tries of handing it over to a pool that was full. */
const RESEND_PAUSE_MS = 5_000;

/** Waits until a finalised block has it, and hands the same bytes over again where that may help. @throws expired, timeout, closed, and as `Chain.request` */
export async function awaitInclusion(chain: Chain, signed: SignedCall, { submission, timeoutMs }: { readonly submission: Submission; readonly timeoutMs: number }): Promise<Place> {
  const search = new Search(chain, signed, submission === 'nonce-taken');
  const timer = setTimeout(() => search.fail(tooLate(chain, signed, timeoutMs)), timeoutMs);
  const stopResending = chain.onReconnect(() => void search.resend());
  const retries = submission === 'taken' ? undefined : setInterval(() => void search.resend(), RESEND_PAUSE_MS);
  if (submission !== 'taken' && chain.isConnected()) void search.resend();
  const watching = watchBlocks(chain, ({ number }) => search.reach(number));
  watching.catch((error: unknown) => search.fail(error));
  try {
    return await search.result;
  } finally {
    clearTimeout(timer);
    clearInterval(retries);
    stopResending();
    search.end();
    await watching.then((stop) => stop()).catch(() => {});
  }
}

class Search {
  readonly result: Promise<Place>;
  readonly #chain: Chain;
  readonly #signed: SignedCall;
  #resolve!: (place: Place) => void;
  #reject!: (error: unknown) => void;
  #next: number;
  #head = -1;
  /** A node said that the nonce is used: by this very call, or by another. */
  #isNonceUsed: boolean;
  /** The newest block whose nonce was looked at. */
  #checked = -1;
  #isRunning = false;
  #hasEnded = false;

  constructor(chain: Chain, signed: SignedCall, isNonceUsed: boolean) {
    this.#isNonceUsed = isNonceUsed;
    this.#chain = chain;
    this.#signed = signed;
    this.#next = signed.birth + 1;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  reach(number: number): void {
    this.#head = Math.max(this.#head, number);
    if (!this.#isRunning) void this.#run();
  }

  /** The same bytes again: they can be included only once. Already known, included or outdated: the search tells which. */
  async resend(): Promise<void> {
    if (this.#hasEnded) return;
    // Refused as it should be once it stands in a block, or not to be reached: neither ends the search.
    const submission = await submit(this.#chain, this.#signed).catch(() => 'unknown' as const);
    if (submission !== 'nonce-taken') return;
    this.#isNonceUsed = true;
    this.reach(this.#head);
  }

  fail(error: unknown): void {
    this.end();
    this.#reject(error);
  }

  end(): void {
    this.#hasEnded = true;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (!this.#hasEnded) {
      try {
        if (this.#next <= this.#head) await this.#look(this.#next);
        else if (this.#isNonceUsed && this.#checked < this.#head) await this.#assertNonceFree();
        else break;
      } catch (error) {
        // A node that has not finalised the block yet will, one that errs may come to itself, or another is asked: the call may stand in a block, and who is told of a failure sends it again.
        if (isPassing(error) || isChainError(error, 'unknown-block') || isChainError(error, 'rpc-failed') || isChainError(error, 'bad-node')) await pause(RETRY_PAUSE_MS);
        else this.fail(error);
      }
    }
    this.#isRunning = false;
  }

  async #look(number: number): Promise<void> {
    const { hex, birth, death, subject } = this.#signed;
    if (number > death) throw this.#expired(`${subject} was in no block up to ${death}, the last that could have it`);
    const { blockHash, extrinsics } = await readBody(this.#chain, number);
    const index = extrinsics.indexOf(hex);
    this.#next = number + 1;
    if (index >= 0) {
      this.end();
      this.#resolve({ blockNumber: number, blockHash, index });
    } else if ((number - birth) % RESEND_BLOCKS === 0 && number === this.#head) void this.resend();
  }

  /** Once a finalised block counts the nonce as used, and no block up to it has this call, another call has taken its place for good. */
  async #assertNonceFree(): Promise<void> {
    const { nonce, signer, subject } = this.#signed;
    const number = this.#head;
    const [account] = await readStorage(await openState(this.#chain, number), [{ pallet: 'System', item: 'Account', args: [signer] }]);
    this.#checked = number;
    if (toNumber(fieldOf(account as Codec, 'nonce')) <= nonce || number !== this.#head) return;
    throw this.#expired(`another call of ${signer} took nonce ${nonce} up to block ${number}, so ${subject} cannot be included any more; does a second process use this key?`, 'nonce-taken');
  }

  #expired(message: string, reason?: string): ChainError {
    const { hash, subject, death } = this.#signed;
    return new ChainError('expired', `${message}; sending it again is safe`, { subject, blockNumber: death, extrinsicHash: hash, ...(reason === undefined ? {} : { reason }) });
  }
}

interface Body {
  readonly blockHash: string;
  readonly extrinsics: readonly string[];
}

/** The newest few, so that calls under way together do not ask for the same blocks each. */
const bodies = new WeakMap<Chain, Map<number, Promise<Body>>>();
const KEPT_BODIES = 8;

function readBody(chain: Chain, number: number): Promise<Body> {
  const kept = bodies.get(chain) ?? new Map<number, Promise<Body>>();
  bodies.set(chain, kept);
  const known = kept.get(number);
  if (known !== undefined) return known;
  const body = fetchBody(chain, number);
  kept.set(number, body);
  body.catch(() => kept.delete(number));
  for (const old of kept.keys()) if (kept.size > KEPT_BODIES) kept.delete(old);
  return body;
}

async function fetchBody(chain: Chain, number: number): Promise<Body> {
  const blockHash = await readHashAt(chain, number);
  const answer = await chain.request<{ readonly block: { readonly extrinsics: string[] } } | null>('chain_getBlock', [blockHash]);
  // Several nodes behind one address: another of them has it. Giving up here would have somebody send a call again that stands in this block.
  if (answer === null) throw new ChainError('unknown-block', `${chain.endpoint} does not have block ${number}`, { endpoint: chain.endpoint, blockNumber: number });
  return { blockHash, extrinsics: answer.block.extrinsics };
}

function tooLate(chain: Chain, signed: SignedCall, timeoutMs: number): ChainError {
  return new ChainError('timeout', `${signed.subject} was not included within ${timeoutMs / 1000} s; it may still be, up to block ${signed.death} (extrinsic ${signed.hash})`, {
    endpoint: chain.endpoint,
    subject: signed.subject,
    blockNumber: signed.death,
    extrinsicHash: signed.hash,
  });
}
