import { expertTensorNames, extractExperts, type ExpertSelection, type ExpertWeights } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { createEvaluator, type CandidateLosses, type Evaluator, type EvaluatorOptions } from '@connito/moe-engine';
import { describe, expect, it } from 'vitest';
import { FAMILY_MODELS, loadTinyModel, TINY_MODELS, vectorPath } from './tiny-model.ts';

interface Setting {
  readonly evaluator: Evaluator;
  readonly tokens: Int32Array;
  readonly extract: (selection: ExpertSelection, change?: (entry: number, index: number) => number) => Promise<ExpertWeights>;
}

/** Rows that fill batches of 2 but for the last. */
const ROWS = 5;

async function withModel(name: string, use: (setting: Setting) => Promise<void>, options: Partial<EvaluatorOptions> = {}): Promise<void> {
  const { tokens: given, sequenceLength } = await loadTinyModel(name);
  const checkpoint = await openCheckpoint(vectorPath(name));
  const evaluator = await createEvaluator({ checkpoint, sequenceLength, batchSize: 2, ...options });
  const tokens = Int32Array.from({ length: ROWS * sequenceLength }, (_, index) => given[(index * 3) % given.length]!);
  const extract: Setting['extract'] = async (selection, change = (entry) => entry) => {
    const experts = await extractExperts(checkpoint, selection);
    return new Map([...experts].map(([tensor, { shape, data }]) => [tensor, { shape, data: data.map(change) }]));
  };
  try {
    await use({ evaluator, tokens, extract });
  } finally {
    await evaluator.close();
    await checkpoint.close();
  }
}

async function collect(losses: AsyncIterable<CandidateLosses>): Promise<CandidateLosses[]> {
  const all: CandidateLosses[] = [];
  for await (const entry of losses) all.push(entry);
  return all;
}

const shifted = (by: number) => (entry: number, index: number) => entry + by * ((index % 3) - 1);

/** Candidates of `odd`, whose experts are in layers 0, 1 and 2: that begin in each of its layers, mixed, and that are the base. */
async function differentCandidates({ extract }: Setting): Promise<ExpertWeights[]> {
  const selections: ExpertSelection[] = [new Map([[2, [1]]]), new Map([[1, [0, 2]], [2, [1]]]), new Map(), new Map([[0, [1]]]), new Map([[0, [0]], [2, [0]]]), new Map([[2, [0, 1, 2]]])];
  return Promise.all(selections.map((selection, index) => extract(selection, shifted(0.05 + index / 50))));
}

const oneAndTheBase = async ({ extract }: Setting): Promise<ExpertWeights[]> => [await extract(new Map([[1, [0, 1]]]), shifted(0.1)), new Map()];

const firstOf = (losses: AsyncGenerator<CandidateLosses>): Promise<unknown> => losses.next();

describe('candidateLosses', () => {
  it.each([1, 2, 3, 8])('gives the bits of separate calls, in order, whatever the first changed layer: %i together', async (together) => {
    await withModel('odd', async (setting) => {
      const { evaluator, tokens } = setting;
      const candidates = await differentCandidates(setting);
      const results = await collect(evaluator.candidateLosses(tokens, candidates, { together }));
      expect(results.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
      for (const [index, experts] of candidates.entries()) {
        expect(results[index]!.tokens).toEqual(await evaluator.tokenLosses(tokens, { experts }));
        expect(results[index]!.rows).toEqual(await evaluator.rowLosses(tokens, { experts }));
      }
      expect(new Set(results.map(({ rows }) => rows[0])).size).toBe(6);
    });
  });

  it.each([...TINY_MODELS, ...FAMILY_MODELS])('gives them for every model, where few experts may be replaced and where all may: %s', async (name) => {
    const { trained } = await loadTinyModel(name);
    const whole = new Map<number, number[]>();
    for (const tensor of trained) {
      const [layer, expert] = [Number(/layers\.(\d+)/.exec(tensor)![1]), Number(/experts\.(\d+)/.exec(tensor)![1])];
      whole.set(layer, [...new Set([...(whole.get(layer) ?? []), expert])]);
    }
    for (const experts of [whole, undefined]) {
      await withModel(
        name,
        async ({ evaluator, tokens, extract }) => {
          const candidates = [await extract(whole, shifted(0.1)), new Map(), await extract(whole, shifted(0.2))];
          const results = await collect(evaluator.candidateLosses(tokens, candidates));
          for (const [index, candidate] of candidates.entries()) expect(results[index]!.tokens).toEqual(await evaluator.tokenLosses(tokens, { experts: candidate }));
        },
        experts === undefined ? {} : { experts },
      );
    }
  });

  it.each([
    ['cpu', 2],
    ['wasm', 3],
  ] as const)('gives them on %s with 2 threads; on WebAssembly in other batches, too', async (device, batchSize) => {
    const losses: Float64Array[] = [];
    await withModel(
      'odd',
      async (setting) => {
        for await (const { rows } of setting.evaluator.candidateLosses(setting.tokens, await oneAndTheBase(setting), { together: 1 })) losses.push(rows);
      },
      { device, batchSize, threads: 2 },
    );
    await withModel(
      'odd',
      async (setting) => {
        for (const experts of await oneAndTheBase(setting)) losses.push(await setting.evaluator.rowLosses(setting.tokens, { experts }));
      },
      { device },
    );
    expect(losses.slice(0, 2)).toEqual(losses.slice(2));
  });

  it.each(['natural', 'masked'] as const)('gives them for a partial model with %s routing', async (routing) => {
    const present = { experts: new Map([[0, [0, 1, 3]], [1, [1, 2, 4]], [2, [0, 2, 3]]]), routing };
    await withModel(
      'odd',
      async ({ evaluator, tokens, extract }) => {
        const candidates = await Promise.all([extract(new Map([[1, [2]]]), shifted(0.1)), extract(new Map([[1, [1]], [2, [3]]]), shifted(0.2))]);
        const results = await collect(evaluator.candidateLosses(tokens, candidates));
        for (const [index, experts] of candidates.entries()) expect(results[index]!.tokens).toEqual(await evaluator.tokenLosses(tokens, { experts }));
        expect(results[0]!.tokens).not.toEqual(results[1]!.tokens);
      },
      { present },
    );
  });

  it('takes candidates one by one, no more than are held together, and stops asking when the loop is left', async () => {
    await withModel('odd', async ({ evaluator, tokens, extract }) => {
      const [asked, closed]: string[][] = [[], []];
      async function* load(): AsyncGenerator<ExpertWeights> {
        try {
          for (let index = 0; index < 256; index++) {
            asked!.push(`${index}`);
            yield await extract(new Map([[1, [0]]]), shifted(index / 100));
          }
        } finally {
          closed!.push('closed');
        }
      }
      const seen: string[] = [];
      for await (const { index } of evaluator.candidateLosses(tokens, load(), { together: 3 })) {
        seen.push(`${index} of ${asked!.length}`);
        if (index === 4) break;
      }
      expect(seen).toEqual(['0 of 3', '1 of 3', '2 of 3', '3 of 6', '4 of 6']);
      expect([asked!.length, closed]).toEqual([6, ['closed']]);
    });
  });

  it('holds fewer where they are large, one at least', async () => {
    await withModel('odd', async ({ evaluator, tokens, extract }) => {
      const candidate = await extract(new Map([[1, [0]]]));
      const bytes = [...candidate.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
      for (const [heldBytes, expected] of [[1, [1, 2, 3, 4]], [2.5 * bytes, [2, 2, 4, 4]]] as const) {
        let asked = 0;
        const load = function* (): Generator<ExpertWeights> {
          while (asked < 4) {
            asked++;
            yield candidate;
          }
        };
        const counts: number[] = [];
        for await (const _ of evaluator.candidateLosses(tokens, load(), { heldBytes })) counts.push(asked);
        expect(counts).toEqual(expected);
      }
    });
  });

  it('gives NaN, not a crash, for a candidate that is not finite, and the others are untouched', async () => {
    await withModel('odd', async ({ evaluator, tokens, extract }) => {
      const selection = new Map([[1, [0, 1, 2, 3, 4]]]);
      const sound = await extract(selection, shifted(0.1));
      const [first, poisoned, last] = await collect(evaluator.candidateLosses(tokens, [sound, await extract(selection, () => Number.NaN), sound]));
      expect(poisoned!.rows.every(Number.isNaN)).toBe(true);
      expect(first!.rows).toEqual(await evaluator.rowLosses(tokens, { experts: sound }));
      expect(last!.rows).toEqual(first!.rows);
    });
  });

  it('answers calls in order, also when several are under way', async () => {
    await withModel('odd', async (setting) => {
      const { evaluator, tokens } = setting;
      const candidates = await differentCandidates(setting);
      const [one, base, two] = await Promise.all([collect(evaluator.candidateLosses(tokens, candidates, { together: 2 })), evaluator.rowLosses(tokens), collect(evaluator.candidateLosses(tokens, candidates.toReversed(), { together: 4 }))]);
      expect(two.map(({ rows }) => rows).toReversed()).toEqual(one.map(({ rows }) => rows));
      expect(base).toEqual(one[2]!.rows);
    });
  });

  it('has nothing to say of no candidates', async () => {
    await withModel('odd', async ({ evaluator, tokens }) => expect(await collect(evaluator.candidateLosses(tokens, []))).toEqual([]));
  });
});

function* failing(): Generator<ExpertWeights> {
  yield new Map();
  throw new RangeError('disk');
}

describe('errors', () => {
  it('bad-option: together and heldBytes', async () => {
    await withModel('odd', async ({ evaluator, tokens }) => {
      for (const [option, given] of [['together', { together: 0 }], ['together', { together: 1.5 }], ['heldBytes', { heldBytes: 0 }], ['heldBytes', { heldBytes: Number.NaN }]] as const) {
        await expect(firstOf(evaluator.candidateLosses(tokens, [], given))).rejects.toMatchObject({ code: 'bad-option', context: { option } });
      }
    });
  });

  it('bad-shape, unknown-tensor and what the iterator throws; the evaluator goes on', async () => {
    await withModel(
      'odd',
      async ({ evaluator, tokens, extract }) => {
        const { gate } = expertTensorNames((await loadTinyModel('odd')).topology, { layer: 1, expert: 0 });
        await expect(firstOf(evaluator.candidateLosses(Int32Array.of(1), []))).rejects.toMatchObject({ code: 'bad-shape', context: { name: 'tokens' } });
        await expect(firstOf(evaluator.candidateLosses(tokens, [new Map([[gate, { shape: [1], data: new Float32Array(1) }]])]))).rejects.toMatchObject({ code: 'bad-shape', context: { name: gate } });
        await expect(firstOf(evaluator.candidateLosses(tokens, [await extract(new Map([[1, [1]]]))]))).rejects.toMatchObject({ code: 'unknown-tensor' });
        await expect(firstOf(evaluator.candidateLosses(tokens, failing()))).rejects.toThrow('disk');
        expect((await evaluator.rowLosses(tokens)).length).toBe(ROWS);
      },
      { experts: new Map([[1, [0]]]) },
    );
  });

  it('aborted: between two runs, with the reason as cause; the evaluator goes on', async () => {
    await withModel('odd', async ({ evaluator, tokens, extract }) => {
      const reason = new Error('enough');
      const controller = new AbortController();
      const many = Int32Array.from({ length: 1000 * tokens.length }, (_, index) => tokens[index % tokens.length]!);
      const running = firstOf(evaluator.candidateLosses(many, [await extract(new Map([[1, [0]]]))], { signal: controller.signal }));
      setTimeout(() => controller.abort(reason), 30);
      await expect(running).rejects.toMatchObject({ code: 'aborted', cause: reason });
      expect((await evaluator.rowLosses(tokens)).length).toBe(ROWS);
    });
  });

  it('closed', async () => {
    await withModel('odd', async ({ evaluator, tokens, extract }) => {
      await evaluator.close();
      await expect(firstOf(evaluator.candidateLosses(tokens, [await extract(new Map([[1, [0]]]))]))).rejects.toMatchObject({ code: 'closed' });
    });
  });
});
