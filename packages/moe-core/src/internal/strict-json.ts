/**
 * JSON as RFC 8259 says, and stricter where files come from strangers: duplicate keys and `__proto__` are refused
 * (`JSON.parse` silently keeps the last, or sets a prototype), numbers keep their text so that `1.0`, `-0` and `2^60` can be told
 * from `1`, nesting is capped, and lone surrogates are refused as serde_json does.
 * @module
 */
import { MoeError } from '../errors.ts';

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
      context: { where: cursor.where, offset, key },
    });
  }
  if (at.members.has(key)) {
    throw new MoeError('json-duplicate-key', {
      message: `${cursor.where}: the key "${abbreviate(key)}" at offset ${offset} stands twice in one object`,
      context: { where: cursor.where, offset, key },
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

// oxlint-disable-next-line no-control-regex -- RFC 8259 §7 forbids raw control characters in strings
const PLAIN_STRING = /"[^"\\\u0000-\u001f]*"/y;
// oxlint-disable-next-line no-control-regex
const ESCAPED_STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

function parseString(cursor: Cursor): string {
  PLAIN_STRING.lastIndex = cursor.offset;
  const plain = PLAIN_STRING.exec(cursor.text);
  if (plain !== null) {
    cursor.offset += plain[0].length;
    return plain[0].slice(1, -1);
  }
  ESCAPED_STRING.lastIndex = cursor.offset;
  const escaped = ESCAPED_STRING.exec(cursor.text);
  if (escaped === null) throw invalid(cursor, 'a string');
  const value = JSON.parse(escaped[0]) as string;
  // With the u flag a surrogate pair is one code point, so this finds lone ones only.
  if (/\p{Surrogate}/u.test(value)) throw invalid(cursor, 'a string without lone surrogates');
  cursor.offset += escaped[0].length;
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
  const found = offset >= text.length ? 'the end of the text' : JSON.stringify(text.slice(offset, offset + 20));
  return new MoeError('json-invalid', {
    message: `${where} is not valid JSON: expected ${expected} at offset ${offset}, found ${found}`,
    context: { where, offset },
  });
}

function abbreviate(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
