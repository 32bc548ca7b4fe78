/**
 * Proof-of-Loss on ONNX Runtime: binds `@connito/moe-engine` to {@link LossEvaluator}, and reads candidates from files.
 *
 * @module
 */
import { applyOuterStep, assertExpertWeights, decodeExpertWeights, decompressUpdate, inspectCompressedUpdate, isMoeError, type Checkpoint, type CompressedUpdateHeader, type ExpertWeights, type Float32Tensor } from '@connito/moe-core';
import { openFileSource, openSafetensorsFile, type FileSource, type OpenSafetensorsFile } from '@connito/moe-core/node';
import { createEvaluator, type CandidateOptions, type EvaluatorOptions, type Device } from '@connito/moe-engine';
import { PolError } from './error.ts';
import type { LossEvaluator } from './evaluator.ts';

/** A loaded model in a worker thread; close it. */
export interface OnnxLossEvaluator extends LossEvaluator {
  /** Where it computes. Scores of two validators agree in their bits only if their devices do. */
  readonly device: Device;
  /** As {@link LossEvaluator.rowLosses} for each candidate, in order and with the same bits; what they share is computed once for several. See `candidateLosses` of `@connito/moe-engine`. */
  candidateLosses(tokens: Int32Array | Uint16Array, candidates: Iterable<ExpertWeights> | AsyncIterable<ExpertWeights>, options?: CandidateOptions): AsyncGenerator<Float64Array, void, undefined>;
  close(): Promise<void>;
}

/**
 * Loads a model for evaluation, on the device that the options name.
 *
 * @throws errors of `createEvaluator` of `@connito/moe-engine`
 */
export async function openOnnxEvaluator(options: EvaluatorOptions): Promise<OnnxLossEvaluator> {
  const evaluator = await createEvaluator(options);
  return {
    device: evaluator.device,
    rowLosses: (tokens, rowOptions) => evaluator.rowLosses(tokens, rowOptions),
    async *candidateLosses(tokens, candidates, candidateOptions) {
      for await (const { rows } of evaluator.candidateLosses(tokens, candidates, candidateOptions)) yield rows;
    },
    close: () => evaluator.close(),
  };
}

/**
 * Reads a candidate's experts from a safetensors file in F32: absolute weights, or an update Δ = θ_start − θ_miner (its metadata says `kind: update`), which is
 * taken off the checkpoint's own weights in float32. A compressed update (moe-core's UPDATE-FORMAT.md) is told by its magic.
 *
 * @returns absolute weights, for `rowLosses` or {@link measureCandidate}
 * @throws {PolError} `wrong-candidate` where the file is damaged or its tensors are not experts of this model
 */
export async function readCandidate(path: string, checkpoint: Checkpoint): Promise<ExpertWeights> {
  try {
    const update = await readCompressedUpdate(path, checkpoint);
    if (update) return await takeOff(update, checkpoint);
    const file = await openSafetensorsFile(path);
    try {
      return await readExperts(file, checkpoint);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (!isMoeError(cause)) throw cause;
    throw new PolError('wrong-candidate', `expected experts of this model in ${path}: ${cause.message}`, { option: 'candidate', actual: path }, cause);
  }
}

async function readExperts(file: OpenSafetensorsFile, checkpoint: Checkpoint): Promise<ExpertWeights> {
  const experts = await decodeExpertWeights(file);
  assertExpertWeights(checkpoint.topology, experts);
  return file.metadata.get('kind') === 'update' ? takeOff(experts, checkpoint) : experts;
}

/** Undefined where the file is something else. Its shapes must be the model's before they are allocated. */
async function readCompressedUpdate(path: string, checkpoint: Checkpoint): Promise<ExpertWeights | undefined> {
  const source = await openFileSource(path);
  try {
    const header = await inspectIfCompressed(source);
    if (!header) return undefined;
    const expected = new Map(header.tensors.flatMap(({ name }) => checkpoint.tensors.get(name) ?? []).map(({ name, shape }) => [name, { shape }]));
    const { update } = decompressUpdate(await source.read(0, source.sizeBytes), { expected });
    assertExpertWeights(checkpoint.topology, update);
    return update;
  } finally {
    await source.close();
  }
}

async function inspectIfCompressed(source: FileSource): Promise<CompressedUpdateHeader | undefined> {
  try {
    return await inspectCompressedUpdate(source);
  } catch (error) {
    if (isMoeError(error, 'update-file-unknown')) return undefined;
    throw error;
  }
}

async function takeOff(update: ExpertWeights, checkpoint: Checkpoint): Promise<ExpertWeights> {
  const start = new Map<string, Float32Tensor>();
  for (const [name, { shape }] of update) start.set(name, { shape, data: await checkpoint.readFloat32(name) });
  return applyOuterStep({ weights: start, update, rule: { kind: 'average' } }).weights;
}
