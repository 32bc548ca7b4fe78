import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressUpdate, createUpdateCompressor, decompressUpdate, isMoeError, parseCompressedUpdateHeader, type CompressionRule, type ExpertWeights, type ValueBits } from '../../src/index.ts';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);

const rule: fc.Arbitrary<CompressionRule> = fc
  .record({ chunkSize: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 65_536 })), share: fc.double({ min: 0, max: 1, noNaN: true }), valueBits: fc.constantFrom<ValueBits>(1, 2, 4, 8, 32) })
  .map(({ chunkSize, share, valueBits }) => ({ chunkSize, keep: Math.max(1, Math.min(chunkSize, Math.ceil(share * chunkSize))), valueBits }));
// Few different values make ties, many zeros make chunks that are not full.
const value = fc.oneof(fc.constant(0), fc.constantFrom(-0, 1, -1, 2), fc.float({ noNaN: true, min: -(2 ** 100), max: 2 ** 100 }));
const text = fc.string({ unit: 'grapheme', maxLength: 8 });
const shape = fc.array(fc.nat(9), { maxLength: 3 });

/** Updates of the same shapes, one after the other. */
const updates: fc.Arbitrary<ExpertWeights[]> = fc.dictionary(text, shape, { maxKeys: 4 }).chain((shapes) => {
  const entries = Object.entries(shapes).map(([name, axes]) => {
    const size = axes.reduce((a, b) => a * b, 1);
    return fc.array(value, { minLength: size, maxLength: size }).map((values) => [name, { shape: axes, data: Float32Array.from(values) }] as const);
  });
  return fc.array(fc.tuple(...entries).map((list): ExpertWeights => new Map(list)), { minLength: 1, maxLength: 3 });
});

const bitsOf = (data: Float32Array): Int32Array => new Int32Array(data.slice().buffer);

describe('compressed updates', () => {
  it('decode to what was said to be sent; sent and residual add up; the order of a map does not matter', () => {
    fc.assert(
      fc.property(updates, rule, fc.dictionary(text, text, { maxKeys: 3 }), fc.double({ min: 0, max: 1, noNaN: true }), (list, options, metadata, decay) => {
        let residual: ExpertWeights | undefined;
        for (const update of list) {
          const next = compressUpdate(update, { ...options, metadata, decay, residual });
          const decoded = decompressUpdate(next.bytes, { expected: update });
          expect(decoded.update).toEqual(next.sent);
          expect({ rule: decoded.rule, metadata: Object.fromEntries(decoded.metadata) }).toEqual({ rule: options, metadata: { ...metadata } });
          for (const [name, { data }] of update) {
            const sent = next.sent.get(name)!.data;
            const expected = data.map((delta, i) => Math.fround(Math.fround(Math.fround(Math.fround(decay) * (residual?.get(name)!.data[i] ?? 0)) + delta) - sent[i]!));
            expect(bitsOf(next.residual.get(name)!.data.map((x) => x + 0))).toEqual(bitsOf(expected.map((x) => x + 0)));
          }
          expect(compressUpdate(new Map([...update].toReversed()), { ...options, metadata, decay, residual }).bytes).toEqual(next.bytes);
          residual = next.residual;
        }
      }),
      { numRuns },
    );
  });

  it('both kernels give the same bytes and the same residual', () => {
    fc.assert(
      fc.property(updates, rule, (list, options) => {
        const [wasm, plain] = (['wasm', 'typescript'] as const).map((kernel) => createUpdateCompressor({ ...options, kernel }));
        for (const update of list) {
          expect(wasm!.compress(update)).toEqual(plain!.compress(update));
          expect(wasm!.residual).toEqual(plain!.residual);
        }
      }),
      { numRuns },
    );
  });

  it('both kernels on chunks of real sizes, with scales that jump, ties and zeros', () => {
    const kind = fc.constantFrom('normal', 'few values', 'sparse', 'zero', 'steep');
    fc.assert(
      fc.property(fc.array(fc.record({ kind, scale: fc.integer({ min: -30, max: 30 }) }), { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 600 }), fc.nat(), (chunks, chunkSize, seed) => {
        const next = randomSequence(seed);
        const data = Float32Array.from(chunks.flatMap((chunk) => Array.from({ length: chunkSize - (chunkSize > 9 ? 3 : 0) }, () => drawValue(chunk.kind, next) * 2 ** chunk.scale)));
        const update: ExpertWeights = new Map([['w', { shape: [data.length], data }]]);
        const [wasm, plain] = (['wasm', 'typescript'] as const).map((kernel) => createUpdateCompressor({ chunkSize, keep: Math.ceil(chunkSize / 20), kernel }));
        for (let step = 0; step < 3; step++) expect(wasm!.compress(update)).toEqual(plain!.compress(update));
        expect(wasm!.residual).toEqual(plain!.residual);
      }),
      { numRuns: Math.ceil(numRuns / 5) },
    );
  });

  it('a changed file fails with a code, or is the one encoding of what it decodes to', () => {
    const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), byte: fc.nat(255), kind: fc.constantFrom('set', 'flip', 'insert', 'delete', 'cut') });
    fc.assert(
      fc.property(updates, rule, fc.array(change, { minLength: 1, maxLength: 3 }), ([update], options, changes) => {
        const bytes = [...compressUpdate(update!, { ...options, metadata: { salt: '0f' } }).bytes];
        for (const { at, byte, kind } of changes) {
          const position = Math.floor(at * bytes.length);
          if (kind === 'cut') bytes.length = position;
          else if (kind === 'flip') bytes[position]! ^= 1 << (byte & 7);
          else bytes.splice(position, kind === 'insert' ? 0 : 1, ...(kind === 'delete' ? [] : [byte]));
        }
        assertCanonicalOrCode(Uint8Array.from(bytes));
      }),
      { numRuns },
    );
  });

  it('changed streams behind an intact header fail with a code, or are canonical', () => {
    fc.assert(
      fc.property(updates, rule, fc.infiniteStream(fc.nat(255)), ([update], options, random) => {
        const { bytes } = compressUpdate(update!, options);
        const { dataOffset } = parseCompressedUpdateHeader(bytes);
        for (let i = dataOffset; i < bytes.length; i++) bytes[i]! ^= random.next().value! & random.next().value! & random.next().value!;
        assertCanonicalOrCode(bytes);
      }),
      { numRuns },
    );
  });

  it('random bytes behind the magic fail with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        const bytes = Uint8Array.from([...new TextEncoder().encode('MOEUPD01'), random.length & 0xff, 0, 0, 0, ...random]);
        assertCanonicalOrCode(bytes);
      }),
      { numRuns },
    );
  });
});

function randomSequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function drawValue(kind: string, next: () => number): number {
  const uniform = next() + next() + next() - 1.5;
  if (kind === 'few values') return Math.round(uniform * 2);
  if (kind === 'sparse') return next() < 0.03 ? uniform : 0;
  if (kind === 'steep') return uniform * 2 ** Math.round(next() * 40);
  return kind === 'zero' ? 0 : uniform;
}

/** Decodes against the file's own shapes where they are small, so that the streams are reached. */
function assertCanonicalOrCode(bytes: Uint8Array): void {
  try {
    const { tensors } = parseCompressedUpdateHeader(bytes);
    const elements = tensors.reduce((sum, tensor) => sum + tensor.shape.reduce((a, b) => a * b, 1), 0);
    if (elements > 100_000) return;
    const { update, metadata, rule: options } = decompressUpdate(bytes, { expected: new Map(tensors.map((tensor) => [tensor.name, tensor])) });
    expect(compressUpdate(update, { ...options, metadata }).bytes).toEqual(bytes);
  } catch (error) {
    if (!isMoeError(error)) throw error;
  }
}
