/**
 * Stake as votes: filtered, normalised, cut to I32F32; who gets a permit; whose stake counts in this epoch. Both forms of the function use this.
 * @module
 * @see run_epoch.rs:626–700
 */
import { normalise } from './fixed-point.ts';
import type { YumaInput } from './input.ts';

/** I32F32 bits by uid. */
export interface Votes {
  /** Share of all stake that reaches the threshold. */
  readonly stake: readonly bigint[];
  /** Share among the active neurons with a permit. */
  readonly activeStake: readonly bigint[];
  readonly active: readonly boolean[];
  /** Permits of this epoch, the owner's included. */
  readonly permit: readonly boolean[];
  /** Permits of the next. */
  readonly nextPermit: readonly boolean[];
}

/** Everything that follows from stake alone. */
export function countVotes(input: YumaInput): Votes {
  const { block, activityCutoffBlocks, lastUpdate, ownerUid } = input;
  const active = lastUpdate.map((updated) => updated + activityCutoffBlocks >= block);
  const permit = input.validatorPermit.map((permitted, uid) => permitted || uid === ownerUid);
  const stake = shareOfStake(input);
  const activeStake = normalise(stake.map((share, uid) => (active[uid] && permit[uid] ? share : 0n)));
  return { stake, activeStake, active, permit, nextPermit: nextPermits(input, stake) };
}

/** In I64F64, where sums wrap at 128 bits and a quotient keeps 64 bits behind the point; then cut to 32. @see math.rs:269, `inplace_normalize_64` */
function shareOfStake({ stakeRao, stakeFraction, stakeThresholdRao, ownerUid }: YumaInput): bigint[] {
  const counted = stakeRao.map((rao, uid) => (uid !== ownerUid && rao < stakeThresholdRao ? 0n : (rao << 64n) + (stakeFraction?.[uid] ?? 0n)));
  const total = BigInt.asIntN(128, counted.reduce((sum, stake) => sum + stake, 0n));
  return counted.map((stake) => (total === 0n ? stake : divide64(stake, total)) >> 32n);
}

/** `safe_div` of I64F64. */
function divide64(a: bigint, b: bigint): bigint {
  const quotient = (a << 64n) / b;
  return quotient === BigInt.asIntN(128, quotient) ? quotient : 0n;
}

/** The top `maxAllowedValidators` of non-zero share; of equals the higher uid. @see math.rs:216, `is_topk_nonzero` */
function nextPermits({ maxAllowedValidators, ownerUid }: YumaInput, stake: readonly bigint[]): boolean[] {
  const ascending = stake.map((_, uid) => uid).sort((a, b) => compare(stake[a] as bigint, stake[b] as bigint) || a - b);
  const below = new Set(ascending.slice(0, Math.max(0, stake.length - maxAllowedValidators)));
  return stake.map((share, uid) => uid === ownerUid || (share !== 0n && !below.has(uid)));
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
