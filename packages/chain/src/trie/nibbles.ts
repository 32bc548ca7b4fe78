/**
 * Keys as the trie sees them: strings of half bytes. A key's nibbles are its lowercase hex, so cutting and comparing are those of strings.
 * @module
 */

/** Half bytes as lowercase hex digits. */
export type Nibbles = string;

/** How many nibbles two keys begin with together. */
export function sharedLength(a: Nibbles, b: Nibbles): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/** The value of one nibble, 0 to 15. */
export function nibbleAt(nibbles: Nibbles, index: number): number {
  const code = nibbles.charCodeAt(index);
  return code < 0x3a ? code - 0x30 : code - 0x57;
}

/** One nibble as a digit. */
export function toNibble(value: number): Nibbles {
  return value.toString(16);
}
