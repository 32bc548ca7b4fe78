import { countFlops, fromBytes, openSafetensors, type ExpertSelection } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { exportGraphs, type GraphExport } from '@connito/moe-engine';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { loadTinyModel, relativeDistance, type TinyModel } from './tiny-model.ts';

interface Description {
  readonly format: string;
  readonly batchSize: number;
  readonly graphs: Readonly<Record<'training' | 'evaluation', { readonly weights: string[]; readonly inputs: string[]; readonly outputs: Record<string, string> }>>;
  readonly gradients: readonly { readonly name: string; readonly layer: number; readonly expert: number; readonly projection: string }[];
  readonly flops: { readonly evaluation: number; readonly training: number; readonly perTrainedAssignment: Record<string, number> };
}

const experts = (model: TinyModel): ExpertSelection => new Map(model.topology.moeLayers.map((layer) => [layer, [0, 2]]));

async function exported(model: TinyModel): Promise<GraphExport & { readonly description: Description }> {
  const checkpoint = await openCheckpoint(model.directory);
  const result = exportGraphs({ checkpoint, experts: experts(model), tokens: model.tokens, sequenceLength: model.sequenceLength });
  await checkpoint.close();
  return { ...result, description: JSON.parse(new TextDecoder().decode(result.files.get('run.json'))) as Description };
}

/** Runs a graph from its file alone, as a stranger would: what to feed and to fetch is taken from `run.json`. */
async function runExported({ files, description }: Awaited<ReturnType<typeof exported>>, purpose: 'training' | 'evaluation', model: TinyModel): Promise<Record<string, Float32Array | BigInt64Array>> {
  const inputs = await readInputs(files.get('inputs.safetensors')!);
  const { weights, inputs: fed, outputs } = description.graphs[purpose];
  const session = await InferenceSession.create(files.get(`${purpose}.onnx`)!, { logSeverityLevel: 3 });
  expect([...session.inputNames].sort()).toEqual([...weights, ...fed].sort());
  const feeds = { ...Object.fromEntries(weights.map((name) => [name, new Tensor('float32', model.weights.get(name)!, model.shapes.get(name)!)])), ...Object.fromEntries(fed.map((name) => [name, inputs.get(name)!])) };
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(Object.entries(outputs).map(([meaning, name]) => [meaning, results[name]!.data as Float32Array]));
}

async function readInputs(file: Uint8Array): Promise<Map<string, Tensor>> {
  const opened = await openSafetensors(fromBytes(file));
  const inputs = new Map<string, Tensor>();
  for (const name of opened.tensors.keys()) {
    const { dtype, shape, data } = await opened.read(name);
    const buffer = data.slice().buffer;
    inputs.set(name, dtype === 'I32' ? new Tensor('int32', new Int32Array(buffer), shape) : new Tensor('float32', new Float32Array(buffer), shape));
  }
  return inputs;
}

describe.each(['families/qwen2', 'families/deepseek-lite', 'families/mixtral'] as const)('exported graphs of the model %s', (name) => {
  it('give the losses and gradients of transformers', async () => {
    const model = await loadTinyModel(name);
    const kit = await exported(model);
    const training = await runExported(kit, 'training', model);
    expect(relativeDistance([Number(training['loss']![0])], [model.expected.get('loss')![0]!])).toBeLessThan(1e-6);
    expect(kit.description.gradients.length).toBe(model.topology.moeLayers.length * 6);
    for (const { name: tensor } of kit.description.gradients) expect(relativeDistance(training[tensor] as Float32Array, model.expected.get(`gradient/${tensor}`)!)).toBeLessThan(1e-4);
    const { losses } = await runExported(kit, 'evaluation', model);
    expect(relativeDistance(losses as Float32Array, model.expected.get('losses')!)).toBeLessThan(2e-6);
  });

  it('are described: operations as countFlops has them for the assignments of the run', async () => {
    const model = await loadTinyModel(name);
    const { description } = await exported(model);
    const { batchSize: rows, sequenceLength, topology } = model;
    const trained = new Map(topology.moeLayers.map((layer, index) => [layer, 3 + index]));
    const { training, evaluation, perTrainedAssignment } = description.flops;
    expect(evaluation).toBe(countFlops({ topology, rows, sequenceLength }).total);
    expect([...trained].reduce((sum, [layer, count]) => sum + count * perTrainedAssignment[layer]!, training)).toBeCloseTo(countFlops({ topology, rows, sequenceLength, trained }).total, 3);
    expect(description).toMatchObject({ format: 'connito-graph-export/1', batchSize: rows });
    expect(description.gradients[0]).toMatchObject({ layer: topology.moeLayers[0], expert: 0 });
  });
});

describe('an export that cannot be', () => {
  it('is refused: experts, tokens or sizes that are not the model\'s', async () => {
    const model = await loadTinyModel('grouped');
    const checkpoint = await openCheckpoint(model.directory);
    const common = { checkpoint, experts: experts(model), tokens: model.tokens, sequenceLength: model.sequenceLength };
    expect(() => exportGraphs({ ...common, experts: new Map([[0, [99]]]) })).toThrow(expect.objectContaining({ code: 'selection-invalid' }));
    expect(() => exportGraphs({ ...common, tokens: Int32Array.of(1, 2, 3) })).toThrow(expect.objectContaining({ code: 'bad-shape' }));
    expect(() => exportGraphs({ ...common, sequenceLength: 1 })).toThrow(expect.objectContaining({ code: 'bad-option' }));
    await checkpoint.close();
  });
});
