import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp32, sigmoid32 } from '../../src/internal/float32-exp.ts';
import { routeTokens } from '../../src/index.ts';
import { routingSamples, type RoutingSample } from './routing-arbitrary.ts';

const runs = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) };
const masked = Number.NEGATIVE_INFINITY;

/** The best `count` of `candidates` by falling value, then rising id: a sort, where the package inserts. */
function best(values: readonly number[], candidates: readonly number[], count: number): number[] {
  return candidates.toSorted((a, b) => (values[a] === values[b] ? a - b : values[b]! > values[a]! ? 1 : -1)).slice(0, count);
}

/** The docstring of `routeTokens`, line by line, for one token; weights in float64. */
function routeByDefinition({ rule, options }: RoutingSample, row: readonly number[]): { ids: number[]; weights: number[] } {
  const { experts, scoring, groups, scale = 1 } = rule;
  const all = Array.from({ length: experts }, (_, id) => id);
  const largest = Math.max(...row);
  const exponentials = row.map((x) => exp32(Math.fround(x - largest)));
  const total = exponentials.reduce((sum, e) => sum + e, 0);
  const scores = row.map((x, i) => (scoring === 'sigmoid' ? sigmoid32(x) : Math.fround(exponentials[i]! / total)));
  const { selectionBias } = options;
  let ranked = selectionBias ? row.map((x, i) => (x === masked ? x : Math.fround(scores[i]! + selectionBias[i]!))) : row;
  let candidates = all;
  let outside = new Set<number>();
  if (groups !== undefined) {
    const size = experts / groups.count;
    const groupOf = (id: number) => Math.floor(id / size);
    const values = groups.score === 'top2-sum' && !selectionBias ? scores : ranked;
    const groupScores = Array.from({ length: groups.count }, (_, g) => {
      const present = all.filter((id) => groupOf(id) === g && row[id]! > masked).map((id) => values[id]!).sort((a, b) => b - a);
      if (present.length === 0) return masked;
      return groups.score === 'max' || present.length === 1 ? present[0]! : Math.fround(present[0]! + present[1]!);
    });
    const kept = new Set(best(groupScores, [...groupScores.keys()], groups.kept));
    outside = new Set(all.filter((id) => !kept.has(groupOf(id))));
    if (groups.outside === 'zero') ranked = ranked.map((c, id) => (outside.has(id) ? (selectionBias && row[id]! > masked ? 0 : masked) : c));
    else candidates = all.filter((id) => !outside.has(id));
  }
  const ids = best(ranked, candidates, rule.expertsPerToken);
  const counts = (id: number) => row[id]! > masked && (scoring === 'sigmoid' || !outside.has(id));
  const present = ids.filter(counts);
  const reference = rule.normalizeTopK ? Math.max(...present.map((id) => row[id]!)) : largest;
  const raw = ids.map((id) => (counts(id) ? (scoring === 'sigmoid' ? 1 / (1 + Math.exp(-row[id]!)) : Math.exp(row[id]! - reference)) : 0));
  const denominator = rule.normalizeTopK ? raw.reduce((a, b) => a + b, 1e-20) : scoring === 'sigmoid' ? 1 : total;
  return { ids, weights: raw.map((w) => (w / denominator) * scale) };
}

describe('routeTokens', () => {
  it('chooses and weighs as its definition says, for every rule', () => {
    fc.assert(
      fc.property(routingSamples({ mostExperts: 40, mostTokens: 3 }), (sample) => {
        const { experts, expertsPerToken: k, scale = 1 } = sample.rule;
        const { ids, weights } = routeTokens(sample.logits, sample.rule, sample.options);
        for (let token = 0; token * experts < sample.logits.length; token++) {
          const expected = routeByDefinition(sample, [...sample.logits.subarray(token * experts, (token + 1) * experts)]);
          expect([...ids.subarray(token * k, (token + 1) * k)]).toEqual(expected.ids);
          expected.weights.forEach((weight, rank) => expect(Math.abs(weights[token * k + rank]! - weight)).toBeLessThan(1e-6 * Math.max(1, scale)));
        }
      }),
      runs,
    );
  });
});

describe('exp32', () => {
  it('is within one unit in the last place, exact at 0, and 0 where it would be subnormal', () => {
    const asFloat = new Float32Array(1);
    const asBits = new Int32Array(asFloat.buffer);
    const spacing = (x: number) => {
      asFloat[0] = x;
      const low = asFloat[0];
      asBits[0]!++;
      return asFloat[0] - low;
    };
    let worst = 0;
    for (let x = -87.299; x < 0; x += 0.000_913) {
      const float = Math.fround(x);
      worst = Math.max(worst, Math.abs(exp32(float) - Math.exp(float)) / spacing(Math.exp(float)));
    }
    expect(worst).toBeLessThan(1);
    expect([exp32(0), exp32(-0), exp32(-87.31), exp32(masked), sigmoid32(0), sigmoid32(masked), sigmoid32(100), sigmoid32(-100)]).toEqual([1, 1, 0, 0, 0.5, 0, 1, 0]);
  });
});
