/**
 * Length and angle of updates, taken as one long vector. All sums in float64, one tensor after the other in name order, element by element: the
 * same bits everywhere.
 * @module
 */
import { assertSameExperts, sortedNames, type ExpertWeights } from '../experts/expert-weights.ts';

/** `‖u‖₂`; NaN or ∞ where a value is. */
export function updateNorm(update: ExpertWeights): number {
  return Math.sqrt(dot(update, update));
}

/**
 * `⟨a, b⟩ / (‖a‖ ‖b‖)`, clamped to [−1, 1]; 0 where either is all zero.
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 */
export function cosineSimilarity(a: ExpertWeights, b: ExpertWeights): number {
  assertSameExperts(a, b);
  const norms = updateNorm(a) * updateNorm(b);
  return norms === 0 ? 0 : Math.max(-1, Math.min(1, dot(a, b) / norms));
}

/**
 * `‖a − b‖₂`, differences in float64.
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 */
export function updateDistance(a: ExpertWeights, b: ExpertWeights): number {
  assertSameExperts(a, b);
  let sum = 0;
  for (const name of sortedNames(a)) {
    const x = a.get(name)!.data;
    const y = b.get(name)!.data;
    for (let i = 0; i < x.length; i++) sum += (x[i]! - y[i]!) ** 2;
  }
  return Math.sqrt(sum);
}

function dot(a: ExpertWeights, b: ExpertWeights): number {
  let sum = 0;
  for (const name of sortedNames(a)) {
    const x = a.get(name)!.data;
    const y = b.get(name)!.data;
    for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  }
  return sum;
}
