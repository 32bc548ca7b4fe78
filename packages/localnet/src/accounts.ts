/**
 * Accounts by what people write: ss58 addresses, and secret URIs such as `//Alice`.
 * @module
 */
import { fromHex, toHex } from './hex.ts';
import { publicKeyOfUri } from './secret-uri.ts';
import { decodeAddress, encodeAddress } from './ss58.ts';

/** Development accounts that have funds in genesis. */
export const DEVELOPMENT_ACCOUNTS: readonly string[] = ['//Alice', '//Bob', '//Charlie', '//Dave', '//Eve', '//Ferdie'];

/** The sr25519 account (hex) of a secret URI: `//path`, or a mnemonic or a seed of 32 bytes as `0x…` with or without a path; `undefined` for anything else. */
export function accountOfUri(uri: string): string | undefined {
  const publicKey = publicKeyOfUri(uri);
  return publicKey === undefined ? undefined : toHex(publicKey);
}

/** The account (hex) of an ss58 address, or of `0x` and 64 digits; `undefined` for anything else. */
export function accountOfAddress(address: unknown): string | undefined {
  const bytes = decodeAddress(address);
  return bytes === undefined ? undefined : toHex(bytes);
}

/** The ss58 address (prefix 42) of an account (hex). */
export function addressOf(account: string): string {
  return encodeAddress(fromHex(account));
}
