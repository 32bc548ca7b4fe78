import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createEvaluator } from '@connito/moe-engine';
import { describe, expect, it, vi } from 'vitest';
import { resolveDevice, type EngineNotice } from '../src/runtime/device.ts';
import { vectorPath } from './tiny-model.ts';

const disk = vi.hoisted(() => ({ present: new Set<string>() }));
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  return { ...real, existsSync: (path: string) => [...disk.present].some((part) => path.includes(part)) || real.existsSync(path) };
});

const LIBRARY = 'libonnxruntime_providers_cuda.so';
const installed = createRequire(import.meta.url).resolve('onnxruntime-node').replace(/dist.*/, `bin/napi-v6/${process.platform}/${process.arch}/${LIBRARY}`);
const haveCuda = existsSync(installed);

describe('a device by name', () => {
  it.each(['cpu', 'wasm'] as const)('%s is there', async (device) => {
    expect(await resolveDevice(device, { onNotice: () => expect.unreachable() })).toBe(device);
  });

  it.each(['native', 'gpu', ''])('"%s" is refused with the names', async (device) => {
    await expect(resolveDevice(device as never)).rejects.toMatchObject({ code: 'bad-option', context: { option: 'device', expected: 'cpu | wasm | webgpu | cuda | auto', actual: device } });
  });

  it('is an option of that name: `provider` is refused, not left unread', async () => {
    const options = { checkpoint: vectorPath('dense'), sequenceLength: 4, batchSize: 1, provider: 'wasm' };
    await expect(createEvaluator(options)).rejects.toMatchObject({ code: 'bad-option', message: expect.stringMatching(/device: cpu \(once native\) \| wasm/) });
  });
});

describe.skipIf(haveCuda)('CUDA without its provider library', () => {
  it('says what was looked for and what to install', async () => {
    const error = await resolveDevice('cuda').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'device-unavailable', context: { device: 'cuda' } });
    const { message } = error as Error;
    expect(message).toContain(installed);
    expect(message).toMatch(process.platform === 'linux' && process.arch === 'x64' ? /--onnxruntime-node-install=cuda12/ : /Linux x64 only/);
  });

  it('is the same error from inside a worker thread', async () => {
    const options = { checkpoint: vectorPath('dense'), sequenceLength: 4, batchSize: 1, device: 'cuda' as const };
    await expect(createEvaluator(options)).rejects.toMatchObject({ code: 'device-unavailable', message: expect.stringContaining(LIBRARY) });
  });

  it('auto takes the processor without a word', async () => {
    expect(await resolveDevice('auto', { onNotice: () => expect.unreachable() })).toBe('cpu');
  });
});

describe.skipIf(haveCuda)('CUDA whose library does not load', () => {
  it('auto says so and takes the processor; cuda by name refuses with the cause', async () => {
    disk.present = new Set([LIBRARY, '/proc/driver/nvidia/version']);
    const notices: EngineNotice[] = [];
    expect(await resolveDevice('auto', { onNotice: (notice) => notices.push(notice) })).toBe('cpu');
    expect(notices.map(({ code }) => code)).toEqual(['cuda-unusable']);
    expect(notices[0]!.message).toMatch(/cannot compute on it \(.+\).*using the processor/);
    await expect(resolveDevice('cuda')).rejects.toMatchObject({ code: 'device-unavailable', context: { device: 'cuda' }, cause: expect.anything() });
    disk.present.clear();
  });
});
