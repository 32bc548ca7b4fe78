import { describe, expect, it } from 'vitest';
import { stakeOf } from '../src/runtime/share-pool.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

const OWNER = account(1);
const HOTKEY = account(2);
const OTHER = account(0x50);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A subnet of account 1 with two neurons, at block 200 (far from an epoch). */
function world(): Runtime {
  const runtime = new Runtime();
  runtime.subnet({ neurons: 2 });
  runtime.fund(OTHER, 100_000n * TAO);
  runtime.jump(200);
  runtime.events();
  return runtime;
}
const admin = (runtime: Runtime, from: string, call: string, args: object): string | undefined => runtime.call(from, `AdminUtils.${call}`, { netuid: 1, ...args });

describe('owners’ setters', () => {
  it('are theirs and root’s, once per hyperparameter and two tempos, outside the freeze window', () => {
    const runtime = world();
    expect(admin(runtime, OTHER, 'sudo_set_rho', { rho: 5 })).toBe('BadOrigin');
    expect(admin(runtime, OWNER, 'sudo_set_rho', { rho: 5 })).toBeUndefined();
    expect(admin(runtime, OWNER, 'sudo_set_rho', { rho: 6 })).toBe('TxRateLimitExceeded');
    expect(admin(runtime, OWNER, 'sudo_set_bonds_penalty', { bonds_penalty: 1 })).toBeUndefined();
    expect(admin(runtime, 'root', 'sudo_set_rho', { rho: 7 })).toBeUndefined();
    expect(runtime.subtensor.Rho.get(1)).toBe(7);
    runtime.jump(355);
    expect(admin(runtime, OWNER, 'sudo_set_adjustment_alpha', { adjustment_alpha: 1n })).toBe('AdminActionProhibitedDuringWeightsWindow');
    expect(admin(runtime, OWNER, 'sudo_set_difficulty', { difficulty: 1n })).toBe('BadOrigin');
  });

  it('have the bounds of the chain', () => {
    const runtime = world();
    expect(admin(runtime, 'root', 'sudo_set_alpha_values', { alpha_low: 2000, alpha_high: 3000 })).toBe('LiquidAlphaDisabled');
    expect(admin(runtime, 'root', 'sudo_set_liquid_alpha_enabled', { enabled: true })).toBeUndefined();
    expect(admin(runtime, 'root', 'sudo_set_alpha_values', { alpha_low: 1000, alpha_high: 1000 })).toBe('AlphaHighTooLow');
    expect(admin(runtime, 'root', 'sudo_set_alpha_values', { alpha_low: 1000, alpha_high: 3000 })).toBe('AlphaLowOutOfRange');
    expect(admin(runtime, 'root', 'sudo_set_alpha_values', { alpha_low: 2000, alpha_high: 3000 })).toBeUndefined();
    expect(admin(runtime, OWNER, 'sudo_set_alpha_sigmoid_steepness', { steepness: -1 })).toBe('NegativeSigmoidSteepness');
    expect(admin(runtime, 'root', 'sudo_set_alpha_sigmoid_steepness', { steepness: -1 })).toBeUndefined();
    expect(admin(runtime, 'root', 'sudo_set_burn_half_life', { burn_half_life: 36_101 })).toBe('InvalidValue');
    expect(admin(runtime, 'root', 'sudo_set_subnet_emission_enabled', { netuid: 0, enabled: true })).toBe('NotPermittedOnRootSubnet');
    expect(admin(runtime, 'root', 'sudo_set_owner_immune_neuron_limit', { immune_neurons: 11 })).toBe('InvalidValue');
    expect(admin(runtime, 'root', 'sudo_set_min_childkey_take_per_subnet', { take: 60_000 })).toBe('InvalidValue');
    expect(admin(runtime, 'root', 'sudo_set_min_allowed_uids', { min_allowed_uids: 256 })).toBe('MinAllowedUidsGreaterThanMaxAllowedUids');
    expect(admin(runtime, 'root', 'sudo_set_min_allowed_uids', { min_allowed_uids: 3 })).toBe('MinAllowedUidsGreaterThanCurrentUids');
    expect(admin(runtime, 'root', 'sudo_set_yuma3_enabled', { netuid: 1, enabled: false })).toBeUndefined();
    expect(runtime.events()).toContain('Yuma3EnableToggled');
  });

  it('of emission by flow, and of what is gone', () => {
    const runtime = world();
    const exponent = (bits: bigint): string | undefined => admin(runtime, 'root', 'sudo_set_tao_flow_normalization_exponent', { exponent: { bits } });
    expect([exponent((1n << 64n) - 1n), exponent((2n << 64n) + 1n), exponent(3n << 63n)]).toEqual(['InvalidValue', 'InvalidValue', undefined]);
    expect(runtime.subtensor.FlowNormExponent.get().bits).toBe(3n << 63n);
    expect(admin(runtime, 'root', 'sudo_set_tao_flow_cutoff', { flow_cutoff: { bits: -5n } })).toBeUndefined();
    expect(admin(runtime, 'root', 'sudo_set_tao_flow_smoothing_factor', { smoothing_factor: 9n })).toBeUndefined();
    expect(admin(runtime, 'root', 'sudo_set_net_tao_flow_enabled', { enabled: false })).toBeUndefined();
    const { TaoFlowCutoff, FlowEmaSmoothingFactor, NetTaoFlowEnabled, OwnerCutAutoLockEnabled } = runtime.subtensor;
    expect([TaoFlowCutoff.get().bits, FlowEmaSmoothingFactor.get(), NetTaoFlowEnabled.get()]).toEqual([-5n, 9n, false]);
    expect(admin(runtime, OWNER, 'sudo_set_owner_cut_auto_lock_enabled', { enabled: true })).toBeUndefined();
    expect(OwnerCutAutoLockEnabled.get(1)).toBe(true);
    runtime.subtensor.AdminFreezeWindow.set(0);
    expect(admin(runtime, 'root', 'sudo_set_owner_cut_auto_lock_enabled', { netuid: 0, enabled: true })).toBe('NotPermittedOnRootSubnet');
    expect(admin(runtime, OWNER, 'sudo_set_network_pow_registration_allowed', { registration_allowed: true })).toBe('POWRegistrationDisabled');
    expect(admin(runtime, OTHER, 'sudo_set_total_issuance', { total_issuance: 1n })).toBe('Deprecated');
    runtime.events();
    expect(admin(runtime, 'root', 'sudo_set_dissolve_network_schedule_duration', { duration: 7 })).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'DissolveNetworkScheduleDurationSet', data: [7] }]);
    expect(runtime.call(OWNER, 'dissolve_network', { coldkey: OWNER, netuid: 1 })).toBe('BadOrigin');
    expect(runtime.call('root', 'dissolve_network', { coldkey: OWNER, netuid: 1 })).toBeUndefined();
  });

  it('of mechanisms drop what those that are gone had', () => {
    const runtime = world();
    const count = (mechanism_count: number): string | undefined => admin(runtime, 'root', 'sudo_set_mechanism_count', { mechanism_count });
    expect(count(0)).toBe('InvalidValue');
    expect(count(3)).toBe('InvalidValue');
    expect(count(2)).toBe('TooManyUIDsPerMechanism');
    runtime.subtensor.MaxAllowedUids.set(1, 128);
    expect(count(2)).toBeUndefined();
    expect(admin(runtime, 'root', 'sudo_set_mechanism_emission_split', { maybe_split: [1, 2] })).toBe('InvalidValue');
    expect(admin(runtime, 'root', 'sudo_set_mechanism_emission_split', { maybe_split: [65_000, 535] })).toBeUndefined();
    runtime.subtensor.Weights.set(4097, 0, [[1, 5]]);
    expect(count(1)).toBeUndefined();
    expect(runtime.subtensor.Weights.entries(4097)).toEqual([]);
    expect(runtime.subtensor.MechanismEmissionSplit.get(1)).toBeUndefined();
  });
});

describe('the owner’s epochs', () => {
  it('come by a tempo within bounds, and on demand', () => {
    const runtime = world();
    expect(runtime.call(OTHER, 'set_tempo', { netuid: 1, tempo: 400 })).toBe('BadOrigin');
    expect(runtime.call(OWNER, 'set_tempo', { netuid: 1, tempo: 359 })).toBe('TempoOutOfBounds');
    expect(runtime.call(OWNER, 'set_tempo', { netuid: 1, tempo: 400 })).toBeUndefined();
    expect(runtime.subtensor.LastEpochBlock.get(1)).toBe(200n);
    expect(runtime.call(OWNER, 'set_tempo', { netuid: 1, tempo: 500 })).toBe('TxRateLimitExceeded');
    expect(runtime.call(OWNER, 'set_activity_cutoff_factor', { netuid: 1, factor_milli: 999 })).toBe('ActivityCutoffFactorMilliOutOfBounds');
    expect(runtime.call(OWNER, 'set_activity_cutoff_factor', { netuid: 1, factor_milli: 2000 })).toBeUndefined();
    expect(runtime.call(OWNER, 'trigger_epoch', { netuid: 1 })).toBeUndefined();
    expect(runtime.call(OWNER, 'trigger_epoch', { netuid: 1 })).toBe('EpochTriggerAlreadyPending');
    const index = runtime.subtensor.SubnetEpochIndex.get(1);
    runtime.blocks(10);
    expect(runtime.subtensor.SubnetEpochIndex.get(1)).toBe(index + 1n);
    runtime.subtensor.CommitRevealWeightsEnabled.set(1, true);
    expect(runtime.call(OWNER, 'trigger_epoch', { netuid: 1 })).toBe('DynamicTempoBlockedByCommitReveal');
  });

  it('cannot be triggered when one is near', () => {
    const runtime = world();
    runtime.jump(355);
    expect(runtime.call(OWNER, 'trigger_epoch', { netuid: 1 })).toBe('AutoEpochAlreadyImminent');
  });

  it('above the cap of a block wait for the next', () => {
    const runtime = new Runtime();
    for (const owner of [1, 0x10, 0x20]) runtime.subnet({ owner });
    for (const netuid of [1, 2, 3]) runtime.subtensor.LastEpochBlock.set(netuid, 0n);
    for (const netuid of [1, 2, 3]) runtime.subtensor.Tempo.set(netuid, 2);
    runtime.blocks();
    expect(runtime.records().find(({ event }) => event === 'EpochDeferred')?.data).toEqual({ netuid: 3, from_block: 2n, to_block: 3n });
    runtime.blocks();
    expect(runtime.subtensor.LastEpochBlock.get(3)).toBe(3n);
  });
});

describe('children and takes', () => {
  it('are refused in the order of the chain, and come into force after the cool-down', () => {
    const runtime = world();
    const set = (children: [bigint, string][], from = OWNER, netuid = 1): string | undefined => runtime.call(from, 'set_children', { hotkey: HOTKEY, netuid, children });
    const half = 1n << 63n;
    expect(set([], OWNER, 0)).toBe('RegistrationNotPermittedOnRootSubnet');
    expect(set([], OWNER, 9)).toBe('SubnetNotExists');
    expect(set([], OTHER)).toBe('NonAssociatedColdKey');
    expect(set([[1n, OTHER], [1n, OTHER]])).toBe('DuplicateChild');
    expect(set([[1n, HOTKEY]])).toBe('InvalidChild');
    expect(set([1, 2, 3, 4, 5, 6].map((n) => [1n, account(0x90 + n)]))).toBe('TooManyChildren');
    expect(set([[half, OTHER], [half, account(0x51)]])).toBe('ProportionOverflow');
    runtime.subtensor.PendingChildKeyCooldown.set(3n);
    expect(set([[half, OTHER]])).toBeUndefined();
    expect(set([[half, OTHER]])).toBe('TxRateLimitExceeded');
    expect(runtime.subtensor.ChildKeys.get(HOTKEY, 1)).toEqual([]);
    while (runtime.subtensor.SubnetEpochIndex.get(1) === 0n) {
      if (runtime.execution.blockNumber < 355) runtime.jump(355);
      runtime.blocks();
    }
    expect(runtime.subtensor.ChildKeys.get(HOTKEY, 1)).toEqual([[half, OTHER]]);
    expect(runtime.subtensor.ParentKeys.get(OTHER, 1)).toEqual([[half, HOTKEY]]);
    expect(runtime.events()).toContain('SetChildren');
  });

  it('of delegates and children rise slowly and have bounds', () => {
    const runtime = world();
    expect(runtime.call(OWNER, 'increase_take', { hotkey: HOTKEY, take: 12_000 })).toBe('DelegateTakeTooHigh');
    expect(runtime.call(OTHER, 'decrease_take', { hotkey: HOTKEY, take: 100 })).toBe('NonAssociatedColdKey');
    expect(runtime.call(OWNER, 'decrease_take', { hotkey: HOTKEY, take: 100 })).toBeUndefined();
    expect(runtime.call(OWNER, 'decrease_take', { hotkey: HOTKEY, take: 100 })).toBe('DelegateTakeTooLow');
    expect(runtime.call(OWNER, 'increase_take', { hotkey: HOTKEY, take: 200 })).toBe('DelegateTxRateLimitExceeded');
    expect(runtime.call(OWNER, 'set_childkey_take', { hotkey: HOTKEY, netuid: 1, take: 12_000 })).toBe('InvalidChildkeyTake');
    expect(runtime.call(OWNER, 'set_childkey_take', { hotkey: HOTKEY, netuid: 1, take: 500 })).toBeUndefined();
    expect(runtime.call(OWNER, 'set_childkey_take', { hotkey: HOTKEY, netuid: 1, take: 600 })).toBe('TxChildkeyTakeRateLimitExceeded');
    expect(runtime.call(OWNER, 'set_childkey_take', { hotkey: HOTKEY, netuid: 1, take: 400 })).toBeUndefined();
  });
});

describe('names', () => {
  it('of subnets and coldkeys have limits', () => {
    const runtime = world();
    const empty = { subnet_name: bytes('n'), github_repo: bytes(''), subnet_contact: bytes(''), subnet_url: bytes(''), discord: bytes(''), description: bytes(''), logo_url: bytes(''), additional: bytes('') };
    expect(runtime.call(OTHER, 'set_subnet_identity', { netuid: 1, ...empty })).toBe('NotSubnetOwner');
    expect(runtime.call(OWNER, 'set_subnet_identity', { netuid: 1, ...empty, subnet_name: new Uint8Array(257) })).toBe('InvalidIdentity');
    expect(runtime.call(OWNER, 'set_subnet_identity', { netuid: 1, ...empty })).toBeUndefined();
    const mine = { name: bytes('n'), url: bytes(''), github_repo: bytes(''), image: bytes(''), discord: bytes(''), description: bytes(''), additional: bytes('') };
    expect(runtime.call(OTHER, 'set_identity', mine)).toBe('HotKeyNotRegisteredInNetwork');
    expect(runtime.call(OWNER, 'set_identity', mine)).toBeUndefined();
  });

  it('of tokens come from the list, each once', () => {
    const runtime = world();
    expect(new TextDecoder().decode(runtime.subtensor.TokenSymbol.get(1))).toBe('α');
    expect(runtime.call(OWNER, 'update_symbol', { netuid: 1, symbol: bytes('X!') })).toBe('SymbolDoesNotExist');
    expect(runtime.call(OWNER, 'update_symbol', { netuid: 1, symbol: bytes('α') })).toBe('SymbolAlreadyInUse');
    expect(runtime.call(OWNER, 'update_symbol', { netuid: 1, symbol: bytes('β') })).toBeUndefined();
  });
});

describe('root', () => {
  it('takes hotkeys, and only those with more stake once it is full', () => {
    const runtime = world();
    runtime.subtensor.MaxAllowedUids.set(0, 1);
    expect(runtime.call(OWNER, 'root_register', { hotkey: HOTKEY })).toBeUndefined();
    expect(runtime.call(OWNER, 'root_register', { hotkey: HOTKEY })).toBe('TooManyRegistrationsThisBlock');
    runtime.blocks();
    expect(runtime.call(OWNER, 'root_register', { hotkey: HOTKEY })).toBe('HotKeyAlreadyRegisteredInSubNet');
    expect(runtime.call(OTHER, 'root_register', { hotkey: account(0x51) })).toBe('StakeTooLowForRoot');
    runtime.call(OTHER, 'try_associate_hotkey', { hotkey: account(0x51) });
    runtime.call(OTHER, 'add_stake', { hotkey: account(0x51), netuid: 0, amount_staked: TAO });
    expect(runtime.call(OTHER, 'root_register', { hotkey: account(0x51) })).toBeUndefined();
    expect(runtime.subtensor.Keys.get(0, 0)).toBe(account(0x51));
  });
});

describe('dissolution', () => {
  it('pays holders by their alpha and leaves nothing of the subnet', () => {
    const runtime = world();
    runtime.expect(runtime.call(OTHER, 'add_stake', { hotkey: HOTKEY, netuid: 1, amount_staked: 500n * TAO }));
    const free = (): bigint => runtime.execution.storage.System.Account.get(OTHER).data.free;
    const [before, pot] = [free(), runtime.subtensor.SubnetTAO.get(1)];
    const alpha = stakeOf(runtime.execution, HOTKEY, OTHER, 1);
    const all = runtime.subtensor.SubnetAlphaIn.get(1) + alpha;
    expect(runtime.call(OWNER, 'root_dissolve_network', { netuid: 1 })).toBe('BadOrigin');
    expect(runtime.call('root', 'root_dissolve_network', { netuid: 0 })).toBe('SubnetNotExists');
    expect(runtime.call('root', 'root_dissolve_network', { netuid: 1 })).toBeUndefined();
    expect(Number(free() - before)).toBeCloseTo(Number((pot * alpha) / all), -1);
    expect(runtime.subtensor.NetworksAdded.has(1)).toBe(false);
    for (const item of ['Keys', 'Uids', 'Weights', 'BlockAtRegistration'] as const) expect(runtime.subtensor[item].entries(1)).toEqual([]);
    expect(runtime.events()).toContain('NetworkRemoved');
    expect(runtime.execution.storage.System.Account.entries().reduce((sum, [, { data }]) => sum + data.free, 0n)).toBe(runtime.execution.storage.Balances.TotalIssuance.get());
  });

  it('makes room at the limit: the lowest moving price goes, once it is out of its immunity', () => {
    const runtime = world();
    runtime.subtensor.SubnetLimit.set(1);
    runtime.fund(OTHER, 100_000n * TAO);
    const register = (): string | undefined => runtime.call(OTHER, 'register_network', { hotkey: account(0x51) });
    expect(register()).toBe('SubnetLimitReached');
    runtime.subtensor.NetworkImmunityPeriod.set(1n);
    expect(register()).toBeUndefined();
    expect(runtime.subtensor.SubnetOwner.get(1)).toBe(OTHER);
    expect(runtime.subtensor.SubnetworkN.get(1)).toBe(1);
  });
});

describe('serving', () => {
  it('of prometheus checks the address first, and 0 is none', () => {
    const runtime = world();
    const serve = (from: string, ip: bigint, port = 80): string | undefined => runtime.call(from, 'serve_prometheus', { netuid: 1, version: 1, ip, port, ip_type: 4 });
    expect(serve(OTHER, 0n)).toBe('InvalidIpAddress');
    expect(serve(OTHER, 5n)).toBe('HotKeyNotRegisteredInNetwork');
    expect(serve(HOTKEY, 5n, 0)).toBe('InvalidPort');
    expect(serve(HOTKEY, 5n)).toBeUndefined();
    expect(serve(HOTKEY, 5n)).toBe('ServingRateLimitExceeded');
  });

  it('of axons keeps a certificate that fits', () => {
    const runtime = world();
    const args = { netuid: 1, version: 1, ip: 5n, port: 80, ip_type: 4, protocol: 4, placeholder1: 0, placeholder2: 0 };
    expect(runtime.call(HOTKEY, 'serve_axon_tls', { ...args, certificate: new Uint8Array(66) })).toBeUndefined();
    expect(runtime.subtensor.NeuronCertificates.get(1, HOTKEY)).toBeUndefined();
    runtime.jump(300);
    expect(runtime.call(HOTKEY, 'serve_axon_tls', { ...args, certificate: new Uint8Array([1, 2, 3]) })).toBeUndefined();
    expect(runtime.subtensor.NeuronCertificates.get(1, HOTKEY)).toEqual({ algorithm: 1, public_key: new Uint8Array([2, 3]) });
  });
});
