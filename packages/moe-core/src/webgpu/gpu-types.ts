/**
 * The types of WebGPU, taken from whatever declares them where this package is used: `lib.dom` of TypeScript 6, or `@webgpu/types`.
 *
 * A declaration file can name neither. `@webgpu/types` 0.1.74 contradicts TypeScript 6's `lib.dom` (TS6200, TS2717) and does not compile without a DOM either
 * (`BufferSource`), so with `skipLibCheck: false` a reference to it breaks every consumer; without it and without a DOM, `GPUDevice` is an unknown name.
 * @module
 */
/// <reference types="@webgpu/types" />

/** `GPUDevice` where something declares it, else `unknown`. */
export type GpuDevice = typeof globalThis extends { GPUDevice: { prototype: infer Device } } ? Device : unknown;

/** `GPUBuffer` where something declares it, else `unknown`. */
export type GpuBuffer = typeof globalThis extends { GPUBuffer: { prototype: infer Buffer } } ? Buffer : unknown;

/** `GPUCommandEncoder` where something declares it, else `unknown`. */
export type GpuCommandEncoder = typeof globalThis extends { GPUCommandEncoder: { prototype: infer Encoder } } ? Encoder : unknown;
