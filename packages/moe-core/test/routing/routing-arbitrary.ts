/** Random routing rules with logits that fit them: ties, both zeros, masked experts and extremes are likely. */
import * as fc from 'fast-check';
import type { RoutingOptions, RoutingRule } from '../../src/index.ts';

export interface RoutingSample {
  readonly rule: RoutingRule;
  readonly options: RoutingOptions;
  readonly logits: Float32Array;
}

const logit = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 4, arbitrary: fc.double({ min: -20, max: 20, noNaN: true }) },
  { weight: 1, arbitrary: fc.double({ min: -200, max: 200, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(-0, 3e38, -3e38, Number.EPSILON, 1e-40, -1e-40, 17.5, -87.3) },
  { weight: 1, arbitrary: fc.constant(Number.NEGATIVE_INFINITY) },
);
const bias = fc.oneof(fc.constantFrom(0, -0.5, 1), fc.double({ min: -2, max: 2, noNaN: true }), fc.constantFrom(1e38, -1e38));

/** Of a whole row: −110 takes every sigmoid to 0. */
const shift = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-110, -80, 90) });

/** Every rule that `assertRoutingRule` accepts, up to `most` experts. */
function rules(most: number): fc.Arbitrary<RoutingRule> {
  return fc
    .record({ size: fc.integer({ min: 1, max: 9 }), count: fc.integer({ min: 1, max: 8 }), keptSeed: fc.nat(), kSeed: fc.nat() })
    .filter(({ size, count }) => size * count <= most)
    .chain(({ size, count, keptSeed, kSeed }) => {
      const kept = 1 + (keptSeed % count);
      return fc
        .record({
          scoring: fc.constantFrom('softmax' as const, 'sigmoid' as const, undefined),
          normalizeTopK: fc.boolean(),
          scale: fc.constantFrom(undefined, 1, 2.5, 16),
          grouped: fc.boolean(),
          score: fc.constantFrom('max' as const, ...(size > 1 ? ['top2-sum' as const] : [])),
          outside: fc.constantFrom('exclude' as const, 'zero' as const, undefined),
        })
        .map(({ grouped, score, outside, ...rest }) => {
          const choosable = grouped && outside !== 'zero' ? kept * size : size * count;
          const groups = grouped ? { count, kept, score, outside } : undefined;
          return { ...rest, groups, experts: size * count, expertsPerToken: 1 + (kSeed % choosable) };
        });
    });
}

export function routingSamples({ mostExperts, mostTokens }: { mostExperts: number; mostTokens: number }): fc.Arbitrary<RoutingSample> {
  return rules(mostExperts).chain((rule) =>
    fc
      .record({
        selectionBias: fc.option(fc.array(bias, { minLength: rule.experts, maxLength: rule.experts }), { nil: undefined }),
        rows: fc.array(
          fc
            .tuple(fc.array(logit, { minLength: rule.experts, maxLength: rule.experts }), shift)
            .map(([row, by]) => row.map((value) => Math.fround(value + by)))
            .filter((row) => row.some((value) => value > Number.NEGATIVE_INFINITY)),
          { maxLength: mostTokens },
        ),
      })
      .map(({ selectionBias, rows }) => ({
        rule,
        options: { selectionBias: selectionBias && Float32Array.from(selectionBias) },
        logits: Float32Array.from(rows.flat()),
      })),
  );
}
