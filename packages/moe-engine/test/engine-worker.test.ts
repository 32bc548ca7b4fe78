import { describe, expect, it } from 'vitest';
import { startEngineWorker } from '../src/runtime/engine-worker.ts';

const entry = (source: string): URL => new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${source}`)}`);
const request = { kind: 'routing', tokens: new Int32Array(1) } as const;

describe('a worker that dies', () => {
  it('rejects what waits for it and what comes later: exit', async () => {
    const worker = startEngineWorker(entry(`parentPort.on('message', () => process.exit(3));`));
    await expect(worker.call(request)).rejects.toMatchObject({ code: 'worker-crashed', context: { exitCode: 3 } });
    await expect(worker.call(request)).rejects.toMatchObject({ code: 'worker-crashed' });
    await worker.close();
  });

  it('rejects with the cause: uncaught error', async () => {
    const worker = startEngineWorker(entry(`parentPort.on('message', () => { throw new RangeError('out of everything'); });`));
    await expect(worker.call(request)).rejects.toMatchObject({ code: 'worker-crashed', cause: { message: 'out of everything' } });
  });
});

describe('an error of the worker', () => {
  it('arrives with code, message, context and the text of its cause', async () => {
    const error = { code: 'runtime-failed', message: 'no', context: { device: 'wasm', during: 'a test' }, cause: 'because' };
    const worker = startEngineWorker(entry(`parentPort.on('message', ({ id, close }) => (close ? parentPort.close() : parentPort.postMessage({ id, error: ${JSON.stringify(error)} })));`));
    await expect(worker.call(request)).rejects.toMatchObject({ name: 'MoeEngineError', ...error, cause: { message: 'because' } });
    await worker.close();
  });
});
