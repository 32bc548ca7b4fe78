import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { modelDirectory } from '@connito/demo-data';
import { openCheckpoint } from '@connito/moe-core/node';
import { connito } from './run-connito.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const work = mkdtempSync(join(tmpdir(), 'connito-pretrain-'));
const at = (...path: string[]): string => join(work, ...path);

beforeAll(() => {
  const config = JSON.parse(readFileSync(join(modelDirectory, 'config.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(at('config.json'), JSON.stringify({ ...config, hidden_size: 16, head_dim: 8, num_hidden_layers: 2, num_experts: 4, moe_intermediate_size: 8 }));
  const lines = Array.from({ length: 40 }, (_, number) => JSON.stringify({ text: `Question ${number}: how much is ${number} plus ${number + 3}? The answer is ${2 * number + 3}.` }));
  writeFileSync(at('text.jsonl'), lines.join('\n'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const args = (out: string, ...more: string[]): string[] => ['pretrain', '--config', at('config.json'), '--tokenizer', modelDirectory, '--text', at('text.jsonl'), '--sequence-length', '32', '--batch-rows', '4', '--threads', '1', '--out', at(out), ...more];

/** Trains with superposed steps and checks what is told. @returns the bytes of the weights' file */
async function superposedWeights(out: string): Promise<Buffer> {
  const { code, stdout } = await connito(args(out, '--steps', '4', '--superpose', '2:0.5', '--format', 'F32', '--json'));
  expect(code).toBe(0);
  const events = stdout.trim().split('\n').map((line) => JSON.parse(line) as { kind: string });
  expect(events.map(({ kind }) => kind)).toEqual(['started', 'step', 'step', 'step', 'step', 'done']);
  expect(events.at(-1)).toMatchObject({ out: at(out), steps: 4, skippedSteps: 0, sequenceLength: 32 });
  return readFileSync(at(out, 'model.safetensors'));
}

describe('pretrain', () => {
  it('writes a model that other commands take, with its tokenizer', async () => {
    const { code, stdout, stderr } = await connito(args('model', '--steps', '20', '--learning-rate', '2e-2'));
    expect([code, stderr.trim().split('\n').length]).toEqual([0, 10]);
    const [, first, last] = /^loss {5}(\d\.\d{4}) → (\d\.\d{4}) nats per token[^\n]+\nsteps {4}20 on \d+ rows of 32 tokens\nmodel {4}\S+model, /.exec(stdout) as unknown as [string, string, string];
    expect(Number(last)).toBeLessThan(Number(first));
    const checkpoint = await openCheckpoint(at('model'));
    expect(checkpoint.topology).toMatchObject({ hiddenSize: 16, expertsPerLayer: 4 });
    await checkpoint.close();
    expect(readdirSync(at('model'))).toEqual(expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']));
    const measured = await connito(['eval', '--model', at('model'), '--text', at('text.jsonl'), '--sequence-length', '32', '--json']);
    expect(measured.code).toBe(0);
  });

  it('tells what happens as JSON lines, superposed steps included, and gives the same file again', async () => {
    expect((await superposedWeights('one')).equals(await superposedWeights('two'))).toBe(true);
  });

  it.each([
    ['a config that is none', ['--config', 'absent.json'], 'absent.json is no file'],
    ['a directory that holds something', ['--out', work], 'is not empty'],
    ['a superposition without a share', ['--superpose', '4'], 'expected <bag>:<share>'],
    ['superposition of documents kept apart', ['--superpose', '4:0.3', '--pack'], 'cannot be used with'],
  ])('%s is refused', async (_, more, message) => {
    const { code, stderr } = await connito(args('refused', ...more));
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
