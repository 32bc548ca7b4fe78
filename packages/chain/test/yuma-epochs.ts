/**
 * What Subtensor's own tests of the epoch do, step by step, and the figures that they assert (`vectors/yuma-epochs.json.gz`).
 * @module
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { YumaRow } from '../src/yuma/input.ts';
import type { YumaFractions, YumaResult } from '../src/yuma/result.ts';

type ByUid = Readonly<Record<string, number>>;
type Bond = readonly [from: number, to: number, value: number];
type Pair = readonly [from: number, to: number];
type Fractions = Partial<Readonly<Record<keyof YumaFractions, readonly number[]>>>;

/** What is asserted of an epoch that shares out 1 alpha. */
export interface ExpectedFigures {
  readonly active?: readonly boolean[];
  readonly validatorPermit?: readonly boolean[];
  readonly consensus?: ByUid;
  readonly incentive?: ByUid;
  readonly dividends?: ByUid;
  readonly emissionRao?: ByUid;
  readonly validatorEmissionRao?: ByUid;
  /** u16; 0 where there is none. */
  readonly bonds?: readonly Bond[];
  readonly bondsAbove?: readonly Bond[];
  /** Against the epoch before. */
  readonly bondsNotFallen?: readonly Pair[];
  readonly bondsNotRisen?: readonly Pair[];
  /** Ten decimals, which tell multiples of 2^-32 apart. */
  readonly fractions?: Fractions;
  /** Shares of the emission, ten decimals. */
  readonly combined?: readonly number[];
  /** What the test keeps in a comment, from the runtime's log. */
  readonly trace?: { readonly fractions: Fractions; readonly emissionRao: readonly number[] };
  readonly serverEmissionRaoEqual?: Pair;
  /** All that is paid, to within so much. */
  readonly paidRao?: { readonly whole: number; readonly within: number };
}

/** What a test does next; one of these. */
export interface EpochStep {
  readonly block?: number;
  readonly tempo?: number;
  /** Calls of `set_weights`. */
  readonly weigh?: readonly { readonly uids: readonly number[]; readonly dests: readonly number[]; readonly values: readonly number[] }[];
  /** Weights put into storage. */
  readonly rows?: Readonly<Record<string, YumaRow>>;
  readonly lastUpdate?: readonly number[];
  /** Stake that is added. */
  readonly stake?: ByUid;
  /** A registration in the full subnet, which takes this uid. */
  readonly replace?: number;
  readonly epoch?: ExpectedFigures;
}

/** A test: neurons registered in `block`, or at the block of `registeredAt`, and what is done with them. */
export interface EpochCase {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly stakeRao: readonly number[];
  readonly tempo: number;
  readonly block?: number;
  readonly registeredAt?: number;
  readonly lastUpdate?: readonly number[];
  readonly permits?: readonly boolean[];
  readonly ownerUid?: number;
  readonly maxAllowedValidators?: number;
  readonly stakeThresholdRao?: number;
  readonly yuma3?: boolean;
  readonly steps: readonly EpochStep[];
}

/** The stored tests. */
export const { cases: epochCases } = JSON.parse(gunzipSync(readFileSync(new URL('vectors/yuma-epochs.json.gz', import.meta.url))).toString()) as { readonly cases: readonly EpochCase[] };

/** Alpha of each epoch, rao. */
export const EPOCH_RAO = 1_000_000_000n;

/** What an epoch stored and is to pay. Of a chain there are no fractions; their u16 are compared. */
export type EpochFigures = Omit<YumaResult, 'fractions'> & { readonly fractions?: YumaFractions };

/** Compares without tolerance, but where the test has one. */
export function checkFigures(figures: EpochFigures, expected: ExpectedFigures, bondsBefore: readonly YumaRow[]): void {
  for (const name of ['consensus', 'incentive', 'dividends', 'emissionRao', 'validatorEmissionRao'] as const) {
    const wanted = expected[name] ?? {};
    expect({ [name]: Object.fromEntries(Object.keys(wanted).map((uid) => [uid, Number(figures[name][Number(uid)])])) }).toEqual({ [name]: wanted });
  }
  if (expected.active !== undefined) expect(figures.active).toEqual(expected.active);
  if (expected.validatorPermit !== undefined) expect(figures.validatorPermit).toEqual(expected.validatorPermit);
  for (const fractions of [expected.fractions, expected.trace?.fractions]) checkFractions(figures, fractions ?? {});
  if (expected.trace !== undefined) expect(figures.emissionRao.map(Number)).toEqual(expected.trace.emissionRao);
  if (expected.combined !== undefined) expect(figures.emissionRao).toEqual(expected.combined.map((share) => (bitsOf(share) * EPOCH_RAO) >> 32n));
  checkBonds(figures.bonds, expected, bondsBefore);
  checkPayment(figures, expected);
}

function checkFractions({ fractions, ...figures }: EpochFigures, expected: Fractions): void {
  for (const [name, values] of Object.entries(expected) as [keyof YumaFractions, readonly number[]][]) {
    if (fractions !== undefined) expect({ [name]: fractions[name].map((value) => BigInt(value * 2 ** 32)) }).toEqual({ [name]: values.map(bitsOf) });
    else if (name !== 'activeStake') expect({ [name]: figures[name === 'stake' ? 'stakeWeight' : name] }).toEqual({ [name]: values.map((value) => Number((bitsOf(value) * 65_535n) >> 32n)) });
  }
}

/** I32F32 of ten decimals. */
function bitsOf(value: number): bigint {
  return BigInt(Math.round(value * 2 ** 32));
}

function held(rows: readonly YumaRow[], from: number, to: number): number {
  return new Map(rows[from]).get(to) ?? 0;
}

function checkBonds(rows: readonly YumaRow[], { bonds = [], bondsAbove = [], bondsNotFallen = [], bondsNotRisen = [] }: ExpectedFigures, before: readonly YumaRow[]): void {
  expect(bonds.map(([from, to]) => [from, to, held(rows, from, to)])).toEqual(bonds);
  for (const [from, to, value] of bondsAbove) expect(held(rows, from, to)).toBeGreaterThan(value);
  for (const [from, to] of bondsNotFallen) expect(held(rows, from, to)).toBeGreaterThanOrEqual(held(before, from, to));
  for (const [from, to] of bondsNotRisen) expect(held(rows, from, to)).toBeLessThanOrEqual(held(before, from, to));
}

function checkPayment({ serverEmissionRao, validatorEmissionRao }: EpochFigures, { serverEmissionRaoEqual, paidRao }: ExpectedFigures): void {
  if (serverEmissionRaoEqual !== undefined) {
    const [one, other] = serverEmissionRaoEqual.map((uid) => serverEmissionRao[uid] as bigint) as [bigint, bigint];
    expect(one).toBe(other);
    expect(one).toBeGreaterThan(0n);
  }
  if (paidRao !== undefined) {
    const paid = [...serverEmissionRao, ...validatorEmissionRao].reduce((sum, rao) => sum + rao, 0n);
    expect(Math.abs(Number(paid) - paidRao.whole)).toBeLessThanOrEqual(paidRao.within);
  }
}
