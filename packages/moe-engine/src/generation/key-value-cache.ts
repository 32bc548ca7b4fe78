/**
 * Keys and values of the positions so far, in arrays with room for more, which the graph reads in place.
 *
 * @module
 */
import type { Topology } from '@connito/moe-core';
import { keptHeads } from '../model/decoding.ts';

/** Keys or values of one layer, row-major `[heads, capacity, width]`; of each head the first `length` positions are in use. */
export interface KeptArray {
  readonly width: number;
  readonly data: Float32Array;
}

/** What the graph's inputs `oldKeys.L` and `oldValues.L` hold. */
export interface KeyValueCache {
  readonly heads: number;
  /** Positions that there is room for. */
  readonly capacity: number;
  /** Positions in use. */
  length: number;
  /** By layer. */
  readonly keys: readonly KeptArray[];
  readonly values: readonly KeptArray[];
}

/** Makes room for `capacity` positions, none in use. */
export function createCache(topology: Topology, capacity: number): KeyValueCache {
  const { heads, keyWidth, valueWidth } = keptHeads(topology);
  const rooms = (width: number): KeptArray[] => Array.from({ length: topology.layers }, () => ({ width, data: new Float32Array(heads * capacity * width) }));
  return { heads, capacity, length: 0, keys: rooms(keyWidth), values: rooms(valueWidth) };
}

/** The same positions with room for `capacity`. */
export function enlargeCache(cache: KeyValueCache, capacity: number): KeyValueCache {
  const { heads, length } = cache;
  const enlarge = ({ width, data }: KeptArray): KeptArray => {
    const larger = new Float32Array(heads * capacity * width);
    copyPositions({ data, capacity: cache.capacity, first: 0 }, { data: larger, capacity, first: 0 }, { heads, width, count: length });
    return { width, data: larger };
  };
  return { heads, capacity, length, keys: cache.keys.map(enlarge), values: cache.values.map(enlarge) };
}

/**
 * Writes the first `count` of some new positions behind those in use. `length` stays: all layers are written before it changes.
 *
 * @param fresh `[heads, positions, width]`
 */
export function keepPositions({ heads, capacity, length }: KeyValueCache, into: KeptArray, { fresh, positions, count }: { readonly fresh: Float32Array; readonly positions: number; readonly count: number }): void {
  copyPositions({ data: fresh, capacity: positions, first: 0 }, { data: into.data, capacity, first: length }, { heads, width: into.width, count });
}

interface Place {
  /** `[heads, capacity, width]` */
  readonly data: Float32Array;
  readonly capacity: number;
  readonly first: number;
}

function copyPositions(from: Place, to: Place, { heads, width, count }: { readonly heads: number; readonly width: number; readonly count: number }): void {
  for (let head = 0; head < heads; head++) {
    const begin = (head * from.capacity + from.first) * width;
    to.data.set(from.data.subarray(begin, begin + count * width), (head * to.capacity + to.first) * width);
  }
}
