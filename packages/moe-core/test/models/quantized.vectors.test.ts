import { describe, expect, it, test } from 'vitest';
import { applyBlockScales, dequantizeMxfp4 } from '../../src/safetensors/block-scaling.ts';
import {
  countBytes,
  countParameters,
  createCheckpoint,
  encodeSafetensors,
  expectedTensors,
  expertTensorNames,
  extractExperts,
  fromBytes,
  fromFloat32,
  graftExperts,
  openSafetensors,
  parseTopology,
  readFloat32Range,
  toFloat32,
  type Checkpoint,
  type Tensor,
  type Topology,
} from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { float32FromBase64, fromBase64, readVectors } from '../vectors/read-vectors.ts';

interface Fp8 {
  readonly shape: readonly [number, number];
  readonly block: readonly [number, number];
  readonly weight: string;
  readonly scale: string;
  readonly expected: string;
  readonly source: string;
}

interface Mxfp4 {
  readonly shape: readonly [number, number, number];
  readonly blocks: string;
  readonly scales: string;
  readonly expected: string;
  readonly bf16: string;
}

const { fp8, mxfp4 } = readVectors<{ fp8: readonly Fp8[]; mxfp4: readonly Mxfp4[] }>('quantized');

describe('against transformers', () => {
  test.each(fp8)('fp8 $shape in blocks of $block, by $source', ({ shape, block, weight, scale, expected }) => {
    const grid = { columns: shape[1], blockRows: block[0], blockColumns: block[1] };
    const scales = float32FromBase64(scale);
    const values = toFloat32({ dtype: 'F8_E4M3', data: fromBase64(weight) });
    const whole = values.slice();
    applyBlockScales(whole, { grid, scales });
    expect(whole).toEqual(float32FromBase64(expected));
    for (let offset = 0; offset < values.length; offset += 3) {
      const run = values.slice(offset, offset + 17);
      applyBlockScales(run, { grid, scales, offset });
      expect(run).toEqual(whole.slice(offset, offset + 17));
    }
  });

  test.each(mxfp4)('MXFP4 $shape', ({ shape: [, inputs, outputs], blocks, scales, expected, bf16 }) => {
    const values = dequantizeMxfp4(fromBase64(blocks), { scales: fromBase64(scales), outputs, inputs });
    expect(values).toEqual(float32FromBase64(expected));
    expect(fromFloat32(values, 'BF16')).toEqual(fromBase64(bf16));
  });

  it('MXFP4: a scale of 255 is NaN, as the format says', () => {
    expect(dequantizeMxfp4(new Uint8Array(16), { scales: Uint8Array.of(255), outputs: 1, inputs: 32 }).every(Number.isNaN)).toBe(true);
  });
});

const COMMON = { vocab_size: 8, num_hidden_layers: 1, num_attention_heads: 1, num_key_value_heads: 1, num_experts_per_tok: 1, tie_word_embeddings: true };
const V3 = {
  ...COMMON, model_type: 'deepseek_v3', hidden_size: 6, intermediate_size: 4, moe_intermediate_size: 5, n_routed_experts: 2, n_group: 1, topk_group: 1, first_k_dense_replace: 0, q_lora_rank: null, kv_lora_rank: 2,
  qk_nope_head_dim: 2, qk_rope_head_dim: 2, v_head_dim: 2, quantization_config: { quant_method: 'fp8', fmt: 'e4m3', weight_block_size: [4, 4] },
};
const OSS = { ...COMMON, model_type: 'gpt_oss', hidden_size: 32, intermediate_size: 32, head_dim: 2, num_local_experts: 2, quantization_config: { quant_method: 'mxfp4' } };

const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 37 + 11) % 120);
const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A checkpoint as the Hub has it: matrices in F8 with factors, or experts in MXFP4. */
function quantizedTensors(topology: Topology): Tensor[] {
  return [...expectedTensors(topology)].flatMap(({ name, shape, part }): Tensor[] => {
    const [rows = 1, columns = 1] = shape;
    if (topology.quantization?.kind === 'mxfp4' && shape.length === 3) {
      const [experts, inputs, outputs] = shape as [number, number, number];
      const groups = inputs / 32;
      return [
        { name: `${name}_blocks`, dtype: 'U8', shape: [experts, outputs, groups, 16], data: bytesOf(experts * outputs * inputs / 2) },
        { name: `${name}_scales`, dtype: 'U8', shape: [experts, outputs, groups], data: bytesOf(experts * outputs * groups) },
      ];
    }
    if (topology.quantization?.kind === 'fp8-blocks' && shape.length === 2 && part !== 'embedding' && part !== 'router') {
      const scaleShape = [Math.ceil(rows / 4), Math.ceil(columns / 4)];
      const scales = Float32Array.from({ length: elements(scaleShape) }, (_, i) => 0.5 + i);
      return [
        { name, dtype: 'F8_E4M3', shape, data: bytesOf(rows * columns) },
        { name: `${name}_scale_inv`, dtype: 'F32', shape: scaleShape, data: new Uint8Array(scales.buffer) },
      ];
    }
    return [{ name, dtype: 'BF16', shape, data: bytesOf(2 * elements(shape)) }];
  });
}

const open = async (config: object, change: (tensors: Tensor[]) => Tensor[] = (tensors) => tensors): Promise<Checkpoint> => {
  const topology = parseTopology(config);
  const files = [await openSafetensors(fromBytes(encodeSafetensors(change(quantizedTensors(topology)))))];
  return createCheckpoint({ topology, files });
};

const edit = (name: string, changes: Partial<Tensor>) => (tensors: Tensor[]) => tensors.map((tensor) => (tensor.name === name ? { ...tensor, ...changes } : tensor));
const drop = (name: string) => (tensors: Tensor[]) => tensors.filter((tensor) => tensor.name !== name);

describe('a quantised checkpoint', () => {
  test.each([['deepseek_v3', V3, 'F32'], ['gpt_oss', OSS, 'BF16']] as const)('%s reads as floats under the names of the topology', async (_, config, dtype) => {
    const checkpoint = await open(config);
    const { topology } = checkpoint;
    expect([...checkpoint.tensors.keys()].sort()).toEqual(Array.from(expectedTensors(topology), ({ name }) => name).sort());
    expect([...checkpoint.stored!.keys()].some((name) => /_scale_inv$|_blocks$/.test(name))).toBe(true);
    const quantized = [...checkpoint.tensors.values()].filter(({ name }) => checkpoint.stored!.get(name)?.dtype !== checkpoint.tensors.get(name)!.dtype);
    expect(quantized.length).toBeGreaterThan(1);
    for (const { name, shape, dtype: shown, sizeBytes } of quantized) {
      expect(shown).toBe(dtype);
      const values = await checkpoint.readFloat32(name);
      expect(values).toHaveLength(elements(shape));
      const tensor = await checkpoint.readTensor(name);
      expect(tensor.data).toHaveLength(sizeBytes);
      expect(toFloat32(tensor)).toEqual(values);
      for (const [offset, length] of [[0, 0], [1, 5], [values.length - 3, 3], [3, values.length - 3]] as const) {
        expect(await readFloat32Range(checkpoint, name, { offset, length })).toEqual(values.slice(offset, offset + length));
      }
      await expectCode('tensor-range-invalid', () => checkpoint.readRange(name, { offset: 1, length: values.length }));
    }
    const bytes = countBytes(topology, checkpoint.stored!).total;
    expect(bytes).toBe([...checkpoint.stored!.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    expect(bytes).toBeLessThan(4 * countParameters(topology).total);
    await expectCode('tensor-missing', () => checkpoint.readTensor('x_scales'));
  });

  it('gives and takes single experts', async () => {
    const checkpoint = await open({ ...OSS, hidden_size: 64 });
    const name = 'model.layers.0.mlp.experts.gate_up_proj';
    const { shape } = checkpoint.tensors.get(name)!;
    expect(shape).toEqual([2, 64, 64]);
    const names = expertTensorNames(checkpoint.topology, { layer: 0, expert: 1 });
    const weights = await extractExperts(checkpoint, new Map([[0, [1]]]));
    const stored = await checkpoint.readFloat32(name);
    expect(weights.get(names.up)!.data[2 * 64 + 5]).toBe(stored[64 * 64 + 5 * 64 + 2 * 2 + 1]);
    const grafted = graftExperts(checkpoint, new Map([...weights].map(([key, { shape: logical, data }]) => [key, { shape: logical, data: data.map((value) => value / 2) }])));
    expect((await extractExperts(grafted, new Map([[0, [1]]]))).get(names.up)!.data).toEqual(weights.get(names.up)!.data.map((value) => value / 2));
    expect(await extractExperts(grafted, new Map([[0, [0]]]))).toEqual(await extractExperts(checkpoint, new Map([[0, [0]]])));
  });

  it('refuses factors that are missing, misshapen or of another type, and weights whose config is silent', async () => {
    const scales = 'model.layers.0.mlp.experts.gate_up_proj_scales';
    const inv = 'model.layers.0.self_attn.q_proj.weight_scale_inv';
    expect((await expectCode('tensor-missing', () => open(OSS, drop(scales)))).context.tensor).toBe(scales);
    expect((await expectCode('tensor-missing', () => open(V3, drop(inv)))).context.tensor).toBe(inv);
    expect((await expectCode('tensor-dtype-unexpected', () => open(OSS, edit(scales, { dtype: 'I8' })))).context).toEqual({ tensor: scales, expected: 'U8', actual: 'I8' });
    expect((await expectCode('tensor-shape-unexpected', () => open(OSS, edit(scales, { shape: [2, 64] })))).context.tensor).toBe(scales);
    expect((await expectCode('tensor-shape-unexpected', () => open(V3, edit(inv, { shape: [2] })))).context.tensor).toBe(inv);
    expect((await expectCode('config-contradiction', async () => {
      const files = [await openSafetensors(fromBytes(encodeSafetensors(quantizedTensors(parseTopology(V3)))))];
      createCheckpoint({ topology: parseTopology({ ...V3, quantization_config: null }), files });
    })).context).toEqual({ field: 'quantization_config', other: inv });
  });
});
