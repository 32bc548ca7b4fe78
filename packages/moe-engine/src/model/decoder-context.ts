/**
 * What every block of a decoder is built from.
 *
 * @module
 */
import type { Topology } from '@connito/moe-core';
import type { Graph, Value } from '../graph/graph.ts';
import type { AttentionHeads } from '../layers/attention.ts';
import type { RotaryTables } from '../layers/rotary.ts';
import type { PresentExperts } from './present-experts.ts';

/** Declares a weight by its checkpoint name; the same name gives the same value. */
export type DeclareWeight = (name: string, shape: readonly number[]) => Value;

/** A decoder under construction. T = B · S. */
export interface DecoderContext {
  readonly graph: Graph;
  readonly topology: Topology;
  readonly weight: DeclareWeight;
  /** B */
  readonly batchSize: number;
  /** S */
  readonly sequenceLength: number;
  readonly rotary: RotaryTables;
  /** Mixes the values of a layer that its queries see. @returns `[B, heads, S, Dv]` */
  readonly attend: (heads: AttentionHeads, layer: number) => Value;
  /** Experts of a partial model; all where left out. */
  readonly present?: PresentExperts | undefined;
}

/** What the names of a layer's tensors begin with; ends with a dot. */
export function layerPrefix({ topology }: DecoderContext, layer: number): string {
  return `${topology.namePrefix}model.layers.${layer}.`;
}
