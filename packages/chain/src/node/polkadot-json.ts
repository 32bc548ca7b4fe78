/**
 * The encrypted JSON in which polkadot-js and its browser extension export a key.
 * @module
 */
import { jsonDecrypt } from '@polkadot/util-crypto';
import { ChainError } from '../errors.ts';
import type { KeyScheme } from '../keypair.ts';
import { keepSecret, privateKeyOf, secretFromPrivateKey, type KeySecret } from './key-secret.ts';

type EncryptedJson = Parameters<typeof jsonDecrypt>[0];

/** PKCS#8 as polkadot-js writes it: header, secret key (64 bytes), divider, public key (32). */
const PKCS8 = { header: 16, secretKey: 64, divider: 5, publicKey: 32 } as const;

/**
 * Opens such an export.
 * @throws bad-keyfile no export of an sr25519 or ed25519 key
 * @throws wrong-password
 */
export function secretFromJson(text: string, password: string): KeySecret {
  const { json, scheme } = parseExport(text);
  let encoded: Uint8Array;
  try {
    encoded = jsonDecrypt(json, password);
  } catch {
    throw new ChainError('wrong-password', 'the password does not open this JSON export (a damaged one looks the same)');
  }
  const total = PKCS8.header + PKCS8.secretKey + PKCS8.divider + PKCS8.publicKey;
  if (encoded.length !== total) throw notAnExport();
  const secretKey = encoded.slice(PKCS8.header, PKCS8.header + PKCS8.secretKey);
  const publicKey = encoded.slice(total - PKCS8.publicKey);
  const checked = secretFromPrivateKey(privateKeyOf({ scheme, publicKey, secretKey }), scheme);
  if (!checked.publicKey.every((byte, index) => byte === publicKey[index])) throw notAnExport();
  return keepSecret({ scheme, publicKey, secretKey, seed: checked.seed });
}

function parseExport(text: string): { readonly json: EncryptedJson; readonly scheme: KeyScheme } {
  try {
    const json = JSON.parse(text) as EncryptedJson;
    const scheme = Array.isArray(json.encoding.content) ? json.encoding.content[1] : undefined;
    const isEncrypted = typeof json.encoded === 'string' && Array.isArray(json.encoding.type) && json.encoding.type.includes('xsalsa20-poly1305');
    if (isEncrypted && (scheme === 'sr25519' || scheme === 'ed25519')) return { json, scheme };
  } catch {
    // Said below, without quoting what was read.
  }
  throw notAnExport();
}

function notAnExport(): ChainError {
  return new ChainError('bad-keyfile', 'expected an encrypted JSON export of an sr25519 or ed25519 key, version 3, as polkadot-js and its extension write it; this is none');
}
