import { routeTokens, type RoutingRule } from '@connito/moe-core';
import * as fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createGraph } from '../src/graph/graph.ts';
import { route } from '../src/layers/routing.ts';

/** Distinct steps, so that no two scores round to one. */
const logit = fc.integer({ min: -400, max: 400 }).map((step) => step / 50);

interface Routed {
  readonly rule: RoutingRule;
  readonly rows: readonly (readonly number[])[];
  readonly bias: readonly number[] | undefined;
  /** Experts whose logits are −∞. */
  readonly absent: readonly number[];
}

const shape = fc.record({ count: fc.integer({ min: 1, max: 4 }), size: fc.integer({ min: 2, max: 4 }) }).chain(({ count, size }) =>
  fc.record({ count: fc.constant(count), size: fc.constant(size), kept: fc.integer({ min: 1, max: count }), score: fc.constantFrom('max' as const, 'top2-sum' as const), limited: fc.boolean() }),
);

const cases: fc.Arbitrary<Routed> = shape.chain(({ count, size, kept, score, limited }) => {
  const experts = count * size;
  const rule = fc.record({
    experts: fc.constant(experts),
    expertsPerToken: fc.integer({ min: 1, max: limited ? kept * size : experts }),
    scoring: fc.constantFrom('softmax' as const, 'sigmoid' as const),
    normalizeTopK: fc.boolean(),
    scale: fc.constantFrom(1, 2.5),
    groups: fc.constant(limited ? { count, kept, score } : undefined),
  });
  const values = fc.uniqueArray(logit, { minLength: experts, maxLength: experts });
  const absent = fc.subarray([...Array(experts).keys()], { maxLength: experts - 1 });
  return fc.record({ rule, rows: fc.array(values, { minLength: 1, maxLength: 4 }), bias: fc.option(fc.uniqueArray(logit, { minLength: experts, maxLength: experts }), { nil: undefined }), absent });
});

describe('the router in the graph', () => {
  it("chooses and weighs as moe-core's routeTokens does, by every rule, with biases and masked experts", () =>
    fc.assert(
      fc.asyncProperty(cases, async ({ rule, rows, bias, absent }) => {
        const masked = Float32Array.from(rows.flatMap((row) => row.map((value, expert) => (absent.includes(expert) ? -Infinity : value))));
        const selectionBias = bias === undefined ? undefined : Float32Array.from(bias);
        const expected = routeTokens(masked, rule, { selectionBias });
        const { ids, weights } = await run({ rule, masked, selectionBias });
        const weighs = (_: unknown, at: number): boolean => expected.weights[at]! > 0;
        expect(ids.filter(weighs)).toEqual([...expected.ids].filter(weighs));
        for (let at = 0; at < weights.length; at++) expect(Math.abs(weights[at]! - expected.weights[at]!)).toBeLessThan(2e-6 * Math.max(1, expected.weights[at]!));
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 150) },
    ));
});

async function run({ rule, masked, selectionBias }: { readonly rule: RoutingRule; readonly masked: Float32Array; readonly selectionBias: Float32Array | undefined }): Promise<{ ids: number[]; weights: Float32Array }> {
  const graph = createGraph();
  const logits = graph.input({ name: 'logits', shape: [masked.length / rule.experts, rule.experts] });
  const bias = selectionBias === undefined ? undefined : graph.constant(selectionBias, [rule.experts]);
  const { ids, weights } = route(graph, { logits, selectionBias: bias }, rule);
  const session = await InferenceSession.create(graph.encode([ids, weights]).model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const outputs = await session.run({ logits: new Tensor('float32', masked, [...logits.shape] as number[]) });
  await session.release();
  return { ids: Array.from(outputs[ids.name]!.data as BigInt64Array, Number), weights: outputs[weights.name]!.data as Float32Array };
}
