/**
 * Nodes of Substrate's base-16 Patricia-Merkle trie as bytes, in both state versions.
 *
 * A node is `header ‖ partial key ‖ [bitmap] ‖ [value] ‖ [children]`. The header's high bits are the kind, its low bits begin the number of nibbles of the partial key:
 * `01` leaf, `10` branch without value, `11` branch with value, `001` leaf and `0001` branch whose value is told by its hash (state version 1). A count that does not fit goes on
 * in bytes of 255. A partial key of odd length begins with a nibble of zero. The bitmap (u16, little-endian) says which of 16 children there are; values and children have a compact
 * length. A child is the node itself where that is shorter than 32 bytes, else its BLAKE2b-256.
 * @module
 * @see https://spec.polkadot.network/chap-state#sect-state-storage; sp-trie's `node_header.rs` and `node_codec.rs` (polkadot-sdk)
 */
import { toHex } from '@connito/commit-reveal';
import { HASH_BYTES, hashNode } from './hash.ts';
import { nibbleAt, type Nibbles } from './nibbles.ts';

/** 0: values stand in their nodes. 1: values of 33 bytes and more are told by their hash. */
export type StateVersion = 0 | 1;

/** A value within a node. */
export type NodeValue = { readonly type: 'inline'; readonly bytes: Uint8Array } | { readonly type: 'hashed'; readonly hash: Uint8Array };

/** A node. A child is 32 bytes of hash, or fewer bytes that are the child itself. */
export type TrieNode =
  | { readonly type: 'empty' }
  | { readonly type: 'leaf'; readonly partial: Nibbles; readonly value: NodeValue }
  | { readonly type: 'branch'; readonly partial: Nibbles; readonly value: NodeValue | undefined; readonly children: readonly (Uint8Array | undefined)[] };

/** Shortest value that state version 1 hashes. @see sp-core's `storage::TRIE_VALUE_NODE_THRESHOLD` */
export const HASHED_VALUE_BYTES = 33;
/** Most nibbles of a partial key. @see sp-trie's `NIBBLE_SIZE_BOUND` */
export const MAX_PARTIAL_NIBBLES = 65_535;

/** A length or index (u32) as a compact integer. */
export function encodeCompact(value: number): Uint8Array {
  if (value < 2 ** 6) return Uint8Array.of(value << 2);
  const bytes = value < 2 ** 14 ? 2 : value < 2 ** 30 ? 4 : 5;
  const whole = bytes === 5 ? value * 2 ** 8 + 3 : value * 4 + bytes / 2;
  return Uint8Array.from({ length: bytes }, (_, index) => Math.floor(whole / 256 ** index) % 256);
}

/** What stands for a node in its parent. */
export function childReference(encoded: Uint8Array): Uint8Array {
  return encoded.length < HASH_BYTES ? encoded : hashNode(encoded);
}

const LEAF = 0b0100_0000;
const BRANCH = 0b1000_0000;
const BRANCH_WITH_VALUE = 0b1100_0000;
const HASHED_LEAF = 0b0010_0000;
const HASHED_BRANCH = 0b0001_0000;

/** The bytes of a node. */
export function encodeNode(node: TrieNode): Uint8Array {
  if (node.type === 'empty') return Uint8Array.of(0);
  writeHeader(node);
  writer.partial(node.partial);
  if (node.type === 'branch') writer.bitmap(node.children);
  if (node.value?.type === 'hashed') writer.put(node.value.hash);
  if (node.value?.type === 'inline') writer.prefixed(node.value.bytes);
  if (node.type === 'branch') for (const child of node.children) if (child !== undefined) writer.prefixed(child);
  return writer.finish();
}

/** What {@link decodeNode} throws: the bytes are no node. */
export class NodeError extends Error {
  override readonly name = 'NodeError';
}

/** Reads a node strictly: whatever {@link encodeNode} would write otherwise is refused. @throws NodeError */
export function decodeNode(bytes: Uint8Array): TrieNode {
  const reader = new Reader(bytes);
  const first = reader.byte();
  const node = first === 0 ? ({ type: 'empty' } as const) : decodeBody(reader, first);
  reader.end();
  return node;
}

function decodeBody(reader: Reader, first: number): TrieNode {
  const { isBranch, value, sizeBits } = kindOf(first);
  const partial = reader.partial(readSize(reader, first, sizeBits));
  const children = isBranch ? reader.bitmap() : undefined;
  const readValue = (): NodeValue | undefined => {
    if (value === 'none') return undefined;
    return value === 'hashed' ? { type: 'hashed', hash: reader.take(HASH_BYTES) } : { type: 'inline', bytes: reader.prefixed() };
  };
  const held = readValue();
  if (children === undefined) return { type: 'leaf', partial, value: held as NodeValue };
  return { type: 'branch', partial, value: held, children: children.map((has) => (has ? reader.child() : undefined)) };
}

function kindOf(first: number): { readonly isBranch: boolean; readonly value: 'none' | 'inline' | 'hashed'; readonly sizeBits: number } {
  const top = first >> 6;
  if (top === 1) return { isBranch: false, value: 'inline', sizeBits: 6 };
  if (top === 2) return { isBranch: true, value: 'none', sizeBits: 6 };
  if (top === 3) return { isBranch: true, value: 'inline', sizeBits: 6 };
  if (first >> 5 === 1) return { isBranch: false, value: 'hashed', sizeBits: 5 };
  if (first >> 4 === 1) return { isBranch: true, value: 'hashed', sizeBits: 4 };
  throw new NodeError(`expected the header of a node, got 0x${first.toString(16)}`);
}

function writeHeader(node: Exclude<TrieNode, { type: 'empty' }>): void {
  const isHashed = node.value?.type === 'hashed';
  const { length } = node.partial;
  if (node.type === 'leaf') return isHashed ? writer.size(HASHED_LEAF, 5, length) : writer.size(LEAF, 6, length);
  if (isHashed) return writer.size(HASHED_BRANCH, 4, length);
  return writer.size(node.value === undefined ? BRANCH : BRANCH_WITH_VALUE, 6, length);
}

function readSize(reader: Reader, first: number, sizeBits: number): number {
  const most = 2 ** sizeBits - 1;
  let size = first & most;
  if (size < most) return size;
  for (;;) {
    const next = reader.byte();
    size += next;
    if (size > MAX_PARTIAL_NIBBLES) throw new NodeError(`a partial key has at most ${MAX_PARTIAL_NIBBLES} nibbles`);
    if (next < 255) return size;
  }
}

/** Collects the bytes of one node after another in the same memory: what a block changes is hundreds of small nodes, and garbage would cost more than their hashes. */
class Writer {
  #bytes = new Uint8Array(2048);
  #length = 0;

  put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  prefixed(bytes: Uint8Array): void {
    if (bytes.length < 64) this.#byte(bytes.length << 2);
    else this.put(encodeCompact(bytes.length));
    this.put(bytes);
  }

  size(prefix: number, sizeBits: number, size: number): void {
    const most = 2 ** sizeBits - 1;
    this.#byte(prefix | Math.min(size, most));
    if (size < most) return;
    let rest = size - most;
    for (; rest >= 255; rest -= 255) this.#byte(255);
    this.#byte(rest);
  }

  partial(partial: Nibbles): void {
    const odd = partial.length % 2;
    if (odd === 1) this.#byte(nibbleAt(partial, 0));
    for (let index = odd; index < partial.length; index += 2) this.#byte((nibbleAt(partial, index) << 4) | nibbleAt(partial, index + 1));
  }

  bitmap(children: readonly (Uint8Array | undefined)[]): void {
    const bitmap = children.reduce((bits, child, index) => (child === undefined ? bits : bits | (1 << index)), 0);
    this.#byte(bitmap & 255);
    this.#byte(bitmap >> 8);
  }

  /** A copy of what was written; the next node begins. */
  finish(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #reserve(extra: number): void {
    if (this.#length + extra <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * (this.#length + extra));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

const writer = new Writer();

class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** A view, not a copy. */
  take(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new NodeError(`expected ${length} bytes at byte ${this.#offset}, got ${this.#bytes.length - this.#offset}`);
    const bytes = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  partial(nibbles: number): Nibbles {
    const hex = toHex(this.take(Math.ceil(nibbles / 2)));
    if (nibbles % 2 === 0) return hex;
    if (!hex.startsWith('0')) throw new NodeError('expected a partial key of odd length to begin with a nibble of zero');
    return hex.slice(1);
  }

  bitmap(): boolean[] {
    const [low, high] = this.take(2) as unknown as [number, number];
    const bits = low | (high << 8);
    if (bits === 0) throw new NodeError('expected a branch to have a child');
    return Array.from({ length: 16 }, (_, index) => ((bits >> index) & 1) === 1);
  }

  prefixed(): Uint8Array {
    return this.take(this.#compact());
  }

  child(): Uint8Array {
    const child = this.prefixed();
    if (child.length === 0 || child.length > HASH_BYTES) throw new NodeError(`expected a child of 1 to ${HASH_BYTES} bytes, got ${child.length}`);
    return child;
  }

  end(): void {
    if (this.#offset < this.#bytes.length) throw new NodeError(`expected the end of the node, got ${this.#bytes.length - this.#offset} more bytes`);
  }

  /** A compact u32 in its shortest form. */
  #compact(): number {
    const first = this.byte();
    const mode = first & 3;
    if (mode === 0) return first >> 2;
    const more = this.take(mode === 1 ? 1 : mode === 2 ? 3 : 4);
    const value = more.reduceRight((rest, byte) => rest * 256 + byte, 0);
    const length = mode === 3 ? value : value * 64 + (first >> 2);
    const least = mode === 1 ? 2 ** 6 : mode === 2 ? 2 ** 14 : 2 ** 30;
    if (length < least || (mode === 3 && first !== 3)) throw new NodeError('expected a compact length of a u32 in its shortest form');
    return length;
  }
}
