import { describe, expect, it } from 'vitest';
import { isChainError } from '../../src/index.ts';
import { hashNode } from '../../src/trie/hash.ts';
import { createTrie, MAX_PROOF_NODES, proveRead, trieRoot, updateTrie, verifyReadProof } from '../../src/trie/index.ts';
import { childReference, encodeNode } from '../../src/trie/node-codec.ts';

const KEY = Uint8Array.of(0xaa, 0x01);
const trie = updateTrie(createTrie(1), [
  ['aa01', new Uint8Array(40).fill(1)],
  ['aa02', Uint8Array.of(2)],
  ['bb', new Uint8Array(32).fill(3)],
]);
const stateRoot = trieRoot(trie);
const proof = proveRead(trie, ['aa01']);

function reasonOf(nodes: readonly Uint8Array[], { root = stateRoot, maxBytes = 1000, key = KEY } = {}): unknown {
  try {
    verifyReadProof({ stateRoot: root, proof: nodes, keys: [key], maxBytes });
  } catch (error) {
    if (isChainError(error)) return error.context.reason ?? error.code;
    throw error;
  }
  return 'none';
}

/** A proof whose one node is these bytes. */
const alone = (node: Uint8Array): unknown => reasonOf([node], { root: hashNode(node) });

describe('a storage proof', () => {
  it('holds for its root and keys only', () => {
    expect(reasonOf(proof)).toBe('none');
    expect(reasonOf(proof, { root: new Uint8Array(32) })).toBe('missing-node');
    expect(reasonOf(proof, { root: new Uint8Array(31) })).toBe('bad-value');
    expect(reasonOf(proof, { key: Uint8Array.of(0xcc) })).toBe('unused-node');
    expect(reasonOf([], { key: Uint8Array.of(0xcc) })).toBe('missing-node');
  });

  it('shows that a key has no value', () => {
    for (const key of ['cc', 'aa', 'aa0101', 'aa03', '']) expect(verifyReadProof({ stateRoot, proof: proveRead(trie, [key]), keys: [new Uint8Array(Buffer.from(key, 'hex'))] })).toEqual([undefined]);
    const nothing = createTrie(1);
    expect(verifyReadProof({ stateRoot: trieRoot(nothing), proof: proveRead(nothing, ['aa']), keys: [KEY] })).toEqual([undefined]);
    expect(verifyReadProof({ stateRoot: trieRoot(nothing), proof: [], keys: [KEY] })).toEqual([undefined]);
  });

  it('is measured before it is read', () => {
    expect(reasonOf(Array.from({ length: MAX_PROOF_NODES + 1 }, () => new Uint8Array()))).toBe('too-many-nodes');
    expect(reasonOf([...proof, new Uint8Array(1001)])).toBe('too-large');
  });

  it('gives no value whose bytes were changed, and keeps no view of the proof', () => {
    expect(reasonOf(proof.map((node) => (node.length === 40 ? node.with(0, 2) : node)))).toBe('missing-node');
    const nodes = proof.map((node) => node.slice());
    const [value] = verifyReadProof({ stateRoot, proof: nodes, keys: [KEY] });
    for (const node of nodes) node.fill(0);
    expect(value).toEqual(new Uint8Array(40).fill(1));
  });

  it('has no node that is malformed', () => {
    expect(alone(new Uint8Array())).toBe('malformed-node');
    expect(alone(Uint8Array.of(0x01))).toBe('malformed-node'); // the escape of compact proofs
    expect(alone(Uint8Array.of(0x41))).toBe('malformed-node'); // no partial key
    expect(alone(Uint8Array.of(0x41, 0x1a, 0))).toBe('malformed-node'); // an odd partial key that does not begin with zero
    expect(alone(Uint8Array.of(0x41, 0x0a, 8, 1))).toBe('malformed-node'); // a value that ends too soon
    expect(alone(Uint8Array.of(0x41, 0x0a, 4, 1, 0))).toBe('malformed-node'); // more bytes than the node
    expect(alone(Uint8Array.of(0x41, 0x0a, 5, 0, 1))).toBe('malformed-node'); // a length that is not in its shortest form
    expect(alone(Uint8Array.of(0x41, 0x0a, 3, 255, 255, 255, 255))).toBe('malformed-node'); // a length of 4 GiB
    expect(alone(Uint8Array.of(0x80, 0, 0))).toBe('malformed-node'); // a branch without children
    expect(alone(Uint8Array.of(0x80, 1, 0, 0))).toBe('malformed-node'); // an empty child
    expect(alone(Uint8Array.of(0x80, 1, 0, 132, ...new Uint8Array(33)))).toBe('malformed-node'); // a child of 33 bytes
    expect(alone(Uint8Array.of(0x7f, ...new Uint8Array(258).fill(255)))).toBe('malformed-node'); // a partial key without end
    expect(alone(Uint8Array.of(0x21, 0x0a, ...new Uint8Array(31)))).toBe('malformed-node'); // a hash that ends too soon
    const child = Uint8Array.of(0x07);
    const branch = encodeNode({ type: 'branch', partial: '', value: undefined, children: Array.from({ length: 16 }, () => childReference(child)) });
    expect(alone(branch)).toBe('malformed-node'); // within a node
  });
});
