import { describe, expect, it, vi } from 'vitest';
import { openRuntime, resolveProvider, type EngineNotice } from '../src/runtime/runtime.ts';
import type { Program } from '../src/model/program.ts';

vi.mock('onnxruntime-node', () => {
  throw new Error('Cannot find package "onnxruntime-node"');
});

describe('without onnxruntime-node', () => {
  it('auto falls back to WebAssembly with one notice', async () => {
    const notices: EngineNotice[] = [];
    const runtime = await openRuntime({ provider: 'auto', threads: 1, onNotice: (notice) => notices.push(notice) });
    expect(runtime.provider).toBe('wasm');
    expect(notices.map((notice) => notice.code)).toEqual(['wasm-fallback']);
    expect(notices[0]!.message).toMatch(/onnxruntime-node.*WebAssembly/);
    expect(await resolveProvider()).toBe('wasm');
  });

  it('native refuses', async () => {
    await expect(openRuntime({ provider: 'native', threads: 1, onNotice: () => expect.unreachable() })).rejects.toMatchObject({ code: 'provider-unavailable', context: { provider: 'native' } });
    await expect(resolveProvider('native')).rejects.toMatchObject({ code: 'provider-unavailable' });
  });

  it('an unknown provider is refused', async () => {
    await expect(resolveProvider('cuda' as never)).rejects.toMatchObject({ code: 'bad-option', context: { option: 'provider' } });
  });
});

describe('a graph that ONNX Runtime does not accept', () => {
  it('is runtime-failed, with the cause', async () => {
    const runtime = await openRuntime({ provider: 'wasm', threads: 1, onNotice: () => expect.unreachable() });
    const broken: Program = { model: Uint8Array.of(1, 2, 3), weights: [], outputs: new Map(), batchSize: 1, sequenceLength: 2 };
    await expect(runtime.createSession(broken)).rejects.toMatchObject({ code: 'runtime-failed', context: { provider: 'wasm', during: 'loading a graph' }, cause: expect.anything() });
  });
});
