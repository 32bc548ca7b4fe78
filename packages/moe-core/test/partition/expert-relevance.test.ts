import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  addGateLog,
  addRouting,
  addRoutings,
  createExpertRelevance,
  formatExpertConfig,
  formatScoreSummary,
  gateLogSamples,
  gateScores,
  isMoeError,
  mergeExpertRelevance,
  openSampleMeans,
  parseExpertConfig,
  parseGateLogLine,
  parseGateLogName,
  parseScoreSummary,
  roundToFourDecimals,
  selectExperts,
  selectLayers,
  tokenScores,
  type ExpertSelection,
} from '../../src/index.ts';
import { findGateLogs, readGateLog, readGateLogs } from '../../src/node.ts';
import { collect } from '../collect.ts';
import { expectCode } from '../expect-code.ts';
import { readVectors } from '../vectors/read-vectors.ts';

const runs = Number(process.env['FUZZ_RUNS'] ?? 300);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const formatSelection = (experts: ExpertSelection): string => formatExpertConfig({ experts, sharedExperts: false, nonExpertModules: false });

interface RelevanceVectors {
  readonly experts: number;
  readonly expertsPerToken: number;
  readonly logs: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly configs: Readonly<Record<string, string>>;
  readonly sampleMeans: Readonly<Record<string, readonly [readonly number[], readonly number[]]>>;
  readonly rounding: readonly (readonly [number, number])[];
}

describe('against ESFT’s arithmetic in Python', () => {
  const vectors = readVectors<RelevanceVectors>('expert-relevance');

  it('text logs to summary.json to expert_cfg.json', async () => {
    let relevance = createExpertRelevance(vectors);
    for (const [layer, text] of Object.entries(vectors.logs)) relevance = await addGateLog(relevance, { layer: Number(layer), chunks: [encode(text)] });
    const tokens = tokenScores(relevance);
    expect(formatScoreSummary({ tokenScores: tokens, gateScores: gateScores(relevance) })).toBe(vectors.summary);
    for (const [threshold, config] of Object.entries(vectors.configs)) {
      expect(formatSelection(selectExperts(tokens, { threshold: Number(threshold) }))).toBe(config);
    }
  });

  it('means per sample, the paper’s way', async () => {
    const means = openSampleMeans(vectors);
    for (const [layer, text] of Object.entries(vectors.logs)) {
      for await (const sample of gateLogSamples({ ...vectors, layer: Number(layer), chunks: [encode(text)] })) means.add(sample);
    }
    const { tokenScores: tokens, gateScores: gates } = means.scores();
    for (const [layer, [token, gate]] of Object.entries(vectors.sampleMeans)) {
      const ours = [...tokens.get(Number(layer))!, ...gates.get(Number(layer))!];
      [...token, ...gate].forEach((mean, index) => expect(Math.abs(ours[index]! - mean)).toBeLessThanOrEqual(0.5e-4 + 1e-12));
    }
  });

  it('rounds as Python does, ties included', () => {
    for (const [x, rounded] of vectors.rounding) expect([x, roundToFourDecimals(x)]).toEqual([x, rounded]);
  });
});

const esft = fileURLToPath(new URL('../../../../../shared/data/esft/', import.meta.url));
const published = existsSync(esft) ? readdirSync(esft) : [];
if (published.length === 0) console.warn(`SKIPPED: the published ESFT data is not at ../shared/data/esft`);

describe.skipIf(published.length === 0)('published ESFT results', () => {
  test.each(published.length === 0 ? ['none'] : published)('%s: scores of the logs, selection and files, byte for byte', async (task) => {
    const read = (name: string): string => readFileSync(`${esft}/${task}/${name}`, 'utf8');
    const summary = parseScoreSummary(read('summary.json'));
    expect(formatScoreSummary(summary)).toBe(read('summary.json'));
    const config = read('expert_cfg.json');
    expect(formatSelection(selectExperts(summary.tokenScores, { threshold: 0.2 }))).toBe(config);
    expect(formatExpertConfig(parseExpertConfig(config))).toBe(config);
    const relevance = await readGateLogs(`${esft}/${task}`, { experts: 64, expertsPerToken: 6 });
    expect([...relevance.layers.keys()]).toEqual([1, 2, 13]);
    for (const layer of relevance.layers.keys()) {
      expect(tokenScores(relevance).get(layer)).toEqual(summary.tokenScores.get(layer));
      expect(gateScores(relevance).get(layer)).toEqual(summary.gateScores.get(layer));
    }
  });
});

describe('accumulators', () => {
  const size = { experts: 5, expertsPerToken: 2 };
  const token = fc.tuple(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 2, maxLength: 2 }), fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 2 }));
  const part = fc.record({ layer: fc.nat(2), tokens: fc.array(token, { maxLength: 4 }) }).map(({ layer, tokens }) => ({
    layer,
    ids: Uint16Array.from(tokens.flatMap(([ids]) => ids)),
    weights: Float32Array.from(tokens.flatMap(([, weights]) => weights)),
  }));

  it('merge exactly, in any grouping and order', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.nat(8), (parts, cut) => {
        const sum = (list: typeof parts) => list.reduce(addRouting, createExpertRelevance(size));
        const whole = sum(parts);
        const left = sum(parts.slice(0, cut).toReversed());
        const right = sum(parts.slice(cut));
        expect(mergeExpertRelevance(right, left)).toEqual(whole);
        expect(mergeExpertRelevance(left, right)).toEqual(whole);
      }),
      { numRuns: runs },
    );
  });

  it('leave the given accumulator alone', () => {
    const empty = createExpertRelevance(size);
    const once = addRouting(empty, { layer: 0, ids: [0, 1], weights: [0.5, 0.5] });
    addRouting(once, { layer: 0, ids: [2, 3], weights: [0.5, 0.5] });
    expect(empty.layers.size).toBe(0);
    expect(tokenScores(once).get(0)).toEqual([0.5, 0.5, 0, 0, 0]);
    expect(tokenScores(addRouting(empty, { layer: 3, ids: [], weights: [] })).get(3)).toEqual([0, 0, 0, 0, 0]);
  });

  it('refuse what does not fit, by field', async () => {
    const relevance = createExpertRelevance(size);
    const entry = { layer: 0, ids: [0, 1], weights: [0.5, 0.5] };
    for (const [field, action] of [
      ['experts', () => createExpertRelevance({ experts: 0, expertsPerToken: 1 })],
      ['expertsPerToken', () => createExpertRelevance({ experts: 2, expertsPerToken: 3 })],
      ['layer', () => addRouting(relevance, { ...entry, layer: -1 })],
      ['ids', () => addRouting(relevance, { ...entry, ids: [0] })],
      ['ids', () => addRouting(relevance, { ...entry, ids: [0, 5] })],
      ['ids', () => addRouting(relevance, { ...entry, ids: [1, 1] })],
      ['ids', () => addRouting(relevance, { ...entry, ids: [0, 0.5] })],
      ['weights', () => addRouting(relevance, { ...entry, weights: [0.5, Number.NaN] })],
      ['weights', () => addRouting(relevance, { ...entry, weights: [0.5, -0.1] })],
      ['weights', () => addRouting(relevance, { ...entry, weights: [0.5, 17] })],
      ['experts', () => mergeExpertRelevance(relevance, createExpertRelevance({ experts: 6, expertsPerToken: 2 }))],
    ] as const) {
      expect((await expectCode('relevance-invalid', action)).context.field).toBe(field);
    }
    const many = new Map([[0, { tokens: 2 ** 25, counts: new Float64Array(5), weightsHigh: new Float64Array(5), weightsLow: new Float64Array(5) }]]);
    await expectCode('relevance-invalid', () => addRouting({ ...size, layers: many }, entry));
  });
});

describe('selectExperts', () => {
  it('takes by falling score until the threshold is reached, lower ids first', () => {
    const scores = new Map([[3, [0.1, 0.4, 0.1, 0.4]]]);
    expect([...selectExperts(scores, { threshold: 0.4 })]).toEqual([[3, [1]]]);
    expect(selectExperts(scores, { threshold: 0.41 }).get(3)).toEqual([1, 3]);
    expect(selectExperts(scores, { threshold: 0.85 }).get(3)).toEqual([1, 3, 0]);
    expect(selectExperts(scores, { threshold: 2 }).get(3)).toEqual([1, 3, 0, 2]);
  });

  it('takes from some layers only', async () => {
    const scores = new Map([[3, [0.1, 0.9]], [9, [0.6, 0.4]], [4, [1, 0]]]);
    expect([...selectLayers(scores, [9, 3])]).toEqual([[3, [0.1, 0.9]], [9, [0.6, 0.4]]]);
    expect(selectExperts(selectLayers(scores, [9]), { budgetBytes: 1, expertBytes: 1 })).toEqual(new Map([[9, [0]]]));
    for (const layers of [[], [5], [3, 5]]) await expectCode('scores-invalid', () => selectLayers(scores, layers));
  });

  it('takes by count, by minimal score and by budget', () => {
    const scores = new Map([[3, [0.1, 0.4, 0.1, 0.4]], [9, [0.25, 0.25, 0.5, 0]]]);
    expect(selectExperts(scores, { count: 3 })).toEqual(new Map([[3, [1, 3, 0]], [9, [2, 0, 1]]]));
    expect(selectExperts(scores, { count: 9 }).get(3)).toEqual([1, 3, 0, 2]);
    expect(selectExperts(scores, { minScore: 0.4 })).toEqual(new Map([[3, [1, 3]], [9, [2]]]));
    expect(selectExperts(scores, { minScore: 0.45 })).toEqual(new Map([[3, []], [9, [2]]]));
    expect(selectExperts(scores, { budgetBytes: 45, expertBytes: 10 })).toEqual(new Map([[3, [1, 3]], [9, [2, 0]]]));
    expect(selectExperts(scores, { budgetBytes: 9, expertBytes: 10 })).toEqual(new Map([[3, []], [9, []]]));
    // Layer 9's experts are four times as large: 0.5 / 40 is below 0.1 / 10 · 1.25 but above 0.1 / 10.
    expect(selectExperts(scores, { budgetBytes: 65, expertBytes: new Map([[3, 10], [9, 40]]) })).toEqual(new Map([[3, [1, 3]], [9, [2]]]));
    expect(selectExperts(scores, { budgetBytes: 55, expertBytes: new Map([[3, 10], [9, 40]]) })).toEqual(new Map([[3, [1, 3, 0, 2]], [9, []]]));
  });

  it('by budget is the best that fits, where experts have one size', () => {
    const rows = fc.array(fc.array(fc.nat(20).map((n) => n / 20), { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 10 }), (list, capacity) => {
        const scores = new Map(list.map((row, layer) => [layer, row]));
        const selection = selectExperts(scores, { budgetBytes: capacity * 7, expertBytes: 7 });
        const chosen = [...selection].flatMap(([layer, ids]) => ids.map((id) => scores.get(layer)![id]!));
        const best = list.flat().toSorted((a, b) => b - a).slice(0, capacity);
        expect(chosen.toSorted((a, b) => b - a)).toEqual(best);
      }),
      { numRuns: runs },
    );
  });

  it('refuses thresholds and scores that are none', async () => {
    for (const [field, rule] of [
      ['count', { count: 0 }],
      ['count', { count: 1.5 }],
      ['minScore', { minScore: 0 }],
      ['budgetBytes', { budgetBytes: 0, expertBytes: 1 }],
      ['expertBytes', { budgetBytes: 1, expertBytes: 0 }],
      ['expertBytes', { budgetBytes: 1, expertBytes: new Map() }],
    ] as const) {
      expect((await expectCode('scores-invalid', () => selectExperts(new Map([[1, [0.5]]]), rule))).context.field).toBe(field);
    }
    await expectCode('scores-invalid', () => selectExperts(new Map(), { threshold: 0 }));
    await expectCode('scores-invalid', () => selectExperts(new Map(), { threshold: Number.NaN }));
    expect((await expectCode('scores-invalid', () => selectExperts(new Map([[1, [0, -1]]]), { threshold: 1 }))).context.field).toBe('1.1');
    await expectCode('scores-invalid', () => formatScoreSummary({ tokenScores: new Map([[1, [Number.NaN]]]), gateScores: new Map() }));
  });
});

describe('means per sample', () => {
  const size = { experts: 3, expertsPerToken: 1 };

  it('let a short text count as much as a long one', () => {
    const means = openSampleMeans(size);
    means.add({ layer: 4, ids: [0], weights: [0.5] });
    means.add({ layer: 4, ids: [1, 1, 1, 2], weights: [0.2, 0.2, 0.2, 0.4] });
    means.add({ layer: 2, ids: [2], weights: [1] });
    means.add({ layer: 2, ids: [], weights: [] });
    expect(means.scores()).toEqual({
      tokenScores: new Map([[2, [0, 0, 1]], [4, [0.5, 0.375, 0.125]]]),
      gateScores: new Map([[2, [0, 0, 1]], [4, [0.25, 0.075, 0.05]]]),
    });
  });

  it('refuse what pooled scores refuse', async () => {
    await expectCode('relevance-invalid', () => openSampleMeans({ experts: 0, expertsPerToken: 1 }));
    const means = openSampleMeans(size);
    await expectCode('relevance-invalid', () => means.add({ layer: 1, ids: [3], weights: [1] }));
    await expectCode('relevance-invalid', () => means.add({ layer: -1, ids: [1], weights: [1] }));
  });

  test.skipIf(published.length === 0).each(published.length === 0 ? ['none'] : published)('%s: with samples of one token they are the pooled scores', async (task) => {
    const means = openSampleMeans({ experts: 64, expertsPerToken: 6 });
    for (const { layer, path } of await findGateLogs(`${esft}/${task}`)) {
      for await (const { ids, weights } of gateLogSamples({ layer, experts: 64, expertsPerToken: 6, chunks: readGateLog({ path }) })) {
        for (let from = 0; from < ids.length; from += 6) means.add({ layer, ids: ids.slice(from, from + 6), weights: weights.slice(from, from + 6) });
      }
    }
    const relevance = await readGateLogs(`${esft}/${task}`, { experts: 64, expertsPerToken: 6 });
    for (const [layer, row] of means.scores().tokenScores) {
      const pooled = tokenScores(relevance).get(layer)!;
      for (const [expert, score] of row.entries()) expect(Math.abs(score - pooled[expert]!)).toBeLessThan(1.01e-4);
    }
  });
});

describe('gate logs', () => {
  const where = { layer: 7, line: 2, experts: 4, expertsPerToken: 2 };

  it('parse', () => {
    expect(parseGateLogLine('0\t3\t\t0.5\t0.0001', where)).toEqual({ ids: Uint16Array.of(0, 3), weights: Float64Array.of(0.5, 0.0001) });
    expect(parseGateLogName('expert_weights_13.txt')).toBe(13);
    for (const name of ['expert_weights_.txt', 'expert_weights_01.txt', 'expert_weights_1.txt.gz', 'summary.json']) expect(parseGateLogName(name)).toBeUndefined();
  });

  test.each(['', '0\t1', '0\t1\t\t0.5', '0\t1\t2\t\t1\t1\t1', '0\t4\t\t1\t1', '0\t-1\t\t1\t1', '0\t1.0\t\t1\t1', '0\t1\t\t1\tnan', '0\t1\t\t1\t-1', '0\t1\t\t1\t1\t\t1', 'a\tb\t\tc\td', '0\t1\t\t1\t0x1', '0\t1\t\t1\t1\t', '0\t1\t\t1\t.5', '0\t1\t\t1\t1.', '0\t1\t\t1\t1.2.3', '0\t1\t\t1\t100', '0\t1\t\t1\t0.123456789012345678', '000001\t1\t\t1\t1', '0\t1\t\t', '0\t1\t', '0\t1\t\t\t1', '0\t1\t\t1\té'])('refuse %j', async (line) => {
    const error = await expectCode('gate-log-invalid', () => parseGateLogLine(line, where));
    expect(error.context).toEqual({ layer: 7, line: 2 });
  });

  it('give every weight as JavaScript reads its text', () => {
    const weight = fc.oneof(
      fc.nat(9999).map((n) => String(n / 10_000)),
      fc.tuple(fc.nat(99), fc.bigInt({ min: 0n, max: 10n ** 17n - 1n })).map(([whole, fraction]) => `${whole}.${fraction}`),
      fc.tuple(fc.nat(9), fc.nat(99)).map(([digit, exponent]) => `${digit}e-${exponent}`),
      fc.nat(99).map(String),
    );
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 20 }), (weights) => {
        const line = `${weights.map(() => '0').join('\t')}\t\t${weights.join('\t')}`;
        expect([...parseGateLogLine(line, { ...where, expertsPerToken: 1 }).weights]).toEqual(weights.map(Number));
      }),
      { numRuns: runs },
    );
  });

  it('are the same however the bytes are cut', async () => {
    const lines = ['0\t1\t\t0.5\t0.25', '', '2\t3\t1\t0\t\t0.1\t0.2\t0.3\t0.4\r', '3\t0\t\t1.0\t0.0001'];
    const whole = encode(lines.join('\n'));
    const expected = await addGateLog(createExpertRelevance({ experts: 4, expertsPerToken: 2 }), { layer: 1, chunks: [whole] });
    expect(expected.layers.get(1)!.tokens).toBe(4);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 12 }), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const chunks = places.slice(1).map((end, index) => whole.slice(places[index], end));
        expect(await addGateLog(createExpertRelevance({ experts: 4, expertsPerToken: 2 }), { layer: 1, chunks })).toEqual(expected);
        const samples = await collect(gateLogSamples({ layer: 1, experts: 4, expertsPerToken: 2, chunks }));
        expect(addRoutings(createExpertRelevance({ experts: 4, expertsPerToken: 2 }), samples)).toEqual(expected);
        expect(samples.map(({ ids }) => ids.length)).toEqual([2, 4, 2]);
      }),
      { numRuns: Math.ceil(runs / 4) },
    );
  });

  it('grow their space with the line, and end at a line without an end', async () => {
    const tokens = 5000;
    const line = `${'0\t1\t'.repeat(tokens)}\t${'0.5\t0.5\t'.repeat(tokens)}`.slice(0, -1);
    expect(parseGateLogLine(line, where).ids.length).toBe(2 * tokens);
    const endless = (async function* () {
      for (;;) yield new Uint8Array(2 ** 24).fill(0x30);
    })();
    await expectCode('gate-log-invalid', () => addGateLog(createExpertRelevance({ experts: 4, expertsPerToken: 2 }), { layer: 1, chunks: endless }));
  });

  it('count lines', async () => {
    const relevance = createExpertRelevance({ experts: 4, expertsPerToken: 2 });
    const error = await expectCode('gate-log-invalid', () => addGateLog(relevance, { layer: 1, chunks: [encode('0\t1\t\t1\t1\n\r\nx')] }));
    expect(error.context.line).toBe(3);
  });
});

describe('files of others', () => {
  test.each(['[]', '{}', '{"experts":[]}', '{"experts":{"a":[]},"shared_experts":false,"non_expert_modules":false}', '{"experts":{"1":{}},"shared_experts":false,"non_expert_modules":false}', '{"experts":{"1":[1.5]},"shared_experts":false,"non_expert_modules":false}', '{"experts":{"1":[65536]},"shared_experts":false,"non_expert_modules":false}', '{"experts":{"1":[1,1]},"shared_experts":false,"non_expert_modules":false}', '{"experts":{"1":[1]},"shared_experts":0,"non_expert_modules":false}', '{"experts":{"1":[1]},"shared_experts":false}'])('expert_cfg.json %s', async (text) => {
    await expectCode('expert-config-invalid', () => parseExpertConfig(text));
  });

  test.each(['[]', '{}', '{"token_scores":{"1":[]},"gate_scores":{}}', '{"token_scores":{"x":{}},"gate_scores":{}}', '{"token_scores":{"1":{"1":0}},"gate_scores":{}}', '{"token_scores":{"1":{"0":-1}},"gate_scores":{}}', '{"token_scores":{"1":{"0":"1"}},"gate_scores":{}}', '{"token_scores":{"1":{"0":1e999}},"gate_scores":{}}'])('summary.json %s', async (text) => {
    await expectCode('scores-invalid', () => parseScoreSummary(text));
  });

  it('parse, or fail with a code', () => {
    const key = fc.oneof(fc.constantFrom('experts', 'shared_experts', 'non_expert_modules', 'token_scores', 'gate_scores', '0', '1', '__proto__'), fc.string());
    const json = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, fc.boolean(), fc.integer(), fc.double(), fc.string(), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(key, tie('value'), { maxKeys: 4 })),
    })).value;
    const text = fc.oneof(json.map((value) => JSON.stringify(value)), fc.string());
    fc.assert(
      fc.property(text, (input) => {
        for (const parse of [parseExpertConfig, parseScoreSummary, (line: string) => parseGateLogLine(line, { layer: 1, line: 1, experts: 4, expertsPerToken: 2 })]) {
          try {
            parse(input);
          } catch (error) {
            if (!isMoeError(error)) throw error;
          }
        }
      }),
      { numRuns: runs },
    );
  });

  it('round trip', () => {
    const layers = fc.uniqueArray(fc.tuple(fc.nat(120), fc.uniqueArray(fc.nat(65_535), { maxLength: 5 })), { selector: ([layer]) => layer });
    fc.assert(
      fc.property(layers, fc.boolean(), fc.boolean(), (entries, sharedExperts, nonExpertModules) => {
        const config = { experts: new Map(entries.toSorted(([a], [b]) => a - b)), sharedExperts, nonExpertModules };
        expect(parseExpertConfig(formatExpertConfig(config))).toEqual(config);
      }),
      { numRuns: runs },
    );
  });
});
