/** WebAssembly as the referee: one set of bits, whoever computes and however. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { relativeDistance, vectorPath } from './tiny-model.ts';

const demoModel = fileURLToPath(new URL('../../demo-data/model', import.meta.url));
/** Large enough for its products to be shared out between threads. */
const directory = existsSync(`${demoModel}/model.safetensors`) ? demoModel : vectorPath('grouped');

/** 9 rows in a process of its own. */
async function lossesOf(engine: { readonly device: string; readonly threads: number; readonly batchSize: number }): Promise<number[]> {
  const child = fileURLToPath(new URL('child.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child, JSON.stringify({ mode: 'evaluate', directory, engine: { ...engine, sequenceLength: 64 } })], { timeout: 60_000 });
  return (JSON.parse(stdout) as { losses: number[] }).losses;
}

describe('WebAssembly', () => {
  it('gives the same bits in every process, on 1 and 2 threads, and whatever batch a row stands in; native losses are within 1e-6', async () => {
    const first = await lossesOf({ device: 'wasm', threads: 1, batchSize: 8 });
    expect(await lossesOf({ device: 'wasm', threads: 1, batchSize: 8 })).toEqual(first);
    expect(await lossesOf({ device: 'wasm', threads: 2, batchSize: 8 })).toEqual(first);
    expect(await lossesOf({ device: 'wasm', threads: 2, batchSize: 1 })).toEqual(first);
    expect(relativeDistance(await lossesOf({ device: 'cpu', threads: 1, batchSize: 8 }), first)).toBeLessThan(1e-6);
  }, 60_000);
});
