/**
 * The tree of RFC 6962 over 32-byte leaves: neighbours are paired level by level, a last node without a partner moves up unchanged.
 * @module
 * @see https://www.rfc-editor.org/rfc/rfc6962#section-2.1
 */
import { equalBytes } from '../hex.ts';

/** Where a leaf stands, of how many, and the partners from the bottom up. */
export interface MerkleProof {
  readonly index: number;
  readonly count: number;
  readonly siblings: readonly Uint8Array[];
}

/** How one use of the tree keeps its nodes and roots apart from others'. */
export interface MerkleRules {
  readonly hashNode: (left: Uint8Array, right: Uint8Array) => Uint8Array;
  /** Binds the number of leaves, which fixes the shape. */
  readonly hashRoot: (count: number, top: Uint8Array) => Uint8Array;
}

/** The root; of at least one leaf. */
export function merkleRoot(rules: MerkleRules, leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves;
  while (level.length > 1) level = nextLevel(rules, level);
  return rules.hashRoot(leaves.length, level[0] as Uint8Array);
}

export function proveMerkleLeaf(rules: MerkleRules, leaves: readonly Uint8Array[], index: number): MerkleProof {
  const siblings: Uint8Array[] = [];
  let position = index;
  for (let level = leaves; level.length > 1; level = nextLevel(rules, level)) {
    const sibling = level[position ^ 1];
    if (sibling !== undefined) siblings.push(sibling);
    position >>>= 1;
  }
  return { index, count: leaves.length, siblings };
}

/** Malformed proofs (index outside the tree, too few or too many siblings, or no hashes) are false, never an exception. */
export function verifyMerkleProof(rules: MerkleRules, { root, leaf, proof }: { readonly root: Uint8Array; readonly leaf: Uint8Array; readonly proof: MerkleProof }): boolean {
  if (typeof proof !== 'object' || proof === null || !Array.isArray(proof.siblings)) return false;
  const { index, count, siblings } = proof;
  if (!isHash(leaf) || !Number.isSafeInteger(count) || !Number.isSafeInteger(index)) return false;
  if (index < 0 || index >= count) return false;
  let hash = leaf;
  let used = 0;
  for (let position = index, width = count; width > 1; position = Math.floor(position / 2), width = Math.ceil(width / 2)) {
    if (position === width - 1 && position % 2 === 0) continue;
    const sibling = siblings[used++];
    if (!isHash(sibling)) return false;
    hash = position % 2 === 0 ? rules.hashNode(hash, sibling) : rules.hashNode(sibling, hash);
  }
  return used === siblings.length && equalBytes(rules.hashRoot(count, hash), root);
}

function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 32;
}

function nextLevel({ hashNode }: MerkleRules, level: readonly Uint8Array[]): Uint8Array[] {
  const next: Uint8Array[] = [];
  for (let i = 0; i < level.length; i += 2) {
    const left = level[i] as Uint8Array;
    const right = level[i + 1];
    next.push(right === undefined ? left : hashNode(left, right));
  }
  return next;
}
