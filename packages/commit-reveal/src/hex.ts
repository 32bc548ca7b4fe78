/**
 * Bytes and hexadecimal text. Hashes are 32 bytes in memory and lowercase hex without prefix in JSON.
 * @module
 */
import { bytesToHex } from '@noble/hashes/utils.js';
import { CommitRevealError } from './errors.ts';
import { assertBytes, kindOf } from './internal/bytes.ts';

/**
 * Lowercase hexadecimal without prefix.
 * @throws bad-length when it is no bytes
 * @example toHex(Uint8Array.of(1, 255)) // '01ff'
 */
export function toHex(bytes: Uint8Array): string {
  return bytesToHex(assertBytes('what becomes hex', bytes));
}

/**
 * Bytes of hexadecimal text, with or without `0x`, in either case.
 * @throws bad-hex when it is no text, has another character or an odd length
 * @example fromHex('0x01ff') // Uint8Array [1, 255]
 */
export function fromHex(text: string): Uint8Array {
  if (typeof text !== 'string') throw new CommitRevealError('bad-hex', `expected hexadecimal text, got ${kindOf(text)}`, { expected: 'text', actual: kindOf(text) });
  const digits = text.startsWith('0x') ? text.slice(2) : text;
  const wrong = digits.search(/[^0-9a-fA-F]/);
  if (digits.length % 2 !== 0 || wrong >= 0) {
    // What is not hex may be a secret that was put in the wrong place: it is not quoted.
    const actual = `${digits.length} characters${wrong < 0 ? '' : `, of which number ${wrong + 1} is none`}`;
    throw new CommitRevealError('bad-hex', `expected an even number of hexadecimal digits, got ${actual}`, { actual });
  }
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return out;
}

/** Whether two byte strings are equal. Not constant-time: nothing here compares secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Order by unsigned bytes, the shorter first when one is a prefix of the other. Negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
