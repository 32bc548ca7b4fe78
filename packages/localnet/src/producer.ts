/**
 * When the next block is made, and of which transactions.
 *
 * With `waitFor` N, time is that of the participants: a block comes as soon as each of them either has nothing to do before it (it
 * *released* the time up to a later moment) or has a transaction of its own waiting. So what a block holds does not depend on how
 * fast anybody is. Transactions of others get a block of their own after a short delay.
 *
 * Who releases {@link FOREVER} has left: time no longer waits for it, nor runs on for it alone.
 * @module
 */

/** The release of a participant that is done for good. */
export const FOREVER: number = Number.MAX_SAFE_INTEGER;

/** What the rule looks at. */
export interface ProducerState {
  readonly waitFor: number;
  /** Virtual time up to which each known participant (hex) has nothing to do. */
  readonly releases: ReadonlyMap<string, number>;
  /** Timestamp of the newest block. */
  readonly previousTimestampMs: number;
  /** Signers (hex) of transactions that are ready. */
  readonly pendingSigners: ReadonlySet<string>;
}

/** `all`: now, of everything; `others`: soon, of what no participant signed; `wait`: not before something happens. */
export type ProducerDecision = 'all' | 'others' | 'wait';

/** The rule of `waitFor`, as a pure function. */
export function decideBlock({ waitFor, releases, previousTimestampMs, pendingSigners }: ProducerState): ProducerDecision {
  if (releases.size < waitFor) return pendingSigners.size > 0 ? 'all' : 'wait';
  const settled = [...releases].every(([participant, timeMs]) => timeMs > previousTimestampMs || pendingSigners.has(participant));
  const isOver = pendingSigners.size === 0 && [...releases.values()].every((timeMs) => timeMs === FOREVER);
  if (settled) return isOver ? 'wait' : 'all';
  return [...pendingSigners].some((signer) => !releases.has(signer)) ? 'others' : 'wait';
}

/** How blocks come. */
export interface ProducerOptions {
  readonly waitFor: number | undefined;
  readonly intervalMs: number | undefined;
  readonly instantSeal: boolean;
}

/** What the producer needs of the node. */
export interface ProducerNode {
  previousTimestampMs(): number;
  pendingSigners(): ReadonlySet<string>;
  /** Makes a block of the ready transactions, or of those whose signer is not excluded. */
  seal(excluded: ReadonlySet<string>): void;
}

/** Time in which transactions of others gather, and in which instant ones do. */
const OTHERS_DELAY_MS = 150;
const NONE: ReadonlySet<string> = new Set();

/** Makes blocks until it is closed. */
export class BlockProducer {
  readonly #node: ProducerNode;
  readonly #options: ProducerOptions;
  readonly #releases = new Map<string, number>();
  #soon: NodeJS.Immediate | undefined;
  #delayed: NodeJS.Timeout | undefined;
  #interval: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(node: ProducerNode, options: ProducerOptions) {
    this.#node = node;
    this.#options = options;
    if (options.waitFor === undefined && options.intervalMs !== undefined) this.#interval = setInterval(() => this.#seal(NONE), options.intervalMs);
  }

  /** Participants (hex) and the times that they have released. */
  get releases(): ReadonlyMap<string, number> {
    return this.#releases;
  }

  /** A participant has nothing to do before `timeMs`. */
  release(participant: string, timeMs: number): void {
    this.#releases.set(participant, timeMs);
    this.wake();
  }

  /** Looks again: a transaction came, a release, a block. */
  wake(): void {
    if (this.#closed || this.#soon !== undefined) return;
    this.#soon = setImmediate(() => {
      this.#soon = undefined;
      this.#consider();
    });
  }

  /** Ends all timers. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#interval);
    clearTimeout(this.#delayed);
    clearImmediate(this.#soon);
  }

  #consider(): void {
    const { waitFor, instantSeal } = this.#options;
    if (waitFor === undefined) {
      if (instantSeal && this.#node.pendingSigners().size > 0) this.#seal(NONE);
      return;
    }
    const decision = this.#decide(waitFor);
    if (decision === 'wait') return this.#cancelDelay();
    if (decision === 'others') return this.#later(OTHERS_DELAY_MS, () => this.#sealIf('others'));
    const pauseMs = this.#node.pendingSigners().size === 0 ? (this.#options.intervalMs ?? 0) : 0;
    if (pauseMs > 0) return this.#later(pauseMs, () => this.#sealIf('all'));
    this.#seal(NONE);
  }

  #decide(waitFor: number): ProducerDecision {
    const previousTimestampMs = this.#node.previousTimestampMs();
    return decideBlock({ waitFor, releases: this.#releases, previousTimestampMs, pendingSigners: this.#node.pendingSigners() });
  }

  /** After a delay: is the decision still the same? */
  #sealIf(expected: 'all' | 'others'): void {
    if (this.#decide(this.#options.waitFor ?? 0) !== expected) return this.wake();
    this.#seal(expected === 'all' ? NONE : new Set(this.#releases.keys()));
  }

  #later(delayMs: number, action: () => void): void {
    this.#delayed ??= setTimeout(() => {
      this.#delayed = undefined;
      action();
    }, delayMs);
  }

  #cancelDelay(): void {
    clearTimeout(this.#delayed);
    this.#delayed = undefined;
  }

  #seal(excluded: ReadonlySet<string>): void {
    if (this.#closed) return;
    this.#cancelDelay();
    this.#node.seal(excluded);
    this.wake();
  }
}
