import { describe, expect, it, vi } from 'vitest';
import { resolveDevice, type EngineNotice } from '../src/runtime/device.ts';
import { openRuntime } from '../src/runtime/runtime.ts';
import type { Program } from '../src/model/program.ts';

vi.mock('onnxruntime-node', () => {
  throw new Error('Cannot find package "onnxruntime-node"');
});

describe('without onnxruntime-node', () => {
  it('auto falls back to WebAssembly with one notice', async () => {
    const notices: EngineNotice[] = [];
    const runtime = await openRuntime({ device: 'auto', threads: 1, onNotice: (notice) => notices.push(notice) });
    expect(runtime.device).toBe('wasm');
    expect(notices.map((notice) => notice.code)).toEqual(['wasm-fallback']);
    expect(notices[0]!.message).toMatch(/onnxruntime-node.*WebAssembly/);
    expect(await resolveDevice()).toBe('wasm');
  });

  it('cpu refuses', async () => {
    await expect(openRuntime({ device: 'cpu', threads: 1, onNotice: () => expect.unreachable() })).rejects.toMatchObject({ code: 'device-unavailable', context: { device: 'cpu' } });
    await expect(resolveDevice('cpu')).rejects.toMatchObject({ code: 'device-unavailable' });
  });

  it('an unknown device is refused', async () => {
    await expect(resolveDevice('native' as never)).rejects.toMatchObject({ code: 'bad-option', context: { option: 'device' } });
  });
});

describe('a graph that ONNX Runtime does not accept', () => {
  it('is runtime-failed, with the cause', async () => {
    const runtime = await openRuntime({ device: 'wasm', threads: 1, onNotice: () => expect.unreachable() });
    const broken: Program = { model: Uint8Array.of(1, 2, 3), weights: [], fed: [], outputs: new Map(), batchSize: 1, sequenceLength: 2, bag: 1 };
    await expect(runtime.createSession(broken)).rejects.toMatchObject({ code: 'runtime-failed', context: { device: 'wasm', during: 'loading a graph' }, cause: expect.anything() });
  });
});
