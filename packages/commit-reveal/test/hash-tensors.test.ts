import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { computeTensorLeaf, computeTensorRoot, sha256, toHex, verifyTensorProof } from '../src/index.ts';
import { hashTensors as hashOn, type HashTensorsOptions, type TensorSource } from '../src/node.ts';
import { codeOfAsync } from './code-of.ts';

const WORKER = new URL('../dist/node/hash-worker.js', import.meta.url);
const hashTensors = (sources: Iterable<TensorSource>, options?: HashTensorsOptions) => hashOn(sources, options, WORKER);
const work = mkdtempSync(join(tmpdir(), 'connito-hash-'));
const path = join(work, 'tensors.bin');
const header = (index: number) => ({ name: `tensor.${index}`, dtype: 'U8', shape: [3, index] });
const SIZES = [0, 1, 4095, 4096, 4097, 30_000, 12_288, 100_001, 5, 8192];
const tensors = SIZES.map((size, index) => ({ ...header(index), data: Uint8Array.from({ length: size }, (_, i) => (i * 13 + index) & 255) }));
const offsets = SIZES.map((_, index) => 7 + SIZES.slice(0, index).reduce((sum, size) => sum + size, 0));
writeFileSync(path, Buffer.concat([Buffer.alloc(7), ...tensors.map(({ data }) => data), Buffer.alloc(3)]));
const ROOT = toHex(computeTensorRoot(tensors));
afterAll(() => rmSync(work, { recursive: true }));

function* pieces(data: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += 5000) yield data.subarray(at, at + 5000);
}
const inFile = ({ name, dtype, shape, data }: (typeof tensors)[number], index: number): TensorSource => ({ name, dtype, shape, path, offset: offsets[index] ?? 0, sizeBytes: data.length });
const asStream = ({ name, dtype, shape, data }: (typeof tensors)[number]): TensorSource => ({ name, dtype, shape, chunks: pieces(data), sizeBytes: data.length });
const inShared = (tensor: (typeof tensors)[number]): TensorSource => {
  const data = new Uint8Array(new SharedArrayBuffer(tensor.data.length));
  data.set(tensor.data);
  return { ...tensor, data };
};
const KINDS = { memory: (tensor: (typeof tensors)[number]): TensorSource => tensor, file: inFile, stream: asStream, shared: inShared };

describe('the root on several threads', () => {
  it.each(Object.keys(KINDS).flatMap((kind) => [1, 2, 3].map((threads) => [kind, threads] as const)))('is the root, from %s on %i', async (kind, threads) => {
    const sources = tensors.map(KINDS[kind as keyof typeof KINDS]);
    expect(toHex((await hashTensors(sources, { threads, bufferBytes: 4096 })).root())).toBe(ROOT);
  });

  it('is the root from all kinds together, and proves single tensors', async () => {
    const kinds = Object.values(KINDS);
    const builder = await hashTensors(tensors.map((tensor, index) => (kinds[index % 4] as typeof inFile)(tensor, index)), { bufferBytes: 4096 });
    expect(toHex(builder.root())).toBe(ROOT);
    const tensor = tensors[7] as (typeof tensors)[number];
    const leaf = computeTensorLeaf({ ...tensor, sizeBytes: tensor.data.length, sha256: sha256(tensor.data) });
    expect(verifyTensorProof({ root: builder.root(), leaf, proof: builder.prove('tensor.7') })).toBe(true);
  });

  it('tells files and streams that are shorter or longer than said', async () => {
    const size = (tensors[7] as (typeof tensors)[number]).data.length;
    const stream = asStream(tensors[7] as (typeof tensors)[number]);
    for (const sizeBytes of [size - 1, size + 1]) expect(await codeOfAsync(() => hashTensors([{ ...stream, sizeBytes } as TensorSource]))).toBe('bad-stream');
    expect(await codeOfAsync(() => hashTensors([{ ...header(1), path, offset: 100, sizeBytes: 10 ** 9 }]))).toBe('bad-stream');
    await expect(hashTensors([{ ...header(1), path: join(work, 'absent'), offset: 0, sizeBytes: 1 }])).rejects.toMatchObject({ code: 'ENOENT', path: join(work, 'absent') });
  });

  it('passes on what a stream throws', async () => {
    const failure = new Error('the disk is gone');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      throw failure;
    }
    await expect(hashTensors([{ ...header(1), chunks: broken(), sizeBytes: 100 }, ...tensors.slice(3)])).rejects.toBe(failure);
  });

  it('stops when aborted, with the reason', async () => {
    const reason = new Error('enough');
    await expect(hashTensors(tensors, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        yield new Uint8Array(4096);
        abort.abort(reason);
      }
    }
    await expect(hashTensors([{ ...header(1), chunks: endless(), sizeBytes: 2 ** 40 }], { signal: abort.signal })).rejects.toBe(reason);
  });

  it('refuses before it hashes: names twice, options that are none', async () => {
    const [first, second] = tensors as [(typeof tensors)[number], (typeof tensors)[number]];
    expect(await codeOfAsync(() => hashTensors([first, { ...second, name: first.name }]))).toBe('duplicate-tensor');
    expect(await codeOfAsync(() => hashTensors([{ ...first, name: '\ud800' }]))).toBe('bad-text');
    for (const options of [{ threads: 0 }, { threads: 1.5 }, { threads: 2000 }, { bufferBytes: 100 }, { bufferBytes: 2 ** 30 }]) expect(await codeOfAsync(() => hashTensors(tensors, options))).toBe('out-of-range');
    const empty = await hashTensors([]);
    expect(await codeOfAsync(async () => empty.root())).toBe('no-tensors');
  });

  it('tells of a thread that dies', async () => {
    const dying = new URL(`data:text/javascript,${encodeURIComponent("import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(1));")}`);
    expect(await codeOfAsync(() => hashOn([5, 7].map((index) => inFile(tensors[index] as (typeof tensors)[number], index)), { threads: 2 }, dying))).toBe('hash-thread');
  });
});
