/**
 * A subnet with several mechanisms: its emission is split among them, each runs its own epoch, and the outcomes become one.
 * @module
 * @see pallets/subtensor/src/subnets/mechanism.rs, `split_emissions` and `epoch_with_mechanisms` (opentensor/subtensor 14bc6f9f9)
 */
import { ChainError } from '../errors.ts';
import type { YumaResult } from './result.ts';

/** How a subnet's emission is split. */
export interface EmissionSplit {
  /** Alpha of the epoch for the whole subnet, rao. */
  readonly emissionRao: bigint;
  /** `MechanismCountCurrent`, 1 … 16. */
  readonly mechanismCount: number;
  /** `MechanismEmissionSplit`: u16 fractions of 65535; evenly if left out. Missing ones are 0. */
  readonly split?: readonly number[] | undefined;
}

/** What a subnet stores of all its mechanisms; incentive and bonds stay with each mechanism. */
export type SubnetResult = Omit<YumaResult, 'incentive' | 'bonds' | 'fractions'>;

const U16_MAX = 65535n;
const U64_MAX: bigint = 2n ** 64n - 1n;
const MAX_MECHANISMS = 16;
/** 1.0 of U64F64. */
const ONE: bigint = 1n << 64n;

/**
 * Rao per mechanism, cut off; what that leaves goes to mechanism 0.
 * @throws bad-value
 */
export function splitEmission({ emissionRao, mechanismCount, split }: EmissionSplit): bigint[] {
  assertSplit({ emissionRao, mechanismCount, split });
  const shares = Array.from({ length: mechanismCount }, (_, index) =>
    split === undefined ? emissionRao / BigInt(mechanismCount) : (emissionRao * BigInt(split[index] ?? 0)) / U16_MAX,
  );
  const rest = emissionRao - shares.reduce((total, share) => total + share, 0n);
  return shares.map((share, index) => (index === 0 && rest > 0n ? share + rest : share));
}

/**
 * One outcome of the epochs of all mechanisms, in their order: emissions are added, fractions weighted by each mechanism's part of the emission, flags or-ed.
 * @param results of mechanism 0, 1, …, each run with its part of `emissionRao`
 * @param parts rao per mechanism, as {@link splitEmission} gives them
 * @throws bad-value
 */
export function combineMechanisms(results: readonly YumaResult[], parts: readonly bigint[]): SubnetResult {
  const [first] = results;
  if (first === undefined || parts.length !== results.length) throw badValue('mechanisms', 'one part of the emission for each of one or more results', `${results.length} results, ${parts.length} parts`);
  if (results.some(({ active }) => active.length !== first.active.length)) throw badValue('mechanisms', 'results of as many neurons each', results.map(({ active }) => active.length).join(', '));
  const weights = weightsOf(parts);
  const add = (name: 'serverEmissionRao' | 'validatorEmissionRao'): bigint[] => byUid(first, (uid) => clampU64(results.reduce((total, result) => total + (result[name][uid] as bigint), 0n)));
  const any = (name: 'active' | 'validatorPermit'): boolean[] => byUid(first, (uid) => results.some((result) => result[name][uid] === true));
  const mean = (name: 'stakeWeight' | 'consensus' | 'validatorTrust' | 'dividends'): number[] =>
    byUid(first, (uid) => Number(accumulate(results.map((result) => BigInt(result[name][uid] as number)), weights, U16_MAX)));
  return {
    active: any('active'),
    validatorPermit: any('validatorPermit'),
    stakeWeight: mean('stakeWeight'),
    consensus: mean('consensus'),
    validatorTrust: mean('validatorTrust'),
    dividends: mean('dividends'),
    emissionRao: byUid(first, (uid) => accumulate(results.map((result) => result.emissionRao[uid] as bigint), weights, U64_MAX)),
    serverEmissionRao: add('serverEmissionRao'),
    validatorEmissionRao: add('validatorEmissionRao'),
  };
}

/** Part / whole in U64F64; with nothing to pay, mechanism 0 counts for all. */
function weightsOf(parts: readonly bigint[]): bigint[] {
  const whole = parts.reduce((total, part) => total + part, 0n);
  return parts.map((part, index) => (whole === 0n ? (index === 0 ? ONE : 0n) : (part << 64n) / whole));
}

/** The sum of `value · weight`, cut off to an integer after each addition. */
function accumulate(values: readonly bigint[], weights: readonly bigint[], max: bigint): bigint {
  return values.reduce((total, value, index) => {
    const sum = total + ((value * (weights[index] as bigint)) >> 64n);
    return sum > max ? max : sum;
  }, 0n);
}

function byUid<T>({ active }: YumaResult, value: (uid: number) => T): T[] {
  return active.map((_, uid) => value(uid));
}

function clampU64(value: bigint): bigint {
  return value > U64_MAX ? U64_MAX : value;
}

function assertSplit({ emissionRao, mechanismCount, split = [] }: EmissionSplit): void {
  if (typeof emissionRao !== 'bigint' || emissionRao < 0n || emissionRao > U64_MAX) throw badValue('emissionRao', `a bigint from 0 to ${U64_MAX}`, emissionRao);
  if (!Number.isInteger(mechanismCount) || mechanismCount < 1 || mechanismCount > MAX_MECHANISMS) throw badValue('mechanismCount', `an integer from 1 to ${MAX_MECHANISMS}`, mechanismCount);
  const sum = split.reduce((total, share) => total + share, 0);
  if (split.some((share) => !Number.isInteger(share) || share < 0) || sum > Number(U16_MAX)) throw badValue('split', `integers from 0 on that add up to ${U16_MAX}`, split.join(', '));
}

function badValue(subject: string, expected: string, actual: unknown): ChainError {
  return new ChainError('bad-value', `${subject}: expected ${expected}, got ${String(actual)}`, { subject, expected, actual: String(actual) });
}
