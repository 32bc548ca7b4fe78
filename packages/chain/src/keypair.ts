/**
 * Signing keys: sr25519, as btcli makes them.
 * @module
 */
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { keyExtractSuri, mnemonicGenerate, mnemonicValidate, signatureVerify } from '@polkadot/util-crypto';
import { ChainError } from './errors.ts';
import { hotkeyFromBytes, hotkeyToBytes, SS58_PREFIX, type Hotkey } from './identifier.ts';

/** How a key signs. Bittensor's keys are sr25519 unless somebody asked for another; hotkeys must be. */
export type KeyScheme = 'sr25519' | 'ed25519';

/** A key that can sign. Holds a secret: it shows only its address when printed or turned into JSON. */
export interface Keypair {
  /** ss58 address, prefix 42. */
  readonly hotkey: Hotkey;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** polkadot-js' pair, which signs extrinsics. Not enumerable. */
  readonly pair: KeyringPair;
  /** Signature of `message`, 64 bytes; of an sr25519 key, which is what ours are, not deterministic. */
  sign(message: Uint8Array): Uint8Array;
}

/**
 * Opens a key from a secret URI: `//Alice`, a mnemonic of 12 to 24 words (with derivation and `///password` if need be), or a seed of
 * 32 bytes as `0x…`.
 * @throws bad-key, whose message never holds the secret
 * @example openKeypair('//Alice').hotkey // '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
 */
export function openKeypair(uri: string, scheme: KeyScheme = 'sr25519'): Keypair {
  return wrapPair(() => {
    assertPhrase(uri);
    return new Keyring({ type: scheme, ss58Format: SS58_PREFIX }).addFromUri(uri);
  });
}

/** Opens a key from a seed of 32 bytes. @throws bad-key */
export function openKeypairFromSeed(seed: Uint8Array, scheme: KeyScheme = 'sr25519'): Keypair {
  return wrapPair(() => new Keyring({ type: scheme, ss58Format: SS58_PREFIX }).addFromSeed(seed));
}

/** Whether the key of `address`, sr25519 or ed25519, made this `signature` (64 bytes) of `message`; polkadot-js also counts a message wrapped in `<Bytes>`. @throws bad-address */
export function verifySignature({ message, signature, address }: { readonly message: Uint8Array; readonly signature: Uint8Array; readonly address: string }): boolean {
  if (signature.length !== 64) return false;
  return signatureVerify(message, signature, hotkeyToBytes(address)).isValid;
}

/** A fresh mnemonic. @throws bad-value */
export function createMnemonic(words: 12 | 24 = 12): string {
  // The library's WebAssembly ends in a trap, and in another one at every later call.
  if (words !== 12 && words !== 24) throw new ChainError('bad-value', `a mnemonic has 12 or 24 words, got ${String(words)}`, { subject: 'words', actual: String(words) });
  return mnemonicGenerate(words);
}

/** What polkadot-js opened, as one of our keys. Not exported by the package. @throws bad-key for whatever `open` throws */
export function wrapPair(open: () => KeyringPair): Keypair {
  let pair: KeyringPair;
  try {
    pair = open();
    // Another scheme's keys are of another kind than accounts here.
    if (pair.publicKey.length !== 32) throw new TypeError('no account');
  } catch {
    // The cause is dropped on purpose: messages of the libraries below may quote the secret.
    throw new ChainError('bad-key', 'expected a secret URI such as //Alice, a mnemonic of 12 to 24 words, or a seed of 32 bytes as 0x…; this is none');
  }
  const keypair = {
    hotkey: hotkeyFromBytes(pair.publicKey),
    publicKey: Uint8Array.from(pair.publicKey),
    sign: (message: Uint8Array) => pair.sign(message),
  };
  return Object.freeze(Object.defineProperty(keypair, 'pair', { value: pair })) as Keypair;
}

/** polkadot-js pads any other text of up to 32 characters to a seed: a typing error would open an empty account. */
function assertPhrase(uri: string): void {
  if (uri.startsWith('//') && uri.length > 2) return;
  const { phrase } = keyExtractSuri(uri);
  if (!/^0x[0-9a-fA-F]{64}$/.test(phrase) && !mnemonicValidate(phrase)) throw new TypeError('no phrase');
}
