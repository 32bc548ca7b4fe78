/**
 * Resubmissions of opened updates (DESIGN §3.3, copies). Once a cycle is opened, its updates are public; submitting one again, their mean,
 * or the weights that one led to is no work.
 *
 * With θ the weights that this cycle starts from, Δ the candidate's update, and θᵢ, Δᵢ those of an opened one, a candidate is compared by cosine with
 * - Δᵢ: the same step again;
 * - θ − (θᵢ − Δᵢ), the way back to the opened weights: the same weights again, or a part of the way there (the distance to them, up to scale);
 * - the mean of a cycle's Δᵢ.
 *
 * Where a step is small, the loss is nearly linear and honest miners move alike from cycle to cycle (cosines to .94, bench/measure-updates.mjs), so a cosine alone accuses only near-exact
 * copies. Below that, what the others of that cycle had in common is regressed out of both: honest miners share little of what is left, copies nearly all of it.
 *
 * @module
 */
import type { ExpertWeights } from '@connito/moe-core';
import { assertBetween } from './error.ts';

/** An update of an earlier cycle that has been opened. */
export interface OpenedWeights {
  readonly cycle: number;
  /** Δᵢ = θᵢ − its author's weights. */
  readonly update: ExpertWeights;
  /** θᵢ, the weights that it was trained from. */
  readonly start: ExpertWeights;
}

/** Cosines from which an update is no longer new. Defaults are {@link RESUBMISSION_THRESHOLDS}. */
export interface ResubmissionThresholds {
  /** From here on it is a resubmission whatever else. */
  readonly nearExact: number;
  /** From here on it is one where the residual says so too. */
  readonly suspicious: number;
  /** Least cosine of the residuals, after the mean of the cycle's other updates was regressed out of both. */
  readonly residual: number;
}

/**
 * - `nearExact` .98: honest updates had up to .96 from the same weights (facts/recipe.md) and up to .92 across cycles; a copy with 20 % noise has .98.
 * - `suspicious` .9: the noise that takes a copy below it (48 %) costs it little gain, but then it looks like anybody's work.
 * - `residual` .7: DESIGN §3.3's figure for copies. On the demo model at learning rates 1e-4 and 3e-4, honest residuals were at most .49, those of copies with 30 % noise at least .72 (bench/measure-updates.mjs).
 */
export const RESUBMISSION_THRESHOLDS: ResubmissionThresholds = Object.freeze({ nearExact: 0.98, suspicious: 0.9, residual: 0.7 });

/** What is compared with what. */
export interface ResubmissionSearch {
  /** Δ of the candidate. */
  readonly update: ExpertWeights;
  /** θ, the weights that this cycle starts from. */
  readonly start: ExpertWeights;
  readonly opened: readonly OpenedWeights[];
  readonly thresholds?: Partial<ResubmissionThresholds>;
}

/** What a candidate resubmits. */
export interface Resubmission {
  /** `update`: Δᵢ; `weights`: the opened weights; `mean`: the mean of a cycle's updates. */
  readonly kind: 'update' | 'weights' | 'mean';
  /** The cycle of what was resubmitted. */
  readonly cycle: number;
  /** Its index in `opened`; undefined for a mean. */
  readonly index: number | undefined;
  readonly cosine: number;
  /** Undefined where the cycle has no other opened update, and for a mean: those are found when near-exact only. */
  readonly residual: number | undefined;
}

/**
 * Finds what a candidate resubmits. Tensors that an opened update lacks count as zeros. Memory beyond the arguments is two float64 copies of the largest tensor;
 * sums are float64, in the order of the candidate's tensors.
 *
 * @returns the finding with the largest cosine (the first of equals), or undefined
 * @throws {PolError} `invalid-option`
 */
export function findResubmission({ update, start, opened, thresholds = {} }: ResubmissionSearch): Resubmission | undefined {
  const limits = { ...RESUBMISSION_THRESHOLDS, ...thresholds };
  for (const [name, value] of Object.entries(limits)) assertBetween(`thresholds.${name}`, value, 0, 1);
  const findings = [...compareWithEach({ update, start, opened }), ...compareWithMeans(update, opened)].filter((likeness) => isResubmission(likeness, limits));
  return findings.reduce<Resubmission | undefined>((best, finding) => (best === undefined || finding.cosine > best.cosine ? finding : best), undefined);
}

function compareWithEach({ update, start, opened }: ResubmissionSearch): Resubmission[] {
  return opened.flatMap((past, index) => {
    const { cycle } = past;
    const others = opened.filter((other, at) => other.cycle === cycle && at !== index);
    return [
      { kind: 'update', cycle, index, ...compare({ update, direction: updateOf(past), others }) } as const,
      { kind: 'weights', cycle, index, ...compare({ update, direction: wayBack(start, past), others }) } as const,
    ];
  });
}

function compareWithMeans(update: ExpertWeights, opened: readonly OpenedWeights[]): Resubmission[] {
  return [...new Set(opened.map((past) => past.cycle))].flatMap((cycle) => {
    const members = opened.filter((past) => past.cycle === cycle);
    if (members.length < 2) return [];
    return [{ kind: 'mean', cycle, index: undefined, ...compare({ update, direction: meanOf(members), others: [] }) } as const];
  });
}

type Likeness = Pick<Resubmission, 'cosine' | 'residual'>;

function isResubmission({ cosine, residual = 0 }: Likeness, limits: ResubmissionThresholds): boolean {
  return cosine >= limits.nearExact || (cosine >= limits.suspicious && residual >= limits.residual);
}

/** A vector to compare with: the elements of one tensor, by its name and length. */
type Direction = (name: string, length: number) => Float32Array | Float64Array;

function updateOf({ update }: OpenedWeights): Direction {
  return (name, length) => valuesOf(update, name, length);
}

function wayBack(start: ExpertWeights, past: OpenedWeights): Direction {
  return (name, length) => {
    const [now, then, update] = [start, past.start, past.update].map((weights) => valuesOf(weights, name, length)) as [Float32Array, Float32Array, Float32Array];
    const back = new Float64Array(length);
    for (let at = 0; at < length; at++) back[at] = now[at]! - then[at]! + update[at]!;
    return back;
  };
}

function meanOf(members: readonly OpenedWeights[]): Direction {
  return (name, length) => {
    const mean = new Float64Array(length);
    for (const { update } of members) {
      const values = valuesOf(update, name, length);
      for (let at = 0; at < length; at++) mean[at]! += values[at]! / members.length;
    }
    return mean;
  };
}

function valuesOf(weights: ExpertWeights, name: string, length: number): Float32Array {
  const values = weights.get(name)?.data;
  return values?.length === length ? values : new Float32Array(length);
}

interface Comparison {
  /** a */
  readonly update: ExpertWeights;
  /** b */
  readonly direction: Direction;
  /** Their mean is m, what is regressed out. */
  readonly others: readonly OpenedWeights[];
}

/** `cos(a, b)` and `cos(a − m·am/mm, b − m·bm/mm)`; 0 where a vector is zero, which leaves zero updates unaccused. */
function compare({ update, direction, others }: Comparison): Likeness {
  const mean = meanOf(others);
  let [aa, bb, mm, ab, am, bm] = [0, 0, 0, 0, 0, 0];
  for (const [name, { data }] of update) {
    const other = direction(name, data.length);
    const common = mean(name, data.length);
    for (let at = 0; at < data.length; at++) {
      const a = data[at]!;
      const b = other[at]!;
      const m = common[at]!;
      aa += a * a;
      bb += b * b;
      mm += m * m;
      ab += a * b;
      am += a * m;
      bm += b * m;
    }
  }
  const cosine = cosineOf(ab, aa * bb);
  if (mm === 0) return { cosine, residual: undefined };
  return { cosine, residual: cosineOf(ab - (am * bm) / mm, (aa - am ** 2 / mm) * (bb - bm ** 2 / mm)) };
}

function cosineOf(product: number, squares: number): number {
  return squares > 0 ? product / Math.sqrt(squares) : 0;
}
