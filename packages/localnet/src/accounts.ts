/**
 * Accounts by what people write: ss58 addresses, and secret URIs such as `//Alice`.
 * @module
 */
import { decodeAddress, encodeAddress, keyExtractSuri, keyFromPath, mnemonicToMiniSecret, mnemonicValidate, sr25519PairFromSeed } from '@polkadot/util-crypto';
import { fromHex, parseHex, toHex } from './hex.ts';

/** The phrase of Substrate's development accounts (`sp_core::crypto::DEV_PHRASE`). */
const DEVELOPMENT_PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';

/** Development accounts that have funds in genesis. */
export const DEVELOPMENT_ACCOUNTS: readonly string[] = ['//Alice', '//Bob', '//Charlie', '//Dave', '//Eve', '//Ferdie'];

/** The sr25519 account (hex) of a secret URI: `//path`, or a mnemonic or a seed of 32 bytes as `0x…` with or without a path; `undefined` for anything else. */
export function accountOfUri(uri: string): string | undefined {
  try {
    const { phrase, path } = keyExtractSuri(uri.startsWith('//') || uri.startsWith('/') ? `${DEVELOPMENT_PHRASE}${uri}` : uri);
    const seed = parseHex(phrase) ?? (mnemonicValidate(phrase) ? mnemonicToMiniSecret(phrase) : undefined);
    return seed?.length === 32 ? toHex(keyFromPath(sr25519PairFromSeed(seed), path, 'sr25519').publicKey) : undefined;
  } catch {
    // Not a URI.
    return undefined;
  }
}

/** The account (hex) of an ss58 address; `undefined` for anything else. */
export function accountOfAddress(address: string): string | undefined {
  try {
    const bytes = decodeAddress(address);
    return bytes.length === 32 ? toHex(bytes) : undefined;
  } catch {
    // Not an address.
    return undefined;
  }
}

/** The ss58 address (prefix 42) of an account (hex). */
export function addressOf(account: string): string {
  return encodeAddress(fromHex(account), 42);
}
