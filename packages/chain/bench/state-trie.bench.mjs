/**
 * The root after a block against what no trie can do without: BLAKE2b-256 (`@polkadot/util-crypto`) of the nodes that changed.
 * 30,000 keys of 60 storage items. Run: `node packages/chain/bench/state-trie.bench.mjs`, after `npm run setup`.
 */
import { randomBytes } from 'node:crypto';
import { blake2AsU8a, cryptoWaitReady } from '@polkadot/util-crypto';
import { createTrie, proveRead, trieRoot, updateTrie, verifyReadProof } from '../dist/trie/index.js';

await cryptoWaitReady();
const prefixes = Array.from({ length: 60 }, () => randomBytes(32).toString('hex'));
const entries = Array.from({ length: 30_000 }, (_, index) => [prefixes[index % 60] + randomBytes(18).toString('hex'), randomBytes(8 + (index % 60))]);
let trie = updateTrie(createTrie(1), entries);
trieRoot(trie);

const median = (run) => {
  const times = Array.from({ length: 31 }, () => {
    const started = performance.now();
    run();
    return performance.now() - started;
  });
  return times.sort((a, b) => a - b)[15];
};

console.log('changed keys   root ms   hashing its nodes ms   ratio');
for (const count of [10, 100, 1_000]) {
  const changes = Array.from({ length: count }, (_, index) => [entries[(index * 7_919) % entries.length][0], randomBytes(20)]);
  const nodes = proveRead(updateTrie(trie, changes), changes.map(([key]) => key));
  const root = median(() => trieRoot(updateTrie(trie, changes)));
  const hashing = median(() => nodes.map((node) => blake2AsU8a(node, 256)));
  console.log(`${String(count).padStart(12)}${root.toFixed(2).padStart(10)}${hashing.toFixed(2).padStart(23)}${(root / hashing).toFixed(1).padStart(8)}`);
}
const keys = entries.slice(0, 1_280).map(([key]) => key);
const proof = proveRead(trie, keys);
const verified = median(() => verifyReadProof({ stateRoot: trieRoot(trie), proof, keys: keys.map((key) => Buffer.from(key, 'hex')) }));
console.log(`1,280 keys: proof of ${proof.length} nodes, ${proof.reduce((total, { length }) => total + length, 0)} bytes; made in ${median(() => proveRead(trie, keys)).toFixed(1)} ms, verified in ${verified.toFixed(1)} ms`);
