/**
 * The beacon that a chain follows, and the chain's own: quicknet's scheme with a key from the seed, whose round 1 is due at genesis.
 * @module
 */
import { deriveBeaconKey, lastRoundAt, pulseRandomness, signRound, type Beacon } from '@connito/commit-reveal';
import { blake2, concatBytes } from './hex.ts';
import { encodeScale } from './scale/codec.ts';
import type { RuntimeCall, TypeOf } from './scale/type-of.ts';
import { signSr25519, sr25519Pair, sr25519PublicKey } from './substrate-crypto.ts';

/** Rounds in one block at most, as many as the pallet's offchain worker fetches (`MAX_PULSES_TO_FETCH`). */
export const MAX_PULSES_PER_BLOCK = 50;

/** Which pulses a block is to have. */
export interface PulseRequest {
  /** Only rounds after this one can be stored. */
  readonly lastStored: bigint;
  /** Timestamp of the block: only rounds that are due by then. */
  readonly timeMs: number;
  readonly blockNumber: number;
}

/** Where a chain's pulses come from. */
export interface ChainBeacon {
  /** The `Drand.BeaconConfig` of genesis. */
  readonly config: TypeOf<'BeaconConfiguration'>;
  /** The round that should be there last at a time; 0 before the first, and where none is known to come. */
  lastRoundAt(timeMs: number): number;
  /** The extrinsics that write what is there, a round each. */
  writePulses(request: PulseRequest): readonly RuntimeCall[];
  /** Pulses that wait for their blocks, in order: part of what a snapshot is of. */
  readonly waiting: readonly WaitingPulse[];
  /** Lets these wait instead. */
  resetWaiting(pulses: readonly WaitingPulse[]): void;
}

/** A pulse of a round that is not due yet, verified. */
export interface WaitingPulse {
  readonly round: number;
  /** 48 bytes. */
  readonly signature: Uint8Array;
}

/** Makes the beacon of a seed. Times and period are whole seconds. */
export function openBeacon({ seed, genesisTimeMs, periodMs }: { seed: Uint8Array; genesisTimeMs: number; periodMs: number }): ChainBeacon {
  const { secretKey, publicKey } = deriveBeaconKey(seed);
  const write = pulseWriter(seed);
  const beacon: Beacon = { publicKey, genesisTimeMs, periodMs };
  return {
    config: configOf(beacon),
    lastRoundAt: (timeMs) => lastRoundAt(beacon, timeMs),
    // Its pulses are made when they are due.
    waiting: [],
    resetWaiting: () => undefined,
    writePulses: ({ lastStored, timeMs, blockNumber }) => {
      const first = Number(lastStored) + 1;
      const count = Math.min(lastRoundAt(beacon, timeMs) - first + 1, MAX_PULSES_PER_BLOCK);
      return Array.from({ length: Math.max(0, count) }, (_, index) => write({ round: first + index, signature: signRound(secretKey, first + index), blockNumber }));
    },
  };
}

/** A signature that the chain is to be told. */
export interface WrittenPulse {
  readonly round: number;
  readonly signature: Uint8Array;
  readonly blockNumber: number;
}

/** Makes `write_pulse` extrinsics of an author whose key comes from the seed; sr25519, because the pallet takes no other. */
export function pulseWriter(seed: Uint8Array): (pulse: WrittenPulse) => RuntimeCall {
  const author = sr25519Pair(blake2(concatBytes(utf8('connito/localnet/author/v1'), seed)));
  const publicKey = sr25519PublicKey(author);
  return ({ round, signature, blockNumber }) => {
    const pulses = [{ round: BigInt(round), randomness: pulseRandomness(signature), signature }];
    const payload = { block_number: blockNumber - 1, pulses, public: { type: 'Sr25519' as const, value: publicKey } };
    const authorSignature = { type: 'Sr25519' as const, value: signSr25519(author, encodeScale('PulsesPayload', payload)) };
    return { pallet: 'Drand', call: 'write_pulse', args: { pulses_payload: payload, signature: authorSignature } };
  };
}

function configOf({ publicKey, genesisTimeMs, periodMs }: Beacon): TypeOf<'BeaconConfiguration'> {
  return {
    public_key: publicKey,
    period: periodMs / 1000,
    genesis_time: genesisTimeMs / 1000,
    hash: blake2(publicKey),
    group_hash: blake2(concatBytes(utf8('group'), publicKey)),
    scheme_id: utf8('bls-unchained-g1-rfc9380'),
    metadata: { beacon_id: utf8('connito-localnet') },
  };
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
