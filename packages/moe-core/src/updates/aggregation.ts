/**
 * Putting updates together so that some of them may be wrong, or hostile. A rule is data, so that a manifest can name one.
 *
 * Rules that weigh whole updates come to coefficients from the distances between them, which are computed in one pass over the tensors; the others look at one
 * element at a time. Nothing but a block of each tensor is held besides the updates and the result.
 * @see https://arxiv.org/abs/1703.02757 (Krum and Multi-Krum)
 * @see https://arxiv.org/abs/1803.01498 (coordinate-wise median and trimmed mean)
 * @see https://arxiv.org/abs/1912.13445 (geometric median by smoothed Weiszfeld steps)
 * @see https://arxiv.org/abs/2012.10333 (centered clipping)
 * @module
 */
import { MoeError } from '../errors.ts';
import { assertSameExperts, sortedNames, type ExpertWeights } from '../experts/expert-weights.ts';
import { centeredClippingCoefficients, geometricMedianCoefficients, krumRanking, middlemost, weightedLowerMedian } from '../internal/aggregation-coefficients.ts';
import { orderedMean } from '../internal/coordinate-order.ts';
import { allFinite } from '../internal/finite.ts';
import { gramMatrix, squaredDistances } from '../internal/pairwise-distances.ts';
import { quote } from '../internal/quote.ts';
import { updateNorm } from './update-geometry.ts';
import { mapTensors, weightedSum, type WeightedUpdate } from './update-merge.ts';

/** Updates longer than this are scaled down to it first; `median` is the weighted lower median of the updates' own norms. None by default. */
interface ClippedRule {
  readonly clipNorm?: number | 'median' | undefined;
}

/** How n updates become one. `weight` counts in `mean`, `geometric-median` and `centered-clipping`; the others count heads, since a weight can be a lie too. */
export type AggregationRule = ClippedRule &
  (
    | { readonly kind: 'mean' }
    | { readonly kind: 'median' }
    /** Without the `trim` smallest and largest of each element; n > 2 · trim. */
    | { readonly kind: 'trimmed-mean'; readonly trim: number }
    /** The update that is nearest to its n − byzantine − 2 nearest; n ≥ 2 · byzantine + 3. */
    | { readonly kind: 'krum'; readonly byzantine: number }
    /** The mean of the `selected` best by that measure, 1 to n − byzantine, which is the default. */
    | { readonly kind: 'multi-krum'; readonly byzantine: number; readonly selected?: number | undefined }
    /** The point with the least weighted sum of distances. `smoothing` (1e-6) is the least distance that a step divides by, `iterations` (100) the most steps. */
    | { readonly kind: 'geometric-median'; readonly iterations?: number | undefined; readonly smoothing?: number | undefined }
    /** From `center`, `iterations` (1) times, by the weighted mean of the differences, each cut to the norm `radius`. */
    | { readonly kind: 'centered-clipping'; readonly radius: number; readonly iterations?: number | undefined }
  );

/** The names of the rules. */
export const AGGREGATION_KINDS: readonly AggregationRule['kind'][] = ['mean', 'median', 'trimmed-mean', 'krum', 'multi-krum', 'geometric-median', 'centered-clipping'];

const DEFAULT_ITERATIONS = 100;
const DEFAULT_SMOOTHING = 1e-6;
const MAX_ITERATIONS = 10_000;

/**
 * One update out of n. Everything is float64 in a fixed order, with no other operations than + − × ÷ √, and rounded to float32 once: the same updates in the same
 * order give the same bits on every machine.
 *
 * - `mean`: `Σ w_i Δ_i / Σ w_i`, in the order of `updates`; as `averageUpdates`.
 * - `median`, `trimmed-mean`: by element, sorted; the mean of the middle one or two, or of what is left, ascending. The order of `updates` does not matter.
 * - `krum`, `multi-krum`: scores are sums of squared distances, nearest first; ties go to the earlier update. The mean goes by rank.
 * - `geometric-median`: `z = Σ b_i Δ_i` with `b_i ∝ w_i / max(smoothing, ‖Δ_i − z‖)` (Weiszfeld), until nothing changes or `iterations` steps are done. The first step is made
 *   from the update with the least median of distances, and with at least that median for `smoothing`.
 * - `centered-clipping`: `v ← v + Σ w_i (Δ_i − v) · min(1, radius / ‖Δ_i − v‖) / Σ w_i` from v = `center`.
 *
 * Norms are over all tensors as one vector. −0 counts as 0.
 * @param options.center where centered clipping starts, such as the last cycle's result; zero by default
 * @throws aggregation-invalid a parameter or a weight outside of its range
 * @throws aggregation-too-few fewer updates than the rule's promise needs, or none
 * @throws experts-not-finite naming tensor and update
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 * @example
 * const merged = aggregateUpdates(updates.map((update) => ({ update, weight: 1 })), { kind: 'multi-krum', byzantine: 2, clipNorm: 'median' });
 */
export function aggregateUpdates(updates: readonly WeightedUpdate[], rule: AggregationRule, options: { readonly center?: ExpertWeights | undefined } = {}): ExpertWeights {
  assertAggregationRule(rule, updates.length);
  const weights = shares(updates);
  const first = updates[0]!.update;
  updates.forEach(({ update }, index) => assertUsable(update, { expected: first, index }));
  if (options.center !== undefined) assertUsable(options.center, { expected: first, index: undefined });
  const members = { updates: updates.map(({ update }) => update), weights, scales: clipScales(updates, rule.clipNorm) };
  switch (rule.kind) {
    case 'mean':
      return combine(members.updates, weights.map((weight, i) => weight * members.scales[i]!));
    case 'median':
      return byElement(members, Math.floor((updates.length - 1) / 2));
    case 'trimmed-mean':
      return byElement(members, rule.trim);
    case 'krum':
    case 'multi-krum':
      return meanOfBest(members, rule);
    case 'geometric-median':
      return geometricMedian(members, rule);
    case 'centered-clipping':
      return clipAround(members, rule, options.center);
  }
}

/**
 * Refuses a rule that cannot be followed, or whose promise does not hold for so few updates.
 * @param participants how many updates it will get
 * @throws aggregation-invalid, aggregation-too-few
 */
export function assertAggregationRule(rule: AggregationRule, participants: number): void {
  if (!AGGREGATION_KINDS.includes(rule.kind)) throw invalid('kind', `one of ${AGGREGATION_KINDS.join(', ')}`, rule.kind);
  if (rule.clipNorm !== undefined && rule.clipNorm !== 'median') assertPositive('clipNorm', rule.clipNorm);
  if (participants < 1) throw tooFew(rule.kind, participants, 1);
  switch (rule.kind) {
    case 'trimmed-mean':
      assertCount('trim', rule.trim, 0);
      if (participants <= 2 * rule.trim) throw tooFew(rule.kind, participants, 2 * rule.trim + 1);
      break;
    case 'krum':
    case 'multi-krum':
      assertKrum(rule, participants);
      break;
    case 'geometric-median':
      assertIterations(rule.iterations);
      if (rule.smoothing !== undefined) assertPositive('smoothing', rule.smoothing);
      break;
    case 'centered-clipping':
      assertPositive('radius', rule.radius);
      assertIterations(rule.iterations);
      break;
  }
}

/**
 * The weighted lower median of the updates' norms: the smallest norm such that updates of at most this norm have at least half of the weight. What one who has less than half of it sends cannot move it beyond what others sent.
 * @throws aggregation-invalid no updates, a weight below 0, all weights 0
 */
export function medianNorm(updates: readonly WeightedUpdate[]): number {
  const weights = shares(updates);
  return weightedLowerMedian(
    updates.map(({ update }) => updateNorm(update)),
    weights,
  );
}

interface Members {
  readonly updates: readonly ExpertWeights[];
  /** They add up to 1. */
  readonly weights: readonly number[];
  readonly scales: readonly number[];
}

function meanOfBest({ updates, scales }: Members, rule: Extract<AggregationRule, { kind: 'krum' | 'multi-krum' }>): ExpertWeights {
  const ranking = krumRanking(squaredDistances({ points: updates, scales }), { count: updates.length, byzantine: rule.byzantine });
  const best = ranking.slice(0, rule.kind === 'krum' ? 1 : (rule.selected ?? updates.length - rule.byzantine));
  return combine(best.map((i) => updates[i]!), best.map((i) => scales[i]! / best.length));
}

function geometricMedian({ updates, weights, scales }: Members, rule: Extract<AggregationRule, { kind: 'geometric-median' }>): ExpertWeights {
  const { iterations = DEFAULT_ITERATIONS, smoothing = DEFAULT_SMOOTHING } = rule;
  const points = { points: updates, scales };
  const middle = middlemost(squaredDistances(points), weights);
  const gram = gramMatrix(points, { point: updates[middle]!, scale: scales[middle]! });
  const coefficients = geometricMedianCoefficients(gram, { weights, iterations, smoothing });
  return combine(updates, coefficients.map((coefficient, i) => coefficient * scales[i]!));
}

function clipAround({ updates, weights, scales }: Members, rule: Extract<AggregationRule, { kind: 'centered-clipping' }>, center: ExpertWeights | undefined): ExpertWeights {
  const { radius, iterations = 1 } = rule;
  const gram = gramMatrix({ points: updates, scales }, center && { point: center, scale: 1 });
  const coefficients = centeredClippingCoefficients(gram, { weights, radius, iterations });
  const scaled = coefficients.map((coefficient, i) => coefficient * scales[i]!);
  if (center === undefined) return combine(updates, scaled);
  return combine([center, ...updates], [1 - coefficients.reduce((sum, coefficient) => sum + coefficient, 0), ...scaled]);
}

function byElement({ updates, scales }: Members, trim: number): ExpertWeights {
  return mapTensors(updates[0]!, (values, name) =>
    orderedMean(updates.map((update) => update.get(name)!.data), { scales, trim, length: values.length }),
  );
}

function combine(updates: readonly ExpertWeights[], coefficients: readonly number[]): ExpertWeights {
  return mapTensors(updates[0]!, (values, name) => weightedSum(updates.map((update) => update.get(name)!.data), { coefficients, length: values.length }));
}

function shares(updates: readonly WeightedUpdate[]): number[] {
  const total = updates.reduce((sum, { weight }) => sum + weight, 0);
  if (updates.some(({ weight }) => !(weight >= 0)) || !(total > 0 && total < Number.POSITIVE_INFINITY)) {
    throw invalid('weight', 'finite weights from 0 with a sum above 0', updates.map(({ weight }) => weight).join(', '));
  }
  return updates.map(({ weight }) => weight / total);
}

function clipScales(updates: readonly WeightedUpdate[], clipNorm: number | 'median' | undefined): number[] {
  if (clipNorm === undefined) return updates.map(() => 1);
  const limit = clipNorm === 'median' ? medianNorm(updates) : clipNorm;
  return updates.map(({ update }) => {
    const norm = updateNorm(update);
    return norm > limit ? limit / norm : 1;
  });
}

function assertUsable(update: ExpertWeights, { expected, index }: { readonly expected: ExpertWeights; readonly index: number | undefined }): void {
  assertSameExperts(expected, update);
  for (const name of sortedNames(update)) {
    if (allFinite(update.get(name)!.data)) continue;
    const who = index === undefined ? 'the center' : `update ${index}`;
    throw new MoeError('experts-not-finite', { message: `aggregation: tensor ${quote(name)} of ${who} holds a NaN or an infinity; leave it out`, context: { tensor: name, update: index } });
  }
}

function assertKrum(rule: Extract<AggregationRule, { kind: 'krum' | 'multi-krum' }>, participants: number): void {
  assertCount('byzantine', rule.byzantine, 0);
  if (participants < 2 * rule.byzantine + 3) throw tooFew(rule.kind, participants, 2 * rule.byzantine + 3);
  if (rule.kind === 'krum' || rule.selected === undefined) return;
  assertCount('selected', rule.selected, 1);
  if (rule.selected > participants - rule.byzantine) throw invalid('selected', `at most ${participants - rule.byzantine} of ${participants} updates`, rule.selected);
}

function assertIterations(iterations: number | undefined): void {
  if (iterations === undefined) return;
  assertCount('iterations', iterations, 1);
  if (iterations > MAX_ITERATIONS) throw invalid('iterations', `at most ${MAX_ITERATIONS}`, iterations);
}

function assertCount(field: string, value: number, least: number): void {
  if (!(Number.isSafeInteger(value) && value >= least)) throw invalid(field, `a whole number from ${least}`, value);
}

function assertPositive(field: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) throw invalid(field, 'a finite number above 0', value);
}

function invalid(field: string, expected: string, actual: unknown): MoeError<'aggregation-invalid'> {
  return new MoeError('aggregation-invalid', { message: `aggregation, ${field}: expected ${expected}, got ${String(actual)}`, context: { field } });
}

function tooFew(rule: string, participants: number, needed: number): MoeError<'aggregation-too-few'> {
  return new MoeError('aggregation-too-few', {
    message: `aggregation: ${rule} with these parameters needs at least ${needed} updates, got ${participants}; wait for more, or expect fewer faulty ones`,
    context: { rule, participants, needed },
  });
}
