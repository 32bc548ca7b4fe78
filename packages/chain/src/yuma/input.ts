/**
 * What one epoch of one mechanism of a subnet reads, and the check of it.
 *
 * The chain reads all of this from storage of pallet SubtensorModule; the names of its items stand with each member. Lists are by uid and have
 * one entry per neuron. Where an item is kept per mechanism, the chain's key is `mechanism * 4096 + netuid`.
 * @module
 * @see pallets/subtensor/src/epoch/run_epoch.rs:566, `epoch_mechanism` (opentensor/subtensor 14bc6f9f9, spec 425)
 */
import { ChainError } from '../errors.ts';
import { parseUnsigned } from '../unsigned.ts';

/** `[uid, value]`; values are u16. Each uid at most once; the order is the one in storage. */
export type YumaRow = readonly (readonly [uid: number, value: number])[];

/** The state before an epoch. */
export interface YumaInput {
  /** The block in which the epoch runs (`System.Number`). Block numbers are integers below 2^53. */
  readonly block: number;
  /** Blocks from epoch to epoch (`Tempo`); counts only where `lastMechanismStepBlock` is 0. */
  readonly tempo: number;
  /** The block of the last epoch (`LastMechansimStepBlock`, the chain's spelling); 0 before the first. */
  readonly lastMechanismStepBlock: number;
  /** Stake weight in whole rao: alpha plus TAO stake times `TaoWeight`, inherited stake counted, neither filtered nor normalised. 0 … 2^63 − 1. */
  readonly stakeRao: readonly bigint[];
  /** What the chain's I64F64 holds below one rao, in units of 2^-64 rao; zeros if left out. It decides only ties and last bits. */
  readonly stakeFraction?: readonly bigint[];
  /** Block of the neuron's last weights or commit (`LastUpdate`, per mechanism; missing ones are 0). */
  readonly lastUpdate: readonly number[];
  /** `BlockAtRegistration`. */
  readonly blockAtRegistration: readonly number[];
  /** Permits as of the last epoch (`ValidatorPermit`). */
  readonly validatorPermit: readonly boolean[];
  /** Uid of `SubnetOwnerHotkey`, if it is registered: has a permit always, needs no stake, may weigh itself. */
  readonly ownerUid?: number | undefined;
  /** Rows of weights as stored (`Weights`, per mechanism), u16. */
  readonly weights: readonly YumaRow[];
  /** Rows of bonds as stored by the last epoch (`Bonds`, per mechanism), u16. */
  readonly bonds: readonly YumaRow[];
  /** Majority that consensus needs, u16 fraction (`Kappa`). */
  readonly kappa: number;
  /** Stake weight below which stake does not count, rao (`StakeThreshold`). */
  readonly stakeThresholdRao: bigint;
  /** Number of permits given (`MaxAllowedValidators`), u16. */
  readonly maxAllowedValidators: number;
  /** A neuron whose last update is more than so many blocks old is inactive; see `activityCutoffBlocks`. */
  readonly activityCutoffBlocks: number;
  /** `CommitRevealWeightsEnabled`. */
  readonly commitRevealWeightsEnabled: boolean;
  /** Block of the earliest commit that is neither revealed nor expired, if any; counts only with commit-reveal. */
  readonly pendingCommitBlocks?: readonly (number | undefined)[];
  /** Share of the old bonds in the new ones, parts per million (`BondsMovingAverage`, u64). 0 … 2^50. */
  readonly bondsMovingAverage: number;
  /** How much of what exceeds consensus is taken off the weights that make bonds, u16 fraction (`BondsPenalty`). */
  readonly bondsPenalty: number;
  /** `Yuma3On`. */
  readonly yuma3: boolean;
  /** `LiquidAlphaOn`; without Yuma3 it has no effect. */
  readonly liquidAlpha: boolean;
  /** `AlphaValues`, u16 fractions. */
  readonly alphaLow: number;
  readonly alphaHigh: number;
  /** `AlphaSigmoidSteepness`, hundredths, i16. */
  readonly alphaSigmoidSteepness: number;
  /** Alpha to share out in this mechanism, rao. */
  readonly emissionRao: bigint;
}

type RowsName = 'weights' | 'bonds';

const U16_MAX = 65535;
const U64_MAX: bigint = 2n ** 64n - 1n;
/** `I64F64::saturating_from_num` of more would saturate. */
const MAX_STAKE_RAO: bigint = 2n ** 63n - 1n;
/** Beyond 2^31 times a million I32F32 overflows. */
const MAX_BONDS_MOVING_AVERAGE: number = 2 ** 50;
/** Sums of a row of u16 stay inside I32F32. */
const MAX_NEURONS = 32768;

/**
 * The blocks a neuron may be silent: `ActivityCutoff` itself on older runtimes, since spec 407 a multiple of the tempo, at least 1.
 * @param factorMilli thousandths of a tempo (`ActivityCutoffFactorMilli`)
 * @see `get_activity_cutoff_blocks`, pallets/subtensor/src/utils/misc.rs:614
 */
export function activityCutoffBlocks({ tempo, factorMilli }: { readonly tempo: number; readonly factorMilli: number }): number {
  return Math.max(1, Math.floor((tempo * factorMilli) / 1000));
}

/**
 * Checks that lists have one entry per neuron, that rows name each neuron at most once, and that numbers are in the range of their type.
 * @throws bad-value
 */
export function assertYumaInput(input: YumaInput): void {
  assertAllButRows(input);
  assertRows('weights', input.weights, input.stakeRao.length);
  assertRows('bonds', input.bonds, input.stakeRao.length);
}

/** {@link assertYumaInput} for who checks each row while reading it. @throws bad-value */
export function assertAllButRows(input: YumaInput): void {
  if (!Array.isArray(input.stakeRao) || input.stakeRao.length > MAX_NEURONS) throw badValue('stakeRao', `a list of at most ${MAX_NEURONS}`, input.stakeRao?.length);
  assertScalars(input, input.stakeRao.length);
  assertLists(input, input.stakeRao.length);
}

function assertScalars(input: YumaInput, n: number): void {
  for (const name of ['tempo', 'kappa', 'maxAllowedValidators', 'bondsPenalty', 'alphaLow', 'alphaHigh'] as const) parseUnsigned(name, input[name], 16);
  for (const name of ['block', 'lastMechanismStepBlock', 'activityCutoffBlocks'] as const) assertInteger(name, input[name], Number.MAX_SAFE_INTEGER);
  for (const name of ['commitRevealWeightsEnabled', 'yuma3', 'liquidAlpha'] as const) if (typeof input[name] !== 'boolean') throw badValue(name, 'true or false', input[name]);
  assertBigint('emissionRao', input.emissionRao, U64_MAX);
  assertBigint('stakeThresholdRao', input.stakeThresholdRao, U64_MAX);
  assertInteger('bondsMovingAverage', input.bondsMovingAverage, MAX_BONDS_MOVING_AVERAGE);
  const { alphaSigmoidSteepness: steepness, ownerUid } = input;
  if (!Number.isInteger(steepness) || steepness < -32768 || steepness > 32767) throw badValue('alphaSigmoidSteepness', 'an integer from -32768 to 32767', steepness);
  if (ownerUid !== undefined) assertInteger('ownerUid', ownerUid, n - 1);
}

function assertLists(input: YumaInput, n: number): void {
  const { stakeFraction, pendingCommitBlocks } = input;
  for (const name of ['lastUpdate', 'blockAtRegistration', 'validatorPermit', 'weights', 'bonds'] as const) assertLength(name, input[name], n);
  for (const stake of input.stakeRao) assertBigint('stakeRao', stake, MAX_STAKE_RAO);
  for (const block of input.lastUpdate) assertInteger('lastUpdate', block, Number.MAX_SAFE_INTEGER);
  for (const block of input.blockAtRegistration) assertInteger('blockAtRegistration', block, Number.MAX_SAFE_INTEGER);
  for (const permit of input.validatorPermit) if (typeof permit !== 'boolean') throw badValue('validatorPermit', 'true or false', permit);
  if (stakeFraction !== undefined) assertLength('stakeFraction', stakeFraction, n);
  for (const fraction of stakeFraction ?? []) assertBigint('stakeFraction', fraction, U64_MAX);
  if (pendingCommitBlocks !== undefined) assertLength('pendingCommitBlocks', pendingCommitBlocks, n);
  for (const block of pendingCommitBlocks ?? []) if (block !== undefined) assertInteger('pendingCommitBlocks', block, Number.MAX_SAFE_INTEGER);
}

function assertRows(name: RowsName, rows: readonly YumaRow[], n: number): void {
  const seenInRow = new Int32Array(n);
  for (let from = 0; from < n; from += 1) {
    const row = rows[from] as YumaRow;
    assertRow(name, from, row);
    for (const entry of row) if (!isEntry(entry, from, seenInRow)) throw badEntry(name, from, entry);
  }
}

/** @throws bad-value */
export function assertRow(name: RowsName, from: number, row: YumaRow): void {
  if (!Array.isArray(row)) throw badValue(`${name} of uid ${from}`, 'a list of [uid, value]', typeof row);
}

/**
 * Whether this is an entry of the row of `from`: a uid that the row has not named before, and a u16.
 * @param seenInRow one number per neuron, zeros at first: 1 + the last row that named it; rows are checked in ascending order
 */
export function isEntry(entry: YumaRow[number], from: number, seenInRow: Int32Array): boolean {
  if (!Array.isArray(entry)) return false;
  const value = entry[1] as number;
  // Of what is no uid the last row is undefined, and no comparison holds.
  if (typeof value !== 'number' || (value & U16_MAX) !== value || !((seenInRow[entry[0] as number] as number) <= from)) return false;
  seenInRow[entry[0] as number] = from + 1;
  return true;
}

/** Why {@link isEntry} says no. */
export function badEntry(name: RowsName, from: number, entry: YumaRow[number]): ChainError {
  return badValue(`${name} of uid ${from}`, `the uid of a neuron, at most once, and a value from 0 to ${U16_MAX}`, Array.isArray(entry) ? `[${entry.join(', ')}]` : entry);
}

function assertLength(name: string, list: readonly unknown[], n: number): void {
  if (!Array.isArray(list) || list.length !== n) throw badValue(name, `a list of ${n}, one per neuron of stakeRao`, Array.isArray(list) ? `${list.length} entries` : typeof list);
}

function assertInteger(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) throw badValue(name, `an integer from 0 to ${max}`, value);
}

function assertBigint(name: string, value: bigint, max: bigint): void {
  if (typeof value !== 'bigint' || value < 0n || value > max) throw badValue(name, `a bigint from 0 to ${max}`, value);
}

function badValue(subject: string, expected: string, actual: unknown): ChainError {
  return new ChainError('bad-value', `${subject}: expected ${expected}, got ${String(actual)}`, { subject, expected, actual: String(actual) });
}
