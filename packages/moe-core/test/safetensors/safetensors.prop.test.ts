import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DTYPES, dtypeBits, encodeSafetensors, fromBytes, isMoeError, openSafetensors, type Tensor } from '../../src/index.ts';

const runs = Number(process.env['FUZZ_RUNS'] ?? 300);

const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => text !== '__metadata__' && text !== '__proto__' && !/\p{Surrogate}/u.test(text));
const dtypes = DTYPES.filter((dtype) => dtypeBits(dtype) % 8 === 0);
const tensor: fc.Arbitrary<Tensor> = fc
  .record({ name, dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat(3), { maxLength: 3 }), seed: fc.nat(255) })
  .map(({ seed, ...rest }) => {
    const size = (rest.shape.reduce((a, b) => a * b, 1) * dtypeBits(rest.dtype)) / 8;
    return { ...rest, data: Uint8Array.from({ length: size }, (_, i) => seed + i) };
  });
const tensors = fc.uniqueArray(tensor, { selector: (t) => t.name, maxLength: 6 });
const metadata = fc.dictionary(name, name, { maxKeys: 3 });

describe('safetensors', () => {
  it('round trip', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, metadata, async (list, pairs) => {
        const file = await openSafetensors(fromBytes(encodeSafetensors(list, pairs)));
        expect(Object.fromEntries(file.metadata)).toEqual({ ...pairs });
        expect(file.tensors.size).toBe(list.length);
        for (const expected of list) expect(await file.read(expected.name)).toEqual(expected);
      }),
      { numRuns: runs },
    );
  });

  it('the order given does not matter', () => {
    fc.assert(
      fc.property(tensors, metadata, (list, pairs) => {
        expect(encodeSafetensors(list.toReversed(), pairs)).toEqual(encodeSafetensors(list, pairs));
      }),
      { numRuns: runs },
    );
  });

  it('a changed file opens, or fails with a code', async () => {
    const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), byte: fc.nat(255), kind: fc.constantFrom('set', 'insert', 'delete', 'cut') });
    await fc.assert(
      fc.asyncProperty(tensors, fc.array(change, { minLength: 1, maxLength: 4 }), async (list, changes) => {
        const bytes = [...encodeSafetensors(list, { a: 'b' })];
        for (const { at, byte, kind } of changes) {
          const position = Math.floor(at * bytes.length);
          if (kind === 'cut') bytes.length = position;
          else bytes.splice(position, kind === 'insert' ? 0 : 1, ...(kind === 'delete' ? [] : [byte]));
        }
        await openOrCode(Uint8Array.from(bytes));
      }),
      { numRuns: runs },
    );
  });

  it('any JSON as header opens, or fails with a code', async () => {
    const offset = fc.oneof(fc.nat(8), fc.maxSafeInteger(), fc.double());
    const entry = fc.oneof(
      fc.record({ dtype: fc.oneof(fc.constantFrom(...DTYPES), fc.string()), shape: fc.array(offset, { maxLength: 3 }), data_offsets: fc.array(offset, { maxLength: 3 }) }, { requiredKeys: [] }),
      fc.jsonValue(),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__metadata__', '__proto__')), entry), fc.nat(16), async (header, dataBytes) => {
        const json = new TextEncoder().encode(JSON.stringify(header));
        const bytes = new Uint8Array(8 + json.length + dataBytes);
        new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
        bytes.set(json, 8);
        await openOrCode(bytes);
      }),
      { numRuns: runs },
    );
  });

  it('random bytes fail with a code', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => openOrCode(bytes)),
      { numRuns: runs },
    );
  });
});

async function openOrCode(bytes: Uint8Array): Promise<void> {
  try {
    const file = await openSafetensors(fromBytes(bytes));
    let total = 0;
    for (const info of file.tensors.values()) total += (await file.read(info.name)).data.length;
    expect(total).toBeLessThanOrEqual(bytes.length);
  } catch (error) {
    if (!isMoeError(error)) throw error;
  }
}
