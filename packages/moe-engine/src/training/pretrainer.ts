/**
 * Pretraining: a model from nothing but its config, every parameter trained, routers and their auxiliary losses included.
 *
 * @module
 */
import { countElements, expectedTensors, parseTopology, sameShape, sortedNames, type Float32Tensor, type Topology } from '@connito/moe-core';
import { MoeEngineError } from '../error.ts';
import type { AuxiliaryLosses } from '../model/objective.ts';
import { assertOneOf, assertOption } from '../options.ts';
import type { Device } from '../runtime/device.ts';
import type { EngineOptions } from '../runtime/engine-client.ts';
import { assertOwnTensors } from '../model/supported.ts';
import type { TensorMessage } from '../runtime/tensor-message.ts';
import { initialWeights } from './initial-weights.ts';
import { memoryCheckpoint } from './pretrained-model.ts';
import { formatRowSeed } from './row-order.ts';
import type { StepReport, TrainingJob } from './training-job.ts';
import { trainingSettings, type TrainingRunOptions } from './training-options.ts';
import { toTrainingRows, type TrainingRowsInput } from './training-rows.ts';
import { runTrainingJob } from './training-run.ts';

/** Token-Superposition Training: the first steps read and predict bags of tokens instead of tokens. */
export interface Superposition {
  /** s: contiguous tokens in a bag, at least 2. */
  readonly bag: number;
  /** r: share of the steps that are superposed, `round(r · steps)` of them, 0 to 1. */
  readonly share: number;
}

/** Options of {@link pretrain}. */
export interface PretrainOptions extends Omit<EngineOptions, 'checkpoint' | 'present'>, TrainingRowsInput, TrainingRunOptions {
  /** A parsed `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Decides the initial weights, see {@link initialWeights}; `''` by default. */
  readonly seed?: string | undefined;
  /** Standard deviation of initial weights; the config's `initializer_range`, or 0.02. */
  readonly deviation?: number | undefined;
  /** Weights to start from in the place of random ones: all tensors of the model. Not changed. */
  readonly start?: ReadonlyMap<string, Float32Tensor> | undefined;
  /** Decides the order of rows, as in `trainExperts`; without it they come in their own order, again and again. */
  readonly rowSeed?: string | Uint8Array | undefined;
  /** Coefficients of the auxiliary losses, per micro-batch; none by default. */
  readonly auxiliary?: AuxiliaryLosses | undefined;
  /**
   * A superposed step reads rows of `S · s` tokens, s of the given rows one after the other, as rows of a packed text are; it costs what any step costs and sees s times the text.
   * Not together with `documents` or `labelMask`. None by default.
   */
  readonly superposition?: Superposition | undefined;
}

/** A trained model. */
export interface PretrainedModel {
  /** By the names of the checkpoint. */
  readonly tensors: ReadonlyMap<string, Float32Tensor>;
  /** All steps, those before a resume included. The loss of superposed ones is that of bags. */
  readonly steps: readonly StepReport[];
  /** Steps whose loss or gradient was not finite. */
  readonly skippedSteps: number;
  readonly device: Device;
}

/**
 * Trains all parameters of a model by AdamW. Vectors (norms, biases) are not decayed, matrices are, the embedding among them.
 *
 * Same inputs and device: same bits, interrupted or not.
 *
 * @example
 * const { tensors } = await pretrain({ config, tokens, sequenceLength: 128, batchSize: 16, steps: 2000, learningRate: 3e-3, auxiliary: { balance: 0.01 } });
 * await writePretrained('model', { config, tensors, copyFrom: 'tokenizer' });
 * @throws {bad-option} {bad-shape} {unknown-tensor} {unsupported-model} {device-unavailable} {runtime-failed} {worker-crashed} {aborted} {resume-mismatch} {resume-corrupt}
 * @throws moe-core's codes of `parseTopology`
 */
export async function pretrain(options: PretrainOptions): Promise<PretrainedModel> {
  const { config, documents, sequenceLength } = options;
  const settings = trainingSettings(options);
  const superposition = toSuperposition(options);
  const topology = parseTopology(config);
  assertOwnTensors(topology, 'pretraining');
  const weights = toStart(topology, options);
  const names = sortedNames(weights);
  const start = names.map((name): TensorMessage => ({ name, shape: weights.get(name)!.shape, data: weights.get(name)!.data }));
  const outcome = await runTrainingJob(
    { ...options, checkpoint: await memoryCheckpoint(topology, weights) },
    {
      compiled: { trained: names, packed: documents !== undefined, auxiliary: toAuxiliary(options, settings.microBatches), bag: superposition?.bag ?? 1 },
      jobOf: (): TrainingJob => {
        const rows = toTrainingRows(options, { sequenceLength, vocabularySize: topology.vocabularySize });
        const rowSeed = options.rowSeed === undefined ? undefined : formatRowSeed(options.rowSeed);
        return { ...settings, rowSeed, undecayed: names.filter((name) => weights.get(name)!.shape.length < 2), superposition, start, rows };
      },
    },
  );
  const tensors = new Map(outcome.weights.map(({ name, shape, data }) => [name, { shape, data }]));
  return { tensors, steps: outcome.reports, skippedSteps: outcome.reports.filter(({ skipped }) => skipped).length, device: outcome.device };
}

/** The given tensors, each checked, or initial ones. */
function toStart(topology: Topology, { start, seed = '', deviation, config }: PretrainOptions): ReadonlyMap<string, Float32Tensor> {
  if (start === undefined) return initialWeights(topology, { seed, deviation: toDeviation(deviation ?? config['initializer_range']) });
  const expected = new Map([...expectedTensors(topology)].map(({ name, shape }) => [name, shape]));
  const unknown = [...start.keys()].find((name) => !expected.has(name));
  if (unknown !== undefined) throw new MoeEngineError('unknown-tensor', `option start holds "${unknown}", which is no tensor of this model`, { name: unknown });
  for (const [name, shape] of expected) assertTensor(start.get(name), { name, shape });
  return start;
}

function assertTensor(given: Float32Tensor | undefined, { name, shape }: { readonly name: string; readonly shape: readonly number[] }): void {
  if (given === undefined) throw new MoeEngineError('unknown-tensor', `option start lacks the tensor "${name}": give all tensors of the model, or none`, { name });
  if (sameShape(given.shape, shape) && given.data.length === countElements(shape)) return;
  const [expected, actual] = [`[${shape.join(', ')}]`, `[${given.shape.join(', ')}], ${given.data.length} values`];
  throw new MoeEngineError('bad-shape', `start tensor "${name}": expected ${expected}, got ${actual}`, { name, expected, actual });
}

function toDeviation(given: unknown = 0.02): number {
  assertOption('deviation', given as number, { least: Number.MIN_VALUE, most: Number.MAX_VALUE });
  return given as number;
}

/** Each micro-batch has auxiliary losses of its own; what counts is their mean. */
function toAuxiliary({ auxiliary = {} }: PretrainOptions, microBatches: number): AuxiliaryLosses {
  const { balance = 0, balanceOver = 'model', routerZ = 0 } = auxiliary;
  assertOption('auxiliary.balance', balance, { least: 0, most: Number.MAX_VALUE });
  assertOption('auxiliary.routerZ', routerZ, { least: 0, most: Number.MAX_VALUE });
  assertOneOf('auxiliary.balanceOver', balanceOver, ['model', 'layer']);
  return { balance: balance / microBatches, balanceOver, routerZ: routerZ / microBatches };
}

function toSuperposition({ superposition, documents, labelMask, steps, tokens, sequenceLength }: PretrainOptions): TrainingJob['superposition'] {
  if (superposition === undefined) return undefined;
  const { bag, share } = superposition;
  assertOption('superposition.bag', bag, { least: 2, whole: true });
  assertOption('superposition.share', share, { least: 0, most: 1 });
  if (documents !== undefined || labelMask !== undefined) {
    throw new MoeEngineError('bad-option', 'option superposition: expected rows without documents and labelMask, whose bags would mix what counts and what does not', { option: 'superposition', expected: 'neither documents nor labelMask', actual: 'both kinds of options' });
  }
  if (tokens.length < bag * sequenceLength) {
    const expected = `at least ${bag * sequenceLength} ids for bags of ${bag}`;
    throw new MoeEngineError('bad-shape', `tokens: expected ${expected}, got ${tokens.length}`, { name: 'tokens', expected, actual: String(tokens.length) });
  }
  return { bag, steps: Math.round(share * steps) };
}
