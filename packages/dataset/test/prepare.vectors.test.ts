import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatManifest, isDatasetError, openShard, prepareDataset, readManifest, type DatasetErrorCode, type PrepareOptions, type PrepareProgress } from '../src/index.ts';
import { vectors, vectorsDirectory } from './fixtures.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 }); // flushing to a busy disk can take seconds

let scratch: string;
let options: PrepareOptions;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'connito-prepare-'));
  const text = join(vectorsDirectory, 'text');
  options = { ...vectors.plan, target: [join(text, 'target')], general: [join(text, 'general.txt')], tokenizer: join(vectorsDirectory, 'tokenizer'), out: join(scratch, 'out') };
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

const rejectsWith = async (promise: Promise<unknown>, code: DatasetErrorCode): Promise<void> => {
  await expect(promise).rejects.toSatisfy((error) => isDatasetError(error, code));
};
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function snapshot(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, sha256(await readFile(join(directory, name)))] as const)));
}

describe('prepareDataset', () => {
  it('makes the rows that the independent implementation made', async () => {
    const manifest = await prepareDataset(options);
    const entries = [manifest.test, manifest.general, ...manifest.heldOut, ...manifest.train];
    expect(entries.map((entry) => entry.file.replace('.safetensors', '')).sort()).toEqual(Object.keys(vectors.splits).sort());
    for (const entry of entries) {
      const shard = await openShard(join(options.out, entry.file), { vocabularySize: vectors.vocabularySize, sequenceLength: vectors.plan.sequenceLength, sha256: entry.sha256 });
      expect([...shard.tokens]).toEqual(vectors.splits[entry.file.replace('.safetensors', '')]);
      expect(entry).toMatchObject({ rows: shard.rows, tokens: shard.tokens.length, sizeBytes: (await readFile(join(options.out, entry.file))).length });
    }
  });

  it('writes a manifest that names its sources and comes back', async () => {
    const manifest = await prepareDataset(options);
    expect(await readManifest(options.out)).toEqual(manifest);
    expect(await readFile(join(options.out, 'manifest.json'), 'utf8')).toBe(formatManifest(manifest));
    expect(manifest.sources.map(({ domain, name }) => `${domain}/${name}`)).toEqual(['target/notes.txt', 'target/sums.jsonl', 'general/general.txt']);
    expect(manifest.sources[1]?.sha256).toBe(sha256(await readFile(join(vectorsDirectory, 'text', 'target', 'sums.jsonl'))));
    expect(manifest.tokenizer.files['tokenizer.json']).toBe(sha256(await readFile(join(vectorsDirectory, 'tokenizer', 'tokenizer.json'))));
    expect(manifest.documents.duplicates).toBe(3); // a line twice, a line again in notes.txt, a target document among the general ones
    expect(manifest.documents.target + manifest.documents.general + 3).toBe(manifest.sources.reduce((sum, source) => sum + source.documents, 0));
  });

  it('gives the same bytes again, whatever the directories and the order of files', async () => {
    await prepareDataset(options);
    const first = await snapshot(options.out);
    const moved = join(scratch, 'elsewhere');
    await mkdir(moved);
    for (const name of ['sums.jsonl', 'notes.txt']) await copyFile(join(vectorsDirectory, 'text', 'target', name), join(moved, name));
    await prepareDataset({ ...options, target: [join(moved, 'sums.jsonl'), join(moved, 'notes.txt')] }); // replaces the first
    expect(await snapshot(options.out)).toEqual(first);
    await prepareDataset({ ...options, seed: 8 });
    expect((await snapshot(options.out))['test.safetensors']).not.toBe(first['test.safetensors']);
  });

  it('reports progress to the end of every stage', async () => {
    const seen: PrepareProgress[] = [];
    await prepareDataset({ ...options, onProgress: (progress) => seen.push(progress) });
    for (const stage of ['read', 'tokenize', 'write'] as const) {
      const last = seen.findLast((progress) => progress.stage === stage);
      expect(last?.done).toBe(last?.total);
    }
  });

  it('says what is possible when the text is too small, and writes nothing', async () => {
    await rejectsWith(prepareDataset({ ...options, cycles: 100 }), 'text-too-small');
    await rejectsWith(prepareDataset({ ...options, trainShards: 500 }), 'text-too-small');
    await rejectsWith(prepareDataset({ ...options, generalRows: 100 }), 'text-too-small');
    expect(await readdir(scratch)).toEqual([]);
  });

  it('does not touch a directory that is not a dataset', async () => {
    await mkdir(options.out);
    await writeFile(join(options.out, 'thesis.txt'), 'years of work');
    await rejectsWith(prepareDataset(options), 'output-not-empty');
    expect(await readdir(options.out)).toEqual(['thesis.txt']);
    await writeFile(join(scratch, 'file'), '');
    await rejectsWith(prepareDataset({ ...options, out: join(scratch, 'file') }), 'output-not-empty');
  });

  it('leaves nothing when it is aborted at any stage', async () => {
    for (const stage of ['read', 'tokenize', 'write']) {
      const controller = new AbortController();
      await rejectsWith(prepareDataset({ ...options, signal: controller.signal, onProgress: (progress) => progress.stage === stage && controller.abort() }), 'aborted');
      expect(await readdir(scratch)).toEqual([]);
    }
  });

  it.each<Partial<PrepareOptions>>([{ cycles: 0 }, { cycles: 1.5 }, { trainShards: 0 }, { heldOutRows: 0 }, { generalRows: -1 }, { testRows: Number.NaN }, { sequenceLength: 1 }, { seed: -1 }, { target: [] }, { general: [] }])(
    'refuses %j',
    async (change) => {
      await rejectsWith(prepareDataset({ ...options, ...change }), 'invalid-option');
    },
  );
});

const demo = join(import.meta.dirname, '..', '..', 'demo-data');
const hasDemoData = existsSync(join(demo, 'model', 'tokenizer.json')) && existsSync(join(demo, 'text', 'target')) && existsSync(join(demo, 'text', 'general'));
if (!hasDemoData) console.warn('demo-data has no model and text here: the test that prepares them is skipped');

describe.skipIf(!hasDemoData)('with the demo texts', () => {
  it('prepares three cycles', async () => {
    const manifest = await prepareDataset({
      target: [join(demo, 'text', 'target')],
      general: [join(demo, 'text', 'general')],
      tokenizer: join(demo, 'model'),
      out: join(scratch, 'demo'),
      cycles: 3,
      trainShards: 16,
      heldOutRows: 256,
      generalRows: 128,
      testRows: 256,
      seed: 7,
    });
    expect(manifest.train.reduce((rows, shard) => rows + shard.rows, 0)).toBeGreaterThan(4000);
    expect(manifest.tokenizer.vocabularySize).toBe(1024);
  });
});
