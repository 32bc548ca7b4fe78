import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { modelDirectory, textDirectory } from '@connito/demo-data';
import { openShard } from '@connito/dataset';
import { encodeExpertWeights, encodeSafetensors, extractExperts, parseExpertConfig, selectExperts, parseScoreSummary, type ExpertWeights } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { createEvaluator, trainExperts } from '@connito/moe-engine';
import { connito, main, type Outcome } from './run-connito.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const work = mkdtempSync(join(tmpdir(), 'connito-cli-'));
const at = (...path: string[]): string => join(work, ...path);
const prepareArgs = (out: string): string[] => ['data', 'prepare', '--target', at('text', 'target.jsonl'), '--general', at('text', 'general.jsonl'), '--tokenizer', modelDirectory, '--out', out, '--cycles', '2', '--train-shards', '2', '--held-out-rows', '24', '--general-rows', '8', '--test-rows', '8'];
let prepared: Outcome;

function head(file: string, lines: number): string {
  return `${readFileSync(file, 'utf8').split('\n').slice(0, lines).join('\n')}\n`;
}

function firstFile(directory: string): string {
  return join(directory, readdirSync(directory).filter((name) => name.endsWith('.jsonl')).sort()[0] ?? '');
}

beforeAll(async () => {
  mkdirSync(at('text'));
  writeFileSync(at('text', 'target.jsonl'), head(firstFile(join(textDirectory, 'target')), 1500));
  writeFileSync(at('text', 'general.jsonl'), head(firstFile(join(textDirectory, 'general')), 40));
  prepared = await connito([...prepareArgs(at('data')), '--json']);
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

function check(candidate: string, ...more: string[]): Promise<Outcome> {
  return connito(['pol', 'check', '--base', modelDirectory, '--candidate', candidate, '--data', at('data', 'held-out-0000.safetensors'), ...more]);
}

/** Starts a localnet on a free port and sends it `signal` once it is up. */
function stopBy(signal: NodeJS.Signals, args: readonly string[]): Promise<Outcome> {
  return connito(['localnet', '--port', '0', ...args], { until: (stdout, kill) => void (stdout.includes('\n') && kill(signal)) });
}

/** One line on stderr, nothing on stdout, no trace of a stack. */
function expectRefusal(outcome: Outcome, code: number, line: RegExp): void {
  expect(outcome.stderr).toMatch(/^connito: [^\n]+\n$/);
  expect(outcome.stderr).toMatch(line);
  expect(outcome.stderr).not.toMatch(/\n\s+at |node:internal/);
  expect(outcome.stdout).toBe('');
  expect(outcome.code).toBe(code);
}

describe('the process', () => {
  it('starts quickly without loading what help does not need', async () => {
    const started = performance.now();
    const { code, stderr } = await connito(['--help'], { env: { NODE_DEBUG: '' } });
    expect([code, stderr]).toEqual([0, '']);
    // Wall-clock, but with an order of magnitude to spare: 0.1 s on an idle machine.
    expect(performance.now() - started).toBeLessThan(5_000);
    const source = readFileSync(main, 'utf8');
    expect(source).not.toMatch(/^import .*@connito\//m);
  });

  it('ends quietly when its reader goes away', () => {
    const { stdout, stderr } = spawnSync('bash', ['-c', '"$0" "$1" model inspect "$2" --tensors --json | true; echo "${PIPESTATUS[0]}"', process.execPath, main, modelDirectory], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(['0\n', '141\n']).toContain(stdout);
  });
});

describe('data prepare', () => {
  it('prints the manifest that it wrote', () => {
    expect([prepared.code, prepared.stderr]).toEqual([0, '']);
    const manifest = JSON.parse(prepared.stdout);
    expect(manifest).toEqual(JSON.parse(readFileSync(at('data', 'manifest.json'), 'utf8')));
    expect(manifest.heldOut.map(({ rows }: { rows: number }) => rows)).toEqual([24, 24]);
    expect(readdirSync(at('data')).sort()).toEqual(['general.safetensors', 'held-out-0000.safetensors', 'held-out-0001.safetensors', 'manifest.json', 'test.safetensors', 'train-0000.safetensors', 'train-0001.safetensors']);
  });

  it('prints a table for people', async () => {
    const { code, stdout } = await connito(prepareArgs(at('data-2')));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^SPLIT +SHARDS +ROWS +TOKENS +BYTES\ntrain +2 /);
    expect(readFileSync(at('data-2', 'manifest.json'))).toEqual(readFileSync(at('data', 'manifest.json')));
  });

  it('refuses missing text, too little text and a directory that is not its own', async () => {
    mkdirSync(at('mine'));
    writeFileSync(at('mine', 'letter.txt'), 'keep me');
    const missing = prepareArgs(at('out')).map((arg) => (arg.endsWith('target.jsonl') ? at('nowhere') : arg));
    const [absent, little, foreign] = await Promise.all([connito(missing), connito([...prepareArgs(at('out')), '--held-out-rows', '999999']), connito(prepareArgs(at('mine')))]);
    expectRefusal(absent, 3, /nowhere/);
    expectRefusal(little, 3, /999999/);
    expectRefusal(foreign, 2, /letter\.txt/);
    expect(existsSync(at('out'))).toBe(false);
    expect(readFileSync(at('mine', 'letter.txt'), 'utf8')).toBe('keep me');
  });
});

describe('model inspect', () => {
  it('counts parameters and bytes of a checkpoint', async () => {
    const [json, plain] = await Promise.all([connito(['model', 'inspect', modelDirectory, '--json', '--tensors']), connito(['model', 'inspect', modelDirectory])]);
    const inspection = JSON.parse(json.stdout);
    expect(inspection).toMatchObject({ kind: 'checkpoint', topology: { family: 'qwen3_moe' }, tensorCount: inspection.tensors.length });
    const parts = Object.values(inspection.parts) as { parameters: number; sizeBytes: number }[];
    expect(parts.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(inspection.parameters);
    expect(parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(inspection.sizeBytes);
    expect(inspection.tensors.reduce((sum: number, { shape }: { shape: number[] }) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBe(inspection.parameters);
    expect(plain.stdout).toContain(`${inspection.parameters.toLocaleString('en')} parameters`);
    expect(plain.stdout).toMatch(/PART +PARAMETERS +SHARE +BYTES/);
    expect([json.code, plain.code, json.stderr, plain.stderr]).toEqual([0, 0, '', '']);
  });

  const families = JSON.parse(readFileSync(new URL('../../moe-core/test/vectors/expert-storage.json', import.meta.url), 'utf8')).cases as { name: string; config: object; file: string }[];

  it.each(families)('shows a model of the family $name, as transformers saved it', async ({ name, config, file }) => {
    mkdirSync(at(`family-${name}`));
    writeFileSync(at(`family-${name}`, 'config.json'), JSON.stringify(config));
    writeFileSync(at(`family-${name}`, 'model.safetensors'), Buffer.from(file, 'base64'));
    const { code, stdout, stderr } = await connito(['model', 'inspect', at(`family-${name}`)]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`${name.replace('_text', '')}: 1 layer, hidden size 6`);
    expect(stdout).toContain(name.startsWith('deepseek') ? 'latent attention: 1 heads' : 'attention: 1 heads');
    expect(stdout).toMatch(/experts of width 5 in every layer, 1 for each token[^]*router: (softmax|sigmoid)[^]*experts +[\d,]+ /);
  });

  it('shows a file with metadata, which cannot write to the terminal', async () => {
    writeFileSync(at('odd.safetensors'), encodeSafetensors([{ name: 'x\u001b[2J', dtype: 'F32', shape: [2], data: new Uint8Array(8) }], new Map([['note', 'two\nlines \u001b]0;title\u0007']])));
    const { code, stdout } = await connito(['model', 'inspect', at('odd.safetensors'), '--tensors']);
    expect(code).toBe(0);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('note: two lines');
    expect(stdout).toContain('1 tensors (1 F32), 2 parameters, 8 B');
  });

  it('refuses what is missing, truncated, of an unknown family or no model', async () => {
    const broken = (name: string): string => {
      mkdirSync(at(name));
      for (const file of ['config.json', 'model.safetensors']) copyFileSync(join(modelDirectory, file), at(name, file));
      return at(name);
    };
    truncateSync(join(broken('truncated'), 'model.safetensors'), 100_000);
    truncateSync(join(broken('headless'), 'model.safetensors'), 5);
    writeFileSync(join(broken('unknown-family'), 'config.json'), readFileSync(join(modelDirectory, 'config.json'), 'utf8').replace('"qwen3_moe"', '"mamba"'));
    rmSync(join(broken('weightless'), 'model.safetensors'));
    writeFileSync(join(broken('no-json'), 'config.json'), '{"model_type": ');
    const outcomes = await Promise.all([at('nothing'), at('truncated'), at('truncated', 'model.safetensors'), at('headless'), at('unknown-family'), at('weightless'), at('no-json'), at('text', 'target.jsonl')].map((path) => connito(['model', 'inspect', path])));
    const lines = [/no file or directory .*nothing/, /truncated.*model\.safetensors/, /truncated.*model\.safetensors/, /headless.*model\.safetensors/, /"mamba" is not supported; supported: deepseek_v2, .*qwen3_moe/, /neither model\.safetensors nor/, /no-json.*config\.json/, /target\.jsonl/];
    for (const [index, outcome] of outcomes.entries()) expectRefusal(outcome, 3, lines[index]!);
  });
});

describe('experts', () => {
  it('scores a text and selects from the scores, in the published formats', async () => {
    const scored = await connito(['experts', 'score', '--model', modelDirectory, '--text', at('text', 'target.jsonl'), '--rows', '16', '--out', at('summary.json'), '--json']);
    expect([scored.code, scored.stderr, JSON.parse(scored.stdout)]).toEqual([0, '', { out: at('summary.json'), rows: 16, tokens: 2048, layers: [0, 1, 2, 3] }]);
    const summary = parseScoreSummary(readFileSync(at('summary.json'), 'utf8'));
    for (const row of summary.tokenScores.values()) expect(row.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 2);
    const [selected, printed] = await Promise.all([connito(['experts', 'select', '--scores', at('summary.json'), '--out', at('expert_cfg.json'), '--json']), connito(['experts', 'select', '--scores', at('summary.json'), '--metric', 'gate'])]);
    const written = readFileSync(at('expert_cfg.json'), 'utf8');
    expect(parseExpertConfig(written).experts).toEqual(selectExperts(summary.tokenScores, { threshold: 0.2 }));
    expect(JSON.parse(selected.stdout)).toMatchObject({ metric: 'token', threshold: 0.2, of: 64, experts: JSON.parse(written).experts });
    expect(parseExpertConfig(printed.stdout).experts).toEqual(selectExperts(summary.gateScores, { threshold: 0.1 }));
  });

  it('scores shards, and the same rows give the same scores', async () => {
    const args = ['experts', 'score', '--model', modelDirectory, '--data', at('data', 'train-0000.safetensors'), '--rows', '8'];
    const [a, b] = await Promise.all([connito(args), connito([...args, '--threads', '1'])]);
    expect([a.code, a.stderr]).toEqual([0, '']);
    expect(parseScoreSummary(a.stdout).gateScores.size).toBe(4);
    expect(b.stdout).toBe(a.stdout);
  });

  it('refuses scores that are none, text that is missing, both and neither source', async () => {
    writeFileSync(at('bad.json'), '{"token_scores": {"0": {"0": -1}}, "gate_scores": {}}');
    const model = ['experts', 'score', '--model', modelDirectory];
    const [bad, absent, noText, both, neither] = await Promise.all([
      connito(['experts', 'select', '--scores', at('bad.json')]),
      connito(['experts', 'select', '--scores', at('absent.json')]),
      connito([...model, '--text', at('absent.txt')]),
      connito([...model, '--text', 'a.txt', '--data', 'b.safetensors']),
      connito(model),
    ]);
    expectRefusal(bad, 3, /token_scores/);
    expectRefusal(absent, 3, /absent\.json/);
    expectRefusal(noText, 3, /absent\.txt/);
    expectRefusal(both, 2, /--text .* cannot be used with option '--data/);
    expectRefusal(neither, 2, /give --text/);
  });

  it('scores logs: what the model gives and what its binary log gives differ by rounding only', async () => {
    const model = ['experts', 'score', '--model', modelDirectory, '--data', at('data', 'train-0000.safetensors'), '--rows', '8'];
    const direct = await connito([...model, '--log-out', at('train.routes')]);
    const [logged, twice, wrong] = await Promise.all([
      connito(['experts', 'score', '--logs', at('train.routes')]),
      connito(['experts', 'score', '--logs', at('train.routes'), at('train.routes'), '--out', at('twice.json'), '--json']),
      connito(['experts', 'score', '--logs', at('train.routes'), '--experts', '64']),
    ]);
    const [a, b] = [direct, logged].map(({ stdout }) => parseScoreSummary(stdout));
    expect(b!.tokenScores).toEqual(a!.tokenScores);
    for (const [layer, row] of a!.gateScores) for (const [expert, score] of row.entries()) expect(Math.abs(score - b!.gateScores.get(layer)![expert]!)).toBeLessThan(1.01e-4);
    expect(JSON.parse(twice.stdout)).toEqual({ out: at('twice.json'), files: [at('train.routes'), at('train.routes')], experts: 16, expertsPerToken: 2, layers: [0, 1, 2, 3] });
    expect(readFileSync(at('twice.json'), 'utf8')).toBe(logged.stdout.trimEnd());
    expectRefusal(wrong, 3, /train\.routes is of 2 of 16 experts, expected 6 of 64/);
  });

  it('scores text logs, pooled or per sample, and refuses what is none', async () => {
    mkdirSync(at('logs'));
    writeFileSync(at('logs', 'expert_weights_2.txt'), '0\t1\t\t0.5\t0.25\n2\t3\t0\t1\t2\t3\t\t0.5\t0.5\t0.5\t0.5\t0.5\t0.5\n');
    const args = ['experts', 'score', '--logs', at('logs'), '--experts', '4', '--experts-per-token', '2'];
    const [pooled, means, tooFew] = await Promise.all([connito(args), connito([...args, '--per-sample']), connito(['experts', 'score', '--logs', at('logs'), '--experts', '3', '--experts-per-token', '2'])]);
    expect(parseScoreSummary(pooled.stdout).tokenScores.get(2)).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(parseScoreSummary(means.stdout).tokenScores.get(2)).toEqual([0.3333, 0.3333, 0.1667, 0.1667]);
    expectRefusal(tooFew, 3, /expert_weights_2\.txt: gate log of layer 2, line 2: the id "3" is not an expert below 3/);
    copyFileSync(at('train.routes'), at('logs', 'train.routes'));
    const [both, none, noLog, text] = await Promise.all([connito(args), connito(['experts', 'score', '--logs', at('text')]), connito(['experts', 'score', '--logs', at('bad.json')]), connito([...args, '--text', 'a'])]);
    expectRefusal(both, 3, /name the files of one kind/);
    expectRefusal(none, 3, /expected expert_weights_\{layer\}\.txt or \*\.routes/);
    expectRefusal(noLog, 3, /bad\.json: routing log, magic/);
    expectRefusal(text, 2, /cannot be used with/);
  });

  it('selects by count, minimal score and budget, and says what each needs', async () => {
    const select = ['experts', 'select', '--scores', at('summary.json')];
    const { tokenScores } = parseScoreSummary(readFileSync(at('summary.json'), 'utf8'));
    const [count, minScore, measured, given, bare, lone, both, none] = await Promise.all([
      connito([...select, '--count', '3']),
      connito([...select, '--min-score', '0.1']),
      connito([...select, '--budget', '1MiB', '--model', modelDirectory]),
      connito([...select, '--budget', '400kB', '--expert-bytes', '100000', '--out', at('few.json'), '--json']),
      connito([...select, '--budget', '1MB']),
      connito([...select, '--expert-bytes', '1MB']),
      connito([...select, '--budget', '1MB', '--count', '2']),
      connito([...select, '--budget', '0']),
    ]);
    expect(parseExpertConfig(count.stdout).experts).toEqual(selectExperts(tokenScores, { count: 3 }));
    expect(parseExpertConfig(minScore.stdout).experts).toEqual(selectExperts(tokenScores, { minScore: 0.1 }));
    expect([...parseExpertConfig(measured.stdout).experts.values()].flat().length).toBeGreaterThan(0);
    expect(JSON.parse(given.stdout)).toMatchObject({ budgetBytes: 400_000, expertBytes: 100_000, selected: 4, of: 64 });
    expectRefusal(bare, 2, /--budget needs the size of an expert: give --expert-bytes, or --model/);
    expectRefusal(lone, 2, /--expert-bytes is for --budget/);
    expectRefusal(both, 2, /cannot be used with/);
    expectRefusal(none, 2, /Expected a size such as/);
  });

  it('selects from some layers only, which is what a task then trains', async () => {
    const select = ['experts', 'select', '--scores', at('summary.json')];
    const { tokenScores } = parseScoreSummary(readFileSync(at('summary.json'), 'utf8'));
    const [late, apart, budget, beyond, backwards] = await Promise.all([
      connito([...select, '--layers', '2-3', '--out', at('late.json'), '--json']),
      connito([...select, '--layers', '3,0', '--count', '2']),
      connito([...select, '--layers', '3', '--budget', '400kB', '--expert-bytes', '100000']),
      connito([...select, '--layers', '3-4']),
      connito([...select, '--layers', '3-2']),
    ]);
    const all = selectExperts(tokenScores, { threshold: 0.2 });
    expect(JSON.parse(late.stdout)).toMatchObject({ layers: [2, 3], of: 32 });
    expect(parseExpertConfig(readFileSync(at('late.json'), 'utf8')).experts).toEqual(new Map([2, 3].map((layer) => [layer, all.get(layer)])));
    expect([...parseExpertConfig(apart.stdout).experts.keys()]).toEqual([0, 3]);
    expect(parseExpertConfig(budget.stdout).experts.get(3)?.length).toBe(4);
    expectRefusal(beyond, 3, /layers: expected some of the layers 0, 1, 2, 3, got 4/);
    expectRefusal(backwards, 2, /such as 3, 2-3 or 0,2-3/);
  });

  it('partitions two domains into groups within the budget, and says what they need', async () => {
    const score = (out: string, rows: string) => connito(['experts', 'score', '--model', modelDirectory, '--data', at('data', 'train-0000.safetensors'), '--rows', rows, '--out', at(out), '--log-out', at(`${out}.routes`)]);
    await Promise.all([score('a.json', '4'), score('b.json', '12')]);
    const args = ['experts', 'partition', '--scores', `a=${at('a.json')}`, `b=${at('b.json')}`, '--model', modelDirectory, '--budget', '400kB', '--threshold', '0.5', '--co-activation', `a=${at('a.json.routes')}`];
    const [table, json, overlap, few] = await Promise.all([connito([...args, '--out', at('groups.json')]), connito([...args, '--json']), connito([...args, '--overlap', '--json']), connito([...args, '--groups-per-domain', '1', '--json'])]);
    expect([table.code, table.stderr]).toEqual([0, '']);
    expect(table.stdout).toMatch(/^GROUP +EXPERTS +PER LAYER +BYTES +COVERS +TOGETHER +TRAINING +EVALUATION\na-0 /);
    expect(table.stdout).toMatch(/\na: \d+ of \d+ wanted experts in \d groups cover [\d.]+ % of its routing; [\d.]+ % of their co-activation is inside groups\n/);
    const report = JSON.parse(json.stdout);
    expect(JSON.parse(readFileSync(at('groups.json'), 'utf8'))).toEqual(report);
    const groups = report.groups as { id: string; domain: string; experts: Record<string, number[]>; expertCount: number; sizeBytes: number; memory: { training: { experts: number; optimizer: number; total: number } } }[];
    const named = groups.flatMap(({ experts }) => Object.entries(experts).flatMap(([layer, ids]) => ids.map((id) => `${layer}.${id}`)));
    expect(new Set(named).size).toBe(named.length);
    for (const { expertCount, sizeBytes, memory } of groups) {
      expect(sizeBytes).toBeLessThanOrEqual(400_000);
      expect(sizeBytes).toBe(expertCount * report.expertBytes);
      expect(memory.training.optimizer).toBe(2 * memory.training.experts);
    }
    expect(JSON.parse(overlap.stdout).mode).toBe('overlapping');
    const byMemory = ['experts', 'partition', '--scores', `a=${at('a.json')}`, '--model', modelDirectory, '--batch-tokens', '64', '--threshold', '0.9', '--json', '--memory'];
    const [fits, tooLittle] = await Promise.all([connito([...byMemory, '9MB']), connito([...byMemory, '2MB'])]);
    const trained = JSON.parse(fits.stdout).groups as typeof groups;
    expect(trained.length).toBeGreaterThan(1);
    for (const { memory } of trained) expect(memory.training.total).toBeLessThanOrEqual(9e6);
    expectRefusal(tooLittle, 3, /Training one expert takes .* fewer --batch-tokens take less/);
    expect(JSON.parse(few.stdout).groups.map(({ id }: { id: string }) => id)).toEqual(['a-0', 'b-0']);
  });

  it('says what a partition needs', async () => {
    const part = ['experts', 'partition', '--scores', `a=${at('summary.json')}`];
    const outcomes = await Promise.all([
      connito([...part, '--budget', '1MB']),
      connito([...part, '--expert-bytes', '1kB']),
      connito([...part, '--budget', '1kB', '--expert-bytes', '1MB']),
      connito([...part, `a=${at('summary.json')}`, '--budget', '1MB', '--expert-bytes', '1kB']),
      connito(['experts', 'partition', '--scores', at('summary.json'), '--budget', '1MB', '--expert-bytes', '1kB']),
      connito([...part, '--budget', '1MB', '--expert-bytes', '1kB', '--co-activation', `b=${at('train.routes')}`]),
      connito([...part, '--budget', '1MB', '--expert-bytes', '1kB', '--co-activation', `a=${at('absent.routes')}`]),
    ]);
    const lines: readonly (readonly [number, RegExp])[] = [[2, /give --model .*or --expert-bytes/], [2, /A budget is missing: give --budget/], [3, /room for at least one expert \(1000000 bytes/], [2, /domain a twice/], [2, /a name and a path such as law=law\.json/], [2, /domain b, for which there is no --scores/], [3, /absent\.routes/]];
    for (const [index, outcome] of outcomes.entries()) expectRefusal(outcome, ...lines[index]!);
  });

  const published = fileURLToPath(new URL('../../../../shared/data/esft/', import.meta.url));
  const tasks = existsSync(published) ? readdirSync(published).filter((task) => existsSync(join(published, task, 'summary.json'))) : [];
  if (tasks.length === 0) console.warn("skipped: ESFT's published scores are not there (shared/data/esft)");

  describe.skipIf(tasks.length === 0)("ESFT's published files", () => {
    it.each(tasks)('%s: the selection is theirs, byte for byte', async (task) => {
      const { code } = await connito(['experts', 'select', '--scores', join(published, task, 'summary.json'), '--metric', 'token', '--threshold', '0.2', '--out', at(`${task}.json`)]);
      expect(code).toBe(0);
      expect(readFileSync(at(`${task}.json`))).toEqual(readFileSync(join(published, task, 'expert_cfg.json')));
    });
  });
});

describe('pol check', () => {
  const selection = new Map([[0, [1]], [1, [9]], [2, [10]], [3, [7]]]);
  let start: ExpertWeights;
  let trained: ExpertWeights;

  beforeAll(async () => {
    const checkpoint = await openCheckpoint(modelDirectory);
    start = await extractExperts(checkpoint, selection);
    const { tokens } = await openShard(at('data', 'train-0000.safetensors'), { vocabularySize: checkpoint.topology.vocabularySize });
    ({ experts: trained } = await trainExperts({ checkpoint, start, tokens, sequenceLength: 128, steps: 6, batchSize: 4, learningRate: 2e-3, rowSeed: 'test' }));
    await checkpoint.close();
    const update = new Map([...start].map(([name, { shape, data }]) => [name, { shape, data: data.map((value, index) => value - trained.get(name)!.data[index]!) }]));
    writeFileSync(at('update.safetensors'), encodeExpertWeights(update, new Map([['kind', 'update']])));
    writeFileSync(at('weights.safetensors'), encodeExpertWeights(trained));
    writeFileSync(at('same.safetensors'), encodeExpertWeights(start));
  });

  it.each([
    ['--device', 'gpu', /Allowed choices are auto, cpu, wasm, webgpu, cuda/],
    ['--provider', 'native', /'--provider <provider>' argument 'native' is invalid\. It is called --device now: write --device cpu\. See/],
    ['--provider', 'wasm', /write --device wasm/],
  ])('refuses %s %s', async (flag, value, line) => {
    expectRefusal(await check(at('update.safetensors'), flag, value), 2, line);
  });

  it('measures an update as the engine does, with its bound', async () => {
    const { code, stdout, stderr } = await check(at('update.safetensors'), '--candidates', '4', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const result = JSON.parse(stdout);
    const checkpoint = await openCheckpoint(modelDirectory);
    const { tokens } = await openShard(at('data', 'held-out-0000.safetensors'), { vocabularySize: checkpoint.topology.vocabularySize });
    const evaluator = await createEvaluator({ checkpoint, sequenceLength: 128, batchSize: 8, device: result.device });
    const base = await evaluator.rowLosses(tokens);
    const candidate = await evaluator.rowLosses(tokens, { experts: trained });
    await evaluator.close();
    await checkpoint.close();
    const differences = [...base].map((loss, row) => loss - candidate[row]!);
    const mean = differences.reduce((sum, d) => sum + d, 0) / differences.length;
    const error = Math.sqrt(differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (differences.length - 1) / differences.length);
    expect(result).toMatchObject({ rows: 24, level: 0.9975, clip: 2, minGain: 0, code: 'scored' });
    expect(result.gain).toBeCloseTo(mean, 6);
    expect(result.standardError).toBeCloseTo(error, 6);
    // Student's t at 0.9975 with 23 degrees of freedom: 3.104 (tables; R's qt).
    expect((result.gain - result.lowerBound) / result.standardError).toBeCloseTo(3.104, 2);
    expect(result.score).toBe(result.lowerBound);
    expect(result.gain).toBeGreaterThan(0);
  });

  it('takes weights like an update, and fewer rows', async () => {
    const [update, weights] = await Promise.all([check(at('update.safetensors'), '--rows', '16', '--json'), check(at('weights.safetensors'), '--rows', '16', '--json')]);
    const [a, b] = [update, weights].map(({ stdout }) => JSON.parse(stdout));
    expect(a.rows).toBe(16);
    expect(b.gain).toBeCloseTo(a.gain, 5);
  });

  it('exits with 1 and says why where the candidate does not score', async () => {
    const [same, floor] = await Promise.all([check(at('same.safetensors'), '--rows', '8', '--json'), check(at('update.safetensors'), '--rows', '8', '--min-gain', '9')]);
    expect([same.code, same.stderr]).toEqual([1, 'connito: The candidate does not score: below-floor\n']);
    expect(JSON.parse(same.stdout)).toMatchObject({ gain: 0, score: 0, code: 'below-floor' });
    expect(floor.code).toBe(1);
    expect(floor.stdout).toMatch(/^gain +\+\d/m);
    expect(floor.stdout).toMatch(/^code +below-floor$/m);
  });

  it('refuses candidates and data of the wrong dtype, shape or kind', async () => {
    const half = [...start].map(([name, { shape, data }]) => ({ name, dtype: 'F16' as const, shape, data: new Uint8Array(data.length * 2) }));
    writeFileSync(at('half.safetensors'), encodeSafetensors(half));
    writeFileSync(at('foreign.safetensors'), encodeExpertWeights(new Map([['lm_head.weight', { shape: [1], data: new Float32Array(1) }]])));
    copyFileSync(at('update.safetensors'), at('cut.safetensors'));
    truncateSync(at('cut.safetensors'), 1000);
    writeFileSync(at('floats.safetensors'), encodeSafetensors([{ name: 'tokens', dtype: 'F32', shape: [2, 4], data: new Uint8Array(32) }]));
    const data = (file: string): Promise<Outcome> => connito(['pol', 'check', '--base', modelDirectory, '--candidate', at('same.safetensors'), '--data', at(file)]);
    const [f16, foreign, cut, absent, floats, noBase] = await Promise.all([check(at('half.safetensors')), check(at('foreign.safetensors')), check(at('cut.safetensors')), check(at('absent.safetensors')), data('floats.safetensors'), connito(['pol', 'check', '--base', at('absent'), '--candidate', 'a', '--data', 'b'])]);
    expectRefusal(f16, 3, /is F16/);
    expectRefusal(foreign, 3, /lm_head\.weight/);
    expectRefusal(cut, 3, /cut\.safetensors/);
    expectRefusal(absent, 3, /absent\.safetensors/);
    expectRefusal(floats, 3, /U16 or I32, got F32/);
    expectRefusal(noBase, 3, /absent/);
  });
});

describe('localnet', () => {
  it('says where it is, and ends on Ctrl-C and SIGTERM', async () => {
    const [interrupted, terminated] = await Promise.all([stopBy('SIGINT', ['--json', '--quiet']), stopBy('SIGTERM', ['--wait-for', '3', '--state', at('chain')])]);
    expect([interrupted.code, interrupted.stderr]).toEqual([130, '']);
    const up = { endpoint: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+$/), genesisHash: expect.stringMatching(/^0x[0-9a-f]{64}$/) };
    expect(JSON.parse(interrupted.stdout)).toEqual(up);
    expect([terminated.code, terminated.stderr]).toEqual([143, 'Ctrl-C ends it\n']);
    expect(JSON.parse(terminated.stdout)).toEqual(up);
  });

  it('seeds a scenario and tells of each block in a line', async () => {
    const script = fileURLToPath(new URL('../../localnet/examples/subnet.jsonc', import.meta.url));
    const { code, stdout } = await connito(['localnet', '--port', '0', '--script', script, '--interval', '0.05', '--json'], { until: (text, kill) => void (text.split('\n').length > 4 && kill('SIGINT')) });
    const [up, ...blocks] = stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect([code, Object.keys(up ?? {})]).toEqual([130, ['endpoint', 'genesisHash']]);
    expect(blocks[0]).toMatchObject({ kind: 'block', number: expect.any(Number), extrinsics: expect.arrayContaining([expect.objectContaining({ pallet: 'Timestamp', call: 'set' }), expect.objectContaining({ pallet: 'Drand', call: 'write_pulse' })]) as unknown });
    expect(Number(blocks[0]?.['number'])).toBeGreaterThan(25);
  });

  it.each([
    [['--script', 'missing.jsonc'], 3, /missing\.jsonc/],
    [['--fork', 'missing.json'], 3, /missing\.json is no snapshot/],
    [['--drand-url', 'https://api.drand.sh'], 2, /set beacon to quicknet too/],
    [['--beacon', 'quicknet', '--drand-url', 'api.drand.sh'], 2, /http\(s\) URLs/],
  ])('refuses %j', async (args, code, message) => {
    expectRefusal(await connito(['localnet', '--port', '0', ...args]), code, message);
  });

  it('follows quicknet by the clock on the wall, also where drand cannot be reached', async () => {
    const args = ['localnet', '--port', '0', '--beacon', 'quicknet', '--drand-url', 'http://127.0.0.1:1', '--block-time', '0.1', '--json'];
    const { code, stdout, stderr } = await connito(args, { until: (text, kill, log) => void (text.split('\n').length > 3 && log.includes('do not come') && kill('SIGINT')) });
    const block = JSON.parse(stdout.split('\n')[1] ?? '') as { timestampMs: number; extrinsics: unknown[] };
    expect([code, stderr]).toEqual([130, expect.stringMatching(/Pulses of drand do not come.*Blocks go on/)]);
    expect([Math.abs(block.timestampMs - Date.now()) < 60_000, block.extrinsics.length]).toEqual([true, 1]);
  });

  it('refuses a port that is taken', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)));
    const outcome = await connito(['localnet', '--port', String(port)]);
    server.close();
    expectRefusal(outcome, 4, new RegExp(`${port}.*taken`));
  });

  it('logs JSON lines when a level is asked for', async () => {
    const { stderr } = await stopBy('SIGINT', ['--log-level', 'info']);
    expect(stderr.trim().split('\n').map((line) => JSON.parse(line))).toMatchObject([{ level: 30, msg: 'Ctrl-C ends it' }]);
  });
});

describe('roles', () => {
  it.each(['miner', 'validator'])('%s run refuses a chain that is down and a key that is missing', async (role) => {
    const args = [role, 'run', '--netuid', '2', '--state', at(`${role}-state`), '--store', at('store'), '--network', 'ws://127.0.0.1:1'];
    const [down, keyless] = await Promise.all([connito(args, { env: { CONNITO_KEY: '//Bob' } }), connito(args, { env: { CONNITO_KEY: '' } })]);
    expectRefusal(down, 4, /ws:\/\/127\.0\.0\.1:1/);
    expectRefusal(keyless, 2, /CONNITO_KEY/);
  });
});
