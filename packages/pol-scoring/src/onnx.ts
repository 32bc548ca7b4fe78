/**
 * Proof-of-Loss on ONNX Runtime: binds `@connito/moe-engine` to {@link LossEvaluator}, and reads candidates from files.
 *
 * @module
 */
import { applyOuterStep, assertExpertWeights, decodeExpertWeights, isMoeError, type Checkpoint, type ExpertWeights, type Float32Tensor } from '@connito/moe-core';
import { openSafetensorsFile, type OpenSafetensorsFile } from '@connito/moe-core/node';
import { createEvaluator, type EvaluatorOptions, type Provider } from '@connito/moe-engine';
import { PolError } from './error.ts';
import type { LossEvaluator } from './evaluator.ts';

/** A loaded model in a worker thread; close it. */
export interface OnnxLossEvaluator extends LossEvaluator {
  /** The ONNX Runtime in use. */
  readonly provider: Provider;
  close(): Promise<void>;
}

/**
 * Loads a model for evaluation; `native` where onnxruntime-node is installed, else WebAssembly with a notice.
 *
 * @throws errors of `createEvaluator` of `@connito/moe-engine`
 */
export async function openOnnxEvaluator(options: EvaluatorOptions): Promise<OnnxLossEvaluator> {
  const evaluator = await createEvaluator(options);
  return {
    provider: evaluator.provider,
    rowLosses: (tokens, rowOptions) => evaluator.rowLosses(tokens, rowOptions),
    close: () => evaluator.close(),
  };
}

/**
 * Reads a candidate's experts from a safetensors file in F32: absolute weights, or an update Δ = θ_start − θ_miner (its metadata says `kind: update`), which is
 * taken off the checkpoint's own weights in float32.
 *
 * @returns absolute weights, for `rowLosses` or {@link measureCandidate}
 * @throws {PolError} `wrong-candidate` where the file is damaged or its tensors are not experts of this model
 */
export async function readCandidate(path: string, checkpoint: Checkpoint): Promise<ExpertWeights> {
  try {
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
  if (file.metadata.get('kind') !== 'update') return experts;
  const start = new Map<string, Float32Tensor>();
  for (const [name, { shape }] of experts) start.set(name, { shape, data: await checkpoint.readFloat32(name) });
  return applyOuterStep({ weights: start, update: experts, rule: { kind: 'average' } }).weights;
}
