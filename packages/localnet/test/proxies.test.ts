import { connectChain, createCall, findEvent, openKeypair, sendCall, type Chain } from '@connito/chain';
import { createKeyDerived } from '@polkadot/util-crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blake2, toHex } from '../src/hex.ts';
import { encodeScale } from '../src/scale/codec.ts';
import type { RuntimeCall } from '../src/scale/type-of.ts';
import { errorName, type DispatchError } from '../src/runtime/execution.ts';
import { isSuperset, mayCall, type ProxyType } from '../src/runtime/proxy-types.ts';
import { startLocalnet, type Localnet } from '../src/index.ts';
import { account, Runtime, TAO } from './runtime-support.ts';
import { SLOW_BEACON } from './support.ts';

const REAL = account(1);
const DELEGATE = account(2);
const OTHER = account(3);
const id = (value: string): object => ({ type: 'Id', value });
const call = (name: string, args: object = {}): RuntimeCall => {
  const [pallet = '', method = ''] = name.split('.');
  return { pallet, call: method, args: args as Record<string, unknown> };
};
const transfer = (amountRao: bigint, dest = OTHER): RuntimeCall => call('Balances.transfer_keep_alive', { dest: id(dest), value: amountRao });
const REMARK = call('System.remark', { remark: new Uint8Array([1]) });

const definition = (delegate: string, type: ProxyType, delay: number): object => ({ delegate, proxy_type: { type }, delay });
const system = (value: object): object => ({ type: 'system', value });

function world(): Runtime {
  const runtime = new Runtime();
  for (const who of [REAL, DELEGATE]) runtime.fund(who, 100n * TAO);
  runtime.events();
  return runtime;
}
const balance = (runtime: Runtime, who: string): { free: bigint; reserved: bigint } => runtime.execution.storage.System.Account.get(who).data;
const proxies = (runtime: Runtime, who: string): unknown => runtime.execution.storage.Proxy.Proxies.get(who);
const add = (runtime: Runtime, type: ProxyType, { delegate = DELEGATE, delay = 0, from = REAL }: { delegate?: string; delay?: number; from?: string } = {}): string | undefined =>
  runtime.call(from, 'Proxy.add_proxy', { delegate: id(delegate), proxy_type: { type }, delay });
/** Calls through a proxy: the error of the proxy itself, or how `ProxyExecuted` says that the call ended. */
function through(runtime: Runtime, inner: RuntimeCall, { from = DELEGATE, real = REAL, type }: { from?: string; real?: string; type?: ProxyType } = {}): string {
  runtime.events();
  const error = runtime.call(from, 'Proxy.proxy', { real: id(real), force_proxy_type: type === undefined ? undefined : { type }, call: inner });
  return error === undefined ? executed(runtime) : `not executed: ${error}`;
}
/** The data of the last event. */
function lastEvent(runtime: Runtime): unknown {
  return runtime.records().at(-1)?.data;
}
function executed(runtime: Runtime): string {
  const { result } = lastEvent(runtime) as { result: { type: 'Ok' } | { type: 'Err'; value: DispatchError } };
  return result.type === 'Ok' ? 'Ok' : errorName(result.value);
}

describe('the list of proxies', () => {
  it('holds a deposit by their number, and gives it back', () => {
    const runtime = world();
    expect(add(runtime, 'Staking')).toBeUndefined();
    expect(runtime.records()).toEqual([
      { event: 'Reserved', data: { who: REAL, amount: 93_000_000n } },
      { event: 'ProxyAdded', data: { delegator: REAL, delegatee: DELEGATE, proxy_type: { type: 'Staking' }, delay: 0 } },
    ]);
    expect(add(runtime, 'Any', { delegate: OTHER, delay: 5 })).toBeUndefined();
    expect(add(runtime, 'Any')).toBeUndefined();
    expect(balance(runtime, REAL)).toMatchObject({ free: 100n * TAO - 159_000_000n, reserved: 159_000_000n });
    expect(proxies(runtime, REAL)).toEqual([[definition(DELEGATE, 'Any', 0), definition(DELEGATE, 'Staking', 0), definition(OTHER, 'Any', 5)], 159_000_000n]);
    runtime.events();
    expect(runtime.call(REAL, 'Proxy.remove_proxy', { delegate: id(DELEGATE), proxy_type: { type: 'Any' }, delay: 0 })).toBeUndefined();
    expect(runtime.events()).toEqual(['Unreserved', 'ProxyRemoved']);
    expect(runtime.call(REAL, 'Proxy.remove_proxies')).toBeUndefined();
    expect(runtime.events()).toEqual(['Unreserved']);
    expect([proxies(runtime, REAL), balance(runtime, REAL)]).toMatchObject([[[], 0n], { free: 100n * TAO, reserved: 0n }]);
    expect(runtime.execution.storage.System.Account.get(REAL).consumers).toBe(0);
  });

  it('refuses what the chain refuses', () => {
    const runtime = world();
    expect(add(runtime, 'Any', { delegate: REAL })).toBe('NoSelfProxy');
    expect(add(runtime, 'Any', { from: OTHER })).toBe('InsufficientBalance');
    expect(add(runtime, 'Any')).toBeUndefined();
    expect(add(runtime, 'Any')).toBe('Duplicate');
    expect(runtime.call(REAL, 'Proxy.remove_proxy', { delegate: id(DELEGATE), proxy_type: { type: 'Any' }, delay: 1 })).toBe('NotFound');
    for (let n = 1; n < 20; n++) expect(add(runtime, 'Any', { delegate: account(100 + n) })).toBeUndefined();
    expect(add(runtime, 'Any', { delegate: account(200) })).toBe('TooMany');
    expect(runtime.call('root', 'Proxy.remove_proxies')).toBe('BadOrigin');
  });

  it('keeps the account alive whose deposit it holds', () => {
    const runtime = world();
    runtime.fund(OTHER, 93_000_100n);
    expect(add(runtime, 'Any', { from: OTHER })).toBe('ConsumerRemaining');
    runtime.fund(OTHER, 1000n);
    expect(add(runtime, 'Any', { from: OTHER })).toBeUndefined();
    expect(runtime.call(OTHER, 'Balances.transfer_allow_death', { dest: id(REAL), value: 1000n })).toBe('Token.Frozen');
    expect(runtime.call(OTHER, 'Balances.transfer_all', { dest: id(REAL), keep_alive: false })).toBeUndefined();
    expect(balance(runtime, OTHER)).toMatchObject({ free: 500n, reserved: 93_000_000n });
    expect(runtime.call('root', 'Balances.force_set_balance', { who: id(OTHER), new_free: 0n })).toBe('ConsumerRemaining');
  });
});

describe('deposits and fees of proxies', () => {
  it('poke_deposit brings deposits to what they are now, and tells of each', () => {
    const runtime = world();
    add(runtime, 'Any');
    add(runtime, 'Any', { from: DELEGATE, delegate: REAL });
    runtime.expect(runtime.call(REAL, 'Proxy.announce', { real: id(DELEGATE), call_hash: OTHER }));
    runtime.events();
    expect(runtime.call(REAL, 'Proxy.poke_deposit')).toBeUndefined();
    expect(runtime.events()).toEqual([]);
    const { Proxies, Announcements } = runtime.execution.storage.Proxy;
    Proxies.set(REAL, [Proxies.get(REAL)[0], 90_000_000n]);
    Announcements.set(REAL, [Announcements.get(REAL)[0], 106_000_000n]);
    expect(runtime.call(REAL, 'Proxy.poke_deposit')).toBeUndefined();
    expect(runtime.records()).toEqual([
      { event: 'Reserved', data: { who: REAL, amount: 3_000_000n } },
      { event: 'DepositPoked', data: { who: REAL, kind: { type: 'Proxies' }, old_deposit: 90_000_000n, new_deposit: 93_000_000n } },
      { event: 'Unreserved', data: { who: REAL, amount: 2_000_000n } },
      { event: 'DepositPoked', data: { who: REAL, kind: { type: 'Announcements' }, old_deposit: 106_000_000n, new_deposit: 104_000_000n } },
    ]);
    expect([Proxies.get(REAL)[1], Announcements.get(REAL)[1]]).toEqual([93_000_000n, 104_000_000n]);
    expect(runtime.call('root', 'Proxy.poke_deposit')).toBe('BadOrigin');
    expect(runtime.call(OTHER, 'Proxy.poke_deposit')).toBeUndefined();
  });

  it('set_real_pays_fee is noted until the proxy is gone', () => {
    const runtime = world();
    const { RealPaysFee } = runtime.execution.storage.Proxy;
    const set = (pays_fee: boolean): string | undefined => runtime.call(REAL, 'Proxy.set_real_pays_fee', { delegate: id(DELEGATE), pays_fee });
    expect(set(true)).toBe('NotProxy');
    add(runtime, 'Any');
    runtime.events();
    expect(set(true)).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'RealPaysFeeSet', data: { real: REAL, delegate: DELEGATE, pays_fee: true } }]);
    expect(RealPaysFee.has(REAL, DELEGATE)).toBe(true);
    expect(set(false)).toBeUndefined();
    expect(RealPaysFee.has(REAL, DELEGATE)).toBe(false);
    set(true);
    runtime.expect(runtime.call(REAL, 'Proxy.remove_proxy', { delegate: id(DELEGATE), proxy_type: { type: 'Any' }, delay: 0 }));
    expect(RealPaysFee.has(REAL, DELEGATE)).toBe(false);
    add(runtime, 'Any');
    set(true);
    runtime.expect(runtime.call(REAL, 'Proxy.remove_proxies'));
    expect(RealPaysFee.has(REAL, DELEGATE)).toBe(false);
  });
});

describe('a call through a proxy', () => {
  it('is made by the account itself; its failure is told by the event alone', () => {
    const runtime = world();
    expect(through(runtime, transfer(TAO))).toBe('not executed: NotProxy');
    add(runtime, 'Any');
    expect(through(runtime, transfer(TAO))).toBe('Ok');
    expect(balance(runtime, OTHER).free).toBe(TAO);
    expect(through(runtime, call('SubtensorModule.start_call', { netuid: 9 }))).toBe('SubnetNotExists');
    expect(through(runtime, transfer(1000n * TAO))).toBe('Token');
    expect(balance(runtime, DELEGATE).free).toBe(100n * TAO);
  });

  it('needs the forced type, and an announcement where there is a delay', () => {
    const runtime = world();
    add(runtime, 'Any', { delay: 2 });
    add(runtime, 'Staking');
    expect(through(runtime, REMARK)).toBe('not executed: Unannounced');
    expect(through(runtime, REMARK, { type: 'Transfer' })).toBe('not executed: NotProxy');
    expect(through(runtime, REMARK, { type: 'Staking' })).toBe('CallFiltered');
  });

  it('is guarded like one of the account', () => {
    const runtime = world();
    const netuid = runtime.subnet({ owner: 10, neurons: 1 });
    const hotkey = account(100 * netuid);
    runtime.fund(hotkey, TAO);
    add(runtime, 'Any', { from: hotkey });
    runtime.subtensor.StakeThreshold.set(10n ** 18n);
    const weights = call('SubtensorModule.set_weights', { netuid, dests: [0], weights: [1], version_key: 0n });
    expect(through(runtime, weights, { real: hotkey })).toBe('NotEnoughStakeToSetWeights');
  });

  it('is filtered inside batches too', () => {
    const runtime = world();
    add(runtime, 'NonTransfer');
    const batch = (name: string, calls: RuntimeCall[]): RuntimeCall => call(`Utility.${name}`, { calls });
    expect(through(runtime, transfer(TAO))).toBe('CallFiltered');
    expect(through(runtime, batch('batch_all', [REMARK, transfer(TAO)]))).toBe('CallFiltered');
    expect(through(runtime, batch('batch_all', [REMARK]))).toBe('Ok');
    runtime.call(DELEGATE, 'Proxy.proxy', { real: id(REAL), call: batch('force_batch', [transfer(TAO), REMARK]) });
    expect(runtime.events()).toEqual(['ItemFailed', 'ItemCompleted', 'BatchCompletedWithErrors', 'ProxyExecuted']);
    const derived = (inner: RuntimeCall): RuntimeCall => call('Utility.as_derivative', { index: 0, call: inner });
    expect(through(runtime, derived(transfer(TAO)))).toBe('CallFiltered');
    expect(through(runtime, call('Utility.if_else', { main: transfer(TAO), fallback: REMARK }))).toBe('Ok');
    expect(balance(runtime, OTHER).free).toBe(0n);
  });

  it('gives no more rights than the proxy has', () => {
    const runtime = world();
    add(runtime, 'NonTransfer');
    const adding = (type: ProxyType): RuntimeCall => call('Proxy.add_proxy', { delegate: id(OTHER), proxy_type: { type }, delay: 0 });
    expect(through(runtime, adding('Any'))).toBe('CallFiltered');
    expect(through(runtime, adding('Transfer'))).toBe('CallFiltered');
    expect(through(runtime, adding('Staking'))).toBe('Ok');
    expect(through(runtime, call('Proxy.remove_proxies'))).toBe('CallFiltered');
    add(runtime, 'Any');
    expect(through(runtime, call('Proxy.remove_proxies'), { type: 'Any' })).toBe('Ok');
  });
});

describe('proxy types', () => {
  // By `define_proxy_filters!` of runtime/src/lib.rs: calls that a type may and may not make.
  const stake = call('SubtensorModule.add_stake');
  const alpha = (amount: bigint): RuntimeCall => call('SubtensorModule.transfer_stake', { alpha_amount: amount });
  const cases: readonly (readonly [ProxyType, may: readonly RuntimeCall[], mayNot: readonly RuntimeCall[]])[] = [
    ['Any', [stake, transfer(TAO), call('Sudo.sudo')], []],
    ['NonTransfer', [stake, call('SubtensorModule.move_stake'), call('Proxy.add_proxy')], [transfer(1n), call('Balances.force_set_balance'), alpha(1n), call('SubtensorModule.swap_coldkey')]],
    ['NonFungible', [call('SubtensorModule.set_weights'), call('SubtensorModule.register')], [stake, transfer(1n), alpha(1n), call('SubtensorModule.burned_register'), call('SubtensorModule.swap_hotkey_v2')]],
    ['Transfer', [transfer(TAO), alpha(TAO), call('Balances.transfer_all')], [stake, REMARK, call('Utility.batch')]],
    ['SmallTransfer', [transfer(499_999_999n), alpha(499_999_999n)], [transfer(500_000_000n), alpha(500_000_000n), call('Balances.transfer_all')]],
    ['Owner', [call('AdminUtils.sudo_set_kappa'), call('SubtensorModule.set_subnet_identity')], [call('AdminUtils.sudo_set_sn_owner_hotkey'), stake]],
    ['NonCritical', [stake, transfer(TAO), call('SubtensorModule.swap_coldkey')], [call('Sudo.sudo_as'), call('SubtensorModule.dissolve_network'), call('SubtensorModule.burned_register')]],
    ['Staking', [stake, call('SubtensorModule.unstake_all'), call('SubtensorModule.set_root_claim_type')], [alpha(1n), transfer(1n)]],
    ['Registration', [call('SubtensorModule.register_limit')], [call('SubtensorModule.root_register'), stake]],
    ['ChildKeys', [call('SubtensorModule.set_children')], [stake]],
    ['SwapHotkey', [call('SubtensorModule.swap_hotkey')], [stake]],
    ['SubnetLeaseBeneficiary', [call('SubtensorModule.start_call'), call('AdminUtils.sudo_set_max_burn')], [call('AdminUtils.sudo_set_min_burn')]],
    ['RootClaim', [call('SubtensorModule.claim_root')], [stake]],
    ['SudoUncheckedSetCode', [call('Sudo.sudo_unchecked_weight', { call: call('System.set_code') })], [call('Sudo.sudo_unchecked_weight', { call: REMARK }), call('System.set_code')]],
    ['Senate', [], [REMARK]],
    ['Triumvirate', [], [REMARK]],
    ['Governance', [], [REMARK]],
    ['RootWeights', [], [REMARK]],
  ];
  it.each(cases)('%s', (type, may, mayNot) => {
    expect(may.filter((inner) => !mayCall(type, inner))).toEqual([]);
    expect(mayNot.filter((inner) => mayCall(type, inner))).toEqual([]);
  });

  it('contain each other as the chain says', () => {
    const types = cases.map(([type]) => type);
    expect(types.filter((type) => !isSuperset('Any', type))).toEqual([]);
    expect(types.filter((type) => !isSuperset('NonTransfer', type))).toEqual(['Any', 'Transfer', 'SmallTransfer']);
    expect(types.filter((type) => isSuperset('Transfer', type))).toEqual(['Transfer', 'SmallTransfer']);
    expect(types.filter((type) => isSuperset('Staking', type))).toEqual(['Staking']);
  });
});

describe('pure accounts', () => {
  // hashlib.blake2b(b'modlpy/proxy____' + spawner + u32(7) + u32(3) + b'\x08' + u16(513), digest_size=32), Python 3
  const PURE = 'f8eecf387762fd86897e0b669f0d66c9db358a3a5cc2619118babc2f3ea8bd89';

  it('have the address that their creation gives them, are called for by their spawner, and end', () => {
    const runtime = world();
    runtime.jump(7);
    runtime.execution.phase = { type: 'ApplyExtrinsic', value: 3 };
    const create = (): string | undefined => runtime.call(REAL, 'Proxy.create_pure', { proxy_type: { type: 'Staking' }, delay: 0, index: 513 });
    expect(create()).toBeUndefined();
    expect(runtime.records()).toEqual([
      { event: 'Reserved', data: { who: REAL, amount: 93_000_000n } },
      { event: 'PureCreated', data: { pure: PURE, who: REAL, proxy_type: { type: 'Staking' }, disambiguation_index: 513 } },
    ]);
    expect(create()).toBe('Duplicate');
    const kill = (index: number): RuntimeCall => call('Proxy.kill_pure', { spawner: id(REAL), proxy_type: { type: 'Staking' }, index, height: 7, ext_index: 3 });
    expect(through(runtime, kill(513), { from: REAL, real: PURE })).toBe('CallFiltered');
    expect(runtime.call(PURE, 'Proxy.kill_pure', kill(514).args)).toBe('NoPermission');
    expect(runtime.call(PURE, 'Proxy.kill_pure', kill(513).args)).toBeUndefined();
    expect(runtime.events()).toEqual(['Unreserved', 'PureKilled']);
    expect(balance(runtime, REAL)).toMatchObject({ free: 100n * TAO, reserved: 0n });
  });

  it('of type Any do what their spawner calls', () => {
    const runtime = world();
    runtime.call(REAL, 'Proxy.create_pure', { proxy_type: { type: 'Any' }, delay: 0, index: 0 });
    const { pure } = lastEvent(runtime) as { pure: string };
    runtime.fund(pure, TAO);
    expect(through(runtime, transfer(1000n), { from: REAL, real: pure })).toBe('Ok');
    expect(through(runtime, transfer(1000n), { from: DELEGATE, real: pure })).toBe('not executed: NotProxy');
  });
});

describe('announcements', () => {
  const HASH = toHex(blake2(encodeScale('RuntimeCall', transfer(TAO))));
  const announce = (runtime: Runtime): string | undefined => runtime.call(DELEGATE, 'Proxy.announce', { real: id(REAL), call_hash: HASH });
  const execute = (runtime: Runtime): string => {
    const error = runtime.call(OTHER, 'Proxy.proxy_announced', { delegate: id(DELEGATE), real: id(REAL), call: transfer(TAO) });
    return error ?? executed(runtime);
  };

  it('let a delayed call be made after the delay, once, by anybody', () => {
    const runtime = world();
    expect(announce(runtime)).toBe('NotProxy');
    add(runtime, 'Any', { delay: 3 });
    runtime.events();
    expect(execute(runtime)).toBe('Unannounced');
    expect(announce(runtime)).toBeUndefined();
    expect(runtime.records()).toEqual([
      { event: 'Reserved', data: { who: DELEGATE, amount: 104_000_000n } },
      { event: 'Announced', data: { real: REAL, proxy: DELEGATE, call_hash: HASH } },
    ]);
    runtime.jump(runtime.execution.blockNumber + 2);
    expect(execute(runtime)).toBe('Unannounced');
    runtime.jump(runtime.execution.blockNumber + 1);
    expect(execute(runtime)).toBe('Ok');
    expect([balance(runtime, OTHER).free, balance(runtime, DELEGATE).reserved]).toEqual([TAO, 0n]);
    expect(execute(runtime)).toBe('Unannounced');
  });

  it('are taken back by the proxy and refused by the account', () => {
    const runtime = world();
    add(runtime, 'Any', { delay: 3 });
    const removals = [
      [DELEGATE, 'Proxy.remove_announcement', { real: id(REAL), call_hash: HASH }],
      [REAL, 'Proxy.reject_announcement', { delegate: id(DELEGATE), call_hash: HASH }],
    ] as const;
    for (const [from, name, args] of removals) {
      expect(runtime.call(from, name, args)).toBe('NotFound');
      announce(runtime);
      announce(runtime);
      expect(balance(runtime, DELEGATE).reserved).toBe(172_000_000n);
      expect(runtime.call(from, name, args)).toBeUndefined();
      expect(balance(runtime, DELEGATE).reserved).toBe(0n);
    }
    for (let n = 0; n < 75; n++) expect(announce(runtime)).toBeUndefined();
    expect(announce(runtime)).toBe('TooMany');
  });
});

describe('Utility', () => {
  it('calls for derivative accounts, whose addresses are those of polkadot-js', () => {
    const runtime = world();
    const derived = toHex(createKeyDerived(Buffer.from(REAL, 'hex'), 513));
    expect(runtime.call(REAL, 'Utility.as_derivative', { index: 513, call: transfer(TAO) })).toBe('Token.FundsUnavailable');
    runtime.fund(derived, 2n * TAO);
    expect(runtime.call(REAL, 'Utility.as_derivative', { index: 513, call: transfer(TAO) })).toBeUndefined();
    expect(balance(runtime, derived).free).toBe(TAO);
    expect(runtime.call('root', 'Utility.as_derivative', { index: 0, call: REMARK })).toBe('BadOrigin');
  });

  it('dispatches as any origin for root', () => {
    const runtime = world();
    const as = (as_origin: object, inner: RuntimeCall): unknown => {
      runtime.events();
      expect(runtime.call('root', 'Utility.dispatch_as', { as_origin, call: inner })).toBeUndefined();
      return (lastEvent(runtime) as { result: { type: string } }).result.type;
    };
    expect(as(system({ type: 'Signed', value: REAL }), transfer(TAO))).toBe('Ok');
    expect(balance(runtime, OTHER).free).toBe(TAO);
    expect(as(system({ type: 'None' }), transfer(TAO))).toBe('Err');
    expect(as(system({ type: 'Root' }), call('Balances.force_set_balance', { who: id(OTHER), new_free: 0n }))).toBe('Ok');
    expect(as({ type: 'Ethereum', value: { type: 'EthereumTransaction', value: new Uint8Array(20) } }, REMARK)).toBe('Err');
    expect(runtime.call(REAL, 'Utility.dispatch_as', { as_origin: system({ type: 'Root' }), call: REMARK })).toBe('BadOrigin');
  });

  it('falls back where the main call fails, and fails with the fallback', () => {
    const runtime = world();
    const either = (main: RuntimeCall, fallback: RuntimeCall): string | undefined => runtime.call(REAL, 'Utility.if_else', { main, fallback });
    expect(either(REMARK, transfer(TAO))).toBeUndefined();
    expect(runtime.events()).toEqual(['IfElseMainSuccess']);
    expect(either(transfer(1000n * TAO), REMARK)).toBeUndefined();
    expect(runtime.events()).toEqual(['IfElseFallbackCalled']);
    expect(either(transfer(1000n * TAO), call('SubtensorModule.start_call', { netuid: 9 }))).toBe('SubnetNotExists');
  });

  it('dispatch_as_fallible and with_weight fail with their call, and are root’s', () => {
    const runtime = world();
    const as = (inner: RuntimeCall, from = 'root'): string | undefined => runtime.call(from, 'Utility.dispatch_as_fallible', { as_origin: system({ type: 'Signed', value: REAL }), call: inner });
    expect(as(REMARK, REAL)).toBe('BadOrigin');
    expect(as(transfer(1000n * TAO))).toBe('Token.FundsUnavailable');
    expect(runtime.events()).toEqual([]);
    expect(as(transfer(TAO))).toBeUndefined();
    expect(runtime.records().at(-1)).toEqual({ event: 'DispatchedAs', data: { result: { type: 'Ok', value: undefined } } });
    const weighted = (inner: RuntimeCall, from = 'root'): string | undefined => runtime.call(from, 'Utility.with_weight', { call: inner, weight: { ref_time: 1n, proof_size: 0n } });
    expect(weighted(REMARK, REAL)).toBe('BadOrigin');
    expect(weighted(transfer(TAO))).toBe('BadOrigin');
    expect(weighted(call('Balances.force_set_balance', { who: id(OTHER), new_free: 5n * TAO }))).toBeUndefined();
    expect(balance(runtime, OTHER).free).toBe(5n * TAO);
  });

  it('has no batches in batches, but for root', () => {
    const runtime = world();
    const batch = (calls: readonly RuntimeCall[]): RuntimeCall => call('Utility.batch', { calls });
    for (const name of ['batch', 'batch_all', 'force_batch']) {
      expect(runtime.call(REAL, `Utility.${name}`, { calls: [batch([REMARK])] })).toBe('CallFiltered');
      expect(runtime.call('root', `Utility.${name}`, { calls: [batch([])] })).toBeUndefined();
    }
    const all = call('Utility.batch_all', { calls: [REMARK] });
    expect(runtime.call(REAL, 'Utility.batch_all', { calls: [call('Utility.if_else', { main: REMARK, fallback: REMARK })] })).toBeUndefined();
    expect(runtime.call(REAL, 'Utility.batch_all', { calls: [call('Utility.as_derivative', { index: 0, call: all })] })).toBe('CallFiltered');
    expect(runtime.call(REAL, 'Utility.batch', { calls: [call('Utility.as_derivative', { index: 0, call: all })] })).toBeUndefined();
  });
});

describe('over the wire, by @connito/chain', () => {
  let net: Localnet;
  let chain: Chain;
  beforeAll(async () => {
    net = await startLocalnet({ seed: 'proxies', ...SLOW_BEACON });
    chain = await connectChain({ endpoint: net.endpoint });
  });
  afterAll(async () => {
    await chain.close();
    await net.close();
  });

  it('a pure account can be made, used by its spawner, and fails as any other call does', async () => {
    const [alice, bob] = [openKeypair('//Alice'), openKeypair('//Bob')];
    const made = await sendCall(chain, createCall(chain, 'Proxy', 'create_pure', ['Any', 0, 7]), { signer: alice });
    const pure = String(findEvent(made, 'Proxy', 'PureCreated')[0]);
    const pay = (amountRao: bigint) => createCall(chain, 'Balances', 'transfer_keep_alive', [bob.hotkey, amountRao]);
    const proxied = (amountRao: bigint) => sendCall(chain, createCall(chain, 'Proxy', 'proxy', [pure, null, pay(amountRao)]), { signer: alice });
    await expect(proxied(TAO)).rejects.toMatchObject({ code: 'dispatch-failed', context: { pallet: 'Token', error: 'FundsUnavailable' } });
    await sendCall(chain, createCall(chain, 'Balances', 'transfer_keep_alive', [pure, 5n * TAO]), { signer: alice });
    expect(findEvent(await proxied(TAO), 'Balances', 'Transfer').slice(0, 2)).toEqual([pure, bob.hotkey]);
    const stranger = sendCall(chain, createCall(chain, 'Proxy', 'proxy', [pure, null, pay(TAO)]), { signer: bob });
    await expect(stranger).rejects.toMatchObject({ code: 'dispatch-failed', context: { pallet: 'Proxy', error: 'NotProxy' } });
  });

  it('a batch that was interrupted has failed', async () => {
    const calls = [createCall(chain, 'System', 'remark', ['0x01']), createCall(chain, 'SubtensorModule', 'start_call', [99])];
    for (const name of ['batch', 'force_batch', 'batch_all']) {
      await expect(sendCall(chain, createCall(chain, 'Utility', name, [calls]), { signer: openKeypair('//Alice') })).rejects.toMatchObject({ code: 'dispatch-failed', context: { pallet: 'SubtensorModule', error: 'SubnetNotExists' } });
    }
  });
});
