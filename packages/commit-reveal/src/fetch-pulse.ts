/**
 * A round's signature from drand's HTTP interface, asked of several endpoints, none of which is trusted.
 *
 * Endpoints are asked in order, the next as soon as one has failed or been silent for `hedgeAfterMs`, without giving the earlier ones up; the first
 * signature that the beacon's key verifies wins and the rest is let go. So one that lies, stalls or is down costs at most a short wait. Nothing is read beyond
 * {@link MAX_RESPONSE_BYTES}, redirects are refused, and randomness that an answer brings along must be that of its signature.
 * @module
 * @see https://docs.drand.love/dev-guide/API%20Documentation%20v1/http-api
 */
import { parseBeaconKey, pulseRandomness, roundTimeMs, verifyPulse, type Beacon, type Pulse } from './beacon.ts';
import { CommitRevealError } from './errors.ts';
import { fromHex } from './hex.ts';
import { abortable } from './internal/abortable.ts';
import { decodeText, joinBytes } from './internal/bytes.ts';

/** Public endpoints of drand's League of Entropy. */
export const DRAND_ENDPOINTS: readonly string[] = Object.freeze(['https://api.drand.sh', 'https://drand.cloudflare.com', 'https://api2.drand.sh', 'https://api3.drand.sh']);
/** Longest answer that is read: an honest one has about 300 bytes. */
export const MAX_RESPONSE_BYTES = 4_096;

const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_HEDGE_MS = 1_000;
/** What a timer takes: longer ones go off at once. */
const MAX_DURATION_MS = 2 ** 31 - 1;

/** The little of `fetch` that is used; the platform's fits. */
export type PulseFetch = (url: string, init: { readonly signal: AbortSignal; readonly redirect: 'error' }) => Promise<PulseResponse>;

/** The little of a `Response` that is read. */
export interface PulseResponse {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** Options of {@link fetchPulse}. */
export interface FetchPulseOptions {
  /** `QUICKNET`, or another beacon with its chain hash. */
  readonly beacon: Beacon & { readonly chainHash: string };
  readonly round: number;
  /** Brings the network in: the platform's `fetch`, or one that goes through a proxy. */
  readonly fetch: PulseFetch;
  /** `https:` or `http:`, in order of preference (default {@link DRAND_ENDPOINTS}). */
  readonly endpoints?: readonly string[];
  /** How long one endpoint may take (default 5,000). */
  readonly timeoutMs?: number;
  /** How long to wait for one before the next is asked too (default 1,000). */
  readonly hedgeAfterMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * The pulse of a round, verified, with its randomness.
 * @throws beacon-unreachable when no endpoint gave it; the message names what each did
 * @throws out-of-range (round, durations), bad-beacon, bad-length (its key), bad-endpoint; the signal's reason when aborted
 * @example const { signature } = await fetchPulse({ beacon: QUICKNET, round: 1000, fetch });
 */
export async function fetchPulse(options: FetchPulseOptions): Promise<Required<Pulse>> {
  const { beacon, round, endpoints = DRAND_ENDPOINTS, hedgeAfterMs = DEFAULT_HEDGE_MS, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  assertDuration('timeoutMs', timeoutMs);
  assertDuration('hedgeAfterMs', hedgeAfterMs);
  parseBeaconKey(beacon.publicKey);
  const dueMs = roundTimeMs(beacon, round);
  const urls = endpoints.map((endpoint) => pulseUrl(endpoint, beacon.chainHash, round));
  signal?.throwIfAborted();
  const done = new AbortController();
  const stop = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
  const attempts: Promise<Required<Pulse>>[] = [];
  let start: Promise<unknown> = Promise.resolve();
  for (const url of urls) {
    const attempt = start.then(() => ask(url, options, stop));
    attempts.push(attempt);
    start = Promise.race([start.then(() => pause(hedgeAfterMs, stop)), failureOf(attempt)]);
  }
  try {
    return await Promise.any(attempts);
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable({ round, dueMs, endpoints, errors: (error as AggregateError).errors as readonly unknown[] });
  } finally {
    done.abort();
  }
}

/** Resolves when the attempt has failed, and never where it succeeds. */
function failureOf(attempt: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => void attempt.catch(() => resolve()));
}

/** Resolves after a time, or at once when stopped. */
function pause(durationMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, durationMs);
    stop.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}

async function ask(url: string, { beacon, round, fetch, timeoutMs = DEFAULT_TIMEOUT_MS }: FetchPulseOptions, stop: AbortSignal): Promise<Required<Pulse>> {
  stop.throwIfAborted();
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([stop, timeout]);
  // A `fetch` that was brought along may not heed the signal.
  const response = await abortable(fetch(url, { signal, redirect: 'error' }), signal).catch((cause: unknown) => {
    throw timeout.aborted ? new Error(`no answer within ${timeoutMs} ms`) : plainFailure(cause);
  });
  if (response.status !== 200) throw new Error(response.status === 404 || response.status === 425 ? `it has no such round (HTTP ${response.status})` : `HTTP ${response.status}`);
  const body = await abortable(readBody(response), signal).catch((cause: unknown) => {
    throw timeout.aborted ? new Error(`its answer did not end within ${timeoutMs} ms`) : plainFailure(cause);
  });
  const pulse = parsePulse(body);
  if (pulse.round !== round) throw new Error(`it answered with round ${String(pulse.round)}`);
  if (!verifyPulse(beacon, pulse)) throw new Error("its signature is not the beacon's");
  return { ...pulse, randomness: pulseRandomness(pulse.signature) };
}

async function readBody({ body }: PulseResponse): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of body ?? []) {
    sizeBytes += part.length;
    if (sizeBytes > MAX_RESPONSE_BYTES) throw new Error(`its answer has more than ${MAX_RESPONSE_BYTES} bytes`);
    parts.push(part);
  }
  return joinBytes(parts);
}

/** An answer's members, as far as they have the right types; whether they are true is checked after. */
function parsePulse(body: Uint8Array): Pulse {
  try {
    const { round, signature, randomness } = JSON.parse(decodeText('answer', body)) as Record<string, unknown>;
    if (typeof round !== 'number' || typeof signature !== 'string') throw new TypeError('no round, or no signature');
    return { round, signature: fromHex(signature), ...(typeof randomness === 'string' ? { randomness: fromHex(randomness) } : {}) };
  } catch (cause) {
    throw new Error('its answer is no pulse in JSON', { cause });
  }
}

/** `fetch` hides what happened in the cause. */
function plainFailure(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error), { cause: error });
  const { cause, message } = error;
  return new Error(cause instanceof Error && cause.message !== '' ? cause.message : message, { cause: error });
}

function pulseUrl(endpoint: string, chainHash: string, round: number): string {
  const base = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (base === undefined || !['https:', 'http:'].includes(base.protocol) || base.username !== '' || base.password !== '' || base.search !== '' || base.hash !== '') {
    throw new CommitRevealError('bad-endpoint', 'expected an endpoint of a beacon to be an http(s) URL without credentials, query or fragment, for example https://api.drand.sh', { field: 'endpoints' });
  }
  if (!/^[0-9a-f]{64}$/.test(chainHash)) throw new CommitRevealError('bad-beacon', 'expected the chain hash of a beacon as 64 lowercase hexadecimal digits', { field: 'chainHash' });
  return `${base.href.replace(/\/$/, '')}/${chainHash}/public/${round}`;
}

function assertDuration(field: string, durationMs: number): void {
  if (Number.isInteger(durationMs) && durationMs >= 0 && durationMs <= MAX_DURATION_MS) return;
  throw new CommitRevealError('out-of-range', `${field} must be whole milliseconds from 0 to ${MAX_DURATION_MS}, got ${String(durationMs)}`, { field, expected: `0..${MAX_DURATION_MS}`, actual: String(durationMs) });
}

interface Unreached {
  readonly round: number;
  readonly dueMs: number;
  readonly endpoints: readonly string[];
  readonly errors: readonly unknown[];
}

function unreachable({ round, dueMs, endpoints, errors }: Unreached): CommitRevealError {
  const each = endpoints.map((endpoint, index) => `${endpoint}: ${(errors[index] as Error).message}`).join('; ');
  const tried = endpoints.length === 0 ? 'no endpoint was given' : each;
  return new CommitRevealError('beacon-unreachable', `no endpoint gave the signature of round ${round}, due ${new Date(dueMs).toISOString()} (${tried})`, { field: 'endpoints', actual: endpoints.length }, new AggregateError(errors));
}
