/**
 * Linear layers by their names in the checkpoint.
 *
 * @module
 */
import { fixed, type Value } from '../graph/graph.ts';
import { addBias, linear } from '../layers/linear.ts';
import type { DecoderContext } from './decoder-context.ts';

/** A linear layer: `{name}.weight` — `[outputs, inputs]` and, where it has one, `{name}.bias` — `[outputs]`. */
export interface Projection {
  readonly name: string;
  readonly outputs: number;
  readonly bias?: boolean;
  /** `[N, outputs]`, added to the product. */
  readonly residual?: Value | undefined;
}

/** `x · Wᵀ + b + residual`; `x` — `[N, inputs]`. */
export function project({ graph, weight }: DecoderContext, x: Value, { name, outputs, bias = false, residual }: Projection): Value {
  const product = linear(graph, x, weight(`${name}.weight`, [outputs, fixed(x.shape[1])]), residual);
  return bias ? addBias(graph, product, weight(`${name}.bias`, [outputs])) : product;
}
