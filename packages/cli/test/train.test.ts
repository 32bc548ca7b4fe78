import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { modelDirectory } from '@connito/demo-data';
import { encodeShard, openTokenizer } from '@connito/dataset';
import { formatExpertConfig, fromFloat32 } from '@connito/moe-core';
import { openCheckpoint, openExpertModuleFile, openSafetensorsFile, writeSafetensorsFile } from '@connito/moe-core/node';
import { connito, type Outcome } from './run-connito.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const work = mkdtempSync(join(tmpdir(), 'connito-train-'));
/** Tiny models as transformers saved them. */
const families = fileURLToPath(new URL('../../moe-engine/test/vectors/families', import.meta.url));
const at = (...path: string[]): string => join(work, ...path);
const text = Array.from({ length: 60 }, (_, number) => `Question ${number}: how much is ${number} plus ${number + 3}? The answer is ${2 * number + 3}.`);

beforeAll(async () => {
  writeFileSync(at('experts.json'), formatExpertConfig({ experts: new Map([[1, [9, 4]], [3, [7]]]), sharedExperts: false, nonExpertModules: false }));
  writeFileSync(at('text.jsonl'), text.map((line) => JSON.stringify({ text: line })).join('\n'));
  writeFileSync(at('pairs.jsonl'), text.map((line) => JSON.stringify({ prompt: line.slice(0, line.indexOf('The')), completion: line.slice(line.indexOf('The')) })).join('\n'));
  const tokenizer = await openTokenizer(modelDirectory);
  const ids = text.flatMap((line) => [...tokenizer.encode(line), tokenizer.endOfTextId]);
  writeFileSync(at('shard.safetensors'), encodeShard({ tokens: Int32Array.from(ids.slice(0, 32 * 32)), sequenceLength: 32, vocabularySize: 1024, split: 'train' }));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const args = (...more: string[]): string[] => ['train', '--model', modelDirectory, '--experts', at('experts.json'), '--threads', '1', '--batch-rows', '2', ...more];

/** The demo's model with NaN in one expert of layer 1. */
async function writeDamagedModel(expert: number): Promise<string> {
  const base = await openCheckpoint(modelDirectory);
  const directory = at(`damaged-${expert}`);
  cpSync(modelDirectory, directory, { recursive: true });
  const damaged = `model.layers.1.mlp.experts.${expert}.up_proj.weight`;
  const read = async (name: string): Promise<Uint8Array> => {
    const values = await base.readFloat32(name);
    if (name === damaged) values[5] = Number.NaN;
    return fromFloat32(values, 'F32');
  };
  const tensors = [...base.tensors.values()].map(({ name, shape }) => ({ name, dtype: 'F32' as const, shape, read: () => read(name) }));
  await writeSafetensorsFile(join(directory, 'model.safetensors'), tensors, { format: 'pt' });
  await base.close();
  return directory;
}

interface Event {
  readonly kind: string;
  readonly step?: number;
  readonly [key: string]: unknown;
}

async function events(...more: string[]): Promise<Event[]> {
  const { code, stdout, stderr } = await connito(args(...more, '--json'));
  expect([code, stderr]).toEqual([0, '']);
  return stdout.trim().split('\n').map((line) => JSON.parse(line) as Event);
}

function expectRefusal(outcome: Outcome, code: number, line: RegExp): void {
  expect(outcome.stderr).toMatch(/^connito: [^\n]+\n$/);
  expect(outcome.stderr).toMatch(line);
  expect([outcome.stdout, outcome.code]).toEqual(['', code]);
}

describe('train', () => {
  it('writes a module that pol check scores and graft takes', async () => {
    const { code, stdout, stderr } = await connito(args('--data', at('shard.safetensors'), '--epochs', '1.5', '--learning-rate', '2e-3', '--meta', 'license=MIT', '--out', at('module.safetensors')));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^loss {5}\d\.\d{4} → \d\.\d{4} nats per token \(first and last tenth of the steps\)\nsteps {4}24 on 32 rows of 32 tokens, 100\.0 % of them text \(\w+\)\nrouting {2}\d+\.\d % of it went to the trained experts\nexperts {2}3 of 2 layers\nmodule {3}\S+module\.safetensors, /);
    expect(stderr.trim().split('\n').length).toBe(10);
    const checkpoint = await openCheckpoint(modelDirectory);
    const module = await openExpertModuleFile(at('module.safetensors'), checkpoint.topology);
    expect(module.dtype).toBe('F32');
    expect(module.provenance).toMatchObject({ license: 'MIT' });
    await module.close();
    await checkpoint.close();
    const check = await connito(['pol', 'check', '--base', modelDirectory, '--candidate', at('module.safetensors'), '--data', at('shard.safetensors'), '--json']);
    expect(JSON.parse(check.stdout)).toMatchObject({ code: 'scored' });
    const graft = await connito(['model', 'graft', '--model', modelDirectory, '--module', at('module.safetensors'), '--out', at('grafted'), '--json']);
    expect(JSON.parse(graft.stdout).experts.length).toBe(3);
  });

  it('tells what happens as JSON lines, and writes an update', async () => {
    const seen = await events('--data', at('shard.safetensors'), '--pack', '--steps', '4', '--micro-batches', '2', '--balance', '0.01', '--as', 'update', '--out', at('update.safetensors'));
    expect(seen.map(({ kind }) => kind)).toEqual(['started', 'step', 'step', 'step', 'step', 'done']);
    expect(seen[1]).toMatchObject({ step: 1, skipped: false, expertLoad: [{ layer: 0, counts: expect.any(Array) as unknown }, { layer: 1 }, { layer: 2 }, { layer: 3 }] });
    expect(seen[1]!['auxiliaryLoss']).toBeGreaterThan(0);
    // Two micro-batches of two rows of 32 positions, less one for each row and for each document's start in it.
    expect(seen[1]!['targets']).toBeLessThan(4 * 31);
    expect(seen.at(-1)).toMatchObject({ out: at('update.safetensors'), as: 'update', experts: 3, tensors: 9, steps: 4, skippedSteps: 0, rows: 32, sequenceLength: 32 });
    const file = await openSafetensorsFile(at('update.safetensors'));
    expect(file.metadata.get('kind')).toBe('update');
    await file.close();
  });

  it('packs text and instructions; of instructions only completions count', async () => {
    const common = ['--sequence-length', '64', '--steps', '1', '--micro-batches', '8', '--out', at('packed.safetensors')];
    const [plain, instructions] = [await events('--text', at('text.jsonl'), '--pack', ...common), await events('--instructions', at('pairs.jsonl'), ...common)];
    const [textPositions, positions] = [plain, instructions].map((seen) => seen.at(-1)!['textPositions'] as number) as [number, number];
    const [targets, learnt] = [plain, instructions].map((seen) => seen[1]!['targets'] as number) as [number, number];
    // A prompt that ends where a token would have gone on costs a token or two more.
    expect(Math.abs(positions - textPositions)).toBeLessThan(0.2 * textPositions);
    expect(learnt).toBeLessThan(0.6 * targets);
    expect(learnt).toBeGreaterThan(0);
  });

  it('trains a partial model: in a directory that lacks the other experts as in the full one', async () => {
    writeFileSync(at('present.json'), formatExpertConfig({ experts: new Map([[0, [2]], [1, [9, 4, 1]], [2, [0]], [3, [7, 8]]]), sharedExperts: false, nonExpertModules: false }));
    expect((await connito(['model', 'export', '--model', modelDirectory, '--experts', at('present.json'), '--partial', '--out', at('partial')])).code).toBe(0);
    const common = ['--data', at('shard.safetensors'), '--steps', '3', '--present', at('present.json'), '--routing', 'masked', '--as', 'update'];
    await events(...common, '--out', at('of-full.safetensors'));
    await events(...common, '--model', at('partial'), '--out', at('of-partial.safetensors'));
    expect(readFileSync(at('of-partial.safetensors')).equals(readFileSync(at('of-full.safetensors')))).toBe(true);
    const alone = await events('--data', at('shard.safetensors'), '--steps', '3', '--as', 'update', '--out', at('whole.safetensors'));
    expect(alone.at(-1)!.kind).toBe('done');
    expect(readFileSync(at('whole.safetensors')).equals(readFileSync(at('of-full.safetensors')))).toBe(false);
    const absent = formatExpertConfig({ experts: new Map([[1, [9]], [3, [7]]]), sharedExperts: false, nonExpertModules: false });
    writeFileSync(at('absent.json'), absent);
    expectRefusal(await connito(args('--data', at('shard.safetensors'), '--steps', '1', '--present', at('absent.json'), '--out', at('x.safetensors'))), 3, /expert 4 of layer 1, which this partial model does not hold/);
  });

  it('stopped by Ctrl-C, it goes on where it was and writes the same bytes', async () => {
    const common = ['--data', at('shard.safetensors'), '--steps', '120', '--micro-batches', '2', '--pack', '--as', 'update'];
    const resume = ['--resume', at('run')];
    const stopped = await connito(args(...common, ...resume, '--json', '--out', at('resumed.safetensors')), { until: (stdout, kill) => void (stdout.includes('"step":3,') && kill('SIGINT')) });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toMatch(/^training was aborted by its signal after \d+ of 120 steps; the state is in \S+: the same command goes on from there\n$/);
    const rest = await events(...common, ...resume, '--out', at('resumed.safetensors'));
    expect(rest[0]!['completedSteps']).toBeGreaterThanOrEqual(3);
    await events(...common, '--out', at('whole.safetensors'));
    expect(readFileSync(at('resumed.safetensors')).equals(readFileSync(at('whole.safetensors')))).toBe(true);
    expectRefusal(await connito(args(...common, ...resume, '--seed', 'other', '--out', at('other.safetensors'))), 3, /was saved by another job/);
  });

  it.each(readdirSync(families, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name))('trains a model of any family from a local directory: %s', async (name) => {
    const checkpoint = await openCheckpoint(join(families, name));
    const { moeLayers, vocabularySize } = checkpoint.topology;
    await checkpoint.close();
    writeFileSync(at(`${name}.json`), formatExpertConfig({ experts: new Map(moeLayers.map((layer) => [layer, [0, 2]])), sharedExperts: false, nonExpertModules: false }));
    const tokens = Int32Array.from({ length: 12 * 8 }, (_, index) => (index * 5 + (index % 3)) % Math.min(vocabularySize, 11));
    writeFileSync(at(`${name}.safetensors`), encodeShard({ tokens, sequenceLength: 8, vocabularySize, split: 'train' }));
    const flags = ['--experts', at(`${name}.json`), '--data', at(`${name}.safetensors`), '--batch-rows', '4', '--epochs', '8', '--learning-rate', '1e-2', '--balance', '0.001', '--device', 'cpu', '--out', at(`${name}-trained.safetensors`), '--json'];
    const { code, stdout, stderr } = await connito(['train', '--model', join(families, name), ...flags]);
    expect([code, stderr]).toEqual([0, '']);
    const done = JSON.parse(stdout.trim().split('\n').at(-1)!) as { firstLoss: number; lastLoss: number; steps: number; skippedSteps: number };
    expect(done).toMatchObject({ steps: 24, skippedSteps: 0 });
    expect(done.lastLoss).toBeLessThan(done.firstLoss);
    const check = await connito(['pol', 'check', '--base', join(families, name), '--candidate', at(`${name}-trained.safetensors`), '--data', at(`${name}.safetensors`), '--clip', '100', '--json']);
    expect(JSON.parse(check.stdout)).toMatchObject({ rows: 12, baseLoss: expect.any(Number) as number });
  });

  it('holds only the experts that are said to be present', async () => {
    const present = at('present.json');
    writeFileSync(present, formatExpertConfig({ experts: new Map([[0, [1, 2]], [1, [4, 9]], [2, [0]], [3, [7, 8]]]), sharedExperts: false, nonExpertModules: false }));
    const common = ['--data', at('shard.safetensors'), '--steps', '2', '--as', 'update', '--out', at('partial.safetensors')];
    const [full, natural, masked] = [await events(...common), await events(...common, '--present', present), await events(...common, '--present', present, '--routing', 'masked')];
    expect(new Set([full, natural, masked].map((seen) => seen[1]!['loss'])).size).toBe(3);
    const load = masked![1]!['expertLoad'] as { layer: number; counts: number[] }[];
    expect(load[2]!.counts.filter((count) => count > 0).length).toBe(1);
  });

  it('refuses at once to write where there is no directory', async () => {
    expectRefusal(await connito(args('--data', at('shard.safetensors'), '--out', at('nowhere', 'x.safetensors'))), 3, /nowhere, where --out shall go, is not there: make it first/);
  });

  it.each([
    ['selected', 9, 3, /experts\.9\.up_proj\.weight of \S+ has NaN at element 5: experts can only be trained from finite weights/],
    ['frozen', 0, 1, /All 2 steps were skipped, because they were not finite or no token of them counts: nothing was learnt, and nothing is written/],
  ])('learns nothing, and says so, from a model with NaN in an expert that is %s', async (_what, expert, code, line) => {
    const directory = await writeDamagedModel(expert);
    const outcome = await connito(['train', '--model', directory, '--experts', at('experts.json'), '--data', at('shard.safetensors'), '--steps', '2', '--out', at('damaged.safetensors')]);
    // Progress stands before it.
    expectRefusal({ ...outcome, stderr: outcome.stderr.replace(/^step .*\n/gm, '') }, code, line);
    expect(existsSync(at('damaged.safetensors'))).toBe(false);
    const measured = await connito(['eval', '--model', directory, '--data', at('shard.safetensors'), '--json']);
    expect([measured.code, measured.stderr]).toEqual([3, expect.stringMatching(/The loss of \S+ is not finite on these rows/)]);
  });

  it('says when a step sees rows twice, and refuses a selection of nothing', async () => {
    const few = await connito(args('--data', at('shard.safetensors'), '--rows', '3', '--micro-batches', '4', '--out', at('few.safetensors')));
    expect([few.code, few.stderr]).toEqual([0, expect.stringContaining('3 rows are fewer than the 8 of one step')]);
    writeFileSync(at('none.json'), formatExpertConfig({ experts: new Map(), sharedExperts: false, nonExpertModules: false }));
    const words = args('--data', at('shard.safetensors'), '--out', at('x.safetensors')).map((word) => (word === at('experts.json') ? at('none.json') : word));
    expectRefusal(await connito(words), 3, /none\.json selects no expert: write some with `connito experts select`/);
  });

  it.each<[string, string[], number, RegExp]>([
    ['nothing to read', [], 2, /give --text with text files, or --data with prepared shards/],
    ['two sources', ['--data', 'a', '--text', 'b'], 2, /'--data <files\.\.\.>' cannot be used with option '--text <paths\.\.\.>'/],
    ['steps and epochs', ['--data', 'a', '--steps', '1', '--epochs', '2'], 2, /cannot be used with option/],
    ['a provenance of an update', ['--data', 'a', '--as', 'update', '--meta', 'license=MIT'], 2, /An update has no provenance/],
    ['a negative rate', ['--data', 'a', '--learning-rate', '-1'], 2, /Expected a number/],
    ['a file that is not there', ['--data', 'nothing.safetensors'], 3, /nothing\.safetensors/],
    ['no pairs', ['--instructions', 'TEXT'], 3, /expected \{"prompt": "…", "completion": "…"\} at \S+text\.jsonl:1, got/],
  ])('refuses %s', async (_what, more, code, line) => {
    expectRefusal(await connito(args(...more.map((word) => (word === 'TEXT' ? at('text.jsonl') : word)), '--out', at('x.safetensors'))), code, line);
  });
});
