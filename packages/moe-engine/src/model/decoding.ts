/**
 * The graph that reads a few more tokens of one text and says what may come next.
 *
 * @module
 */
import type { AttentionSpan, Topology } from '@connito/moe-core';
import { createGraph, float, type Graph, type Value } from '../graph/graph.ts';
import { cachedAttention } from '../layers/cached-attention.ts';
import { createRotaryTables } from '../layers/rotary.ts';
import type { DecoderContext } from './decoder-context.ts';
import { nextTokenLogits } from './language-head.ts';
import { declareWeights, finish, type Program, type ProgramOptions } from './program.ts';
import { rotaryFrequencies } from './rotary-frequencies.ts';
import { embeddedTokens, firstHidden } from './token-embedding.ts';
import { decoderLayers } from './transformer.ts';

/** Sizes of a decoding graph. */
export interface DecodingOptions extends Omit<ProgramOptions, 'batchSize' | 'sequenceLength'> {
  /** S: tokens read at once. */
  readonly fresh: number;
  /** M: places for keys and values of the tokens before them. */
  readonly capacity: number;
}

/** What one layer keeps of each position. */
export interface KeptHeads {
  readonly heads: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
}

/** Heads and widths of the keys and values of a model's layers. */
export function keptHeads({ attention }: Topology): KeptHeads {
  if (attention.kind === 'grouped') return { heads: attention.keyValueHeads, keyWidth: attention.headDim, valueWidth: attention.headDim };
  return { heads: attention.heads, keyWidth: attention.plainDim + attention.ropeDim, valueWidth: attention.valueDim };
}

/** Name of the input with the mask of layers of a span, `[S, M + S]`. */
export function maskName(span: AttentionSpan): string {
  return span.kind === 'full' ? 'mask.full' : `mask.${span.kind}.${span.tokens}`;
}

/** Positions that a text may have. Ropes that change with the length of a text are used as far as they stay the same: kept keys were turned by them. */
export function decodingPositions({ rope, maxPositions }: Topology): number {
  const original = rope.parameters['original_max_position_embeddings'];
  return rope.kind === 'longrope' && typeof original === 'number' ? Math.min(original, maxPositions) : maxPositions;
}

/**
 * Inputs beside the weights: `tokens` — `int32 [1, S]`; `start` — `int32 [1]`, how many tokens came before; `last` — `int32 [1]`, the row whose logits are wanted;
 * `oldKeys.L` and `oldValues.L` — `[1, heads, M, D]` of each layer; a mask for each span (see {@link maskName}).
 *
 * Outputs: `logits` — `[1, V]`; `keys.L` and `values.L` — `[1, heads, S, D]`, to be kept.
 */
export function compileDecoding(options: DecodingOptions): Program {
  const { topology, fresh } = options;
  const graph = createGraph(options);
  const size = { batchSize: 1, sequenceLength: fresh };
  const tokens = graph.input({ name: 'tokens', type: 'int32', shape: [1, fresh] });
  const start = graph.input({ name: 'start', type: 'int32', shape: [1] });
  const last = graph.input({ name: 'last', type: 'int32', shape: [1] });
  const kept = declareKept(graph, options);
  const outputs = new Map<string, Value>();
  const attend: DecoderContext['attend'] = (heads, layer) => {
    outputs.set(`keys.${layer}`, heads.key).set(`values.${layer}`, heads.value);
    return cachedAttention(graph, { ...heads, oldKeys: kept.keys[layer]!, oldValues: kept.values[layer]!, mask: kept.masks.get(maskName(topology.spans[layer]!))! });
  };
  const context: DecoderContext = { ...options, ...size, graph, weight: declareWeights(graph, options), rotary: createPositions(graph, { ...options, start }), attend };
  const { hidden } = decoderLayers(context, firstHidden(context, embeddedTokens(context, tokens)), { from: 0, to: topology.layers });
  outputs.set('logits', nextTokenLogits(context, graph.node('Gather', [hidden, last], float(1, topology.hiddenSize))));
  return finish(graph, { ...options, ...size }, outputs);
}

interface KeptInputs {
  readonly keys: readonly Value[];
  readonly values: readonly Value[];
  readonly masks: ReadonlyMap<string, Value>;
}

function declareKept(graph: Graph, { topology, fresh, capacity }: DecodingOptions): KeptInputs {
  const { heads, keyWidth, valueWidth } = keptHeads(topology);
  const layers = Array.from({ length: topology.layers }, (_, layer) => layer);
  const names = new Set(topology.spans.map(maskName));
  return {
    keys: layers.map((layer) => graph.input({ name: `oldKeys.${layer}`, shape: [1, heads, capacity, keyWidth] })),
    values: layers.map((layer) => graph.input({ name: `oldValues.${layer}`, shape: [1, heads, capacity, valueWidth] })),
    masks: new Map([...names].map((name) => [name, graph.input({ name, shape: [fresh, capacity + fresh] })])),
  };
}

/** Rotation by the places that the tokens have in the text. */
function createPositions(graph: Graph, { topology, fresh, capacity, start }: DecodingOptions & { readonly start: Value }): DecoderContext['rotary'] {
  const first = graph.node('Cast', [start], { type: 'int64', shape: [1] }, { to: { int: 7 } });
  const steps = graph.constant(BigInt64Array.from({ length: fresh }, (_, step) => BigInt(step)), [1, fresh]);
  const positions = graph.node('Add', [steps, first], { type: 'int64', shape: [1, fresh] });
  return createRotaryTables(graph, { positions, count: capacity + fresh, ...rotaryFrequencies(topology, decodingPositions(topology)), pairs: topology.rope.pairs });
}
