import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatShardedIndex, parseShardedIndex, planShards, type Tensor } from '../../src/index.ts';
import { openCheckpoint, openSafetensorsFile, writeWeights } from '../../src/node.ts';
import { expectCode } from '../expect-code.ts';
import { CONFIG, fixtureTensors } from '../model-fixture.ts';
import { readVectors } from '../vectors/read-vectors.ts';

interface Plan {
  readonly limit: number;
  readonly sizes: readonly number[];
  readonly files: readonly { readonly name: string; readonly tensors: readonly string[] }[];
  readonly totalBytes: number;
}

const { plans, index } = readVectors<{ plans: readonly Plan[]; index: { weight_map: Record<string, string> } }>('shard-plan');

let directory: string;
const at = (...names: string[]): string => join(directory, ...names);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'moe-core-shards-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('planShards', () => {
  it('cuts as huggingface_hub does', () => {
    for (const { limit, sizes, files, totalBytes } of plans) {
      const tensors = sizes.map((size, i) => ({ name: `t${String(i).padStart(2, '0')}`, dtype: 'U8' as const, shape: [size] }));
      const plan = planShards(tensors, limit);
      expect({ totalBytes: plan.totalBytes, files: plan.files.map((file) => ({ name: file.name, tensors: file.tensors.map(({ name }) => name) })) }).toEqual({ totalBytes, files });
    }
  });

  it('has at least one file, and not too many', async () => {
    expect(planShards([]).files).toEqual([{ name: 'model.safetensors', tensors: [] }]);
    const many = Array.from({ length: 10_001 }, (_, i) => ({ name: `t${i}`, dtype: 'U8' as const, shape: [2] }));
    await expectCode('index-too-large', () => planShards(many, 2));
  });

  it('writes an index as transformers does', () => {
    const names = Object.entries(index.weight_map);
    const files = [...new Set(names.map(([, file]) => file))].map((name) => ({ name, tensors: names.filter(([, file]) => file === name).map(([tensor]) => ({ name: tensor })) }));
    const text = formatShardedIndex({ files, totalBytes: 3264 });
    // Version 5 adds the number of parameters, which nothing reads.
    expect(text).toBe(`${JSON.stringify({ metadata: { total_size: 3264 }, weight_map: index.weight_map }, undefined, 2)}\n`);
    expect(parseShardedIndex(text).files).toEqual(files.map(({ name }) => name));
  });
});

describe('writeWeights', () => {
  const tensors = fixtureTensors();

  it('one file, or several that open to the same tensors', async () => {
    expect(await writeWeights(at('one'), tensors)).toEqual(['model.safetensors']);
    const names = await writeWeights(at('many', 'deep'), tensors.map(({ data, ...rest }) => ({ ...rest, read: async () => data })), { maxShardBytes: 300 });
    expect(names.length).toBeGreaterThan(4);
    expect((await readdir(at('many', 'deep'))).sort()).toEqual([...names].sort());
    for (const folder of ['one', 'many/deep']) {
      await writeFile(at(folder, 'config.json'), JSON.stringify(CONFIG));
      const checkpoint = await openCheckpoint(at(folder));
      for (const { name, data } of tensors) expect((await checkpoint.readTensor(name)).data).toEqual(data);
      await checkpoint.close();
    }
    const first = await openSafetensorsFile(at('many', 'deep', names[0]!));
    expect(first.metadata).toEqual(new Map([['format', 'pt']]));
    await first.close();
    expect(JSON.parse(await readFile(at('many', 'deep', 'model.safetensors.index.json'), 'utf8'))).toMatchObject({ metadata: { total_size: tensors.reduce((sum, { data }) => sum + data.byteLength, 0) } });
  });

  it('leaves old weights alone, and no index behind a failure', async () => {
    await writeWeights(at('a'), tensors);
    await expectCode('file-exists', () => writeWeights(at('a'), tensors, { maxShardBytes: 300 }));
    await writeWeights(at('b'), tensors, { maxShardBytes: 300 });
    await expectCode('file-exists', () => writeWeights(at('b'), tensors));
    const failing: Tensor[] = [...tensors.slice(0, 5), { ...tensors[5]!, data: new Uint8Array(1) }];
    await expectCode('tensor-size-unexpected', () => writeWeights(at('c'), failing, { maxShardBytes: 300 }));
    expect(await readdir(at('c'))).not.toContain('model.safetensors.index.json');
    await writeFile(at('file'), '');
    await expectCode('file-write-failed', () => writeWeights(at('file', 'x'), tensors));
  });
});
