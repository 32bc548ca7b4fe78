import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeShard } from '@connito/dataset';
import { compressUpdate, encodeExpertWeights, encodeSafetensors, extractExperts, type Checkpoint, type ExpertWeights } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
// Through the package's own name: in Node 20 the engine's worker cannot start from TypeScript sources.
import { isPolError, measureCandidate } from '@connito/pol-scoring';
import { openOnnxEvaluator, readCandidate } from '@connito/pol-scoring/onnx';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { combine, createNoise } from './fixtures.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 }); // other processes may use the cores

const model = join(import.meta.dirname, '..', '..', 'demo-data', 'model');
const hasModel = existsSync(join(model, 'model.safetensors'));
if (!hasModel) console.warn('demo-data has no model here: the tests of ./onnx are skipped');

const SEQUENCE_LENGTH = 32;
const ROWS = 8;

describe.skipIf(!hasModel)('./onnx', () => {
  let directory: string;
  let checkpoint: Checkpoint;
  let start: ExpertWeights;
  let tokens: Int32Array;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'connito-pol-'));
    checkpoint = await openCheckpoint(model);
    start = await extractExperts(checkpoint, new Map([[0, [0, 3]], [2, [5]]]));
    const noise = createNoise(1);
    tokens = Int32Array.from({ length: ROWS * SEQUENCE_LENGTH }, () => Math.floor(((noise() + 1) / 2) * 1024));
  });
  afterAll(async () => {
    await checkpoint.close();
    await rm(directory, { recursive: true, force: true });
  });

  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    await writeFile(join(directory, name), bytes);
    return join(directory, name);
  };
  const spoiled = (): ExpertWeights => combine([0.5, start]);

  it('gives the base a gain of 0 and a changed candidate another', async () => {
    const evaluator = await openOnnxEvaluator({ checkpoint, sequenceLength: SEQUENCE_LENGTH, batchSize: ROWS });
    try {
      expect(await measureCandidate({ evaluator, tokens, candidate: start })).toMatchObject({ code: 'scored', gain: 0, lowerBound: 0, rows: ROWS });
      const outcome = await measureCandidate({ evaluator, tokens, base: start, candidate: spoiled(), clip: 20 });
      expect(outcome).toMatchObject({ code: 'scored', gain: expect.not.closeTo(0, 4) });
      const broken = combine([Number.NaN, start]);
      expect(await measureCandidate({ evaluator, tokens, candidate: broken })).toEqual({ code: 'non-finite' });
      expect(await measureCandidate({ evaluator, tokens, base: broken, candidate: start })).toEqual({ code: 'validator-fault' });
    } finally {
      await evaluator.close();
    }
  });

  it('measures candidates side by side with the bits of separate calls', async () => {
    const evaluator = await openOnnxEvaluator({ checkpoint, sequenceLength: SEQUENCE_LENGTH, batchSize: ROWS });
    try {
      const losses: Float64Array[] = [];
      for await (const rows of evaluator.candidateLosses(tokens, [new Map(), spoiled()])) losses.push(rows);
      expect(losses).toEqual([await evaluator.rowLosses(tokens), await evaluator.rowLosses(tokens, { experts: spoiled() })]);
      expect(losses[0]).not.toEqual(losses[1]);
    } finally {
      await evaluator.close();
    }
  });

  it('reads absolute weights, and updates that it takes off the checkpoint', async () => {
    const absolute = await write('weights.safetensors', encodeExpertWeights(spoiled()));
    expect(await readCandidate(absolute, checkpoint)).toEqual(spoiled());
    const update = await write('update.safetensors', encodeExpertWeights(combine([0.5, start]), { kind: 'update' }));
    expect(await readCandidate(update, checkpoint)).toEqual(spoiled()); // θ − θ/2 is exact
  });

  it('reads a compressed update by its magic, and refuses one that is damaged or of another model', async () => {
    const { bytes, sent } = compressUpdate(combine([0.5, start]));
    expect(await readCandidate(await write('update.bin', bytes), checkpoint)).toEqual(combine([1, start], [-1, sent]));
    const foreign = compressUpdate(new Map([['x', { shape: [4], data: Float32Array.of(1, 2, 3, 4) }]])).bytes;
    const dense = compressUpdate(new Map([['model.norm.weight', { shape: [128], data: new Float32Array(128).fill(1) }]])).bytes;
    for (const wrong of [bytes.slice(0, -1), foreign, dense]) {
      await expect(readCandidate(await write('wrong.bin', wrong), checkpoint)).rejects.toSatisfy((error) => isPolError(error, 'wrong-candidate'));
    }
  });

  it('refuses files that are no candidate for this model', async () => {
    const wrong = [
      await write('a', encodeExpertWeights(new Map([['model.norm.weight', { shape: [128], data: new Float32Array(128) }]]))),
      await write('b', encodeExpertWeights(new Map([...start].map(([name]) => [name, { shape: [2], data: new Float32Array(2) }])))),
      await write('c', encodeSafetensors([{ name: 'x', dtype: 'F16', shape: [1], data: new Uint8Array(2) }])),
      await write('d', new Uint8Array(3)),
      await write('e', encodeExpertWeights(start)),
      join(directory, 'none'),
    ];
    await truncate(join(directory, 'e'), 1000);
    for (const path of wrong) await expect(readCandidate(path, checkpoint)).rejects.toSatisfy((error) => isPolError(error, 'wrong-candidate'));
  });

  it('runs the script of the README', async () => {
    const readme = await readFile(join(import.meta.dirname, '..', 'README.md'), 'utf8');
    const script = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(script.split('\n').length).toBeLessThanOrEqual(16);
    const candidate = await write('candidate.safetensors', encodeExpertWeights(start));
    const shard = await write('shard.safetensors', encodeShard({ tokens, sequenceLength: SEQUENCE_LENGTH, vocabularySize: 1024, split: 'test' }));
    const scope = join(directory, 'node_modules', '@connito');
    await mkdir(scope, { recursive: true });
    for (const name of ['dataset', 'moe-core', 'pol-scoring']) await symlink(join(import.meta.dirname, '..', '..', name), join(scope, name));
    await write('pol.mjs', Buffer.from(script));
    const { stdout } = await promisify(execFile)(process.execPath, [join(directory, 'pol.mjs'), model, candidate, shard]);
    expect(stdout).toBe('gain 0.0000 nats per token, 99 % lower bound 0.0000, 8 rows\n');
  });
});
