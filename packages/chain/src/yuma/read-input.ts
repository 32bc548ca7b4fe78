/**
 * The input of Yuma Consensus, read from a chain: what an epoch would see if it ran on the state after a block.
 * @module
 */
import { toHex } from '@connito/commit-reveal';
import { resolveBlock, type ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import { EPOCH_ITEMS, epochIndexAt, epochStateOf, nextEpochBlock, type EpochState } from '../epoch-schedule.ts';
import { parseNetuid } from '../identifier.ts';
import { openState, type BlockState } from '../internal/block-state.ts';
import { callRuntime } from '../internal/runtime-api.ts';
import { fieldOf, readEntries, readPresent, subtensor, toArray, toBigInt, toBoolean, toNumber, type Codec } from '../internal/storage.ts';
import { parseUnsigned } from '../unsigned.ts';
import { activityCutoffBlocks, type YumaInput, type YumaRow } from './input.ts';

/** Which epoch to read the input of. `at`: the block whose state the epoch sees. */
export interface ReadYumaOptions extends ReadOptions {
  readonly netuid: number;
  /** Mechanism of the subnet, 0 by default. */
  readonly mechanism?: number;
  /** The block in which the epoch runs, the next one of the subnet's schedule by default. */
  readonly block?: number;
  /** Alpha that the mechanism shares out, rao; by default all that is pending for the subnet so far. See `splitEmission` for subnets of several mechanisms. */
  readonly emissionRao?: bigint;
}

/** Each storage index of a mechanism: `mechanism * 4096 + netuid`. */
const MECHANISM_STRIDE = 4096;
const MAX_MECHANISM = 15;
const SCALARS = ['SubnetworkN', 'LastMechansimStepBlock', 'ValidatorPermit', 'SubnetOwnerHotkey', 'Kappa', 'MaxAllowedValidators', 'CommitRevealWeightsEnabled', 'BondsMovingAverage', 'BondsPenalty', 'Yuma3On', 'LiquidAlphaOn', 'AlphaValues', 'AlphaSigmoidSteepness', 'ActivityCutoff', 'ActivityCutoffFactorMilli', 'PendingServerEmission', 'PendingValidatorEmission', 'PendingRootAlphaDivs', 'RevealPeriodEpochs', ...EPOCH_ITEMS] as const;
type Scalars = ReadonlyMap<(typeof SCALARS)[number], Codec | undefined>;

/**
 * Reads what `computeYuma` needs: about five requests, all of one block.
 *
 * It is a forecast: what changes until the epoch's block (weights that are revealed, stake, emission) changes its outcome. Weights and bonds on uids that the
 * subnet no longer has are left out, as in the runtime.
 * @throws bad-value, unknown-block where the subnet has no epochs and no `block` is given, and as `Chain.request`
 * @example computeYumaFast(await readYumaInput(chain, { netuid: 1 }))
 */
export async function readYumaInput(chain: Chain, options: ReadYumaOptions): Promise<YumaInput> {
  const netuid = parseNetuid(options.netuid);
  const mechanism = parseUnsigned('mechanism', options.mechanism ?? 0, 8);
  if (mechanism > MAX_MECHANISM) throw new ChainError('bad-value', `mechanism must be at most ${MAX_MECHANISM}, got ${mechanism}`, { subject: 'mechanism', actual: mechanism });
  const at = await resolveBlock(chain, options.at);
  const state = await openState(chain, at.hash);
  const index = mechanism * MECHANISM_STRIDE + netuid;
  const [lastUpdate, stakeThreshold, taoWeight, ...values] = await readPresent(state, [subtensor('LastUpdate', index), subtensor('StakeThreshold'), subtensor('TaoWeight'), ...SCALARS.map((item) => subtensor(item, netuid))]);
  const scalars: Scalars = new Map(SCALARS.map((item, position) => [item, values[position]]));
  const epoch = epochStateOf(state, { netuid, blockNumber: at.number, values: EPOCH_ITEMS.map((item) => scalars.get(item)) });
  const block = options.block ?? nextEpochBlock(epoch);
  if (block === undefined) throw new ChainError('unknown-block', `subnet ${netuid} has no epochs; say in which block one would run`, { subject: 'block' });
  const count = toNumber(scalars.get('SubnetworkN'));
  const [neurons, stake] = await Promise.all([readRows(state, { netuid, index, count }), readStake(state, { netuid, taoWeight: toBigInt(taoWeight) })]);
  return {
    block,
    ...parametersOf(scalars),
    ...stake,
    ...neurons.rows,
    stakeThresholdRao: toBigInt(stakeThreshold),
    lastUpdate: resize(toArray(lastUpdate).map(toNumber), count, 0),
    validatorPermit: resize(toArray(scalars.get('ValidatorPermit')).map(toBoolean), count, false),
    ownerUid: uidOf(neurons.hotkeys, scalars.get('SubnetOwnerHotkey')),
    pendingCommitBlocks: await readPendingCommits(state, { index, epoch, block, revealPeriod: toNumber(scalars.get('RevealPeriodEpochs')), hotkeys: neurons.hotkeys }),
    emissionRao: options.emissionRao ?? pendingEmission(scalars),
  };
}

function parametersOf(scalars: Scalars): Pick<YumaInput, 'tempo' | 'lastMechanismStepBlock' | 'kappa' | 'maxAllowedValidators' | 'activityCutoffBlocks' | 'commitRevealWeightsEnabled' | 'bondsMovingAverage' | 'bondsPenalty' | 'yuma3' | 'liquidAlpha' | 'alphaLow' | 'alphaHigh' | 'alphaSigmoidSteepness'> {
  const number = (item: (typeof SCALARS)[number]): number => toNumber(scalars.get(item));
  const [alphaLow, alphaHigh] = toArray(scalars.get('AlphaValues')).map(toNumber) as [number, number];
  const tempo = number('Tempo');
  const factor = scalars.get('ActivityCutoffFactorMilli');
  return {
    tempo,
    lastMechanismStepBlock: number('LastMechansimStepBlock'),
    kappa: number('Kappa'),
    maxAllowedValidators: number('MaxAllowedValidators'),
    activityCutoffBlocks: factor === undefined ? number('ActivityCutoff') : activityCutoffBlocks({ tempo, factorMilli: toNumber(factor) }),
    commitRevealWeightsEnabled: toBoolean(scalars.get('CommitRevealWeightsEnabled')),
    bondsMovingAverage: number('BondsMovingAverage'),
    bondsPenalty: number('BondsPenalty'),
    yuma3: toBoolean(scalars.get('Yuma3On')),
    liquidAlpha: toBoolean(scalars.get('LiquidAlphaOn')),
    alphaLow,
    alphaHigh,
    alphaSigmoidSteepness: number('AlphaSigmoidSteepness'),
  };
}

function pendingEmission(scalars: Scalars): bigint {
  return toBigInt(scalars.get('PendingServerEmission')) + toBigInt(scalars.get('PendingValidatorEmission')) + toBigInt(scalars.get('PendingRootAlphaDivs'));
}

interface Neurons {
  readonly hotkeys: readonly string[];
  readonly rows: Pick<YumaInput, 'blockAtRegistration' | 'weights' | 'bonds'>;
}

async function readRows(state: BlockState, { netuid, index, count }: { readonly netuid: number; readonly index: number; readonly count: number }): Promise<Neurons> {
  const items = (uid: number): Parameters<typeof readPresent>[1] => [subtensor('Keys', netuid, uid), subtensor('BlockAtRegistration', netuid, uid), subtensor('Weights', index, uid), subtensor('Bonds', index, uid)];
  const perUid = items(0).length;
  const values = await readPresent(state, Array.from({ length: count }, (_, uid) => items(uid)).flat());
  const column = (position: number): (Codec | undefined)[] => values.filter((_, slot) => slot % perUid === position);
  return {
    hotkeys: column(0).map((hotkey) => (hotkey as Codec).toHex()),
    rows: { blockAtRegistration: column(1).map(toNumber), weights: column(2).map((row) => toRow(row, count)), bonds: column(3).map((row) => toRow(row, count)) },
  };
}

function toRow(codec: Codec | undefined, count: number): YumaRow {
  return toArray(codec)
    .map((entry) => toArray(entry).map(toNumber) as [number, number])
    .filter(([uid]) => uid < count);
}

/**
 * Stake weight as the runtime adds it up in I64F64: alpha + TAO · `TaoWeight` / (2^64 − 1), the fraction in U96F32.
 * @see pallets/subtensor/src/staking/stake_utils.rs:160 and :233
 */
async function readStake(state: BlockState, { netuid, taoWeight }: { readonly netuid: number; readonly taoWeight: bigint }): Promise<Pick<YumaInput, 'stakeRao' | 'stakeFraction'>> {
  const answer = await callRuntime(state, { api: 'SubnetInfoRuntimeApi', method: 'get_subnet_state', args: [netuid] });
  const subnet = answer as unknown as { readonly isSome: boolean; unwrap(): Codec };
  if (!subnet.isSome) return { stakeRao: [], stakeFraction: [] };
  const [alpha, tao] = (['alpha_stake', 'tao_stake'] as const).map((name) => toArray(fieldOf(subnet.unwrap(), name)).map(toBigInt)) as [bigint[], bigint[]];
  const fraction = (taoWeight << 32n) / (2n ** 64n - 1n);
  const bits = alpha.map((rao, uid) => (rao << 64n) + (((tao[uid] ?? 0n) * fraction) << 32n));
  return { stakeRao: bits.map((stake) => stake >> 64n), stakeFraction: bits.map((stake) => BigInt.asUintN(64, stake)) };
}

interface CommitOptions {
  readonly index: number;
  readonly epoch: EpochState;
  /** Of the epoch. */
  readonly block: number;
  readonly revealPeriod: number;
  readonly hotkeys: readonly string[];
}

/** The block of each neuron's earliest commit that is neither revealed nor expired. @see run_epoch.rs:735–770 */
async function readPendingCommits(state: BlockState, { index, epoch, block, revealPeriod, hotkeys }: CommitOptions): Promise<(number | undefined)[]> {
  const [hashed, timelocked] = await Promise.all([readEntries(state, subtensor('WeightCommits', index)), readEntries(state, subtensor('TimelockedWeightCommits', index))]);
  const oldest = epochIndexAt(epoch, block) - revealPeriod;
  const earliest = new Map<string, number>();
  const note = (hotkey: string, committed: number): void => void earliest.set(hotkey, Math.min(earliest.get(hotkey) ?? Infinity, committed));
  for (const { key, value } of hashed) {
    // Keys are of twox64(hotkey) and the hotkey. The second and third fields were block numbers before epochs had counters.
    const commits = toArray(value).map((commit) => toArray(commit).slice(1, 3).map(toNumber) as [number, number]);
    const active = commits.map(([first, second]) => (epoch.schedule !== undefined ? { epoch: first, block: second } : { epoch: epochIndexAt(epoch, first), block: first })).find((commit) => commit.epoch >= oldest);
    if (active !== undefined) note(`0x${toHex(key.subarray(8))}`, active.block);
  }
  for (const { key, value } of timelocked) {
    if (Number(new DataView(key.buffer, key.byteOffset).getBigUint64(8, true)) < oldest) continue;
    for (const commit of toArray(value)) {
      const [hotkey, committed] = toArray(commit) as [Codec, Codec];
      note(hotkey.toHex(), toNumber(committed));
    }
  }
  return hotkeys.map((hotkey) => earliest.get(hotkey));
}

function uidOf(hotkeys: readonly string[], owner: Codec | undefined): number | undefined {
  const uid = owner === undefined ? -1 : hotkeys.indexOf(owner.toHex());
  return uid === -1 ? undefined : uid;
}

/** Vectors are as long as the subnet was when they were stored. */
function resize<T>(values: readonly T[], count: number, fill: T): T[] {
  return Array.from({ length: count }, (_, uid) => values[uid] ?? fill);
}
