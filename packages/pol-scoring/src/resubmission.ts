/**
 * Resubmissions of opened updates (DESIGN §3.3, copies). Once a cycle is opened, its updates are public; submitting one again, their mean,
 * or the weights that one led to is no work.
 *
 * With θ the weights that this cycle starts from, Δ the candidate's update, θᵢ and Δᵢ those of an opened one, and vᵢ = θ − (θᵢ − Δᵢ) the way back to the opened weights, a candidate is
 * one of these when
 * - `cos(Δ, Δᵢ)` or `cos(Δ, mean of a cycle's Δᵢ)` is at least the threshold: the same step again;
 * - `cos(Δ, vᵢ)` is: the same weights again, or a part of the way there;
 * - `‖Δ − vᵢ‖ / ‖Δ‖`, the distance between the two sets of weights in units of the candidate's own step, is at most the other threshold.
 *
 * Two honest miners that start from (nearly) the same weights move alike (cosine .85 to .96 in facts/recipe.md), so where the version hardly moved since the
 * opened update, only a near-exact copy counts.
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

/** Where an update stops being new. Defaults are {@link RESUBMISSION_THRESHOLDS}. */
export interface ResubmissionThresholds {
  /** Least cosine of a resubmission. */
  readonly cosine: number;
  /** The same where the version hardly moved since the opened update. */
  readonly sameStartCosine: number;
  /** "Hardly moved": ‖θ − θᵢ‖ below this share of ‖Δᵢ‖. */
  readonly sameStartShare: number;
  /** Largest distance to opened weights in units of ‖Δ‖. */
  readonly distance: number;
}

/**
 * - `cosine` .9: honest updates of successive cycles have .16 to .62, a copy with 1 % noise 1.000, with 48 % noise .9.
 * - `sameStartCosine` .98: honest updates from the same weights have .85 to .96; a copy with 20 % noise .98.
 * - `sameStartShare` .5: an accepted step of few miners is about as long as their updates (1 for a single miner), a rejected cycle's is 0.
 * - `distance` .5: an honest cosine of at most .62 puts the honest distance at .78 or more (the sine of the angle).
 */
export const RESUBMISSION_THRESHOLDS: ResubmissionThresholds = Object.freeze({ cosine: 0.9, sameStartCosine: 0.98, sameStartShare: 0.5, distance: 0.5 });

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
  /** `update`: Δᵢ; `mean`: the mean of a cycle's updates; `weights`: the opened weights, by cosine; `distance`: the same, by distance. */
  readonly kind: 'update' | 'mean' | 'weights' | 'distance';
  /** The cycle of what was resubmitted. */
  readonly cycle: number;
  /** Its index in `opened`; undefined for a mean. */
  readonly index: number | undefined;
  /** The cosine, or the relative distance. */
  readonly value: number;
}

/**
 * Finds what a candidate resubmits. Tensors that an opened update lacks count as zeros. Memory beyond the arguments is one float64 copy of the largest tensor;
 * sums are float64, in the order of the candidate's tensors.
 *
 * @returns the first finding in the order of `opened` (means after all updates), or undefined
 * @throws {PolError} `invalid-option`
 */
export function findResubmission({ update, start, opened, thresholds = {} }: ResubmissionSearch): Resubmission | undefined {
  const limits = { ...RESUBMISSION_THRESHOLDS, ...thresholds };
  assertLimits(limits);
  const leastCosine = (past: OpenedWeights): number => (movedShare(update, start, past) < limits.sameStartShare ? limits.sameStartCosine : limits.cosine);
  for (const [index, past] of opened.entries()) {
    const found = findIn({ update, start, past, limits, threshold: leastCosine(past) });
    if (found !== undefined) return { ...found, cycle: past.cycle, index };
  }
  for (const [cycle, members] of byCycle(opened)) {
    if (members.length < 2) continue;
    const value = cosine(compareWith(update, meanOf(members)));
    if (value >= Math.max(...members.map(leastCosine))) return { kind: 'mean', cycle, index: undefined, value };
  }
  return undefined;
}

interface Comparison {
  readonly update: ExpertWeights;
  readonly start: ExpertWeights;
  readonly past: OpenedWeights;
  readonly limits: ResubmissionThresholds;
  readonly threshold: number;
}

function findIn({ update, start, past, limits, threshold }: Comparison): Pick<Resubmission, 'kind' | 'value'> | undefined {
  const toUpdate = cosine(compareWith(update, updateOf(past)));
  if (toUpdate >= threshold) return { kind: 'update', value: toUpdate };
  const back = compareWith(update, wayBack(start, past));
  const toWeights = cosine(back);
  if (toWeights >= threshold) return { kind: 'weights', value: toWeights };
  const distance = relativeDistance(back);
  // Where the version hardly moved, the way back is nearly Δᵢ, and honest miners come that near to it.
  const isNear = threshold < limits.sameStartCosine && distance <= limits.distance;
  return isNear ? { kind: 'distance', value: distance } : undefined;
}

/** A vector to compare with: the elements of one tensor, by its name and length. */
type Direction = (name: string, length: number) => ArrayLike<number>;

/** Δᵢ. */
function updateOf({ update }: OpenedWeights): Direction {
  return (name, length) => update.get(name)?.data ?? new Float32Array(length);
}

/** vᵢ = θ − θᵢ + Δᵢ. */
function wayBack(start: ExpertWeights, past: OpenedWeights): Direction {
  return (name, length) => Float64Array.from({ length }, (_, at) => elementOf(start, name, at) - elementOf(past.start, name, at) + elementOf(past.update, name, at));
}

/** Mean of several Δᵢ. */
function meanOf(members: readonly OpenedWeights[]): Direction {
  return (name, length) => Float64Array.from({ length }, (_, at) => members.reduce((total, { update }) => total + elementOf(update, name, at), 0) / members.length);
}

function elementOf(weights: ExpertWeights, name: string, at: number): number {
  return weights.get(name)?.data[at] ?? 0;
}

/** Sums over all elements of the candidate's tensors, float64: Δ·Δ, b·b, Δ·b. */
interface Products {
  readonly aa: number;
  readonly bb: number;
  readonly ab: number;
}

function compareWith(update: ExpertWeights, direction: Direction): Products {
  const sums = { aa: 0, bb: 0, ab: 0 };
  for (const [name, { data }] of update) {
    const other = direction(name, data.length);
    for (let at = 0; at < data.length; at++) {
      const a = data[at] ?? 0;
      const b = other[at] ?? 0;
      sums.aa += a * a;
      sums.bb += b * b;
      sums.ab += a * b;
    }
  }
  return sums;
}

/** 0 where either vector is zero. */
function cosine({ aa, bb, ab }: Products): number {
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** ‖Δ − b‖ / ‖Δ‖; infinite for a zero update. */
function relativeDistance({ aa, bb, ab }: Products): number {
  return aa > 0 ? Math.sqrt(Math.max(0, aa - 2 * ab + bb) / aa) : Number.POSITIVE_INFINITY;
}

/** ‖θ − θᵢ‖ / ‖Δᵢ‖ over the candidate's tensors. */
function movedShare(update: ExpertWeights, start: ExpertWeights, past: OpenedWeights): number {
  let moved = 0;
  let length = 0;
  for (const [name, { data }] of update) {
    for (let at = 0; at < data.length; at++) {
      moved += (elementOf(start, name, at) - elementOf(past.start, name, at)) ** 2;
      length += elementOf(past.update, name, at) ** 2;
    }
  }
  return length > 0 ? Math.sqrt(moved / length) : Number.POSITIVE_INFINITY;
}

function byCycle(opened: readonly OpenedWeights[]): ReadonlyMap<number, readonly OpenedWeights[]> {
  const cycles = new Map<number, OpenedWeights[]>();
  for (const past of opened) cycles.set(past.cycle, [...(cycles.get(past.cycle) ?? []), past]);
  return cycles;
}

function assertLimits({ cosine: least, sameStartCosine, sameStartShare, distance }: ResubmissionThresholds): void {
  assertBetween('thresholds.cosine', least, 0, 1);
  assertBetween('thresholds.sameStartCosine', sameStartCosine, 0, 1);
  assertBetween('thresholds.sameStartShare', sameStartShare, 0, Number.MAX_VALUE);
  assertBetween('thresholds.distance', distance, 0, Number.MAX_VALUE);
}
