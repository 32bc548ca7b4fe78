import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  addRouting,
  addRoutingLog,
  addRoutings,
  createExpertRelevance,
  encodeRoutingLog,
  formatScoreSummary,
  gateLogSamples,
  gateScores,
  isMoeError,
  mergeExpertRelevance,
  openRoutingLog,
  tokenScores,
  type LayerRouting,
  type RoutingLogHeader,
} from '../../src/index.ts';
import { findGateLogs, openRoutingLogFile, readGateLog, readGateLogs, writeFileAtomic } from '../../src/node.ts';
import { collect } from '../collect.ts';
import { expectCode } from '../expect-code.ts';

const runs = Number(process.env['FUZZ_RUNS'] ?? 300);

const HEADER: RoutingLogHeader = { experts: 5, expertsPerToken: 2, weightUnits: 10_000, layers: [1, 7] };

async function encode(header: RoutingLogHeader, samples: readonly LayerRouting[]): Promise<Uint8Array> {
  const chunks = await collect(encodeRoutingLog(header, samples));
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

const decode = async (bytes: Uint8Array) => collect((await openRoutingLog(bytes)).samples());

/** Logs whose weights are whole units. */
const log = fc
  .record({ experts: fc.constantFrom(2, 5, 256, 257, 65_536), expertsPerToken: fc.constantFrom(1, 2), weightUnits: fc.constantFrom(1, 10_000, 26_214, 65_535, 2 ** 24), layers: fc.uniqueArray(fc.nat(999_999), { minLength: 1, maxLength: 3 }) })
  .chain((size) => {
    const header = { ...size, layers: size.layers.toSorted((a, b) => a - b) };
    const most = Math.min(65_535, 16 * size.weightUnits);
    const token = fc.record({ ids: fc.uniqueArray(fc.nat(size.experts - 1), { minLength: size.expertsPerToken, maxLength: size.expertsPerToken }), units: fc.array(fc.nat(most), { minLength: size.expertsPerToken, maxLength: size.expertsPerToken }) });
    const sample = fc.record({ layer: fc.constantFrom(...header.layers), tokens: fc.array(token, { minLength: 1, maxLength: 4 }) }).map(({ layer, tokens }) => ({
      layer,
      ids: Uint16Array.from(tokens.flatMap(({ ids }) => ids)),
      weights: Float64Array.from(tokens.flatMap(({ units }) => units), (value) => value / size.weightUnits),
    }));
    return fc.record({ header: fc.constant(header), samples: fc.array(sample, { maxLength: 6 }) });
  });

describe('binary routing logs', () => {
  it('have the bytes of ROUTING-LOG.md', async () => {
    const bytes = await encode(HEADER, [{ layer: 7, ids: [4, 0], weights: [0.25, 1.00004] }]);
    const hex = Buffer.from(bytes).toString('hex');
    expect(hex).toBe(['89', '43524c', '0d0a', '1a', '0a', '0100', '0000', '05000000', '02000000', '10270000', '02000000', '01000000', '07000000', '07000000', '01000000', '0400', 'c409', '1027', 'ffffffff', '01000000'].join(''));
  });

  it('round trip, and give the accumulator that the samples give', async () => {
    await fc.assert(
      fc.asyncProperty(log, async ({ header, samples }) => {
        const bytes = await encode(header, samples);
        const opened = await openRoutingLog(bytes);
        expect(opened.header).toEqual(header);
        const read = await collect(opened.samples());
        expect(read.map(({ layer, ids, weights }) => ({ layer, ids: [...ids], weights: [...weights] }))).toEqual(samples.map(({ layer, ids, weights }) => ({ layer, ids: [...ids], weights: [...weights] })));
        // Comparing accumulators of 65,536 experts value by value takes seconds.
        if (header.experts > 300) return;
        const whole = addRoutings(createExpertRelevance(header), samples);
        expect(await addRoutingLog(createExpertRelevance(header), opened)).toEqual(whole);
        const parts = await Promise.all([samples.slice(1), samples.slice(0, 1)].map(async (part) => addRoutingLog(createExpertRelevance(header), await openRoutingLog(await encode(header, part)))));
        expect(mergeExpertRelevance(parts[0]!, parts[1]!)).toEqual(whole);
      }),
      { numRuns: runs },
    );
  });

  it('take three bytes per entry, four above 256 experts', async () => {
    const sample = { layer: 1, ids: [0, 1, 2, 3], weights: [0, 0, 0, 0] };
    const logs = await Promise.all([256, 257].map((experts) => encode({ ...HEADER, experts }, [sample])));
    expect(logs.map(({ length }) => length)).toEqual([28 + 8 + 8 + 12 + 8, 28 + 8 + 8 + 16 + 8]);
  });

  it('read the same in any block, and again from the start', async () => {
    const ids = Uint16Array.from({ length: 2 * 60_000 }, (_, i) => (i % 2 === 0 ? i % 5 : (i + 1) % 5));
    const samples = [1, 7, 1, 7, 7, 1].map((layer, index) => ({ layer, ids: index % 2 === 0 ? ids : [0, 1], weights: new Float64Array(index % 2 === 0 ? ids.length : 2).fill(0.5) }));
    const opened = await openRoutingLog(await encode(HEADER, samples));
    for (let pass = 0; pass < 2; pass++) expect(await addRoutingLog(createExpertRelevance(HEADER), opened)).toEqual(addRoutings(createExpertRelevance(HEADER), samples));
  });

  test.each<[string, Partial<RoutingLogHeader>, Partial<LayerRouting>]>([
    ['experts', { experts: 0 }, {}],
    ['experts', { experts: 65_537 }, {}],
    ['expertsPerToken', { expertsPerToken: 6 }, {}],
    ['weightUnits', { weightUnits: 0 }, {}],
    ['weightUnits', { weightUnits: 2 ** 24 + 1 }, {}],
    ['layers', { layers: [7, 1] }, {}],
    ['layers', { layers: [1, 1] }, {}],
    ['layers', { layers: [1_000_000] }, {}],
    ['layer', {}, { layer: 2 }],
    ['ids', {}, { ids: [], weights: [] }],
    ['ids', {}, { ids: [0], weights: [0] }],
    ['ids', {}, { ids: [0, 1], weights: [0] }],
    ['ids', {}, { ids: [0, 5] }],
    ['ids', {}, { ids: [0, 0.5] }],
    ['ids', {}, { ids: [1, 1] }],
    ['weights', {}, { weights: [0, 6.554] }],
    ['weights', {}, { weights: [0, -1] }],
    ['weights', {}, { weights: [0, Number.NaN] }],
  ])('are not written with bad %s', async (field, header, sample) => {
    const error = await expectCode('routing-log-invalid', () => encode({ ...HEADER, ...header }, [{ layer: 1, ids: [0, 1], weights: [0, 1], ...sample }]));
    expect(error.context.field).toBe(field);
  });

  it('are not written larger than they are read', async () => {
    const tooLong = { layer: 1, ids: new Uint8Array(2 ** 25), weights: new Float64Array(2 ** 25) };
    expect((await expectCode('routing-log-invalid', () => encode(HEADER, [tooLong]))).message).toContain('split it');
    const layers = Array.from({ length: 65_537 }, (_, layer) => layer);
    expect((await expectCode('routing-log-invalid', () => encode({ ...HEADER, layers }, []))).context.field).toBe('layers');
  });
});

describe('hostile binary logs', () => {
  const good = encode(HEADER, [{ layer: 1, ids: [0, 1, 2, 3], weights: [0, 1, 0, 1] }, { layer: 7, ids: [4, 3], weights: [0, 1] }]);
  const changed = async (change: (view: DataView, bytes: Uint8Array) => void): Promise<Uint8Array> => {
    const bytes = (await good).slice();
    change(new DataView(bytes.buffer), bytes);
    return bytes;
  };

  test.each<[string, (view: DataView, bytes: Uint8Array) => void]>([
    ['magic', (view) => view.setUint8(0, 0x88)],
    ['magic', (view) => view.setUint8(5, 0x0d)],
    ['version', (view) => view.setUint16(8, 2, true)],
    ['reserved', (view) => view.setUint16(10, 1, true)],
    ['experts', (view) => view.setUint32(12, 0, true)],
    ['experts', (view) => view.setUint32(12, 65_537, true)],
    ['expertsPerToken', (view) => view.setUint32(16, 0, true)],
    ['expertsPerToken', (view) => view.setUint32(16, 6, true)],
    ['weightUnits', (view) => view.setUint32(20, 0, true)],
    ['layers', (view) => view.setUint32(24, 65_537, true)],
    ['layers', (view) => view.setUint32(24, 65_536, true)],
    ['layers', (view) => view.setUint32(28, 8, true)],
    ['layer', (view) => view.setUint32(36, 2, true)],
    ['tokens', (view) => view.setUint32(40, 0, true)],
    ['tokens', (view) => view.setUint32(40, 0xffffffff, true)],
    ['record', (view) => view.setUint32(40, 1000, true)],
    ['ids', (view) => view.setUint8(44, 5)],
    ['ids', (view) => view.setUint8(44, 1)],
    ['end', (view) => view.setUint32(view.byteLength - 4, 1, true)],
  ])('%s', async (field, change) => {
    expect((await expectCode('routing-log-invalid', async () => decode(await changed(change)))).context.field).toBe(field);
  });

  it('of any length', async () => {
    const bytes = await good;
    for (let length = 0; length < bytes.length; length++) await expectCode('routing-log-invalid', () => decode(bytes.slice(0, length)));
    expect((await expectCode('routing-log-invalid', () => decode(Uint8Array.of(...bytes, 0)))).context.field).toBe('end');
  });

  it('of another model', async () => {
    const opened = await openRoutingLog(await good);
    await expectCode('routing-log-invalid', () => addRoutingLog(createExpertRelevance({ experts: 6, expertsPerToken: 2 }), opened));
    await expectCode('routing-log-invalid', () => addRoutingLog(createExpertRelevance({ experts: 5, expertsPerToken: 1 }), opened));
  });

  it('any changed log reads, or fails with a code', async () => {
    const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), byte: fc.nat(255), kind: fc.constantFrom('set', 'insert', 'delete', 'cut') });
    await fc.assert(
      fc.asyncProperty(log, fc.array(change, { minLength: 1, maxLength: 4 }), async ({ header, samples }, changes) => {
        const bytes = [...(await encode(header, samples))];
        for (const { at, byte, kind } of changes) {
          const position = Math.floor(at * bytes.length);
          if (kind === 'cut') bytes.length = position;
          else bytes.splice(position, kind === 'insert' ? 0 : 1, ...(kind === 'delete' ? [] : [byte]));
        }
        try {
          const opened = await openRoutingLog(Uint8Array.from(bytes));
          for await (const { ids } of opened.samples()) for (const id of ids) expect(id).toBeLessThan(opened.header.experts);
        } catch (error) {
          if (!isMoeError(error, 'routing-log-invalid')) throw error;
        }
      }),
      { numRuns: runs },
    );
  });
});

describe('log files', () => {
  const esft = fileURLToPath(new URL('../../../../../shared/data/esft/', import.meta.url));
  const published = existsSync(esft) ? readdirSync(esft) : [];

  test.skipIf(published.length === 0)('the published logs, made binary: the same scores in a third of the bytes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'moe-core-'));
    const size = { experts: 64, expertsPerToken: 6 };
    try {
      for (const task of published) {
        const files = await findGateLogs(join(esft, task));
        const path = join(directory, `${task}.routes`);
        const samples = async function* () {
          for (const file of files) yield* gateLogSamples({ ...size, layer: file.layer, chunks: readGateLog(file) });
        };
        await writeFileAtomic(path, encodeRoutingLog({ ...size, weightUnits: 10_000, layers: files.map(({ layer }) => layer) }, samples()));
        const opened = await openRoutingLogFile(path);
        const relevance = await addRoutingLog(createExpertRelevance(opened.header), opened);
        await opened.close();
        expect(relevance).toEqual(await readGateLogs(join(esft, task), size));
        expect(formatScoreSummary({ tokenScores: tokenScores(relevance), gateScores: gateScores(relevance) })).toContain('"13"');
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('that are none are refused by path', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'moe-core-'));
    try {
      await writeFile(join(directory, 'a.routes'), 'text');
      expect((await expectCode('routing-log-invalid', () => openRoutingLogFile(join(directory, 'a.routes')))).message).toContain('a.routes: routing log, header: expected at least 28 bytes');
      await expectCode('file-missing', () => openRoutingLogFile(join(directory, 'b.routes')));
      await expectCode('file-missing', () => collect(readGateLog({ path: join(directory, 'b.txt') })));
      await expectCode('file-unreadable', () => collect(readGateLog({ path: directory })));
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('a router’s weights in float32 move by at most half a unit', async () => {
    const weights = Float32Array.of(0.123456, 0.999999);
    const [sample] = await decode(await encode({ ...HEADER, weightUnits: 65_535 }, [{ layer: 1, ids: [0, 1], weights }]));
    sample!.weights.forEach((weight, index) => expect(Math.abs(weight - weights[index]!)).toBeLessThanOrEqual(0.5 / 65_535));
    expect(addRouting(createExpertRelevance(HEADER), sample!).layers.get(1)!.tokens).toBe(1);
  });
});
