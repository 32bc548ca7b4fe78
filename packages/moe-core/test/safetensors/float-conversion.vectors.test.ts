import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodeFloats, fromFloat32, toFloat32 } from '../../src/index.ts';
import { createKernelConversion } from '../../src/internal/half-floats.ts';
import { PLAIN_CONVERSION } from '../../src/internal/half-floats-plain.ts';
import { expectCode } from '../expect-code.ts';
import { readVectors } from '../vectors/read-vectors.ts';

interface Hashes {
  readonly decodedCount: number;
  readonly decodedSha256: string;
  readonly encodedCount: number;
  readonly encodedSha256: string;
}

const names = ['BF16', 'F16', 'F8_E4M3', 'F8_E5M2', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'F8_E8M0'] as const;
const { lows, types } = readVectors<{ lows: number[]; types: Record<(typeof names)[number], Hashes> }>('float-conversion');

const allCodes = (dtype: (typeof names)[number]): Uint8Array =>
  dtype.startsWith('F8') ? Uint8Array.from({ length: 256 }, (_, code) => code) : new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, code) => code).buffer);

const sha256 = (data: Float32Array | Uint8Array): string =>
  createHash('sha256').update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).digest('hex');

/** Every upper half with each of the generator's lower halves: all ties of bf16 and f16, and their neighbours. */
function encodeInputs(): Float32Array {
  const bits = Uint32Array.from({ length: lows.length * 65_536 }, (_, i) => ((i % 65_536) << 16) | lows[Math.floor(i / 65_536)]!);
  return new Float32Array(bits.buffer).filter((value) => !Number.isNaN(value));
}

describe('against PyTorch', () => {
  test.each(names)('%s: every code to float32', (dtype) => {
    const values = toFloat32({ dtype, data: allCodes(dtype) }).filter((value) => !Number.isNaN(value));
    expect(values.length).toBe(types[dtype].decodedCount);
    expect(sha256(values)).toBe(types[dtype].decodedSha256);
  });

  test.each(names)('%s: 590 thousand float32 patterns, ties among them', (dtype) => {
    const encoded = fromFloat32(encodeInputs(), dtype);
    const isNan = toFloat32({ dtype, data: encoded }).map((value) => (Number.isNaN(value) ? 1 : 0));
    const codes = dtype.startsWith('F8') ? encoded : new Uint16Array(encoded.buffer);
    isNan.forEach((nan, i) => {
      if (nan === 1) codes[i] = dtype.startsWith('F8') ? 0x7f : 0x7fff;
    });
    expect(codes.length).toBe(types[dtype].encodedCount);
    expect(sha256(encoded)).toBe(types[dtype].encodedSha256);
  });
});

describe('the WebAssembly kernel', () => {
  const kernel = createKernelConversion()!;

  test.each(['BF16', 'F16'] as const)('%s: widens as the plain conversion does, every code, and any part of a batch', (dtype) => {
    const codes = allCodes(dtype);
    for (const [from, count] of [[0, 65_536], [1, 16_385], [7, 3], [65_535, 1], [0, 0]] as const) {
      const bytes = codes.slice(2 * from, 2 * (from + count));
      const [fast, plain] = [new Float32Array(count), new Float32Array(count)];
      kernel.widen(dtype, bytes, fast);
      PLAIN_CONVERSION.widen(dtype, bytes, plain);
      expect(new Uint32Array(fast.buffer)).toEqual(new Uint32Array(plain.buffer));
      const unaligned = new Uint8Array(bytes.length + 1);
      unaligned.set(bytes, 1);
      PLAIN_CONVERSION.widen(dtype, unaligned.subarray(1), plain);
      expect(new Uint32Array(fast.buffer)).toEqual(new Uint32Array(plain.buffer));
    }
  });

  test.each(['BF16', 'F16'] as const)('%s: narrows as the plain conversion does, NaNs of all kinds among 590 thousand patterns', (dtype) => {
    const bits = Uint32Array.from({ length: lows.length * 65_536 + 5 }, (_, i) => ((i % 65_536) << 16) | lows[Math.floor(i / 65_536) % lows.length]!);
    const values = new Float32Array(bits.buffer);
    const [fast, plain] = [new Uint8Array(2 * values.length), new Uint8Array(2 * values.length)];
    kernel.narrow(dtype, values, fast);
    PLAIN_CONVERSION.narrow(dtype, values, plain);
    expect(sha256(fast)).toBe(sha256(plain));
  });
});

describe('round trips', () => {
  test.each(['BF16', 'F16'] as const)('%s: all 65,536 patterns, NaN payloads too', (dtype) => {
    const codes = allCodes(dtype);
    expect(fromFloat32(toFloat32({ dtype, data: codes }), dtype)).toEqual(codes);
  });

  test.each(names.filter((name) => name.startsWith('F8')))('%s: all 256 patterns, NaNs as NaN', (dtype) => {
    const codes = allCodes(dtype);
    const back = fromFloat32(toFloat32({ dtype, data: codes }), dtype);
    expect(toFloat32({ dtype, data: back })).toEqual(toFloat32({ dtype, data: codes }));
  });

  test('F32 and F64', () => {
    const values = Float32Array.of(0, -0, 1.5, 3.4e38, 1e-45, Number.NaN, Number.NEGATIVE_INFINITY);
    expect(toFloat32({ dtype: 'F32', data: fromFloat32(values, 'F32') })).toEqual(values);
    expect(toFloat32({ dtype: 'F64', data: fromFloat32(values, 'F64') })).toEqual(values);
    expect(toFloat32({ dtype: 'F64', data: new Uint8Array(Float64Array.of(0.1, 1e300).buffer) })).toEqual(Float32Array.of(0.1, Number.POSITIVE_INFINITY));
  });

  test('a NaN stays one, whatever its payload', () => {
    const nans = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001, 0x7fc00000, 0x7fffffff).buffer);
    for (const dtype of names) {
      expect(toFloat32({ dtype, data: fromFloat32(nans, dtype) }).every(Number.isNaN)).toBe(true);
    }
  });

  test('into an array that is there already', async () => {
    const target = new Float32Array(3).subarray(1);
    decodeFloats({ dtype: 'BF16', data: Uint8Array.of(0x80, 0x3f, 0, 0x40) }, target);
    expect([...target]).toEqual([1, 2]);
    decodeFloats({ dtype: 'F32', data: new Uint8Array(Float32Array.of(3, 4).buffer) }, target);
    expect([...target]).toEqual([3, 4]);
    expect((await expectCode('tensor-size-unexpected', () => decodeFloats({ dtype: 'F16', data: new Uint8Array(2) }, target))).context).toEqual({ tensor: '', expected: 1, actual: 2 });
    await expectCode('dtype-not-convertible', () => decodeFloats({ dtype: 'I64', data: new Uint8Array(8) }, target));
  });

  test('other types are refused by name', async () => {
    await expectCode('dtype-not-convertible', () => toFloat32({ dtype: 'I8', data: new Uint8Array(1) }));
    expect((await expectCode('dtype-not-convertible', () => fromFloat32(new Float32Array(1), 'F4'))).context).toEqual({ dtype: 'F4' });
  });
});
