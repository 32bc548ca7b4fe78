import * as fc from 'fast-check';
import { SHEET_CODES } from '@connito/commit-reveal';
import type { ExpertWeights, Float32Tensor } from '@connito/moe-core';
import { describe, expect, it } from 'vitest';
import { checkUpdate, checkUpdateHeader } from '../src/index.ts';
import { polError, weightsOf } from './fixtures.ts';

const allowed = weightsOf(() => 1);
const update = weightsOf((i) => (i === 5 ? 3 : i === 700 ? -4 : 0));
const withTensor = (name: string, change: Partial<Float32Tensor>): ExpertWeights => new Map([...update].map(([key, tensor]) => [key, key === name ? { ...tensor, ...change } : tensor]));
const without = (name: string): ExpertWeights => new Map([...update].filter(([key]) => key !== name));

describe('checkUpdate', () => {
  it('lets an allowed update through, up to and including the norm', () => {
    expect(checkUpdate({ update, allowed, maxNorm: 5 })).toBeUndefined();
    expect(checkUpdate({ update, allowed, maxNorm: 4.999999 })).toBe('norm-exceeded');
    expect(checkUpdate({ update: weightsOf(() => 0), allowed, maxNorm: 1 })).toBeUndefined();
  });

  it.each<[string, ExpertWeights, string]>([
    ['an unknown tensor', new Map([...update, ['c', { shape: [1], data: new Float32Array(1) }]]), 'disallowed-tensor'],
    ['an unknown name of a prototype', new Map([...update, ['__proto__', { shape: [1], data: new Float32Array(1) }]]), 'disallowed-tensor'],
    ['a transposed tensor', withTensor('a', { shape: [30, 20] }), 'disallowed-tensor'],
    ['a flat tensor', withTensor('a', { shape: [600] }), 'disallowed-tensor'],
    ['float64', withTensor('a', { data: new Float64Array(600) as unknown as Float32Array }), 'disallowed-tensor'],
    ['a missing tensor', without('b'), 'malformed'],
    ['nothing', new Map(), 'malformed'],
    ['data that is not its shape', withTensor('a', { data: new Float32Array(599) }), 'malformed'],
    ['NaN', weightsOf((i) => (i === 999 ? Number.NaN : 0)), 'non-finite'],
    ['infinity', weightsOf((i) => (i === 0 ? Number.NEGATIVE_INFINITY : 0)), 'non-finite'],
    ['the largest float32 everywhere', weightsOf(() => 3.4e38), 'norm-exceeded'],
  ])('refuses %s', (_, bad, code) => {
    expect(checkUpdate({ update: bad, allowed, maxNorm: 5 })).toBe(code);
    expect(Object.keys(SHEET_CODES)).toContain(code);
  });

  it('refuses exactly the updates that are longer than the cap', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), fc.double({ min: 0.1, max: 1000, noNaN: true }), (value, maxNorm) => {
        const norm = Math.abs(Math.fround(value));
        expect(checkUpdate({ update: weightsOf((i) => (i === 3 ? value : 0)), allowed, maxNorm })).toBe(norm > maxNorm ? 'norm-exceeded' : undefined);
      }),
    );
  });

  it('refuses a cap that is none', () => {
    for (const maxNorm of [0, -1, Number.NaN]) expect(() => checkUpdate({ update, allowed, maxNorm })).toThrow(polError('invalid-option') as Error);
  });
});

describe('checkUpdateHeader', () => {
  const tensors = new Map([
    ['a', { dtype: 'F32', shape: [20, 30] }],
    ['b', { dtype: 'F32', shape: [400] }],
  ]);
  const header = { tensors, allowed, sizeBytes: 4100, maxBytes: 4100 };

  it('checks size, dtype, names and shapes', () => {
    expect(checkUpdateHeader(header)).toBeUndefined();
    expect(checkUpdateHeader({ ...header, maxBytes: 4099 })).toBe('too-large');
    expect(checkUpdateHeader({ ...header, sizeBytes: Number.NaN })).toBe('too-large');
    for (const dtype of ['F16', 'BF16', 'F64', 'I32', 'f32']) expect(checkUpdateHeader({ ...header, tensors: new Map([...tensors, ['a', { dtype, shape: [20, 30] }]]) })).toBe('disallowed-tensor');
    expect(checkUpdateHeader({ ...header, tensors: new Map([...tensors, ['c', { dtype: 'F32', shape: [] }]]) })).toBe('disallowed-tensor');
    expect(checkUpdateHeader({ ...header, tensors: new Map([...tensors].slice(1)) })).toBe('malformed');
    expect(() => checkUpdateHeader({ ...header, maxBytes: Number.NaN })).toThrow(polError('invalid-option') as Error);
  });
});
