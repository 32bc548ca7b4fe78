/**
 * AdamW's loops in WebAssembly SIMD. Blocks are copied in and out: the tensors are as large as the model and belong to the caller, and the copies stay in the cache.
 *
 * @module
 */
import { BLOCK, type AdamWKernel } from './adamw-kernel.ts';
import { ADAMW_WASM } from './adamw-wasm-bytes.ts';

/** What `wasm/adamw.ts` exports; pointers are byte offsets. */
interface AdamWExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  weightsPointer(): number;
  firstMomentsPointer(): number;
  secondMomentsPointer(): number;
  gradientsPointer(): number;
  update(count: number, beta1: number, beta2: number, gradientScale: number, keep: number, stepSize: number, epsilon: number): void;
  sumOfSquares(count: number): number;
}

/** The part of `WebAssembly` that is used, typed here: lib ES2023 does not have it. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** A new instance, or `undefined` where the host has no WebAssembly SIMD, or forbids to compile. */
export function createWasmKernel(): AdamWKernel | undefined {
  const { WebAssembly } = globalThis as { readonly WebAssembly?: WebAssemblyHost };
  if (WebAssembly === undefined) return undefined;
  try {
    const module = new WebAssembly.Module(Buffer.from(ADAMW_WASM, 'base64'));
    return overExports(new WebAssembly.Instance(module, {}).exports as AdamWExports);
  } catch {
    // The plain kernel gives the same bits.
    return undefined;
  }
}

function overExports(exports: AdamWExports): AdamWKernel {
  const block = (pointer: number): Float32Array => new Float32Array(exports.memory.buffer, pointer, BLOCK);
  const gradients = block(exports.gradientsPointer());
  const state = { weights: block(exports.weightsPointer()), firstMoment: block(exports.firstMomentsPointer()), secondMoment: block(exports.secondMomentsPointer()) };
  return {
    update(tensor, gradient, { betas, gradientScale, keep, stepSize, epsilon }) {
      const pairs = (['weights', 'firstMoment', 'secondMoment'] as const).map((name) => [state[name], tensor[name]] as const);
      for (let from = 0; from < gradient.length; from += BLOCK) {
        const count = Math.min(BLOCK, gradient.length - from);
        gradients.set(gradient.subarray(from, from + count));
        for (const [inside, outside] of pairs) inside.set(outside.subarray(from, from + count));
        exports.update(count, ...betas, gradientScale, keep, stepSize, epsilon);
        for (const [inside, outside] of pairs) outside.set(count === BLOCK ? inside : inside.subarray(0, count), from);
      }
    },
    sumOfSquares(values) {
      const padded = Math.ceil(values.length / 8) * 8;
      gradients.set(values);
      gradients.fill(0, values.length, padded);
      return exports.sumOfSquares(padded);
    },
  };
}
