import type { GpuDevice } from '../../src/webgpu.ts';

/** Dawn's `GPU` ends the process when it is collected while a device of it is used; this keeps it. */
const kept: unknown[] = [];

/** Devices for tests. */
export interface TestGpu {
  readonly name: string;
  /** A new device, with every limit at what the specification guarantees. */
  requestDevice(): Promise<GpuDevice>;
}

/** The first adapter that Dawn finds (npm's `webgpu`; on Linux through Vulkan, where Mesa 25 brings a software one), or `undefined`, loudly. */
export async function findTestGpu(): Promise<TestGpu | undefined> {
  try {
    const { create } = await import('webgpu');
    const gpu = create([]);
    kept.push(gpu);
    const adapter = await gpu.requestAdapter();
    if (adapter === null) throw new Error('no adapter (on Debian 12: mesa-vulkan-drivers from bookworm-backports)');
    // An adapter gives one device in its life.
    const requestDevice = async (): Promise<GpuDevice> => (await gpu.requestAdapter())!.requestDevice();
    return { name: adapter.info.description || adapter.info.device, requestDevice };
  } catch (error) {
    console.warn(`SKIPPED: the GPU kernels have not been run: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
