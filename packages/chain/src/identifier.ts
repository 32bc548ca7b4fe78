/**
 * Names of things on chain: hotkeys, subnets, blocks. Foreign values become branded here, once.
 * @module
 */
import { decodeAddress, encodeAddress } from '@polkadot/util-crypto';
import { ChainError } from './errors.ts';
import { parseUnsigned } from './unsigned.ts';

declare const BRAND: unique symbol;

/** The ss58 address (prefix 42) of a hotkey; a coldkey's looks the same. */
export type Hotkey = string & { readonly [BRAND]: 'Hotkey' };
/** Number of a subnet, u16. */
export type Netuid = number & { readonly [BRAND]: 'Netuid' };
/** Number of a block, u32. */
export type BlockNumber = number & { readonly [BRAND]: 'BlockNumber' };

/** Subtensor's address prefix (`System.SS58Prefix`). */
export const SS58_PREFIX = 42;

/**
 * Checks an ss58 address of an account of 32 bytes and normalises its prefix to 42.
 * @throws bad-address
 * @example parseHotkey('5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY')
 */
export function parseHotkey(address: string): Hotkey {
  return hotkeyFromBytes(hotkeyToBytes(address));
}

/** The public key of an address, 32 bytes. @throws bad-address */
export function hotkeyToBytes(address: string): Uint8Array {
  const bytes = decodeOrThrow(address);
  if (bytes.length === 32) return bytes;
  throw badAddress(address);
}

/** The address of a public key of 32 bytes. @throws bad-address */
export function hotkeyFromBytes(publicKey: Uint8Array): Hotkey {
  if (publicKey.length !== 32) throw new ChainError('bad-address', `expected a public key of 32 bytes, got ${publicKey.length}`, { expected: 32, actual: publicKey.length });
  return encodeAddress(publicKey, SS58_PREFIX) as Hotkey;
}

/** Checks the number of a subnet. @throws bad-value */
export function parseNetuid(value: number): Netuid {
  return parseUnsigned('netuid', value, 16) as Netuid;
}

/** Checks the number of a block. @throws bad-value */
export function parseBlockNumber(value: number): BlockNumber {
  return parseUnsigned('block number', value, 32) as BlockNumber;
}

function decodeOrThrow(address: string): Uint8Array {
  // decodeAddress also takes hex: an address is ss58 here, so that a private key pasted by mistake is never taken for one.
  if (typeof address !== 'string' || address.startsWith('0x')) throw badAddress(address);
  try {
    return Uint8Array.from(decodeAddress(address));
  } catch {
    // The cause is dropped on purpose: the library's message quotes what it was given.
    throw badAddress(address);
  }
}

function badAddress(address: unknown): ChainError {
  // The value may be a secret that was put in the wrong place: only its length is told.
  const shown = typeof address === 'string' ? `${address.length} characters` : typeof address;
  return new ChainError('bad-address', `expected an ss58 address such as 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY, got ${shown}`, { actual: shown });
}
