import { describe, expect, it } from 'vitest';
import { alphaPrice } from '../src/runtime/pools.ts';
import { stakeOf } from '../src/runtime/share-pool.ts';
import { stakeWeight } from '../src/runtime/stake-weight.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

const COLDKEY = account(1);
const HOTKEY = account(2);
const OTHER = account(0x50);

/** A subnet whose pool has 1,000 TAO and as much alpha; account 0x50 has 10,000 TAO. */
function world(): Runtime {
  const runtime = new Runtime();
  runtime.subnet();
  runtime.fund(OTHER, 10_000n * TAO);
  runtime.events();
  return runtime;
}
const stakeAlpha = (runtime: Runtime, coldkey = OTHER, netuid = 1): bigint => stakeOf(runtime.execution, HOTKEY, coldkey, netuid);
const add = (runtime: Runtime, amount: bigint): string | undefined => runtime.call(OTHER, 'add_stake', { hotkey: HOTKEY, netuid: 1, amount_staked: amount });

describe('add_stake', () => {
  it('buys alpha on the curve x · y = k, the fee aside', () => {
    const runtime = world();
    expect(add(runtime, 100n * TAO)).toBeUndefined();
    expect(runtime.subtensor.LastColdkeyHotkeyStakeBlock.get(OTHER, HOTKEY)).toBe(runtime.execution.block);
    const fee = (100n * TAO * 33n) / 65_535n;
    const paid = 100n * TAO - fee;
    const reserve = 1_000n * TAO;
    const exact = reserve - (reserve * reserve) / (reserve + paid);
    expect([exact, exact - 1n]).toContain(stakeAlpha(runtime));
    expect(runtime.subtensor.SubnetTAO.get(1)).toBe(reserve + paid);
    expect(runtime.subtensor.SubnetAlphaIn.get(1) + runtime.subtensor.SubnetAlphaOut.get(1)).toBe(reserve);
    expect(runtime.records().find(({ event }) => event === 'StakeAdded')?.data).toEqual([OTHER, HOTKEY, 100n * TAO, stakeAlpha(runtime), 1, fee]);
  });

  it('refuses in the order of the chain', () => {
    const runtime = world();
    expect(runtime.call(OTHER, 'add_stake', { hotkey: HOTKEY, netuid: 7, amount_staked: TAO })).toBe('SubnetNotExists');
    expect(add(runtime, 1_000_000n * TAO + 1n)).toBe('InsufficientLiquidity');
    expect(add(runtime, 2_001_006n)).toBe('AmountTooLow');
    expect(add(runtime, 10_001n * TAO)).toBe('NotEnoughBalanceToStake');
    expect(runtime.call(OTHER, 'add_stake', { hotkey: account(0x77), netuid: 1, amount_staked: TAO })).toBe('HotKeyAccountNotExists');
    runtime.subtensor.SubtokenEnabled.set(1, false);
    expect(add(runtime, TAO)).toBe('SubtokenDisabled');
  });
});

const limit = (runtime: Runtime, limit_price: bigint, allow_partial: boolean, amount = 500n * TAO): string | undefined =>
  runtime.call(OTHER, 'add_stake_limit', { hotkey: HOTKEY, netuid: 1, amount_staked: amount, limit_price, allow_partial });

describe('limits on the price', () => {
  it('let in as much as reaches the limit, if part of it is welcome', () => {
    const runtime = world();
    expect(limit(runtime, 1_210_000_000n, false)).toBe('SlippageTooHigh');
    expect(limit(runtime, 1_210_000_000n, true)).toBeUndefined();
    expect(Number(alphaPrice(runtime.execution, 1)) / 2 ** 64).toBeCloseTo(1.21, 8);
    expect(Number(runtime.subtensor.SubnetTAO.get(1)) / 1e9).toBeCloseTo(1_100, 6);
  });

  it('fail with the pool’s own error where the price is past them', () => {
    expect(limit(world(), 900_000_000n, true)).toBe('PriceLimitExceeded');
  });

  it('hold for removal, too', () => {
    const runtime = world();
    add(runtime, 500n * TAO);
    const amount = stakeAlpha(runtime);
    const remove = (limit_price: bigint, allow_partial: boolean): string | undefined => runtime.call(OTHER, 'remove_stake_limit', { hotkey: HOTKEY, netuid: 1, amount_unstaked: amount, limit_price, allow_partial });
    expect(remove(2_000_000_000n, false)).toBe('SlippageTooHigh');
    expect(remove(3_000_000_000n, false)).toBe('PriceLimitExceeded');
    expect(remove(2_000_000_000n, true)).toBeUndefined();
    expect(stakeAlpha(runtime)).toBeGreaterThan(0n);
    expect(Number(alphaPrice(runtime.execution, 1)) / 2 ** 64).toBeCloseTo(2, 8);
  });
});

describe('removal', () => {
  it('gives back what was staked less two fees', () => {
    const runtime = world();
    add(runtime, 100n * TAO);
    expect(runtime.call(OTHER, 'remove_stake', { hotkey: HOTKEY, netuid: 1, amount_unstaked: 10n ** 18n })).toBeUndefined();
    expect(stakeAlpha(runtime)).toBe(0n);
    expect(runtime.subtensor.Alpha.has(HOTKEY, OTHER, 1)).toBe(false);
    const back = runtime.execution.storage.System.Account.get(OTHER).data.free;
    expect(Number(10_000n * TAO - back) / 1e9).toBeCloseTo(0.1, 1);
  });

  it('refuses what would leave too little or is not there', () => {
    const runtime = world();
    add(runtime, 100n * TAO);
    const remove = (amount_unstaked: bigint): string | undefined => runtime.call(OTHER, 'remove_stake', { hotkey: HOTKEY, netuid: 1, amount_unstaked });
    expect(remove(0n)).toBe('AmountTooLow');
    expect(remove(1_000_000n)).toBe('AmountTooLow');
    expect(runtime.call(OTHER, 'remove_stake_limit', { hotkey: HOTKEY, netuid: 1, amount_unstaked: 200n * TAO, limit_price: 0n, allow_partial: false })).toBe('NotEnoughStakeToWithdraw');
  });

  it('of all alpha goes to root, which is worth TAO one to one', () => {
    const runtime = world();
    add(runtime, 100n * TAO);
    expect(runtime.call(OTHER, 'unstake_all_alpha', { hotkey: HOTKEY })).toBeUndefined();
    expect(stakeAlpha(runtime)).toBe(0n);
    expect(stakeAlpha(runtime, OTHER, 0)).toBe(runtime.subtensor.SubnetTAO.get(0));
    expect(runtime.call(OTHER, 'unstake_all', { hotkey: HOTKEY })).toBeUndefined();
    expect(stakeAlpha(runtime, OTHER, 0)).toBe(0n);
    expect(runtime.call(OTHER, 'unstake_all', { hotkey: account(0x77) })).toBe('HotKeyAccountNotExists');
  });
});

function two(): Runtime {
  const runtime = world();
  runtime.subnet({ owner: 0x10 });
  add(runtime, 100n * TAO);
  runtime.events();
  return runtime;
}

describe('moving stake', () => {
  it('within a subnet moves alpha as it is', () => {
    const runtime = two();
    runtime.call(OTHER, 'try_associate_hotkey', { hotkey: account(0x60) });
    const before = stakeAlpha(runtime);
    const args = { origin_hotkey: HOTKEY, destination_hotkey: account(0x60), origin_netuid: 1, destination_netuid: 1, alpha_amount: before };
    expect(runtime.subtensor.LastColdkeyHotkeyStakeBlock.get(OTHER, args.destination_hotkey)).toBeUndefined();
    expect(runtime.call(OTHER, 'move_stake', args)).toBeUndefined();
    expect(runtime.subtensor.LastColdkeyHotkeyStakeBlock.get(OTHER, args.destination_hotkey)).toBe(runtime.execution.block);
    expect(stakeOf(runtime.execution, account(0x60), OTHER, 1)).toBe(before);
    expect(runtime.events()).toEqual(['StakeRemoved', 'StakeAdded', 'StakeMoved']);
    expect(runtime.call(OTHER, 'move_stake', { ...args, destination_hotkey: HOTKEY })).toBe('SameNetuid');
  });

  it('to another subnet sells and buys, with one fee', () => {
    const runtime = two();
    expect(runtime.subtensor.SubnetTAO.get(2)).toBe(2_000n * TAO);
    const amount = stakeAlpha(runtime);
    const tao = runtime.execution.storage.System.Account.get(OTHER).data.free;
    expect(runtime.call(OTHER, 'swap_stake', { hotkey: HOTKEY, origin_netuid: 1, destination_netuid: 2, alpha_amount: amount })).toBeUndefined();
    expect(stakeAlpha(runtime)).toBe(0n);
    expect(Number(stakeAlpha(runtime, OTHER, 2)) / 1e9).toBeCloseTo(95.15, 2);
    expect(runtime.execution.storage.System.Account.get(OTHER).data.free).toBe(tao);
  });

  it('to another coldkey is for the subnet to allow', () => {
    const runtime = two();
    const transfer = (): string | undefined => runtime.call(OTHER, 'transfer_stake', { destination_coldkey: account(0x61), hotkey: HOTKEY, origin_netuid: 1, destination_netuid: 1, alpha_amount: TAO });
    runtime.subtensor.TransferToggle.set(1, false);
    expect(transfer()).toBe('TransferDisallowed');
    runtime.subtensor.TransferToggle.set(1, true);
    expect(transfer()).toBeUndefined();
    expect(stakeAlpha(runtime, account(0x61))).toBe(TAO);
  });
});

describe('stake weight', () => {
  it('takes root’s TAO at TaoWeight, and lends to children', () => {
    const runtime = world();
    runtime.subtensor.TotalHotkeyAlpha.set(HOTKEY, 1, 100n * TAO);
    runtime.subtensor.TotalHotkeyAlpha.set(HOTKEY, 0, 1_000n * TAO);
    runtime.subtensor.TaoWeight.set(3_320_413_933_267_719_290n);
    expect(Number(stakeWeight(runtime.execution, HOTKEY, 1)) / 1e9).toBeCloseTo(280, 6);
    runtime.subtensor.ChildKeys.set(HOTKEY, 1, [[(1n << 63n) - 1n, OTHER]]);
    runtime.subtensor.ParentKeys.set(OTHER, 1, [[(1n << 63n) - 1n, HOTKEY]]);
    expect(Number(stakeWeight(runtime.execution, HOTKEY, 1)) / 1e9).toBeCloseTo(140, 6);
    expect(Number(stakeWeight(runtime.execution, OTHER, 1)) / 1e9).toBeCloseTo(140, 6);
  });
});

describe('shares', () => {
  it('let dividends reach all who hold them', () => {
    const runtime = world();
    for (const [coldkey, amount] of [[COLDKEY, 30n], [OTHER, 10n]] as const) runtime.expect(runtime.call(coldkey, 'add_stake', { hotkey: HOTKEY, netuid: 0, amount_staked: amount * TAO }));
    runtime.subtensor.TotalHotkeyAlpha.set(HOTKEY, 0, 80n * TAO);
    expect([stakeAlpha(runtime, COLDKEY, 0), stakeAlpha(runtime, OTHER, 0)]).toEqual([60n * TAO, 20n * TAO]);
  });
});
