/**
 * Routing on a GPU: WGSL kernels for a `GPUDevice` that the caller passes. The main entry knows nothing of GPUs.
 * @module
 */
export { createGpuRouter, type GpuRouter, type GpuRouterOptions, type GpuRoutingInput } from './webgpu/gpu-router.ts';
export type { GpuRouting, HostRouting } from './webgpu/gpu-routing.ts';
export type { GpuBuffer, GpuCommandEncoder, GpuDevice } from './webgpu/gpu-types.ts';
export { routeTokensOnGpu, type RouteOnGpu } from './webgpu/route-tokens-on-gpu.ts';
