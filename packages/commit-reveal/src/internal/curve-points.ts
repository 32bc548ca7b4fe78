/**
 * Points of BLS12-381 from bytes that a stranger may have sent: compressed, canonical, in the subgroup of prime order, not infinity.
 * @module
 * @see https://www.ietf.org/archive/id/draft-irtf-cfrg-pairing-friendly-curves-11.html#name-zcash-serialization-format-
 */
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { equalBytes } from '../hex.ts';

/** Length of a compressed point of G1: signatures of drand's quicknet. */
export const G1_BYTES = 48;
/** Length of a compressed point of G2: keys of drand's quicknet. */
export const G2_BYTES = 96;

export type G1Point = InstanceType<typeof bls12_381.G1.Point>;
export type G2Point = InstanceType<typeof bls12_381.G2.Point>;

/** The point, or undefined where `bytes` are none. */
export function parseG1(bytes: Uint8Array): G1Point | undefined {
  return bytes.length === G1_BYTES ? parsePoint(() => bls12_381.G1.Point.fromBytes(bytes), bytes) : undefined;
}

/** The point, or undefined where `bytes` are none. */
export function parseG2(bytes: Uint8Array): G2Point | undefined {
  return bytes.length === G2_BYTES ? parsePoint(() => bls12_381.G2.Point.fromBytes(bytes), bytes) : undefined;
}

/**
 * The bytes of a point that is known to be in the subgroup and not infinity: as `toBytes`, which multiplies by the group's order first to find that out.
 * The two highest bits say that the point is compressed, and not infinity; the third that its y is the larger one.
 */
export function compressG1(point: G1Point): Uint8Array {
  const { Fp } = bls12_381.fields;
  const { x, y } = point.toAffine();
  const bytes = Fp.toBytes(x);
  bytes[0] = (bytes[0] as number) | COMPRESSED | (2n * y > Fp.ORDER ? LARGER_Y : 0);
  return bytes;
}

const [COMPRESSED, LARGER_Y] = [0x80, 0x20];

function parsePoint<P extends G1Point | G2Point>(decode: () => P, bytes: Uint8Array): P | undefined {
  try {
    const point = decode();
    // Throws for a point off the curve, outside the subgroup, or at infinity.
    point.assertValidity();
    // One point, one encoding: whatever a decoder may be lenient about is refused here.
    return !point.is0() && equalBytes(point.toBytes(true), bytes) ? point : undefined;
  } catch {
    // The library tells every refusal by a plain Error; the caller says what the bytes should have been.
    return undefined;
  }
}
