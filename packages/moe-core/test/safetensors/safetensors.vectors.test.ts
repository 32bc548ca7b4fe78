import { describe, expect, it, test } from 'vitest';
import { encodeSafetensors, fromBytes, isMoeError, openSafetensors, streamSafetensors, type Tensor } from '../../src/index.ts';
import { fromBase64, readVectors } from '../vectors/read-vectors.ts';

interface FileCase {
  readonly name: string;
  readonly metadata: Record<string, string> | null;
  readonly file: string;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: string }[];
}

describe('files of the reference writer', () => {
  const { cases } = readVectors<{ cases: readonly FileCase[] }>('safetensors-files');

  test.each(cases)('$name: read, and written again to the same bytes', async ({ file: base64, metadata, tensors }) => {
    const bytes = fromBase64(base64);
    const file = await openSafetensors(fromBytes(bytes));
    expect(Object.fromEntries(file.metadata)).toEqual(metadata ?? {});
    expect(file.tensors.size).toBe(tensors.length);
    const read: Tensor[] = [];
    for (const { name, shape, data } of tensors) {
      const tensor = await file.read(name);
      expect(tensor.shape).toEqual(shape);
      expect(tensor.data).toEqual(fromBase64(data));
      read.push(tensor);
    }
    expect(encodeSafetensors(read.toReversed(), metadata ?? undefined)).toEqual(bytes);
    const sources = read.map((tensor) => ({ ...tensor, read: async () => tensor.data }));
    const chunks: Uint8Array[] = [];
    for await (const chunk of streamSafetensors(sources, metadata ?? undefined)) chunks.push(chunk);
    expect(new Uint8Array(Buffer.concat(chunks))).toEqual(bytes);
  });
});

/** What this reader refuses, or names otherwise than its case says, where the reference is silent. */
const STRICTER: Readonly<Record<string, string>> = {
  'unknown field': 'safetensors-unknown-field',
  'duplicate tensor': 'json-duplicate-key',
  'duplicate after escapes': 'json-duplicate-key',
  '__proto__ tensor': 'json-forbidden-key',
  'metadata null': 'safetensors-metadata-invalid',
  'metadata duplicate key': 'json-duplicate-key',
  'metadata __proto__': 'json-forbidden-key',
  'long name': 'safetensors-name-too-long',
  'rank 65': 'safetensors-rank-too-large',
};

const REFUSED: Readonly<Record<string, string>> = {
  'empty file': 'safetensors-too-small',
  'seven bytes': 'safetensors-too-small',
  'header length 2^64-1': 'safetensors-header-too-large',
  'header length 2^63': 'safetensors-header-too-large',
  'header length over the cap': 'safetensors-header-too-large',
  'header longer than the file': 'safetensors-header-truncated',
  'header of no bytes': 'safetensors-header-not-object',
  'not UTF-8': 'safetensors-header-not-utf8',
  'byte order mark': 'safetensors-header-not-object',
  'not JSON': 'safetensors-header-not-object',
  array: 'safetensors-header-not-object',
  string: 'safetensors-header-not-object',
  'form feed before': 'safetensors-header-not-object',
  'second value': 'json-invalid',
  unclosed: 'json-invalid',
  'trailing comma': 'json-invalid',
  'nul padding': 'json-invalid',
  'shape leading zero': 'json-invalid',
  'shape NaN': 'json-invalid',
  'lone surrogate': 'json-invalid',
  'raw control character': 'json-invalid',
  'deep nesting': 'json-invalid',
  'duplicate field': 'json-duplicate-key',
  'entry is null': 'safetensors-entry-invalid',
  'entry is an array': 'safetensors-entry-invalid',
  'no dtype': 'safetensors-entry-invalid',
  'no shape': 'safetensors-entry-invalid',
  'no offsets': 'safetensors-entry-invalid',
  'dtype a number': 'safetensors-entry-invalid',
  'shape a number': 'safetensors-entry-invalid',
  'shape of strings': 'safetensors-entry-invalid',
  'one offset': 'safetensors-entry-invalid',
  'three offsets': 'safetensors-entry-invalid',
  'dtype unknown': 'safetensors-unknown-dtype',
  'dtype lower case': 'safetensors-unknown-dtype',
  'dtype of Object.prototype': 'safetensors-unknown-dtype',
  'shape negative': 'safetensors-number-invalid',
  'shape fraction': 'safetensors-number-invalid',
  'shape float': 'safetensors-number-invalid',
  'shape exponent': 'safetensors-number-invalid',
  'shape minus zero': 'safetensors-number-invalid',
  'shape 2^64': 'safetensors-number-invalid',
  'bits overflow': 'safetensors-number-invalid',
  'offset negative': 'safetensors-number-invalid',
  'offset float': 'safetensors-number-invalid',
  'shape product overflows': 'safetensors-size-overflow',
  'shape product overflows to the size': 'safetensors-size-overflow',
  'half a byte': 'safetensors-partial-byte',
  'offsets reversed': 'safetensors-offsets-reversed',
  'offsets too short for the shape': 'safetensors-size-mismatch',
  'offsets too long for the shape': 'safetensors-size-mismatch',
  'offsets beyond the file': 'safetensors-data-truncated',
  'first byte unclaimed': 'safetensors-hole',
  hole: 'safetensors-hole',
  overlap: 'safetensors-overlap',
  'same bytes twice': 'safetensors-overlap',
  'empty tensor inside another': 'safetensors-overlap',
  'trailing byte': 'safetensors-trailing-bytes',
  'metadata array': 'safetensors-metadata-invalid',
  'metadata number': 'safetensors-metadata-invalid',
  'metadata nested': 'safetensors-metadata-invalid',
};

describe('hostile files: whatever the reference reader refuses is refused, by a code of its own', () => {
  const { cases } = readVectors<{ cases: readonly { name: string; file: string; reference: string | null }[] }>('safetensors-hostile');

  test.each(cases)('$name', async ({ name, file, reference }) => {
    const code = await openSafetensors(fromBytes(fromBase64(file))).then(
      () => null,
      (error: unknown) => (isMoeError(error) ? error.code : String(error)),
    );
    expect(code).toBe(reference === null ? (STRICTER[name] ?? null) : REFUSED[name]);
  });

  it('names every refused case', () => {
    const refused = cases.filter(({ reference }) => reference !== null).map(({ name }) => name);
    expect(refused.sort()).toEqual(Object.keys(REFUSED).sort());
  });
});
