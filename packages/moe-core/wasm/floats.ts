/**
 * bf16 and f16 to float32 and back, in WebAssembly SIMD (AssemblyScript): the results of `src/internal/half-floats-plain.ts`, bit for bit, NaN payloads too. `npm run wasm` in this
 * package builds it into `src/internal/floats-wasm-bytes.ts`; a test builds it again and compares.
 *
 * A batch of up to 16,384 values is converted at once: 32 KiB of halves and 64 KiB of words stay in the second-level cache.
 * @module
 */

/** Room for both sides of a batch; the last vector of a batch that is no multiple of 8 may write beyond its values, not beyond these. */
const halves: usize = memory.data(32768, 16);
const words: usize = memory.data(65536, 16);

export function halvesPointer(): usize {
  return halves;
}

export function wordsPointer(): usize {
  return words;
}

export function widenBf16(count: i32): void {
  const zero = i16x8.splat(0);
  for (let i: usize = 0; i < <usize>count; i += 8) {
    const x = v128.load(halves + (i << 1));
    v128.store(words + (i << 2), v128.shuffle<i16>(zero, x, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(words + (i << 2), v128.shuffle<i16>(zero, x, 4, 12, 5, 13, 6, 14, 7, 15), 16);
  }
}

export function widenF16(count: i32): void {
  for (let i: usize = 0; i < <usize>count; i += 8) {
    const x = v128.load(halves + (i << 1));
    v128.store(words + (i << 2), widenFour(i32x4.extend_low_i16x8_u(x)));
    v128.store(words + (i << 2), widenFour(i32x4.extend_high_i16x8_u(x)), 16);
  }
}

// @ts-ignore: decorator
@inline
function widenFour(x: v128): v128 {
  const sign = i32x4.shl(v128.and(x, i32x4.splat(0x8000)), 16);
  const magnitude = v128.and(x, i32x4.splat(0x7fff));
  const shifted = i32x4.shl(magnitude, 13);
  const normal = i32x4.add(shifted, i32x4.splat(112 << 23));
  // Infinities and NaNs: the exponent goes on from 31 to 255, the payload is kept.
  const special = v128.or(shifted, i32x4.splat(0x7f800000));
  const subnormal = f32x4.mul(f32x4.convert_i32x4_u(magnitude), f32x4.splat(5.9604644775390625e-8));
  const finite = v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x400)));
  return v128.or(sign, v128.bitselect(special, finite, i32x4.ge_s(magnitude, i32x4.splat(0x7c00))));
}

export function narrowBf16(count: i32): void {
  for (let i: usize = 0; i < <usize>count; i += 8) {
    const low = narrowFourBf16(v128.load(words + (i << 2)));
    const high = narrowFourBf16(v128.load(words + (i << 2), 16));
    v128.store(halves + (i << 1), i16x8.narrow_i32x4_u(low, high));
  }
}

// @ts-ignore: decorator
@inline
function narrowFourBf16(bits: v128): v128 {
  const half = i32x4.shr_u(bits, 16);
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(bits, i32x4.splat(0x7fff)), v128.and(half, i32x4.splat(1))), 16);
  // A NaN is cut, and where nothing of its payload is left, made quiet.
  const lost = i32x4.eq(v128.and(half, i32x4.splat(0x7f)), i32x4.splat(0));
  const nan = v128.or(half, v128.and(lost, i32x4.splat(0x40)));
  return v128.bitselect(nan, rounded, i32x4.gt_s(v128.and(bits, i32x4.splat(0x7fffffff)), i32x4.splat(0x7f800000)));
}

export function narrowF16(count: i32): void {
  for (let i: usize = 0; i < <usize>count; i += 8) {
    const low = narrowFourF16(v128.load(words + (i << 2)));
    const high = narrowFourF16(v128.load(words + (i << 2), 16));
    v128.store(halves + (i << 1), i16x8.narrow_i32x4_u(low, high));
  }
}

// @ts-ignore: decorator
@inline
function narrowFourF16(bits: v128): v128 {
  const sign = v128.and(i32x4.shr_u(bits, 16), i32x4.splat(0x8000));
  const magnitude = v128.and(bits, i32x4.splat(0x7fffffff));
  const moved = i32x4.sub(magnitude, i32x4.splat(112 << 23));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(moved, i32x4.splat(0xfff)), v128.and(i32x4.shr_u(moved, 13), i32x4.splat(1))), 13);
  // Below 2^-14: a sum with 1/2, whose last place is 2^-24, rounds to units of that, ties to even.
  const subnormal = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const finite = v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)));
  const infinite = v128.bitselect(i32x4.splat(0x7c00), finite, i32x4.ge_s(magnitude, i32x4.splat(0x477ff000)));
  const payload = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(0x3ff));
  const kept = v128.or(payload, v128.and(i32x4.eq(payload, i32x4.splat(0)), i32x4.splat(0x200)));
  const nan = v128.or(kept, i32x4.splat(0x7c00));
  return v128.or(sign, v128.bitselect(nan, infinite, i32x4.gt_s(magnitude, i32x4.splat(0x7f800000))));
}
