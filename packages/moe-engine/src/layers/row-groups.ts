/**
 * Rows that are multiplied with different weights: how it is said which rows belong to which.
 *
 * @module
 */
import type { Value } from '../graph/graph.ts';

/** Consecutive groups of rows, one per weight; see `dispatch.ts`. */
export interface RowGroups {
  /** `int64 [E]`: rows of each group; they sum to N. */
  readonly counts: Value;
  readonly groups: number;
}

/** Groups padded to blocks of equal size; see `block-dispatch.ts`. */
export interface RowBlocks {
  /** `int32 [M]`: which weight each block's rows are multiplied with. */
  readonly owners: Value;
  /** M */
  readonly count: number;
  /** b: rows of a block. */
  readonly blockSize: number;
}
