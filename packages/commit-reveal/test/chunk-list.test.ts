import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeChunkRoot, createChunkList, decodeChunkList, encodeChunkList, fromHex, proveChunk, toHex, verifyChunk, verifyChunkProof, verifyChunks, type ChunkList } from '../src/index.ts';
import { createSha256 } from '../src/node.ts';
import { codeOf, codeOfAsync } from './code-of.ts';

const VECTORS = JSON.parse(readFileSync(new URL('./vectors/vectors.json', import.meta.url), 'utf8')) as {
  readonly chunkLists: readonly { readonly chunkBytes: number; readonly sizeBytes: number; readonly sideFile: string; readonly root: string; readonly lastSiblings: readonly string[] }[];
};
const CHUNK = 1024;
const fileOf = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >>> 8)) & 255);
const listOf = (file: Uint8Array) => createChunkList([file], { chunkBytes: CHUNK });

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function gather(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const out: number[] = [];
  for await (const part of stream) out.push(...part);
  return Uint8Array.from(out);
}

describe('chunk lists', () => {
  it.each(VECTORS.chunkLists)('are those of Python: $sizeBytes bytes by $chunkBytes', async ({ chunkBytes, sizeBytes, sideFile, root, lastSiblings }) => {
    const file = fileOf(sizeBytes);
    const list = await createChunkList(pieces(file, 777), { chunkBytes, createSha256 });
    expect(toHex(encodeChunkList(list))).toBe(sideFile);
    expect(toHex(computeChunkRoot(list))).toBe(root);
    expect(decodeChunkList(fromHex(sideFile), fromHex(root))).toEqual(list);
    const last = list.hashes.length - 1;
    const proof = proveChunk(list, last);
    expect(proof.siblings.map(toHex)).toEqual(lastSiblings);
    expect(verifyChunkProof({ root: fromHex(root), chunk: file.subarray(last * chunkBytes), proof })).toBe(true);
  });

  it('pass a download on as it is, in any pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(5000), fc.integer({ min: 1, max: 2500 }), async (size, piece) => {
        const file = fileOf(size);
        expect(await gather(verifyChunks(pieces(file, piece), await listOf(file)))).toEqual(file);
      }),
      { numRuns: 40 },
    );
  });

  it('stop a download at the first wrong chunk, and fetch no more', async () => {
    const file = fileOf(10 * CHUNK);
    const list = await listOf(file);
    const bad = file.slice();
    bad[3 * CHUNK + 5] = (bad[3 * CHUNK + 5] ?? 0) ^ 1;
    let fetched = 0;
    let passed = 0;
    async function* download(): AsyncGenerator<Uint8Array> {
      for (const piece of pieces(bad, CHUNK)) {
        fetched++;
        yield piece;
      }
    }
    const read = async () => {
      for await (const chunk of verifyChunks(download(), list)) passed += chunk.length;
    };
    await expect(read()).rejects.toMatchObject({ code: 'chunk-mismatch', context: { field: 'chunk 3' } });
    expect(passed).toBe(3 * CHUNK);
    expect(fetched).toBe(5);
  });

  it('tell a download that ends early or goes on, and chunks in the wrong place', async () => {
    const file = fileOf(3 * CHUNK);
    const list = await listOf(file);
    const check = (...parts: readonly Uint8Array[]) => codeOfAsync(() => gather(verifyChunks(parts, list)));
    expect(await check(file.subarray(0, 2 * CHUNK))).toBe('bad-stream');
    expect(await check(file.subarray(0, -1))).toBe('bad-stream');
    expect(await check(file, Uint8Array.of(0))).toBe('bad-stream');
    expect(await check(file.subarray(CHUNK, 2 * CHUNK), file.subarray(0, CHUNK), file.subarray(2 * CHUNK))).toBe('chunk-mismatch');
    const same = await listOf(new Uint8Array(2 * CHUNK));
    expect(same.hashes[0]).not.toEqual(same.hashes[1]);
    expect(verifyChunk(list, { index: 1, chunk: file.subarray(CHUNK, 2 * CHUNK) })).toBe(true);
    expect(verifyChunk(list, { index: 0, chunk: file.subarray(CHUNK, 2 * CHUNK) })).toBe(false);
    expect(verifyChunk(list, { index: 9, chunk: file })).toBe(false);
  });

  it('have a root that nothing else has', async () => {
    const list = await listOf(fileOf(2500));
    const root = computeChunkRoot(list);
    const side = encodeChunkList(list);
    for (let at = 0; at < side.length; at++) {
      const altered = side.slice();
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(['chunk-list', 'chunk-root', 'out-of-range']).toContain(codeOf(() => decodeChunkList(altered, root)));
    }
    expect(codeOf(() => decodeChunkList(side.subarray(0, -1), root))).toBe('chunk-list');
    expect(codeOf(() => decodeChunkList(new Uint8Array(side.length + 1).fill(0), root))).toBe('chunk-list');
    expect(codeOf(() => decodeChunkList(side, root.subarray(1)))).toBe('bad-length');
    expect(codeOf(() => decodeChunkList(side, new Uint8Array(32)))).toBe('chunk-root');
  });

  it('answer any bytes with a code', () => {
    const magic = new TextEncoder().encode('connito/chunks/v1');
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array({ maxLength: 100 }), (hasMagic, noise) => {
        const bytes = hasMagic ? Uint8Array.from([...magic, ...noise]) : noise;
        expect(['chunk-list', 'out-of-range', 'chunk-root']).toContain(codeOf(() => decodeChunkList(bytes, new Uint8Array(32))));
      }),
    );
  });

  it('prove single chunks, and nothing else', async () => {
    const file = fileOf(7 * CHUNK + 3);
    const list = await listOf(file);
    const root = computeChunkRoot(list);
    for (const index of list.hashes.keys()) {
      const chunk = file.subarray(index * CHUNK, (index + 1) * CHUNK);
      const proof = proveChunk(list, index);
      expect(verifyChunkProof({ root, chunk, proof })).toBe(true);
      const wrong = [{ ...proof, index: (index + 1) % 8 }, { ...proof, count: 9 }, { ...proof, sizeBytes: proof.sizeBytes - 1 }, { ...proof, chunkBytes: 2048 }, { ...proof, chunkBytes: 1000 }, { ...proof, index: -1 }, { ...proof, siblings: [] }];
      expect(wrong.map((each) => verifyChunkProof({ root, chunk, proof: each }))).toEqual(wrong.map(() => false));
      expect(verifyChunkProof({ root, chunk: chunk.map((byte) => byte ^ 1), proof })).toBe(false);
    }
  });

  it('refuse shapes that are none', async () => {
    expect(await codeOfAsync(() => createChunkList([], { chunkBytes: 1000 }))).toBe('out-of-range');
    const list: ChunkList = await listOf(fileOf(10));
    expect(codeOf(() => computeChunkRoot({ ...list, sizeBytes: 2000 }))).toBe('chunk-list');
    expect(codeOf(() => computeChunkRoot({ ...list, sizeBytes: 2 ** 50, chunkBytes: 1024 }))).toBe('out-of-range');
    expect(codeOf(() => encodeChunkList({ ...list, hashes: [new Uint8Array(31)] }))).toBe('bad-length');
    for (const index of [-1, 1, 0.5]) expect(codeOf(() => proveChunk(list, index))).toBe('out-of-range');
  });
});
