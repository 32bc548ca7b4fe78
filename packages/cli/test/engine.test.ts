import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { modelDirectory } from '@connito/demo-data';
import { formatExpertConfig } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { connito, type Outcome } from './run-connito.ts';

vi.setConfig({ testTimeout: 60_000 });

const work = mkdtempSync(join(tmpdir(), 'connito-engine-'));
const at = (...path: string[]): string => join(work, ...path);
const exportTo = (out: string, ...more: string[]): Promise<Outcome> => connito(['engine', 'export', '--model', modelDirectory, '--experts', at('experts.json'), '--out', at(out), ...more]);

beforeAll(() => {
  writeFileSync(at('experts.json'), formatExpertConfig({ experts: new Map([[1, [9, 4]], [3, [7]]]), sharedExperts: false, nonExpertModules: false }));
  writeFileSync(at('text.txt'), 'How much is seven plus eight? '.repeat(20));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('engine export', () => {
  it('writes graphs, a batch, the model and the script that runs them', async () => {
    const { code, stdout, stderr } = await exportTo('kit', '--batch-rows', '2', '--sequence-length', '16', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const files = ['evaluation.onnx', 'expert_cfg.json', 'inputs.safetensors', 'model/', 'run.json', 'run.py', 'training.onnx'];
    expect(JSON.parse(stdout)).toMatchObject({ out: at('kit'), experts: 3, rows: 2, sequenceLength: 16, files });
    expect(readdirSync(at('kit')).sort()).toEqual(files.map((name) => name.replace('/', '')));
    const run = JSON.parse(readFileSync(at('kit', 'run.json'), 'utf8'));
    expect(run.gradients.length).toBe(9);
    const copy = await openCheckpoint(at('kit', 'model'));
    for (const { weights } of Object.values(run.graphs) as { weights: string[] }[]) expect(weights.filter((name) => !copy.tensors.has(name))).toEqual([]);
    await copy.close();
    expect(readFileSync(at('kit', 'run.py'), 'utf8')).toMatch(/^"""Runs what `connito engine export` wrote/);
  });

  it('takes its batch from text, says what to do next, and draws the same ids every time', async () => {
    const { code, stdout } = await exportTo('text', '--text', at('text.txt'), '--batch-rows', '1', '--sequence-length', '8');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/3 experts for 1 rows of 8 tokens.*\n.*run\.py --device cuda\n$/)]);
    await exportTo('again', '--batch-rows', '2', '--sequence-length', '16');
    expect(readFileSync(at('again', 'inputs.safetensors'))).toEqual(readFileSync(at('kit', 'inputs.safetensors')));
    expect(readFileSync(at('again', 'training.onnx'))).toEqual(readFileSync(at('kit', 'training.onnx')));
  });

  it.each([
    ['text that is too short', 'short', ['--text', at('text.txt'), '--batch-rows', '400', '--sequence-length', '8'], /--batch-rows asks for 400/],
    ['a directory with something in it', 'kit', [], /kit.*(empty|holds|exists)/],
  ] as const)('refuses %s', async (_, out, more, line) => {
    const { code, stdout, stderr } = await exportTo(out, ...more);
    expect(stderr).toMatch(line);
    expect([code === 0, stdout]).toEqual([false, '']);
  });
});
