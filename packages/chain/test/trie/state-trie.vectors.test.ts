import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '@connito/commit-reveal';
import { describe, expect, it } from 'vitest';
import { createTrie, orderedTrieRoot, proveRead, trieRoot, updateTrie, verifyReadProof, type StateTrie, type StateVersion } from '../../src/trie/index.ts';
import { decodeNode, encodeNode } from '../../src/trie/node-codec.ts';

interface Read {
  readonly keys: readonly string[];
  readonly values: readonly (string | null)[];
  readonly proof: readonly string[];
}
interface Vectors {
  readonly cases: readonly { readonly name: string; readonly version: StateVersion; readonly entries: readonly (readonly [string, string])[]; readonly root: string; readonly read: Read }[];
  readonly histories: readonly { readonly version: StateVersion; readonly steps: readonly { readonly changes: readonly (readonly [string, string | null])[]; readonly root: string }[] }[];
  readonly lists: readonly { readonly items: readonly string[]; readonly rootV0: string; readonly rootV1: string }[];
  readonly migrated: { readonly root: string; readonly read: Read };
}

/** Made by Substrate's own crates: `trie-oracle/src/main.rs`. */
const vectors = JSON.parse(readFileSync(new URL('../vectors/state-trie.json', import.meta.url), 'utf8')) as Vectors;
const change = ([key, value]: readonly [string, string | null]): [string, Uint8Array | undefined] => [key, value === null ? undefined : fromHex(value)];
const verify = (root: string, { keys, proof }: Read): (string | null)[] =>
  verifyReadProof({ stateRoot: fromHex(root), proof: proof.map(fromHex), keys: keys.map(fromHex) }).map((value) => (value === undefined ? null : toHex(value)));

describe('the state trie and Substrate’s own', () => {
  it.each(vectors.cases.map((one) => [`${one.name}, state version ${one.version}`, one] as const))('agree on %s', (_, { version, entries, root, read }) => {
    const trie = updateTrie(createTrie(version), entries.map(change));
    expect(toHex(trieRoot(trie))).toBe(root);
    expect(toHex(trieRoot(updateTrie(createTrie(version), entries.map(change).toReversed())))).toBe(root);
    expect(proveRead(trie, read.keys).map(toHex)).toEqual(read.proof);
    expect(verify(root, read)).toEqual(read.values);
  });

  it.each(vectors.histories)('agree on the root after every change, state version $version', ({ version, steps }) => {
    let trie: StateTrie = createTrie(version);
    for (const { changes, root } of steps) {
      trie = updateTrie(trie, changes.map(change));
      expect(toHex(trieRoot(trie))).toBe(root);
    }
  });

  it('agree on the root of a list', () => {
    for (const { items, rootV0, rootV1 } of vectors.lists) {
      expect(toHex(orderedTrieRoot(items.map(fromHex), 0))).toBe(rootV0);
      expect(toHex(orderedTrieRoot(items.map(fromHex), 1))).toBe(rootV1);
    }
  });

  it('agree on a state that was begun under version 0 and goes on under version 1', () => {
    expect(verify(vectors.migrated.root, vectors.migrated.read)).toEqual(vectors.migrated.read.values);
  });

  it('write the same bytes for every node', () => {
    for (const { read } of vectors.cases) {
      const nodes = read.proof.filter((node) => !read.values.includes(node));
      expect(nodes.map((node) => toHex(encodeNode(decodeNode(fromHex(node)))))).toEqual(nodes);
    }
  });
});
