/**
 * Training and evaluation of a checkpoint as files that another ONNX Runtime runs, wherever it has a GPU: the graphs, one batch to feed them, and
 * what they ask for and give. `python/run_exported.py` runs them beside PyTorch.
 *
 * @module
 */
import { assertSelection, countFlops, encodeSafetensors, expertTensorNames, formatExpertConfig, parseExpertTensorName, type Checkpoint, type ExpertSelection } from '@connito/moe-core';
import { toTokenIds, type TokenMatrix } from '../evaluation/token-matrix.ts';
import { compileEvaluation, compileTraining, type Program, type ProgramOptions } from '../model/program.ts';
import { assertOwnTensors, assertSupported } from '../model/supported.ts';
import { assertOption } from '../options.ts';

/** Options of {@link exportGraphs}. */
export interface GraphExportOptions {
  /** Only its topology and the shapes of its tensors are read. */
  readonly checkpoint: Pick<Checkpoint, 'topology' | 'tensors'>;
  /** Whose gradients the training graph gives. */
  readonly experts: ExpertSelection;
  /** `[B, S]`: one batch. */
  readonly tokens: TokenMatrix;
  readonly sequenceLength: number;
}

/** The files, and the weights that must lie beside them. */
export interface GraphExport {
  /** By name: `training.onnx`, `evaluation.onnx`, `inputs.safetensors`, `expert_cfg.json`, and `run.json`, which describes the others, last. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Names of the checkpoint's tensors that the graphs are fed, as float32. */
  readonly weights: readonly string[];
}

/**
 * Compiles the graphs of a checkpoint for standard kernels, which are those of ONNX Runtime's processor and CUDA providers.
 *
 * @throws {unsupported-model} {unknown-tensor} {bad-shape} {bad-option}
 * @throws moe-core's `selection-invalid`
 */
export function exportGraphs({ checkpoint: { topology, tensors }, experts, tokens, sequenceLength }: GraphExportOptions): GraphExport {
  assertOption('sequenceLength', sequenceLength, { least: 2, whole: true });
  assertSupported(topology);
  assertOwnTensors(topology, 'export');
  assertSelection(topology, experts);
  const rows = toTokenIds(tokens, { sequenceLength, vocabularySize: topology.vocabularySize });
  const shapes = new Map([...tensors.values()].map(({ name, shape }) => [name, shape]));
  const options: ProgramOptions = { topology, shapes, batchSize: rows.length / sequenceLength, sequenceLength };
  const trained = [...experts].flatMap(([layer, ids]) => ids.flatMap((expert) => Object.values(expertTensorNames(topology, { layer, expert }))));
  const [training, evaluation] = [compileTraining({ ...options, trained }), compileEvaluation(options)];
  const description = {
    format: 'connito-graph-export/1',
    family: topology.family,
    batchSize: options.batchSize,
    sequenceLength,
    graphs: { training: describe(training), evaluation: describe(evaluation) },
    gradients: trained.map((name) => ({ name, ...parseExpertTensorName(topology, name) })),
    flops: countSteps(options, experts),
  };
  const files = new Map([
    ['training.onnx', training.model],
    ['evaluation.onnx', evaluation.model],
    ['inputs.safetensors', encodeInputs(options, rows)],
    ['expert_cfg.json', text(formatExpertConfig({ experts, sharedExperts: false, nonExpertModules: false }))],
    ['run.json', text(`${JSON.stringify(description, null, 1)}\n`)],
  ]);
  return { files, weights: [...new Set([...training.weights, ...evaluation.weights])] };
}

function describe({ weights, fed, outputs }: Program): { readonly weights: readonly string[]; readonly inputs: readonly string[]; readonly outputs: Readonly<Record<string, string>> } {
  return { weights, inputs: fed, outputs: Object.fromEntries(outputs) };
}

/** The batch, and equal shares for its predicted tokens: their weighted sum is the mean loss. */
function encodeInputs({ batchSize, sequenceLength }: ProgramOptions, tokens: Int32Array): Uint8Array {
  const predicted = batchSize * (sequenceLength - 1);
  const shares = new Float32Array(predicted).fill(1 / predicted);
  return encodeSafetensors([
    { name: 'tokens', dtype: 'I32', shape: [batchSize, sequenceLength], data: new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength) },
    { name: 'lossWeights', dtype: 'F32', shape: [predicted, 1], data: new Uint8Array(shares.buffer) },
  ]);
}

/** Operations of a step. Training's depend on how many assignments go to trained experts: so many without any, and so many more for each of a layer. */
function countSteps({ topology, batchSize, sequenceLength }: ProgramOptions, experts: ExpertSelection): { readonly evaluation: number; readonly training: number; readonly perTrainedAssignment: Readonly<Record<number, number>> } {
  const count = (trained?: ReadonlyMap<number, number>): number => countFlops({ topology, rows: batchSize, sequenceLength, trained }).total;
  const none = [...experts.keys()].map((layer) => [layer, 0] as const);
  const training = count(new Map(none));
  const perTrainedAssignment = Object.fromEntries(none.map(([layer]) => [layer, count(new Map([...none, [layer, 1]])) - training]));
  return { evaluation: count(), training, perTrainedAssignment };
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}
