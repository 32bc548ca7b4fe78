/**
 * Strangers' text in messages: quoted, cut, and without characters that move a terminal's cursor or turn its text around.
 * @module
 */

const LONGEST = 80;

/** `text` in double quotes, control and direction characters escaped. */
export function quote(text: string): string {
  return JSON.stringify(cut(text)).replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `text` cut to what an error's context should carry. */
export function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/** The name of a field: as it is where it is plain, else quoted. */
export function fieldName(name: string): string {
  return /^[\w.]{1,80}$/.test(name) ? name : quote(name);
}

/** C1 controls and bidirectional marks; JSON escapes the C0 controls. */
const UNSAFE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
