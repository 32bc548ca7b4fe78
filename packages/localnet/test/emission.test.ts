import { describe, expect, it } from 'vitest';
import { alphaIssuance, emissionAt, rootProportion, updateMovingPrices } from '../src/runtime/emission.ts';
import { payOut } from '../src/runtime/payout.ts';
import { alphaPrice } from '../src/runtime/pools.ts';
import { owedToRoot } from '../src/runtime/root-claims.ts';
import { increaseStake, stakeOf } from '../src/runtime/share-pool.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

const ONE = 1n << 32n;

describe('emission per block', () => {
  it('halves at a half, three quarters, … of the supply', () => {
    const max = 21_000_000n * TAO;
    expect([0n, max / 2n - 1n, max / 2n, (max * 3n) / 4n, max - 1n, max].map(emissionAt)).toEqual([TAO, TAO, TAO / 2n, TAO / 4n, 0n, 0n]);
  });
});

function emitting(...owners: number[]): Runtime {
  const runtime = new Runtime();
  for (const owner of owners) {
    const netuid = runtime.subnet({ owner });
    runtime.subtensor.SubnetEmissionEnabled.set(netuid, true);
    runtime.subtensor.SubnetMovingPrice.set(netuid, { bits: ONE });
  }
  return runtime;
}

// Figures of pallets/subtensor/src/tests (opentensor/subtensor 14bc6f9f9), by file and line.
describe('figures of the chain’s own tests', () => {
  it('coinbase.rs:613: TAO is split by moving price, and goes in with as much alpha', () => {
    const runtime = emitting(1, 0x10);
    for (const netuid of [1, 2]) {
      runtime.subtensor.SubnetTAO.set(netuid, 1_000_000_000n);
      runtime.subtensor.SubnetAlphaIn.set(netuid, 1_000_000_000n);
    }
    runtime.subtensor.TaoWeight.set((1n << 64n) - 1n);
    runtime.subtensor.SubnetTAO.set(0, 10n ** 18n);
    runtime.blocks();
    for (const netuid of [1, 2]) {
      expect(runtime.subtensor.SubnetTaoInEmission.get(netuid)).toBe(500_000_000n);
      expect(runtime.subtensor.SubnetAlphaIn.get(netuid)).toBe(1_500_000_000n);
      expect(alphaPrice(runtime.execution, netuid)).toBe(1n << 64n);
    }
  });

  it('coinbase.rs:193: subnets that root has not enabled get none, the others their part', () => {
    const runtime = emitting(1, 0x10);
    runtime.subtensor.SubnetEmissionEnabled.set(2, false);
    runtime.subtensor.TaoWeight.set((1n << 64n) - 1n);
    runtime.subtensor.SubnetTAO.set(0, 10n ** 18n);
    runtime.blocks();
    expect(runtime.subtensor.SubnetTaoInEmission.get(2)).toBe(0n);
    expect(Number(runtime.subtensor.SubnetTaoInEmission.get(1))).toBeGreaterThan(999_000_000);
  });

  it('coinbase.rs:4211: root’s part is its weighed TAO against that and the subnet’s alpha', () => {
    const runtime = emitting(1);
    runtime.subtensor.SubnetTAO.set(0, 1_000_000_000_000n);
    runtime.subtensor.TaoWeight.set(3_320_413_933_267_719_290n);
    runtime.subtensor.SubnetAlphaIn.set(1, 100_000_000_000n);
    runtime.subtensor.SubnetAlphaOut.set(1, 0n);
    expect(Number(rootProportion(runtime.execution, 1)) / 2 ** 32).toBeCloseTo(180 / 280, 6);
  });

  it('coinbase.rs:559 and 584: the moving price follows slowly at first', () => {
    const runtime = emitting(1);
    const move = (block: number): number => {
      runtime.jump(block);
      runtime.subtensor.FirstEmissionBlockNumber.set(1, 500n);
      runtime.subtensor.SubnetMovingAlpha.set({ bits: ONE / 2n });
      runtime.subtensor.SubnetMovingPrice.set(1, { bits: 0n });
      updateMovingPrices(runtime.execution, [1]);
      return Number(runtime.subtensor.SubnetMovingPrice.get(1).bits) / 2 ** 32;
    };
    expect(move(510)).toBeLessThan(0.001);
    expect(move(144_000_500)).toBeCloseTo(0.5, 2);
  });

  it('registration.rs:316: the price of registration halves every half-life, 1,024 → 511 → 255', () => {
    const runtime = emitting(1);
    runtime.subtensor.BurnHalfLife.set(1, 2);
    runtime.subtensor.MinBurn.set(1, 0n);
    runtime.subtensor.Burn.set(1, 1_024n);
    runtime.blocks(2);
    expect(runtime.subtensor.Burn.get(1)).toBe(511n);
    runtime.blocks(2);
    expect(runtime.subtensor.Burn.get(1)).toBe(255n);
  });

  it('coinbase.rs:1074: two validators with as much stake share dividends evenly', () => {
    const runtime = emitting(1);
    const [one, two, coldkey] = [account(0x31), account(0x32), account(0x33)];
    runtime.subtensor.TaoWeight.set((1n << 64n) - 1n);
    for (const hotkey of [one, two]) {
      runtime.subtensor.Owner.set(hotkey, coldkey);
      runtime.subtensor.Delegates.set(hotkey, 0);
      for (const netuid of [1, 0]) increaseStake(runtime.execution, hotkey, coldkey, { netuid, amount: TAO });
    }
    const earned = [one, two].map((hotkey) => ({ hotkey, incentive: 0n, dividend: TAO / 2n }));
    payOut(runtime.execution, 1, { pending: { server: TAO / 2n, validator: TAO / 2n, root: 0n, ownerCut: 0n }, earned });
    for (const hotkey of [one, two]) expect(Number(stakeOf(runtime.execution, hotkey, coldkey, 1)) - 1.5e9).toBeLessThan(10);
  });

  it('children.rs: a parent gets what its stake earned, less the child’s take', () => {
    const runtime = emitting(1);
    const [parent, child] = [account(0x31), account(0x32)];
    for (const [hotkey, coldkey] of [[parent, account(0x41)], [child, account(0x42)]] as const) {
      runtime.subtensor.Owner.set(hotkey, coldkey);
      runtime.subtensor.Delegates.set(hotkey, 0);
      increaseStake(runtime.execution, hotkey, coldkey, { netuid: 1, amount: TAO });
    }
    runtime.subtensor.ChildKeys.set(parent, 1, [[(1n << 64n) - 1n, child]]);
    runtime.subtensor.ParentKeys.set(child, 1, [[(1n << 64n) - 1n, parent]]);
    runtime.subtensor.ChildkeyTake.set(child, 1, 6553);
    payOut(runtime.execution, 1, { pending: { server: 0n, validator: TAO, root: 0n, ownerCut: 0n }, earned: [{ hotkey: child, incentive: 0n, dividend: TAO }] });
    const gained = [parent, child].map((hotkey) => Number(runtime.subtensor.TotalHotkeyAlpha.get(hotkey, 1) - TAO) / 1e9);
    expect(gained[0]).toBeCloseTo(0.45, 4);
    expect(gained[1]).toBeCloseTo(0.55, 4);
  });
});

const pay = (recycle: boolean): Runtime => {
  const runtime = new Runtime();
  runtime.subnet();
  if (recycle) runtime.subtensor.RecycleOrBurn.set(1, { type: 'Recycle' });
  runtime.subtensor.SubnetAlphaOut.set(1, 10n * TAO);
  payOut(runtime.execution, 1, { pending: { server: TAO, validator: 0n, root: 0n, ownerCut: 0n }, earned: [{ hotkey: account(2), incentive: TAO, dividend: 0n }] });
  return runtime;
};

describe('the owner’s incentive', () => {
  it('is burnt, or recycled, and told of as MinerBurned', () => {
    for (const [recycle, out] of [[false, 10n], [true, 9n]] as const) {
      const runtime = pay(recycle);
      expect(runtime.subtensor.TotalHotkeyAlpha.get(account(2), 1)).toBe(0n);
      expect(runtime.subtensor.SubnetAlphaOut.get(1)).toBe(out * TAO);
      expect(runtime.subtensor.MinerBurned.get(1).bits).toBe(ONE);
    }
  });
});

describe('root dividends', () => {
  it('are claimed as alpha or sold for root stake, once', () => {
    const runtime = new Runtime();
    runtime.subnet();
    const [hotkey, coldkey] = [account(2), account(0x50)];
    runtime.fund(coldkey, 1_000n * TAO);
    runtime.expect(runtime.call(coldkey, 'add_stake', { hotkey, netuid: 0, amount_staked: 100n * TAO }));
    runtime.subtensor.SubnetAlphaOut.set(1, 100n * TAO);
    runtime.subtensor.Delegates.set(hotkey, 0);
    runtime.subtensor.TaoWeight.set((1n << 64n) - 1n);
    const earned = [{ hotkey, incentive: 0n, dividend: TAO }];
    payOut(runtime.execution, 1, { pending: { server: 0n, validator: 0n, root: 10n * TAO, ownerCut: 0n }, earned });
    expect(Number(owedToRoot(runtime.execution, hotkey, coldkey, 1) >> 32n) / 1e9).toBeCloseTo(10, 6);
    runtime.events();
    expect(runtime.call(coldkey, 'claim_root', { subnets: [] })).toBe('InvalidSubnetNumber');
    expect(runtime.call(coldkey, 'claim_root', { subnets: [1] })).toBeUndefined();
    expect(runtime.events()).toContain('RootClaimed');
    expect(Number(stakeOf(runtime.execution, hotkey, coldkey, 0)) / 1e9).toBeCloseTo(109.9, 1);
    expect(owedToRoot(runtime.execution, hotkey, coldkey, 1) >> 32n).toBeLessThan(2n);
    expect(runtime.call(coldkey, 'set_root_claim_type', { new_root_claim_type: { type: 'Keep' } })).toBeUndefined();
    payOut(runtime.execution, 1, { pending: { server: 0n, validator: 0n, root: 10n * TAO, ownerCut: 0n }, earned });
    runtime.blocks();
    expect(Number(stakeOf(runtime.execution, hotkey, coldkey, 1)) / 1e9).toBeCloseTo(10, 4);
  });
});

/** Two subnets of an owner, three validators and three miners each; tempo 10, weights by the number of the epoch. */
function network(yuma3: boolean): Runtime {
  const runtime = new Runtime();
  for (const owner of [1, 0x10]) {
    const netuid = runtime.subnet({ owner, neurons: 6 });
    runtime.subtensor.Tempo.set(netuid, 10);
    runtime.subtensor.Yuma3On.set(netuid, yuma3);
    runtime.subtensor.SubnetEmissionEnabled.set(netuid, true);
    runtime.subtensor.SubnetMovingPrice.set(netuid, { bits: ONE });
    for (let n = 0; n < 3; n++) runtime.expect(runtime.call(account(owner), 'add_stake', { hotkey: account(100 * netuid + n), netuid, amount_staked: BigInt(50 + 100 * n) * TAO }));
  }
  const delegate = account(0x50);
  runtime.fund(delegate, 10_000n * TAO);
  for (const netuid of [1, 2]) runtime.expect(runtime.call(delegate, 'add_stake', { hotkey: account(100 * netuid), netuid, amount_staked: 200n * TAO }));
  runtime.expect(runtime.call(delegate, 'add_stake', { hotkey: account(100), netuid: 0, amount_staked: 500n * TAO }));
  return runtime;
}

function weigh(runtime: Runtime, round: number): void {
  for (const netuid of [1, 2]) {
    for (let n = 0; n < 3; n++) {
      const weights = [4, 5, 6].map((uid) => ((uid * (n + 1) + round) % 7) + 1);
      if (runtime.subtensor.ValidatorPermit.get(netuid)[n + 1] === true) runtime.expect(runtime.call(account(100 * netuid + n), 'set_weights', { netuid, dests: [4, 5, 6], weights, version_key: 0n }));
    }
  }
}

/** All TAO is in accounts, all pools' TAO in their subnets' accounts, and nobody holds alpha that is not out. */
function checkBooks(runtime: Runtime): void {
  const accounts = runtime.execution.storage.System.Account.entries().reduce((sum, [, { data }]) => sum + data.free, 0n);
  expect(accounts).toBe(runtime.execution.storage.Balances.TotalIssuance.get());
  for (const netuid of [1, 2]) {
    const held = runtime.subtensor.TotalHotkeyAlpha.entries().reduce((sum, [[, id], alpha]) => (id === netuid ? sum + alpha : sum), 0n);
    const { PendingServerEmission, PendingValidatorEmission, PendingOwnerCut, PendingRootAlphaDivs, SubnetProtocolAlpha, SubnetAlphaOut } = runtime.subtensor;
    const pending = [PendingServerEmission, PendingValidatorEmission, PendingOwnerCut, PendingRootAlphaDivs].reduce((sum, item) => sum + item.get(netuid), 0n);
    expect(held + pending + SubnetProtocolAlpha.get(netuid)).toBeLessThanOrEqual(SubnetAlphaOut.get(netuid));
    const coldkeys = runtime.subtensor.Alpha.entries().filter(([[, , id]]) => id === netuid);
    const shares = coldkeys.reduce((sum, [[hotkey, coldkey]]) => sum + stakeOf(runtime.execution, hotkey, coldkey, netuid), 0n);
    expect(held - shares).toBeLessThan(BigInt(coldkeys.length + 8));
    expect(held - shares).toBeGreaterThanOrEqual(0n);
  }
}

describe('epochs over time', () => {
  it.each([true, false])('conserve TAO and alpha (Yuma3 %s)', (yuma3) => {
    const runtime = network(yuma3);
    for (let round = 0; round < 4; round++) {
      weigh(runtime, round);
      for (let block = 0; block < 10; block++) {
        const issued = runtime.execution.storage.Balances.TotalIssuance.get();
        const alpha = [1, 2].map((netuid) => alphaIssuance(runtime.execution, netuid));
        runtime.blocks();
        const minted = runtime.execution.storage.Balances.TotalIssuance.get() - issued;
        expect(minted).toBeLessThanOrEqual(TAO);
        expect(minted).toBeGreaterThan(TAO - 4n);
        [1, 2].forEach((netuid, index) => {
          const grown = alphaIssuance(runtime.execution, netuid) - (alpha[index] as bigint);
          expect(grown).toBeGreaterThan(TAO / 2n);
          expect(grown).toBeLessThanOrEqual(2n * TAO);
        });
      }
      checkBooks(runtime);
    }
  });

  it('pay several mechanisms by the split, and keep their incentives apart', () => {
    const runtime = network(true);
    runtime.subtensor.MechanismCountCurrent.set(1, 2);
    runtime.subtensor.MechanismEmissionSplit.set(1, [16384, 49151]);
    runtime.blocks(10);
    for (const [mecid, to] of [[0, 4], [1, 5]] as const) {
      for (let n = 0; n < 3; n++) runtime.expect(runtime.call(account(100 + n), 'set_mechanism_weights', { netuid: 1, mecid, dests: [to], weights: [1], version_key: 0n }));
    }
    const before = [4, 5].map((uid) => runtime.subtensor.TotalHotkeyAlpha.get(runtime.subtensor.Keys.get(1, uid), 1));
    runtime.blocks(11);
    expect(runtime.subtensor.Incentive.get(1)[4]).toBe(65535);
    expect(runtime.subtensor.Incentive.get(4097)[5]).toBe(65535);
    const [one, two] = [4, 5].map((uid, index) => Number(runtime.subtensor.TotalHotkeyAlpha.get(runtime.subtensor.Keys.get(1, uid), 1) - (before[index] as bigint))) as [number, number];
    // Both miners are the owner's, whose incentive is burnt; the figures of the epoch tell.
    expect(one + two).toBe(0);
    const emission = runtime.subtensor.Emission.get(1);
    expect(Number(emission[5]) / Number(emission[4])).toBeGreaterThan(2);
  });
});
