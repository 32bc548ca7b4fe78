/**
 * The decoder in the tensor language: embedding, layers of attention and experts (or a dense network), head.
 *
 * Tensors and sizes are those of the Hugging Face checkpoint; everything is float32. What a model is made of stands in its topology: no block asks for the family.
 *
 * @module
 */
import type { Topology } from '@connito/moe-core';
import type { Graph, Value } from '../graph/graph.ts';
import { causalAttention } from '../layers/attention.ts';
import { createRotaryTables } from '../layers/rotary.ts';
import { packedRows, plainRows } from '../layers/row-layout.ts';
import type { Routing } from '../layers/routing.ts';
import { attentionBlock } from './attention-block.ts';
import type { DeclareWeight, DecoderContext } from './decoder-context.ts';
import { denseBlock } from './dense-block.ts';
import { expertBlock } from './expert-block.ts';
import { nextTokenLogits, nextTokenLosses } from './language-head.ts';
import type { PresentExperts } from './present-experts.ts';
import { rotaryFrequencies } from './rotary-frequencies.ts';
import { embeddedTokens, firstHidden } from './token-embedding.ts';

/** What a transformer graph is built from. */
export interface TransformerOptions {
  readonly topology: Topology;
  readonly batchSize: number;
  /** Positions per row; `sequenceLength − 1` of them predict a next token. */
  readonly sequenceLength: number;
  /** s: tokens at each position, 1 by default. More are superposed: their embeddings averaged, the next s of them predicted at once. */
  readonly bag?: number | undefined;
  readonly weight: DeclareWeight;
  /** `int32 [B, S]`: rows hold several documents, and this is the document of each position. */
  readonly documents?: Value | undefined;
  /** Experts of a partial model; all where left out. */
  readonly present?: PresentExperts | undefined;
}

/** Routing of one MoE layer. */
export interface RoutedLayer {
  readonly layer: number;
  readonly routing: Routing;
}

/** The graph's interesting values. */
export interface Transformer {
  /** `int32 [B, S·s]` input `tokens`. */
  readonly tokens: Value;
  /** `[T, H]`, rows of the embedding, before a model's factor. */
  readonly embedded: Value;
  /** In layer order. */
  readonly routings: readonly RoutedLayer[];
  /** `[B·(S−1), 1]` nats, row-major. */
  readonly losses: Value;
  /** `[T, V]` */
  readonly logits: Value;
}

/** Appends the whole model to `graph`. */
export function buildTransformer(graph: Graph, options: TransformerOptions): Transformer {
  const { topology, batchSize, sequenceLength, bag = 1 } = options;
  const tokens = graph.input({ name: 'tokens', type: 'int32', shape: [batchSize, sequenceLength * bag] });
  const context = createDecoderContext(graph, options);
  const embedded = embeddedTokens(context, tokens);
  const { hidden, routings } = decoderLayers(context, firstHidden(context, embedded), { from: 0, to: topology.layers });
  return { tokens, embedded, routings, losses: nextTokenLosses(context, { hidden, tokens }), logits: nextTokenLogits(context, hidden) };
}

/** Adds what all blocks share: positions and masks. */
export function createDecoderContext(graph: Graph, options: TransformerOptions): DecoderContext {
  const { topology, sequenceLength, documents } = options;
  const { positions, maskOf } = documents === undefined ? plainRows(graph, options) : packedRows(graph, documents);
  const rotary = createRotaryTables(graph, { positions, count: sequenceLength, ...rotaryFrequencies(topology, sequenceLength), pairs: topology.rope.pairs });
  return { ...options, graph, rotary, attend: (heads, layer) => causalAttention(graph, { ...heads, mask: maskOf(topology.spans[layer]!) }) };
}

/** Layers `from` to before `to`; `hidden` — `[T, H]`. */
export function decoderLayers(context: DecoderContext, hidden: Value, { from, to }: { readonly from: number; readonly to: number }): { readonly hidden: Value; readonly routings: readonly RoutedLayer[] } {
  const routings: RoutedLayer[] = [];
  for (let layer = from; layer < to; layer++) {
    const attended = attentionBlock(context, hidden, layer);
    if (context.topology.moeLayers.includes(layer)) {
      const block = expertBlock(context, attended, layer);
      routings.push({ layer, routing: block.routing });
      hidden = block.hidden;
    } else hidden = denseBlock(context, attended, layer);
  }
  return { hidden, routings };
}
