/**
 * From rows to heads.
 *
 * @module
 */
import { fixed, type Value } from '../graph/graph.ts';
import { reshape, transpose } from '../layers/elementwise.ts';
import { layerPrefix, type DecoderContext } from './decoder-context.ts';

/** What the names of a layer's attention tensors begin with; ends with a dot. */
export function attentionPrefix(context: DecoderContext, layer: number): string {
  return `${layerPrefix(context, layer)}self_attn.`;
}

/** `[T, heads · D]` → `[B, heads, S, D]`; `perHead` sees `[B, S, heads, D]`. */
export function toHeads({ graph, batchSize, sequenceLength }: DecoderContext, x: Value, { heads, perHead = (value) => value }: { readonly heads: number; readonly perHead?: (value: Value) => Value }): Value {
  const cut = reshape(graph, x, [batchSize, sequenceLength, heads, fixed(x.shape[1]) / heads]);
  return transpose(graph, perHead(cut), [0, 2, 1, 3]);
}
