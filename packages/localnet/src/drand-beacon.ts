/**
 * A beacon whose signatures come from outside: drand's quicknet, which mainnet follows too. Pulses that were given or fetched wait here until a
 * block's time has reached them. A round that nobody brings is missing on chain, and what is sealed to it stays sealed, as on mainnet in an outage.
 * @module
 */
import { lastRoundAt, QUICKNET, verifyPulse, type Beacon, type Pulse } from '@connito/commit-reveal';
import { MAX_PULSES_PER_BLOCK, pulseWriter, type ChainBeacon, type PulseRequest, type WaitingPulse, type WrittenPulse } from './beacon.ts';
import { LocalnetError } from './errors.ts';
import { parseHex } from './hex.ts';
import { drand } from './pallets/drand.ts';
import { decodeScale } from './scale/codec.ts';
import type { RuntimeCall, TypeOf } from './scale/type-of.ts';

/** A pulse as drand's HTTP interface has it; other members are passed over. */
export interface GivenPulse {
  readonly round: number;
  /** 48 bytes in hex. */
  readonly signature: string;
  /** SHA-256 of the signature in hex; checked where it is given. */
  readonly randomness?: string | undefined;
}

/** Pulses that can wait: those of 16 hours. */
export const MAX_WAITING_PULSES = 20_000;

/** What a {@link DrandBeacon} is made from. */
export interface DrandBeaconOptions {
  /** For the key that signs `write_pulse`. */
  readonly seed: Uint8Array;
  /** Whether somebody fetches each round; otherwise there are only those that are given. */
  readonly isFetched: boolean;
  /** Quicknet, unless a test has another one. */
  readonly beacon?: Beacon;
}

/** The beacon, and what waits. */
export class DrandBeacon implements ChainBeacon {
  /** That of the pallet's default, which is quicknet's. */
  readonly config: TypeOf<'BeaconConfiguration'> = decodeScale('BeaconConfiguration', parseHex(drand.storage.BeaconConfig.default) as Uint8Array);
  readonly beacon: Beacon;
  readonly #isFetched: boolean;
  readonly #write: (pulse: WrittenPulse) => RuntimeCall;
  /** In order. */
  #waiting: readonly WaitingPulse[] = [];

  constructor({ seed, isFetched, beacon = QUICKNET }: DrandBeaconOptions) {
    this.beacon = beacon;
    this.#isFetched = isFetched;
    this.#write = pulseWriter(seed);
  }

  get waiting(): readonly WaitingPulse[] {
    return this.#waiting;
  }

  resetWaiting(pulses: readonly WaitingPulse[]): void {
    this.#waiting = pulses;
  }

  lastRoundAt(timeMs: number): number {
    return this.#isFetched ? lastRoundAt(this.beacon, timeMs) : 0;
  }

  writePulses({ lastStored, timeMs, blockNumber }: PulseRequest): readonly RuntimeCall[] {
    const lastDue = lastRoundAt(this.beacon, timeMs);
    const due = this.#waiting.filter(({ round }) => round > lastStored && round <= lastDue);
    return due.slice(0, MAX_PULSES_PER_BLOCK).map(({ round, signature }) => this.#write({ round, signature, blockNumber }));
  }

  /** Takes in pulses that have been verified. @throws bad-control when too many wait */
  hold(pulses: readonly WaitingPulse[]): void {
    const byRound = new Map([...this.#waiting, ...pulses].map(({ round, signature }) => [round, { round, signature }]));
    if (byRound.size > MAX_WAITING_PULSES) throw new LocalnetError('bad-control', `At most ${MAX_WAITING_PULSES} pulses can wait for a block; ${this.#waiting.length} do.`);
    this.#waiting = [...byRound.values()].sort((a, b) => a.round - b.round);
  }

  /** Rounds up to this one are final: they wait no more. */
  forget(lastStored: bigint): void {
    this.#waiting = this.#waiting.filter(({ round }) => round > lastStored);
  }

  /** A pulse from anybody, verified. @throws bad-control */
  verify(given: unknown, where: string): Pulse {
    const pulse = parsePulse(given, where);
    if (verifyPulse(this.beacon, pulse)) return pulse;
    throw new LocalnetError('bad-control', `${where}: expected the signature of quicknet for round ${pulse.round}; this is another one${pulse.randomness === undefined ? '' : ', or the randomness is not its SHA-256'}.`, { context: { round: pulse.round } });
  }
}

function parsePulse(given: unknown, where: string): Pulse {
  const { round, signature, randomness } = (given ?? {}) as Readonly<Record<string, unknown>>;
  const bytes = { signature: hexOf(signature, 48), randomness: hexOf(randomness, 32) };
  if (!Number.isSafeInteger(round) || (round as number) < 1 || bytes.signature === undefined || (randomness !== undefined && bytes.randomness === undefined)) {
    throw new LocalnetError('bad-control', `${where}: expected a pulse as drand answers it, such as {"round": 1000, "signature": "b446…"}: a round from 1 on, a signature of 48 bytes in hex, and randomness of 32 or none.`);
  }
  return { round: round as number, signature: bytes.signature, ...(bytes.randomness === undefined ? {} : { randomness: bytes.randomness }) };
}

function hexOf(value: unknown, sizeBytes: number): Uint8Array | undefined {
  if (typeof value !== 'string') return undefined;
  const bytes = parseHex(value.startsWith('0x') ? value : `0x${value}`);
  return bytes?.length === sizeBytes ? bytes : undefined;
}
