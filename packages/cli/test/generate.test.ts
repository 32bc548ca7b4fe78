import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { modelDirectory } from '@connito/demo-data';
import { extractExperts } from '@connito/moe-core';
import { openCheckpoint, writeSafetensorsFile } from '@connito/moe-core/node';
import { connito, main } from './run-connito.ts';

vi.setConfig({ testTimeout: 60_000 });

const work = mkdtempSync(join(tmpdir(), 'connito-generate-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const model = ['--model', modelDirectory];

/** A copy of the demo's model with other words in its tokenizer's config. */
function copyModel(name: string, config: object): string {
  const directory = join(work, name);
  cpSync(modelDirectory, directory, { recursive: true });
  const path = join(directory, 'tokenizer_config.json');
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...config }));
  return directory;
}

interface Answer {
  readonly prompt: string;
  readonly text: string;
  readonly ids: number[];
  readonly promptTokens: number;
}

async function answerOf(args: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await connito(['generate', ...args, '--json']);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Answer;
}

function pipe(args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, NO_COLOR: '1' } });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.once('error', reject);
    child.once('close', () => resolve(stdout));
    child.stdin.end(input);
  });
}

describe('connito generate', () => {
  it('writes the text to stdout and the speed to stderr', async () => {
    const { code, stdout, stderr } = await connito(['generate', ...model, '--prompt', 'The theorem', '--max-tokens', '12']);
    const { text, ids } = await answerOf([...model, '--prompt', 'The theorem', '--max-tokens', '12']);
    expect(code).toBe(0);
    expect(stdout).toBe(`${text}\n`);
    expect(ids).toHaveLength(12);
    expect(stderr).toMatch(/^prompt \d+ tokens at [\d.]+ tokens\/s · generated 12 tokens at [\d.]+ tokens\/s \(cpu\)\n$/);
  });

  it('reads the prompt from a pipe', async () => {
    const piped = await pipe(['generate', ...model, '--max-tokens', '8'], 'The theorem\n');
    const { text } = await answerOf([...model, '--prompt', 'The theorem', '--max-tokens', '8']);
    expect(piped).toBe(`${text}\n`);
  });

  it('draws by seed', async () => {
    const sampled = [...model, '--prompt', 'The', '--max-tokens', '10', '--temperature', '1', '--top-k', '100', '--top-p', '0.95'];
    const [first, again, other] = (await Promise.all(['a', 'a', 'b'].map((seed) => answerOf([...sampled, '--seed', seed])))) as [Answer, Answer, Answer];
    expect(again.ids).toEqual(first.ids);
    expect(other.ids).not.toEqual(first.ids);
  });

  it("speaks with a miner's experts", async () => {
    const checkpoint = await openCheckpoint(modelDirectory);
    const experts = await extractExperts(checkpoint, new Map([[0, [0, 1, 2, 3]]]));
    await checkpoint.close();
    const path = join(work, 'update.safetensors');
    const tensors = [...experts].map(([name, { shape, data }]) => ({ name, dtype: 'F32' as const, shape, data: new Uint8Array(data.map((value) => value * 3).buffer) }));
    await writeSafetensorsFile(path, tensors, {});
    const [base, trained] = await Promise.all([[], ['--experts', path]].map((more) => answerOf([...model, '--prompt', 'The theorem', '--max-tokens', '20', ...more])));
    expect(trained!.ids).not.toEqual(base!.ids);
  });

  it("writes a conversation by the model's template", async () => {
    const chatty = copyModel('chatty', { chat_template: "{% for message in messages %}<{{ message.role }}>{{ message.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}" });
    const { prompt, promptTokens } = await answerOf(['--model', chatty, '--chat', '--prompt', 'Hello', '--max-tokens', '4']);
    expect(prompt).toBe('<user>Hello<|endoftext|><assistant>');
    expect(promptTokens).toBeGreaterThan(3);
  });

  it.each([
    ['an empty prompt', ['--prompt', ''], 2, /prompt is empty/],
    ['no prompt and no pipe', [], 2, /prompt is empty/],
    ['a chat with a model that has no template', ['--chat', '--prompt', 'Hello'], 2, /has no chat template/],
    ['a temperature below 0', ['--prompt', 'a', '--temperature', '-1'], 2, /Expected a number from 0/],
    ['experts that are no file', ['--prompt', 'a', '--experts', join(work, 'missing')], 3, /missing/],
    ['a prompt that is too long', ['--prompt', 'word '.repeat(3000)], 3, /1 to 1024 token ids/],
  ])('refuses %s', async (_, args, code, message) => {
    const outcome = await connito(['generate', ...model, ...args]);
    expect(outcome.stderr).toMatch(/^connito: [^\n]+\n$/);
    expect(outcome.stderr).toMatch(message);
    expect([outcome.stdout, outcome.code]).toEqual(['', code]);
  });

  it('says what is wrong with a broken template', async () => {
    const broken = copyModel('broken', { chat_template: '{% for %}' });
    const outcome = await connito(['generate', '--model', broken, '--chat', '--prompt', 'Hello']);
    expect(outcome.stderr).toMatch(/^connito: The chat template of .* cannot be used: /);
    expect(outcome.code).toBe(3);
  });
});
