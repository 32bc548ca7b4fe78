/**
 * How much each expert matters to a text: the two scores of ESFT, pooled over tokens.
 *
 * With T tokens, K experts per token and g the routing weights: `token[e] = count[e] / (K · T)`, `gate[e] = Σ g[·, e] / T`, both rounded to
 * four decimals as published. This is the code that made the published results; the paper's mean of per-sample means differs, and the
 * repository's later script divides along the wrong axis.
 * @see https://arxiv.org/abs/2407.01906
 * @see https://github.com/deepseek-ai/ESFT/blob/18d2350/scripts/get_expert_scores.py
 * @module
 */
import { addEntries, assertRouting, assertSize, assertTokens, createSums, invalid, LIMB, type RelevanceSums } from '../internal/relevance-sums.ts';

/** Layer to one score per expert. */
export type ExpertScores = ReadonlyMap<number, readonly number[]>;

/** Chosen experts and their weights, `[T, K]` each; the weights of text logs are float64. */
export interface WeightedRouting {
  readonly ids: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
}

/** The routing of tokens of one layer. */
export interface LayerRouting extends WeightedRouting {
  readonly layer: number;
}

/** Sums of one layer. The weight sums are fixed-point numbers in two limbs: `Σ g = high · 2^-24 + low · 2^-48`. */
export interface LayerRelevance {
  readonly tokens: number;
  /** `[E]` */
  readonly counts: Float64Array;
  /** `[E]`, integers */
  readonly weightsHigh: Float64Array;
  /** `[E]`, integers */
  readonly weightsLow: Float64Array;
}

/**
 * An accumulator. Every sum in it is a sum of integers, so partial accumulators merge to exactly what one pass over everything gives,
 * in any order: a weight counts as the nearest multiple of 2^-48 (exact for float32 weights from 2^-24 on).
 */
export interface ExpertRelevance {
  /** E */
  readonly experts: number;
  /** K */
  readonly expertsPerToken: number;
  readonly layers: ReadonlyMap<number, LayerRelevance>;
}

/**
 * An empty accumulator.
 * @throws relevance-invalid
 * @example
 * let relevance = createExpertRelevance({ experts: 64, expertsPerToken: 6 });
 * relevance = addRouting(relevance, { layer: 1, ids, weights });
 * const selection = selectExperts(tokenScores(relevance), { threshold: 0.2 });
 */
export function createExpertRelevance(size: { readonly experts: number; readonly expertsPerToken: number }): ExpertRelevance {
  assertSize(size);
  return { experts: size.experts, expertsPerToken: size.expertsPerToken, layers: new Map() };
}

/**
 * Adds the routing of some tokens of one layer; the given accumulator is not changed.
 * @throws relevance-invalid sizes, ids or weights that do not fit
 */
export function addRouting(relevance: ExpertRelevance, routing: LayerRouting): ExpertRelevance {
  return addRoutings(relevance, [routing]);
}

/**
 * The same for many, in one pass that allocates per layer instead of per call.
 * @throws relevance-invalid
 */
export function addRoutings(relevance: ExpertRelevance, routings: Iterable<LayerRouting>): ExpertRelevance {
  const tally = openRelevanceTally(relevance);
  for (const routing of routings) tally.add(routing);
  return tally.finish();
}

/** An accumulation that has begun. */
export interface RelevanceTally {
  /** @throws relevance-invalid; the tally is of no use then */
  add(routing: LayerRouting): void;
  /** The accumulator of what was given and everything added. */
  finish(): ExpertRelevance;
}

/** Begins an accumulation on top of `relevance`, which stays as it is: for streams whose parts come one by one. */
export function openRelevanceTally(relevance: ExpertRelevance): RelevanceTally {
  const { experts, expertsPerToken } = relevance;
  const layers = new Map<number, RelevanceSums>();
  return {
    add(routing) {
      assertRouting(routing, expertsPerToken);
      const { layer, ids, weights } = routing;
      let sums = layers.get(layer);
      if (sums === undefined) layers.set(layer, (sums = createSums(experts)));
      addEntries(sums, { expertsPerToken, ids, weights, count: ids.length });
    },
    finish: () => mergeExpertRelevance(relevance, { experts, expertsPerToken, layers: new Map(Array.from(layers, ([layer, sums]) => [layer, settle(sums)])) }),
  };
}

/**
 * The accumulator of both; neither is changed. Associative and commutative, to the bit.
 * @throws relevance-invalid where E or K differ, or the token count leaves the exact range
 */
export function mergeExpertRelevance(a: ExpertRelevance, b: ExpertRelevance): ExpertRelevance {
  if (a.experts !== b.experts || a.expertsPerToken !== b.expertsPerToken) {
    throw invalid('experts', `cannot merge ${a.expertsPerToken} of ${a.experts} experts with ${b.expertsPerToken} of ${b.experts}`);
  }
  const layers = new Map(a.layers);
  for (const [layer, sums] of b.layers) {
    const other = layers.get(layer);
    layers.set(layer, other === undefined ? sums : mergeLayers(other, sums));
  }
  return { ...a, layers: new Map([...layers].sort(([x], [y]) => x - y)) };
}

/** Share of a layer's assignments that went to each expert, rounded to four decimals; a layer sums to about 1. */
export function tokenScores(relevance: ExpertRelevance): ExpertScores {
  return mapLayers(relevance, ({ tokens, counts }) =>
    Array.from(counts, (count) => roundToFourDecimals(count / (relevance.expertsPerToken * tokens))),
  );
}

/** Mean routing weight of each expert over all tokens, rounded to four decimals; a layer sums to 1 only where weights are normalised. */
export function gateScores(relevance: ExpertRelevance): ExpertScores {
  return mapLayers(relevance, ({ tokens, weightsHigh, weightsLow }) =>
    Array.from(weightsHigh, (high, expert) => roundToFourDecimals((high / LIMB + weightsLow[expert]! / (LIMB * LIMB)) / tokens)),
  );
}

/**
 * Python's `round(x, 4)` for 0 ≤ x: to nearest on the exact binary value, ties to even. `toFixed` is exact too but rounds ties up; a tie
 * needs x to be an odd multiple of 1/32 (`x = odd / 20000` must have a power of two below the line), and 8,192 tokens do produce such.
 */
export function roundToFourDecimals(x: number): number {
  const rounded = Number(x.toFixed(4));
  const isTie = Math.abs(x * 32) % 2 === 1;
  if (!isTie) return rounded;
  const floor = Math.floor(x * 10_000);
  return (floor % 2 === 0 ? floor : floor + 1) / 10_000;
}

/** A copy, so that a tally can go on after `finish`. */
function settle({ tokens, counts, weightsHigh, weightsLow }: RelevanceSums): LayerRelevance {
  return { tokens, counts: counts.slice(), weightsHigh: weightsHigh.slice(), weightsLow: weightsLow.slice() };
}

function mergeLayers(a: LayerRelevance, b: LayerRelevance): LayerRelevance {
  const tokens = a.tokens + b.tokens;
  assertTokens(tokens);
  return {
    tokens,
    counts: a.counts.map((count, expert) => count + b.counts[expert]!),
    weightsHigh: a.weightsHigh.map((high, expert) => high + b.weightsHigh[expert]!),
    weightsLow: a.weightsLow.map((low, expert) => low + b.weightsLow[expert]!),
  };
}

function mapLayers(relevance: ExpertRelevance, score: (sums: LayerRelevance) => number[]): ExpertScores {
  const scores = new Map<number, readonly number[]>();
  for (const [layer, sums] of relevance.layers) scores.set(layer, sums.tokens === 0 ? Array.from(sums.counts, () => 0) : score(sums));
  return scores;
}
