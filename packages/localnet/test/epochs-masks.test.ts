/** Which weights an epoch leaves out, by commits, registrations and epochs of the running chain; the first three as in Subtensor's tests/epoch.rs at 14bc6f9f9. */
import { describe, expect, it } from 'vitest';
import { runEpoch } from '../src/runtime/run-epoch.ts';
import { increaseStake } from '../src/runtime/share-pool.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

const NETUID = 1;
/** Of uid 1: the owner's hotkey, without stake, is uid 0. */
const VALIDATOR = account(100);

/** A validator with its permit, and further neurons with stake. */
function open({ stakes, tempo, revealPeriod }: { stakes: readonly bigint[]; tempo: number; revealPeriod: bigint }): Runtime {
  const runtime = new Runtime();
  runtime.subnet({ neurons: stakes.length, commitReveal: true });
  const { subtensor } = runtime;
  subtensor.Tempo.set(NETUID, tempo);
  subtensor.RevealPeriodEpochs.set(NETUID, revealPeriod);
  subtensor.ImmunityPeriod.set(NETUID, 0);
  subtensor.MinNonImmuneUids.set(NETUID, 0);
  stakes.forEach((amount, n) => increaseStake(runtime.execution, account(100 + n), account(1), { netuid: NETUID, amount }));
  subtensor.ValidatorPermit.set(NETUID, [true, true, ...stakes.slice(1).map(() => false)]);
  return runtime;
}

/** A commit that nobody reveals. */
function commit(runtime: Runtime): void {
  runtime.expect(runtime.call(VALIDATOR, 'commit_weights', { netuid: NETUID, commit_hash: account(0xdeadbeef) }));
}

/** A new hotkey; its uid. */
function register(runtime: Runtime, n: number): number {
  runtime.expect(runtime.call(account(1), 'burned_register', { netuid: NETUID, hotkey: account(n) }));
  return runtime.subtensor.Uids.get(NETUID, account(n)) as number;
}

/** Sets weights as if commits were off. */
function weigh(runtime: Runtime, dests: readonly number[]): void {
  runtime.subtensor.CommitRevealWeightsEnabled.set(NETUID, false);
  runtime.expect(runtime.call(VALIDATOR, 'set_weights', { netuid: NETUID, dests, weights: dests.map(() => 21_845), version_key: 0n }));
  runtime.subtensor.CommitRevealWeightsEnabled.set(NETUID, true);
}

function incentive(runtime: Runtime): readonly number[] {
  runEpoch(runtime.execution, NETUID, 1_000n);
  return runtime.subtensor.Incentive.get(NETUID);
}

/** What a neuron earns that took the uid of another, which the validator weighs; with a commit of before or without. */
function snipe(isCommitted: boolean): number {
  const runtime = open({ stakes: [10_000n, 100n, 5_000n], tempo: 10, revealPeriod: 2n });
  runtime.subtensor.MaxAllowedUids.set(NETUID, 4);
  runtime.subtensor.MaxAllowedValidators.set(NETUID, 3);
  runtime.blocks(20);
  if (isCommitted) commit(runtime);
  runtime.blocks();
  weigh(runtime, [2]);
  incentive(runtime);
  const uid = register(runtime, 0x300);
  expect(runtime.subtensor.SubnetworkN.get(NETUID)).toBe(4);
  runtime.blocks();
  weigh(runtime, [0, uid]);
  return incentive(runtime)[uid] as number;
}

describe('weights', () => {
  it('test_epoch_masks_incoming_to_sniped_uid_prevents_inheritance (:3619): on a neuron that came after the commit do not count', () => {
    expect(snipe(true)).toBe(0);
    expect(snipe(false)).toBeGreaterThan(0);
  });

  it('test_epoch_no_mask_when_commit_reveal_disabled (:3717): stay where they are while commits are off', () => {
    const runtime = open({ stakes: [1_000n, 1_000n], tempo: 5, revealPeriod: 1n });
    weigh(runtime, [2]);
    runtime.subtensor.CommitRevealWeightsEnabled.set(NETUID, false);
    for (let round = 0; round < 3; round++) {
      runEpoch(runtime.execution, NETUID, 1n);
      expect(runtime.subtensor.Weights.get(NETUID, 1)).not.toEqual([]);
      runtime.blocks(6);
    }
  });

  it('test_epoch_does_not_mask_outside_window_but_masks_inside (:3764): of a commit that expired count, of one that waits only on neurons from before', () => {
    const runtime = open({ stakes: [10_000n], tempo: 8, revealPeriod: 2n });
    runtime.subtensor.MaxAllowedValidators.set(NETUID, 1);
    runtime.blocks(7);
    commit(runtime);
    const old = register(runtime, 0x301);
    runtime.blocks(3 * 8);
    commit(runtime);
    runtime.blocks();
    const young = [register(runtime, 0x302), register(runtime, 0x303)];
    runtime.blocks();
    weigh(runtime, [old, ...young]);
    const shares = incentive(runtime);
    expect(shares[old]).toBeGreaterThan(0);
    expect(young.map((uid) => shares[uid])).toEqual([0, 0]);
  });

  it('test_last_update_size_mismatch (:3868): a list of last updates that is too long does no harm, nor one that is too short', () => {
    for (const length of [4, 1, 0]) {
      const runtime = open({ stakes: [TAO], tempo: 65_534, revealPeriod: 1n });
      runtime.subtensor.CommitRevealWeightsEnabled.set(NETUID, false);
      runtime.expect(runtime.call(VALIDATOR, 'set_weights', { netuid: NETUID, dests: [1], weights: [65_535], version_key: 0n }));
      runtime.subtensor.LastUpdate.set(NETUID, Array.from({ length }, () => 1n));
      expect(incentive(runtime)).toEqual([0, 0]);
      const { Consensus, Dividends } = runtime.subtensor;
      expect([Consensus.get(NETUID), Dividends.get(NETUID)]).toEqual([[0, 0], [0, 0]]);
    }
  });
});
