import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSafetensors, type Tensor } from '@connito/moe-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeShard, isDatasetError, openShard, takeRows, type DatasetErrorCode } from '../src/index.ts';

const rejectsWith = async (promise: Promise<unknown>, code: DatasetErrorCode): Promise<void> => {
  await expect(promise).rejects.toSatisfy((error) => isDatasetError(error, code));
};
const tensor = (change: Partial<Tensor>): Tensor => ({ name: 'tokens', dtype: 'U16', shape: [2, 2], data: new Uint8Array(8), ...change });
const file = (...changes: Partial<Tensor>[]): Uint8Array => encodeSafetensors(changes.map(tensor));

describe('openShard', () => {
  it('gives back what encodeShard wrote, in U16 or I32', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.constantFrom(1024, 65_536, 65_537, 200_000), fc.nat(), async (sequenceLength, rows, vocabularySize, salt) => {
        const tokens = Int32Array.from({ length: rows * sequenceLength }, (_, i) => (i * 7919 + salt) % vocabularySize);
        const bytes = encodeShard({ tokens, sequenceLength, vocabularySize, split: 'train' });
        const shard = await openShard(bytes, { vocabularySize, sequenceLength });
        expect(shard.tokens).toBeInstanceOf(vocabularySize <= 65_536 ? Uint16Array : Int32Array);
        expect([...shard.tokens]).toEqual([...tokens]);
        expect([shard.rows, shard.sequenceLength]).toEqual([rows, sequenceLength]);
      }),
    );
  });

  it('opens a path and checks hash and size', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'connito-shard-'));
    const path = join(directory, 'shard.safetensors');
    const bytes = encodeShard({ tokens: Int32Array.of(1, 2, 3, 4), sequenceLength: 2, vocabularySize: 5, split: 'test' });
    await writeFile(path, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect((await openShard(path, { vocabularySize: 5, sha256 })).rows).toBe(2);
    await rejectsWith(openShard(path, { vocabularySize: 5, sha256: 'f'.repeat(64) }), 'hash-mismatch');
    await rejectsWith(openShard(path, { vocabularySize: 5, maxBytes: bytes.length - 1 }), 'too-large');
    await rejectsWith(openShard(bytes, { vocabularySize: 5, maxBytes: bytes.length - 1 }), 'too-large');
    await rejectsWith(openShard(join(directory, 'none'), { vocabularySize: 5 }), 'not-found');
    await rm(directory, { recursive: true });
  });

  it.each<[string, Uint8Array]>([
    ['an empty file', new Uint8Array()],
    ['garbage', new Uint8Array(100).fill(0xff)],
    ['no tensor', encodeSafetensors([])],
    ['two tensors', file({}, { name: 'more' })],
    ['another name', file({ name: 'token' })],
    ['floats', file({ dtype: 'F16' })],
    ['signed 16 bit', file({ dtype: 'I16' })],
    ['wide integers', file({ dtype: 'I64', data: new Uint8Array(32) })],
    ['one dimension', file({ shape: [4] })],
    ['three dimensions', file({ shape: [1, 2, 2] })],
    ['no dimension', file({ shape: [], data: new Uint8Array(2) })],
    ['no row', file({ shape: [0, 2], data: new Uint8Array() })],
    ['rows without a token to predict', file({ shape: [4, 1] })],
    ['ids outside the vocabulary', file({ data: Uint8Array.of(0, 0, 9, 0, 10, 0, 0, 0) })],
    ['negative ids', file({ dtype: 'I32', data: Uint8Array.from({ length: 16 }, () => 0xff) })],
  ])('refuses %s', async (_, bytes) => {
    await rejectsWith(openShard(bytes, { vocabularySize: 10 }), 'malformed-shard');
  });

  it('refuses every truncation, and rows of another length', async () => {
    const bytes = encodeShard({ tokens: Int32Array.of(1, 2, 3, 4), sequenceLength: 2, vocabularySize: 5, split: 'test' });
    for (let length = 0; length < bytes.length; length++) await rejectsWith(openShard(bytes.subarray(0, length), { vocabularySize: 5 }), 'malformed-shard');
    await rejectsWith(openShard(bytes, { vocabularySize: 5, sequenceLength: 4 }), 'malformed-shard');
  });

  it('never fails untyped on damaged bytes', async () => {
    const bytes = encodeShard({ tokens: Int32Array.of(1, 2, 3, 4), sequenceLength: 2, vocabularySize: 5, split: 'test' });
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        const error = await openShard(damaged, { vocabularySize: 5 }).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error === undefined || isDatasetError(error, 'malformed-shard')).toBe(true);
      }),
    );
  });
});

describe('encodeShard and takeRows', () => {
  it('refuses ids and lengths that do not fit', () => {
    const malformed = expect.toSatisfy((error: unknown) => isDatasetError(error, 'malformed-shard'));
    expect(() => encodeShard({ tokens: Int32Array.of(1, 5), sequenceLength: 2, vocabularySize: 5, split: 'x' })).toThrow(malformed);
    expect(() => encodeShard({ tokens: Int32Array.of(1, -1), sequenceLength: 2, vocabularySize: 5, split: 'x' })).toThrow(malformed);
    expect(() => encodeShard({ tokens: Int32Array.of(1, 1, 1), sequenceLength: 2, vocabularySize: 5, split: 'x' })).toThrow(malformed);
    expect(() => encodeShard({ tokens: new Int32Array(), sequenceLength: 2, vocabularySize: 5, split: 'x' })).toThrow(malformed);
  });

  it('copies rows in the order given', () => {
    const shard = { tokens: Uint16Array.of(1, 2, 3, 4, 5, 6), rows: 3, sequenceLength: 2 };
    expect(takeRows(shard, [2, 0, 2])).toEqual(Int32Array.of(5, 6, 1, 2, 5, 6));
    for (const row of [-1, 3, 0.5]) expect(() => takeRows(shard, [row])).toThrow(expect.toSatisfy((error: unknown) => isDatasetError(error, 'invalid-option')));
  });
});
