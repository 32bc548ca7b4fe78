import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { modelDirectory } from '@connito/demo-data';
import { expertTensorNames, formatExpertConfig, formatScoreSummary, parseScoreSummary, fromFloat32 } from '@connito/moe-core';
import { openCheckpoint, openSafetensorsFile, writeSafetensorsFile } from '@connito/moe-core/node';
import { connito, type Outcome } from './run-connito.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const work = mkdtempSync(join(tmpdir(), 'connito-model-'));
const at = (...path: string[]): string => join(work, ...path);
const model = ['--model', modelDirectory];

function writeExperts(name: string, layers: Record<number, number[]>, flags = { sharedExperts: false, nonExpertModules: false }): string {
  const experts = new Map(Object.entries(layers).map(([layer, ids]) => [Number(layer), ids]));
  writeFileSync(at(name), formatExpertConfig({ experts, ...flags }));
  return at(name);
}

/** One line on stderr, nothing on stdout, no trace of a stack. */
function expectRefusal(outcome: Outcome, code: number, line: RegExp): void {
  expect(outcome.stderr).toMatch(/^connito: [^\n]+\n$/);
  expect(outcome.stderr).toMatch(line);
  expect([outcome.stdout, outcome.code]).toEqual(['', code]);
}

async function expectOk(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await connito(args);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

/** The demo's model with the experts of one layer multiplied. */
async function writeTrained(layer: number, factor: number): Promise<string> {
  const base = await openCheckpoint(modelDirectory);
  const directory = at(`trained-${layer}-${factor}`);
  mkdirSync(directory);
  writeFileSync(join(directory, 'config.json'), readFileSync(join(modelDirectory, 'config.json')));
  const tensors = [...base.tensors.values()].map(({ name, dtype, shape }) => ({
    name,
    dtype,
    shape,
    read: async () => (name.includes(`layers.${layer}.mlp.experts.`) ? fromFloat32((await base.readFloat32(name)).map((value) => value * factor), dtype) : (await base.readTensor(name)).data),
  }));
  await writeSafetensorsFile(join(directory, 'model.safetensors'), tensors, { format: 'pt' });
  await base.close();
  return directory;
}

beforeAll(async () => {
  const [first, second] = [writeExperts('first.json', { 0: [3, 1], 2: [9] }), writeExperts('second.json', { 0: [3, 7] })];
  const [old, late] = [await writeTrained(0, 1.25), await writeTrained(0, 1.5)];
  await Promise.all([
    expectOk(['model', 'extract', '--model', old, '--experts', first, '--meta', 'created_at=2026-01-01T00:00:00Z', '--meta', 'weight=1', '--meta', 'author=Ada', '--meta', 'license=MIT', '--meta', 'task=law', '--out', at('first.safetensors')]),
    expectOk(['model', 'extract', '--model', late, '--experts', second, '--dtype', 'F32', '--meta', 'weight=3', '--out', at('second.safetensors'), '--json']),
  ]);
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('model extract', () => {
  it('writes a module with its provenance, which inspect shows', async () => {
    const [shown, json] = await Promise.all([expectOk(['model', 'inspect', at('first.safetensors')]), expectOk(['model', 'inspect', at('first.safetensors'), '--json'])]);
    for (const line of ['expert module of qwen3_moe: 3 experts of 2 layers', 'author: Ada', 'license: MIT', 'created: 2026-01-01T00:00:00Z', 'task: law', 'layer 0: 1, 3', 'layer 2: 9']) expect(shown).toContain(`${line}\n`);
    expect(JSON.parse(json)).toMatchObject({ kind: 'module', dtype: 'BF16', tensorCount: 9, selection: { 0: [1, 3], 2: [9] }, provenance: { author: 'Ada', weight: 1, extra: { task: 'law' }, base: { fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) } } });
    const file = await openSafetensorsFile(at('second.safetensors'));
    expect([...file.tensors.values()].map(({ dtype }) => dtype)).toEqual(Array.from({ length: 6 }, () => 'F32'));
    expect(file.metadata.get('created_at')).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    await file.close();
  });

  it('inspect shows a damaged module as the file that it is, and says what is wrong', async () => {
    await writeSafetensorsFile(at('damaged.safetensors'), [{ name: 'x', dtype: 'U8', shape: [1], data: Uint8Array.of(1) }], { format: 'connito/expert-module/1', family: 'mamba' });
    const shown = await expectOk(['model', 'inspect', at('damaged.safetensors')]);
    expect(shown).toContain('no valid expert module: module metadata, field family: expected one of ');
    expect(shown).toContain('1 tensors (1 U8)');
    expect(JSON.parse(await expectOk(['model', 'inspect', at('damaged.safetensors'), '--json']))).toMatchObject({ kind: 'safetensors', problem: expect.stringContaining('family') });
  });

  it('refuses what is no selection, no expert, no field or given twice', async () => {
    const extract = (experts: string, ...more: string[]): Promise<Outcome> => connito(['model', 'extract', ...model, '--experts', experts, '--out', at('no.safetensors'), ...more]);
    const good = at('first.json');
    const [absent, foreign, strange, shared, bare, twice, derived, weight] = await Promise.all([
      extract(at('absent.json')), extract(join(modelDirectory, 'config.json')), extract(writeExperts('strange.json', { 0: [16] })), extract(writeExperts('shared.json', { 0: [1] }, { sharedExperts: true, nonExpertModules: false })),
      extract(good, '--meta', 'author'), extract(good, '--meta', 'a=1', '--meta', 'a=2'), extract(good, '--meta', 'family=x'), extract(good, '--meta', 'weight=0'),
    ]);
    expectRefusal(absent, 3, /absent\.json/);
    expectRefusal(foreign, 3, /config\.json: expert_cfg\.json, field experts/);
    expectRefusal(strange, 3, /layer 0, expert 16 is not an expert from 0 to 15/);
    expectRefusal(shared, 3, /asks for shared experts too/);
    expectRefusal(bare, 2, /Expected key=value/);
    expectRefusal(twice, 2, /key a is given twice/);
    expectRefusal(derived, 2, /--meta family=… cannot be given/);
    expectRefusal(weight, 2, /--meta: .*weight: expected a positive number/);
    expect(readdirSync(work)).not.toContain('no.safetensors');
  });
});

const graft = (modules: string[], out: string, ...more: string[]): Promise<Outcome> => connito(['model', 'graft', ...model, '--module', ...modules.map((name) => at(`${name}.safetensors`)), '--out', at(out), ...more]);

describe('model graft', () => {
  it('replaces the experts of one module, as diff sees', async () => {
    const { code, stdout, stderr } = await graft(['first'], 'one');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^MODULE +EXPERTS +TAKEN +AUTHOR +LICENSE\n\S+first\.safetensors +3 +3 +Ada +MIT\n/);
    expect(stdout).toContain('one: 3 experts replaced, 6 files');
    expect(readdirSync(at('one')).sort()).toEqual([...readdirSync(modelDirectory), 'grafted_modules.json'].sort());
    const [plain, json, same] = await Promise.all([expectOk(['model', 'diff', modelDirectory, at('one'), '--tensors']), expectOk(['model', 'diff', modelDirectory, at('one'), '--json']), expectOk(['model', 'diff', modelDirectory, modelDirectory])]);
    expect(same).toMatch(/^equal: \d+ tensors, byte for byte\n$/);
    expect(plain).toMatch(/^WHERE +TENSORS +CHANGED +MAX ABS +L2 +RELATIVE +COSINE\nlayer 0, expert 1 +3 of 3 .* 0\.250 /);
    expect(plain).toContain('model.layers.0.mlp.experts.3.up_proj.weight');
    expect(JSON.parse(json)).toMatchObject({ equal: false, onlyInA: [], onlyInB: [], groups: [{ place: { layer: 0, expert: 1 }, differing: 3 }, { place: { layer: 0, expert: 3 } }] });
  });

  it('decides conflicts as told, and keeps a record of every graft', async () => {
    const [refused, newest, mean] = await Promise.all([graft(['first', 'second'], 'refused'), graft(['second', 'first'], 'newest', '--on-conflict', 'newest', '--json'), graft(['first', 'second'], 'mean', '--on-conflict', 'weighted', '--max-shard-size', '1MB')]);
    expectRefusal(refused, 3, /expert 3 of layer 0 is in .*first\.safetensors" and in .*second\.safetensors"/);
    expect(JSON.parse(newest.stdout).experts).toContainEqual({ layer: 0, expert: 3, modules: [at('second.safetensors')] });
    expect(mean.code).toBe(0);
    expect(readdirSync(at('mean'))).toContain('model.safetensors.index.json');
    const [base, made] = [await openCheckpoint(modelDirectory), await openCheckpoint(at('mean'))];
    const name = expertTensorNames(base.topology, { layer: 0, expert: 3 }).gate;
    const [before, after] = [await base.readFloat32(name), await made.readFloat32(name)];
    // (1.25 · 1 + 1.5 · 3) / 4
    for (const [i, value] of after.entries()) expect(Math.abs(value - 1.4375 * before[i]!)).toBeLessThanOrEqual(Math.abs(before[i]!) / 64);
    await Promise.all([base.close(), made.close()]);
    await expectOk(['model', 'graft', '--model', at('newest'), '--module', at('first.safetensors'), '--out', at('again')]);
    const { grafts } = JSON.parse(readFileSync(at('again', 'grafted_modules.json'), 'utf8')) as { grafts: { modules: { file: string; license?: string }[]; experts: unknown[] }[] };
    expect(grafts.map(({ modules }) => modules.map(({ file }) => file))).toEqual([['second.safetensors', 'first.safetensors'], ['first.safetensors']]);
    expect(grafts[0]!.experts).toContainEqual({ layer: 0, expert: 3, modules: [0] });
    expect(grafts[1]!.modules[0]!.license).toBe('MIT');
  });

  it('refuses other files, other models and directories that are not free, and leaves nothing behind', async () => {
    await expectOk(['model', 'export', ...model, '--experts', writeExperts('few.json', { 0: [3, 1], 1: [0, 1], 2: [9, 4], 3: [0, 2] }), '--out', at('few')]);
    const root = '0'.repeat(64);
    await expectOk(['model', 'extract', ...model, '--experts', at('second.json'), '--meta', `base_root=${root}`, '--out', at('rooted.safetensors')]);
    const [noModule, smaller, taken, file, otherRoot] = await Promise.all([
      connito(['model', 'graft', ...model, '--module', join(modelDirectory, 'model.safetensors'), '--out', at('x')]),
      connito(['model', 'graft', '--model', at('few'), '--module', at('first.safetensors'), '--out', at('x')]),
      connito(['model', 'graft', ...model, '--module', at('first.safetensors'), '--out', modelDirectory]),
      connito(['model', 'graft', ...model, '--module', at('first.safetensors'), '--out', at('first.json')]),
      connito(['model', 'graft', ...model, '--module', at('rooted.safetensors'), '--base-root', 'a'.repeat(64), '--out', at('x')]),
    ]);
    expectRefusal(noModule, 3, /model\.safetensors: this is not an expert module/);
    expectRefusal(smaller, 3, /first\.safetensors: selection: layer 0, expert 3 is not an expert from 0 to 1/);
    expectRefusal(taken, 2, /is not empty \(it holds /);
    expectRefusal(file, 2, /first\.json is a file/);
    expectRefusal(otherRoot, 3, /base_root: it was made for the root 000000000000…/);
    expect(readdirSync(work).filter((name) => name === 'x' || name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('model export', () => {
  it('writes a model of the named experts', async () => {
    const stdout = await expectOk(['model', 'export', ...model, '--experts', writeExperts('two.json', { 0: [3, 1], 1: [0, 1], 2: [9, 4], 3: [2, 0] }), '--out', at('two')]);
    expect(stdout).toMatch(/^num_experts: 16 → 2\n\S+two: 8 of 64 experts, .* of weights instead of /);
    const inspection = JSON.parse(await expectOk(['model', 'inspect', at('two'), '--json']));
    expect(inspection.topology).toMatchObject({ expertsPerLayer: 2, expertsPerToken: 2 });
    expect(readFileSync(at('two', 'expert_cfg.json'), 'utf8')).toBe('{"experts": {"0": [1, 3], "1": [0, 1], "2": [4, 9], "3": [0, 2]}, "shared_experts": false, "non_expert_modules": false}');
    expect(readFileSync(at('two', 'tokenizer.json'))).toEqual(readFileSync(join(modelDirectory, 'tokenizer.json')));
    const [full, small] = [await openCheckpoint(modelDirectory), await openCheckpoint(at('two'))];
    const names = (topology: typeof full.topology, expert: number) => expertTensorNames(topology, { layer: 2, expert });
    expect((await small.readTensor(names(small.topology, 1).down)).data).toEqual((await full.readTensor(names(full.topology, 9).down)).data);
    await Promise.all([full.close(), small.close()]);
  });

  it('lowers the experts per token, and fills layers up by scores', async () => {
    const row = Array.from({ length: 16 }, (_, expert) => expert / 1000);
    const scores = new Map([0, 1, 2, 3].map((layer) => [layer, row]));
    writeFileSync(at('summary.json'), formatScoreSummary({ tokenScores: scores, gateScores: scores }));
    const few = writeExperts('one.json', { 0: [3] });
    const uneven = await connito(['model', 'export', ...model, '--experts', few, '--out', at('filled')]);
    expectRefusal(uneven, 3, /layer 1 keeps 0 of its 16 experts, others 1; .* fill the layers up by scores/);
    const filled = JSON.parse(await expectOk(['model', 'export', ...model, '--experts', few, '--fill-scores', at('summary.json'), '--out', at('filled'), '--json']));
    expect(filled).toMatchObject({ experts: { 0: [3], 1: [15], 2: [15], 3: [15] }, changes: [{ field: 'num_experts', from: 16, to: 1 }, { field: 'num_experts_per_tok', from: 2, to: 1 }], dropped: [] });
    const counted = JSON.parse(await expectOk(['model', 'export', ...model, '--experts', few, '--fill-scores', at('summary.json'), '--count', '3', '--metric', 'gate', '--out', at('counted'), '--json']));
    expect(counted.experts).toEqual({ 0: [3, 14, 15], 1: [13, 14, 15], 2: [13, 14, 15], 3: [13, 14, 15] });
    expectRefusal(await connito(['model', 'export', ...model, '--experts', few, '--count', '3', '--out', at('y')]), 2, /--count fills layers up, which needs --fill-scores/);
  });

  it('leaves experts out and everything else as it is with --partial; --present then says what the directory holds', async () => {
    const held = writeExperts('held.json', { 0: [3, 1], 1: [0, 4], 2: [9], 3: [2, 0, 5] });
    const stdout = await expectOk(['model', 'export', ...model, '--experts', held, '--partial', '--out', at('partial')]);
    expect(stdout).toMatch(/^\S+partial: 8 of 64 experts, .* of weights instead of .*; expert_cfg\.json there says which, for --present\n$/);
    expect(readFileSync(at('partial', 'config.json'))).toEqual(readFileSync(join(modelDirectory, 'config.json')));
    writeFileSync(at('some.txt'), 'A triangle has three sides. '.repeat(40));
    const score = ['experts', 'score', '--text', at('some.txt'), '--sequence-length', '16'];
    const present = ['--present', at('partial', 'expert_cfg.json')];
    const [partial, full] = [await expectOk([...score, '--model', at('partial'), ...present]), await expectOk([...score, ...model, ...present])];
    expect(partial).toBe(full);
    expect(await expectOk([...score, ...model])).not.toBe(full);
    const masked = parseScoreSummary(await expectOk([...score, '--model', at('partial'), ...present, '--routing', 'masked']));
    expect([...masked.gateScores.get(2)!].map((share, expert) => (share > 0 ? expert : -1)).filter((expert) => expert >= 0)).toEqual([9]);
    expectRefusal(await connito([...score, '--model', at('partial')]), 3, /lacks the tensor .* name those that it must hold/);
    expectRefusal(await connito([...score, ...model, '--routing', 'masked']), 2, /which --present names/);
  });
});

describe('model diff', () => {
  it('compares files, names what only one side has, and refuses what is not there', async () => {
    const [plain, absent] = await Promise.all([connito(['model', 'diff', join(modelDirectory, 'model.safetensors'), at('second.safetensors')]), connito(['model', 'diff', modelDirectory, at('absent')])]);
    expect(plain.code).toBe(0);
    expect(plain.stdout).toMatch(/^only in a \(\d+\): model\.embed_tokens\.weight, .* and \d+ more$/m);
    expect(plain.stdout).toMatch(/^0 of 6 common tensors are equal, 6 differ; together ‖a − b‖ \/ ‖a‖ = 0\.500 over these$/m);
    expectRefusal(absent, 3, /absent/);
  });
});
