/** Checkpoints far larger than memory, as sparse files: they have the size, but take no room on disk. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedTensors, formatShardedIndex, fromFloat32, parseTopology, planShards, routerTensorNames, streamSafetensors } from '../../src/index.ts';
import { openSafetensorsFile, writeFileAtomic } from '../../src/node.ts';

const GB = 1e9;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'moe-core-sparse-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

const single = (): string => join(directory, 'one.safetensors');

type Shaped = { readonly name: string; readonly dtype: 'BF16'; readonly shape: readonly number[] };

/** A file of zeros but for some values. */
async function writeSparse(path: string, tensors: readonly Shaped[], values: ReadonlyMap<string, { readonly at: number; readonly data: Float32Array }>): Promise<void> {
  const { value: header } = await streamSafetensors(tensors.map((tensor) => ({ ...tensor, read: async () => new Uint8Array(0) }))).next();
  const sizeBytes = header!.byteLength + tensors.reduce((sum, { shape }) => sum + 2 * shape.reduce((a, b) => a * b, 1), 0);
  const file = await open(path, 'w');
  await file.write(header!);
  await file.truncate(sizeBytes);
  await file.close();
  const { tensors: infos, close } = await openSafetensorsFile(path);
  await close();
  const again = await open(path, 'r+');
  for (const { name } of tensors) {
    const value = values.get(name);
    if (value !== undefined) await again.write(fromFloat32(value.data, 'BF16'), 0, 2 * value.data.length, infos.get(name)!.byteOffset + 2 * value.at);
  }
  await again.close();
}

/** Runs a program in a process of its own, on the built package; what it returns, and the most memory that the process ever had. */
function runAlone(program: string, ...args: string[]): { readonly result: unknown; readonly peakBytes: number } {
  const source = `import { openCheckpoint, openSafetensorsFile } from '${new URL('../../dist/node.js', import.meta.url).href}';
    import { extractExperts } from '${new URL('../../dist/index.js', import.meta.url).href}';
    const result = await (async (...args) => {${program}})(...process.argv.slice(1));
    console.log(JSON.stringify({ result, peakBytes: 1024 * process.resourceUsage().maxRSS }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source, ...args], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as { result: unknown; peakBytes: number };
}

/** A process that reads nothing large: Node itself, the package, and a header of 30,000 tensors as it is parsed. */
const BASE_BYTES = 300e6;

describe('a checkpoint of 120 GB in one file', () => {
  // 30,000 tensors of 4 MB, and one of 1 GB.
  const tensors: Shaped[] = [...Array.from({ length: 29_750 }, (_, i) => ({ name: `t${String(i).padStart(5, '0')}`, dtype: 'BF16' as const, shape: [1000, 2000] })), { name: 'u', dtype: 'BF16', shape: [500_000, 1000] }];
  const last = tensors.length - 2;
  const wanted = [0, 1, 14_875, last].map((i) => tensors[i]!.name);

  it('reads tensors from its beginning, middle and end, and part of a large one, in memory of the largest that is read', async () => {
    const values = new Map([...wanted, 'u'].map((name, i) => [name, { at: name === 'u' ? 499_999_000 : 1_999_990, data: Float32Array.from({ length: 10 }, (_, k) => 16 * i + k) }]));
    await writeSparse(single(), tensors, values);
    const { size, blocks } = await stat(single());
    expect(size).toBeGreaterThan(119 * GB);
    expect(512 * blocks).toBeLessThan(0.1 * GB);
    const { result, peakBytes } = runAlone(
      `const [path, ...names] = args;
       const file = await openSafetensorsFile(path);
       const ends = [];
       for (const name of names) ends.push([...(await file.readFloat32(name)).subarray(-10)]);
       ends.push([...await file.readRange('u', { offset: 499_999_000, length: 10 })]);
       return ends;`,
      single(), ...wanted,
    );
    expect(result).toEqual([...wanted.map((name) => [...values.get(name)!.data]), [...fromFloat32(values.get('u')!.data, 'BF16')]]);
    expect(peakBytes).toBeLessThan(BASE_BYTES);
  });
});

describe('a checkpoint of more than 100 GB in shards', () => {
  // The shape of Llama-4-Scout's text model, 216 GB in bf16: fused tensors of 2.7 and 1.3 GB.
  const config = { model_type: 'llama4_text', num_hidden_layers: 48 };

  it('opens, and reads a router of the last layer', async () => {
    const topology = parseTopology(config);
    const plan = planShards(Array.from(expectedTensors(topology), ({ name, shape }): Shaped => ({ name, dtype: 'BF16', shape })), 5 * GB);
    expect(plan.totalBytes).toBeGreaterThan(200 * GB);
    const router = routerTensorNames(topology, 47).weight;
    const gateUp = 'model.layers.47.feed_forward.experts.gate_up_proj';
    // Of expert 15 the gate's weight from input 0 to output 3.
    const values = new Map([
      [router, { at: 15 * 5120, data: Float32Array.of(9) }],
      [gateUp, { at: 15 * 5120 * 16_384 + 3, data: Float32Array.of(7) }],
    ]);
    for (const { name, tensors } of plan.files) await writeSparse(join(directory, name), tensors, values);
    await writeFileAtomic(join(directory, 'model.safetensors.index.json'), new TextEncoder().encode(formatShardedIndex(plan)));
    await writeFileAtomic(join(directory, 'config.json'), new TextEncoder().encode(JSON.stringify({ ...config, vocab_size: 202_048, hidden_size: 5120, num_attention_heads: 40, num_key_value_heads: 8, intermediate_size: 8192 })));
    const { result, peakBytes } = runAlone(
      `const [directory, router] = args;
       const checkpoint = await openCheckpoint(directory);
       return (await checkpoint.readFloat32(router))[15 * 5120];`,
      directory, router,
    );
    expect(result).toBe(9);
    expect(peakBytes).toBeLessThan(BASE_BYTES);
  });

  // An expert is 126 million values: 0.5 GB as float32, and 0.25 GB at a time as they are stored. Its layer's gates and ups are 2.7 GB.
  it.runIf(process.env['CONNITO_SLOW'])('gives one expert out of 2.7 GB, in the memory of a slice', async () => {
    const { result, peakBytes } = runAlone(
      `const checkpoint = await openCheckpoint(args[0]);
       const experts = await extractExperts(checkpoint, new Map([[47, [15]]]));
       return experts.get('model.layers.47.mlp.experts.15.gate_proj.weight').data[3 * 5120];`,
      directory,
    );
    expect(result).toBe(7);
    expect(peakBytes).toBeLessThan(2e9);
  });
});
