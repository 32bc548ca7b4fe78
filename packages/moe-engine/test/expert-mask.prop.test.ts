import { routeTokens } from '@connito/moe-core';
import * as fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createGraph } from '../src/graph/graph.ts';
import { maskLogits } from '../src/layers/expert-mask.ts';
import { route } from '../src/layers/routing.ts';

const EXPERTS = 9;
/** Distinct steps, so that no two scores round to one. */
const logit = fc.integer({ min: -400, max: 400 }).map((step) => step / 50);

describe('maskLogits', () => {
  it("routes as moe-core's routeTokens does where absent experts' logits are −∞", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(logit, { minLength: EXPERTS, maxLength: EXPERTS }), { minLength: 1, maxLength: 5 }),
        fc.subarray([...Array(EXPERTS).keys()], { minLength: 1 }),
        fc.integer({ min: 1, max: EXPERTS }),
        fc.boolean(),
        async (rows, present, expertsPerToken, normalizeTopK) => {
          const graph = createGraph();
          const logits = graph.input({ name: 'logits', shape: [rows.length, EXPERTS] });
          const { ids, weights } = route(graph, { logits: maskLogits(graph, logits, present) }, { experts: EXPERTS, expertsPerToken, normalizeTopK });
          const session = await InferenceSession.create(graph.encode([ids, weights]).model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
          const outputs = await session.run({ logits: new Tensor('float32', Float32Array.from(rows.flat()), [rows.length, EXPERTS]) });
          await session.release();
          const masked = Float32Array.from(rows.flatMap((row) => row.map((value, expert) => (present.includes(expert) ? value : -Infinity))));
          const expected = routeTokens(masked, { experts: EXPERTS, expertsPerToken, normalizeTopK });
          const [found, shares] = [outputs[ids.name]!.data as BigInt64Array, outputs[weights.name]!.data as Float32Array];
          expect(shares.length).toBe(expected.weights.length);
          for (let at = 0; at < shares.length; at++) expect(Math.abs(shares[at]! - expected.weights[at]!)).toBeLessThan(1e-6);
          const weighs = (_: unknown, at: number): boolean => expected.weights[at]! > 0;
          expect(Array.from(found, Number).filter(weighs)).toEqual([...expected.ids].filter(weighs));
          expect(present.filter((expert) => Array.from(found, Number).some((id, at) => id === expert && !weighs(id, at)))).toEqual([]);
        },
      ),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 60) },
    ));
});
