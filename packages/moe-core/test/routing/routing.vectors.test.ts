import { describe, expect, test } from 'vitest';
import { routeTokens, type RoutingRule } from '../../src/index.ts';
import { float32FromBase64, readVectors } from '../vectors/read-vectors.ts';

interface RouterCase {
  readonly name: string;
  readonly rule: RoutingRule;
  readonly logits: string;
  readonly selectionBias: string | null;
  /** `[T]`: 1 where the reference's choice does not hang on rounding. */
  readonly clear: readonly number[];
  readonly ids: readonly number[];
  readonly weights: string;
}

describe('against the routers of nine families in transformers', () => {
  const { cases } = readVectors<{ cases: readonly RouterCase[] }>('routing');

  test.each(cases.flatMap((stored) => (['wasm', 'typescript'] as const).map((kernel) => ({ ...stored, kernel }))))('$name, $kernel', ({ rule, clear, kernel, ...stored }) => {
    const expectedWeights = float32FromBase64(stored.weights);
    const selectionBias = stored.selectionBias === null ? undefined : float32FromBase64(stored.selectionBias);
    const routing = routeTokens(float32FromBase64(stored.logits), rule, { selectionBias, kernel });
    expect(clear.filter((flag) => flag === 1).length).toBeGreaterThan(clear.length / 2);
    for (const [token, flag] of clear.entries()) {
      if (flag === 0) continue;
      const slice = [token * rule.expertsPerToken, (token + 1) * rule.expertsPerToken] as const;
      const ids = routing.ids.subarray(...slice);
      expect([...ids].sort()).toEqual(stored.ids.slice(...slice).sort());
      const weightOf = new Map(stored.ids.slice(...slice).map((id, rank) => [id, expectedWeights.subarray(...slice)[rank]!]));
      // Beside scale 16 a weight has its last bit at 10^-6, so the bound goes with the scale.
      const bound = 1e-6 * Math.max(1, rule.scale ?? 1);
      ids.forEach((id, rank) => expect(Math.abs(routing.weights.subarray(...slice)[rank]! - weightOf.get(id)!)).toBeLessThan(bound));
    }
  });
});
