import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { encodeSafetensors, FAMILIES, isMoeError, parseShardedIndex, type Tensor } from '../src/index.ts';
import { openCheckpoint, openFileSource, openSafetensorsFile, readGateLogs, readTopology, writeFileAtomic, writeSafetensorsFile } from '../src/node.ts';
import { expectCode } from './expect-code.ts';
import { CONFIG, fixtureTensors } from './model-fixture.ts';

let directory: string;
const at = (...names: string[]): string => join(directory, ...names);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'moe-core-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function writeModel(changes: { config?: unknown; shards?: Record<string, Tensor[]> } = {}): Promise<void> {
  await writeFile(at('config.json'), JSON.stringify(changes.config ?? CONFIG));
  if (changes.shards === undefined) return void (await writeSafetensorsFile(at('model.safetensors'), fixtureTensors(), { format: 'pt' }));
  const weightMap: Record<string, string> = {};
  for (const [file, tensors] of Object.entries(changes.shards)) {
    await writeSafetensorsFile(at(file), tensors);
    for (const { name } of tensors) weightMap[name] = file;
  }
  await writeFile(at('model.safetensors.index.json'), JSON.stringify({ metadata: { total_size: 1 }, weight_map: weightMap }));
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Uint8Array.of(2, 3);
  throw new Error('the source failed');
}

describe('openCheckpoint', () => {
  it('opens a single file and shards alike', async () => {
    await writeModel();
    const single = await openCheckpoint(directory);
    const tensors = fixtureTensors();
    await rm(at('model.safetensors'));
    await writeModel({ shards: { 'model-00001-of-000002.safetensors': tensors.slice(0, 9), 'model-00002-of-000002.safetensors': tensors.slice(9) } });
    const sharded = await openCheckpoint(directory);
    expect(sharded.topology).toEqual(single.topology);
    for (const { name, data } of tensors) {
      expect((await sharded.readTensor(name)).data).toEqual(data);
      expect((await single.readTensor(name)).data).toEqual(data);
    }
    await single.close();
    await sharded.close();
    await sharded.close();
  });

  it('says what is missing', async () => {
    expect((await expectCode('file-missing', () => openCheckpoint(at('nothing')))).message).toBe(`${at('nothing')} does not exist`);
    expect((await expectCode('file-missing', () => openCheckpoint(directory))).message).toBe(`${at('config.json')} does not exist`);
    await writeModel();
    await rm(at('model.safetensors'));
    expect((await expectCode('file-missing', () => openCheckpoint(directory))).message).toContain('neither model.safetensors nor');
    expect((await expectCode('file-unreadable', () => openCheckpoint(at('config.json')))).message).toContain('is not a directory');
    const tensors = fixtureTensors();
    await writeModel({ shards: { 'a.safetensors': tensors.slice(0, 9), 'b.safetensors': tensors.slice(9) } });
    await rm(at('b.safetensors'));
    expect((await expectCode('file-missing', () => openCheckpoint(directory))).context.path).toBe(at('b.safetensors'));
  });

  it('names file and field of what is wrong', async () => {
    await writeModel({ config: { ...CONFIG, model_type: 'llama' } });
    expect((await expectCode('config-unsupported', () => openCheckpoint(directory))).message).toBe(
      `${at('config.json')}: config field model_type: the family "llama" is not supported; supported: ${FAMILIES.join(', ')}`,
    );
    await writeFile(at('config.json'), '{');
    expect((await expectCode('json-invalid', () => openCheckpoint(directory))).message).toContain(at('config.json'));
    await writeFile(at('config.json'), '{"a":1,"a":2}');
    await expectCode('json-duplicate-key', () => readTopology(at('config.json')));
    await writeFile(at('config.json'), ' '.repeat(10_000_001));
    await expectCode('file-too-large', () => openCheckpoint(directory));
  });

  it('refuses truncated files, whichever part is gone', async () => {
    await writeModel();
    const { length } = await readFile(at('model.safetensors'));
    for (const [size, code] of [[length - 1, 'safetensors-data-truncated'], [100, 'safetensors-header-truncated'], [7, 'safetensors-too-small'], [0, 'safetensors-too-small']] as const) {
      await truncate(at('model.safetensors'), size);
      expect((await expectCode(code, () => openCheckpoint(directory))).message).toContain(at('model.safetensors'));
    }
  });

  it('refuses an index that does not fit its shards', async () => {
    const tensors = fixtureTensors();
    await writeModel({ shards: { 'a.safetensors': tensors } });
    const swapped = Object.fromEntries(tensors.map(({ name }, i) => [name, i === 3 ? 'b.safetensors' : 'a.safetensors']));
    await writeFile(at('model.safetensors.index.json'), JSON.stringify({ weight_map: swapped }));
    await expectCode('file-missing', () => openCheckpoint(directory));
    await writeSafetensorsFile(at('b.safetensors'), tensors.slice(0, 1));
    expect((await expectCode('tensor-missing', () => openCheckpoint(directory))).context.tensor).toBe(tensors[3]!.name);
    await writeFile(at('model.safetensors.index.json'), JSON.stringify({ weight_map: { a: '../a.safetensors' } }));
    expect((await expectCode('index-file-name-invalid', () => openCheckpoint(directory))).message).toContain('model.safetensors.index.json');
  });
});

describe('parseShardedIndex', () => {
  test.each(['[]', '{}', '{"weight_map":[]}', '{"weight_map":{}}', '{"weight_map":{"a":1}}'])('invalid: %s', async (text) => {
    await expectCode('index-invalid', () => parseShardedIndex(text));
  });

  test.each(['', 'a', '../a.safetensors', '/a.safetensors', 'b/a.safetensors', 'b\\\\a.safetensors', '.safetensors', '.a.safetensors', 'a.bin', 'C:a.safetensors', 'a\\u0000.safetensors'])('no file name: %s', async (file) => {
    await expectCode('index-file-name-invalid', () => parseShardedIndex(`{"weight_map":{"t":"${file}"}}`));
  });

  it('refuses too many shards, duplicates, and anything else with a code', async () => {
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`t${i}`, `s${i}.safetensors`]));
    await expectCode('index-too-large', () => parseShardedIndex(JSON.stringify({ weight_map: many })));
    await expectCode('json-duplicate-key', () => parseShardedIndex('{"weight_map":{"a":"a.safetensors","a":"b.safetensors"}}'));
    const member = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.jsonValue(), fc.constant('a.safetensors')));
    fc.assert(
      fc.property(fc.oneof(fc.record({ weight_map: member }), fc.jsonValue(), fc.string()), (value) => {
        try {
          for (const file of parseShardedIndex(typeof value === 'string' ? value : JSON.stringify(value)).files) expect(file).not.toMatch(/[/\\]/);
        } catch (error) {
          if (!isMoeError(error)) throw error;
        }
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });
});

describe('files', () => {
  it('are read by range, and a cut after opening is noticed', async () => {
    await writeFile(at('f'), Uint8Array.of(1, 2, 3, 4));
    const source = await openFileSource(at('f'));
    expect(source.sizeBytes).toBe(4);
    expect(await source.read(1, 2)).toEqual(Uint8Array.of(2, 3));
    await expectCode('source-short-read', () => source.read(3, 2));
    await truncate(at('f'), 2);
    expect((await expectCode('source-short-read', () => source.read(1, 3))).message).toContain(at('f'));
    await source.close();
    await source.close();
    await expectCode('file-missing', () => openFileSource(at('g')));
    await expectCode('file-unreadable', () => openFileSource(directory));
  });

  it('are written whole or not at all', async () => {
    await writeFileAtomic(at('f'), Uint8Array.of(1));
    await expect(writeFileAtomic(at('f'), failing())).rejects.toThrow('the source failed');
    expect([...(await readFile(at('f')))]).toEqual([1]);
    expect(await readdir(directory)).toEqual(['f']);
    expect(await writeFileAtomic(at('f'), [Uint8Array.of(4), Uint8Array.of(5, 6)])).toBe(3);
    expect([...(await readFile(at('f')))]).toEqual([4, 5, 6]);
    await expectCode('file-write-failed', () => writeFileAtomic(at('missing', 'f'), []));
    await mkdir(at('taken'));
    await expectCode('file-write-failed', () => writeFileAtomic(at('taken'), []));
    expect((await readdir(directory)).sort()).toEqual(['f', 'taken']);
  });

  it('safetensors files have the bytes of the encoder', async () => {
    const tensors = fixtureTensors();
    const size = await writeSafetensorsFile(at('m.safetensors'), tensors, { a: 'b' });
    const bytes = await readFile(at('m.safetensors'));
    expect(bytes.length).toBe(size);
    expect(new Uint8Array(bytes)).toEqual(encodeSafetensors(tensors, { a: 'b' }));
    const file = await openSafetensorsFile(at('m.safetensors'));
    expect((await file.read(tensors[4]!.name)).data).toEqual(tensors[4]!.data);
    await file.close();
    await expectCode('safetensors-duplicate-tensor', () => writeSafetensorsFile(at('n'), [tensors[0]!, tensors[0]!]));
    expect(await readdir(directory)).toEqual(['m.safetensors']);
  });

  it('gate logs: a directory without any is refused', async () => {
    await expectCode('file-missing', () => readGateLogs(directory, { experts: 2, expertsPerToken: 1 }));
    await expectCode('file-missing', () => readGateLogs(at('nothing'), { experts: 2, expertsPerToken: 1 }));
    await writeFile(at('expert_weights_3.txt'), '0\t1\t\t0.5\t1.0\n1\t\t0.25\n');
    const relevance = await readGateLogs(directory, { experts: 2, expertsPerToken: 1 });
    expect([...relevance.layers.get(3)!.counts]).toEqual([1, 2]);
  });
});
