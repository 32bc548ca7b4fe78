/**
 * Files of one JSON object a line.
 *
 * @module
 */
import { DatasetError } from '../error.ts';

/** What one line must be. */
export interface LineFormat<T> {
  /** For messages, as in `{"text": "…"}`. */
  readonly expected: string;
  /** `undefined` where the object is something else; further fields are ignored. */
  readonly read: (value: Readonly<Record<string, unknown>>) => T | undefined;
}

/**
 * Reads every line that is not blank.
 *
 * @throws {DatasetError} `malformed-text` with file and line
 */
export function parseJsonLines<T>(text: string, path: string, format: LineFormat<T>): T[] {
  return text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(line, { path, number: index + 1, ...format })]));
}

function parseLine<T>(line: string, { path, number, expected, read }: LineFormat<T> & { readonly path: string; readonly number: number }): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError('malformed-text', `expected a JSON object at ${path}:${number}, got invalid JSON (${reason})`, { path, line: number }, cause);
  }
  const found = typeof value === 'object' && value !== null ? read(value as Readonly<Record<string, unknown>>) : undefined;
  if (found !== undefined) return found;
  throw new DatasetError('malformed-text', `expected ${expected} at ${path}:${number}, got ${line.slice(0, 60)}`, { path, line: number });
}
