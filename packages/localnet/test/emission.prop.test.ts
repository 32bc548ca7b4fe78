/** Alpha over many blocks of random subnets without stake on root: what is emitted is with somebody, waits for the next epoch, or was recycled or burnt; none is made and none is lost. */
import { array, assert, boolean, integer, property, record, type Arbitrary } from 'fast-check';
import { expect, it } from 'vitest';
import { account, Runtime, TAO } from './runtime-support.ts';

const NETUID = 1;

interface Shape {
  readonly stakes: readonly number[];
  readonly tempo: number;
  readonly yuma3: boolean;
  readonly recycle: boolean;
  readonly ownerCut: boolean;
  /** Miners of the owner, whose incentive is not paid. */
  readonly ownMiners: number;
}

const shapes: Arbitrary<Shape> = record({
  stakes: array(integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 4 }),
  tempo: integer({ min: 2, max: 12 }),
  yuma3: boolean(),
  recycle: boolean(),
  ownerCut: boolean(),
  ownMiners: integer({ min: 0, max: 2 }),
});

/** Validators of 0x50 with uids from 1 on, three miners behind them. */
function open({ stakes, tempo, yuma3, recycle, ownerCut, ownMiners }: Shape): Runtime {
  const runtime = new Runtime();
  runtime.subnet();
  const { subtensor } = runtime;
  subtensor.Tempo.set(NETUID, tempo);
  subtensor.Yuma3On.set(NETUID, yuma3);
  subtensor.RecycleOrBurn.set(NETUID, { type: recycle ? 'Recycle' : 'Burn' });
  subtensor.OwnerCutEnabled.set(NETUID, ownerCut);
  runtime.fund(account(0x50), 1_000_000n * TAO);
  stakes.forEach((_, n) => runtime.expect(runtime.call(account(0x50), 'burned_register', { netuid: NETUID, hotkey: account(0x100 + n) })));
  for (let n = 0; n < 3; n++) runtime.expect(runtime.call(account(n < ownMiners ? 1 : 0x50), 'burned_register', { netuid: NETUID, hotkey: account(0x200 + n) }));
  stakes.forEach((stake, n) => runtime.expect(runtime.call(account(0x50), 'add_stake', { hotkey: account(0x100 + n), netuid: NETUID, amount_staked: BigInt(stake) * TAO })));
  return runtime;
}

/** Rao of alpha outside of the pool that somebody has, or is to have: stake and what is pending. */
function accounted({ subtensor }: Runtime): bigint {
  const held = subtensor.TotalHotkeyAlpha.entries().reduce((sum, [[, netuid], alpha]) => (netuid === NETUID ? sum + alpha : sum), 0n);
  const { PendingServerEmission, PendingValidatorEmission, PendingOwnerCut, PendingRootAlphaDivs } = subtensor;
  return [PendingServerEmission, PendingValidatorEmission, PendingOwnerCut, PendingRootAlphaDivs].reduce((sum, item) => sum + item.get(NETUID), held);
}

interface Tally {
  emitted: bigint;
  withheld: bigint;
  epochs: bigint;
}

/** One block; adds up what it emitted and what of an epoch's incentive was not paid. */
function step(runtime: Runtime, tally: Tally): void {
  const before = runtime.subtensor.SubnetEpochIndex.get(NETUID);
  runtime.events();
  runtime.blocks();
  const { subtensor } = runtime;
  tally.emitted += subtensor.SubnetAlphaOutEmission.get(NETUID);
  if (subtensor.SubnetEpochIndex.get(NETUID) === before) return;
  tally.epochs += 1n;
  const [told] = runtime.records().filter(({ event }) => event === 'IncentiveAlphaEmittedToMiners');
  if (told === undefined) throw new Error('an epoch told of no incentive');
  const { emissions } = told.data as { emissions: readonly bigint[] };
  const owned = new Set([subtensor.SubnetOwnerHotkey.get(NETUID), ...subtensor.OwnedHotkeys.get(account(1))]);
  emissions.forEach((amount, uid) => (tally.withheld += owned.has(subtensor.Keys.get(NETUID, uid)) ? amount : 0n));
}

function weigh(runtime: Runtime, { stakes }: Shape, round: number): void {
  const miners = [0, 1, 2].map((n) => stakes.length + 1 + n);
  stakes.forEach((_, n) => {
    if (runtime.subtensor.ValidatorPermit.get(NETUID)[n + 1] !== true) return;
    runtime.expect(runtime.call(account(0x100 + n), 'set_weights', { netuid: NETUID, dests: miners, weights: miners.map((uid) => ((uid * (n + 2) + round) % 5) + 1), version_key: 0n }));
  });
}

it('is conserved to 200 rao an epoch and neuron', () => {
  assert(
    property(shapes, (shape) => {
      const runtime = open(shape);
      const start = accounted(runtime);
      const tally: Tally = { emitted: 0n, withheld: 0n, epochs: 0n };
      for (let round = 0; round < 4; round++) {
        weigh(runtime, shape, round);
        for (let block = 0; block < shape.tempo; block++) step(runtime, tally);
      }
      const lost = tally.emitted - tally.withheld - (accounted(runtime) - start);
      const neurons = BigInt(shape.stakes.length + 4);
      expect(tally.epochs).toBeGreaterThanOrEqual(3n);
      expect(lost > -4n * BigInt(shape.tempo) * 4n && lost < 200n * neurons * (tally.epochs + 1n) ? 'conserved' : `${lost} of ${tally.emitted} rao`).toBe('conserved');
    }),
    { numRuns: 20 },
  );
});
