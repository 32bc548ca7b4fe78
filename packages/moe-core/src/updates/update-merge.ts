/**
 * What miners send and how it is put together: pseudo-gradients and their weighted average.
 * @see https://arxiv.org/abs/2311.08105 (DiLoCo)
 * @module
 */
import { MoeError } from '../errors.ts';
import { assertSameExperts, sortedNames, type ExpertWeights } from '../experts/expert-weights.ts';
import type { Float32Tensor } from '../safetensors/tensor.ts';
import { allFinite } from '../internal/finite.ts';
import { updateNorm } from './update-geometry.ts';
import { quote } from '../internal/quote.ts';

/** One participant of an average. */
export interface WeightedUpdate {
  readonly update: ExpertWeights;
  /** At least 0; only the ratio to the others counts. */
  readonly weight: number;
}

/**
 * `Δ = θ_start − θ_local`, rounded to float32 per element; the sign is that of a gradient, so descent along Δ goes from start to local.
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 */
export function computePseudoGradient(start: ExpertWeights, local: ExpertWeights): ExpertWeights {
  assertSameExperts(start, local);
  return mapTensors(start, (before, name) => {
    const after = local.get(name)!.data;
    const difference = new Float32Array(before.length);
    for (let i = 0; i < difference.length; i++) difference[i] = before[i]! - after[i]!;
    return difference;
  });
}

/**
 * `Σ c_i · Δ_i` with `c_i = (w_i / Σ w) · min(1, clipNorm / ‖Δ_i‖)`.
 *
 * The coefficients and each element's sum are float64, in the order of `updates`; the result is rounded to float32 once. So the same updates in
 * the same order give the same bits everywhere; sort them by something public.
 * @param options.clipNorm updates longer than this are scaled down to it; none by default
 * @throws update-invalid no updates, a weight below 0, all weights 0, a clip that is not above 0
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected, experts-not-finite
 * @example
 * const mean = averageUpdates([{ update: a, weight: 2 }, { update: b, weight: 1 }], { clipNorm: 1 });
 */
export function averageUpdates(updates: readonly WeightedUpdate[], options: { readonly clipNorm?: number | undefined } = {}): ExpertWeights {
  const [first] = updates;
  if (first === undefined) throw invalid('updates', 'expected at least one update');
  for (const { update } of updates) assertSameExperts(first.update, update);
  const coefficients = scaleFactors(updates, options.clipNorm);
  return mapTensors(first.update, (values, name) => {
    const inputs = updates.map(({ update }) => update.get(name)!.data);
    const mean = weightedSum(inputs, { coefficients, length: values.length });
    if (allFinite(mean)) return mean;
    throw new MoeError('experts-not-finite', { message: `the average of tensor ${quote(name)} holds a NaN or an infinity; check the updates one by one`, context: { tensor: name } });
  });
}

/** The same tensors with other values, in name order. */
export function mapTensors(weights: ExpertWeights, change: (data: Float32Array, name: string) => Float32Array): ExpertWeights {
  const result = new Map<string, Float32Tensor>();
  for (const name of sortedNames(weights)) {
    const { shape, data } = weights.get(name)!;
    result.set(name, { shape, data: change(data, name) });
  }
  return result;
}

function scaleFactors(updates: readonly WeightedUpdate[], clipNorm: number | undefined): number[] {
  if (clipNorm !== undefined && !(clipNorm > 0)) throw invalid('clipNorm', `expected a norm above 0, got ${clipNorm}`);
  const total = updates.reduce((sum, { weight }) => sum + weight, 0);
  if (updates.some(({ weight }) => !(weight >= 0)) || !(total > 0 && total < Number.POSITIVE_INFINITY)) {
    throw invalid('weight', `expected finite weights from 0 with a sum above 0, got ${updates.map(({ weight }) => weight).join(', ')}`);
  }
  return updates.map(({ update, weight }) => {
    const norm = clipNorm === undefined ? 0 : updateNorm(update);
    return (weight / total) * (clipNorm !== undefined && norm > clipNorm ? clipNorm / norm : 1);
  });
}

/** Elements whose sums are in the first-level cache at a time. */
const BLOCK = 1024;

/** `Σ c_k x_k` of each element, in float64, in the order of `inputs`. */
export function weightedSum(inputs: readonly Float32Array[], at: { readonly coefficients: readonly number[]; readonly length: number }): Float32Array {
  const mean = new Float32Array(at.length);
  const sums = new Float64Array(BLOCK);
  for (let from = 0; from < at.length; from += BLOCK) {
    const count = Math.min(BLOCK, at.length - from);
    sums.fill(0);
    inputs.forEach((input, k) => addScaled(sums, input, { coefficient: at.coefficients[k]!, from, count }));
    for (let i = 0; i < count; i++) mean[from + i] = sums[i]!;
  }
  return mean;
}

function addScaled(sums: Float64Array, input: Float32Array, { coefficient, from, count }: { readonly coefficient: number; readonly from: number; readonly count: number }): void {
  for (let i = 0; i < count; i++) sums[i]! += coefficient * input[from + i]!;
}

function invalid(field: string, message: string): MoeError<'update-invalid'> {
  return new MoeError('update-invalid', { message: `updates, ${field}: ${message}`, context: { field } });
}
