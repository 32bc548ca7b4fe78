/**
 * A whole trie in memory, which a change copies only along the paths that it touches: the trie before the change stays as it was, shares the rest, and can be proven from as well.
 * Hashes are made when they are first asked for and kept in the nodes.
 * @module
 * @see https://spec.polkadot.network/chap-state#sect-state-storage
 */
import { compareBytes, equalBytes, toHex } from '@connito/commit-reveal';
import { HASH_BYTES, hashNode } from './hash.ts';
import { childReference, encodeCompact, encodeNode, HASHED_VALUE_BYTES, type NodeValue, type StateVersion, type TrieNode } from './node-codec.ts';
import { nibbleAt, sharedLength, toNibble, type Nibbles } from './nibbles.ts';

/** A trie. Keys are lowercase hex without prefix. */
export interface StateTrie {
  readonly version: StateVersion;
  readonly top: Node | undefined;
}

interface Node {
  readonly partial: Nibbles;
  readonly value: Uint8Array | undefined;
  /** 16, or none of a leaf. */
  readonly children: readonly (Node | undefined)[] | undefined;
  /** What stands for it in its parent, once that is known. */
  reference: Uint8Array | undefined;
}

/** A trie without keys. */
export function createTrie(version: StateVersion): StateTrie {
  return { version, top: undefined };
}

/** The trie after changes: a new value for each key, or `undefined` to remove it. Keys are lowercase hex. */
export function updateTrie(trie: StateTrie, changes: Iterable<readonly [key: string, value: Uint8Array | undefined]>): StateTrie {
  let { top } = trie;
  for (const [key, value] of changes) top = value === undefined ? remove(top, key) : insert(top, key, value);
  return { version: trie.version, top };
}

/** The root: BLAKE2b-256 of the topmost node, however short that is. */
export function trieRoot({ version, top }: StateTrie): Uint8Array {
  if (top === undefined) return hashNode(encodeNode({ type: 'empty' }));
  const reference = referenceOf(top, version);
  return reference.length === HASH_BYTES ? reference : hashNode(reference);
}

/**
 * The nodes that show which values the keys have, or that they have none: those on the way to each key, and its value where that is told by its hash.
 * In the order of their bytes, each once, as `state_getReadProof` gives them.
 */
export function proveRead({ version, top }: StateTrie, keys: Iterable<string>): Uint8Array[] {
  if (top === undefined) return [encodeNode({ type: 'empty' })];
  const nodes = new Set<Node>();
  const values = new Set<Uint8Array>();
  for (const key of keys) {
    const value = visit(top, key, (node) => nodes.add(node));
    if (value !== undefined && isHashed(value, version)) values.add(value);
  }
  const encoded = [...nodes].map((node) => ({ node, bytes: encode(node, version) }));
  // Shorter ones stand within their parents; only the topmost never does.
  const parts = [...encoded.filter(({ node, bytes }) => node === top || bytes.length >= HASH_BYTES).map(({ bytes }) => bytes), ...values].sort(compareBytes);
  return parts.filter((bytes, index) => index === 0 || !equalBytes(bytes, parts[index - 1] as Uint8Array));
}

/**
 * The Merkle value of a key, or of its closest descendant where no node stands at the key itself: the node's BLAKE2b-256, or its bytes where they are fewer than 32.
 * `undefined` where no key begins with it. It differs from another trie's exactly where something at or below the key does.
 * @see https://spec.polkadot.network/chap-state#defn-merkle-value
 */
export function closestMerkleValue(trie: StateTrie, key: string): Uint8Array | undefined {
  let rest: Nibbles = key;
  for (let node = trie.top; node !== undefined; ) {
    const { partial, children }: Node = node;
    if (partial.startsWith(rest)) return node === trie.top ? trieRoot(trie) : referenceOf(node, trie.version);
    if (!rest.startsWith(partial)) return undefined;
    node = children?.[nibbleAt(rest, partial.length)];
    rest = rest.slice(partial.length + 1);
  }
  return undefined;
}

/** The root of a list, as `extrinsicsRoot` is one: each item under its index as a compact integer. */
export function orderedTrieRoot(items: readonly Uint8Array[], version: StateVersion): Uint8Array {
  return trieRoot(updateTrie(createTrie(version), items.map((item, index) => [toHex(encodeCompact(index)), item])));
}

function insert(node: Node | undefined, key: Nibbles, value: Uint8Array): Node {
  if (node === undefined) return makeNode(key, value, undefined);
  const shared = sharedLength(node.partial, key);
  if (shared < node.partial.length) return insert(split(node, shared), key, value);
  if (shared === key.length) return node.value !== undefined && equalBytes(node.value, value) ? node : makeNode(node.partial, value, node.children);
  const index = nibbleAt(key, shared);
  const child = insert(node.children?.[index], key.slice(shared + 1), value);
  return child === node.children?.[index] ? node : withChild(node, index, child);
}

/** A branch after `length` nibbles of a node, with the rest of the node below. */
function split(node: Node, length: number): Node {
  const rest = makeNode(node.partial.slice(length + 1), node.value, node.children);
  return withChild(makeNode(node.partial.slice(0, length), undefined, undefined), nibbleAt(node.partial, length), rest);
}

function remove(node: Node | undefined, key: Nibbles): Node | undefined {
  if (node === undefined || !key.startsWith(node.partial)) return node;
  if (key.length === node.partial.length) return node.value === undefined ? node : collapse(makeNode(node.partial, undefined, node.children));
  const index = nibbleAt(key, node.partial.length);
  const child = remove(node.children?.[index], key.slice(node.partial.length + 1));
  return child === node.children?.[index] ? node : collapse(withChild(node, index, child));
}

/** Nodes that hold neither a value nor a choice are not part of a trie. */
function collapse(node: Node): Node | undefined {
  const { partial, value, children = [] } = node;
  const left = children.flatMap((child, index) => (child === undefined ? [] : [{ child, index }]));
  const [only] = left;
  if (only === undefined) return value === undefined ? undefined : makeNode(partial, value, undefined);
  if (value !== undefined || left.length > 1) return node;
  return makeNode(partial + toNibble(only.index) + only.child.partial, only.child.value, only.child.children);
}

function makeNode(partial: Nibbles, value: Uint8Array | undefined, children: Node['children']): Node {
  return { partial, value, children, reference: undefined };
}

function withChild({ partial, value, children }: Node, index: number, child: Node | undefined): Node {
  const own = children === undefined ? Array.from<Node | undefined>({ length: 16 }) : [...children];
  own[index] = child;
  return makeNode(partial, value, own);
}

/** The value of a key, after `see` has had every node on the way to it. */
function visit(top: Node, key: Nibbles, see: (node: Node) => void): Uint8Array | undefined {
  let rest = key;
  for (let node: Node | undefined = top; node !== undefined; ) {
    see(node);
    const { partial, value, children }: Node = node;
    if (!rest.startsWith(partial)) return undefined;
    if (rest.length === partial.length) return value;
    node = children?.[nibbleAt(rest, partial.length)];
    rest = rest.slice(partial.length + 1);
  }
  return undefined;
}

function referenceOf(node: Node, version: StateVersion): Uint8Array {
  node.reference ??= childReference(encode(node, version));
  return node.reference;
}

function encode(node: Node, version: StateVersion): Uint8Array {
  return encodeNode(toTrieNode(node, version));
}

function toTrieNode({ partial, value, children }: Node, version: StateVersion): TrieNode {
  const held = value === undefined ? undefined : toNodeValue(value, version);
  if (children === undefined) return { type: 'leaf', partial, value: held as NodeValue };
  return { type: 'branch', partial, value: held, children: children.map((child) => (child === undefined ? undefined : referenceOf(child, version))) };
}

function toNodeValue(value: Uint8Array, version: StateVersion): NodeValue {
  return isHashed(value, version) ? { type: 'hashed', hash: hashNode(value) } : { type: 'inline', bytes: value };
}

function isHashed(value: Uint8Array, version: StateVersion): boolean {
  return version === 1 && value.length >= HASHED_VALUE_BYTES;
}
