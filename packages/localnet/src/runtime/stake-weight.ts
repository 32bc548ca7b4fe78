/**
 * Stake weight: a hotkey's alpha on the subnet, and its TAO on root at `TaoWeight` / (2^64 − 1), both less what it lends to its children
 * and more what its parents lend to it.
 * @module
 * @see pallets/subtensor/src/staking/stake_utils.rs:205 (opentensor/subtensor 14bc6f9f9)
 */
import { mul32, saturatingSub, u64Fraction } from '../fixed.ts';
import type { Execution } from './execution.ts';

/** The root network, whose stake is TAO. */
export const ROOT_NETUID = 0;

/** A hotkey's stake on a subnet, rao; `fraction` is what `total` has below one rao, in 2^−64 rao. */
export interface StakeWeightParts {
  readonly alpha: bigint;
  readonly tao: bigint;
  readonly total: bigint;
  readonly fraction: bigint;
}

/** The parts of a hotkey's stake weight. */
export function stakeWeightParts(execution: Execution, hotkey: string, netuid: number): StakeWeightParts {
  const alpha = inherited(execution, { hotkey, netuid, of: netuid });
  const tao = inherited(execution, { hotkey, netuid, of: ROOT_NETUID });
  const weighed = (tao * taoWeight(execution)) << 32n;
  return { alpha, tao, total: alpha + (weighed >> 64n), fraction: weighed & ((1n << 64n) - 1n) };
}

/** A hotkey's stake weight, in rao. */
export function stakeWeight(execution: Execution, hotkey: string, netuid: number): bigint {
  return stakeWeightParts(execution, hotkey, netuid).total;
}

/** `TaoWeight`, U96F32. */
export function taoWeight(execution: Execution): bigint {
  return u64Fraction(execution.storage.SubtensorModule.TaoWeight.get());
}

/** Stake on `of`, with the relations of `netuid`. */
function inherited(execution: Execution, { hotkey, netuid, of }: { hotkey: string; netuid: number; of: number }): bigint {
  const { TotalHotkeyAlpha, ChildKeys, ParentKeys } = execution.storage.SubtensorModule;
  const own = TotalHotkeyAlpha.get(hotkey, of);
  if (netuid === ROOT_NETUID) return own;
  const lent = ChildKeys.get(hotkey, netuid).reduce((sum, [proportion]) => sum + mul32(own << 32n, u64Fraction(proportion)), 0n);
  const borrowed = ParentKeys.get(hotkey, netuid).reduce((sum, [proportion, parent]) => sum + mul32(TotalHotkeyAlpha.get(parent, of) << 32n, u64Fraction(proportion)), 0n);
  return (saturatingSub(own << 32n, lent) + borrowed) >> 32n;
}
