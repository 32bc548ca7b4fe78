/**
 * Allow-lists for a miner's update, before any of it is computed with (DESIGN §3.3, guards). Every outcome is a code of the verdict sheet.
 *
 * @module
 */
import type { SheetCodeName } from '@connito/commit-reveal';
import type { ExpertWeights } from '@connito/moe-core';
import { assertBetween } from './error.ts';

/** A code for an update that is refused. */
export type UpdateCode = Extract<SheetCodeName, 'malformed' | 'disallowed-tensor' | 'non-finite' | 'too-large' | 'norm-exceeded'>;

/** The tensors of the task's experts, by name: exactly these, in these shapes, in F32. */
export type AllowedTensors = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** What a file says about itself, before any tensor is read. */
export interface UpdateHeader {
  /** The file's tensors; a `SafetensorsFile`'s `tensors` fits. */
  readonly tensors: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
  readonly allowed: AllowedTensors;
  /** Size of the artifact, and the task's cap on it. */
  readonly sizeBytes: number;
  readonly maxBytes: number;
}

/**
 * Checks size, names, dtypes and shapes of an update's file without reading its tensors.
 *
 * @returns `too-large`, `disallowed-tensor` (a tensor, dtype or shape that the task does not allow), `malformed` (a tensor is missing), or undefined where all is well
 * @throws {PolError} `invalid-option`
 */
export function checkUpdateHeader({ tensors, allowed, sizeBytes, maxBytes }: UpdateHeader): UpdateCode | undefined {
  assertBetween('maxBytes', maxBytes, 0, Number.MAX_SAFE_INTEGER);
  if (!(sizeBytes <= maxBytes)) return 'too-large';
  if ([...tensors.values()].some(({ dtype }) => dtype !== 'F32')) return 'disallowed-tensor';
  return checkShapes(tensors, allowed);
}

/** A decoded update and its bounds. */
export interface UpdateCheck {
  /** Δ of every tensor, float32. */
  readonly update: ExpertWeights;
  readonly allowed: AllowedTensors;
  /** Cap on the L2 norm over all tensors. */
  readonly maxNorm: number;
}

/**
 * Checks names, shapes, values and norm of a decoded update. The norm is accumulated in float64, tensor after tensor.
 *
 * @returns `disallowed-tensor`, `malformed`, `non-finite`, `norm-exceeded`, or undefined where all is well
 * @throws {PolError} `invalid-option`
 */
export function checkUpdate({ update, allowed, maxNorm }: UpdateCheck): UpdateCode | undefined {
  assertBetween('maxNorm', maxNorm, Number.MIN_VALUE, Number.MAX_VALUE);
  const refused = checkShapes(update, allowed);
  if (refused !== undefined) return refused;
  let squared = 0;
  for (const { data, shape } of update.values()) {
    if (!(data instanceof Float32Array)) return 'disallowed-tensor';
    if (data.length !== shape.reduce((product, size) => product * size, 1)) return 'malformed';
    for (const value of data) squared += value * value; // at most 1.2e77 each: float64 cannot overflow
  }
  if (!Number.isFinite(squared)) return 'non-finite';
  return Math.sqrt(squared) > maxNorm ? 'norm-exceeded' : undefined;
}

function checkShapes(tensors: AllowedTensors, allowed: AllowedTensors): UpdateCode | undefined {
  for (const [name, { shape }] of tensors) {
    const expected = allowed.get(name)?.shape;
    if (expected === undefined || !isSame(shape, expected)) return 'disallowed-tensor';
  }
  return tensors.size < allowed.size ? 'malformed' : undefined;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
