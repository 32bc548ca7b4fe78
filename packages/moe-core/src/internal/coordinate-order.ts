/**
 * Medians and trimmed means, element by element.
 * @module
 */

/** Above so many values the engine's own sort is faster than insertion. */
const INSERTION_LIMIT = 32;

/**
 * Sorts the values that n tensors have for an element, leaves out the `trim` smallest and largest, and takes the mean of the rest, ascending, in float64.
 * Without −0: it equals 0, so that which of them comes first would depend on the order of the tensors.
 */
export function orderedMean(inputs: readonly Float32Array[], at: { readonly scales: readonly number[]; readonly trim: number; readonly length: number }): Float32Array {
  const { scales, trim, length } = at;
  const count = inputs.length;
  const sort = count > INSERTION_LIMIT ? (values: Float64Array): void => void values.sort() : insertionSort;
  const kept = count - 2 * trim;
  const result = new Float32Array(length);
  const values = new Float64Array(count);
  for (let i = 0; i < length; i++) {
    for (let k = 0; k < count; k++) values[k] = scales[k]! * inputs[k]![i]! + 0;
    sort(values);
    let sum = 0;
    for (let k = trim; k < count - trim; k++) sum += values[k]!;
    result[i] = sum / kept;
  }
  return result;
}

function insertionSort(values: Float64Array): void {
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    let j = i - 1;
    for (; j >= 0 && values[j]! > value; j--) values[j + 1] = values[j]!;
    values[j + 1] = value;
  }
}
