/** `connito eval`, and `connito pol check` on other families than the demo's: losses are those that transformers gave for the tiny models of moe-engine. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeShard, openTokenizer } from '@connito/dataset';
import { modelDirectory } from '@connito/demo-data';
import { encodeExpertWeights, extractExperts, formatExpertConfig } from '@connito/moe-core';
import { openCheckpoint, openSafetensorsFile } from '@connito/moe-core/node';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { connito } from './run-connito.ts';

vi.setConfig({ testTimeout: 60_000 });

const work = mkdtempSync(join(tmpdir(), 'connito-eval-'));
const at = (...path: string[]): string => join(work, ...path);
const vectors = fileURLToPath(new URL('../../moe-engine/test/vectors', import.meta.url));
const families = readdirSync(join(vectors, 'families'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => join('families', name));

afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Reference {
  readonly model: string;
  readonly shard: string;
  readonly sequenceLength: number;
  /** `[B · (S − 1)]` of transformers. */
  readonly losses: Float32Array;
}

/** A tiny model whose tokens stand in a shard, several times if asked. */
async function loadReference(name: string, copies = 1): Promise<Reference> {
  const model = join(vectors, name);
  const checkpoint = await openCheckpoint(model);
  const file = await openSafetensorsFile(join(model, 'expected.safetensors'));
  const { shape, data } = await file.read('tokens');
  const [sequenceLength, shard] = [shape[1]!, at(`${name.replaceAll('/', '-')}-${copies}.safetensors`)];
  const given = new Int32Array(data.slice().buffer);
  const tokens = Int32Array.from({ length: copies * given.length }, (_, index) => given[index % given.length]!);
  writeFileSync(shard, encodeShard({ tokens, sequenceLength, vocabularySize: checkpoint.topology.vocabularySize, split: 'test' }));
  const losses = await file.readFloat32('losses');
  await file.close();
  await checkpoint.close();
  return { model, shard, sequenceLength, losses };
}

/** All experts of the last layer that has some, scaled, in a file. */
async function writeExperts(model: string, factor: number): Promise<string> {
  const checkpoint = await openCheckpoint(model);
  const { moeLayers, expertsPerLayer } = checkpoint.topology;
  const experts = await extractExperts(checkpoint, new Map([[moeLayers.at(-1)!, Array.from({ length: expertsPerLayer }, (_, expert) => expert)]]));
  await checkpoint.close();
  const path = at(`experts-${factor}.safetensors`);
  writeFileSync(path, encodeExpertWeights(new Map([...experts].map(([name, { shape, data }]) => [name, { shape, data: data.map((value) => value * factor) }]))));
  return path;
}

function meanOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

describe('eval', () => {
  it.each(['odd', ...families])('gives the loss of transformers: %s', async (name) => {
    const { model, shard, sequenceLength, losses } = await loadReference(name);
    const { code, stdout, stderr } = await connito(['eval', '--model', model, '--data', shard, '--per-row', '--json']);
    // One of them is measured beyond the positions that it was made for.
    expect([code, stderr.replace(/^warning: Rows of 8 tokens are longer than the 5 positions .*\n/, '')]).toEqual([0, '']);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ model, rows: losses.length / (sequenceLength - 1), sequenceLength, tokens: losses.length, candidates: [] });
    expect(result.base.loss).toBeCloseTo(meanOf(losses), 5);
    expect(result.base.losses[0]).toBeCloseTo(meanOf(losses.subarray(0, sequenceLength - 1)), 5);
    expect(result.base.perplexity).toBeCloseTo(Math.exp(meanOf(losses)), 2);
    expect(result.base).not.toHaveProperty('bitsPerByte');
  });

  it.each(['deepseek-masked', 'groups-natural'])('gives the loss of transformers for a partial model: %s', async (name) => {
    const file = await openSafetensorsFile(join(vectors, 'partial', `${name}.safetensors`));
    const [model, routing, present] = ['model', 'routing', 'present'].map((key) => file.metadata.get(key)!) as [string, string, string];
    const losses = await file.readFloat32('losses');
    await file.close();
    const { model: directory, shard } = await loadReference(model);
    writeFileSync(at('present.json'), JSON.stringify({ experts: JSON.parse(present) as unknown, shared_experts: false, non_expert_modules: false }));
    const { code, stdout, stderr } = await connito(['eval', '--model', directory, '--data', shard, '--present', at('present.json'), '--routing', routing, '--json']);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout).base.loss).toBeCloseTo(meanOf(losses), 5);
  });

  it('compares candidates with the base row by row; one that is not finite does not harm the others', async () => {
    const { model, shard } = await loadReference('families/deepseek-lite');
    const paths = await Promise.all([1, 1.5, Number.NaN].map((factor) => writeExperts(model, factor)));
    const evaluate = (...more: string[]) => connito(['eval', '--model', model, '--data', shard, '--experts', ...paths, ...more]);
    const [all, text] = [await evaluate('--per-row', '--json'), await evaluate('--per-row')];
    const { base, candidates } = JSON.parse(all.stdout);
    expect(candidates.map(({ experts }: { experts: string }) => experts)).toEqual(paths);
    const [same, other, broken] = candidates;
    expect(same).toMatchObject({ loss: base.loss, gain: 0, gainError: 0 });
    const gains = base.losses.map((loss: number, row: number) => loss - other.losses[row]);
    expect(other.gain).toBeCloseTo(meanOf(gains), 12);
    expect(other.gain).not.toBe(0);
    expect(other.gainError).toBeCloseTo(Math.sqrt(meanOf(gains.map((gain: number) => (gain - other.gain) ** 2)) / (gains.length - 1)), 12);
    expect(broken).toMatchObject({ loss: null, perplexity: null, gain: null });
    expect(broken).not.toHaveProperty('standardError');
    expect(text.stdout).toMatch(/^MODEL +LOSS +± +PERPLEXITY +GAIN +± *$/m);
    expect(text.stdout).toMatch(/^ROW +base +/m);
    expect(text.stdout).toContain('not finite');
    const alone = JSON.parse((await connito(['eval', '--model', model, '--data', shard, '--experts', paths[1]!, '--json'])).stdout);
    expect(alone.candidates[0]).toMatchObject({ loss: other.loss, gain: other.gain });
    expect(alone.candidates[0]).not.toHaveProperty('losses');
  });

  it.skipIf(!existsSync(join(modelDirectory, 'model.safetensors')))('counts bits per byte of text', async () => {
    const documents = ['Router, attention and norms stay as they are. '.repeat(30), 'Größe und Maß: 12 µm. '.repeat(30)];
    writeFileSync(at('text.jsonl'), documents.map((text) => `${JSON.stringify({ text })}\n`).join(''));
    const { code, stdout } = await connito(['eval', '--model', modelDirectory, '--text', at('text.jsonl'), '--sequence-length', '32', '--rows', '1000', '--json']);
    expect(code).toBe(0);
    const { base, rows } = JSON.parse(stdout);
    const tokenizer = await openTokenizer(modelDirectory);
    const tokens = documents.reduce((sum, text) => sum + tokenizer.encode(text).length + 1, 0);
    const bytes = documents.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0);
    expect(rows).toBe(Math.floor(tokens / 32));
    expect(base.bitsPerByte).toBeCloseTo(((base.loss / Math.LN2) * tokens) / bytes, 9);
  });

  it('has the same bits on WebAssembly, however many threads and whatever the batch', async () => {
    const { model, shard } = await loadReference('families/mixtral');
    const outcomes = await Promise.all([['--threads', '1'], ['--threads', '2', '--batch-rows', '1']].map((more) => connito(['eval', '--model', model, '--data', shard, '--device', 'wasm', '--json', ...more])));
    expect(JSON.parse(outcomes[0]!.stdout)).toMatchObject({ device: 'wasm' });
    expect(outcomes[1]!.stdout).toBe(outcomes[0]!.stdout);
  });

  it('refuses what it cannot read, in one line', async () => {
    const { model, shard } = await loadReference('odd');
    for (const [args, code, line] of [
      [['eval', '--model', model], 2, /nothing to read/],
      [['eval', '--model', model, '--data', shard, '--text', 'x'], 2, /cannot be used with/],
      [['eval', '--model', at('absent'), '--data', shard], 3, /absent/],
      [['eval', '--model', model, '--data', shard, '--experts', at('absent.safetensors')], 3, /absent\.safetensors/],
      [['eval', '--model', model, '--data', shard, '--rows', '0'], 2, /of at least 1|from 1/],
    ] as const) {
      const outcome = await connito(args);
      expect([outcome.code, outcome.stdout]).toEqual([code, '']);
      expect(outcome.stderr).toMatch(line);
    }
  });
});

describe('a model that is not there', () => {
  it.each([['generate', '--prompt', 'x'], ['eval', '--text', 'y']])('is named by %s', async (name, ...more) => {
    const { code, stderr } = await connito([name!, '--model', at('nowhere'), ...more]);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/nowhere(: check the path| does not exist)\n$/)]);
  });
});

describe('pol check', () => {
  it.each(families)('scores a candidate of any family from a local directory: %s', async (name) => {
    const { model, shard, losses } = await loadReference(name, 2); // a bound takes two rows
    const { stdout, code } = await connito(['pol', 'check', '--base', model, '--candidate', await writeExperts(model, 1.5), '--data', shard, '--clip', '20', '--json']);
    const result = JSON.parse(stdout);
    expect(result.baseLoss).toBeCloseTo(meanOf(losses), 5);
    expect(result.gain).not.toBe(0);
    expect([0, 1]).toContain(code);
    expect(result.code).toBe(code === 0 ? 'scored' : 'below-floor');
  });

  it('scores on a partial model', async () => {
    const { model, shard } = await loadReference('families/deepseek-lite', 2);
    const checkpoint = await openCheckpoint(model);
    const { moeLayers, expertsPerLayer } = checkpoint.topology;
    await checkpoint.close();
    const half = new Map(moeLayers.map((layer) => [layer, Array.from({ length: expertsPerLayer / 2 }, (_, expert) => (layer === moeLayers.at(-1) ? expert : 2 * expert))]));
    writeFileSync(at('half.json'), formatExpertConfig({ experts: half, sharedExperts: false, nonExpertModules: false }));
    const partial = ['--present', at('half.json'), '--routing', 'masked', '--json'];
    const update = at('half.safetensors');
    const open = await openCheckpoint(model);
    writeFileSync(update, encodeExpertWeights(await extractExperts(open, new Map([[moeLayers.at(-1)!, [0]]]))));
    await open.close();
    const [check, whole, measured] = [await connito(['pol', 'check', '--base', model, '--candidate', update, '--data', shard, ...partial]), await connito(['eval', '--model', model, '--data', shard, '--json']), await connito(['eval', '--model', model, '--data', shard, ...partial])];
    expect(JSON.parse(check.stdout).baseLoss).toBeCloseTo(JSON.parse(measured.stdout).base.loss, 9);
    expect(JSON.parse(check.stdout).baseLoss).not.toBeCloseTo(JSON.parse(whole.stdout).base.loss, 6);
  });

  it('says when rows are longer than the model was made for', async () => {
    const { model } = await loadReference('families/deepseek-lite');
    const checkpoint = await openCheckpoint(model);
    const { maxPositions, vocabularySize } = checkpoint.topology;
    await checkpoint.close();
    const sequenceLength = maxPositions + 1;
    writeFileSync(at('long.safetensors'), encodeShard({ tokens: Int32Array.from({ length: 2 * sequenceLength }, (_, index) => index % vocabularySize), sequenceLength, vocabularySize, split: 'test' }));
    const { code, stderr } = await connito(['eval', '--model', model, '--data', at('long.safetensors')]);
    expect([code, stderr]).toEqual([0, expect.stringContaining(`Rows of ${sequenceLength} tokens are longer than the ${maxPositions} positions`)]);
  });
});
