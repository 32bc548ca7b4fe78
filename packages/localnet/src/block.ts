/**
 * Blocks: headers and how they hash, and the record of a block that is kept.
 * @module
 */
import { orderedTrieRoot } from '@connito/chain/trie';
import { blake2, fromHex, toHex } from './hex.ts';
import { ScaleWriter } from './scale/bytes.ts';

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

/** A header as SCALE. */
export function encodeHeader({ parentHash, number, stateRoot, extrinsicsRoot }: Header): Uint8Array {
  const writer = new ScaleWriter().put(fromHex(parentHash)).compact(number);
  return writer.put(fromHex(stateRoot)).put(fromHex(extrinsicsRoot)).compact(0).finish();
}

/** BLAKE2b of the SCALE-encoded header, as every client computes it. Hex. */
export function hashHeader(header: Header): string {
  return toHex(blake2(encodeHeader(header)));
}

/**
 * The root of the ordered trie of the encoded extrinsics.
 *
 * State version 0, as everywhere where `system_version` is below 2.
 * @see sp-version's `RuntimeVersion::extrinsics_root_state_version`
 */
export function extrinsicsRootOf(extrinsics: readonly Uint8Array[]): string {
  return toHex(orderedTrieRoot(extrinsics, 0));
}
