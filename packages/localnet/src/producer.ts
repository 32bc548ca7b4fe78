/**
 * When the next block is made, and of which transactions.
 *
 * With `waitFor` N, time is that of the participants: a block comes as soon as each of them either has nothing to do before it (it
 * *released* the time up to a later moment) or has a transaction of its own waiting. So what a block holds does not depend on how
 * fast anybody is. Transactions of others get a block of their own after a short delay.
 *
 * Without `waitFor` blocks come as the {@link BlockMode} says, which can change at any time.
 *
 * Who releases {@link FOREVER} has left: time no longer waits for it, nor runs on for it alone.
 * @module
 */

import { LocalnetError } from './errors.ts';

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

/**
 * How blocks come where no participants steer the time: `instant`, one for each transaction at once; `interval`, one every so many
 * milliseconds of wall clock, and at once for transactions unless `instant` is false; `manual`, only when asked for.
 */
export type BlockMode =
  | { readonly type: 'instant' }
  | { readonly type: 'manual' }
  | { readonly type: 'interval'; readonly intervalMs: number; readonly instant?: boolean };

/** How blocks come. */
export interface ProducerOptions {
  readonly waitFor: number | undefined;
  readonly mode: BlockMode;
}

/** What the producer needs of the node. */
export interface ProducerNode {
  previousTimestampMs(): number;
  pendingSigners(): ReadonlySet<string>;
  /** Makes a block of the ready transactions, or of those whose signer is not excluded. */
  seal(excluded: ReadonlySet<string>): void;
}

/** Participants at most; their times are kept as long as the chain runs. */
const MAX_PARTICIPANTS = 4096;
/** Time in which transactions of others gather, and in which instant ones do. */
const OTHERS_DELAY_MS = 150;
const NONE: ReadonlySet<string> = new Set();

/** Makes blocks until it is closed. */
export class BlockProducer {
  readonly #node: ProducerNode;
  readonly #waitFor: number | undefined;
  readonly #releases = new Map<string, number>();
  #soon: NodeJS.Immediate | undefined;
  #delayed: NodeJS.Timeout | undefined;
  #interval: NodeJS.Timeout | undefined;
  #mode: BlockMode;
  #paused = 0;
  #closed = false;

  constructor(node: ProducerNode, { waitFor, mode }: ProducerOptions) {
    this.#node = node;
    this.#waitFor = waitFor;
    this.#mode = mode;
    this.mode = mode;
  }

  /** How blocks come from now on; where participants steer the time, the interval is the pause before an empty block. */
  set mode(mode: BlockMode) {
    clearInterval(this.#interval);
    this.#interval = undefined;
    this.#mode = mode;
    if (this.#closed) return;
    if (this.#waitFor === undefined && mode.type === 'interval') this.#interval = setInterval(() => this.#seal(NONE), mode.intervalMs);
    this.wake();
  }

  get mode(): BlockMode {
    return this.#mode;
  }

  /** Makes no blocks while `work` is under way. */
  async pause<T>(work: () => Promise<T>): Promise<T> {
    this.#paused += 1;
    try {
      return await work();
    } finally {
      this.#paused -= 1;
      this.wake();
    }
  }

  /** Participants (hex) and the times that they have released. */
  get releases(): ReadonlyMap<string, number> {
    return this.#releases;
  }

  /** A participant has nothing to do before `timeMs`. @throws bad-control when there are too many participants */
  release(participant: string, timeMs: number): void {
    if (this.#releases.size >= MAX_PARTICIPANTS && !this.#releases.has(participant)) throw new LocalnetError('bad-control', `At most ${MAX_PARTICIPANTS} participants can release time.`);
    this.#releases.set(participant, timeMs);
    this.wake();
  }

  /** Looks again: a transaction came, a release, a block. */
  wake(): void {
    if (this.#closed || this.#paused > 0 || this.#soon !== undefined) return;
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
    const [waitFor, mode] = [this.#waitFor, this.#mode];
    if (waitFor === undefined) {
      const instant = mode.type === 'instant' || (mode.type === 'interval' && mode.instant !== false);
      if (instant && this.#node.pendingSigners().size > 0) this.#seal(NONE);
      return;
    }
    const decision = this.#decide(waitFor);
    if (decision === 'wait') return this.#cancelDelay();
    if (decision === 'others') return this.#later(OTHERS_DELAY_MS, () => this.#sealIf('others'));
    const pauseMs = mode.type === 'interval' && this.#node.pendingSigners().size === 0 ? mode.intervalMs : 0;
    if (pauseMs > 0) return this.#later(pauseMs, () => this.#sealIf('all'));
    this.#seal(NONE);
  }

  #decide(waitFor: number): ProducerDecision {
    const previousTimestampMs = this.#node.previousTimestampMs();
    return decideBlock({ waitFor, releases: this.#releases, previousTimestampMs, pendingSigners: this.#node.pendingSigners() });
  }

  /** After a delay: is the decision still the same? */
  #sealIf(expected: 'all' | 'others'): void {
    if (this.#decide(this.#waitFor ?? 0) !== expected) return this.wake();
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
    if (this.#closed || this.#paused > 0) return;
    this.#cancelDelay();
    this.#node.seal(excluded);
    this.wake();
  }
}
