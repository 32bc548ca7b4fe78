/**
 * Storage proofs: values of keys, and that keys have none, from nothing but a state root and nodes of the trie.
 *
 * A node is believed because its hash stands in its parent, and the topmost because its hash is the root. Nodes come from strangers: their number and size are limited before anything
 * is hashed, each must be needed, and each must be there. A look-up cannot run in circles, because every step uses up nibbles of its key.
 * @module
 * @see `state_getReadProof` of Substrate's JSON-RPC; sp-state-machine's `prove_read` and `read_proof_check`
 */
import { toHex } from '@connito/commit-reveal';
import { ChainError } from '../errors.ts';
import { HASH_BYTES, hashNode } from './hash.ts';
import { decodeNode, NodeError, type NodeValue, type TrieNode } from './node-codec.ts';
import { nibbleAt, type Nibbles } from './nibbles.ts';

/** What a proof is checked against. */
export interface ReadProof {
  /** Of the block's header, 32 bytes. */
  readonly stateRoot: Uint8Array;
  /** Nodes in any order, each once. */
  readonly proof: readonly Uint8Array[];
  /** Storage keys whose values are wanted. */
  readonly keys: readonly Uint8Array[];
  /** Most bytes of all nodes together (default {@link MAX_PROOF_BYTES}). */
  readonly maxBytes?: number;
}

/** Most nodes of a proof: four times what a snapshot of 4,096 neurons takes. */
export const MAX_PROOF_NODES = 131_072;
/** Most bytes of a proof, unless more are asked for. */
export const MAX_PROOF_BYTES = 33_554_432;

/**
 * The values of `keys` in their order; `undefined` where the proof shows that there is none.
 *
 * @throws bad-proof (`context.reason`): `too-many-nodes`, `too-large`, `duplicate-node`, `malformed-node`, `missing-node`, `unused-node`
 * @throws bad-value when the root is not 32 bytes, or nodes or keys are no bytes
 * @example const [value] = verifyReadProof({ stateRoot, proof, keys: [key] });
 */
export function verifyReadProof({ keys, ...proof }: ReadProof): (Uint8Array | undefined)[] {
  const opened = openReadProof(proof);
  const values = keys.map((key) => opened.read(key));
  opened.assertAllUsed();
  return values;
}

/** A proof that is read key by key, for readers that learn from values which keys come next. */
export interface OpenedProof {
  /** The value of a key; `undefined` where the proof shows that there is none. @throws bad-proof: `malformed-node`, `missing-node` */
  read(key: Uint8Array): Uint8Array | undefined;
  /** To be called at the end. @throws bad-proof: `unused-node` */
  assertAllUsed(): void;
}

/** Begins to read a proof. @throws bad-proof: `too-many-nodes`, `too-large`, `duplicate-node`; bad-value */
export function openReadProof({ stateRoot, proof, maxBytes = MAX_PROOF_BYTES }: Omit<ReadProof, 'keys'>): OpenedProof {
  if (stateRoot.length !== HASH_BYTES) throw new ChainError('bad-value', `expected a state root of ${HASH_BYTES} bytes, got ${stateRoot.length}`, { expected: HASH_BYTES, actual: stateRoot.length });
  for (const node of proof) assertBytes('node', node);
  assertSize(proof, maxBytes);
  const nodes = new ProofNodes(proof);
  return { read: (key) => lookUp(nodes, stateRoot, toHex(assertBytes('key', key))), assertAllUsed: () => nodes.assertAllUsed(stateRoot) };
}

/** Nodes answer in hex, and hex has a length too. */
function assertBytes(what: string, bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new ChainError('bad-value', `expected each ${what} of a proof as bytes (a Uint8Array; \`fromHex\` makes them of hex), got ${typeof bytes}`, { subject: what, actual: typeof bytes });
}

function assertSize(proof: readonly Uint8Array[], maxBytes: number): void {
  if (proof.length > MAX_PROOF_NODES) throw badProof('too-many-nodes', `at most ${MAX_PROOF_NODES} nodes`, `${proof.length}`);
  const sizeBytes = proof.reduce((total, { length }) => total + length, 0);
  if (sizeBytes > maxBytes) throw badProof('too-large', `at most ${maxBytes} bytes`, `${sizeBytes}`);
}

/** The value that a key has below the root. */
function lookUp(nodes: ProofNodes, stateRoot: Uint8Array, key: Nibbles): Uint8Array | undefined {
  let node = nodes.top(stateRoot);
  let rest = key;
  for (;;) {
    if (node.type === 'empty' || !rest.startsWith(node.partial)) return undefined;
    const at = node.partial.length;
    if (rest.length === at) return node.value === undefined ? undefined : nodes.value(node.value);
    const child: Uint8Array | undefined = node.type === 'leaf' ? undefined : node.children[nibbleAt(rest, at)];
    if (child === undefined) return undefined;
    rest = rest.slice(at + 1);
    node = nodes.child(child);
  }
}

/** The nodes of a proof by their hash; remembers which were used. */
class ProofNodes {
  readonly #byHash = new Map<string, Uint8Array>();
  readonly #decoded = new Map<string, TrieNode>();
  readonly #used = new Set<string>();

  constructor(proof: readonly Uint8Array[]) {
    for (const bytes of proof) {
      const hash = toHex(hashNode(bytes));
      if (this.#byHash.has(hash)) throw badProof('duplicate-node', 'each node once', `${hash} twice`);
      this.#byHash.set(hash, bytes);
    }
  }

  top(root: Uint8Array): TrieNode {
    // An empty trie needs no node to be known for one.
    return toHex(root) === EMPTY_ROOT ? { type: 'empty' } : this.#node(toHex(root));
  }

  child(reference: Uint8Array): TrieNode {
    return reference.length === HASH_BYTES ? this.#node(toHex(reference)) : decodeOrThrow(reference);
  }

  value(value: NodeValue): Uint8Array {
    return (value.type === 'inline' ? value.bytes : this.#take(toHex(value.hash))).slice();
  }

  assertAllUsed(root: Uint8Array): void {
    for (const hash of this.#byHash.keys()) {
      if (!this.#used.has(hash) && !(hash === EMPTY_ROOT && toHex(root) === EMPTY_ROOT)) throw badProof('unused-node', 'only nodes that the keys need', `${hash} besides`);
    }
  }

  #node(hash: string): TrieNode {
    const known = this.#decoded.get(hash);
    if (known !== undefined) return known;
    const node = decodeOrThrow(this.#take(hash));
    this.#decoded.set(hash, node);
    return node;
  }

  #take(hash: string): Uint8Array {
    const bytes = this.#byHash.get(hash);
    if (bytes === undefined) throw badProof('missing-node', `a node with the hash ${hash}`, 'none; the proof is of another state or not whole');
    this.#used.add(hash);
    return bytes;
  }
}

/** Root of a trie without keys: BLAKE2b-256 of one zero byte. */
const EMPTY_ROOT = '03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314';

function decodeOrThrow(bytes: Uint8Array): TrieNode {
  try {
    return decodeNode(bytes);
  } catch (cause) {
    if (cause instanceof NodeError) throw badProof('malformed-node', 'nodes of a state trie', `bytes that are none: ${cause.message}`, cause);
    throw cause;
  }
}

function badProof(reason: string, expected: string, actual: string, cause?: unknown): ChainError {
  return new ChainError('bad-proof', `the storage proof does not hold: expected ${expected}, got ${actual}`, { reason }, cause);
}
