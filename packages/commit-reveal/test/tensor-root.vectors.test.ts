import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { computeTensorLeaf, computeTensorRoot, createTensorRoot, fromHex, sha256, toHex, verifyTensorProof } from '../src/index.ts';
import { createSha256 } from '../src/node.ts';

interface Tensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: string;
}
interface Case {
  readonly label: string;
  readonly tensors: readonly Tensor[];
  readonly root: string;
  readonly proofs: readonly { readonly name: string; readonly index: number; readonly count: number; readonly leaf: string; readonly siblings: readonly string[] }[];
}
const VECTORS = JSON.parse(readFileSync(new URL('./vectors/vectors.json', import.meta.url), 'utf8')) as { readonly roots: readonly Case[] };

const decode = (tensor: Tensor) => ({ ...tensor, data: fromHex(tensor.data) });

describe.each(VECTORS.roots)('tensor root of $label', ({ tensors, root, proofs }) => {
  it('equals the Python root, in any order and with either hash', () => {
    const decoded = tensors.map(decode);
    expect(toHex(computeTensorRoot(decoded))).toBe(root);
    expect(toHex(computeTensorRoot(decoded.toReversed(), { createSha256 }))).toBe(root);
  });

  it('proves tensors as Python does', () => {
    const builder = createTensorRoot();
    for (const tensor of tensors) builder.add(decode(tensor));
    for (const expected of proofs) {
      const tensor = decode(tensors.find((candidate) => candidate.name === expected.name) as Tensor);
      const leaf = computeTensorLeaf({ ...tensor, sizeBytes: tensor.data.length, sha256: sha256(tensor.data) });
      const proof = builder.prove(expected.name);
      expect(toHex(leaf)).toBe(expected.leaf);
      expect({ ...proof, siblings: proof.siblings.map(toHex) }).toEqual({ index: expected.index, count: expected.count, siblings: expected.siblings });
      expect(verifyTensorProof({ root: fromHex(root), leaf, proof })).toBe(true);
    }
  });
});
