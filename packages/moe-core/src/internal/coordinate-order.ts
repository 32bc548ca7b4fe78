/**
 * Medians and trimmed means, element by element.
 * @see Knuth, The Art of Computer Programming 3, 5.2.2, Algorithm M (Batcher's merge exchange)
 * @module
 */

/** Elements that are sorted side by side. */
const BLOCK = 256;

/**
 * Sorts the values that n tensors have for an element, leaves out the `trim` smallest and largest, and takes the mean of the rest, ascending, in float64. A network
 * compares whole rows of values, so that nothing branches on them.
 *
 * −0 becomes 0: it equals 0, so that which of them comes first would depend on the order of the tensors.
 */
export function orderedMean(inputs: readonly Float32Array[], at: { readonly scales: readonly number[]; readonly trim: number; readonly length: number }): Float32Array {
  const { scales, trim, length } = at;
  const result = new Float32Array(length);
  const rows = inputs.map(() => new Float64Array(BLOCK));
  const network = mergeExchange(inputs.length);
  const middle = rows.slice(trim, rows.length - trim);
  for (let from = 0; from < length; from += BLOCK) {
    const count = Math.min(BLOCK, length - from);
    inputs.forEach((input, k) => scaleInto(rows[k]!, input, { scale: scales[k]!, from, count }));
    for (const [low, high] of network) exchange(rows[low]!, rows[high]!, count);
    const [sums, ...others] = middle;
    for (const row of others) for (let i = 0; i < count; i++) sums![i]! += row[i]!;
    for (let i = 0; i < count; i++) result[from + i] = sums![i]! / middle.length;
  }
  return result;
}

function scaleInto(row: Float64Array, input: Float32Array, { scale, from, count }: { readonly scale: number; readonly from: number; readonly count: number }): void {
  for (let i = 0; i < count; i++) row[i] = scale * input[from + i]! + 0;
}

function exchange(low: Float64Array, high: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const a = low[i]!;
    const b = high[i]!;
    low[i] = Math.min(a, b);
    high[i] = Math.max(a, b);
  }
}

/** Pairs that, put in order one after the other, sort `count` values. */
function mergeExchange(count: number): [number, number][] {
  const pairs: [number, number][] = [];
  const top = 2 ** Math.max(0, Math.ceil(Math.log2(count)) - 1);
  for (let p = top; p >= 1; p >>= 1) {
    for (let q = top, r = 0, d = p; ; d = q - p, q >>= 1, r = p) {
      for (let i = 0; i < count - d; i++) if ((i & p) === r) pairs.push([i, i + d]);
      if (q === p) break;
    }
  }
  return pairs;
}
