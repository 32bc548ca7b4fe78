/**
 * Brings a beacon's pulses from drand's HTTP endpoints while blocks go on. Where none answers, blocks go on without pulses, one notice says so, and the
 * rounds that were missed are fetched once an endpoint answers again.
 * @module
 */
import { fetchPulse, lastRoundAt, type Beacon, type Pulse, type PulseFetch } from '@connito/commit-reveal';

/** Requests at a time. */
const CONCURRENCY = 8;
/** What the nodes of drand take to agree on a round and to publish it. */
const PUBLISHING_MS = 1_000;
/** Failures in a row that are worth a notice. */
const FAILURES_TO_TELL = 3;
/** Pauses after failures: from one to half a minute. */
const RETRY_MS = { first: 1_000, longest: 30_000 } as const;

/** What a feed is made from. */
export interface PulseFeedOptions {
  readonly beacon: Beacon & { readonly chainHash: string };
  readonly endpoints: readonly string[];
  readonly fetch: PulseFetch;
  /** The rounds that the next block could have. */
  readonly wanted: () => { readonly first: number; readonly last: number };
  /** Takes each pulse, verified and in order. */
  readonly deliver: (pulse: Pulse) => void;
  /** Hears when endpoints stop answering, and when they do again. */
  readonly notice: (message: string) => void;
  /** The first pause after a failure (1,000). */
  readonly retryMs?: number;
}

/** Fetches from when it is woken until nothing is wanted. */
export class PulseFeed {
  readonly #options: PulseFeedOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #failures = 0;

  constructor(options: PulseFeedOptions) {
    this.#options = options;
  }

  /** Looks for rounds that are wanted. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { first, last } = this.#available();
      if (last < first) return;
      const failure = await this.#fetchAll(first, Math.min(last, first + CONCURRENCY - 1));
      if (this.#stop.signal.aborted) return;
      await this.#heed(first, failure);
    }
  }

  /** No endpoint has what is not due by the clock on the wall, whatever the chain's time is. */
  #available(): { readonly first: number; readonly last: number } {
    const { first, last } = this.#options.wanted();
    return { first, last: Math.min(last, lastRoundAt(this.#options.beacon, Date.now() - PUBLISHING_MS)) };
  }

  /** Delivers the rounds up to the first one that fails; returns its failure. */
  async #fetchAll(first: number, last: number): Promise<Error | undefined> {
    const { beacon, endpoints, fetch, deliver } = this.#options;
    const rounds = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const outcomes = await Promise.allSettled(rounds.map((round) => fetchPulse({ beacon, round, fetch, endpoints, signal: this.#stop.signal })));
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') return outcome.reason as Error;
      deliver(outcome.value);
    }
    return undefined;
  }

  async #heed(round: number, failure: Error | undefined): Promise<void> {
    const { notice, retryMs = RETRY_MS.first } = this.#options;
    if (failure === undefined) {
      if (this.#failures >= FAILURES_TO_TELL) notice(`Pulses of drand come again, from round ${round} on.`);
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    if (this.#failures === FAILURES_TO_TELL) notice(`Pulses of drand do not come: ${failure.message}. Blocks go on without them, and what is sealed to a round stays sealed until it comes. Asking again meanwhile.`);
    await pause(Math.min(retryMs * 2 ** (this.#failures - 1), RETRY_MS.longest), this.#stop.signal);
  }
}

function pause(durationMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, durationMs);
    stop.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
