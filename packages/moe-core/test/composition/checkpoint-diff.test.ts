import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffCheckpoints, encodeSafetensors, fromBytes, fromFloat32, openSafetensors, toFloat32, type Dtype, type Tensor, type TensorSet } from '../../src/index.ts';
import { gateName, openBase, variantTensors } from './composition-fixture.ts';
import { fixtureTensors } from '../model-fixture.ts';

const f32 = (name: string, ...values: number[]): Tensor => ({ name, dtype: 'F32', shape: [values.length], data: fromFloat32(Float32Array.from(values), 'F32') });

const ints = (...values: number[]): Tensor => ({ name: 'i', dtype: 'I64', shape: [values.length], data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) });

async function setOf(...tensors: Tensor[]): Promise<TensorSet> {
  const file = await openSafetensors(fromBytes(encodeSafetensors(tensors)));
  return { tensors: file.tensors, readTensor: file.read };
}

describe('diffCheckpoints', () => {
  it('finds a model equal to itself, however it is cut into files', async () => {
    const seen: string[] = [];
    const diff = await diffCheckpoints(await openBase(), await setOf(...fixtureTensors().toReversed()), { onTensor: ({ name }) => seen.push(name) });
    expect(diff).toEqual({ equal: true, onlyInA: [], onlyInB: [], compared: 49, equalTensors: 49, differing: [], groups: [], difference: undefined });
    expect(seen.length).toBe(49);
  });

  it('measures, by hand', async () => {
    const diff = await diffCheckpoints(await setOf(f32('x', 3, 4, 0, -0), f32('y', 1)), await setOf(f32('x', 3, 2, 1, 0), f32('y', 1)));
    expect(diff.equalTensors).toBe(1);
    expect(diff.differing).toEqual([
      {
        name: 'x', place: { layer: undefined, expert: undefined }, a: { dtype: 'F32', shape: [4] }, b: { dtype: 'F32', shape: [4] }, changed: 3,
        difference: { elements: 4, changed: 3, notFinite: 0, maxAbs: 2, l2: Math.sqrt(5), relativeL2: Math.sqrt(5) / 5, cosine: 17 / (5 * Math.sqrt(14)) },
      },
    ]);
    expect(diff.difference).toEqual(diff.differing[0]!.difference);
    const zero = await diffCheckpoints(await setOf(f32('x', 0, 0)), await setOf(f32('x', 0, 1)));
    expect(zero.difference).toMatchObject({ l2: 1, relativeL2: undefined, cosine: undefined });
  });

  it('groups by layer and expert, experts after their layer', async () => {
    const changed = variantTensors(1.5).map((tensor) => (tensor.name === 'model.layers.2.mlp.gate.weight' || tensor.name === 'model.norm.weight' ? { ...tensor, data: tensor.data.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) } : tensor));
    const { groups, differing, equal } = await diffCheckpoints(await openBase(), await openBase(changed));
    expect(equal).toBe(false);
    expect(groups.map(({ place: { layer, expert }, tensors, differing: count }) => [layer, expert, tensors, count])).toEqual([
      [undefined, undefined, 2, 1], [0, 0, 3, 3], [0, 1, 3, 3], [0, 2, 3, 3], [2, undefined, 9, 1], [2, 0, 3, 3], [2, 1, 3, 3], [2, 2, 3, 3],
    ]);
    expect(groups[1]!.difference!.relativeL2).toBeCloseTo(0.5, 2);
    expect(groups[1]!.difference!.cosine).toBeCloseTo(1, 4);
    expect(differing.map(({ name }) => name).slice(0, 3)).toEqual(['model.norm.weight', gateName(0, 0).replace('gate', 'down'), gateName(0, 0)]);
  });

  it('names what only one side has, other shapes and other dtypes', async () => {
    const diff = await diffCheckpoints(await setOf(f32('a', 1), f32('b', 1, 2), f32('same', 0.5)), await setOf({ ...f32('b', 1, 2), shape: [2, 1] }, f32('z', 1), { name: 'same', dtype: 'BF16', shape: [1], data: Uint8Array.of(0, 0x3f) }));
    expect([diff.onlyInA, diff.onlyInB, diff.compared, diff.equalTensors]).toEqual([['a'], ['z'], 2, 0]);
    expect(diff.differing[0]).toMatchObject({ name: 'b', a: { shape: [2] }, b: { shape: [2, 1] }, difference: undefined, changed: undefined });
    expect(diff.differing[1]).toMatchObject({ name: 'same', a: { dtype: 'F32' }, b: { dtype: 'BF16' }, changed: undefined, difference: { changed: 0, l2: 0, cosine: 1 } });
  });

  it('counts what cannot be measured: integers, and values that are not finite', async () => {
    const whole = await diffCheckpoints(await setOf(ints(1, 2, 3)), await setOf(ints(1, 5, 4)));
    expect(whole.differing[0]).toMatchObject({ changed: 2, difference: undefined });
    expect(whole.difference).toBeUndefined();
    expect(whole.groups[0]).toMatchObject({ differing: 1, difference: undefined });
    const { difference } = await diffCheckpoints(await setOf(f32('x', 1, Number.NaN, Infinity, Infinity)), await setOf(f32('x', 1, 1, Infinity, -Infinity)));
    expect(difference).toMatchObject({ elements: 4, changed: 2, notFinite: 2, maxAbs: 0, l2: 0 });
  });

  it('any two tensors: the figures of a plain computation', async () => {
    const dtype = fc.constantFrom<Dtype>('F32', 'BF16', 'F16');
    const values = fc.array(fc.tuple(fc.float({ noNaN: true, min: -1000, max: 1000 }), fc.float({ noNaN: true, min: -1000, max: 1000 })), { minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(dtype, dtype, values, async (left, right, pairs) => {
        const side = (kind: Dtype, floats: number[]): Tensor => ({ name: 'x', dtype: kind, shape: [pairs.length], data: fromFloat32(Float32Array.from(floats), kind) });
        const [a, b] = [side(left, pairs.map(([value]) => value)), side(right, pairs.map(([, value]) => value))];
        const diff = await diffCheckpoints(await setOf(a), await setOf(b));
        const [x, y] = [Array.from(toFloat32(a)), Array.from(toFloat32(b))];
        expect(diff.equal).toBe(left === right && Buffer.compare(a.data, b.data) === 0);
        if (diff.equal) return;
        expect(diff.difference!.maxAbs).toBe(Math.max(...x.map((value, i) => Math.abs(value - y[i]!))));
        expect(diff.difference!.l2).toBeCloseTo(Math.hypot(...x.map((value, i) => value - y[i]!)), 6);
        expect(diff.difference!.changed).toBe(x.filter((value, i) => !Object.is(value, y[i])).length);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });
});
