import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCheckpoint, encodeSafetensors, evenSelection, fromBytes, fromFloat32, isMoeError, openSafetensors, parseTopology, plainConfig, rightSizeConfig, rightSizeModel, toFloat32, type RoutingGroups, type Topology } from '../../src/index.ts';
import { openBase } from './composition-fixture.ts';
import { expectCode } from '../expect-code.ts';
import { CONFIG, fixtureTensors, TOPOLOGY } from '../model-fixture.ts';
import { fullTensors, rightSizedCases, selectionIn } from './right-sized-fixture.ts';

const config = JSON.stringify(CONFIG);
const selection = new Map([[0, [2, 0]], [2, [1, 2]]]);

const scale = (name: string) => ({ name: `${name}_scale_inv`, dtype: 'F32' as const, shape: [1, 1], data: fromFloat32(Float32Array.of(0.25), 'F32') });
const isQuantized = (name: string): boolean => name.includes('.mlp.experts.');

describe('rightSizeModel', () => {
  it('renumbers by ascending id and cuts the router', async () => {
    const full = await openBase();
    const { checkpoint, experts, changes, dropped } = rightSizeModel(full, { selection, config });
    expect([...experts]).toEqual([[0, [0, 2]], [2, [1, 2]]]);
    expect(changes).toEqual([{ field: 'num_experts', from: 3, to: 2 }]);
    expect(dropped).toEqual([]);
    expect(checkpoint.topology).toEqual({ ...TOPOLOGY, ...checkpoint.topology, expertsPerLayer: 2 });
    const router = await full.readFloat32('model.layers.0.mlp.gate.weight');
    expect(await checkpoint.readFloat32('model.layers.0.mlp.gate.weight')).toEqual(Float32Array.of(...router.subarray(0, 8), ...router.subarray(16, 24)));
    expect((await checkpoint.readTensor('model.layers.0.mlp.experts.1.up_proj.weight')).data).toEqual((await full.readTensor('model.layers.0.mlp.experts.2.up_proj.weight')).data);
    expect(await checkpoint.readTensor('model.norm.weight')).toEqual(await full.readTensor('model.norm.weight'));
    await expectCode('tensor-missing', () => checkpoint.readTensor('model.layers.0.mlp.experts.2.up_proj.weight'));
    await checkpoint.close();
  });

  it('keeps unknown tensors, drops layers beyond the decoder\'s', async () => {
    const extra = ['model.inv_freq', 'model.layers.3.mlp.experts.0.up_proj.weight'].map((name) => ({ name, dtype: 'U8' as const, shape: [1], data: Uint8Array.of(7) }));
    const full = await openBase([...fixtureTensors(), ...extra]);
    const { checkpoint, dropped, changes } = rightSizeModel(full, { selection, config: JSON.stringify({ ...CONFIG, num_nextn_predict_layers: 1 }) });
    expect(dropped).toEqual([extra[1]!.name]);
    expect((await checkpoint.readTensor('model.inv_freq')).data).toEqual(Uint8Array.of(7));
    expect(changes.at(-1)).toEqual({ field: 'num_nextn_predict_layers', from: 1, to: 0 });
  });

  it('all experts: the same model', async () => {
    const full = await openBase();
    const every = new Map([[0, [0, 1, 2]], [2, [2, 1, 0]]]);
    const { checkpoint, config: text, changes } = rightSizeModel(full, { selection: every, config });
    expect(changes).toEqual([]);
    expect(JSON.parse(text)).toEqual(CONFIG);
    expect([...checkpoint.tensors.keys()].sort()).toEqual([...full.tensors.keys()].sort());
    for (const name of full.tensors.keys()) expect(await checkpoint.readTensor(name)).toEqual(await full.readTensor(name));
  });

  it('writes quantised weights as the floats that they are read as', async () => {
    const model = rightSizedCases().find(({ name }) => name === 'deepseek_v3 one group')!;
    const tensors = fullTensors(model).flatMap((tensor) => (isQuantized(tensor.name) ? [{ ...tensor, dtype: 'F8_E4M3' as const, data: fromFloat32(toFloat32(tensor), 'F8_E4M3') }, scale(tensor.name)] : [tensor]));
    const quantized = model.config.replace(/\n\}\s*$/, ',\n  "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}\n}');
    const full = createCheckpoint({ topology: parseTopology(JSON.parse(quantized)), files: [await openSafetensors(fromBytes(encodeSafetensors(tensors)))] });
    const { checkpoint, config: text, changes } = rightSizeModel(full, { selection: selectionIn(model), config: quantized });
    expect(changes.at(-1)).toEqual({ field: 'quantization_config', from: undefined, to: undefined });
    expect(text).toBe(model.smallConfig);
    expect(Object.keys(model.smallTensors).sort()).toEqual([...checkpoint.tensors.keys()].sort());
    const [id] = selectionIn(model).get(1)!.toSorted((a, b) => a - b);
    const stored = tensors.find(({ name }) => name === `model.layers.1.mlp.experts.${id}.up_proj.weight`)!;
    expect(await checkpoint.readFloat32('model.layers.1.mlp.experts.0.up_proj.weight')).toEqual(toFloat32(stored).map((value) => value / 4));
    expect(checkpoint.topology.quantization).toBeUndefined();
    expect(plainConfig(quantized)).toBe(plainConfig(model.config));
  });

  it('refuses layers with other numbers of experts, or none, and strange experts', async () => {
    const full = await openBase();
    const size = (layers: [number, number[]][]) => () => rightSizeModel(full, { selection: new Map(layers), config });
    const uneven = await expectCode('export-uneven', size([[0, [1]], [2, [0, 1]]]));
    expect(uneven.context).toEqual({ layer: 0, expected: 2, actual: 1 });
    expect(uneven.message).toContain('fill the layers up by scores');
    expect((await expectCode('export-uneven', size([[2, [0]]]))).context).toEqual({ layer: 0, expected: 1, actual: 0 });
    await expectCode('export-uneven', size([]));
    await expectCode('selection-invalid', size([[1, [0]]]));
    await expectCode('json-invalid', () => rightSizeModel(full, { selection, config: '{' }));
    await expectCode('config-invalid', () => rightSizeModel(full, { selection, config: '[]' }));
  });
});

describe('rightSizeConfig', () => {
  const kept = new Map([[0, [0, 2]], [2, [1, 2]]]);

  it('keeps the text of everything else, floats that look like integers too', () => {
    const text = '{"rope_theta": 10000.0, "num_experts": 3, "x": {"n_group": 4, "y": [1e-06, {}, []]}, "num_experts_per_tok": 2, "num_local_experts": 3, "s": "\\u00e9\\n"}';
    const { text: written, changes } = rightSizeConfig(text, { topology: { ...TOPOLOGY, expertsPerToken: 2 }, kept: new Map([[0, [1]], [2, [1]]]), count: 1, dropsExtraLayers: false });
    expect(written).toBe('{\n  "rope_theta": 10000.0,\n  "num_experts": 1,\n  "x": {\n    "n_group": 4,\n    "y": [\n      1e-06,\n      {},\n      []\n    ]\n  },\n  "num_experts_per_tok": 1,\n  "num_local_experts": 1,\n  "s": "é\\n"\n}\n');
    expect(changes.map(({ field }) => field)).toEqual(['num_experts', 'num_local_experts', 'num_experts_per_tok']);
  });

  it('adds what a config leaves to its class', () => {
    const { text } = rightSizeConfig('{}', { topology: TOPOLOGY, kept, count: 2, dropsExtraLayers: false });
    expect(JSON.parse(text)).toEqual({ num_experts: 2, num_experts_per_tok: 2 });
  });
});

const size = (sized: { family?: string; groups?: RoutingGroups; kept: number[][]; config?: string; perToken?: number }) => {
  const topology = { ...TOPOLOGY, family: sized.family ?? 'deepseek_v3', expertsPerLayer: 12, expertsPerToken: sized.perToken ?? 2, routing: { groups: sized.groups } } as unknown as Topology;
  const { text } = rightSizeConfig(sized.config ?? '{"n_routed_experts": 12, "n_group": 4, "topk_group": 2}', { topology, kept: new Map(sized.kept.map((ids, layer) => [layer, ids])), count: sized.kept[0]!.length, dropsExtraLayers: false });
  return JSON.parse(text) as Record<string, number>;
};
const field = async (sized: Parameters<typeof size>[0]) => (await expectCode('export-unsupported', () => size(sized))).context.field;

describe('any config', () => {
  const names = fc.constantFrom('num_experts', 'n_routed_experts', 'num_local_experts', 'num_experts_per_tok', 'experts_per_token', 'n_group', 'topk_group', 'text_config', 'quantization_config', 'x');

  it('is rewritten, or refused with a code, and rewriting it again changes nothing', () => {
    const members = fc.dictionary(names, fc.oneof(fc.nat(20), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.jsonValue({ maxDepth: 3 })));
    fc.assert(
      fc.property(fc.oneof(members.map((value) => JSON.stringify(value)), fc.json(), fc.string()), fc.constantFrom<Topology['family']>('qwen3_moe', 'llama4', 'deepseek_v3'), (text, family) => {
        const small = { topology: { ...TOPOLOGY, family }, kept: new Map([[0, [0, 2]], [2, [1, 2]]]), count: 2, dropsExtraLayers: false };
        try {
          const { text: once } = rightSizeConfig(text, small);
          expect(rightSizeConfig(once, small)).toEqual({ text: once, changes: [] });
        } catch (error) {
          if (!isMoeError(error)) throw error;
        }
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });
});

describe('rightSizeConfig of DeepSeek', () => {
  const groups: RoutingGroups = { count: 4, kept: 2, score: 'top2-sum' };

  it('keeps groups where every layer keeps them equal', () => {
    expect(size({ groups, kept: [[0, 1, 3, 4, 9, 11], [0, 2, 3, 5, 6, 7]] })).toMatchObject({ n_routed_experts: 6, n_group: 3, topk_group: 2 });
    expect(size({ groups: { ...groups, score: 'max' }, kept: [[0, 3, 6], [3, 6, 9]], family: 'deepseek_v2' })).toMatchObject({ n_group: 3, topk_group: 2 });
  });

  it('gives them up where they limit nothing', () => {
    expect(size({ groups, kept: [[0, 1, 9], [3, 4, 5]] })).toMatchObject({ n_group: 1, topk_group: 1 });
    expect(size({ kept: [[0, 1, 9]], config: '{}' })).toMatchObject({ n_group: 1, topk_group: 1 });
    expect(size({ kept: [[0, 1, 9]], config: '{}', family: 'deepseek_v2' })).not.toHaveProperty('n_group');
  });

  it('refuses what a config cannot say', async () => {
    expect(await field({ groups, kept: [[0, 1, 3, 4, 6, 9]] })).toBe('n_group');
    expect(await field({ groups, kept: [[0, 1, 3, 4, 6, 7], [0, 1, 2, 3, 4, 5]] })).toBe('n_group');
    expect(await field({ groups, kept: [[0, 3, 6]] })).toBe('n_group');
    expect(await field({ groups: { ...groups, score: 'max' }, kept: [[0, 3, 6]], perToken: 3, family: 'deepseek_v2' })).toBe('topk_group');
    expect(await field({ kept: [[0]] })).toBe('n_routed_experts');
  });
});

const scores = new Map([[0, [0.2, 0.5, 0.3]], [2, [0.4, 0.2, 0.4]]]);
const even = (over: object) => () => evenSelection({ topology: TOPOLOGY, selection: new Map([[0, [0, 1]]]), scores, ...over });

describe('evenSelection', () => {
  it('adds the best of the rest, lower ids first, to as many as the fullest layer has or as asked', () => {
    expect([...evenSelection({ topology: TOPOLOGY, selection: new Map([[0, [0, 2]]]), scores })]).toEqual([[0, [0, 2]], [2, [0, 2]]]);
    expect([...evenSelection({ topology: TOPOLOGY, selection: new Map([[2, [1]]]), scores, count: 2 })]).toEqual([[0, [1, 2]], [2, [1, 0]]]);
    expect([...evenSelection({ topology: TOPOLOGY, selection: new Map(), scores, count: 3 })]).toEqual([[0, [1, 2, 0]], [2, [0, 2, 1]]]);
  });

  it('refuses counts that are none or too small, and scores that are missing', async () => {
    for (const count of [0, 1, 4, 1.5]) await expectCode('export-uneven', even({ count }));
    await expectCode('export-uneven', even({ selection: new Map() }));
    await expectCode('scores-invalid', even({ scores: new Map([[0, [1, 1, 1]]]) }));
    await expectCode('scores-invalid', even({ scores: new Map([[0, [1, 1, 1]], [2, [1, 1]]]) }));
    await expectCode('scores-invalid', even({ scores: new Map([[0, [1, 1, 1]], [2, [1, 1, Number.NaN]]]) }));
    await expectCode('selection-invalid', even({ selection: new Map([[1, [0]]]) }));
  });
});
