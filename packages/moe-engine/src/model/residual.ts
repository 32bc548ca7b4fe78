/**
 * How a layer's halves are added to what they started from.
 *
 * @module
 */
import type { Value } from '../graph/graph.ts';
import { add, scale } from '../layers/elementwise.ts';
import type { DecoderContext } from './decoder-context.ts';

/**
 * `x + m · branch`, m being the model's residual multiplier, 1 in most families.
 *
 * @param branch what is added; where it is given a residual it adds that itself, which its last product does for nothing. `undefined` is nothing
 */
export function addBranch({ graph, topology }: DecoderContext, x: Value, branch: (residual: Value | undefined) => Value | undefined): Value {
  const { residual: multiplier = 1 } = topology.multipliers ?? {};
  if (multiplier === 1) return branch(x) ?? x;
  const given = branch(undefined);
  return given === undefined ? x : add(graph, x, scale(graph, given, multiplier));
}
