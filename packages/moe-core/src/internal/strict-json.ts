/**
 * JSON as RFC 8259 says, and stricter where files come from strangers: duplicate keys and `__proto__` are refused
 * (`JSON.parse` silently keeps the last, or sets a prototype), numbers keep their text so that `1.0`, `-0` and `2^60` can be told
 * from `1`, nesting is capped, and lone surrogates are refused as serde_json does.
 * @module
 */
import { MoeError } from '../errors.ts';
import { cut, quote } from './quote.ts';

export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | JsonObject;
export type JsonObject = ReadonlyMap<string, JsonValue>;

/** A number that has not been rounded yet. */
export interface JsonNumber {
  readonly numberText: string;
}

/** Deep enough for every file that is read here, shallow enough for any stack. */
const MAX_DEPTH = 64;

interface Cursor {
  readonly text: string;
  readonly where: string;
  offset: number;
  depth: number;
}

/**
 * Parses one JSON value and nothing after it but whitespace.
 * @param where what is being parsed, for messages
 * @throws json-invalid, json-duplicate-key, json-forbidden-key
 */
export function parseStrictJson(text: string, where: string): JsonValue {
  const cursor: Cursor = { text, where, offset: 0, depth: 0 };
  const value = parseValue(cursor);
  skipWhitespace(cursor);
  if (cursor.offset < text.length) throw invalid(cursor, 'the end');
  return value;
}

export function isJsonNumber(value: JsonValue | undefined): value is JsonNumber {
  return typeof value === 'object' && value !== null && 'numberText' in value;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The value as `JSON.parse` would give it; objects have no prototype. */
export function toPlainValue(value: JsonValue): unknown {
  if (isJsonNumber(value)) return Number(value.numberText);
  if (isJsonArray(value)) return value.map(toPlainValue);
  if (!isJsonObject(value)) return value;
  const plain: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of value) plain[key] = toPlainValue(member);
  return plain;
}

function parseValue(cursor: Cursor): JsonValue {
  skipWhitespace(cursor);
  switch (cursor.text[cursor.offset]) {
    case '{':
      return nested(cursor, parseObject);
    case '[':
      return nested(cursor, parseArray);
    case '"':
      return parseString(cursor);
    case 't':
      return parseLiteral(cursor, 'true', true);
    case 'f':
      return parseLiteral(cursor, 'false', false);
    case 'n':
      return parseLiteral(cursor, 'null', null);
    default:
      return parseNumber(cursor);
  }
}

function nested<T>(cursor: Cursor, parse: (cursor: Cursor) => T): T {
  if (++cursor.depth > MAX_DEPTH) throw invalid(cursor, `at most ${MAX_DEPTH} levels of nesting`);
  cursor.offset++;
  const value = parse(cursor);
  cursor.depth--;
  return value;
}

function parseObject(cursor: Cursor): JsonObject {
  const members = new Map<string, JsonValue>();
  if (closes(cursor, '}')) return members;
  for (;;) {
    skipWhitespace(cursor);
    if (cursor.text[cursor.offset] !== '"') throw invalid(cursor, 'a key in double quotes');
    const start = cursor.offset;
    const key = parseString(cursor);
    assertKey(cursor, { members, key, offset: start });
    skipWhitespace(cursor);
    expect(cursor, ':');
    members.set(key, parseValue(cursor));
    if (closes(cursor, '}')) return members;
    expect(cursor, ',');
  }
}

function assertKey(cursor: Cursor, at: { members: JsonObject; key: string; offset: number }): void {
  const { key, offset } = at;
  if (key === '__proto__') {
    throw new MoeError('json-forbidden-key', {
      message: `${cursor.where}: the key "__proto__" at offset ${offset} is not allowed`,
      context: { where: cursor.where, offset, key: cut(key) },
    });
  }
  if (at.members.has(key)) {
    throw new MoeError('json-duplicate-key', {
      message: `${cursor.where}: the key ${quote(key)} at offset ${offset} stands twice in one object`,
      context: { where: cursor.where, offset, key: cut(key) },
    });
  }
}

function parseArray(cursor: Cursor): JsonValue[] {
  const items: JsonValue[] = [];
  if (closes(cursor, ']')) return items;
  for (;;) {
    items.push(parseValue(cursor));
    if (closes(cursor, ']')) return items;
    expect(cursor, ',');
  }
}

function closes(cursor: Cursor, bracket: string): boolean {
  skipWhitespace(cursor);
  if (cursor.text[cursor.offset] !== bracket) return false;
  cursor.offset++;
  return true;
}

function expect(cursor: Cursor, character: string): void {
  if (cursor.text[cursor.offset] !== character) throw invalid(cursor, `"${character}"`);
  cursor.offset++;
}

function parseLiteral<T extends JsonValue>(cursor: Cursor, word: string, value: T): T {
  if (!cursor.text.startsWith(word, cursor.offset)) throw invalid(cursor, word);
  cursor.offset += word.length;
  return value;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function parseNumber(cursor: Cursor): JsonNumber {
  NUMBER.lastIndex = cursor.offset;
  const match = NUMBER.exec(cursor.text);
  if (match === null) throw invalid(cursor, 'a JSON value');
  cursor.offset += match[0].length;
  return { numberText: match[0] };
}

/** Scanned by hand: on 100 MB of hostile text a regular expression with alternatives would exhaust its stack. */
function parseString(cursor: Cursor): string {
  const { text } = cursor;
  const start = cursor.offset;
  let end = start + 1;
  let escaped = false;
  for (;;) {
    const unit = text.charCodeAt(end);
    if (unit === 0x22) break;
    // NaN past the end; RFC 8259 §7 forbids raw control characters.
    if (!(unit >= 0x20)) throw invalid(cursor, 'a string');
    escaped ||= unit === 0x5c;
    end += unit === 0x5c ? 2 : 1;
  }
  const value = escaped ? unescape(cursor, text.slice(start, end + 1)) : text.slice(start + 1, end);
  cursor.offset = end + 1;
  return value;
}

function unescape(cursor: Cursor, literal: string): string {
  let value: unknown;
  try {
    value = JSON.parse(literal);
  } catch {
    throw invalid(cursor, 'a string');
  }
  // With the u flag a surrogate pair is one code point, so this finds lone ones only.
  if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) throw invalid(cursor, 'a string without lone surrogates');
  return value;
}

function skipWhitespace(cursor: Cursor): void {
  const { text } = cursor;
  for (;;) {
    const unit = text.charCodeAt(cursor.offset);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
    cursor.offset++;
  }
}

function invalid(cursor: Cursor, expected: string): MoeError<'json-invalid'> {
  const { text, where, offset } = cursor;
  const found = offset >= text.length ? 'the end of the text' : quote(text.slice(offset, offset + 20));
  return new MoeError('json-invalid', {
    message: `${where} is not valid JSON: expected ${expected} at offset ${offset}, found ${found}`,
    context: { where, offset },
  });
}
