/**
 * Timelock encryption as Subtensor does it: what anybody can open once a beacon has signed a round, and nobody before.
 *
 * Identity-based encryption (Boneh and Franklin's FullIdent) for the identity "round r" hides an AES-256 key; AES-256-GCM hides the text.
 * The bytes are those of Ideal Labs' Rust crate `tle` at revision 5416406, which the runtime pins and which the chain opens itself
 * (timelocked weights, `Data::TimelockEncrypted`):
 *
 * ```
 * U:96 ‖ 32:u64 ‖ V:32 ‖ 32:u64 ‖ W:32 ‖ len(body):u64 ‖ body ‖ 8:u64 ‖ "AES_GCM_"
 * body = len(c):u64 ‖ c ‖ 12:u64 ‖ nonce:12            c = AES-256-GCM(esk, nonce, plaintext), tag last, no associated data
 *
 * Q = hash_to_G1(SHA-256(round as u64 big-endian))      r = SHA-256(sigma ‖ esk), big-endian, mod the group's order
 * U = r·G2      V = sigma ⊕ SHA-256(gt(e(Q, r·key)))    W = esk ⊕ SHA-256(sigma)
 * ```
 *
 * All lengths are little-endian and follow from the whole length, which is the plaintext's plus {@link TIMELOCK_OVERHEAD_BYTES}. `gt` writes the
 * twelve coefficients of a target-group element from the lowest on, 48 bytes little-endian each. The round is not inside.
 * @module
 * @see https://github.com/opentensor/subtensor/blob/14bc6f9f9/pallets/subtensor/src/coinbase/reveal_commits.rs where the chain opens them
 * @see https://crypto.stanford.edu/~dabo/papers/bfibe.pdf section 4.2
 */
import { gcm } from '@noble/ciphers/aes.js';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { randomBytes as systemRandomBytes } from '@noble/hashes/utils.js';
import { parseBeaconKey, roundPoint } from './beacon.ts';
import { CommitRevealError } from './errors.ts';
import { equalBytes } from './hex.ts';
import { assertBytes, assertLength, bigEndian, concatBytes, readBigU64, readU64, u64 } from './internal/bytes.ts';
import { G1_BYTES, G2_BYTES, parseG1, parseG2, type G1Point, type G2Point } from './internal/curve-points.ts';
import { compactLength, createScaleReader } from './internal/scale.ts';
import { sha256 } from './sha256.ts';

/** What a ciphertext is longer than its plaintext. */
export const TIMELOCK_OVERHEAD_BYTES = 244;

const SUITE = new TextEncoder().encode('AES_GCM_');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const V_AT = G2_BYTES + 8;
const W_AT = V_AT + 32 + 8;
const BODY_AT = W_AT + 32 + 8;
const { Fr, Fp } = bls12_381.fields;

/** Options of {@link encryptTimelock}. */
export interface EncryptTimelockOptions {
  /** The beacon's key: compressed point of G2, 96 bytes (`QUICKNET.publicKey` on Subtensor's networks). */
  readonly publicKey: Uint8Array;
  /** The beacon's round whose signature will open it; from 1 on. */
  readonly round: number;
  readonly plaintext: Uint8Array;
  /** Gives that many secret random bytes (default: the platform's `crypto.getRandomValues`). */
  readonly randomBytes?: (sizeBytes: number) => Uint8Array;
}

/**
 * Encrypts so that the beacon's signature of `round` opens it, and nothing else does.
 *
 * @returns `plaintext.length + TIMELOCK_OVERHEAD_BYTES` bytes
 * @throws bad-length, bad-beacon (a public key that is no point of G2), out-of-range (round)
 * @example
 * const sealed = encryptTimelock({ publicKey: QUICKNET.publicKey, round: 40_000_000, plaintext });
 */
export function encryptTimelock(options: EncryptTimelockOptions): Uint8Array {
  const { round, plaintext, randomBytes = systemRandomBytes } = options;
  const publicKey = parseBeaconKey(options.publicKey);
  assertBytes('plaintext', plaintext);
  const esk = assertLength('randomBytes(32)', randomBytes(32), 32);
  const sigma = assertLength('randomBytes(32)', randomBytes(32), 32);
  const nonce = assertLength('randomBytes(12)', randomBytes(NONCE_BYTES), NONCE_BYTES);
  const r = deriveExponent(sigma, esk);
  const mask = hashPairing(roundPoint(round), publicKey.multiply(r));
  const encrypted = gcm(esk, nonce).encrypt(plaintext);
  return concatBytes(
    bls12_381.G2.Point.BASE.multiply(r).toBytes(true),
    withLength(xor(sigma, mask)),
    withLength(xor(esk, sha256(sigma))),
    withLength(concatBytes(withLength(encrypted), withLength(nonce))),
    withLength(SUITE),
  );
}

/**
 * Opens a ciphertext with the beacon's signature of its round.
 *
 * Every byte is accounted for: a ciphertext that differs in one bit from what was sealed, is longer or shorter, is refused.
 * @param signature - compressed point of G1, 48 bytes; the caller has checked it, or learns here that it opens nothing
 * @throws timelock-layout when lengths or the suffix are not those of the format, or bytes trail
 * @throws timelock-point when U is no point of G2
 * @throws bad-length, bad-signature when `signature` is no point of G1
 * @throws timelock-mismatch when the signature does not open it: another round's, another beacon's, or the head was altered
 * @throws timelock-altered when the body was altered
 */
export function decryptTimelock(ciphertext: Uint8Array, signature: Uint8Array): Uint8Array {
  const parts = splitCiphertext(ciphertext);
  const point = parseSignature(signature);
  const u = parseG2(parts.u);
  if (u === undefined) {
    throw new CommitRevealError('timelock-point', 'expected a timelock ciphertext to begin with a compressed point of G2 (96 bytes, not infinity); these bytes are none', { field: 'U' });
  }
  const sigma = xor(parts.v, hashPairing(point, u));
  const esk = xor(parts.w, sha256(sigma));
  if (!equalBytes(bls12_381.G2.Point.BASE.multiply(deriveExponent(sigma, esk)).toBytes(true), parts.u)) {
    throw new CommitRevealError('timelock-mismatch', 'the signature does not open this ciphertext: it is of another round or another beacon, or the ciphertext was altered');
  }
  try {
    return gcm(esk, parts.nonce).decrypt(parts.encrypted);
  } catch (cause) {
    throw new CommitRevealError('timelock-altered', 'the signature fits, but the encrypted text was altered (its AES-GCM tag is wrong)', {}, cause);
  }
}

/** A ciphertext with the round that opens it. */
export interface PortableTimelock {
  readonly ciphertext: Uint8Array;
  readonly round: number;
}

/**
 * Ciphertext and round in one, as Bittensor's Python SDK passes them around (`bittensor.timelock`): SCALE of `(ciphertext:Vec<u8>, round:u64)`.
 * @throws out-of-range
 */
export function encodePortableTimelock({ ciphertext, round }: PortableTimelock): Uint8Array {
  return concatBytes(compactLength('ciphertext length', ciphertext.length), ciphertext, u64('round', round));
}

/**
 * Reads what {@link encodePortableTimelock} writes, or undefined where the bytes are something else. A ciphertext alone is never mistaken for
 * this form: it ends with "AES_GCM_", which as a round would be due in 600 billion years.
 * @throws out-of-range (a round above 2^53 - 1), bad-length (no bytes)
 */
export function decodePortableTimelock(bytes: Uint8Array): PortableTimelock | undefined {
  if (equalBytes(assertBytes('the ciphertext', bytes).subarray(-SUITE.length), SUITE)) return undefined;
  const reader = createScaleReader(bytes);
  const ciphertext = reader.bytes(reader.length() ?? Infinity);
  const round = reader.bytes(8);
  return ciphertext && round && reader.done ? { ciphertext, round: readU64('round', round, 0) } : undefined;
}

interface CiphertextParts {
  readonly u: Uint8Array;
  readonly v: Uint8Array;
  readonly w: Uint8Array;
  /** Encrypted text with its tag. */
  readonly encrypted: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Views of the parts. Each length field has the one value that the whole length allows, so none can lie. */
function splitCiphertext(bytes: Uint8Array): CiphertextParts {
  const textBytes = assertBytes('the ciphertext', bytes).length - TIMELOCK_OVERHEAD_BYTES;
  if (textBytes < 0) throw wrongLayout('length', `at least ${TIMELOCK_OVERHEAD_BYTES} bytes`, bytes.length);
  const encryptedAt = BODY_AT + 8;
  const nonceAt = encryptedAt + textBytes + TAG_BYTES + 8;
  const suiteAt = nonceAt + NONCE_BYTES + 8;
  assertLengthField(bytes, V_AT, { field: 'length of V', expected: 32 });
  assertLengthField(bytes, W_AT, { field: 'length of W', expected: 32 });
  assertLengthField(bytes, BODY_AT, { field: 'length of the body', expected: suiteAt - 8 - BODY_AT });
  assertLengthField(bytes, encryptedAt, { field: 'length of the encrypted text', expected: textBytes + TAG_BYTES });
  assertLengthField(bytes, nonceAt, { field: 'length of the nonce', expected: NONCE_BYTES });
  assertLengthField(bytes, suiteAt, { field: 'length of the cipher suite', expected: SUITE.length });
  if (!equalBytes(bytes.subarray(suiteAt), SUITE)) throw wrongLayout('cipher suite', '"AES_GCM_" as the last 8 bytes', 'other bytes');
  return {
    u: bytes.subarray(0, G2_BYTES),
    v: bytes.subarray(V_AT, V_AT + 32),
    w: bytes.subarray(W_AT, W_AT + 32),
    encrypted: bytes.subarray(encryptedAt, nonceAt - 8),
    nonce: bytes.subarray(nonceAt, nonceAt + NONCE_BYTES),
  };
}

/** Checks the u64 that stands before `at`. */
function assertLengthField(bytes: Uint8Array, at: number, what: { readonly field: string; readonly expected: number }): void {
  const actual = readBigU64(bytes, at - 8);
  if (actual !== BigInt(what.expected)) throw wrongLayout(what.field, what.expected, String(actual));
}

function wrongLayout(field: string, expected: string | number, actual: string | number): CommitRevealError {
  const message = `expected a timelock ciphertext with ${field} = ${expected}, got ${actual}; was it cut, or made by another library than Subtensor's?`;
  return new CommitRevealError('timelock-layout', message, { field, expected, actual });
}

function parseSignature(signature: Uint8Array): G1Point {
  const point = parseG1(assertLength('signature', signature, G1_BYTES));
  if (point !== undefined) return point;
  throw new CommitRevealError('bad-signature', 'expected a compressed point of G1 as the signature of a round; these 48 bytes are none', { field: 'signature' });
}

function deriveExponent(sigma: Uint8Array, esk: Uint8Array): bigint {
  return Fr.create(bigEndian(sha256(sigma, esk)));
}

/** SHA-256 of e(p, q), serialised as arkworks does. */
function hashPairing(p: G1Point, q: G2Point): Uint8Array {
  const { c0, c1 } = bls12_381.pairing(p, q);
  const coefficients = [c0, c1].flatMap((fp6) => [fp6.c0, fp6.c1, fp6.c2]).flatMap((fp2) => [fp2.c0, fp2.c1]);
  return sha256(...coefficients.map((coefficient) => Fp.toBytes(coefficient).toReversed()));
}

function withLength(bytes: Uint8Array): Uint8Array {
  return concatBytes(u64('length', bytes.length), bytes);
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}
