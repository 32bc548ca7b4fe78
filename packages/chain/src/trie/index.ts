export { closestMerkleValue, createTrie, orderedTrieRoot, proveRead, trieRoot, updateTrie } from './state-trie.ts';
export type { StateTrie } from './state-trie.ts';
export { trieReady } from './hash.ts';
export { MAX_PROOF_BYTES, MAX_PROOF_NODES, openReadProof, verifyReadProof } from './read-proof.ts';
export type { OpenedProof, ReadProof } from './read-proof.ts';
export type { StateVersion } from './node-codec.ts';
