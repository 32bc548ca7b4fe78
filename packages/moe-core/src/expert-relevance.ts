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
import { MoeError } from './errors.ts';

/** Layer to one score per expert. */
export type ExpertScores = ReadonlyMap<number, readonly number[]>;

/** Chosen experts and their weights, `[T, K]` each; the weights of text logs are float64. */
export interface WeightedRouting {
  readonly ids: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
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

/** Beyond this the integer sums might leave 2^53: with weights up to {@link MAX_WEIGHT}, 2^29 / 2^4 tokens. */
const MAX_TOKENS = 2 ** 25;

/** Scaled routers (DeepSeek-V3: 2.5) exceed 1; nothing published exceeds 16. */
const MAX_WEIGHT = 16;

const LIMB = 2 ** 24;

/**
 * An empty accumulator.
 * @throws relevance-invalid
 * @example
 * let relevance = createExpertRelevance({ experts: 64, expertsPerToken: 6 });
 * relevance = addRouting(relevance, { layer: 1, ids, weights });
 * const selection = selectExperts(tokenScores(relevance), { threshold: 0.2 });
 */
export function createExpertRelevance(size: { readonly experts: number; readonly expertsPerToken: number }): ExpertRelevance {
  const { experts, expertsPerToken } = size;
  if (!Number.isInteger(experts) || experts < 1 || experts > 65_536) throw invalid('experts', `expected an integer from 1 to 65536, got ${experts}`);
  if (!Number.isInteger(expertsPerToken) || expertsPerToken < 1 || expertsPerToken > experts) {
    throw invalid('expertsPerToken', `expected an integer from 1 to ${experts}, got ${expertsPerToken}`);
  }
  return { experts, expertsPerToken, layers: new Map() };
}

/**
 * Adds the routing of some tokens of one layer; the given accumulator is not changed.
 * @throws relevance-invalid sizes, ids or weights that do not fit
 */
export function addRouting(relevance: ExpertRelevance, routing: WeightedRouting & { readonly layer: number }): ExpertRelevance {
  const { experts, expertsPerToken } = relevance;
  const { layer, ids, weights } = routing;
  if (!Number.isInteger(layer) || layer < 0) throw invalid('layer', `expected a layer index, got ${layer}`);
  if (ids.length !== weights.length || ids.length % expertsPerToken !== 0) {
    throw invalid('ids', `expected as many ids as weights, ${expertsPerToken} per token, got ${ids.length} and ${weights.length}`);
  }
  const sums = emptyLayer(experts, ids.length / expertsPerToken);
  for (let i = 0; i < ids.length; i++) {
    for (let j = i - (i % expertsPerToken); j < i; j++) if (ids[j] === ids[i]) throw invalid('ids', `token ${Math.floor(i / expertsPerToken)} names expert ${ids[i]} twice`);
    addEntry(sums, { expert: ids[i]!, weight: weights[i]! });
  }
  return mergeExpertRelevance(relevance, { experts, expertsPerToken, layers: new Map([[layer, sums]]) });
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

function emptyLayer(experts: number, tokens: number): LayerRelevance {
  assertTokens(tokens);
  return { tokens, counts: new Float64Array(experts), weightsHigh: new Float64Array(experts), weightsLow: new Float64Array(experts) };
}

function addEntry(sums: LayerRelevance, entry: { expert: number; weight: number }): void {
  const { expert, weight } = entry;
  if (!Number.isInteger(expert) || expert < 0 || expert >= sums.counts.length) throw invalid('ids', `expected expert ids below ${sums.counts.length}, got ${expert}`);
  if (!(weight >= 0 && weight <= MAX_WEIGHT)) throw invalid('weights', `expected routing weights from 0 to ${MAX_WEIGHT}, got ${weight}`);
  const fixed = Math.round(weight * LIMB * LIMB);
  const high = Math.floor(fixed / LIMB);
  sums.counts[expert]! += 1;
  sums.weightsHigh[expert]! += high;
  sums.weightsLow[expert]! += fixed - high * LIMB;
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

function assertTokens(tokens: number): void {
  if (tokens > MAX_TOKENS) throw invalid('tokens', `at most ${MAX_TOKENS} tokens of a layer can be summed exactly, got ${tokens}`);
}

function mapLayers(relevance: ExpertRelevance, score: (sums: LayerRelevance) => number[]): ExpertScores {
  const scores = new Map<number, readonly number[]>();
  for (const [layer, sums] of relevance.layers) scores.set(layer, sums.tokens === 0 ? Array.from(sums.counts, () => 0) : score(sums));
  return scores;
}

function invalid(field: string, message: string): MoeError<'relevance-invalid'> {
  return new MoeError('relevance-invalid', { message: `expert relevance, ${field}: ${message}`, context: { field } });
}
