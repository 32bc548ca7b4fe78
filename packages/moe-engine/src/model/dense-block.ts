/**
 * The feed-forward half of a decoder layer without experts.
 *
 * @module
 */
import { blockPrefix } from '@connito/moe-core';
import type { Value } from '../graph/graph.ts';
import type { DecoderContext } from './decoder-context.ts';
import { feedForward, normAfterAttention } from './feed-forward.ts';

/** `x + feedForward(rmsNorm(x))`; `x` — `[T, H]`. */
export function denseBlock(context: DecoderContext, x: Value, layer: number): Value {
  const { topology } = context;
  return feedForward(context, normAfterAttention(context, x, layer), { prefix: blockPrefix(topology, layer), width: topology.denseWidth, residual: x });
}
