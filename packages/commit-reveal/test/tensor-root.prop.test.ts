import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeTensorLeaf, computeTensorRoot, createTensorRoot, sha256, toHex, verifyTensorProof, type HashableTensor } from '../src/index.ts';
import { codeOf } from './code-of.ts';

const tensor: fc.Arbitrary<HashableTensor> = fc.record({
  name: fc.string({ unit: 'grapheme', maxLength: 8 }),
  dtype: fc.constantFrom('F32', 'BF16', 'U8'),
  shape: fc.array(fc.nat(5), { maxLength: 3 }),
  data: fc.uint8Array({ maxLength: 24 }),
});
const tensors = fc.uniqueArray(tensor, { selector: (t) => t.name, minLength: 1, maxLength: 12 });
const leafOf = (t: HashableTensor) => computeTensorLeaf({ ...t, sizeBytes: t.data.length, sha256: sha256(t.data) });

const open = () => createTensorRoot().open({ name: 'a', dtype: 'U8', shape: [2], sizeBytes: 2 });

describe('tensor root', () => {
  it('does not depend on the order, nor on the pieces that the bytes come in', () => {
    fc.assert(
      fc.property(tensors, fc.nat(7), (set, chunk) => {
        const builder = createTensorRoot();
        for (const t of set.toReversed()) {
          const stream = builder.open({ ...t, sizeBytes: t.data.length });
          for (let i = 0; i < t.data.length; i += chunk + 1) stream.update(t.data.subarray(i, i + chunk + 1));
          stream.finish();
        }
        expect(toHex(builder.root())).toBe(toHex(computeTensorRoot(set)));
      }),
    );
  });

  it('changes with every part of every tensor', () => {
    fc.assert(
      fc.property(tensors, fc.nat(), fc.constantFrom('name', 'dtype', 'shape', 'data', 'drop'), (set, at, part) => {
        const index = at % set.length;
        const t = set[index] as HashableTensor;
        const changed = {
          name: { ...t, name: `${t.name}~not-in-the-set` },
          dtype: { ...t, dtype: `${t.dtype}_` },
          shape: { ...t, shape: [...t.shape, 1] },
          data: { ...t, data: Uint8Array.of(...t.data, 0) },
          drop: undefined,
        }[part];
        const other = set.flatMap((old, i) => (i !== index ? [old] : changed === undefined ? [] : [changed]));
        fc.pre(other.length > 0);
        expect(toHex(computeTensorRoot(other))).not.toBe(toHex(computeTensorRoot(set)));
      }),
    );
  });

  it('proves every tensor, and nothing else', () => {
    fc.assert(
      fc.property(tensors, fc.nat(), fc.nat(), (set, at, wrong) => {
        const builder = createTensorRoot();
        for (const t of set) builder.add(t);
        const root = builder.root();
        const t = set[at % set.length] as HashableTensor;
        const proof = builder.prove(t.name);
        const leaf = leafOf(t);
        expect(verifyTensorProof({ root, leaf, proof })).toBe(true);
        expect(verifyTensorProof({ root, leaf: sha256(leaf), proof })).toBe(false);
        expect(verifyTensorProof({ root, leaf, proof: { ...proof, siblings: [...proof.siblings, leaf] } })).toBe(false);
        expect(verifyTensorProof({ root, leaf, proof: { ...proof, siblings: proof.siblings.slice(1) } })).toBe(proof.siblings.length === 0);
        const count = wrong % 40;
        expect(verifyTensorProof({ root, leaf, proof: { ...proof, count } })).toBe(count === proof.count);
        for (const index of [-1, proof.count, 0.5, Number.NaN, 2 ** 40]) expect(verifyTensorProof({ root, leaf, proof: { ...proof, index } })).toBe(false);
        expect(verifyTensorProof({ root, leaf, proof: { ...proof, count: 2 ** 52, index: 2 ** 51 } })).toBe(false);
      }),
    );
  });

  it('never takes an inner node for a leaf: a set of nodes is no set of tensors', () => {
    // Two trees of one shape over different data, and one more leaf: count and domains keep them apart.
    const three = ['a', 'b', 'c'].map((name) => ({ name, dtype: 'U8', shape: [1], data: Uint8Array.of(1) }));
    const four = [...three, { name: 'd', dtype: 'U8', shape: [1], data: Uint8Array.of(1) }];
    const roots = [three.slice(0, 1), three.slice(0, 2), three, four].map((set) => toHex(computeTensorRoot(set)));
    expect(new Set(roots).size).toBe(4);
  });

  it('refuses what it cannot name', () => {
    const good = { name: 'a', dtype: 'U8', shape: [1], data: Uint8Array.of(1) };
    expect(codeOf(() => computeTensorRoot([]))).toBe('no-tensors');
    expect(codeOf(() => computeTensorRoot([good, good]))).toBe('duplicate-tensor');
    expect(codeOf(() => computeTensorRoot([{ ...good, name: '\ud800' }]))).toBe('bad-text');
    expect(codeOf(() => computeTensorRoot([{ ...good, dtype: '\udc00' }]))).toBe('bad-text');
    for (const size of [-1, 0.5, 2 ** 53, Number.NaN]) expect(codeOf(() => computeTensorRoot([{ ...good, shape: [size] }]))).toBe('out-of-range');
    expect(codeOf(() => computeTensorLeaf({ ...good, sizeBytes: 1, sha256: new Uint8Array(31) }))).toBe('bad-length');
    expect(codeOf(() => createTensorRoot().prove('a'))).toBe('unknown-tensor');
  });

  it('refuses streams that are too short, too long, unfinished or used twice', () => {
    expect(codeOf(() => open().finish())).toBe('bad-stream');
    expect(codeOf(() => open().update(new Uint8Array(3)))).toBe('bad-stream');
    const finished = open();
    finished.update(new Uint8Array(2));
    finished.finish();
    expect(codeOf(() => finished.finish())).toBe('bad-stream');
    expect(codeOf(() => finished.update(new Uint8Array(0)))).toBe('bad-stream');
    const builder = createTensorRoot();
    builder.open({ name: 'a', dtype: 'U8', shape: [2], sizeBytes: 2 });
    expect(codeOf(() => builder.root())).toBe('bad-stream');
    expect(codeOf(() => builder.add({ name: 'a', dtype: 'U8', shape: [], data: new Uint8Array(0) }))).toBe('duplicate-tensor');
  });
});
