/** What vectors are run on. */
import { isMoeEngineError } from '../src/error.ts';
import { resolveDevice, type Device } from '../src/runtime/device.ts';

/** A device, or the graphs written for WebGPU on the processor's kernels: what differs there is the graph, not the arithmetic. */
export type VectorDevice = Device | 'webgpu-profile';

/** Whether there is a GPU, if only a software one; says loudly what is not run where there is none. */
export const haveGpu = await resolveDevice('webgpu').then(
  () => true,
  (error: unknown) => {
    if (!isMoeEngineError(error, 'device-unavailable')) throw error;
    console.warn(`SKIPPED: graphs have not been run on a GPU: ${error.message}`);
    return false;
  },
);

/** All vectors run on the first three; on a GPU only with the slow tests, because a software one takes seconds to compile a graph's kernels. */
export const VECTOR_DEVICES: readonly VectorDevice[] = ['cpu', 'wasm', 'webgpu-profile', ...(haveGpu && process.env['CONNITO_SLOW'] !== undefined ? (['webgpu'] as const) : [])];
