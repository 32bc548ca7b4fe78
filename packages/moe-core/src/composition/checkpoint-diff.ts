/**
 * What differs between two checkpoints, or any two sets of tensors: byte for byte first, and by how much where bytes differ. One tensor of each side is in memory at a time.
 * @module
 */
import { compareCodePoints } from '../internal/code-points.ts';
import { logicalTensors, type LogicalTensor, type TensorSet } from '../internal/expert-storage.ts';
import { addSums, compareValues, countChanged, differenceOf, isComparable, noDifference, type Difference, type DifferenceSums } from './tensor-difference.ts';
import type { ExpertId } from '../models/tensor-names.ts';
import { sameShape, type Tensor, type TensorDescription } from '../safetensors/tensor.ts';

export type { TensorSet } from '../internal/expert-storage.ts';

/** A tensor whose bytes, dtype or shape are not the same on both sides. */
export interface TensorDifference {
  /** Logical name of an expert's tensor, name on disk of any other. */
  readonly name: string;
  readonly place: DiffPlace;
  readonly a: Pick<TensorDescription, 'dtype' | 'shape'>;
  readonly b: Pick<TensorDescription, 'dtype' | 'shape'>;
  /** `undefined` where shapes differ, or a dtype is no float; `changed` is then what is known. */
  readonly difference: Difference | undefined;
  /** Elements whose bits differ, where dtype and shape are the same. */
  readonly changed: number | undefined;
}

/** Where in the model: an expert of a layer, the rest of a layer, or neither. */
export interface DiffPlace {
  readonly layer: number | undefined;
  readonly expert: number | undefined;
}

/** The tensors of one place together. */
export interface DiffGroup {
  readonly place: DiffPlace;
  /** Tensors on both sides. */
  readonly tensors: number;
  /** Of these, how many differ. */
  readonly differing: number;
  /** Over the tensors that differ and could be measured; `undefined` where none could. */
  readonly difference: Difference | undefined;
}

/** The whole comparison. */
export interface CheckpointDiff {
  /** Same names, dtypes, shapes and bytes. */
  readonly equal: boolean;
  /** Names in code point order. */
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  /** Tensors on both sides, and how many of them are equal. */
  readonly compared: number;
  readonly equalTensors: number;
  /** Those that differ: layers ascending, a layer's own tensors before its experts', then by name. */
  readonly differing: readonly TensorDifference[];
  /** Places with tensors that differ, in the same order. */
  readonly groups: readonly DiffGroup[];
  /** Over everything that differs and could be measured. */
  readonly difference: Difference | undefined;
}

/** How a comparison goes. */
export interface DiffOptions {
  /** Called before each tensor. */
  readonly onTensor?: ((progress: { readonly name: string; readonly done: number; readonly total: number }) => void) | undefined;
}

/**
 * Compares a and b. With a topology on both sides, experts are compared by their logical tensors, so that two layouts of one family can be told apart or found equal.
 * @throws source-short-read and whatever reading throws
 * @example
 * const { equal, groups } = await diffCheckpoints(before, after);
 */
export async function diffCheckpoints(a: TensorSet, b: TensorSet, options: DiffOptions = {}): Promise<CheckpointDiff> {
  const [left, right] = [logicalTensors(a), logicalTensors(b)];
  const names = [...left.keys()].filter((name) => right.has(name));
  const differing: TensorDifference[] = [];
  const groups = new Map<string, OpenGroup>();
  const all = noDifference();
  for (const [done, name] of names.entries()) {
    options.onTensor?.({ name, done, total: names.length });
    const tensor = left.get(name)!;
    const other = right.get(name)!;
    const place = placeOf(name, tensor.expert ?? other.expert);
    const group = groups.get(keyOf(place)) ?? { place, tensors: 0, differing: 0, sums: noDifference() };
    groups.set(keyOf(place), group);
    group.tensors++;
    const found = await compareTensors(tensor, other);
    if (found === undefined) continue;
    group.differing++;
    differing.push({ ...found.tensor, place });
    if (found.sums === undefined) continue;
    addSums(group.sums, found.sums);
    addSums(all, found.sums);
  }
  const onlyInA = [...left.keys()].filter((name) => !right.has(name)).sort(compareCodePoints);
  const onlyInB = [...right.keys()].filter((name) => !left.has(name)).sort(compareCodePoints);
  return {
    equal: differing.length + onlyInA.length + onlyInB.length === 0,
    onlyInA,
    onlyInB,
    compared: names.length,
    equalTensors: names.length - differing.length,
    differing: differing.sort((x, y) => comparePlaces(x.place, y.place) || compareCodePoints(x.name, y.name)),
    groups: [...groups.values()].filter((group) => group.differing > 0).sort((x, y) => comparePlaces(x.place, y.place)).map(closeGroup),
    difference: measured(all),
  };
}

interface OpenGroup {
  readonly place: DiffPlace;
  tensors: number;
  differing: number;
  readonly sums: DifferenceSums;
}

interface Found {
  readonly tensor: Omit<TensorDifference, 'place'>;
  readonly sums: DifferenceSums | undefined;
}

/** `undefined` where the two are equal. */
async function compareTensors(a: LogicalTensor, b: LogicalTensor): Promise<Found | undefined> {
  const sides = { name: a.description.name, a: describe(a), b: describe(b) };
  if (!sameShape(sides.a.shape, sides.b.shape)) return { tensor: { ...sides, difference: undefined, changed: undefined }, sums: undefined };
  const [x, y] = [await a.read(), await b.read()];
  const sameDtype = x.dtype === y.dtype;
  if (sameDtype && equalBytes(x, y)) return undefined;
  const sums = isComparable(x.dtype) && isComparable(y.dtype) ? compareValues(x, y) : undefined;
  const changed = sameDtype ? (sums?.changed ?? countChanged(x, y)) : undefined;
  return { tensor: { ...sides, difference: sums === undefined ? undefined : differenceOf(sums), changed }, sums };
}

function describe({ description: { dtype, shape } }: LogicalTensor): Pick<TensorDescription, 'dtype' | 'shape'> {
  return { dtype, shape };
}

/** Four bytes at a time where both lie so, as everything does that was read from a file. */
function equalBytes({ data: a }: Tensor, { data: b }: Tensor): boolean {
  if (a.length !== b.length) return false;
  const words = a.byteOffset % 4 === 0 && b.byteOffset % 4 === 0 ? a.length >>> 2 : 0;
  const x = new Uint32Array(a.buffer, words === 0 ? 0 : a.byteOffset, words);
  const y = new Uint32Array(b.buffer, words === 0 ? 0 : b.byteOffset, words);
  for (let i = 0; i < words; i++) if (x[i] !== y[i]) return false;
  return equalFrom(a, b, words * 4);
}

function equalFrom(a: Uint8Array, b: Uint8Array, from: number): boolean {
  for (let i = from; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function placeOf(name: string, expert: ExpertId | undefined): DiffPlace {
  if (expert !== undefined) return expert;
  const layer = /(?:^|\.)layers\.(\d{1,9})\./.exec(name)?.[1];
  return { layer: layer === undefined ? undefined : Number(layer), expert: undefined };
}

function keyOf({ layer, expert }: DiffPlace): string {
  return `${layer} ${expert}`;
}

/** What belongs to no layer comes first. */
function comparePlaces(a: DiffPlace, b: DiffPlace): number {
  return (a.layer ?? -1) - (b.layer ?? -1) || (a.expert ?? -1) - (b.expert ?? -1);
}

function closeGroup({ place, tensors, differing, sums }: OpenGroup): DiffGroup {
  return { place, tensors, differing, difference: measured(sums) };
}

function measured(sums: DifferenceSums): Difference | undefined {
  return sums.elements === 0 ? undefined : differenceOf(sums);
}
