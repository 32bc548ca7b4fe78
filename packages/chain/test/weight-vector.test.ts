import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChainError, maxUpscale, normaliseWeights } from '../src/index.ts';

const VECTORS = JSON.parse(readFileSync(new URL('./vectors/weights.json', import.meta.url), 'utf8')) as {
  readonly emits: readonly { readonly uids: readonly number[]; readonly weights: readonly string[]; readonly row: readonly (readonly [number, number])[] }[];
  readonly upscales: readonly (readonly [readonly number[], readonly number[]])[];
};

const ROWS = JSON.parse(readFileSync(new URL('./vectors/weight-rows.json', import.meta.url), 'utf8')) as {
  readonly sent: readonly { readonly weights: readonly number[]; readonly uids: readonly number[]; readonly values: readonly number[] }[];
  readonly stored: readonly { readonly values: readonly number[]; readonly stored: readonly number[] }[];
};

/** Python's float.hex(). */
function fromFloatHex(text: string): number {
  const match = /^0x([01])\.([0-9a-f]+)p([+-]\d+)$/.exec(text);
  if (match === null) throw new Error(`not a hexadecimal float: ${text}`);
  const digits = match[2] as string;
  return Number(BigInt(`0x${match[1]}${digits}`)) * 2 ** (Number(match[3]) - 4 * digits.length);
}

describe('weights', () => {
  it('are what the SDK 11.3.0 itself sends and what the runtime\'s own code stores', () => {
    expect(ROWS.sent.length + ROWS.stored.length).toBe(600);
    for (const { weights, uids, values } of ROWS.sent) expect(normaliseWeights(weights.map((weight, uid) => ({ uid, weight })))).toEqual({ uids, values });
    for (const { values, stored } of ROWS.stored) expect(maxUpscale(values)).toEqual(stored);
  });

  it.each(VECTORS.emits)('are what the SDK sends (%#)', ({ uids, weights, row }) => {
    const result = normaliseWeights(uids.map((uid, index) => ({ uid, weight: fromFloatHex(weights[index] as string) })));
    expect(result.uids.map((uid, index) => [uid, result.values[index]])).toEqual(row);
  });

  it.each(VECTORS.upscales)('are scaled as the chain does (%#)', (values, expected) => {
    expect(maxUpscale(values)).toEqual(expected);
  });

  it('are stored as they were sent, whatever they were', () => {
    const weights = fc.uniqueArray(fc.record({ uid: fc.nat(255), weight: fc.double({ min: 0, max: 1e12, noNaN: true }) }), { selector: ({ uid }) => uid, maxLength: 40 });
    fc.assert(
      fc.property(weights, (list) => {
        const { uids, values } = normaliseWeights(list);
        expect(maxUpscale(values)).toEqual(values);
        expect(uids).toEqual(uids.toSorted((a, b) => a - b));
        expect(values.every((value) => value > 0 && value <= 65535)).toBe(true);
        expect(values.includes(65535)).toBe(list.some(({ weight }) => weight > 0));
        expect(normaliseWeights(list.toReversed())).toEqual({ uids, values });
      }),
    );
  });

  it('do not depend on their scale', () => {
    const list = fc.array(fc.nat(1e6), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(list, fc.integer({ min: -30, max: 30 }), (weights, exponent) => {
        const at = (factor: number) => normaliseWeights(weights.map((weight, uid) => ({ uid, weight: weight * factor })));
        expect(at(2 ** exponent)).toEqual(at(1));
      }),
    );
  });

  it('are refused when they are none', () => {
    for (const weight of [-1, Number.NaN, Infinity]) expect(() => normaliseWeights([{ uid: 0, weight }])).toThrow(expect.objectContaining({ code: 'bad-value' }) as Error);
    for (const uid of [-1, 65536, 0.5]) expect(() => normaliseWeights([{ uid, weight: 1 }])).toThrow(expect.objectContaining({ code: 'bad-value' }) as Error);
    expect(() => normaliseWeights([{ uid: 1, weight: 1 }, { uid: 1, weight: 2 }])).toThrow(expect.objectContaining({ code: 'bad-value' }) as Error);
    expect(isChainError(new Error('x'))).toBe(false);
  });
});
