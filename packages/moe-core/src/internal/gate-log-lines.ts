/**
 * Lines of a gate log, parsed from their bytes: splitting text into strings first costs four times as much as everything else.
 * @module
 */
import { concatBytes } from './concat-bytes.ts';
import { MoeError } from '../errors.ts';
import { quote } from './quote.ts';

/** What the lines are checked against. */
export interface GateLogShape {
  readonly layer: number;
  readonly experts: number;
  readonly expertsPerToken: number;
}

/** Entries of the last line; the arrays are used again for the next and may be longer than `count`. */
export interface GateLogEntries {
  ids: Uint16Array;
  weights: Float64Array;
  count: number;
}

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const DOT = 0x2e;

/** A line of 2^20 tokens, 10 experts each, takes 100 MB; hostile bytes without a newline are not collected beyond that. */
const MAX_LINE_BYTES = 2 ** 27;

/** Space for entries, which grows. */
export function createEntries(): GateLogEntries {
  return { ids: new Uint16Array(4096), weights: new Float64Array(4096), count: 0 };
}

/**
 * Cuts chunks into lines; a line that lies in one chunk is not copied.
 * @yields bytes without the line break, and the number from 1; empty lines are counted but left out
 * @throws gate-log-invalid a line is too long
 */
export async function* splitLines(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, layer: number): AsyncGenerator<{ readonly lines: readonly Uint8Array[]; readonly first: number }, void, undefined> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let line = 1;
  for await (const chunk of chunks) {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const part = chunk.subarray(start, end);
      lines.push(pendingBytes === 0 ? part : concatBytes([...pending, part]));
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    if (lines.length > 0) yield { lines, first: line };
    line += lines.length;
    if (start === chunk.length) continue;
    pending.push(chunk.slice(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > MAX_LINE_BYTES) throw invalid({ layer, line }, `is longer than ${MAX_LINE_BYTES} bytes`);
  }
  if (pendingBytes > 0) yield { lines: [concatBytes(pending)], first: line };
}

/**
 * Parses a line into `entries`; an empty one gives none.
 * @throws gate-log-invalid
 */
export function parseLine(bytes: Uint8Array, where: GateLogShape & { readonly line: number }, entries: GateLogEntries): void {
  const end = bytes[bytes.length - 1] === RETURN ? bytes.length - 1 : bytes.length;
  entries.count = 0;
  if (end === 0) return;
  const weightsFrom = parseIds(bytes, { end, where, entries });
  if (entries.count % where.expertsPerToken !== 0) throw invalid(where, `found ${entries.count} ids, expected a multiple of ${where.expertsPerToken}`);
  parseWeights(bytes, { start: weightsFrom, end, where, entries });
}

interface LineParts {
  readonly end: number;
  readonly where: GateLogShape & { readonly line: number };
  readonly entries: GateLogEntries;
}

/** Ids up to the empty field; returns where the weights begin. */
function parseIds(bytes: Uint8Array, { end, where, entries }: LineParts): number {
  const { experts } = where;
  let at = 0;
  for (;;) {
    const start = at;
    let id = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      id = id * 10 + digit;
    }
    if (at === start || at - start > 5 || id >= experts || (at < end && bytes[at] !== TAB)) throw invalid(where, `the id ${field(bytes, start, end)} is not an expert below ${experts}`);
    if (at >= end - 1) throw invalid(where, 'expected ids, an empty field and weights');
    if (entries.count === entries.ids.length) grow(entries);
    entries.ids[entries.count++] = id;
    at++;
    if (bytes[at] === TAB) return at + 1;
  }
}

/** As many weights as there are ids: one or two digits, then perhaps a fraction and an exponent. */
function parseWeights(bytes: Uint8Array, { start, end, where, entries }: LineParts & { readonly start: number }): void {
  const { count, weights } = entries;
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at >= end) throw invalid(where, `found ${count} ids but ${i} weights`);
    const first = at;
    let digits = 0;
    let point = -1;
    let mantissa = 0;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === TAB) break;
      if (byte === DOT && point < 0) point = at;
      else if (byte >= 0x30 && byte <= 0x39) {
        mantissa = mantissa * 10 + byte - 0x30;
        digits++;
      } else digits = 99;
    }
    const decimals = point < 0 ? 0 : at - point - 1;
    const whole = digits - decimals;
    // Both are exact below 2^53 and 10^22, so that their quotient is the nearest double, as the text's own conversion gives.
    const isPlain = digits <= 15 && whole >= 1 && whole <= 2 && (point < 0 || decimals > 0);
    weights[i] = isPlain ? mantissa / POWERS[decimals]! : parseOddWeight(bytes, { first, at, where });
    at++;
  }
  if (at <= end) throw invalid(where, `found ${count} ids but more weights`);
}

const POWERS = Float64Array.from({ length: 16 }, (_, power) => 10 ** power);

/** Long fractions and exponents, as Python prints what is not rounded. */
function parseOddWeight(bytes: Uint8Array, { first, at, where }: { first: number; at: number; where: GateLogShape & { readonly line: number } }): number {
  const text = ascii(bytes.subarray(first, Math.min(at, first + 40)));
  if (at - first <= 40 && /^\d{1,2}(\.\d{1,17})?(e-\d{1,2})?$/.test(text)) return Number(text);
  throw invalid(where, `${quote(text)} is not a weight`);
}

function grow(entries: GateLogEntries): void {
  const ids = new Uint16Array(entries.ids.length * 2);
  ids.set(entries.ids);
  entries.ids = ids;
  entries.weights = new Float64Array(ids.length);
}

/** The field from `start`, quoted. */
function field(bytes: Uint8Array, start: number, end: number): string {
  const tab = bytes.subarray(start, Math.min(end, start + 40)).indexOf(TAB);
  return quote(ascii(bytes.subarray(start, tab < 0 ? Math.min(end, start + 40) : start + tab)));
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function invalid(where: { readonly layer: number; readonly line: number }, what: string): MoeError<'gate-log-invalid'> {
  const { layer, line } = where;
  return new MoeError('gate-log-invalid', { message: `gate log of layer ${layer}, line ${line}: ${what}`, context: { layer, line } });
}
