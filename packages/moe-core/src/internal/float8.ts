/**
 * The 8-bit float types. Decoding goes through a table of 256 values; encoding rounds to nearest, ties to even (`F8_E8M0`, which has no mantissa, ties up).
 * @see https://arxiv.org/abs/2209.05433 (F8_E4M3, F8_E5M2)
 * @see https://arxiv.org/abs/2206.02915 (the FNUZ types)
 * @see https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf (F8_E8M0)
 * @module
 */

/** Dtypes of a byte that hold floats. */
export type Float8Dtype = 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ' | 'F8_E8M0';

/** A value is (−1)^s · 2^(e − bias) · (1 + m / 2^mantissaBits), subnormal at e = 0. */
interface Layout {
  readonly mantissaBits: number;
  readonly bias: number;
  readonly largest: number;
  /** Code of what is larger than that, without its sign. */
  readonly overflow: number;
  /** Magnitudes above the last finite code that are not NaN. */
  readonly infinity: number | undefined;
  /** One NaN in the place of −0, no infinities. */
  readonly isFnuz: boolean;
}

const LAYOUTS: Readonly<Record<Exclude<Float8Dtype, 'F8_E8M0'>, Layout>> = {
  F8_E4M3: { mantissaBits: 3, bias: 7, largest: 448, overflow: 0x7e, infinity: undefined, isFnuz: false },
  F8_E5M2: { mantissaBits: 2, bias: 15, largest: 57_344, overflow: 0x7c, infinity: 0x7c, isFnuz: false },
  F8_E4M3FNUZ: { mantissaBits: 3, bias: 8, largest: 240, overflow: 0x80, infinity: undefined, isFnuz: true },
  F8_E5M2FNUZ: { mantissaBits: 2, bias: 16, largest: 57_344, overflow: 0x80, infinity: undefined, isFnuz: true },
};

const FNUZ_NAN = 0x80;

/** The 256 values of a dtype. */
export function float8Table(dtype: Float8Dtype): Float32Array {
  return Float32Array.from({ length: 256 }, (_, code) => (dtype === 'F8_E8M0' ? scaleValue(code) : float8Value(code, LAYOUTS[dtype])));
}

/** `2^(code − 127)`; 255 is NaN. */
function scaleValue(code: number): number {
  return code === 255 ? Number.NaN : 2 ** (code - 127);
}

function float8Value(code: number, { mantissaBits, bias, infinity, isFnuz }: Layout): number {
  const sign = code & 0x80 ? -1 : 1;
  const magnitude = code & 0x7f;
  if (isFnuz && code === FNUZ_NAN) return Number.NaN;
  if (magnitude === infinity) return sign * Number.POSITIVE_INFINITY;
  if (!isFnuz && magnitude > (infinity ?? 0x7e)) return Number.NaN;
  const exponent = magnitude >>> mantissaBits;
  const fraction = (magnitude & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

/** Codes of float32 values. */
export function encodeFloat8(values: Float32Array, dtype: Float8Dtype): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const codes = new Uint8Array(values.length);
  if (dtype === 'F8_E8M0') for (let i = 0; i < values.length; i++) codes[i] = scaleCode(bits[i]! & 0x7fffffff);
  else for (let i = 0; i < values.length; i++) codes[i] = signedCode(bits[i]! >>> 31, float8Magnitude(Math.abs(values[i]!), LAYOUTS[dtype]), LAYOUTS[dtype]);
  return codes;
}

/** The exponent of a magnitude's float32 bits, rounded on its leading mantissa bit; below 2^-126 that bit is 2^-127 itself, which is code 0. */
function scaleCode(magnitude: number): number {
  if (magnitude >= 0x7f800000) return 255;
  if (magnitude < 0x800000) return magnitude > 0x400000 ? 1 : 0;
  return (magnitude >>> 23) + ((magnitude >>> 22) & 1);
}

function signedCode(sign: number, magnitude: number, { isFnuz }: Layout): number {
  return isFnuz && (magnitude === 0 || magnitude >= FNUZ_NAN) ? magnitude : (sign << 7) | magnitude;
}

function float8Magnitude(value: number, { mantissaBits, bias, overflow, largest, isFnuz }: Layout): number {
  if (Number.isNaN(value)) return isFnuz ? FNUZ_NAN : 0x7f;
  if (value === Number.POSITIVE_INFINITY) return overflow;
  // In units of the last place of the value's binade; subnormals share the unit of the first one.
  const exponent = Math.max(1 - bias, Math.floor(Math.log2(value || Number.MIN_VALUE)));
  const units = roundHalfEven(value / 2 ** (exponent - mantissaBits));
  if (units * 2 ** (exponent - mantissaBits) > largest) return overflow;
  // A subnormal has units below 2^mantissaBits, and exponent field 0 comes out by itself; rounding up carries into the exponent.
  return ((exponent + bias - 1) << mantissaBits) + units;
}

/** To the nearest integer, ties to even. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  return fraction > 0.5 || (fraction === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
