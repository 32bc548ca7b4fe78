/**
 * The beacon as the chain keeps it (pallet Drand): its configuration, and the pulses of the last week.
 * @module
 */
import type { Beacon } from '@connito/commit-reveal';
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { openState } from './internal/block-state.ts';
import { fieldOf, readStorage, toBytes, toNumber, type Codec } from './internal/storage.ts';

/** A pulse that stands on chain. The chain verified it; whoever depends on it verifies it again. */
export interface ChainPulse {
  readonly round: number;
  /** 32 bytes. */
  readonly randomness: Uint8Array;
  /** 48 bytes. */
  readonly signature: Uint8Array;
}

/** The pulse of a round, or undefined while (or as soon as no longer) the chain has it. @throws bad-value, and as `Chain.request` */
export async function readPulse(chain: Chain, { round, at }: { readonly round: number } & ReadOptions): Promise<ChainPulse | undefined> {
  if (!Number.isSafeInteger(round) || round < 1) throw new ChainError('bad-value', `expected a round from 1 on, got ${round}`, { subject: 'round', actual: String(round) });
  const [pulse] = await readStorage(await openState(chain, at), [{ pallet: 'Drand', item: 'Pulses', args: [round] }]);
  if (pulse === undefined) return undefined;
  return { round: toNumber(fieldOf(pulse, 'round')), randomness: toByteString(fieldOf(pulse, 'randomness')), signature: toByteString(fieldOf(pulse, 'signature')) };
}

/** The beacon that the chain follows: quicknet on finney. @throws as `Chain.request` */
export async function readBeacon(chain: Chain, { at }: ReadOptions = {}): Promise<Beacon> {
  const [config] = await readStorage(await openState(chain, at), [{ pallet: 'Drand', item: 'BeaconConfig' }]);
  if (config === undefined) throw new ChainError('unsupported', `the chain at ${chain.endpoint} follows no beacon`, { endpoint: chain.endpoint, subject: 'Drand.BeaconConfig' });
  // Both times are whole seconds on chain.
  return {
    publicKey: toByteString(fieldOf(config, 'public_key')),
    genesisTimeMs: toNumber(fieldOf(config, 'genesis_time')) * 1000,
    periodMs: toNumber(fieldOf(config, 'period')) * 1000,
  };
}

/** The newest round that the chain has; 0 when it has none. @throws as `Chain.request` */
export async function readLastRound(chain: Chain, { at }: ReadOptions = {}): Promise<number> {
  const [round] = await readStorage(await openState(chain, at), [{ pallet: 'Drand', item: 'LastStoredRound' }]);
  return toNumber(round);
}

/** `BoundedVec<u8>` without its length. */
function toByteString(codec: Codec): Uint8Array {
  return toBytes(codec);
}
