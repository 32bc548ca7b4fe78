import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { extractExperts } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGenerator, type TokenGenerator } from '@connito/moe-engine';
import { FAMILY_MODELS, loadTinyModel, vectorPath } from './tiny-model.ts';

const demoModel = fileURLToPath(new URL('../../demo-data/model', import.meta.url));

interface Greedy {
  readonly prompt: number[];
  readonly ids: number[];
}

const greedy = JSON.parse(readFileSync(vectorPath('greedy.json'), 'utf8')) as Greedy[];

async function collect(ids: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = [];
  for await (const id of ids) all.push(id);
  return all;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}

/** Their rows are longer than the texts that such a rope can be generated with. */
const TOO_LONG = ['families/olmoe-grouped', 'families/qwen3-longrope'];

describe.each(FAMILY_MODELS.filter((name) => !TOO_LONG.includes(name)))('a text of %s', (name) => {
  it('gets the logits of transformers, read at once, token by token, and again from within', async () => {
    const { directory, tokens, sequenceLength, expected, topology } = await loadTinyModel(name);
    const logits = expected.get('logits')!;
    const generator = await createGenerator({ checkpoint: directory });
    const wanted = (position: number): Float32Array => logits.subarray(position * topology.vocabularySize, (position + 1) * topology.vocabularySize);
    const text = [...tokens.subarray(0, sequenceLength)];
    const whole = await generator.nextLogits(text);
    expect(largestDifference(whole, wanted(sequenceLength - 1))).toBeLessThan(1e-4);
    for (const end of [2, sequenceLength - 1, 1, ...Array.from({ length: sequenceLength }, (_, index) => index + 1)]) {
      expect(largestDifference(await generator.nextLogits(text.slice(0, end)), wanted(end - 1)), `${end} tokens`).toBeLessThan(1e-4);
    }
    await generator.close();
  });
});

describe('generation with the demo model', () => {
  let generator: TokenGenerator;
  beforeAll(async () => {
    generator = await createGenerator({ checkpoint: demoModel });
  });
  afterAll(() => generator.close());

  it.each(greedy)("gives transformers' greedy text, also beyond the first room for keys", async ({ prompt, ids }) => {
    expect(await collect(generator.generate(prompt, { maxTokens: ids.length }))).toEqual(ids);
  });

  it('ends at a stop token and at the last position', async () => {
    const { prompt, ids } = greedy[1]!;
    expect(await collect(generator.generate(prompt, { stopIds: [ids[3]!] }))).toEqual(ids.slice(0, ids.indexOf(ids[3]!)));
    const long = Array.from({ length: generator.maxPositions - 2 }, (_, index) => (index * 7) % 500);
    expect(await collect(generator.generate(long))).toHaveLength(2);
  });

  it('draws the same with the same seed, whatever was read before', async () => {
    const { prompt } = greedy[2]!;
    const draw = (seed: string): Promise<number[]> => collect(generator.generate(prompt, { maxTokens: 12, temperature: 1, topK: 50, seed }));
    const first = await draw('a');
    expect(await draw('b')).not.toEqual(first);
    expect(await draw('a')).toEqual(first);
  });

  it('stops when its signal is aborted, and can be used after it', async () => {
    const { prompt, ids } = greedy[1]!;
    const abort = new AbortController();
    const run = async (): Promise<void> => {
      for await (const _ of generator.generate(prompt, { signal: abort.signal })) abort.abort(new Error('enough'));
    };
    await expect(run()).rejects.toMatchObject({ code: 'aborted', cause: { message: 'enough' } });
    expect(await collect(generator.generate(prompt, { maxTokens: 3 }))).toEqual(ids.slice(0, 3));
  });

  it.each([
    [[], /1 to 1024 token ids/],
    [[1, -1], /got -1/],
    [[1, 1.5], /got 1.5/],
    [[1_000_000], /got 1000000/],
    [Array.from({ length: 1025 }, () => 1), /got 1025/],
  ])('refuses a text that is none', async (text, message) => {
    await expect(generator.nextLogits(text)).rejects.toThrow(message);
  });
});

describe('a generator with other weights', () => {
  it('takes the experts that it is given', async () => {
    const checkpoint = await openCheckpoint(demoModel);
    const trained = await extractExperts(checkpoint, new Map([[0, [1, 5]], [2, [3]]]));
    const changed = new Map([...trained].map(([name, { shape, data }]) => [name, { shape, data: data.map((value) => value * 1.5) }]));
    const [base, same, other] = await Promise.all([{}, { experts: trained }, { experts: changed }].map((options) => createGenerator({ checkpoint, ...options })));
    const text = greedy[1]!.prompt;
    const logits = await base!.nextLogits(text);
    expect(await same!.nextLogits(text)).toEqual(logits);
    expect(await other!.nextLogits(text)).not.toEqual(logits);
    await Promise.all([base, same, other].map((generator) => generator!.close()));
    await checkpoint.close();
  });

  it('of a partial model needs only the present experts', async () => {
    const checkpoint = await openCheckpoint(demoModel);
    const experts = new Map(checkpoint.topology.moeLayers.map((layer) => [layer, [0, 1, 2, 3, 4, 5]]));
    const partial = await createGenerator({ checkpoint, present: { experts, routing: 'masked' } });
    expect(await collect(partial.generate(greedy[1]!.prompt, { maxTokens: 5 }))).toHaveLength(5);
    await partial.close();
    await checkpoint.close();
  });

  it('refuses experts of another model, and closes', async () => {
    const experts = new Map([['model.layers.9.mlp.experts.0.up_proj.weight', { shape: [1], data: new Float32Array(1) }]]);
    await expect(createGenerator({ checkpoint: demoModel, experts })).rejects.toMatchObject({ code: 'unknown-tensor' });
  });
});
