/**
 * What a router on a GPU leaves: experts, weights, and the order in which experts take their tokens.
 * @module
 */
import type { Routing } from '../routing/routing.ts';
import type { TokenDispatch } from '../routing/token-dispatch.ts';
import type { GpuBuffer } from './gpu-types.ts';

/** Where a routing lies, all uint32 but for the weights; usage STORAGE and COPY_SRC. The next `route` of the same router writes over it. */
export interface GpuRouting {
  /** T of this batch; the buffers may be longer. */
  readonly tokens: number;
  /** `[T, K]`, by falling rank within a token. */
  readonly ids: GpuBuffer;
  /** `[T, K]` float32, beside `ids`. A token that is refused has weights 0. */
  readonly weights: GpuBuffer;
  /** `[E]`: assignments of each expert. */
  readonly counts: GpuBuffer;
  /** `[E + 1]`: where the assignments of each expert begin in `order`; the last is T · K. */
  readonly offsets: GpuBuffer;
  /** `[T · K]`: assignments `token · K + rank`, by expert, then by token. */
  readonly order: GpuBuffer;
  /** `[T, K]`: where in `order` each assignment stands; the inverse of `order`. */
  readonly positions: GpuBuffer;
  /** One word: 0, or the bitwise complement of `token · E + expert` of the first logit that was refused (NaN, +∞; expert 0 where all are −∞). */
  readonly flag: GpuBuffer;
}

/** A routing with its dispatch, on the host. Arrays belong to the caller. */
export interface HostRouting extends Routing, TokenDispatch {
  /** `[E]`: assignments of each expert */
  readonly counts: Uint32Array;
  /** `[T, K]`: where in `order` each assignment stands; the inverse of `order`. */
  readonly positions: Uint32Array;
}
