/**
 * What distances and products say about how much of each update goes into the result. A point `z = o + Σ b_i (x_i − o)` is known by its coefficients alone: with
 * `G_ij = ⟨x_i − o, x_j − o⟩`, `‖x_i − z‖² = G_ii − 2 Σ_j b_j G_ij + Σ_jk b_j b_k G_jk`. Steps cost n² whatever the size of the model.
 * @module
 */

/**
 * Indices by Krum score, best first; ties to the lower index.
 * @param at.byzantine f: a score sums the n − f − 2 nearest
 */
export function krumRanking(distances: Float64Array, { count, byzantine }: { readonly count: number; readonly byzantine: number }): number[] {
  const scores = Array.from({ length: count }, (_, i) => {
    const others = Array.from(distances.subarray(i * count, (i + 1) * count)).filter((_distance, j) => j !== i);
    return others.sort((a, b) => a - b).slice(0, count - byzantine - 2).reduce((sum, distance) => sum + distance, 0);
  });
  return scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]! || a - b);
}

/**
 * The smallest value such that values of at most this have at least half of the weight.
 * @param weights they add up to 1
 */
export function weightedLowerMedian(values: readonly number[], weights: readonly number[]): number {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  let below = 0;
  for (const i of order) {
    below += weights[i]!;
    // Shares add up to 1 but for rounding.
    if (below >= 0.5 - 1e-12) return values[i]!;
  }
  return values[order.at(-1)!]!;
}

/**
 * The update with the least median of distances to all. Ties go to the lower index. Not the least sum: against one distance of an absurd size, a sum no longer
 * tells the others apart.
 */
export function middlemost(distances: Float64Array, weights: readonly number[]): number {
  const count = weights.length;
  const medians = weights.map((_, i) => weightedLowerMedian([...distances.subarray(i * count, (i + 1) * count)], weights));
  return medians.reduce((best, median, i) => (median < medians[best]! ? i : best), 0);
}

/**
 * Weiszfeld steps; they end early where a step changes no coefficient. The first is made from the middlemost update, with the distances to it that are below their
 * median raised to that: the mean, from which others start, may be as far away as any liar wants.
 * @param gram about the middlemost update
 */
export function geometricMedianCoefficients(
  gram: Float64Array,
  { weights, iterations, smoothing }: { readonly weights: readonly number[]; readonly iterations: number; readonly smoothing: number },
): number[] {
  const count = weights.length;
  const lengths = weights.map((_, i) => Math.sqrt(gram[i * count + i]!));
  let coefficients = pullsOf(lengths, weights, Math.max(smoothing, weightedLowerMedian(lengths, weights)));
  for (let step = 1; step < iterations; step++) {
    const next = pullsOf(distancesToPoint(gram, coefficients), weights, smoothing);
    if (next.every((value, i) => value === coefficients[i])) break;
    coefficients = next;
  }
  return coefficients;
}

function pullsOf(lengths: readonly number[], weights: readonly number[], least: number): number[] {
  const pulls = weights.map((weight, i) => weight / Math.max(least, lengths[i]!));
  const total = pulls.reduce((sum, pull) => sum + pull, 0);
  return pulls.map((pull) => pull / total);
}

/**
 * Coefficients of the updates; that of the center is 1 less their sum.
 * @param gram about the center
 */
export function centeredClippingCoefficients(
  gram: Float64Array,
  { weights, radius, iterations }: { readonly weights: readonly number[]; readonly radius: number; readonly iterations: number },
): number[] {
  let coefficients = weights.map(() => 0);
  for (let step = 0; step < iterations; step++) {
    const lengths = distancesToPoint(gram, coefficients);
    const moves = weights.map((weight, i) => weight * Math.min(1, radius / lengths[i]!));
    const stays = 1 - moves.reduce((sum, move) => sum + move, 0);
    coefficients = coefficients.map((value, i) => value * stays + moves[i]!);
  }
  return coefficients;
}

/** `‖x_i − z‖` of each i. */
function distancesToPoint(gram: Float64Array, coefficients: readonly number[]): number[] {
  const count = coefficients.length;
  const rows = coefficients.map((_, i) => coefficients.reduce((sum, b, j) => sum + b * gram[i * count + j]!, 0));
  const square = coefficients.reduce((sum, b, i) => sum + b * rows[i]!, 0);
  // Rounding may leave a small negative square where the point is the update itself.
  return rows.map((row, i) => Math.sqrt(Math.max(0, gram[i * count + i]! - 2 * row + square)));
}
