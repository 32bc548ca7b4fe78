/**
 * bf16 and f16 to float32 and back, by the kernel of `wasm/floats.ts` where the host has WebAssembly SIMD.
 * @module
 */
import { FLOATS_WASM } from './floats-wasm-bytes.ts';
import { PLAIN_CONVERSION, type HalfConversion, type HalfDtype } from './half-floats-plain.ts';

/** What the kernel exports; pointers are byte offsets. */
interface FloatsExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  halvesPointer(): number;
  wordsPointer(): number;
  widenBf16(count: number): void;
  widenF16(count: number): void;
  narrowBf16(count: number): void;
  narrowF16(count: number): void;
}

/** The part of `WebAssembly` that is used, typed here: neither lib ES2023 nor every host has it. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** Values that the kernel takes at once. Copies in and out stay in the second-level cache and cost less than the scalar loop's arithmetic. */
const BATCH = 16_384;

let chosen: HalfConversion | undefined;

/** The faster conversion that this host has; the same bits either way. */
export function halfConversion(): HalfConversion {
  return (chosen ??= createKernelConversion() ?? PLAIN_CONVERSION);
}

/** The kernel, or `undefined` where the host has no WebAssembly SIMD, or forbids to compile. */
export function createKernelConversion(): HalfConversion | undefined {
  const { WebAssembly } = globalThis as { readonly WebAssembly?: WebAssemblyHost };
  if (WebAssembly === undefined) return undefined;
  try {
    const module = new WebAssembly.Module(Uint8Array.from(atob(FLOATS_WASM), (character) => character.charCodeAt(0)));
    return overKernel(new WebAssembly.Instance(module, {}).exports as FloatsExports);
  } catch {
    return undefined;
  }
}

function overKernel(exports: FloatsExports): HalfConversion {
  const halves = new Uint8Array(exports.memory.buffer, exports.halvesPointer(), 2 * BATCH);
  // Words are moved as integers: a copy of floats might quieten NaNs.
  const words = new Int32Array(exports.memory.buffer, exports.wordsPointer(), BATCH);
  const convert = { BF16: [exports.widenBf16, exports.narrowBf16], F16: [exports.widenF16, exports.narrowF16] } as const;
  return {
    widen(dtype: HalfDtype, bytes, target): void {
      const bits = bitsOf(target);
      for (let from = 0; from < bits.length; from += BATCH) {
        const count = Math.min(BATCH, bits.length - from);
        halves.set(bytes.subarray(2 * from, 2 * (from + count)));
        convert[dtype][0](count);
        bits.set(count === BATCH ? words : words.subarray(0, count), from);
      }
    },
    narrow(dtype: HalfDtype, values, target): void {
      const bits = bitsOf(values);
      for (let from = 0; from < bits.length; from += BATCH) {
        const count = Math.min(BATCH, bits.length - from);
        words.set(bits.subarray(from, from + count));
        convert[dtype][1](count);
        target.set(count === BATCH ? halves : halves.subarray(0, 2 * count), 2 * from);
      }
    },
  };
}

function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}
