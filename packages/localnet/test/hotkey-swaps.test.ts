/**
 * Swaps of hotkeys. Set-ups, figures and outcomes are those of Subtensor's own tests (opentensor/subtensor 14bc6f9f9,
 * pallets/subtensor/src/tests/swap_hotkey.rs and swap_hotkey_with_subnet.rs), named at each; costs and intervals are those of
 * runtime/src/lib.rs and finney's constants.
 */
import { describe, expect, it } from 'vitest';
import { increaseHotkeyStake, increaseStake, stakeOf } from '../src/runtime/share-pool.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

const U64_MAX: bigint = (1n << 64n) - 1n;
const OWNER = account(1);
const NEW = account(2_000);
const [STAKER_1, STAKER_2] = [account(5), account(6)];

interface World {
  readonly runtime: Runtime;
  readonly netuid: number;
  /** A miner of the owner's. */
  readonly old: string;
}

/** A subnet with one miner, long after its first blocks, in which per-subnet swaps are refused. */
function world(neurons = 1): World {
  const runtime = new Runtime();
  const netuid = runtime.subnet({ neurons });
  runtime.jump(10_000);
  return { runtime, netuid, old: account(100 * netuid) };
}

interface SwapCall {
  readonly from?: string;
  readonly to?: string;
  readonly netuid?: number | undefined;
  readonly keepStake?: boolean;
  readonly coldkey?: string;
}

function swap({ runtime, netuid, old }: World, { from = old, to = NEW, coldkey = OWNER, keepStake = false, ...place }: SwapCall = {}): string | undefined {
  const where = 'netuid' in place ? place.netuid : netuid;
  return runtime.call(coldkey, 'swap_hotkey_v2', { hotkey: from, new_hotkey: to, netuid: where, keep_stake: keepStake });
}
const balanceOf = ({ runtime }: World, who: string): bigint => runtime.execution.storage.System.Account.get(who).data.free;

describe('what a swap costs and tells', () => {
  it('is 0.001 TAO on one subnet, recycled', () => {
    const chain = world();
    const { runtime, netuid, old } = chain;
    runtime.subtensor.TotalIssuance.set(TAO);
    const before = [balanceOf(chain, OWNER), runtime.subtensor.TotalIssuance.get(), runtime.execution.storage.Balances.TotalIssuance.get()];
    runtime.events();
    expect(swap(chain)).toBeUndefined();
    const after = [balanceOf(chain, OWNER), runtime.subtensor.TotalIssuance.get(), runtime.execution.storage.Balances.TotalIssuance.get()];
    expect(after).toEqual(before.map((rao) => rao - 1_000_000n));
    expect(runtime.records()).toEqual([
      { event: 'Withdraw', data: { who: OWNER, amount: 1_000_000n } },
      { event: 'HotkeySwappedOnSubnet', data: { coldkey: OWNER, old_hotkey: old, new_hotkey: NEW, netuid } },
    ]);
  });

  it('is 0.1 TAO on all subnets; the old hotkey is nobody’s then', () => {
    const chain = world();
    const { runtime, old } = chain;
    const before = balanceOf(chain, OWNER);
    runtime.events();
    expect(runtime.call(OWNER, 'swap_hotkey', { hotkey: old, new_hotkey: NEW, netuid: undefined })).toBeUndefined();
    expect(before - balanceOf(chain, OWNER)).toBe(TAO / 10n);
    expect(runtime.records().at(-1)).toEqual({ event: 'HotkeySwapped', data: { coldkey: OWNER, old_hotkey: old, new_hotkey: NEW } });
    expect([runtime.subtensor.Owner.has(old), runtime.subtensor.Owner.get(NEW)]).toEqual([false, OWNER]);
    expect(runtime.subtensor.OwnedHotkeys.get(OWNER)).toEqual([account(2), NEW]);
  });

  it('leaves the old hotkey its owner where one subnet is swapped', () => {
    const chain = world();
    expect(swap(chain)).toBeUndefined();
    expect(chain.runtime.subtensor.Owner.get(chain.old)).toBe(OWNER);
    expect(chain.runtime.subtensor.OwnedHotkeys.get(OWNER)).toEqual([account(2), chain.old, NEW]);
  });
});

describe('what the chain refuses, in its order', () => {
  it('hotkeys of others, the same hotkey, registered ones', () => {
    const chain = world(2);
    expect(chain.runtime.call('root', 'swap_hotkey_v2', { hotkey: chain.old, new_hotkey: NEW, netuid: undefined, keep_stake: false })).toBe('BadOrigin');
    expect(swap(chain, { coldkey: STAKER_1 })).toBe('NonAssociatedColdKey');
    chain.runtime.subtensor.Owner.set(NEW, STAKER_1);
    expect(swap(chain)).toBe('NonAssociatedColdKey');
    expect(swap(chain, { to: chain.old })).toBe('NewHotKeyIsSameWithOld');
    const registered = account(100 * chain.netuid + 1);
    expect(swap(chain, { to: registered })).toBe('HotKeyAlreadyRegisteredInSubNet');
    expect(swap(chain, { to: registered, netuid: undefined })).toBe('HotKeyAlreadyRegisteredInSubNet');
  });

  it('a second swap within TxRateLimit blocks (test_swap_hotkey_tx_rate_limit_exceeded)', () => {
    const chain = world();
    chain.runtime.subtensor.TxRateLimit.set(1000n);
    expect(swap(chain)).toBeUndefined();
    chain.runtime.jump(11_000);
    expect(swap(chain, { from: NEW, to: account(2_001) })).toBe('HotKeySetTxRateLimitExceeded');
    chain.runtime.jump(11_001);
    expect(swap(chain, { from: NEW, to: account(2_001), netuid: undefined })).toBe('HotKeySwapOnSubnetIntervalNotPassed');
  });

  it('a second swap on a subnet within 7,200 blocks, whichever way (test_swap_owner_failed_interval_not_passed)', () => {
    const chain = world();
    chain.runtime.subtensor.TxRateLimit.set(0n);
    expect(swap(chain)).toBeUndefined();
    expect(chain.runtime.subtensor.LastHotkeySwapOnNetuid.get(chain.netuid, OWNER)).toBe(10_000n);
    chain.runtime.jump(17_200);
    expect(swap(chain, { from: NEW, to: chain.old })).toBe('HotKeySwapOnSubnetIntervalNotPassed');
    expect(swap(chain, { from: NEW, to: account(2_001), netuid: undefined })).toBe('HotKeySwapOnSubnetIntervalNotPassed');
    chain.runtime.jump(17_201);
    expect(swap(chain, { from: NEW, to: account(2_001), netuid: undefined })).toBeUndefined();
    expect(chain.runtime.subtensor.LastHotkeySwapOnNetuid.get(chain.netuid, OWNER)).toBe(17_201n);
  });

  it('a first swap on one subnet in the chain’s first 7,200 blocks, though not one on all', () => {
    const chain = world();
    chain.runtime.jump(7_200);
    expect(swap(chain)).toBe('HotKeySwapOnSubnetIntervalNotPassed');
    expect(swap(chain, { netuid: undefined })).toBeUndefined();
  });

  it('who cannot pay, or would not live on', () => {
    const chain = world();
    const { runtime } = chain;
    const poor = account(77);
    runtime.subtensor.Owner.set(account(78), poor);
    runtime.fund(poor, 999_999n);
    const call = (netuid?: number): string | undefined => swap(chain, { coldkey: poor, from: account(78), netuid });
    expect(call(chain.netuid)).toBe('NotEnoughBalanceToPaySwapHotKey');
    runtime.fund(poor, 500n);
    expect(call(chain.netuid)).toBe('InsufficientBalance');
    runtime.fund(poor, 1n);
    expect(call()).toBe('NotEnoughBalanceToPaySwapHotKey');
    expect(call(chain.netuid)).toBeUndefined();
    expect(balanceOf(chain, poor)).toBe(500n);
  });

  it('accounts of subnets', () => {
    const chain = world();
    const subnetAccount = `${Buffer.from('modlsubtensr').toString('hex')}0100${'0'.repeat(36)}`;
    expect(swap(chain, { to: subnetAccount })).toBe('CannotUseSystemAccount');
    expect(swap(chain, { to: subnetAccount, netuid: undefined })).toBe('CannotUseSystemAccount');
  });

  it('a new hotkey with stake or claims on root (test_do_swap_hotkey_err_new_hotkey_not_clean_for_root)', () => {
    const chain = world();
    increaseStake(chain.runtime.execution, NEW, STAKER_1, { netuid: 0, amount: 1_000_000n });
    for (const netuid of [undefined, 0]) expect(swap(chain, { netuid })).toBe('NewHotKeyNotCleanForRootSwap');
    expect(swap(chain)).toBeUndefined();
    chain.runtime.subtensor.TxRateLimit.set(0n);
    chain.runtime.subtensor.RootClaimed.set(0, account(2_001), STAKER_1, 1n);
    expect(swap(chain, { from: account(2), to: account(2_001), netuid: undefined })).toBe('NewHotKeyNotCleanForRootSwap');
  });

  it('a new hotkey that is the old one’s child (test_swap_child_keys_self_loop), or its scheduled one (test_swap_parent_hotkey_self_loops_in_pending)', () => {
    const chain = world();
    const { runtime, netuid, old } = chain;
    runtime.subtensor.ChildKeys.set(old, netuid, [[200n, NEW]]);
    expect(swap(chain)).toBe('InvalidChild');
    expect(runtime.subtensor.ChildKeys.get(old, netuid)).toEqual([[200n, NEW]]);
    runtime.subtensor.ChildKeys.remove(old, netuid);
    runtime.subtensor.PendingChildKeys.set(netuid, old, [[[U64_MAX, NEW]], 1n]);
    expect(swap(chain)).toBe('InvalidChild');
    expect(swap(chain, { netuid: undefined })).toBe('InvalidChild');
  });
});

describe('what moves', () => {
  it('the uid, what is served, and commits of weights of all mechanisms', () => {
    const chain = world();
    const { runtime, netuid, old } = chain;
    const { Uids, Keys, IsNetworkMember, Axons, Prometheus, NeuronCertificates, WeightCommits, MechanismCountCurrent } = runtime.subtensor;
    MechanismCountCurrent.set(netuid, 2);
    const axon = { block: 100n, version: 1, ip: 0x1234_5678n, port: 8080, ip_type: 4, protocol: 1, placeholder1: 0, placeholder2: 0 };
    const prometheus = { block: 100n, version: 1, ip: 0x1234_5678n, port: 8080, ip_type: 4 };
    const certificate = { algorithm: 1, public_key: new Uint8Array([1, 2, 3]) };
    Axons.set(netuid, old, axon);
    Prometheus.set(netuid, old, prometheus);
    NeuronCertificates.set(netuid, old, certificate);
    const commits = [[account(9), 100n, 0n, 0n]] as const;
    for (const index of [netuid, 4096 + netuid]) WeightCommits.set(index, old, commits);
    expect(swap(chain)).toBeUndefined();
    expect([Uids.get(netuid, old), Uids.get(netuid, NEW), Keys.get(netuid, 1)]).toEqual([undefined, 1, NEW]);
    expect([IsNetworkMember.has(old, netuid), IsNetworkMember.get(NEW, netuid)]).toEqual([false, true]);
    const served = (hotkey: string): unknown[] => [Axons.get(netuid, hotkey), Prometheus.get(netuid, hotkey), NeuronCertificates.get(netuid, hotkey)];
    expect(served(NEW)).toEqual([axon, prometheus, certificate]);
    expect(served(old)).toEqual([undefined, undefined, undefined]);
    for (const index of [netuid, 4096 + netuid]) expect([WeightCommits.get(index, NEW), WeightCommits.get(index, old)]).toEqual([commits, undefined]);
  });

  it('limits and takes (test_swap_hotkey_swap_rate_limits)', () => {
    const limits = { LastTxBlock: 123n, LastTxBlockDelegateTake: 4567n, LastTxBlockChildKeyTake: 8910n } as const;
    const names = Object.keys(limits) as (keyof typeof limits)[];
    for (const all of [true, false]) {
      const chain = world();
      const { runtime, netuid, old } = chain;
      for (const type of names) runtime.subtensor.LastRateLimitedBlock.set({ type, value: old }, limits[type]);
      runtime.subtensor.Delegates.set(old, 100);
      runtime.subtensor.ChildkeyTake.set(old, netuid, 200);
      expect(swap(chain, { netuid: all ? undefined : netuid })).toBeUndefined();
      const noted = (hotkey: string): bigint[] => names.map((type) => runtime.subtensor.LastRateLimitedBlock.get({ type, value: hotkey }));
      expect(noted(NEW)).toEqual([123n, 4567n, 8910n]);
      expect(noted(old)).toEqual(all ? [0n, 0n, 0n] : [123n, 4567n, 8910n]);
      expect(runtime.subtensor.ChildkeyTake.get(NEW, netuid)).toBe(200);
      // A delegate's take is of all subnets: a swap on one leaves it (test_swap_delegates).
      expect([runtime.subtensor.Delegates.has(old), runtime.subtensor.Delegates.has(NEW)]).toEqual(all ? [false, true] : [true, false]);
      expect(runtime.subtensor.LastRateLimitedBlock.get({ type: 'LastTxBlock', value: OWNER })).toBe(10_000n);
    }
  });

  it('children and parents, on both sides (test_swap_complex_parent_child_structure)', () => {
    const chain = world();
    const { runtime, netuid, old } = chain;
    const { ChildKeys, ParentKeys } = runtime.subtensor;
    const [parent1, parent2, child1, child2] = [account(4_004), account(4_005), account(4_006), account(4_007)] as const;
    ParentKeys.set(old, netuid, [[100n, parent1], [200n, parent2]]);
    ChildKeys.set(parent1, netuid, [[100n, old], [500n, account(4_008)]]);
    ChildKeys.set(parent2, netuid, [[200n, old], [600n, account(4_009)]]);
    ChildKeys.set(old, netuid, [[300n, child1], [400n, child2]]);
    ParentKeys.set(child1, netuid, [[300n, old]]);
    ParentKeys.set(child2, netuid, [[400n, old]]);
    expect(swap(chain)).toBeUndefined();
    expect(ParentKeys.get(NEW, netuid)).toEqual([[100n, parent1], [200n, parent2]]);
    expect(ChildKeys.get(NEW, netuid)).toEqual([[300n, child1], [400n, child2]]);
    expect([ParentKeys.get(old, netuid), ChildKeys.get(old, netuid)]).toEqual([[], []]);
    expect(ChildKeys.get(parent1, netuid)).toEqual([[500n, account(4_008)], [100n, NEW]]);
    expect(ChildKeys.get(parent2, netuid)).toEqual([[600n, account(4_009)], [200n, NEW]]);
    expect([ParentKeys.get(child1, netuid), ParentKeys.get(child2, netuid)]).toEqual([[[300n, NEW]], [[400n, NEW]]]);
  });

  it('scheduled children, of the hotkey and of its parents (test_swap_parent_hotkey_childkey_maps, test_swap_child_hotkey_childkey_maps)', () => {
    const chain = world();
    const { PendingChildKeys } = chain.runtime.subtensor;
    const [child, parent] = [account(4_003), account(4_001)];
    PendingChildKeys.set(chain.netuid, chain.old, [[[U64_MAX, child]], 77n]);
    PendingChildKeys.set(chain.netuid, parent, [[[5n, chain.old], [6n, child]], 78n]);
    expect(swap(chain)).toBeUndefined();
    expect(PendingChildKeys.has(chain.netuid, chain.old)).toBe(false);
    expect(PendingChildKeys.get(chain.netuid, NEW)).toEqual([[[U64_MAX, child]], 77n]);
    expect(PendingChildKeys.get(chain.netuid, parent)).toEqual([[[6n, child], [5n, NEW]], 78n]);
  });

  it('where rewards are staked (test_swap_auto_stake_destination_coldkeys), and the owner’s hotkey (test_swap_hotkey_is_sn_owner_hotkey)', () => {
    const chain = world();
    const { runtime, netuid } = chain;
    const { AutoStakeDestination, AutoStakeDestinationColdkeys, SubnetOwnerHotkey } = runtime.subtensor;
    AutoStakeDestination.set(STAKER_1, netuid, account(2));
    AutoStakeDestinationColdkeys.set(account(2), netuid, [OWNER, STAKER_1]);
    runtime.events();
    expect(swap(chain, { from: account(2) })).toBeUndefined();
    expect([AutoStakeDestination.get(STAKER_1, netuid), AutoStakeDestinationColdkeys.get(NEW, netuid)]).toEqual([NEW, [OWNER, STAKER_1]]);
    expect(AutoStakeDestinationColdkeys.has(account(2), netuid)).toBe(false);
    expect(SubnetOwnerHotkey.get(netuid)).toBe(NEW);
    expect(runtime.records()[1]).toEqual({ event: 'SubnetOwnerHotkeySet', data: [netuid, NEW] });
  });

  it('stake and dividends, there and back (test_revert_hotkey_swap_dividends)', () => {
    const chain = world();
    const { runtime, netuid, old } = chain;
    const { TotalHotkeyAlpha, TotalHotkeyAlphaLastEpoch, TotalHotkeyShares, Alpha, AlphaDividendsPerSubnet, TxRateLimit } = runtime.subtensor;
    TxRateLimit.set(0n);
    TotalHotkeyAlpha.set(old, netuid, 10_000n);
    TotalHotkeyAlphaLastEpoch.set(old, netuid, 20_000n);
    TotalHotkeyShares.set(old, netuid, { bits: 10_000n << 64n });
    Alpha.set(old, OWNER, netuid, { bits: 10_000n << 64n });
    AlphaDividendsPerSubnet.set(netuid, old, 10_000n);
    const figures = (hotkey: string): bigint[] => [
      TotalHotkeyAlpha.get(hotkey, netuid),
      TotalHotkeyAlphaLastEpoch.get(hotkey, netuid),
      TotalHotkeyShares.get(hotkey, netuid).bits >> 64n,
      Alpha.get(hotkey, OWNER, netuid).bits >> 64n,
      AlphaDividendsPerSubnet.get(netuid, hotkey),
    ];
    expect(swap(chain)).toBeUndefined();
    expect([figures(old), figures(NEW)]).toEqual([[0n, 0n, 0n, 0n, 0n], [10_000n, 20_000n, 10_000n, 10_000n, 10_000n]]);
    runtime.jump(20_000);
    expect(swap(chain, { from: NEW, to: old })).toBeUndefined();
    expect([figures(NEW), figures(old)]).toEqual([[0n, 0n, 0n, 0n, 0n], [10_000n, 20_000n, 10_000n, 10_000n, 10_000n]]);
  });

  it('everybody’s stake, added to what is on the new hotkey (test_swap_hotkey_with_existing_stake)', () => {
    const chain = world(2);
    const { runtime, netuid, old } = chain;
    const to = account(100 * netuid + 1);
    for (const staker of [STAKER_1, STAKER_2]) runtime.fund(staker, 10n * TAO);
    const stake = (coldkey: string, hotkey: string, amount_staked: bigint): void => runtime.expect(runtime.call(coldkey, 'add_stake', { hotkey, netuid, amount_staked }));
    stake(STAKER_1, old, 100_000_000n);
    stake(STAKER_2, old, 200_000_000n);
    stake(STAKER_1, to, 300_000_000n);
    stake(STAKER_2, to, 500_000_000n);
    for (const hotkey of [old, to]) increaseHotkeyStake(runtime.execution, hotkey, { netuid, amount: TAO });
    runtime.subtensor.IsNetworkMember.remove(to, netuid);
    const of = (hotkey: string, coldkey: string): bigint => stakeOf(runtime.execution, hotkey, coldkey, netuid);
    const before = [STAKER_1, STAKER_2].map((staker) => [of(old, staker), of(to, staker)] as const);
    expect(before.flat().every((alpha) => alpha > 0n)).toBe(true);
    expect(swap(chain, { to })).toBeUndefined();
    [STAKER_1, STAKER_2].forEach((staker, index) => {
      const [onOld, onNew] = before[index] as readonly [bigint, bigint];
      expect(of(old, staker)).toBe(0n);
      // The chain's shares are decimal floats, and exact here; these are U64F64.
      expect([-1n, 0n, 1n]).toContain(of(to, staker) - onOld - onNew);
      // On one subnet the list of those whom the staker stakes on keeps the old hotkey; on all it is replaced.
      expect(runtime.subtensor.StakingHotkeys.get(staker)).toEqual([old, to]);
    });
  });

  it('the list of those staked on, where all subnets are swapped (test_swap_staking_hotkeys_multiple_coldkeys)', () => {
    const chain = world();
    const { runtime, netuid, old } = chain;
    for (const staker of [STAKER_1, STAKER_2]) increaseStake(runtime.execution, old, staker, { netuid, amount: TAO });
    expect(swap(chain, { netuid: undefined })).toBeUndefined();
    for (const staker of [STAKER_1, STAKER_2]) expect(runtime.subtensor.StakingHotkeys.get(staker)).toEqual([NEW]);
  });

  it('all but stake and what it earns, if stake is to stay (test_hotkey_swap_keep_stake)', () => {
    const chain = world();
    const { runtime, netuid, old } = chain;
    const child = account(4_004);
    runtime.subtensor.ChildKeys.set(old, netuid, [[U64_MAX, child]]);
    runtime.subtensor.ParentKeys.set(child, netuid, [[U64_MAX, old]]);
    increaseStake(runtime.execution, old, OWNER, { netuid, amount: TAO });
    expect(swap(chain, { keepStake: true })).toBeUndefined();
    expect([stakeOf(runtime.execution, old, OWNER, netuid), stakeOf(runtime.execution, NEW, OWNER, netuid)]).toEqual([TAO, 0n]);
    expect([runtime.subtensor.Uids.get(netuid, old), runtime.subtensor.Uids.get(netuid, NEW)]).toEqual([undefined, 1]);
    expect([runtime.subtensor.ChildKeys.get(old, netuid), runtime.subtensor.ChildKeys.get(NEW, netuid)]).toEqual([[], [[U64_MAX, child]]]);
    expect(runtime.subtensor.ParentKeys.get(child, netuid)).toEqual([[U64_MAX, NEW]]);
  });

  it.each([
    ['root', 0, true],
    ['all subnets', undefined, true],
    ['another subnet', 1, false],
  ])('claims of root’s dividends with stake on root: %s (test_swap_hotkey_root_claims_…, test_swap_hotkey_auto_parent_delegation_…)', (_, place, moves) => {
    const chain = world();
    const { runtime, netuid, old } = chain;
    const { RootClaimable, RootClaimed, AutoParentDelegationEnabled } = runtime.subtensor;
    increaseStake(runtime.execution, old, STAKER_1, { netuid: 0, amount: 2n * TAO });
    RootClaimable.set(old, [[netuid, { bits: 1n << 31n }]]);
    RootClaimed.set(netuid, old, STAKER_1, 1_000n);
    AutoParentDelegationEnabled.set(old, false);
    expect(swap(chain, { netuid: place })).toBeUndefined();
    const [holder, other] = moves ? [NEW, old] : [old, NEW];
    expect([RootClaimable.get(holder), RootClaimable.get(other)]).toEqual([[[netuid, { bits: 1n << 31n }]], []]);
    expect([RootClaimed.get(netuid, holder, STAKER_1), RootClaimed.get(netuid, other, STAKER_1)]).toEqual([1_000n, 0n]);
    expect([AutoParentDelegationEnabled.get(holder), AutoParentDelegationEnabled.has(other)]).toEqual([false, false]);
  });
});
