/**
 * sr25519 keys of secret URIs: `phrase or 0x seed`, then `/soft` and `//hard` junctions, then `///password`. Without a phrase it is Substrate's development phrase.
 *
 * A junction's chain code is its number (u64) as 32 bytes, little-endian, or its SCALE text; of more than 32 bytes, their BLAKE2b-256.
 * @module
 * @see sp-core's `crypto.rs` (`SecretUri`, `DeriveJunction`)
 */
import { blake2, fromHex, parseHex } from './hex.ts';
import { ScaleWriter } from './scale/bytes.ts';
import { deriveSr25519, seedOfPhrase, sr25519Pair, sr25519PublicKey, type Sr25519Pair } from './substrate-crypto.ts';

/** sp-core's `DEV_PHRASE`. */
const DEVELOPMENT_PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
/** Its seed, which takes as long to make from the words as a block does. */
const DEVELOPMENT_SEED = fromHex('fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e');
const SYNTAX = /^(?<secret>0x[0-9a-fA-F]+|[\p{L}\d]+(?: [\p{L}\d]+)*)?(?<path>(?:\/\/?[^/]+)*)(?:\/\/\/(?<password>.*))?$/u;
const SEED_BYTES = 32;
const CHAIN_CODE_BYTES = 32;

/** The public key of a secret URI; `undefined` where the text is none. */
export function publicKeyOfUri(uri: string): Uint8Array | undefined {
  const { secret, path = '', password } = SYNTAX.exec(uri.normalize('NFC'))?.groups ?? {};
  if ((secret ?? password ?? path) === '') return undefined;
  const seed = seedOf(secret, password);
  if (seed?.length !== SEED_BYTES) return undefined;
  return sr25519PublicKey((path.match(/\/\/?[^/]+/g) ?? []).reduce(derive, sr25519Pair(seed)));
}

function seedOf(secret: string | undefined, password = ''): Uint8Array | undefined {
  if (secret === undefined && password === '') return DEVELOPMENT_SEED;
  return secret?.startsWith('0x') === true ? parseHex(secret) : seedOfPhrase(secret ?? DEVELOPMENT_PHRASE, password);
}

function derive(pair: Sr25519Pair, junction: string): Sr25519Pair {
  const kind = junction.startsWith('//') ? 'hard' : 'soft';
  return deriveSr25519(pair, chainCodeOf(junction.slice(kind === 'hard' ? 2 : 1)), kind);
}

function chainCodeOf(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  const isNumber = /^\d+$/.test(name) && BigInt(name) < 2n ** 64n;
  const code = isNumber ? new ScaleWriter().bigUint(BigInt(name), 8).finish() : new ScaleWriter().compact(text.length).put(text).finish();
  const chainCode = new Uint8Array(CHAIN_CODE_BYTES);
  chainCode.set(code.length > CHAIN_CODE_BYTES ? blake2(code) : code);
  return chainCode;
}
