/**
 * The order of UTF-8 bytes, which is the order of code points. JavaScript's own `<` compares UTF-16 units and puts U+E000…U+FFFF after
 * astral characters, Rust and Python put them before.
 * @module
 */

/** Negative, zero or positive, as `Array.prototype.sort` wants it. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return codePointRank(unitA) - codePointRank(unitB);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF: move them behind U+E000…U+FFFF. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
