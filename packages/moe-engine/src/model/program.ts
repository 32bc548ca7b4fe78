/**
 * Compiles a model and a purpose into one ONNX graph with named inputs and outputs.
 *
 * @module
 */
import type { Topology } from '@connito/moe-core';
import { MoeEngineError } from '../error.ts';
import { differentiate } from '../graph/gradients.ts';
import { createGraph, type Graph, type GraphProfile, type Value } from '../graph/graph.ts';
import type { DeclareWeight } from './decoder-context.ts';
import { embeddingName } from './token-embedding.ts';
import { trainingObjective, type AuxiliaryLosses } from './objective.ts';
import type { PresentExperts } from './present-experts.ts';
import { buildTransformer } from './transformer.ts';

/** Shapes of a checkpoint's tensors by name. */
export type TensorShapes = ReadonlyMap<string, readonly number[]>;

/** A compiled graph. */
export interface Program {
  /** ONNX bytes; weights are not among them. */
  readonly model: Uint8Array;
  /** Names of the weights to feed. */
  readonly weights: readonly string[];
  /** Names of what is fed beside them: `tokens`, or what another program hands over. */
  readonly fed: readonly string[];
  /** ONNX output name by meaning. */
  readonly outputs: ReadonlyMap<string, string>;
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** Tokens at each position. */
  readonly bag: number;
  /** Where the embedding is trained: the output `embedded` has to be added up to its gradient, or to what is there of it. */
  readonly embedding?: { readonly name: string; readonly width: number } | undefined;
}

/** Common inputs of the compilers. */
export interface ProgramOptions {
  readonly topology: Topology;
  readonly shapes: TensorShapes;
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** Experts of a partial model; all where left out. */
  readonly present?: PresentExperts | undefined;
  /** `standard` by default. */
  readonly profile?: GraphProfile;
}

/** Outputs: `losses` — `[B·(S−1), 1]`, nats per predicted token. */
export function compileEvaluation(options: ProgramOptions): Program {
  const graph = createGraph(options);
  const { losses } = buildTransformer(graph, { ...options, weight: declareWeights(graph, { shapes: options.shapes }) });
  return finish(graph, options, new Map([['losses', losses]]));
}

/** An evaluation cut in two, for candidates that differ only in some weights. */
export interface SplitProgram {
  /** What no candidate changes, computed once a batch; its outputs are named as the inputs of `own`. */
  readonly shared: Program;
  /** The rest, computed for each candidate. Outputs: `losses`, as those of {@link compileEvaluation}. */
  readonly own: Program;
}

/** Cuts an evaluation as late as the weights `changed` allow: in their first layer, attention, router, sorting and other experts are shared. */
export function compileSplitEvaluation(options: ProgramOptions & { readonly changed: Iterable<string> }): SplitProgram {
  const graph = createGraph(options);
  const { tokens, losses } = buildTransformer(graph, { ...options, weight: declareWeights(graph, { shapes: options.shapes }) });
  const carried = graph.frontier({ outputs: [losses], changed: options.changed, varying: [tokens.name] });
  return {
    shared: finish(graph, options, new Map(carried.map((value) => [value.name, value]))),
    own: finish(graph, options, new Map([['losses', losses]]), carried),
  };
}

/** What a training graph computes. */
export interface TrainingProgramOptions extends ProgramOptions {
  /** Names of the tensors whose gradients are wanted. */
  readonly trained: readonly string[];
  /** Rows hold several documents; adds the input `documents` — `int32 [B, S]`, −1 for padding. */
  readonly packed?: boolean;
  /** None by default. */
  readonly auxiliary?: AuxiliaryLosses | undefined;
  /** s: tokens at each position, 1 by default; rows then hold `S · s` tokens, and one document each. */
  readonly bag?: number | undefined;
}

/**
 * Inputs beside `tokens`: `lossWeights` — `[B·(S−1), 1]`, what each predicted token's loss counts. The minimised scalar is `Σ lossWeights ⊙ losses`,
 * plus the weighted auxiliary losses.
 *
 * Outputs: `loss` — that sum of token losses; `auxiliaryLoss` — the load-balancing loss, and `routerZLoss`, both before their coefficients, where they have one; per MoE layer L `ids.L` — `int64 [B·S, K]`; the name
 * of each trained tensor — its gradient, in its shape. Of the embedding that is only the output head's part, absent where there is none; `embedded` — `[B·S, H]` is the
 * gradient of the embedded tokens, which `embedding-gradient.ts` adds up.
 */
export function compileTraining(options: TrainingProgramOptions): Program {
  const { batchSize, sequenceLength, packed = false, auxiliary } = options;
  const graph = createGraph(options);
  const weight = declareWeights(graph, options);
  const trained = options.trained.map((name) => weight(name, shapeOf(options.shapes, name)));
  const lossWeights = graph.input({ name: 'lossWeights', shape: [batchSize * (sequenceLength - 1), 1] });
  const documents = packed ? graph.input({ name: 'documents', type: 'int32', shape: [batchSize, sequenceLength] }) : undefined;
  const transformer = buildTransformer(graph, { ...options, weight, documents });
  const objective = trainingObjective(graph, { ...transformer, lossWeights, documents, auxiliary });
  const outputs = new Map([['loss', objective.loss], ...objective.auxiliary, ...transformer.routings.map(({ layer, routing }) => [`ids.${layer}`, routing.ids] as const)]);
  const [embedding, isHead] = [embeddingName(options.topology), options.topology.tiedEmbeddings];
  const embeds = options.trained.includes(embedding);
  const wanted = [...trained.filter(({ name }) => isHead || name !== embedding), ...(embeds ? [transformer.embedded] : [])];
  for (const [index, gradient] of differentiate(graph, objective.total, wanted).entries()) {
    outputs.set(wanted[index] === transformer.embedded ? 'embedded' : wanted[index]!.name, gradient);
  }
  return { ...finish(graph, options, outputs), embedding: embeds ? { name: embedding, width: options.topology.hiddenSize } : undefined };
}

/** Outputs: `logits` — `[B·S, V]`, those of position s for token s + 1. */
export function compileLogits(options: ProgramOptions): Program {
  const graph = createGraph(options);
  const { logits } = buildTransformer(graph, { ...options, weight: declareWeights(graph, { shapes: options.shapes }) });
  return finish(graph, options, new Map([['logits', logits]]));
}

/** Outputs per MoE layer L: `ids.L` — `int64 [B·S, K]`, `weights.L` — `[B·S, K]`. */
export function compileRouting(options: ProgramOptions): Program {
  const graph = createGraph(options);
  const { routings } = buildTransformer(graph, { ...options, weight: declareWeights(graph, { shapes: options.shapes }) });
  const outputs = routings.flatMap(({ layer, routing }) => [[`ids.${layer}`, routing.ids] as const, [`weights.${layer}`, routing.weights] as const]);
  return finish(graph, options, new Map(outputs));
}

type FinishOptions = Pick<TrainingProgramOptions, 'shapes' | 'batchSize' | 'sequenceLength' | 'bag'>;

/** Encodes what gives the outputs. Inputs that the checkpoint has are weights; the rest, and `given` values of the graph, is fed. */
export function finish(graph: Graph, { shapes, batchSize, sequenceLength, bag = 1 }: FinishOptions, outputs: ReadonlyMap<string, Value>, given: readonly Value[] = []): Program {
  const { model, inputs } = graph.encode([...outputs.values()], given);
  const isGiven = new Set(given.map((value) => value.name));
  const isWeight = (name: string): boolean => shapes.has(name) && !isGiven.has(name);
  const names = inputs.map((value) => value.name);
  return { model, weights: names.filter(isWeight), fed: names.filter((name) => !isWeight(name)), outputs: new Map([...outputs].map(([meaning, value]) => [meaning, value.name])), batchSize, sequenceLength, bag };
}

/** Each weight becomes one graph input, however often it is used; its shape in the checkpoint must be the one the model needs. */
export function declareWeights(graph: Graph, { shapes, trained = [] }: { readonly shapes: TensorShapes; readonly trained?: readonly string[] }): DeclareWeight {
  const declared = new Map<string, Value>();
  const isTrained = new Set(trained);
  return (name, expected) => {
    const known = declared.get(name);
    if (known !== undefined) return known;
    const shape = shapeOf(shapes, name);
    assertShape({ name, expected, shape });
    const value = graph.input({ name, shape, trained: isTrained.has(name) });
    declared.set(name, value);
    return value;
  };
}

function shapeOf(shapes: TensorShapes, name: string): readonly number[] {
  const shape = shapes.get(name);
  if (shape !== undefined) return shape;
  throw new MoeEngineError('unknown-tensor', `the model needs the tensor "${name}", which the checkpoint does not have: use the full checkpoint that belongs to its config.json, or name the experts that it holds in the option present`, { name });
}

function assertShape({ name, expected, shape }: { readonly name: string; readonly expected: readonly number[]; readonly shape: readonly number[] }): void {
  if (expected.length === shape.length && expected.every((size, axis) => size === shape[axis])) return;
  throw new MoeEngineError('bad-shape', `tensor "${name}" must have shape ${formatShape(expected)} by config.json, but the checkpoint holds ${formatShape(shape)}`, {
    name,
    expected: formatShape(expected),
    actual: formatShape(shape),
  });
}

function formatShape(sizes: readonly number[]): string {
  return `[${sizes.join(', ')}]`;
}
