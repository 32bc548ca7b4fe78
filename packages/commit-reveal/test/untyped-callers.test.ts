import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as api from '../src/index.ts';
import { createSha256, hashTensors, type TensorSource } from '../src/node.ts';
import { codeOf, codeOfAsync } from './code-of.ts';

const key = new Uint8Array(32).fill(7);
const header = { name: 'a', dtype: 'U8', shape: [4] };
const directory = mkdtempSync(join(tmpdir(), 'connito-untyped-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** As from JavaScript, or from JSON that somebody has parsed. */
const any = (value: unknown): never => value as never;

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

describe('what a caller without types gives instead of bytes', () => {
  it.each<[string, string, () => unknown]>([
    ['toHex', 'bad-length', () => api.toHex(any('ab'))],
    ['fromHex', 'bad-hex', () => api.fromHex(any(undefined))],
    ['decodeRecord', 'bad-length', () => api.decodeRecord([any('0102')])],
    ['decodeRecordFields', 'record-field-kind', () => api.decodeRecordFields([any(null)])],
    ['decodeRecordFields of a raw field', 'bad-length', () => api.decodeRecordFields([any({ kind: 'raw' })])],
    ['encodeRecord', 'record-kind', () => api.encodeRecord(any({ kind: 'constructor' }))],
    ['decodeSheet', 'bad-length', () => api.decodeSheet(any('a'.repeat(566)))],
    ['decryptTimelock', 'bad-length', () => api.decryptTimelock(any('a'.repeat(400)), new Uint8Array(48))],
    ['encryptTimelock', 'bad-length', () => api.encryptTimelock({ publicKey: api.QUICKNET.publicKey, round: 1, plaintext: any('secret') })],
    ['decodePortableTimelock', 'bad-length', () => api.decodePortableTimelock(any('abcd'))],
    ['decodeWeightsPayload', 'bad-length', () => api.decodeWeightsPayload(any('abcd'))],
    ['decodeChunkList', 'bad-length', () => api.decodeChunkList(any('abcd'), key)],
    ['sealBytes', 'bad-length', () => api.sealBytes(any('text'), { key })],
    ['openSealedBytes', 'bad-length', () => api.openSealedBytes(any('text'), { key })],
    ['a tensor of floats', 'bad-length', () => api.computeTensorRoot([{ ...header, data: any(new Float32Array(1)) }], { createSha256 })],
    ['a piece of a tensor', 'bad-stream', () => api.createTensorRoot({ createSha256 }).open({ ...header, sizeBytes: 4 }).update(any('text'))],
    ['encodeBinary16', 'sheet-score', () => api.encodeBinary16(any('5'))],
  ])('is refused by %s: %s', (_, code, run) => {
    expect(codeOf(run)).toBe(code);
  });

  it('is refused where it would pass for an empty stream: bytes themselves', async () => {
    const bytes = any(new Uint8Array(4));
    expect(await codeOfAsync(() => drain(api.sealStream(bytes, { key })))).toBe('bad-stream');
    expect(await codeOfAsync(() => drain(api.openSealStream(bytes, { key })))).toBe('bad-stream');
    expect(await codeOfAsync(() => api.createChunkList(bytes))).toBe('bad-stream');
    const list = await api.createChunkList([new Uint8Array(4)]);
    expect(await codeOfAsync(() => drain(api.verifyChunks(bytes, list)))).toBe('bad-stream');
    expect(await codeOfAsync(() => hashTensors([{ ...header, chunks: bytes, sizeBytes: 4 }], { threads: 1 }))).toBe('bad-stream');
    expect(await codeOfAsync(() => hashTensors([{ ...header, data: any(new Float32Array(1)) }], { threads: 1 }))).toBe('bad-length');
  });

  it('is no place in a file', async () => {
    const path = join(directory, 'four.bin');
    writeFileSync(path, Uint8Array.of(1, 2, 3, 4));
    for (const offset of [-1, 0.5, Number.NaN, any('0'), any(undefined)]) {
      const source: TensorSource = { ...header, path, offset, sizeBytes: 2 };
      expect(await codeOfAsync(() => hashTensors([source], { threads: 1 }))).toBe('out-of-range');
    }
  });

  it('is a malformed proof, and false', async () => {
    const tree = api.createTensorRoot();
    for (const name of ['a', 'b', 'c']) tree.add({ name, dtype: 'U8', shape: [1], data: Uint8Array.of(1) });
    const leaf = api.computeTensorLeaf({ name: 'a', dtype: 'U8', shape: [1], sizeBytes: 1, sha256: api.sha256(Uint8Array.of(1)) });
    const root = tree.root();
    const proof = tree.prove('a');
    expect(api.verifyTensorProof({ root, leaf, proof })).toBe(true);
    const chunk = new Uint8Array(1024);
    const list = await api.createChunkList([chunk, chunk, chunk], { chunkBytes: 1024 });
    const listRoot = api.computeChunkRoot(list);
    const chunkProof = api.proveChunk(list, 1);
    expect(api.verifyChunkProof({ root: listRoot, chunk, proof: chunkProof })).toBe(true);
    const wrong = [undefined, null, 'text', { siblings: undefined }, { siblings: ['a'.repeat(32), 'b'.repeat(32)] }, { siblings: [[], Array.from({ length: 32 }, () => 0)] }, { count: '3' }, { chunkBytes: '1024' }];
    for (const change of wrong) {
      const of = (whole: object) => any(typeof change === 'object' && change !== null ? JSON.parse(JSON.stringify({ ...whole, ...change })) : change);
      expect(api.verifyTensorProof({ root, leaf, proof: of(proof) })).toBe(false);
      expect(api.verifyChunkProof({ root: listRoot, chunk, proof: of(chunkProof) })).toBe(false);
    }
  });
});

describe('numbers that are none', () => {
  it('are no limits and no sizes', () => {
    const sealed = api.sealBytes(new Uint8Array(10), { key });
    expect(codeOf(() => api.openSealedBytes(sealed, { key, maxBytes: Number.NaN }))).toBe('out-of-range');
    expect(codeOf(() => api.openSealedBytes(sealed, { key, maxBytes: -1 }))).toBe('out-of-range');
    expect(codeOf(() => api.sealedSizeBytes(Number.NaN))).toBe('out-of-range');
    expect(codeOf(() => api.sealedSizeBytes(-1))).toBe('out-of-range');
  });

  it('are no binary16', () => {
    for (const bits of [2 ** 32, 2 ** 16, -1, 1.5, Number.NaN, any(undefined)]) expect(codeOf(() => api.decodeBinary16(bits))).toBe('sheet-score');
  });

  it('are no secret key of a beacon', () => {
    for (const fill of [0, 255]) expect(codeOf(() => api.signRound(new Uint8Array(32).fill(fill), 1))).toBe('out-of-range');
  });
});

describe('lists longer than a call can have arguments', () => {
  it('are encoded', () => {
    const count = 2 ** 18;
    const list = { chunkBytes: 1024, sizeBytes: count * 1024, hashes: Array.from({ length: count }, () => key) };
    expect(api.encodeChunkList(list).length).toBe(29 + 32 * count);
    expect(api.computeTensorLeaf({ name: 'a', dtype: 'U8', shape: Array.from({ length: count }, () => 1), sizeBytes: 1, sha256: key }).length).toBe(32);
  });
});
