import * as fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createGraph, float } from '../src/graph/graph.ts';
import { combineRows, createDispatch, dispatchRows } from '../src/layers/dispatch.ts';
import type { RowBlocks } from '../src/layers/row-groups.ts';

const EXPERTS = 5;
const WIDTH = 2;

/** Sorts `chosen` — ids per token — and takes rows to the experts and back. */
async function sort(chosen: readonly (readonly number[])[], present: readonly number[]): Promise<Record<'owners' | 'assignment' | 'position' | 'filled' | 'rows' | 'back', number[]> & { readonly blockSize: number }> {
  const tokens = chosen.length;
  const graph = createGraph({ profile: 'webgpu' });
  const ids = graph.input({ name: 'ids', type: 'int64', shape: [tokens, 2] });
  const x = graph.input({ name: 'x', shape: [tokens, WIDTH] });
  const dispatch = createDispatch(graph, { ids }, { experts: EXPERTS, present });
  const blocks = dispatch.groups as RowBlocks;
  const rows = dispatchRows(graph, x, dispatch);
  const masked = graph.node('Mul', [rows, dispatch.filled], float(...rows.shape));
  const values = { owners: blocks.owners, assignment: dispatch.assignment, position: dispatch.position, filled: dispatch.filled!, rows: masked, back: combineRows(graph, masked, dispatch) };
  const session = await InferenceSession.create(graph.encode(Object.values(values)).model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const data = Float32Array.from({ length: tokens * WIDTH }, (_, index) => index + 1);
  const outputs = await session.run({ ids: new Tensor('int64', BigInt64Array.from(chosen.flat(), BigInt), [tokens, 2]), x: new Tensor('float32', data, [tokens, WIDTH]) });
  await session.release();
  const plain = Object.fromEntries(Object.entries(values).map(([meaning, { name }]) => [meaning, Array.from(outputs[name]!.data as Float32Array | Int32Array)]));
  return { ...plain, blockSize: blocks.blockSize } as never;
}

describe('rows in blocks', () => {
  it('lie in blocks of their expert, in token order, each once; the rest is padding', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.nat(EXPERTS - 1), { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 40 }),
        fc.subarray([...Array(EXPERTS).keys()], { minLength: 1 }),
        async (chosen, present) => {
          const { owners, assignment, position, filled, rows, back, blockSize } = await sort(chosen, present);
          const ids = chosen.flat();
          const held = ids.flatMap((id, index) => (present.includes(id) ? [index] : []));
          for (const index of held) {
            expect(assignment[position[index]!]).toBe(index);
            expect(present[owners[Math.floor(position[index]! / blockSize)]!]).toBe(ids[index]);
          }
          for (const expert of present) {
            const places = held.filter((index) => ids[index] === expert).map((index) => position[index]!);
            expect(places).toEqual(places.map((_, rank) => places[0]! + rank));
          }
          expect(filled.filter((entry) => entry === 1).length).toBe(held.length);
          expect(new Set(held.map((index) => position[index])).size).toBe(held.length);
          for (const [row, isFilled] of filled.entries()) {
            const token = Math.floor(assignment[row]! / 2);
            expect(rows.slice(row * WIDTH, (row + 1) * WIDTH)).toEqual(isFilled === 1 ? [token * WIDTH + 1, token * WIDTH + 2] : [0, 0]);
          }
          expect(back).toEqual(chosen.flatMap((pair, token) => [1, 2].map((part) => pair.filter((id) => present.includes(id)).length * (token * WIDTH + part))));
        },
      ),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 60) },
    ));
});
