/**
 * ESFT's scores as the paper defines them: a mean over samples of each sample's own mean, so that a short text counts as much as a long one.
 * The published scores are pooled over tokens instead (`expert-relevance.ts`); on their logs this picks another set in 2 to 6 of 26 layers.
 *
 * With N samples of L tokens each: `token[e] = 1/N · Σ_j count_j[e] / (K · L_j)`, `gate[e] = 1/N · Σ_j 1/L_j · Σ g_j[·, e]`. Sums are float64 in the order
 * of the samples: unlike pooled sums they depend on it, in the last bit, and do not merge.
 * @see https://arxiv.org/abs/2407.01906
 * @module
 */
import { roundToFourDecimals, type LayerRouting } from './expert-relevance.ts';
import { addEntries, assertRouting, assertSize, createSums, LIMB } from '../internal/relevance-sums.ts';
import type { ScoreSummary } from './score-summary.ts';

/** Means that are still being taken. */
export interface SampleMeans {
  /** Adds one sample: the tokens of one forward pass in one layer. Empty ones are left out. @throws relevance-invalid */
  add(sample: LayerRouting): void;
  /** Both scores so far, rounded to four decimals. */
  scores(): ScoreSummary;
}

interface LayerMeans {
  samples: number;
  readonly token: Float64Array;
  readonly gate: Float64Array;
}

/**
 * Begins to take means.
 * @throws relevance-invalid
 * @example
 * const means = openSampleMeans({ experts: 64, expertsPerToken: 6 });
 * for await (const sample of log.samples()) means.add(sample);
 * const selection = selectExperts(means.scores().tokenScores, { threshold: 0.2 });
 */
export function openSampleMeans(size: { readonly experts: number; readonly expertsPerToken: number }): SampleMeans {
  assertSize(size);
  const layers = new Map<number, LayerMeans>();
  return {
    add(sample) {
      assertRouting(sample, size.expertsPerToken);
      if (sample.ids.length > 0) addMeans(layerOf(layers, sample.layer, size.experts), { ...sample, ...size });
    },
    scores: () => ({ tokenScores: meansOf(layers, 'token'), gateScores: meansOf(layers, 'gate') }),
  };
}

function layerOf(layers: Map<number, LayerMeans>, layer: number, experts: number): LayerMeans {
  const known = layers.get(layer);
  if (known !== undefined) return known;
  const created = { samples: 0, token: new Float64Array(experts), gate: new Float64Array(experts) };
  layers.set(layer, created);
  return created;
}

function addMeans(means: LayerMeans, sample: LayerRouting & { readonly experts: number; readonly expertsPerToken: number }): void {
  const sums = createSums(sample.experts);
  addEntries(sums, { ...sample, count: sample.ids.length });
  means.samples++;
  for (let expert = 0; expert < sample.experts; expert++) {
    means.token[expert]! += sums.counts[expert]! / (sample.expertsPerToken * sums.tokens);
    means.gate[expert]! += (sums.weightsHigh[expert]! / LIMB + sums.weightsLow[expert]! / (LIMB * LIMB)) / sums.tokens;
  }
}

function meansOf(layers: ReadonlyMap<number, LayerMeans>, kind: 'token' | 'gate'): Map<number, number[]> {
  const sorted = [...layers].sort(([a], [b]) => a - b);
  return new Map(sorted.map(([layer, means]) => [layer, Array.from(means[kind], (sum) => roundToFourDecimals(sum / means.samples))]));
}
