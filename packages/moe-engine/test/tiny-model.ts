/** The tiny reference models under `vectors/` and their expected values. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expectedTensors, expertTensorNames, parseExpertTensorName, type ExpertWeights, type Topology } from '@connito/moe-core';
import { openCheckpoint, openSafetensorsFile } from '@connito/moe-core/node';
import type { Program } from '../src/model/program.ts';
import { readLogicalTensor, tensorShapes } from '../src/runtime/logical-tensors.ts';
import { gradientOf } from '../src/training/step-sum.ts';
import { openRuntime, type Runtime } from '../src/runtime/runtime.ts';
import type { VectorDevice } from './vector-devices.ts';

/** Of the family qwen3_moe. */
export const TINY_MODELS: readonly string[] = ['grouped', 'odd', 'dense'];

/** Several of every family; `vectors/families/generate.py` says what each is for. */
export const FAMILY_MODELS: readonly string[] = readdirSync(vectorPath('families'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => `families/${name}`);

export interface Manifest {
  readonly training: { readonly steps: number; readonly batch: number; readonly positions: number; readonly rate: number; readonly warmup: number; readonly final: number; readonly seed: string; readonly betas: [number, number]; readonly eps: number; readonly decay: number; readonly clip: number };
}

export interface TinyModel {
  readonly directory: string;
  readonly topology: Topology;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly weights: Map<string, Float32Array>;
  /** Those with expected gradients. */
  readonly parameters: readonly string[];
  /** The experts' among them. */
  readonly trained: readonly string[];
  readonly tokens: Int32Array;
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** Tensors of `expected.safetensors`. */
  readonly expected: ReadonlyMap<string, Float32Array>;
  readonly expectedIds: ReadonlyMap<string, Int32Array>;
}

export function vectorPath(name: string): string {
  return fileURLToPath(new URL(`vectors/${name}`, import.meta.url));
}

export const manifest: Manifest = JSON.parse(readFileSync(vectorPath('manifest.json'), 'utf8')) as Manifest;

export async function loadTinyModel(name: string): Promise<TinyModel> {
  const directory = vectorPath(name);
  const checkpoint = await openCheckpoint(directory);
  const weights = new Map<string, Float32Array>();
  const shapes = tensorShapes(checkpoint);
  for (const tensor of shapes.keys()) weights.set(tensor, (await readLogicalTensor(checkpoint, tensor)).data);
  const { topology } = checkpoint;
  await checkpoint.close();
  const { floats, integers, shapeOf } = await readTensors(vectorPath(`${name}/expected.safetensors`));
  const [batchSize, sequenceLength] = shapeOf.get('tokens') as [number, number];
  const parameters = [...floats.keys()].filter((key) => key.startsWith('gradient/')).map((key) => key.slice('gradient/'.length));
  const trained = parameters.filter((parameter) => parseExpertTensorName(topology, parameter) !== undefined);
  return { directory, topology, shapes, weights, parameters, trained, tokens: integers.get('tokens')!, batchSize, sequenceLength, expected: floats, expectedIds: integers };
}

export async function readTensors(path: string): Promise<{ floats: Map<string, Float32Array>; doubles: Map<string, Float64Array>; integers: Map<string, Int32Array>; shapeOf: Map<string, readonly number[]> }> {
  const file = await openSafetensorsFile(path);
  const [floats, doubles, integers, shapeOf] = [new Map<string, Float32Array>(), new Map<string, Float64Array>(), new Map<string, Int32Array>(), new Map<string, readonly number[]>()];
  for (const name of file.tensors.keys()) {
    const { dtype, data, shape } = await file.read(name);
    shapeOf.set(name, shape);
    const buffer = data.slice().buffer;
    if (dtype === 'F32') floats.set(name, new Float32Array(buffer));
    if (dtype === 'F64') doubles.set(name, new Float64Array(buffer));
    if (dtype === 'I32') integers.set(name, new Int32Array(buffer));
  }
  await file.close();
  return { floats, doubles, integers, shapeOf };
}

/** Names of all tensors that a model computes with: experts by their own names, however they are stored. */
export function computedTensors(topology: Topology): string[] {
  const others = [...expectedTensors(topology)].filter(({ part }) => part !== 'experts').map(({ name }) => name);
  const experts = topology.moeLayers.flatMap((layer) => Array.from({ length: topology.expertsPerLayer }, (_, expert) => Object.values(expertTensorNames(topology, { layer, expert })) as string[]));
  return [...others, ...experts.flat()];
}

/** The trained tensors of a tiny model as experts. */
export function startOf(model: TinyModel): ExpertWeights {
  return new Map(model.trained.map((name) => [name, { shape: model.shapes.get(name)!, data: model.weights.get(name)!.slice() }]));
}

/** A runtime in this thread; a notice is an error here. */
export async function openTestRuntime(device: VectorDevice = 'cpu', threads = 1): Promise<Runtime> {
  if (device === 'webgpu-profile') return { ...(await openTestRuntime('cpu', threads)), profile: 'webgpu' };
  return openRuntime({
    device,
    threads,
    onNotice: ({ message }) => {
      throw new Error(message);
    },
  });
}

/** The rows of a tiny model, and what each token's loss counts: equal shares, if nothing else is said. */
export interface TinyRows extends Pick<TinyModel, 'tokens' | 'batchSize' | 'sequenceLength'> {
  readonly documents?: Int32Array;
  readonly lossWeights?: Float32Array;
}

/** Runs a program on a tiny model in this thread. */
export async function runProgram(runtime: Runtime, program: Program, model: Pick<TinyModel, 'weights' | 'shapes'> & TinyRows): Promise<Map<string, Float32Array | BigInt64Array>> {
  const session = await runtime.createSession(program);
  const feeds = Object.fromEntries(program.weights.map((name) => [name, runtime.tensor(model.weights.get(name)!, model.shapes.get(name)!)]));
  const { tokens, batchSize, sequenceLength, documents } = model;
  const predicted = batchSize * (sequenceLength - 1);
  const lossWeights = runtime.tensor(model.lossWeights ?? new Float32Array(predicted).fill(1 / predicted), [predicted, 1]);
  const outputs = await session.run({
    ...feeds,
    tokens: runtime.tensor(tokens, [batchSize, tokens.length / batchSize]),
    ...(program.outputs.has('loss') ? { lossWeights } : {}),
    ...(documents === undefined ? {} : { documents: runtime.tensor(documents, [batchSize, sequenceLength]) }),
  });
  await session.release();
  const fetched = new Map([...outputs].map(([meaning, tensor]) => [meaning, tensor.data as Float32Array | BigInt64Array]));
  const { embedding } = program;
  if (embedding !== undefined) fetched.set(embedding.name, gradientOf(embedding.name, { outputs, program, tokens, vocabularySize: model.shapes.get(embedding.name)![0]! }));
  return fetched;
}

/** `‖actual − expected‖ / ‖expected‖`; the absolute norm where the expected one is zero. */
export function relativeDistance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let index = 0; index < expected.length; index++) {
    difference += (actual[index]! - expected[index]!) ** 2;
    norm += expected[index]! ** 2;
  }
  return Math.sqrt(difference) / (norm === 0 ? 1 : Math.sqrt(norm));
}
