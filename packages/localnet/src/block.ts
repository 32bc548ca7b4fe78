/**
 * Blocks: headers and how they hash, and the record of a block that is kept.
 * @module
 */
import { blake2, fromHex, toHex } from './hex.ts';
import { ScaleWriter } from './scale/bytes.ts';
import type { StateChanges } from './state.ts';

/** A block header; hashes are hex. The digest is empty. */
export interface Header {
  readonly parentHash: string;
  readonly number: number;
  readonly stateRoot: string;
  readonly extrinsicsRoot: string;
}

/** A finished block. */
export interface Block {
  readonly hash: string;
  readonly header: Header;
  /** Encoded, with their length prefixes. */
  readonly extrinsics: readonly Uint8Array[];
  readonly timestampMs: number;
}

/** BLAKE2b of the SCALE-encoded header, as every client computes it. Hex. */
export function hashHeader({ parentHash, number, stateRoot, extrinsicsRoot }: Header): string {
  const writer = new ScaleWriter().put(fromHex(parentHash)).compact(number);
  return toHex(blake2(writer.put(fromHex(stateRoot)).put(fromHex(extrinsicsRoot)).compact(0).finish()));
}

/** BLAKE2b over the encoded extrinsics: a commitment to them, not the root of an ordered trie. */
export function extrinsicsRootOf(extrinsics: readonly Uint8Array[]): string {
  const writer = new ScaleWriter().compact(extrinsics.length);
  for (const extrinsic of extrinsics) writer.put(extrinsic);
  return toHex(blake2(writer.finish()));
}

/** BLAKE2b over the parent's root and the block's changes in key order: a commitment to the state, not the root of a trie. */
export function stateRootOf(parentRoot: string, changes: StateChanges): string {
  const writer = new ScaleWriter().put(fromHex(parentRoot)).compact(changes.size);
  for (const [key, value] of changes) {
    const bytes = fromHex(key);
    writer.compact(bytes.length).put(bytes).uint(value === undefined ? 0 : 1, 1);
    if (value !== undefined) writer.compact(value.length).put(value);
  }
  return toHex(blake2(writer.finish()));
}
