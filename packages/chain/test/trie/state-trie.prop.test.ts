import { fromHex, toHex } from '@connito/commit-reveal';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChainError } from '../../src/index.ts';
import { closestMerkleValue, createTrie, proveRead, trieRoot, updateTrie, verifyReadProof, type StateTrie } from '../../src/trie/index.ts';
import { decodeNode, encodeNode, NodeError } from '../../src/trie/node-codec.ts';
import { naiveMerkleValue, naiveRoot } from './naive-root.ts';

const version = fc.constantFrom(0 as const, 1 as const);
/** Few different nibbles, so that keys share paths, end within others, and come again. */
const key = fc.oneof(
  fc.array(fc.constantFrom('00', '01', '10', '11', 'f0'), { maxLength: 4 }).map((bytes) => bytes.join('')),
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map(toHex),
);
const value = fc.oneof(fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ minLength: 28, maxLength: 40 }));
const changes = fc.array(fc.tuple(key, fc.option(value, { nil: undefined, freq: 3 })), { maxLength: 12 });

function apply(state: Map<string, Uint8Array>, step: readonly (readonly [string, Uint8Array | undefined])[]): void {
  for (const [name, bytes] of step) if (bytes === undefined) state.delete(name);
    else state.set(name, bytes);
}

function reasonOf(check: () => unknown): unknown {
  try {
    check();
  } catch (error) {
    if (isChainError(error, 'bad-proof')) return error.context.reason;
    throw error;
  }
  return 'none';
}

/** What a node is written as; itself where it is none. */
function readAndWrite(input: Uint8Array): Uint8Array {
  try {
    return encodeNode(decodeNode(input));
  } catch (error) {
    if (error instanceof NodeError) return input;
    throw error;
  }
}

describe('the state trie', () => {
  it('has the root of a trie made from scratch after any changes, and keeps the tries before them', () => {
    fc.assert(
      fc.property(version, fc.array(changes, { maxLength: 8 }), (stateVersion, steps) => {
        const state = new Map<string, Uint8Array>();
        const earlier: { trie: StateTrie; root: string }[] = [];
        let trie = createTrie(stateVersion);
        for (const step of steps) {
          trie = updateTrie(trie, step);
          apply(state, step);
          const root = toHex(trieRoot(trie));
          expect(root).toBe(toHex(naiveRoot(state, stateVersion)));
          earlier.push({ trie, root });
        }
        for (const { trie: old, root } of earlier) expect(toHex(trieRoot(old))).toBe(root);
      }),
    );
  });

  it('has the Merkle value of every key or of its closest descendant', () => {
    fc.assert(
      fc.property(version, changes, fc.array(key, { maxLength: 6 }), (stateVersion, step, others) => {
        const state = new Map<string, Uint8Array>();
        apply(state, step);
        const trie = updateTrie(createTrie(stateVersion), step);
        const prefixes = [...state.keys()].flatMap((name) => Array.from({ length: name.length / 2 + 1 }, (_, bytes) => name.slice(0, 2 * bytes)));
        for (const prefix of ['', ...prefixes, ...others]) expect(closestMerkleValue(trie, prefix)).toEqual(naiveMerkleValue(state, stateVersion, prefix));
      }),
    );
  });

  it('proves what every key has, and nothing else', () => {
    fc.assert(
      fc.property(version, changes, fc.array(key, { minLength: 1, maxLength: 6 }), fc.nat(), (stateVersion, step, others, seed) => {
        const state = new Map<string, Uint8Array>();
        apply(state, step);
        const trie = updateTrie(createTrie(stateVersion), step);
        const stateRoot = trieRoot(trie);
        const names = [...state.keys(), ...others];
        const proof = proveRead(trie, names);
        const keys = names.map(fromHex);
        expect(verifyReadProof({ stateRoot, proof, keys })).toEqual(names.map((name) => state.get(name)));
        expect(verifyReadProof({ stateRoot, proof: proof.toReversed(), keys })).toEqual(names.map((name) => state.get(name)));
        // One node gone, one byte of one node changed, one node too many.
        const at = seed % proof.length;
        const node = proof[at] as Uint8Array;
        expect(reasonOf(() => verifyReadProof({ stateRoot, proof: proof.toSpliced(at, 1), keys }))).toBe(state.size > 0 ? 'missing-node' : 'none');
        const other = node.map((byte, index) => (index === seed % node.length ? byte ^ (1 << seed % 8) : byte));
        expect(reasonOf(() => verifyReadProof({ stateRoot, proof: proof.with(at, other), keys }))).toMatch(/missing-node|unused-node|duplicate-node/);
        expect(reasonOf(() => verifyReadProof({ stateRoot, proof: [...proof, Uint8Array.of(9, 9, 9)], keys }))).toBe('unused-node');
        expect(reasonOf(() => verifyReadProof({ stateRoot, proof: [...proof, node], keys }))).toBe('duplicate-node');
      }),
    );
  });

  it('reads only bytes that it would write, and fails on others with its own error', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      // Headers of every kind with a plausible rest.
      fc.tuple(fc.constantFrom(0x00, 0x01, 0x11, 0x22, 0x41, 0x42, 0x7f, 0x81, 0xc2, 0xff), fc.uint8Array({ maxLength: 70 })).map(([first, rest]) => Uint8Array.of(first, ...rest)),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        expect(readAndWrite(input)).toEqual(input);
      }),
    );
  });
});
