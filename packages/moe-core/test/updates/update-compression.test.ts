import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, test, vi } from 'vitest';
import {
  compressUpdate,
  createUpdateCompressor,
  decompressUpdate,
  fromBytes,
  inspectCompressedUpdate,
  parseCompressedUpdateHeader,
  type CompressionOptions,
  type CompressionRule,
  type ExpertWeights,
  type MoeErrorCode,
} from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { float32FromBase64, fromBase64, readVectors } from '../vectors/read-vectors.ts';

interface Vector {
  readonly title: string;
  readonly rule: CompressionRule;
  readonly metadata: Readonly<Record<string, string>>;
  readonly file: string;
  readonly ours: string;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly input: string; readonly decoded: string; readonly sent: string }[];
}

const { vectors } = readVectors<{ vectors: readonly Vector[] }>('compressed-update');

/** Example of UPDATE-FORMAT.md: rule, tensor and the hex of its code block. */
const EXAMPLE = { chunkSize: 8, keep: 2, valueBits: 2, metadata: { cycle: '7' } } as const;
const exampleUpdate = one([0, 0, 1.5, 0, 0, -0.5, 0, 0, 0, -1.5, 0, 0], [2, 6]);

function one(values: ArrayLike<number>, shape: readonly number[] = [values.length]): ExpertWeights {
  return new Map([['w', { shape, data: Float32Array.from(values) }]]);
}

const bitsOf = (weights: ExpertWeights, name = 'w'): Int32Array => new Int32Array(weights.get(name)!.data.slice().buffer);

function tensorsOf(vector: Vector, field: 'input' | 'decoded' | 'sent'): ExpertWeights {
  return new Map(vector.tensors.map((tensor) => [tensor.name, { shape: tensor.shape, data: float32FromBase64(tensor[field]) }]));
}

/** Roughly normal values from a fixed sequence. */
function normal(count: number, scale = 1e-3): Float32Array {
  let state = 20261124;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Float32Array.from({ length: count }, () => (next() + next() + next() + next() - 2) * scale);
}

describe('the format, against an implementation in Python', () => {
  test.each(vectors)('reads its file: $title', (vector) => {
    const { update, metadata, rule } = decompressUpdate(fromBase64(vector.file), { expected: tensorsOf(vector, 'decoded') });
    expect(rule).toEqual(vector.rule);
    expect(Object.fromEntries(metadata)).toEqual(vector.metadata);
    for (const { name } of vector.tensors) expect(bitsOf(update, name)).toEqual(bitsOf(tensorsOf(vector, 'decoded'), name));
  });

  test.each(vectors)('writes what it has read: $title', (vector) => {
    const { bytes, sent } = compressUpdate(tensorsOf(vector, 'input'), { ...vector.rule, metadata: vector.metadata });
    expect(Buffer.from(bytes).toString('base64')).toBe(vector.ours);
    for (const { name } of vector.tensors) expect(bitsOf(sent, name)).toEqual(bitsOf(tensorsOf(vector, 'sent'), name));
  });

  it('the example of the specification', () => {
    const page = readFileSync(new URL('../../UPDATE-FORMAT.md', import.meta.url), 'utf8');
    const block = /```\n([\s\S]*?)```/.exec(page.slice(page.indexOf('## Example')))![1]!;
    const hex = block.split('\n').map((line) => line.slice(0, 50).replaceAll(' ', '')).join('');
    const { bytes } = compressUpdate(exampleUpdate, EXAMPLE);
    expect(Buffer.from(bytes).toString('hex')).toBe(hex);
    expect(decompressUpdate(bytes, { expected: exampleUpdate }).update).toEqual(exampleUpdate);
  });
});

describe('compressUpdate', () => {
  it('makes an update of two experts more than 200 times smaller, the whole file counted', () => {
    const names = [3, 17].flatMap((expert) => ['gate', 'up', 'down'].map((part) => `model.layers.11.mlp.experts.${expert}.${part}_proj.weight`));
    const update = new Map(names.map((name) => [name, { shape: [256, 1024], data: normal(256 * 1024) }]));
    const { bytes } = compressUpdate(update, { metadata: { format: 'connito/update/v1', kind: 'update', cycle: '12', salt: '00'.repeat(32) } });
    expect((names.length * 256 * 1024 * 4) / bytes.length).toBeGreaterThan(200);
  });

  it('keeps the largest of each chunk, ties to the lower index, and a share of a short chunk', () => {
    const { sent, residual } = compressUpdate(one([1, -3, 2, 3, 0, -1, -1, 1, 1, 5]), { chunkSize: 4, keep: 2, valueBits: 32 });
    expect([...sent.get('w')!.data]).toEqual([0, -3, 0, 3, 0, -1, -1, 0, 0, 5]);
    expect([...residual.get('w')!.data]).toEqual([1, 0, 2, 0, 0, 0, 0, 1, 1, 0]);
  });

  it('adds the residual that decays, and keeps what was not sent, in float32', () => {
    const [first, second] = [normal(1000), normal(2000).subarray(1000)];
    const before = compressUpdate(one(first), { chunkSize: 100, keep: 5 });
    const after = compressUpdate(one(second), { chunkSize: 100, keep: 5, residual: before.residual });
    const decay = Math.fround(0.95);
    const expected = second.map((delta, i) => Math.fround(Math.fround(Math.fround(decay * before.residual.get('w')!.data[i]!) + delta) - after.sent.get('w')!.data[i]!));
    expect(bitsOf(after.residual)).toEqual(bitsOf(one(expected)));
  });

  it('sends everything in the end: what was sent and what is left add up', () => {
    const compressor = createUpdateCompressor({ chunkSize: 64, keep: 4, decay: 1 });
    const update = one(normal(640));
    let sent = new Float32Array(640);
    for (let step = 0; step < 60; step++) {
      const { update: part } = decompressUpdate(compressor.compress(step === 0 ? update : one(new Float32Array(640))), { expected: update });
      sent = sent.map((value, i) => value + part.get('w')!.data[i]!);
    }
    const error = Math.max(...sent.map((value, i) => Math.abs(value - update.get('w')!.data[i]!)));
    expect(error).toBeLessThan(1e-5);
  });

  test.each([
    { title: 'one value a sign', valueBits: 1, levels: [2.5] },
    { title: 'a large and a small level', valueBits: 2, levels: [1.5, 3.5] },
    { title: 'as many levels as values', valueBits: 4, levels: [1, 2, 3, 4] },
    { title: 'float32', valueBits: 32, levels: [] },
  ] as const)('levels are the means of bins: $title', ({ valueBits, levels }) => {
    const { bytes } = compressUpdate(one([1, -2, 3, 4]), { chunkSize: 4, keep: 4, valueBits });
    expect([...parseCompressedUpdateHeader(bytes).tensors[0]!.levels]).toEqual(levels);
  });

  test.each([1, 2, 4, 8, 32] as const)('what the rule can say is sent as it is: %i bits', (valueBits) => {
    const sparse = compressUpdate(one(normal(500)), { chunkSize: 50, keep: 10, valueBits }).sent;
    const again = compressUpdate(sparse, { chunkSize: 50, keep: 10, valueBits });
    expect(again.sent).toEqual(sparse);
    expect(again.residual.get('w')!.data.every((value) => value === 0)).toBe(true);
  });

  it('finds the largest however the scale jumps from chunk to chunk', () => {
    const data = normal(64 * 40, 1);
    data.forEach((value, i) => (data[i] = value * 10 ** ((Math.floor(i / 64) * 7) % 13) * (i % 5 === 0 && i > 1500 ? 0 : 1)));
    const { sent } = compressUpdate(one(data), { chunkSize: 64, keep: 8, valueBits: 32 });
    for (let start = 0; start < data.length; start += 64) {
      const chunk = [...data.subarray(start, start + 64)];
      const largest = chunk.map((value, i) => ({ value, i })).sort((a, b) => Math.abs(b.value) - Math.abs(a.value) || a.i - b.i).slice(0, 8).filter(({ value }) => value !== 0);
      const kept = [...sent.get('w')!.data.subarray(start, start + 64)].map((value, i) => ({ value, i })).filter(({ value }) => value !== 0);
      expect(kept).toEqual(largest.sort((a, b) => a.i - b.i));
    }
  });

  it('both kernels: a gap that is long among short ones, neighbouring magnitudes, the last bits of the streams', () => {
    for (const length of [65_536, 65_473, 4099, 300]) {
      const data = normal(length).map((value, i) => (i < 290 ? 1 + 2 ** -20 * value : 0));
      data[length - 1] = -(1 + 2 ** -23);
      for (const keep of [1, 7, 300]) {
        const [wasm, plain] = (['wasm', 'typescript'] as const).map((kernel) => {
          const compressor = createUpdateCompressor({ chunkSize: 65_536, keep, kernel });
          // What the first leaves decides about the second.
          return [compressor.compress(one(data)), compressor.compress(one(data))];
        });
        expect(wasm).toEqual(plain);
      }
    }
  });

  it('tensors of no, one and only zero elements; −0 counts as zero', () => {
    const update: ExpertWeights = new Map([
      ['empty', { shape: [0, 7], data: new Float32Array(0) }],
      ['scalar', { shape: [], data: Float32Array.of(-2) }],
      ['zero', { shape: [5000], data: new Float32Array(5000).fill(-0) }],
      ['tiny', { shape: [1], data: Float32Array.of(2 ** -149) }],
    ]);
    const { sent, bytes } = compressUpdate(update);
    expect([...sent.get('scalar')!.data, ...sent.get('tiny')!.data]).toEqual([-2, 2 ** -149]);
    expect(bitsOf(sent, 'zero').every((bits) => bits === 0)).toBe(true);
    expect(parseCompressedUpdateHeader(bytes).tensors.map(({ name, kept }) => [name, kept])).toEqual([['empty', 0], ['scalar', 1], ['tiny', 1], ['zero', 0]]);
    expect(decompressUpdate(compressUpdate(new Map()).bytes, { expected: new Map() }).update.size).toBe(0);
  });

  it('changes no input', () => {
    const [update, residual] = [one([1, 2, 3]), one([1, 1, 1])];
    compressUpdate(update, { residual });
    expect([...update.get('w')!.data, ...residual.get('w')!.data]).toEqual([1, 2, 3, 1, 1, 1]);
  });

  it('hands out a copy of the residual', () => {
    for (const kernel of ['wasm', 'typescript'] as const) {
      const compressor = createUpdateCompressor({ kernel, residual: one([1, 2, 3]) });
      compressor.residual!.get('w')!.data.fill(9);
      expect([...compressor.residual!.get('w')!.data]).toEqual([1, 2, 3]);
    }
  });

  it('resumes exactly from a stored residual', () => {
    const updates = [0, 1, 2, 3].map((k) => one(normal(4000).subarray(1000 * k, 1000 * (k + 1))));
    const whole = createUpdateCompressor({ chunkSize: 128, keep: 4 });
    const files = updates.map((update) => whole.compress(update));
    const first = createUpdateCompressor({ chunkSize: 128, keep: 4 });
    first.compress(updates[0]!);
    first.compress(updates[1]!);
    const second = createUpdateCompressor({ chunkSize: 128, keep: 4, residual: first.residual });
    expect([second.compress(updates[2]!), second.compress(updates[3]!)]).toEqual(files.slice(2));
  });

  it('refuses what is not finite, and to go on after it', async () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const compressor = createUpdateCompressor({ residual: one(normal(5000)), decay: 1 });
      const error = await expectCode('experts-not-finite', () => compressor.compress(one(normal(5000).fill(bad, 4999))));
      expect(error.context.tensor).toBe('w');
      expect((await expectCode('update-invalid', () => compressor.compress(one(normal(5000))))).context.field).toBe('residual');
    }
    const largest = one([3.4e38]);
    await expectCode('experts-not-finite', () => compressUpdate(largest, { residual: largest }));
  });

  it('refuses rules, metadata and residuals that do not fit', async () => {
    const update = one([1, 2, 3]);
    const refused = async (options: CompressionOptions): Promise<string> => (await expectCode('update-invalid', () => compressUpdate(update, options))).context.field;
    expect(await refused({ chunkSize: 0 })).toBe('chunkSize');
    expect(await refused({ chunkSize: 65_537 })).toBe('chunkSize');
    expect(await refused({ chunkSize: 10, keep: 11 })).toBe('keep');
    expect(await refused({ keep: 1.5 })).toBe('keep');
    expect(await refused({ valueBits: 3 as 2 })).toBe('valueBits');
    expect(await refused({ decay: 1.1 })).toBe('decay');
    expect(await refused({ decay: Number.NaN })).toBe('decay');
    expect((await expectCode('update-invalid', () => compressUpdate(update, { metadata: { a: '\ud800' } }))).context.field).toBe('metadata');
    expect((await expectCode('update-invalid', () => compressUpdate(update, { metadata: { a: 'x'.repeat(65_536) } }))).context.field).toBe('metadata');
    expect((await expectCode('update-invalid', () => compressUpdate(new Map([['x'.repeat(1025), update.get('w')!]])))).context.field).toBe('name');
    expect((await expectCode('update-invalid', () => compressUpdate(new Map([['w', { shape: [-1, -3], data: new Float32Array(3) }]])))).context.field).toBe('shape');
    await expectCode('tensor-size-unexpected', () => compressUpdate(new Map([['w', { shape: [2], data: new Float32Array(3) }]])));
    await expectCode('tensor-shape-unexpected', () => compressUpdate(update, { residual: one([1, 2]) }));
    await expectCode('experts-mismatch', () => compressUpdate(update, { residual: new Map() }));
  });
});

describe('where WebAssembly has no room', () => {
  afterEach(() => vi.restoreAllMocks());

  const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: { readonly Memory: { readonly prototype: { grow(pages: number): number } } } };
  const updates = [0, 1, 2].map((k) => one(normal(150_000).subarray(50_000 * k, 50_000 * (k + 1))));
  const run = (kernel: 'wasm' | 'typescript' | undefined): unknown => {
    const compressor = createUpdateCompressor({ kernel, residual: updates[2] });
    return [updates.map((update) => compressor.compress(update)), compressor.residual];
  };
  const wanted = run('typescript');

  it('for residuals, they are copied in and out, with the same bytes', () => {
    expect(run('wasm')).toEqual(wanted);
    const grow = WebAssembly.Memory.prototype.grow;
    let calls = 0;
    vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(function (this: object, pages) {
      // The third time is for residuals.
      if (++calls === 3) throw new RangeError('no memory');
      return grow.call(this, pages);
    });
    expect(run('wasm')).toEqual(wanted);
    expect(calls).toBe(3);
  });

  it('for what is kept, TypeScript compresses, and forcing wasm is refused', async () => {
    const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
      throw new RangeError('no memory');
    });
    expect(run(undefined)).toEqual(wanted);
    expect(grow).toHaveBeenCalled();
    expect((await expectCode('update-invalid', () => run('wasm'))).context.field).toBe('kernel');
  });
});

function forbidden(): never {
  throw new Error('blocked by a content security policy');
}

describe('where WebAssembly is missing', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it('TypeScript compresses, and forcing wasm is refused', async () => {
    const wanted = compressUpdate(exampleUpdate, { ...EXAMPLE, kernel: 'wasm' }).bytes;
    vi.stubGlobal('WebAssembly', undefined);
    expect(compressUpdate(exampleUpdate, EXAMPLE).bytes).toEqual(wanted);
    expect((await expectCode('update-invalid', () => compressUpdate(exampleUpdate, { kernel: 'wasm' }))).context.field).toBe('kernel');
    vi.stubGlobal('WebAssembly', { Module: forbidden });
    vi.resetModules();
    const again = await import('../../src/updates/update-compression.ts');
    expect(again.compressUpdate(exampleUpdate, EXAMPLE).bytes).toEqual(wanted);
  });
});

interface Hostile {
  readonly title: string;
  readonly changes: Readonly<Record<number, number>>;
  readonly code: MoeErrorCode;
  /** In the error's context. */
  readonly field?: string;
}

describe('a stranger’s bytes', () => {
  const { bytes } = compressUpdate(exampleUpdate, EXAMPLE);
  const decode = (file: Uint8Array): unknown => decompressUpdate(file, { expected: exampleUpdate });
  /** The example with bytes replaced, by offset (UPDATE-FORMAT.md's block). */
  const changed = (changes: Readonly<Record<number, number>>): Uint8Array => {
    const file = bytes.slice();
    for (const [offset, byte] of Object.entries(changes)) file[Number(offset)] = byte;
    return file;
  };

  it('inspects the header without the data', async () => {
    const reads: number[] = [];
    const source = { ...fromBytes(bytes), read: (offset: number, length: number) => (reads.push(offset + length), fromBytes(bytes).read(offset, length)) };
    const { rule, metadata, tensors, dataOffset } = await inspectCompressedUpdate(source);
    expect({ ...rule, metadata: Object.fromEntries(metadata) }).toEqual(EXAMPLE);
    expect(tensors).toEqual([{ name: 'w', shape: [2, 6], kept: 3, indexBytes: 2, riceParameter: 0, levels: Float32Array.of(0.5, 1.5) }]);
    expect([dataOffset, Math.max(...reads)]).toEqual([67, 67]);
    await expectCode('update-file-unknown', () => inspectCompressedUpdate(fromBytes(new Uint8Array(11))));
  });

  test.each([
    { title: 'another magic', changes: { 0: 0x4e }, code: 'update-file-unknown' },
    { title: 'another version', changes: { 7: 0x32 }, code: 'update-file-unknown' },
    { title: 'a header above the cap', changes: { 11: 2 }, code: 'update-file-too-large' },
    { title: 'a header longer than the file', changes: { 9: 1 }, code: 'update-file-truncated' },
    { title: 'a header cut off in its last tensor', changes: { 8: 54 }, code: 'update-file-header-invalid', field: 'levels' },
    { title: 'a header with more than its tensors', changes: { 8: 56 }, code: 'update-file-header-invalid', field: 'tensors' },
    { title: 'chunks of nothing', changes: { 12: 0 }, code: 'update-file-header-invalid', field: 'chunkSize' },
    { title: 'chunks above the cap', changes: { 15: 1 }, code: 'update-file-header-invalid', field: 'chunkSize' },
    { title: 'more kept than there are', changes: { 16: 9 }, code: 'update-file-header-invalid', field: 'keep' },
    { title: 'three bits a value', changes: { 20: 3 }, code: 'update-file-header-invalid', field: 'valueBits' },
    { title: 'a text beyond the header', changes: { 24: 1 }, code: 'update-file-header-invalid', field: 'metadata' },
    { title: 'text that is not UTF-8', changes: { 25: 0xff }, code: 'update-file-header-invalid', field: 'metadata' },
    { title: 'billions of tensors', changes: { 36: 0xff }, code: 'update-file-header-invalid', field: 'name' },
    { title: 'a rank above the cap', changes: { 40: 65 }, code: 'update-file-header-invalid', field: 'rank' },
    { title: 'more kept than quotas allow', changes: { 49: 4 }, code: 'update-file-header-invalid', field: 'kept' },
    { title: 'too few index bytes for its chunks', changes: { 53: 0 }, code: 'update-file-header-invalid', field: 'indexBytes' },
    { title: 'a Rice parameter above 16', changes: { 57: 17 }, code: 'update-file-header-invalid', field: 'riceParameter' },
    { title: 'three levels for two codes', changes: { 58: 3 }, code: 'update-file-header-invalid', field: 'levels' },
    { title: 'no level for three values', changes: { 58: 0 }, code: 'update-file-header-invalid', field: 'levels' },
    { title: 'levels that do not ascend', changes: { 66: 0x3e }, code: 'update-file-header-invalid', field: 'levels' },
    { title: 'a negative level', changes: { 62: 0xbf }, code: 'update-file-header-invalid', field: 'levels' },
    { title: 'a level of NaN', changes: { 65: 0xff, 66: 0x7f }, code: 'update-file-header-invalid', field: 'levels' },
    { title: 'data cut off', changes: { 53: 3 }, code: 'update-file-truncated' },
    { title: 'another shape', changes: { 45: 5 }, code: 'tensor-shape-unexpected' },
    { title: 'another name', changes: { 39: 0x78 }, code: 'experts-mismatch' },
    { title: 'a gap that leaves its chunk', changes: { 67: 0x80, 68: 0x40 }, code: 'update-file-stream-invalid' },
    { title: 'an index stream without an end', changes: { 68: 0 }, code: 'update-file-stream-invalid' },
    { title: 'padding of the index stream', changes: { 68: 0x41 }, code: 'update-file-stream-invalid' },
    { title: 'fewer values than claimed', changes: { 67: 0x10 }, code: 'update-file-stream-invalid' },
    { title: 'padding of the value stream', changes: { 69: 0x6d }, code: 'update-file-not-canonical' },
    { title: 'a level that no value has', changes: { 69: 0x54 }, code: 'update-file-not-canonical' },
    { title: 'another Rice parameter of the same length', changes: { 57: 1, 67: 0xa5, 68: 0xc0 }, code: 'update-file-not-canonical' },
  ] as const satisfies readonly Hostile[])('refuses $title', async ({ changes, code, ...rest }: Hostile) => {
    const error = await expectCode(code, () => decode(changed(changes)));
    expect(error.context).toMatchObject(rest.field === undefined ? {} : { field: rest.field });
  });

  it('refuses a level index beyond the levels, floats that are not there, and a full chunk that states its count', async () => {
    const three = compressUpdate(one([1, 2, 3]), { chunkSize: 3, keep: 3, valueBits: 4 }).bytes;
    await expectCode('update-file-not-canonical', () => decompressUpdate(Uint8Array.from([...three.slice(0, -2), 0x01, 0x30]), { expected: one([1, 2, 3]) }));
    for (const bad of [0, -0, Number.NaN, Number.POSITIVE_INFINITY]) {
      const file = compressUpdate(one([1, 2]), { chunkSize: 2, keep: 2, valueBits: 32 }).bytes;
      new DataView(file.buffer).setFloat32(file.length - 4, bad, true);
      await expectCode('update-file-not-canonical', () => decompressUpdate(file, { expected: one([1, 2]) }));
    }
    const sparse = compressUpdate(one([1, 2, 0, 0, 0]), { chunkSize: 5, keep: 3, valueBits: 1 }).bytes;
    // A zero bit, then the count 3 in two bits.
    sparse[sparse.length - 2] = 0b0111_1000;
    await expectCode('update-file-stream-invalid', () => decompressUpdate(sparse, { expected: one([1, 2, 0, 0, 0]) }));
  });

  it('refuses names and keys out of order, tensors too few, trailing bytes and files above the cap', async () => {
    await expectCode('update-file-trailing-bytes', () => decode(Uint8Array.from([...bytes, 0])));
    await expectCode('update-file-too-large', () => decompressUpdate(bytes, { expected: exampleUpdate, maxBytes: bytes.length - 1 }));
    await expectCode('experts-mismatch', () => decompressUpdate(bytes, { expected: new Map<string, { readonly shape: readonly number[] }>([...exampleUpdate, ['x', { shape: [1] }]]) }));
    const two = compressUpdate(new Map([...exampleUpdate, ['x', exampleUpdate.get('w')!]]), { metadata: { a: '', b: '' } }).bytes;
    const text = Buffer.from(two).toString('latin1');
    for (const [from, to, field] of [['\x01\0x', '\x01\0w', 'name'], ['\x01\0a', '\x01\0b', 'metadata'], ['\x01\0a', '\x01\0c', 'metadata']] as const) {
      const turned = Uint8Array.from(Buffer.from(text.replace(from, to), 'latin1'));
      expect((await expectCode('update-file-header-invalid', () => parseCompressedUpdateHeader(turned))).context.field).toBe(field);
    }
  });
});
