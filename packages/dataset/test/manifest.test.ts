import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatManifest, isDatasetError, parseManifest, type DatasetManifest, type ShardEntry } from '../src/index.ts';

const hash = 'ab'.repeat(32);
const shard = (file: string): ShardEntry => ({ file, sha256: hash, sizeBytes: 600, rows: 2, tokens: 256 });
const manifest: DatasetManifest = {
  format: 'connito/dataset/v1',
  seed: 7,
  sequenceLength: 128,
  tokenizer: { vocabularySize: 1024, endOfTextId: 0, files: { 'tokenizer.json': hash, 'tokenizer_config.json': hash } },
  sources: [{ domain: 'target', name: 'mathematics.jsonl', sha256: hash, sizeBytes: 10, documents: 3 }],
  documents: { target: 3, general: 1, duplicates: 0 },
  train: [shard('train-0000.safetensors')],
  heldOut: [shard('held-out-0000.safetensors')],
  general: shard('general.safetensors'),
  test: shard('test.safetensors'),
};

type Json = { [name: string]: Json } & Json[];
const changed = (change: (json: Json) => void): string => {
  const json = JSON.parse(formatManifest(manifest)) as Json;
  change(json);
  return JSON.stringify(json);
};

function codeOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return isDatasetError(error) ? error.code : 'untyped';
  }
}

describe('manifest.json', () => {
  it('comes back from its text, byte for byte', () => {
    const text = formatManifest(manifest);
    expect(parseManifest(text)).toEqual(manifest);
    expect(formatManifest(parseManifest(text))).toBe(text);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['an unknown field', changed((json) => Object.assign(json, { extra: 1 }))],
    ['a prototype', formatManifest(manifest).replace('{', '{"__proto__": {},')],
    ['another format', changed((json) => Object.assign(json, { format: 'connito/dataset/v2' }))],
    ['a negative seed', changed((json) => Object.assign(json, { seed: -1 }))],
    ['a seed beyond 2^53', changed((json) => Object.assign(json, { seed: 2 ** 53 }))],
    ['rows of one token', changed((json) => Object.assign(json, { sequenceLength: 1 }))],
    ['no training shards', changed((json) => Object.assign(json, { train: [] }))],
    ['training shards that are no list', changed((json) => Object.assign(json, { train: {} }))],
    ['an unknown domain', changed((json) => Object.assign(json['sources']?.[0] ?? {}, { domain: 'other' }))],
    ['an empty source name', changed((json) => Object.assign(json['sources']?.[0] ?? {}, { name: '' }))],
    ['an end-of-text outside the vocabulary', changed((json) => Object.assign(json['tokenizer'] ?? {}, { endOfTextId: 1024 }))],
    ['a file with a directory', changed((json) => Object.assign(json['test'] ?? {}, { file: '../test.safetensors' }))],
    ['a file with a line end', changed((json) => Object.assign(json['test'] ?? {}, { file: 'test.safetensors\n' }))],
    ['an uppercase hash', changed((json) => Object.assign(json['test'] ?? {}, { sha256: hash.toUpperCase() }))],
    ['tokens that are not rows', changed((json) => Object.assign(json['test'] ?? {}, { tokens: 255 }))],
    ['no rows', changed((json) => Object.assign(json['test'] ?? {}, { rows: 0, tokens: 0 }))],
  ])('refuses %s', (_, text) => {
    expect(() => parseManifest(text)).toThrow(expect.toSatisfy((error: unknown) => isDatasetError(error, 'malformed-manifest')));
  });

  it('refuses a manifest that lacks any field', () => {
    for (const field of Object.keys(manifest)) {
      const text = changed((json) => delete json[field]);
      expect(() => parseManifest(text)).toThrow(expect.toSatisfy((error: unknown) => isDatasetError(error, 'malformed-manifest')));
    }
  });

  it('never fails untyped', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(manifest)), fc.jsonValue(), (field, value) => {
        expect(codeOf(() => parseManifest(changed((json) => Object.assign(json, { [field]: value }))))).toBeOneOf([undefined, 'malformed-manifest']);
      }),
    );
  });
});
