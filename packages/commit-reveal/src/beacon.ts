/**
 * drand beacons of the quicknet scheme: unchained, signatures in G1, keys in G2, one round per period.
 *
 * The message of round r is `SHA-256(r as u64, big-endian)`; its signature is BLS over BLS12-381 with the domain tag
 * `BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_`; the randomness is `SHA-256(signature)`. Round 1 is stamped with the genesis time.
 *
 * Rounds are plain numbers: at one round per second a JavaScript integer lasts 285 million years.
 * @module
 * @see https://docs.drand.love/docs/cryptography/
 * @see `drand_schemes.rs` of Ideal Labs' `timelock`, revision 5416406, which Subtensor pins
 */
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { CommitRevealError } from './errors.ts';
import { equalBytes, fromHex } from './hex.ts';
import { assertLength, bigEndian, concatBytes } from './internal/bytes.ts';
import { compressG1, G1_BYTES, G2_BYTES, parseG1, parseG2, type G1Point, type G2Point } from './internal/curve-points.ts';
import { sha256 } from './sha256.ts';

/** Domain separation tag of drand's G1 signatures (RFC 9380 hash to curve). */
export const DRAND_DST = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';

const KEY_DOMAIN = new TextEncoder().encode('connito/beacon-key/v1');
const SCHEME = bls12_381.shortSignatures;
const ORDER = bls12_381.fields.Fr.ORDER;

/** What is to be known of a beacon in order to tell its times and check its signatures. */
export interface Beacon {
  /** Compressed point of G2, 96 bytes. */
  readonly publicKey: Uint8Array;
  /** When round 1 is due, in Unix milliseconds. */
  readonly genesisTimeMs: number;
  readonly periodMs: number;
}

/** The signature of one round. */
export interface Pulse {
  readonly round: number;
  /** Compressed point of G1, 48 bytes. */
  readonly signature: Uint8Array;
  /** SHA-256 of the signature; checked where it is given. */
  readonly randomness?: Uint8Array;
}

/**
 * drand quicknet, which Subtensor's `Drand` pallet follows.
 * @see https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/info
 */
export const QUICKNET: Beacon & { readonly chainHash: string } = Object.freeze({
  chainHash: '52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971',
  publicKey: fromHex(
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  ),
  genesisTimeMs: 1_692_803_367_000,
  periodMs: 3_000,
});

/**
 * The first round that is due at or after `timeMs` (round 1 for all times before the genesis).
 * @throws out-of-range, bad-beacon
 */
export function firstRoundAt(beacon: Beacon, timeMs: number): number {
  assertBeaconTimes(beacon);
  assertTime(timeMs);
  return Math.max(1, Math.ceil((timeMs - beacon.genesisTimeMs) / beacon.periodMs) + 1);
}

/**
 * The last round that is due at or before `timeMs`; 0 before the genesis.
 * @throws out-of-range, bad-beacon
 */
export function lastRoundAt(beacon: Beacon, timeMs: number): number {
  assertBeaconTimes(beacon);
  assertTime(timeMs);
  return Math.max(0, Math.floor((timeMs - beacon.genesisTimeMs) / beacon.periodMs) + 1);
}

/** When `round` is due, in Unix milliseconds. @throws out-of-range, bad-beacon */
export function roundTimeMs(beacon: Beacon, round: number): number {
  assertBeaconTimes(beacon);
  assertRound(round);
  return beacon.genesisTimeMs + (round - 1) * beacon.periodMs;
}

/**
 * Whether the pulse's signature is the beacon's for its round (and its randomness, if given, that of the signature).
 * A signature that is no point of the group is false, not an exception.
 * @throws out-of-range (round), bad-beacon (a public key that is no point of G2)
 */
export function verifyPulse(beacon: Pick<Beacon, 'publicKey'>, pulse: Pulse): boolean {
  const message = roundPoint(pulse.round);
  const publicKey = parseBeaconKey(beacon.publicKey);
  const signature = parseG1(pulse.signature);
  if (signature === undefined) return false;
  if (pulse.randomness !== undefined && !equalBytes(pulse.randomness, pulseRandomness(pulse.signature))) return false;
  return SCHEME.verify(signature, message, publicKey);
}

/** Whether bytes can be a signature at all, of whatever round and key: a compressed point of G1 in the subgroup, other than infinity. */
export function isPulseSignature(signature: Uint8Array): boolean {
  return parseG1(signature) !== undefined;
}

/** A pulse's randomness: SHA-256 of its 48-byte signature. @throws bad-length */
export function pulseRandomness(signature: Uint8Array): Uint8Array {
  return sha256(assertLength('signature', signature, G1_BYTES));
}

/**
 * Signs a round, as a beacon of one node does (localnet).
 * @param secretKey - 32 bytes, big-endian, from 1 to below the group's order; see {@link deriveBeaconKey}
 * @returns 48 bytes, compressed G1
 * @throws bad-length, out-of-range
 */
export function signRound(secretKey: Uint8Array, round: number): Uint8Array {
  const secret = bigEndian(assertLength('secretKey', secretKey, 32));
  if (secret === 0n || secret >= ORDER) throw new CommitRevealError('out-of-range', "expected a beacon's secret key to be from 1 to below the group's order", { field: 'secretKey' });
  // Hashed points and their multiples are in the subgroup: `SCHEME.sign` and `toBytes` would check it again, a quarter of the time.
  return compressG1(roundPoint(round).multiply(bls12_381.fields.Fr.fromBytes(secretKey)));
}

/** What {@link deriveBeaconKey} gives. */
export interface BeaconKey {
  /** 32 bytes, big-endian. */
  readonly secretKey: Uint8Array;
  /** 96 bytes, compressed G2. */
  readonly publicKey: Uint8Array;
}

/**
 * A beacon's key pair from a seed of any length: `SHA-512("connito/beacon-key/v1" ‖ seed)`, big-endian, mod (r − 1), plus 1.
 * For development chains: whoever knows the seed can foretell every round.
 */
export function deriveBeaconKey(seed: Uint8Array): BeaconKey {
  const digest = sha512(concatBytes(KEY_DOMAIN, seed));
  const secret = (bigEndian(digest) % (ORDER - 1n)) + 1n;
  const secretKey = bls12_381.fields.Fr.toBytes(secret);
  return { secretKey, publicKey: plainGenerator().multiply(secret).toBytes() };
}

/** G2's generator without the table of multiples that noble makes for its own: one key takes 40 ms instead of 150, and signing needs none. */
function plainGenerator(): G2Point {
  return bls12_381.G2.Point.fromAffine(bls12_381.G2.Point.BASE.toAffine());
}

/** The bytes that a beacon signs for `round`: SHA-256 of its 8 bytes, big-endian. @throws out-of-range */
export function roundMessage(round: number): Uint8Array {
  assertRound(round);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(round), false);
  return sha256(bytes);
}

/** The point of G1 that a beacon multiplies by its key to sign `round`: the identity of the round. @throws out-of-range */
export function roundPoint(round: number): G1Point {
  return SCHEME.hash(roundMessage(round), DRAND_DST);
}

/** A beacon's public key as a point. @throws bad-length, bad-beacon */
export function parseBeaconKey(publicKey: Uint8Array): G2Point {
  const point = parseG2(assertLength('publicKey', publicKey, G2_BYTES));
  if (point !== undefined) return point;
  throw new CommitRevealError('bad-beacon', 'expected the public key of a beacon to be a compressed point of G2 other than infinity; these 96 bytes are none', {
    field: 'publicKey',
  });
}

function assertBeaconTimes(beacon: Beacon): void {
  const { genesisTimeMs, periodMs } = beacon;
  if (Number.isSafeInteger(genesisTimeMs) && genesisTimeMs >= 0 && Number.isSafeInteger(periodMs) && periodMs > 0) return;
  throw new CommitRevealError('bad-beacon', `expected a genesis time and a period in whole milliseconds, got ${genesisTimeMs} and ${periodMs}`, {
    field: 'periodMs',
    actual: String(periodMs),
  });
}

function assertTime(timeMs: number): void {
  if (Number.isFinite(timeMs)) return;
  throw new CommitRevealError('out-of-range', `expected a time in Unix milliseconds, got ${timeMs}`, { field: 'timeMs', actual: String(timeMs) });
}

function assertRound(round: number): void {
  if (Number.isSafeInteger(round) && round >= 1) return;
  throw new CommitRevealError('out-of-range', `expected a round from 1 on, got ${String(round)}`, { field: 'round', expected: '>= 1', actual: String(round) });
}
