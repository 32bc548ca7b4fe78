/**
 * Weights as numbers: from fractions to what is sent, and from what is sent to what the chain stores.
 * @module
 */
import { ChainError } from './errors.ts';

/** A weight on a uid: a non-negative number of any scale. */
export interface Weight {
  readonly uid: number;
  readonly weight: number;
}

/** What a call carries and a row holds: u16 by uid. */
export interface WeightRow {
  readonly uids: readonly number[];
  /** 0 to 65535. */
  readonly values: readonly number[];
}

const U16_MAX = 65535;

/**
 * Weights as the Python SDK sends them: divided by the largest, times 65535, rounded to nearest (ties to even), zeros dropped; sorted by uid.
 * @throws bad-value when a weight is negative or not finite, a uid is no u16 or occurs twice
 * @see `convert_weights_and_uids_for_emit` in bittensor/utils/weight_utils.py of opentensor/bittensor 10.2.0
 */
export function normaliseWeights(weights: readonly Weight[]): WeightRow {
  const sorted = [...weights].sort((a, b) => a.uid - b.uid);
  for (const [index, weight] of sorted.entries()) assertWeight(weight, sorted[index - 1]);
  const max = sorted.reduce((largest, { weight }) => Math.max(largest, weight), 0);
  if (max === 0) return { uids: [], values: [] };
  const kept = sorted.map(({ uid, weight }) => ({ uid, value: roundHalfEven((weight / max) * U16_MAX) })).filter(({ value }) => value !== 0);
  return { uids: kept.map(({ uid }) => uid), values: kept.map(({ value }) => value) };
}

/**
 * What the chain stores for `values`: scaled so that the largest is 65535, in I32F32 fixed point, rounded half away from zero.
 * @see `vec_u16_max_upscale_to_u16` in pallets/subtensor/src/epoch/math.rs of opentensor/subtensor, spec 425
 */
export function maxUpscale(values: readonly number[]): number[] {
  const max = values.reduce((largest, value) => Math.max(largest, value), 0);
  if (max === 0) return values.map(() => 0);
  return values.map((value) => upscale(BigInt(value), BigInt(max)));
}

function upscale(value: bigint, max: bigint): number {
  const one = 1n << 32n;
  // Above 32768 the chain divides first, so that the product does not leave I32F32.
  const fixed = max > 32768n ? value * ((65535n * one) / max) : (value * 65535n * one) / max;
  const rounded = Number((fixed + one / 2n) >> 32n);
  return Math.min(rounded, U16_MAX);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function assertWeight({ uid, weight }: Weight, previous: Weight | undefined): void {
  if (!Number.isInteger(uid) || uid < 0 || uid > U16_MAX) throw new ChainError('bad-value', `expected a uid from 0 to 65535, got ${uid}`, { subject: 'uid', actual: String(uid) });
  if (previous?.uid === uid) throw new ChainError('bad-value', `uid ${uid} has two weights`, { subject: 'uid', actual: uid });
  if (!(weight >= 0 && weight < Infinity)) throw new ChainError('bad-value', `the weight of uid ${uid} must be a finite number from 0 on, got ${weight}`, { subject: `weight of ${uid}`, actual: String(weight) });
}
