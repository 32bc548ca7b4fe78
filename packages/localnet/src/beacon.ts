/**
 * The chain's own drand-like beacon: quicknet's scheme with a key from the seed; round 1 is due at genesis.
 * @module
 */
import { deriveBeaconKey, lastRoundAt, pulseRandomness, signRound, type Beacon } from '@connito/commit-reveal';
import { blake2, concatBytes } from './hex.ts';
import { encodeScale } from './scale/codec.ts';
import type { RuntimeCall, TypeOf } from './scale/type-of.ts';
import { ed25519Pair } from './substrate-crypto.ts';

/** Rounds in one block at most, as many as the pallet's offchain worker fetches (`MAX_PULSES_TO_FETCH`). */
const MAX_PULSES_PER_BLOCK = 50;

/** A beacon that can sign. */
export interface LocalBeacon {
  readonly beacon: Beacon;
  /** The `Drand.BeaconConfig` of genesis. */
  readonly config: TypeOf<'BeaconConfiguration'>;
  /** The round that is due last at a time; 0 before the first. */
  lastRoundAt(timeMs: number): number;
  /** The extrinsic that writes all rounds after `lastStored` that are due at `timeMs`; `undefined` if there are none. */
  writePulses(request: { lastStored: bigint; timeMs: number; blockNumber: number }): RuntimeCall | undefined;
}

/** Makes the beacon of a seed. Times and period are whole seconds. */
export function openBeacon({ seed, genesisTimeMs, periodMs }: { seed: Uint8Array; genesisTimeMs: number; periodMs: number }): LocalBeacon {
  const { secretKey, publicKey } = deriveBeaconKey(seed);
  const author = ed25519Pair(blake2(concatBytes(utf8('connito/localnet/author/v1'), seed)));
  const beacon: Beacon = { publicKey, genesisTimeMs, periodMs };
  return {
    beacon,
    config: configOf(beacon),
    lastRoundAt: (timeMs) => lastRoundAt(beacon, timeMs),
    writePulses: ({ lastStored, timeMs, blockNumber }) => {
      const due = lastRoundAt(beacon, timeMs);
      const first = Number(lastStored) + 1;
      const last = Math.min(due, first + MAX_PULSES_PER_BLOCK - 1);
      if (last < first) return undefined;
      const pulses = Array.from({ length: last - first + 1 }, (_, index) => makePulse(secretKey, first + index));
      const payload = { block_number: blockNumber - 1, pulses, public: { type: 'Ed25519' as const, value: author.publicKey } };
      const signature = { type: 'Ed25519' as const, value: author.sign(encodeScale('PulsesPayload', payload)) };
      return { pallet: 'Drand', call: 'write_pulse', args: { pulses_payload: payload, signature } };
    },
  };
}

function makePulse(secretKey: Uint8Array, round: number): TypeOf<'Pulse'> {
  const signature = signRound(secretKey, round);
  return { round: BigInt(round), randomness: pulseRandomness(signature), signature };
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
