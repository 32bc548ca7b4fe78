/**
 * The published ESFT files are Python's `json.dumps`: ", " and ": " between parts, layer keys in string order ("1", "10", "11", "2"). A
 * JavaScript object would re-sort integer keys, so the text is put together by hand.
 * @module
 */

/** `{"a": 1, "b": 2}` from written values. */
export function formatObject(members: Iterable<readonly [string, string]>): string {
  return `{${Array.from(members, ([key, value]) => `${JSON.stringify(key)}: ${value}`).join(', ')}}`;
}

/** Layers in the order of their decimal strings. */
export function inStringOrder<T>(layers: ReadonlyMap<number, T>): (readonly [string, T])[] {
  return Array.from(layers, ([layer, value]) => [String(layer), value] as const).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Python's `repr` of a float that has at most four decimals and is 0 or at least 0.0001. */
export function formatFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
