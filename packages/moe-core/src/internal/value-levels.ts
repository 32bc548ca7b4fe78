/**
 * A few magnitudes that stand for many: each is the mean of those it stands for. Bins are split at their own mean, again and again, so that a heavy
 * tail gets levels of its own; where the values have no more different magnitudes than there are levels, the levels are these, and nothing is lost.
 * @module
 */

/** Levels, and which value has which. */
export interface ValueLevels {
  /** Ascending, each used. */
  readonly levels: Float32Array;
  /** Index into `levels` of each value. */
  readonly codes: Uint8Array;
}

/**
 * Chooses up to `count` levels for the magnitudes of finite values other than 0. Sums are float64 in the order of the values.
 * @param count a power of two, at most 128
 */
export function chooseLevels(values: Float32Array, count: number): ValueLevels {
  const few = distinctMagnitudes(values, count);
  if (few !== undefined) return { levels: few, codes: Uint8Array.from(values, (value) => few.indexOf(Math.abs(value))) };
  const borders = splitAtMeans(values, count);
  return levelsOfBins(borders.length === 1 ? sumTwoBins(values, borders[0]!) : sumBins(values, borders));
}

/** The different magnitudes, ascending; `undefined` where there are more than `most`. */
export function distinctMagnitudes(values: Float32Array, most: number): Float32Array | undefined {
  const seen = new Set<number>();
  for (const value of values) {
    seen.add(Math.abs(value));
    if (seen.size > most) return undefined;
  }
  return Float32Array.from(seen).sort();
}

/** The borders between `count` bins, ascending: the mean of all, then the means of each half, and so on. */
function splitAtMeans(values: Float32Array, count: number): number[] {
  let borders: number[] = [];
  if (count > 1) borders = [meanMagnitude(values)];
  for (let bins = 2; bins < count; bins *= 2) {
    const { sums, sizes } = sumBins(values, borders);
    const means = [...sums].map((sum, bin) => sum / sizes[bin]!).filter((mean) => mean > 0);
    borders = [...new Set([...borders, ...means])].sort((a, b) => a - b);
  }
  return borders;
}

interface Bins {
  readonly sums: Float64Array;
  readonly sizes: Float64Array;
  /** The bin of each value. */
  readonly bins: Uint8Array;
}

function levelsOfBins({ sums, sizes, bins }: Bins): ValueLevels {
  const levels: number[] = [];
  const levelOfBin = [...sums].map((sum, bin) => {
    const level = Math.fround(sum / sizes[bin]!);
    // Two bins may round to one level; an empty one has none.
    if (sizes[bin]! > 0 && level !== levels.at(-1)) levels.push(level);
    return levels.length - 1;
  });
  // Mostly every bin has a level, and the codes are the bins.
  return { levels: Float32Array.from(levels), codes: levels.length === sums.length ? bins : bins.map((bin) => levelOfBin[bin]!) };
}

/** {@link sumBins} for one border, which is what 2 bits a value need: without a branch that nobody can predict. */
function sumTwoBins(values: Float32Array, border: number): Bins {
  const bins = new Uint8Array(values.length);
  let [below, above, aboveCount] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    const bin = Number(magnitude >= border);
    bins[i] = bin;
    below += magnitude * (1 - bin);
    above += magnitude * bin;
    aboveCount += bin;
  }
  return { sums: Float64Array.of(below, above), sizes: Float64Array.of(values.length - aboveCount, aboveCount), bins };
}

function meanMagnitude(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]!);
  return sum / values.length;
}

/** Bin b holds the magnitudes from border b − 1 to below border b. */
function sumBins(values: Float32Array, borders: readonly number[]): Bins {
  const sums = new Float64Array(borders.length + 1);
  const sizes = new Float64Array(borders.length + 1);
  const bins = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    let low = 0;
    for (let high = borders.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (magnitude < borders[middle]!) high = middle;
      else low = middle + 1;
    }
    bins[i] = low;
    sums[low]! += magnitude;
    sizes[low]!++;
  }
  return { sums, sizes, bins };
}
