/**
 * Shares of hotkeys' alpha: a hotkey's alpha on a subnet is one pool (`TotalHotkeyAlpha`), in which coldkeys hold shares (`Alpha`,
 * U64F64, of `TotalHotkeyShares`), so that dividends to all its nominators are one addition. Spec 425 keeps shares in `AlphaV2` as
 * decimal floating point of 21 digits; here they are the U64F64 of spec 393.
 * @module
 * @see primitives/share-pool/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import { saturatingSub } from '../fixed.ts';
import type { Execution } from './execution.ts';

/** Whose alpha on which subnet. */
export interface Position {
  readonly hotkey: string;
  readonly coldkey: string;
  readonly netuid: number;
}

/** What a coldkey has on a hotkey, in rao of alpha. */
export function stakeOf(execution: Execution, hotkey: string, coldkey: string, netuid: number): bigint {
  const { TotalHotkeyAlpha, TotalHotkeyShares, Alpha } = execution.storage.SubtensorModule;
  const shares = TotalHotkeyShares.get(hotkey, netuid).bits;
  return shares === 0n ? 0n : (TotalHotkeyAlpha.get(hotkey, netuid) * Alpha.get(hotkey, coldkey, netuid).bits) / shares;
}

/** Whether the amount is worth a share at all. */
export function buysShares(execution: Execution, hotkey: string, netuid: number, amount: bigint): boolean {
  const { TotalHotkeyAlpha, TotalHotkeyShares } = execution.storage.SubtensorModule;
  const shares = TotalHotkeyShares.get(hotkey, netuid).bits;
  const total = TotalHotkeyAlpha.get(hotkey, netuid);
  return shares === 0n || (total > 0n && (amount * shares) / total > 0n);
}

/** Gives alpha to a coldkey's share of a hotkey. */
export function increaseStake(execution: Execution, hotkey: string, coldkey: string, { netuid, amount }: { netuid: number; amount: bigint }): void {
  if (amount === 0n) return;
  const { TotalHotkeyAlpha, TotalHotkeyShares, Alpha, StakingHotkeys } = execution.storage.SubtensorModule;
  const total = TotalHotkeyAlpha.get(hotkey, netuid);
  const shares = TotalHotkeyShares.get(hotkey, netuid).bits;
  const bought = total === 0n || shares === 0n ? amount << 64n : (amount * shares) / total;
  TotalHotkeyAlpha.set(hotkey, netuid, total + amount);
  TotalHotkeyShares.set(hotkey, netuid, { bits: shares + bought });
  Alpha.set(hotkey, coldkey, netuid, { bits: Alpha.get(hotkey, coldkey, netuid).bits + bought });
  const staking = StakingHotkeys.get(coldkey);
  if (!staking.includes(hotkey)) StakingHotkeys.set(coldkey, [...staking, hotkey]);
}

/** Gives alpha to all who have a share of the hotkey. */
export function increaseHotkeyStake(execution: Execution, hotkey: string, { netuid, amount }: { netuid: number; amount: bigint }): void {
  const { TotalHotkeyAlpha } = execution.storage.SubtensorModule;
  if (amount > 0n) TotalHotkeyAlpha.set(hotkey, netuid, TotalHotkeyAlpha.get(hotkey, netuid) + amount);
}

/** Takes alpha from a coldkey's share; all of it takes all shares. What it does not have is not taken. */
export function decreaseStake(execution: Execution, hotkey: string, coldkey: string, { netuid, amount }: { netuid: number; amount: bigint }): void {
  const available = stakeOf(execution, hotkey, coldkey, netuid);
  if (amount === 0n || available < amount) return;
  const { TotalHotkeyAlpha, TotalHotkeyShares, Alpha } = execution.storage.SubtensorModule;
  const total = TotalHotkeyAlpha.get(hotkey, netuid);
  const shares = TotalHotkeyShares.get(hotkey, netuid).bits;
  const own = Alpha.get(hotkey, coldkey, netuid).bits;
  const sold = amount === available ? own : (amount * shares) / total;
  setOrRemove(TotalHotkeyAlpha, [hotkey, netuid], saturatingSub(total, amount));
  if (shares === sold) TotalHotkeyShares.remove(hotkey, netuid);
  else TotalHotkeyShares.set(hotkey, netuid, { bits: shares - sold });
  if (own === sold) Alpha.remove(hotkey, coldkey, netuid);
  else Alpha.set(hotkey, coldkey, netuid, { bits: own - sold });
}

function setOrRemove(item: Execution['storage']['SubtensorModule']['TotalHotkeyAlpha'], [hotkey, netuid]: readonly [string, number], value: bigint): void {
  if (value === 0n) item.remove(hotkey, netuid);
  else item.set(hotkey, netuid, value);
}
