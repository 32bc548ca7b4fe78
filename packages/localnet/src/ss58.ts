/**
 * Addresses in SS58: base58 of `prefix ‖ public key:32 ‖ checksum:2`, where the checksum begins `BLAKE2b-512("SS58PRE" ‖ prefix ‖ public key)`. The prefix is one byte
 * below 64, else two.
 * @module
 * @see https://docs.polkadot.com/polkadot-protocol/parachain-basics/accounts/#address-encoding
 */
import { base58 } from '@scure/base';
import { concatBytes, parseHex } from './hex.ts';
import { blake2b } from './substrate-crypto.ts';

/** Prefix of Bittensor's addresses, and of any chain that says nothing else. */
const PREFIX = 42;
const ACCOUNT_BYTES = 32;
const CHECKSUM_BYTES = 2;
const MAX_LENGTH = 70;
const DOMAIN = new TextEncoder().encode('SS58PRE');

/** The address (prefix 42) of an account of 32 bytes. */
export function encodeAddress(account: Uint8Array): string {
  const body = concatBytes(Uint8Array.of(PREFIX), account);
  return base58.encode(concatBytes(body, checksumOf(body)));
}

/** The account of an address of any prefix, or of `0x` and 64 digits; `undefined` for anything else. */
export function decodeAddress(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined;
  const bytes = parseHex(text) ?? decodeSs58(text);
  return bytes?.length === ACCOUNT_BYTES ? bytes : undefined;
}

function decodeSs58(text: string): Uint8Array | undefined {
  if (!/^[1-9A-HJ-NP-Za-km-z]+$/.test(text)) return undefined;
  const bytes = base58.decode(text);
  const [first = 0] = bytes;
  const prefixBytes = first < 64 ? 1 : 2;
  if (first >= 128 || bytes.length !== prefixBytes + ACCOUNT_BYTES + CHECKSUM_BYTES) return undefined;
  const [body, checksum] = [bytes.subarray(0, -CHECKSUM_BYTES), bytes.subarray(-CHECKSUM_BYTES)];
  return Buffer.compare(checksumOf(body), checksum) === 0 ? body.slice(prefixBytes) : undefined;
}

function checksumOf(body: Uint8Array): Uint8Array {
  return blake2b(concatBytes(DOMAIN, body), 64).subarray(0, CHECKSUM_BYTES);
}
