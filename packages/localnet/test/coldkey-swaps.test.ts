/**
 * Swaps of coldkeys. Set-ups, figures and outcomes are those of Subtensor's own tests (opentensor/subtensor 14bc6f9f9,
 * pallets/subtensor/src/tests/swap_coldkey.rs and guards/check_coldkey_swap.rs), named at each; cost and delays are finney's constants.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blake2, fromHex, toHex } from '../src/hex.ts';
import { increaseStake, stakeOf } from '../src/runtime/share-pool.ts';
import { account, Runtime, TAO } from './runtime-support.ts';
import { failureOf, openWorld, pairOf, read, send, sudo, tx, type World } from './support.ts';

const COST = 100_000_000n;
const ED = 500n;
const DELAY = 36_000;
const REANNOUNCEMENT_DELAY = 7_200;
const [WHO, NEW, OTHER] = [account(1), account(2_000), account(2_001)];
const hashOf = (who: string): string => toHex(blake2(fromHex(who)));
const named = (byte: number): Parameters<Runtime['subtensor']['IdentitiesV2']['set']>[1] => {
  const empty = new Uint8Array();
  return { name: new Uint8Array([byte]), url: empty, github_repo: empty, image: empty, discord: empty, description: empty, additional: empty };
};
const REMARK = { remark: new Uint8Array() };

/** A coldkey that can pay for an announcement and live on. */
function world(): Runtime {
  const runtime = new Runtime();
  runtime.fund(WHO, COST + ED);
  runtime.events();
  return runtime;
}
const announce = (runtime: Runtime, to = NEW): string | undefined => runtime.call(WHO, 'announce_coldkey_swap', { new_coldkey_hash: hashOf(to) });
const swap = (runtime: Runtime, to = NEW): string | undefined => runtime.call(WHO, 'swap_coldkey_announced', { new_coldkey: to });
const balanceOf = (runtime: Runtime, who: string): bigint => runtime.execution.storage.System.Account.get(who).data.free;

describe('an announcement', () => {
  it('costs 0.1 TAO, and stands for the first block in which the swap can be made (test_announce_coldkey_swap_works)', () => {
    const runtime = world();
    expect(announce(runtime)).toBeUndefined();
    expect(runtime.subtensor.ColdkeySwapAnnouncements.get(WHO)).toEqual([1 + DELAY, hashOf(NEW)]);
    expect(balanceOf(runtime, WHO)).toBe(ED);
    expect(runtime.records()).toEqual([
      { event: 'Withdraw', data: { who: WHO, amount: COST } },
      { event: 'ColdkeySwapAnnounced', data: { who: WHO, new_coldkey_hash: hashOf(NEW) } },
    ]);
  });

  it('can be made anew, for nothing, some time after the swap could have been (…_with_existing_announcement_past_delay_works, …_only_pays_swap_cost_if_…)', () => {
    const runtime = world();
    expect(announce(runtime)).toBeUndefined();
    expect(announce(runtime, OTHER)).toBe('ColdkeySwapReannouncedTooEarly');
    runtime.jump(DELAY + REANNOUNCEMENT_DELAY);
    expect(announce(runtime, OTHER)).toBe('ColdkeySwapReannouncedTooEarly');
    runtime.jump(1 + DELAY + REANNOUNCEMENT_DELAY);
    expect(announce(runtime, OTHER)).toBeUndefined();
    expect(runtime.subtensor.ColdkeySwapAnnouncements.get(WHO)).toEqual([1 + DELAY + REANNOUNCEMENT_DELAY + DELAY, hashOf(OTHER)]);
    expect(balanceOf(runtime, WHO)).toBe(ED);
  });

  it('is not for who cannot pay, nor for other origins', () => {
    const runtime = new Runtime();
    runtime.fund(WHO, COST + ED - 1n);
    expect(announce(runtime)).toBe('NotEnoughBalanceToPaySwapColdKey');
    expect(runtime.call('root', 'announce_coldkey_swap', { new_coldkey_hash: hashOf(NEW) })).toBe('BadOrigin');
  });

  it('can be taken back as late as it can be made anew (test_clear_coldkey_swap_announcement_…)', () => {
    const runtime = world();
    const clear = (): string | undefined => runtime.call(WHO, 'clear_coldkey_swap_announcement');
    expect(clear()).toBe('ColdkeySwapAnnouncementNotFound');
    announce(runtime);
    runtime.jump(DELAY + REANNOUNCEMENT_DELAY);
    expect(clear()).toBe('ColdkeySwapClearTooEarly');
    runtime.jump(1 + DELAY + REANNOUNCEMENT_DELAY);
    runtime.events();
    expect(clear()).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'ColdkeySwapCleared', data: { who: WHO } }]);
    expect(runtime.subtensor.ColdkeySwapAnnouncements.has(WHO)).toBe(false);
    expect(runtime.call('root', 'clear_coldkey_swap_announcement')).toBe('BadOrigin');
  });
});

describe('between announcement and swap', () => {
  it('the coldkey can call nothing else, not even in a batch or through a proxy (active_swap_blocks_forbidden_calls, …_allows_authorized_calls)', () => {
    const runtime = world();
    runtime.fund(WHO, TAO);
    runtime.call(WHO, 'Proxy.add_proxy', { delegate: { type: 'Id', value: OTHER }, proxy_type: { type: 'Any' }, delay: 0 });
    announce(runtime);
    const remark = { pallet: 'System', call: 'remark', args: REMARK };
    expect(runtime.call(WHO, 'System.remark', REMARK)).toBe('ColdkeySwapAnnounced');
    expect(runtime.call(WHO, 'add_stake', { hotkey: OTHER, netuid: 1, amount_staked: 1n })).toBe('ColdkeySwapAnnounced');
    expect(runtime.call(WHO, 'Utility.batch_all', { calls: [{ pallet: 'SubtensorModule', call: 'dispute_coldkey_swap', args: {} }] })).toBe('ColdkeySwapAnnounced');
    runtime.events();
    runtime.call(OTHER, 'Proxy.proxy', { real: { type: 'Id', value: WHO }, force_proxy_type: undefined, call: remark });
    expect(runtime.records().at(-1)).toMatchObject({ event: 'ProxyExecuted', data: { result: { type: 'Err', value: { type: 'Module', value: { index: 7 } } } } });
    expect(swap(runtime)).toBe('ColdkeySwapTooEarly');
    expect(runtime.call(OTHER, 'System.remark', REMARK)).toBeUndefined();
  });

  it('who disputes it stops all, until root resets it (test_dispute_coldkey_swap_…, test_reset_coldkey_swap_works)', () => {
    const runtime = world();
    const dispute = (): string | undefined => runtime.call(WHO, 'dispute_coldkey_swap');
    expect(dispute()).toBe('ColdkeySwapAnnouncementNotFound');
    announce(runtime);
    runtime.events();
    expect(dispute()).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'ColdkeySwapDisputed', data: { coldkey: WHO } }]);
    expect(runtime.subtensor.ColdkeySwapDisputes.get(WHO)).toBe(1);
    runtime.jump(1 + DELAY);
    for (const error of [dispute(), swap(runtime), announce(runtime), runtime.call(WHO, 'System.remark', REMARK)]) expect(error).toBe('ColdkeySwapDisputed');
    expect(runtime.call(WHO, 'reset_coldkey_swap', { coldkey: WHO })).toBe('ColdkeySwapDisputed');
    expect(runtime.call(OTHER, 'reset_coldkey_swap', { coldkey: WHO })).toBe('BadOrigin');
    expect(runtime.call('root', 'reset_coldkey_swap', { coldkey: WHO })).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'ColdkeySwapReset', data: { who: WHO } }]);
    expect([runtime.subtensor.ColdkeySwapAnnouncements.has(WHO), runtime.subtensor.ColdkeySwapDisputes.has(WHO)]).toEqual([false, false]);
    expect(runtime.call(WHO, 'System.remark', REMARK)).toBeUndefined();
  });
});

describe('the swap', () => {
  it('is refused before its time, to others than announced, to coldkeys with stake and to hotkeys', () => {
    const runtime = world();
    expect(swap(runtime)).toBe('ColdkeySwapAnnouncementNotFound');
    expect(runtime.call('root', 'swap_coldkey_announced', { new_coldkey: NEW })).toBe('BadOrigin');
    announce(runtime);
    expect(swap(runtime, OTHER)).toBe('AnnouncedColdkeyHashDoesNotMatch');
    runtime.jump(DELAY);
    expect(swap(runtime)).toBe('ColdkeySwapTooEarly');
    runtime.jump(1 + DELAY);
    runtime.subtensor.Owner.set(NEW, OTHER);
    expect(swap(runtime)).toBe('NewColdKeyIsHotkey');
    runtime.subtensor.StakingHotkeys.set(NEW, [OTHER]);
    expect(swap(runtime)).toBe('ColdKeyAlreadyAssociated');
    for (const item of [runtime.subtensor.Owner, runtime.subtensor.StakingHotkeys]) item.remove(NEW);
    expect(swap(runtime)).toBeUndefined();
    expect(runtime.events().slice(-2)).toEqual(['Transfer', 'ColdkeySwapped']);
  });

  it('moves subnets, hotkeys, stake, identity, destinations, claims and balance (test_swap_coldkey_announced_works, comprehensive_checks!)', () => {
    const runtime = new Runtime();
    const netuids = [runtime.subnet({ owner: 1 }), runtime.subnet({ owner: 1 })] as const;
    const hotkeys = [1001, 1002, 1003].map((n) => account(n)) as [string, string, string];
    for (const [index, hotkey] of hotkeys.entries()) {
      runtime.expect(runtime.call(WHO, 'try_associate_hotkey', { hotkey }));
      for (const netuid of [0, ...netuids]) increaseStake(runtime.execution, hotkey, WHO, { netuid, amount: 2_000_000n * BigInt(10 * (index + 1)) });
      increaseStake(runtime.execution, hotkey, OTHER, { netuid: netuids[0], amount: 5_000n });
    }
    const subtensor = runtime.subtensor;
    const identity = named(1);
    subtensor.IdentitiesV2.set(WHO, identity);
    subtensor.AutoStakeDestination.set(WHO, netuids[0], hotkeys[0]);
    subtensor.AutoStakeDestinationColdkeys.set(hotkeys[0], netuids[0], [WHO, OTHER]);
    subtensor.RootClaimed.set(0, hotkeys[1], WHO, 7n);
    runtime.expect(runtime.call(WHO, 'set_root_claim_type', { new_root_claim_type: { type: 'Keep' } }));
    subtensor.AccountFlags.set(WHO, 4n);
    const [owned, staking, balance] = [subtensor.OwnedHotkeys.get(WHO), subtensor.StakingHotkeys.get(WHO), balanceOf(runtime, WHO)];
    const totals = hotkeys.map((hotkey) => subtensor.TotalHotkeyAlpha.get(hotkey, netuids[0]));
    subtensor.ColdkeySwapAnnouncements.set(WHO, [1, hashOf(NEW)]);
    expect(swap(runtime)).toBeUndefined();
    expect(netuids.map((netuid) => subtensor.SubnetOwner.get(netuid))).toEqual([NEW, NEW]);
    expect(subtensor.OwnedHotkeys.get(NEW)).toEqual(owned);
    // Those with stake come first: they are listed as their stake moves.
    expect(subtensor.StakingHotkeys.get(NEW)).toEqual([...staking.filter((hotkey) => hotkey !== account(2)), account(2)]);
    expect([subtensor.OwnedHotkeys.has(WHO), subtensor.StakingHotkeys.has(WHO)]).toEqual([false, false]);
    expect(hotkeys.map((hotkey) => subtensor.Owner.get(hotkey))).toEqual([NEW, NEW, NEW]);
    for (const [index, hotkey] of hotkeys.entries()) {
      const stakes = [0, ...netuids].map((netuid) => [stakeOf(runtime.execution, hotkey, WHO, netuid), stakeOf(runtime.execution, hotkey, NEW, netuid)]);
      expect(stakes).toEqual(Array.from({ length: 3 }, () => [0n, 2_000_000n * BigInt(10 * (index + 1))]));
    }
    expect(hotkeys.map((hotkey) => subtensor.TotalHotkeyAlpha.get(hotkey, netuids[0]))).toEqual(totals);
    expect([subtensor.IdentitiesV2.get(NEW), subtensor.IdentitiesV2.has(WHO)]).toEqual([identity, false]);
    expect([subtensor.AutoStakeDestination.get(NEW, netuids[0]), subtensor.AutoStakeDestinationColdkeys.get(hotkeys[0], netuids[0])]).toEqual([hotkeys[0], [OTHER, NEW]]);
    expect([subtensor.RootClaimed.get(0, hotkeys[1], NEW), subtensor.RootClaimed.has(0, hotkeys[1], WHO)]).toEqual([7n, false]);
    expect([subtensor.StakingColdkeys.has(WHO), subtensor.StakingColdkeys.get(NEW), subtensor.NumStakingColdkeys.get()]).toEqual([false, 0n, 1n]);
    expect([subtensor.AccountFlags.get(NEW), subtensor.AccountFlags.has(WHO)]).toEqual([4n, false]);
    expect([balanceOf(runtime, WHO), balanceOf(runtime, NEW)]).toEqual([0n, balance]);
    expect(subtensor.LastRateLimitedBlock.get({ type: 'LastTxBlock', value: NEW })).toBe(1n);
    expect(subtensor.ColdkeySwapAnnouncements.has(WHO)).toBe(false);
  });

  it('leaves an identity that the new coldkey has (test_do_swap_coldkey_preserves_new_coldkey_identity)', () => {
    const runtime = world();
    runtime.subtensor.IdentitiesV2.set(WHO, named(1));
    runtime.subtensor.IdentitiesV2.set(NEW, named(2));
    runtime.expect(runtime.call('root', 'swap_coldkey', { old_coldkey: WHO, new_coldkey: NEW, swap_cost: 0n }));
    expect([runtime.subtensor.IdentitiesV2.get(WHO), runtime.subtensor.IdentitiesV2.get(NEW)]).toEqual([named(1), named(2)]);
  });

  it('by root needs no announcement, costs what root says, and ends announcement and dispute (test_swap_coldkey_…)', () => {
    const runtime = world();
    const force = (swap_cost: bigint): string | undefined => runtime.call('root', 'swap_coldkey', { old_coldkey: WHO, new_coldkey: NEW, swap_cost });
    expect(runtime.call(WHO, 'swap_coldkey', { old_coldkey: WHO, new_coldkey: NEW, swap_cost: 0n })).toBe('BadOrigin');
    expect(force(COST + 1n)).toBe('NotEnoughBalanceToPaySwapColdKey');
    runtime.subtensor.ColdkeySwapAnnouncements.set(WHO, [1, hashOf(OTHER)]);
    runtime.subtensor.ColdkeySwapDisputes.set(WHO, 1);
    expect(force(COST)).toBeUndefined();
    expect([balanceOf(runtime, WHO), balanceOf(runtime, NEW)]).toEqual([0n, ED]);
    expect([runtime.subtensor.ColdkeySwapAnnouncements.has(WHO), runtime.subtensor.ColdkeySwapDisputes.has(WHO)]).toEqual([false, false]);
  });

  it('by schedule_swap_coldkey is gone (test_schedule_swap_coldkey_deprecated)', () => {
    expect(world().call(WHO, 'schedule_swap_coldkey', { new_coldkey: NEW })).toBe('Deprecated');
  });

  it('waits as long as root says', () => {
    const runtime = world();
    expect(runtime.call('root', 'AdminUtils.sudo_set_coldkey_swap_announcement_delay', { duration: 50 })).toBeUndefined();
    expect(runtime.call('root', 'AdminUtils.sudo_set_coldkey_swap_reannouncement_delay', { duration: 5 })).toBeUndefined();
    expect(runtime.events()).toEqual(['ColdkeySwapAnnouncementDelaySet', 'ColdkeySwapReannouncementDelaySet']);
    announce(runtime);
    runtime.jump(56);
    expect(announce(runtime, OTHER)).toBeUndefined();
    expect(runtime.subtensor.ColdkeySwapAnnouncements.get(WHO)?.[0]).toBe(106);
  });
});

describe('over the wire', () => {
  let connected: World;
  beforeAll(async () => {
    connected = await openWorld();
  });
  afterAll(() => connected.close());

  it('transactions of an announced coldkey are invalid with the chain’s codes, 0 and 21', async () => {
    const { api } = connected;
    const [bob, fresh] = [pairOf('//Bob'), pairOf('//Bob//fresh')];
    await sudo(api, tx(api, 'adminUtils', 'sudoSetColdkeySwapAnnouncementDelay', 3));
    expect((await send(api, tx(api, 'subtensorModule', 'announceColdkeySwap', blake2(fresh.publicKey)), bob)).error).toBeUndefined();
    const remark = (): Promise<string> => failureOf(tx(api, 'system', 'remark', '0x').signAndSend(bob, { nonce: -1 }));
    expect(await remark()).toContain('Custom error: 0');
    expect((await send(api, tx(api, 'subtensorModule', 'disputeColdkeySwap'), bob)).error).toBeUndefined();
    expect(await remark()).toContain('Custom error: 21');
    expect(await sudo(api, tx(api, 'subtensorModule', 'swapColdkey', bob.address, fresh.address, 0))).toBeUndefined();
    expect(await read(api, 'system', 'account', [bob.address])).toMatchObject({ data: { free: 0 } });
    expect(BigInt(String(((await read(api, 'system', 'account', [fresh.address])) as { data: { free: string } }).data.free))).toBeGreaterThan(999_000n * TAO);
  });
});
