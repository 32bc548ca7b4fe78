import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertRoutingRule,
  countParameters,
  expectedTensors,
  expertProjections,
  expertTensorNames,
  FAMILIES,
  formatExpertConfig,
  formatScoreSummary,
  isMoeError,
  parseExpertConfig,
  parseExpertTensorName,
  parseGateLogLine,
  parseSafetensorsHeader,
  parseScoreSummary,
  parseShardedIndex,
  parseTopology,
  tensorSizeBytes,
  type SafetensorsHeader,
} from '../src/index.ts';
import { expectCode } from './expect-code.ts';
import { readVectors } from './vectors/read-vectors.ts';

const runs = Number(process.env['FUZZ_RUNS'] ?? 300);

/** What tends to matter to a parser, put in anywhere. */
const PIECES = ['', '"', '{', '}', '[', ']', ',', ':', '0', '1', '7', '-', '-0', '.', 'e', '1e999', '0.5', '\\', '\\u0000', '\u202e', '\ud800', 'null', 'true', '""', '\t', '\t\t', '\n', ' ', '__proto__', '9'.repeat(17), '65536', '../'];
const edits = fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), length: fc.constantFrom(0, 1, 1, 2, 8), piece: fc.constantFrom(...PIECES) }), { maxLength: 3 });

/** A text that some edits have been made to, often none. */
function edited(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(texts, edits).map(([text, list]) =>
    list.reduce((changed, { at, length, piece }) => {
      const position = Math.floor(at * (changed.length + 1));
      return changed.slice(0, position) + piece + changed.slice(position + length);
    }, text),
  );
}

/** The result, or `undefined` where it is refused with a code. */
function parseOrCode<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (isMoeError(error)) return undefined;
    throw error;
  }
}

/** Checks what comes of every text that is taken, and that some are. */
function eachAccepted<T>(texts: fc.Arbitrary<string>, parse: (text: string) => T, check: (parsed: T, text: string) => void): void {
  let accepted = 0;
  fc.assert(
    fc.property(texts, (text) => {
      const parsed = parseOrCode(() => parse(text));
      if (parsed === undefined) return;
      accepted++;
      check(parsed, text);
    }),
    { numRuns: runs },
  );
  expect(accepted).toBeGreaterThan(runs / 20);
}

const layers = <T>(row: fc.Arbitrary<T>) => fc.dictionary(fc.nat(40).map(String), row, { maxKeys: 4 });

describe('changed texts are read, or refused with a code', () => {
  it('expert_cfg.json: what is read is written, and read the same', () => {
    const list = fc.uniqueArray(fc.oneof(fc.nat(63), fc.nat(65_535)), { maxLength: 5 });
    const config = fc.record({ experts: layers(list), shared_experts: fc.boolean(), non_expert_modules: fc.boolean() });
    eachAccepted(edited(config.map((value) => JSON.stringify(value))), parseExpertConfig, (parsed) => {
      expect(parseExpertConfig(formatExpertConfig(parsed))).toEqual(parsed);
      expect([...parsed.experts.keys()]).toEqual([...parsed.experts.keys()].toSorted((a, b) => a - b));
      for (const ids of parsed.experts.values()) expect(new Set(ids).size === ids.length && ids.every((id) => id < 65_536)).toBe(true);
    });
  });

  it('summary.json: what is read is written, and read the same', () => {
    const row = fc.array(fc.nat(10_000).map((n) => n / 10_000), { maxLength: 4 }).map((scores) => Object.fromEntries(scores.map((score, expert) => [expert, score])));
    const summary = fc.record({ token_scores: layers(row), gate_scores: layers(row) });
    eachAccepted(edited(summary.map((value) => JSON.stringify(value))), parseScoreSummary, (parsed) => {
      const text = parseOrCode(() => formatScoreSummary(parsed));
      expect(text === undefined ? parsed : parseScoreSummary(text)).toEqual(parsed);
      for (const scores of [parsed.tokenScores, parsed.gateScores]) for (const list of scores.values()) expect(list.every((score) => score >= 0 && Number.isFinite(score))).toBe(true);
    });
  });

  it('model.safetensors.index.json: files are plain names, each once, sorted', () => {
    const file = fc.tuple(fc.nat(9), fc.nat(9)).map(([part, of]) => `model-0000${part}-of-0000${of}.safetensors`);
    const index = fc.record({ metadata: fc.record({ total_size: fc.nat() }), weight_map: fc.dictionary(fc.oneof(fc.string(), fc.nat(20).map((n) => `model.layers.${n}.weight`)), file, { minKeys: 1, maxKeys: 6 }) });
    eachAccepted(edited(index.map((value) => JSON.stringify(value))), parseShardedIndex, ({ weightMap, files }) => {
      expect(files).toEqual([...new Set(weightMap.values())].toSorted());
      for (const name of files) expect(name).toMatch(/^[\w][\w.-]*\.safetensors$/);
      expect(weightMap.has('__proto__')).toBe(false);
    });
  });

  it('gate logs: as many weights as ids, experts that exist, weights below 100', () => {
    const line = fc.array(fc.tuple(fc.nat(7), fc.nat(10_000)), { minLength: 2, maxLength: 6 }).map((tokens) => `${tokens.map(([id]) => id).join('\t')}\t\t${tokens.map(([, weight]) => weight / 10_000).join('\t')}`);
    eachAccepted(edited(line), (text) => parseGateLogLine(text, { layer: 1, line: 1, experts: 8, expertsPerToken: 2 }), ({ ids, weights }) => {
      expect(ids.length).toBe(weights.length);
      expect(ids.length % 2).toBe(0);
      expect(ids.length).toBeGreaterThan(0);
      expect(ids.every((id) => id < 8) && weights.every((weight) => weight >= 0 && weight < 100)).toBe(true);
    });
  });

  it('safetensors headers: tensors lie one behind the other and fill the file', () => {
    const tensor = fc.record({ name: fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('a', 'b.weight')), dtype: fc.constantFrom('F32' as const, 'BF16' as const, 'U8' as const, 'F4' as const), shape: fc.array(fc.constantFrom(0, 1, 2, 4), { maxLength: 3 }) });
    const header = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 4 }).map((tensors) => {
      let end = 0;
      const entries = tensors.map(({ name, dtype, shape }) => {
        const begin = end;
        end += Math.ceil((shape.reduce<number>((a, b) => a * b, 1) * { F32: 32, BF16: 16, U8: 8, F4: 4 }[dtype]) / 8);
        return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
      });
      return { text: JSON.stringify(Object.fromEntries(entries)), end };
    });
    // The size is that of the header before it was edited: where the edit makes it wrong, that has to be noticed.
    const texts = header.chain(({ text, end }) => edited(fc.constant(text)).map((changed) => `${end}\n${changed}`));
    eachAccepted(texts, parseSizedHeader, ({ parsed, sizeBytes }) => {
      const total = [...parsed.tensors.values()].reduce((sum, info) => sum + tensorSizeBytes(info), 0);
      expect(total).toBe(sizeBytes);
    });
  });
});

/** A line with the bytes of tensors in the file, then the header. */
function parseSizedHeader(text: string): { parsed: SafetensorsHeader; sizeBytes: number } {
  const at = text.indexOf('\n');
  const bytes = new TextEncoder().encode(text.slice(at + 1));
  const sizeBytes = Number(text.slice(0, at));
  return { parsed: parseSafetensorsHeader(bytes, 8 + bytes.length + sizeBytes), sizeBytes };
}

describe('any config.json', () => {
  const { cases } = readVectors<{ cases: readonly { readonly config: Record<string, unknown> }[] }>('topology');
  const size = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 8, 12, 16), fc.nat(64), fc.constantFrom(-1, 0.5, 2 ** 31 - 1, 2 ** 31, 2 ** 53, 1e300));
  const word = fc.constantFrom('silu', 'gelu', 'sigmoid', 'softmax', 'default', 'yarn', 'linear', 'noaux_tc', 'greedy', 'group_limited_greedy', 'fp8', 'mxfp4', 'full_attention', 'sliding_attention', ...FAMILIES);
  const leaf = fc.oneof(size, word, fc.boolean(), fc.constantFrom(null, undefined), fc.array(fc.oneof(size, word), { maxLength: 5 }), fc.jsonValue());

  /** One of the saved configs with some of its fields, also nested ones, changed to what such fields hold elsewhere. */
  const config = fc
    .constantFrom(...cases)
    .chain(({ config: saved }) => {
      const paths = Object.entries(saved).flatMap(([key, value]) => [[key], ...(typeof value === 'object' && value !== null ? Object.keys(value).map((inner) => [key, inner]) : [])]);
      return fc.array(fc.tuple(fc.constantFrom(...paths), leaf), { maxLength: 3 }).map((changes) => changes.reduce((changed, [path, value]) => replaceAt(changed, path, value), structuredClone(saved)));
    });

  it('gives a topology whose parts agree, or fails with a code', () => {
    let accepted = 0;
    fc.assert(
      fc.property(config, (fields) => {
        const topology = parseOrCode(() => parseTopology(fields));
        if (topology === undefined) return;
        accepted++;
        assertRoutingRule(topology.routing);
        expect(topology.routing).toMatchObject({ experts: topology.expertsPerLayer, expertsPerToken: topology.expertsPerToken });
        expect(topology.moeLayers.every((layer, index) => layer < topology.layers && layer > (topology.moeLayers[index - 1] ?? -1))).toBe(true);
        if (topology.layers * topology.expertsPerLayer > 1000) return;
        const tensors = [...expectedTensors(topology)];
        expect(tensors.filter(({ shape }) => !shape.every((length) => Number.isSafeInteger(length) && length > 0))).toEqual([]);
        expect(new Set(tensors.map(({ name }) => name)).size).toBe(tensors.length);
        const { total, activePerToken } = countParameters(topology);
        expect(activePerToken > 0 && activePerToken <= total).toBe(true);
        for (const layer of topology.moeLayers) {
          const projections = expertTensorNames(topology, { layer, expert: topology.expertsPerLayer - 1 });
          for (const projection of expertProjections(topology)) expect(parseExpertTensorName(topology, projections[projection]!)).toEqual({ layer, expert: topology.expertsPerLayer - 1, projection });
        }
      }),
      { numRuns: runs },
    );
    expect(accepted).toBeGreaterThan(runs / 20);
  });
});

it('a config that asks for more experts than any model has is refused before they are counted', async () => {
  const { cases } = readVectors<{ cases: readonly { readonly config: Record<string, unknown> }[] }>('topology');
  const mixtral = cases.find(({ config }) => config['model_type'] === 'mixtral')!.config;
  expect((await expectCode('config-invalid', () => parseTopology({ ...mixtral, num_hidden_layers: 4096, num_local_experts: 65_536 }))).context).toEqual({ field: 'num_hidden_layers' });
  expect(parseTopology({ ...mixtral, num_hidden_layers: 4096, num_local_experts: 256 }).moeLayers).toHaveLength(4096);
});

function replaceAt(object: Record<string, unknown>, [key, ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  const inner = object[key!];
  if (rest.length === 0 || typeof inner !== 'object' || inner === null) return { ...object, [key!]: value };
  return { ...object, [key!]: replaceAt(inner as Record<string, unknown>, rest, value) };
}
