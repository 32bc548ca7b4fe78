import { dispatchTokens } from '@connito/moe-core';
import * as fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createGraph, type Value } from '../src/graph/graph.ts';
import { combineRows, createDispatch, dispatchRows } from '../src/layers/dispatch.ts';
import type { RowGroups } from '../src/layers/row-groups.ts';

const EXPERTS = 6;
const WIDTH = 3;

/** Assignments to present experts, by expert and then rising, as moe-core's counting sort has them. */
function expectedAssignments(ids: readonly number[], present: readonly number[]): number[] {
  const { offsets, order } = dispatchTokens(Uint16Array.from(ids), EXPERTS);
  return present.flatMap((expert) => [...order.subarray(offsets[expert], offsets[expert + 1])]);
}

describe('createDispatch', () => {
  it("sorts what goes to present experts as moe-core's dispatchTokens, drops the rest, and brings rows back with zeros for it", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.nat(EXPERTS - 1), { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 7 }),
        fc.subarray([...Array(EXPERTS).keys()], { minLength: 1 }),
        async (chosen, present) => {
          const [tokens, ids] = [chosen.length, chosen.flat()];
          const graph = createGraph();
          const input = graph.input({ name: 'ids', type: 'int64', shape: [tokens, 2] });
          const x = graph.input({ name: 'x', shape: [tokens, WIDTH] });
          const dispatch = createDispatch(graph, { ids: input }, { experts: EXPERTS, present });
          const rows = dispatchRows(graph, x, dispatch);
          const values: Value[] = [(dispatch.groups as RowGroups).counts, dispatch.assignment, dispatch.token, rows, combineRows(graph, rows, dispatch)];
          const session = await InferenceSession.create(graph.encode(values).model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
          const data = Float32Array.from({ length: tokens * WIDTH }, (_, index) => index + 1);
          const outputs = await session.run({ ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [tokens, 2]), x: new Tensor('float32', data, [tokens, WIDTH]) });
          await session.release();
          const [counts, assignment, token, sorted, back] = values.map(({ name }) => Array.from(outputs[name]!.data as ArrayLike<number | bigint>, Number));
          const expected = expectedAssignments(ids, present);
          expect(counts).toEqual(present.map((expert) => ids.filter((id) => id === expert).length));
          expect(assignment).toEqual(expected);
          expect(token).toEqual(expected.map((entry) => Math.floor(entry / 2)));
          expect(sorted).toEqual(token!.flatMap((at) => [...data.subarray(at * WIDTH, (at + 1) * WIDTH)]));
          expect(back).toEqual(chosen.flatMap((pair, at) => [...data.subarray(at * WIDTH, (at + 1) * WIDTH)].map((entry) => entry * pair.filter((id) => present.includes(id)).length)));
        },
      ),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 60) },
    ));
});
