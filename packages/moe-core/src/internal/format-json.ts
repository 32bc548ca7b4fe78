/**
 * Strict JSON back to text, as Python's `json.dumps(value, indent=2)` lays it out. Numbers keep their text: `1e-06` and `10000.0` must stay floats for a reader that
 * tells them from integers.
 * @module
 */
import { isJsonArray, isJsonNumber, isJsonObject, type JsonValue } from './strict-json.ts';

/** The text, without a line feed at the end. */
export function formatJson(value: JsonValue, indent = ''): string {
  if (isJsonNumber(value)) return value.numberText;
  const inner = `${indent}  `;
  if (isJsonArray(value)) return wrap('[]', value.map((item) => formatJson(item, inner)), indent);
  if (!isJsonObject(value)) return JSON.stringify(value);
  return wrap('{}', Array.from(value, ([key, member]) => `${JSON.stringify(key)}: ${formatJson(member, inner)}`), indent);
}

function wrap(brackets: string, members: readonly string[], indent: string): string {
  if (members.length === 0) return brackets;
  return `${brackets[0]}\n${members.map((member) => `${indent}  ${member}`).join(',\n')}\n${indent}${brackets[1]}`;
}
