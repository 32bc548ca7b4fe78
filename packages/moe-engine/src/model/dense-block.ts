/**
 * The feed-forward half of a decoder layer without experts.
 *
 * @module
 */
import { blockPrefix } from '@connito/moe-core';
import type { Value } from '../graph/graph.ts';
import type { DecoderContext } from './decoder-context.ts';
import { feedForward, normAfterAttention } from './feed-forward.ts';
import { addBranch } from './residual.ts';

/** `x + feedForward(rmsNorm(x))`; `x` — `[T, H]`. */
export function denseBlock(context: DecoderContext, x: Value, layer: number): Value {
  const { topology } = context;
  const normed = normAfterAttention(context, x, layer);
  return addBranch(context, x, (residual) => feedForward(context, normed, { prefix: blockPrefix(topology, layer), width: topology.denseWidth, residual }));
}
