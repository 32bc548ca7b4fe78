/**
 * bf16 and f16 to float32 and back, on bits, where there is no WebAssembly SIMD; the kernel of `wasm/floats.ts` gives the same.
 * @module
 */

/** Float types of two bytes. */
export type HalfDtype = 'BF16' | 'F16';

/** Both directions between halves and float32 bits, over `target.length` values. */
export interface HalfConversion {
  widen(dtype: HalfDtype, halves: Uint8Array, target: Float32Array): void;
  narrow(dtype: HalfDtype, values: Float32Array, target: Uint8Array): void;
}

export const PLAIN_CONVERSION: HalfConversion = { widen, narrow };

function widen(dtype: HalfDtype, bytes: Uint8Array, target: Float32Array): void {
  const bits = new Int32Array(target.buffer, target.byteOffset, target.length);
  // A view where the bytes are aligned, else a copy.
  const halves = bytes.byteOffset % 2 === 0 ? new Uint16Array(bytes.buffer, bytes.byteOffset, target.length) : new Uint16Array(bytes.slice().buffer);
  // bf16 is the upper half of a float32.
  if (dtype === 'BF16') for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  else for (let i = 0; i < bits.length; i++) bits[i] = f16ToBits(halves[i]!);
}

function narrow(dtype: HalfDtype, values: Float32Array, target: Uint8Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  if (dtype === 'BF16') for (let i = 0; i < bits.length; i++) halves[i] = bitsToBf16(bits[i]!);
  else for (let i = 0; i < bits.length; i++) halves[i] = bitsToF16(bits[i]!);
  target.set(new Uint8Array(halves.buffer));
}

function bitsToBf16(bits: number): number {
  const half = bits >>> 16;
  // A NaN whose kept payload would be zero would turn into infinity: set its quiet bit then.
  if ((bits & 0x7fffffff) > 0x7f800000) return (half & 0x7f) === 0 ? half | 0x40 : half;
  // Adding half of the last place, minus one where the last kept bit is 0, rounds ties to even; it may carry into infinity, as it should.
  return (bits + 0x7fff + (half & 1)) >>> 16;
}

function f16ToBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  // Subnormal: mantissa · 2^-24; shift its leading one to bit 10.
  const shift = Math.clz32(mantissa) - 21;
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}

function bitsToF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | (((magnitude >>> 13) & 0x3ff) || 0x200);
  // 65520 = 2^16 − 16 is halfway between the largest f16 and 2^16, and the tie goes to the even 2^16: infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - (112 << 23), 13);
  // Below 2^-14: in units of 2^-24. Under half a unit (2^-25, tie to even) it is zero.
  const shift = 126 - (magnitude >>> 23);
  return shift > 24 ? sign : sign | roundShift((magnitude & 0x7fffff) | 0x800000, shift);
}

/** `value / 2^shift`, to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const half = 2 ** (shift - 1);
  return (value + half - 1 + ((value >>> shift) & 1)) >>> shift;
}
