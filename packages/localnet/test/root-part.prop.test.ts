/**
 * Where root's part of a subnet's alpha goes. Of each block's alpha `a`, the owner's cut taken off, root's part is `r = root proportion · a / 2`, and it comes out of the
 * validators' half: a/2 wait for miners, a/2 − r for validators.
 *
 * - While root sells (all moving prices add up to more than 1), r waits too. The epoch runs on all of `a`, and all of it is paid.
 * - Otherwise r is recycled, and the epoch runs on what waits, a − r. Miners are paid what the epoch gives them, half of that, while validators are paid what waits for them:
 *   (a − r)/2 + a/2 − r. The r/2 that is missing stays in `SubnetAlphaOut` and is nobody's.
 * - Where nobody has incentive, validators are paid all that waits, a − r, and nothing is missing.
 *
 * @see pallets/subtensor/src/coinbase/run_coinbase.rs:233 (`emit_to_subnets`) and :838 (`distribute_emission`: `total_alpha_minus_owner_cut`, `validator_alpha`) of opentensor/subtensor 14bc6f9f9
 */
import { assert, boolean, integer, property, record, type Arbitrary } from 'fast-check';
import { expect, it } from 'vitest';
import { account, Runtime, TAO } from './runtime-support.ts';

const NETUID = 1;
/** Owns the validators and miners; the incentive of the subnet owner's own miners would be burnt. */
const COLDKEY = account(0x50);
const VALIDATORS = [account(0x100), account(0x101)];
const OWNER_HOTKEY = account(2);
const MINERS = [account(0x200), account(0x201), account(0x202)];

interface Shape {
  readonly rootTao: number;
  readonly tempo: number;
  readonly yuma3: boolean;
  readonly ownerCut: boolean;
}

const shapes: Arbitrary<Shape> = record({ rootTao: integer({ min: 100, max: 900_000 }), tempo: integer({ min: 3, max: 12 }), yuma3: boolean(), ownerCut: boolean() });

interface Situation {
  readonly rootSells: boolean;
  readonly weighs: boolean;
}

/** Without TAO emission and without claims of root's dividends, so that nothing but the epoch moves alpha; after the epoch that gives permits. */
function open({ rootTao, tempo, yuma3, ownerCut }: Shape, { rootSells, weighs }: Situation): Runtime {
  const runtime = new Runtime();
  runtime.subnet();
  const { subtensor } = runtime;
  subtensor.Tempo.set(NETUID, tempo);
  subtensor.Yuma3On.set(NETUID, yuma3);
  subtensor.OwnerCutEnabled.set(NETUID, ownerCut);
  subtensor.SubnetMovingPrice.set(NETUID, { bits: rootSells ? 3n << 32n : 1n << 31n });
  subtensor.SubnetMovingAlpha.set({ bits: 0n });
  subtensor.NumRootClaim.set(0n);
  runtime.fund(COLDKEY, 2_000_000n * TAO);
  for (const hotkey of [...VALIDATORS, ...MINERS]) runtime.expect(runtime.call(COLDKEY, 'burned_register', { netuid: NETUID, hotkey }));
  for (const hotkey of VALIDATORS) runtime.expect(runtime.call(COLDKEY, 'add_stake', { hotkey, netuid: NETUID, amount_staked: 500n * TAO }));
  runtime.expect(runtime.call(COLDKEY, 'add_stake', { hotkey: VALIDATORS[0], netuid: 0, amount_staked: BigInt(rootTao) * TAO }));
  toEpoch(runtime);
  if (weighs) for (const hotkey of VALIDATORS) runtime.expect(runtime.call(hotkey, 'set_weights', { netuid: NETUID, dests: [3, 4, 5], weights: [3, 2, 1], version_key: 0n }));
  return runtime;
}

interface Emitted {
  readonly alpha: number;
  readonly ownerCut: number;
  /** As the proportion has it. */
  readonly rootPart: number;
  /** As storage has it. */
  readonly recycled: number;
}

/** Steps to the block of the next epoch; what the blocks emitted meanwhile, rao. */
function toEpoch(runtime: Runtime): Emitted {
  const index = runtime.subtensor.SubnetEpochIndex.get(NETUID);
  let [alpha, ownerCut, rootPart, recycled] = [0, 0, 0, 0];
  while (runtime.subtensor.SubnetEpochIndex.get(NETUID) === index) {
    const before = runtime.subtensor.SubnetAlphaOut.get(NETUID);
    runtime.blocks();
    const { SubnetAlphaOut, SubnetAlphaOutEmission, OwnerCutEnabled } = runtime.subtensor;
    const block = Number(SubnetAlphaOutEmission.get(NETUID));
    const cut = OwnerCutEnabled.get(NETUID) ? (block * 11_796) / 65_535 : 0;
    alpha += block - cut;
    ownerCut += cut;
    rootPart += (rootProportion(runtime, Number(before) + block) * (block - cut)) / 2;
    recycled += block - Number(SubnetAlphaOut.get(NETUID) - before);
  }
  return { alpha, ownerCut, rootPart, recycled };
}

const heldBy = ({ subtensor }: Runtime, hotkeys: readonly string[]): bigint => hotkeys.reduce((sum, hotkey) => sum + subtensor.TotalHotkeyAlpha.get(hotkey, NETUID), 0n);

/** Root's weighed TAO against that and the subnet's alpha. */
function rootProportion({ subtensor }: Runtime, alphaOut: number): number {
  const root = Number(subtensor.SubnetTAO.get(0)) * (Number(subtensor.TaoWeight.get()) / 2 ** 64);
  return root / (root + Number(subtensor.SubnetAlphaIn.get(NETUID)) + alphaOut);
}

/** What an epoch paid to whom, rao. */
interface Paid extends Emitted {
  readonly miners: number;
  /** Without the owner's cut. */
  readonly validators: number;
  /** What root may claim. */
  readonly claimable: number;
}

function payments(shape: Shape, situation: Situation): Paid {
  const runtime = open(shape, situation);
  // The owner's cut is stake, so its hotkey has dividends as well.
  const groups = [MINERS, [...VALIDATORS, OWNER_HOTKEY]];
  const before = groups.map((hotkeys) => heldBy(runtime, hotkeys));
  const emitted = toEpoch(runtime);
  const [miners, others] = groups.map((hotkeys, index) => Number(heldBy(runtime, hotkeys) - (before[index] as bigint))) as [number, number];
  const claimable = Number(VALIDATORS.reduce((sum, hotkey) => sum + runtime.subtensor.RootAlphaDividendsPerSubnet.get(NETUID, hotkey), 0n));
  return { ...emitted, miners, validators: others - emitted.ownerCut, claimable };
}

/** To a hundred-millionth of the epoch's alpha: what fixed point cuts off of each block and payment. */
const near = (actual: number, expected: number, { alpha }: Paid): void => expect(Math.abs(actual - expected)).toBeLessThan(1e-8 * alpha);

it('waits for root and is paid while root sells: nothing is missing', () => {
  assert(
    property(shapes, (shape) => {
      const paid = payments(shape, { rootSells: true, weighs: true });
      expect(paid.recycled).toBe(0);
      expect(paid.rootPart).toBeGreaterThan(1e-4 * paid.alpha);
      near(paid.miners, paid.alpha / 2, paid);
      // Of root's dividends validators have their take in alpha.
      near(paid.validators + paid.claimable, paid.alpha / 2, paid);
      near(paid.claimable, paid.rootPart * (1 - 11_796 / 65_535), paid);
    }),
    { numRuns: 10 },
  );
});

it('is recycled while root does not sell, and as much as half of it is nobody’s: the miners’ half is of what waits, the validators’ is not', () => {
  assert(
    property(shapes, (shape) => {
      const paid = payments(shape, { rootSells: false, weighs: true });
      expect(paid.claimable).toBe(0);
      near(paid.recycled, paid.rootPart, paid);
      near(paid.miners, (paid.alpha - paid.recycled) / 2, paid);
      near(paid.validators, paid.alpha / 2 - paid.recycled, paid);
      near(paid.alpha - paid.recycled - paid.miners - paid.validators, paid.recycled / 2, paid);
    }),
    { numRuns: 10 },
  );
});

it('is recycled, and nothing more is missing, where nobody has incentive', () => {
  assert(
    property(shapes, (shape) => {
      const paid = payments(shape, { rootSells: false, weighs: false });
      expect(paid.miners).toBe(0);
      near(paid.recycled, paid.rootPart, paid);
      near(paid.validators, paid.alpha - paid.recycled, paid);
    }),
    { numRuns: 10 },
  );
});
