/**
 * What a file of this folder says about its family: how its config is read, and how its tensors are named and laid out.
 * @module
 */
import type { ConfigFields } from '../../internal/config-fields.ts';
import type { Topology } from '../topology.ts';

/** One family. */
export interface FamilyDefinition {
  /** What the names of the reference's model classes begin with, before `ForCausalLM` and the like. */
  readonly architecture: string;
  /** @throws config-invalid, config-contradiction, config-unsupported */
  parse(fields: ConfigFields): Topology;
  readonly naming: TensorNaming;
}

/** Names of the tensors of a layer's feed-forward block, after `model.layers.{i}.`. */
export interface TensorNaming {
  /** The block: `mlp`, `block_sparse_moe` or `feed_forward`. Dense layers use it too. */
  readonly block: string;
  /** The router's matrix, after the block. */
  readonly router: string;
  /** The router's bias `[E]`, added to the logits. */
  readonly routerBias?: string;
  /** The bias `[E]` that only the choice sees (DeepSeek-V3). */
  readonly selectionBias?: string;
  readonly experts: ExpertLayout;
  /** The shared feed-forward network. */
  readonly shared?: string;
  /** The vector `[1, H]` that gates it. */
  readonly sharedGate?: string;
}

/** How a family stores the matrices of its experts. */
export type ExpertLayout = SeparateExperts | FusedExperts;

/** A tensor per expert and projection, as linear layers have them: gate and up `[I, H]`, down `[H, I]`. */
export interface SeparateExperts {
  readonly kind: 'separate';
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** All experts of a layer in two tensors. */
export interface FusedExperts {
  readonly kind: 'fused';
  readonly gateUp: string;
  readonly down: string;
  /** `rows`: `[E, 2I, H]` and `[E, H, I]`, as linear layers; `columns`: `[E, H, 2I]` and `[E, I, H]`, for `x W`. */
  readonly outputs: 'rows' | 'columns';
  /** Where gate and up stand among the 2I: one after the other, or in turn. */
  readonly order: 'halves' | 'interleaved';
  /** Biases `[E, 2I]` and `[E, H]`. */
  readonly gateUpBias?: string;
  readonly downBias?: string;
}

/** Names that most families share. */
export const SEPARATE_PROJECTIONS: SeparateExperts = { kind: 'separate', gate: 'gate_proj', up: 'up_proj', down: 'down_proj' };
