/**
 * AdamW and the norm of gradients, in WebAssembly SIMD (AssemblyScript): the results of `src/training/adamw-plain.ts`, bit for bit. `npm run wasm` in this
 * package builds it into `src/training/adamw-wasm-bytes.ts`; a test builds it again and compares.
 *
 * A block of 8,192 elements is worked on at once: weights, both moments and the gradient, 32 KiB each, stay in the second-level cache.
 * @module
 */

const weights: usize = memory.data(32768, 16);
const firstMoments: usize = memory.data(32768, 16);
const secondMoments: usize = memory.data(32768, 16);
const gradients: usize = memory.data(32768, 16);

export function weightsPointer(): usize {
  return weights;
}

export function firstMomentsPointer(): usize {
  return firstMoments;
}

export function secondMomentsPointer(): usize {
  return secondMoments;
}

export function gradientsPointer(): usize {
  return gradients;
}

/** Works in vectors: up to 3 elements behind the last are changed, too. */
export function update(count: i32, beta1: f64, beta2: f64, gradientScale: f64, keep: f64, stepSize: f64, epsilon: f64): void {
  const scale = f64x2.splat(gradientScale);
  for (let i: usize = 0; i < <usize>count << 2; i += 16) {
    const g = v128.load(gradients + i);
    const gLow = f64x2.mul(low(g), scale);
    const gHigh = f64x2.mul(high(g), scale);
    const m = v128.load(firstMoments + i);
    const first = narrow(blend(beta1, low(m), gLow), blend(beta1, high(m), gHigh));
    const v = v128.load(secondMoments + i);
    const second = narrow(blendSquare(beta2, low(v), gLow), blendSquare(beta2, high(v), gHigh));
    v128.store(firstMoments + i, first);
    v128.store(secondMoments + i, second);
    const w = v128.load(weights + i);
    const wLow = f64x2.sub(f64x2.mul(low(w), f64x2.splat(keep)), change(low(first), low(second), stepSize, epsilon));
    const wHigh = f64x2.sub(f64x2.mul(high(w), f64x2.splat(keep)), change(high(first), high(second), stepSize, epsilon));
    v128.store(weights + i, narrow(wLow, wHigh));
  }
}

// @ts-ignore: decorator
@inline
function blend(beta: f64, x: v128, g: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.splat(beta), x), f64x2.mul(f64x2.splat(1 - beta), g));
}

// @ts-ignore: decorator
@inline
function blendSquare(beta: f64, x: v128, g: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.splat(beta), x), f64x2.mul(f64x2.mul(f64x2.splat(1 - beta), g), g));
}

// @ts-ignore: decorator
@inline
function change(m: v128, v: v128, stepSize: f64, epsilon: f64): v128 {
  return f64x2.div(f64x2.mul(f64x2.splat(stepSize), m), f64x2.add(f64x2.sqrt(v), f64x2.splat(epsilon)));
}

/** Eight interleaved sums; `count` is a multiple of 8. */
export function sumOfSquares(count: i32): f64 {
  let sum0 = f64x2.splat(0);
  let sum2 = f64x2.splat(0);
  let sum4 = f64x2.splat(0);
  let sum6 = f64x2.splat(0);
  for (let i: usize = 0; i < <usize>count << 2; i += 32) {
    const a = v128.load(gradients + i);
    const b = v128.load(gradients + i, 16);
    sum0 = f64x2.add(sum0, square(low(a)));
    sum2 = f64x2.add(sum2, square(high(a)));
    sum4 = f64x2.add(sum4, square(low(b)));
    sum6 = f64x2.add(sum6, square(high(b)));
  }
  const sum = f64x2.add(f64x2.add(sum0, sum2), f64x2.add(sum4, sum6));
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

// @ts-ignore: decorator
@inline
function square(x: v128): v128 {
  return f64x2.mul(x, x);
}

// @ts-ignore: decorator
@inline
function low(x: v128): v128 {
  return f64x2.promote_low_f32x4(x);
}

// @ts-ignore: decorator
@inline
function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 1));
}

// @ts-ignore: decorator
@inline
function narrow(lowHalf: v128, highHalf: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(lowHalf), f32x4.demote_f64x2_zero(highHalf), 0, 2);
}
