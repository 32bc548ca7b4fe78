import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isArtifactError, openFileStore, type ArtifactErrorCode, type ArtifactStore } from '../src/index.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 }); // flushing to a busy disk can take seconds

const run = promisify(execFile);
const MAX = 64_000_000;
let directory: string;
let store: ArtifactStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'connito-artifacts-'));
  store = await openFileStore(join(directory, 'store'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const pathOf = (hash: string): string => join(directory, 'store', 'sha256', hash.slice(0, 2), hash);
const temporaries = (): Promise<string[]> => readdir(join(directory, 'store', 'tmp'));

async function codeOf(promise: Promise<unknown>): Promise<ArtifactErrorCode> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isArtifactError(error)) throw new Error(`expected an ArtifactError, got ${String(error)}`);
  return error.code;
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<{ bytes: number; error: unknown }> {
  let bytes = 0;
  try {
    for await (const chunk of chunks) bytes += chunk.length;
  } catch (error) {
    return { bytes, error };
  }
  return { bytes, error: undefined };
}

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

describe('put', () => {
  it('stores bytes and streams under the SHA-256 of the content, in the documented layout', async () => {
    const bytes = randomBytes(700_001);
    const fromBytes = await store.put(bytes);
    expect(fromBytes).toEqual({ sha256: sha256(bytes), sizeBytes: bytes.length });
    expect(new Uint8Array(await readFile(pathOf(fromBytes.sha256)))).toEqual(new Uint8Array(bytes));
    expect(await store.put(chunksOf(bytes, 65_537))).toEqual(fromBytes);
    expect(await temporaries()).toEqual([]);
  });

  it('stores the empty artifact', async () => {
    const empty = await store.put(new Uint8Array());
    expect(empty).toEqual({ sha256: sha256(new Uint8Array()), sizeBytes: 0 });
    expect(await store.getBytes({ ...empty, maxBytes: 0 })).toEqual(new Uint8Array());
  });

  it('replaces a damaged copy of the same content, and a symlink in its place', async () => {
    const bytes = randomBytes(1000);
    const stored = await store.put(bytes);
    await truncate(pathOf(stored.sha256), 10);
    await store.put(bytes);
    expect((await store.getBytes({ ...stored, maxBytes: MAX })).length).toBe(1000);
    await rm(pathOf(stored.sha256));
    const victim = join(directory, 'victim');
    await writeFile(victim, 'untouched');
    await symlink(victim, pathOf(stored.sha256));
    await store.put(bytes);
    expect(await readFile(victim, 'utf8')).toBe('untouched');
    expect((await store.getBytes({ ...stored, maxBytes: MAX })).length).toBe(1000);
  });

  it('leaves nothing behind when the source fails, the cap is passed or the caller aborts', async () => {
    const failing = (async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      throw new Error('peer went away');
    })();
    await expect(store.put(failing)).rejects.toThrow('peer went away');
    expect(await codeOf(store.put(chunksOf(randomBytes(100), 10), { maxBytes: 99 }))).toBe('too-large');
    expect(await codeOf(store.put(randomBytes(10), { maxBytes: -1 }))).toBe('invalid-option');
    expect(await codeOf(store.put(randomBytes(10), { signal: AbortSignal.abort() }))).toBe('aborted');
    expect(await temporaries()).toEqual([]);
    expect(await readdir(join(directory, 'store', 'sha256'))).toEqual([]);
  });

  it('refuses a directory in the place of the artifact', async () => {
    const bytes = randomBytes(10);
    await mkdir(join(pathOf(sha256(bytes)), 'x'), { recursive: true });
    expect(await codeOf(store.put(bytes))).toBe('not-a-file');
    expect(await temporaries()).toEqual([]);
  });

  it('survives concurrent writers of several processes', async () => {
    const script = `
      import { openFileStore } from '@connito/artifacts';
      const store = await openFileStore(process.argv[1]);
      for (let i = 0; i < 20; i++) {
        const bytes = new Uint8Array(300_000).fill(i % 4);
        const { sha256, sizeBytes } = await store.put(bytes);
        const back = await store.getBytes({ sha256, sizeBytes, maxBytes: 300_000 });
        if (back.length !== bytes.length) throw new Error('short');
      }`;
    const one = (): Promise<unknown> => run(process.execPath, ['--input-type=module', '-e', script, join(directory, 'store')], { cwd: join(import.meta.dirname, '..') });
    await Promise.all([one(), one(), one()]);
    expect(await temporaries()).toEqual([]);
    for (const value of [0, 1, 2, 3]) {
      const bytes = new Uint8Array(300_000).fill(value);
      expect(await store.getBytes({ sha256: sha256(bytes), maxBytes: 300_000 })).toEqual(bytes);
    }
  });
});

describe('get', () => {
  it('gives back what was stored', async () => {
    const bytes = randomBytes(1_000_003);
    const stored = await store.put(bytes);
    expect(Buffer.compare(await store.getBytes({ ...stored, maxBytes: MAX }), bytes)).toBe(0);
    expect(await drain(store.get({ sha256: stored.sha256, maxBytes: bytes.length }))).toEqual({ bytes: bytes.length, error: undefined });
  });

  it.each([0, 1, 262_143, 262_144, 524_287])('never releases the last chunk of a file whose byte %i was flipped', async (at) => {
    const bytes = randomBytes(524_288);
    const stored = await store.put(bytes);
    const damaged = Uint8Array.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    await writeFile(pathOf(stored.sha256), damaged);
    const { bytes: released, error } = await drain(store.get({ ...stored, maxBytes: MAX }));
    expect(isArtifactError(error, 'hash-mismatch')).toBe(true);
    expect(released).toBe(262_144);
  });

  it('gives typed errors for truncated, longer, absent and oversized artifacts', async () => {
    const stored = await store.put(randomBytes(1000));
    const { sha256: hash } = stored;
    expect(await codeOf(store.getBytes({ sha256: hash, maxBytes: 999 }))).toBe('too-large');
    expect(await codeOf(store.getBytes({ sha256: hash, sizeBytes: 1001, maxBytes: 1000 }))).toBe('too-large');
    expect(await codeOf(store.getBytes({ sha256: hash, sizeBytes: 999, maxBytes: 1000 }))).toBe('size-mismatch');
    await truncate(pathOf(hash), 500);
    expect(await codeOf(store.getBytes({ ...stored, maxBytes: MAX }))).toBe('size-mismatch');
    expect(await codeOf(store.getBytes({ sha256: hash, maxBytes: MAX }))).toBe('hash-mismatch');
    await store.remove(hash);
    expect(await codeOf(store.getBytes({ ...stored, maxBytes: MAX }))).toBe('not-found');
  });

  it('refuses symlinks, directories and FIFOs without reading or blocking', async () => {
    const bytes = randomBytes(50);
    const hash = sha256(bytes);
    const request = { sha256: hash, maxBytes: MAX };
    await mkdir(dirname(pathOf(hash)), { recursive: true });
    await writeFile(join(directory, 'outside'), bytes);
    await symlink(join(directory, 'outside'), pathOf(hash));
    expect(await codeOf(store.getBytes(request))).toBe('not-a-file');
    expect(await codeOf(store.stat(hash))).toBe('not-a-file');
    expect(await codeOf(store.remove(hash))).toBe('not-a-file');
    expect(await store.has(hash)).toBe(false);
    await rm(pathOf(hash));
    await mkdir(pathOf(hash));
    expect(await codeOf(store.getBytes(request))).toBe('not-a-file');
    await rm(pathOf(hash), { recursive: true });
    await run('mkfifo', [pathOf(hash)]);
    expect(await codeOf(store.getBytes(request))).toBe('not-a-file');
  });

  it('reports failures of the disk as io', async () => {
    const bytes = randomBytes(50);
    await writeFile(join(directory, 'store', 'sha256', sha256(bytes).slice(0, 2)), 'a file where a directory belongs');
    expect(await codeOf(store.getBytes({ sha256: sha256(bytes), maxBytes: MAX }))).toBe('io');
    expect(await codeOf(store.put(bytes))).toBe('io');
    await writeFile(join(directory, 'plain'), '');
    expect(await codeOf(openFileStore(join(directory, 'plain')))).toBe('io');
  });

  it.each(['', '..', '../../etc/passwd', `${'A'.repeat(64)}`, `${'a'.repeat(63)}/`, `${'a'.repeat(64)}\n`, `${'a'.repeat(65)}`, `..${'/'.repeat(62)}`, `${'a'.repeat(63)}\0`, 7, null, ['a'.repeat(64)]])(
    'refuses the address %j everywhere',
    async (hostile) => {
      const hash = hostile as string;
      expect(await codeOf(store.getBytes({ sha256: hash, maxBytes: MAX }))).toBe('malformed-hash');
      expect(await codeOf(store.fetchTo(join(directory, 'x'), { sha256: hash, maxBytes: MAX }))).toBe('malformed-hash');
      expect(await codeOf(store.has(hash))).toBe('malformed-hash');
      expect(await codeOf(store.stat(hash))).toBe('malformed-hash');
      expect(await codeOf(store.remove(hash))).toBe('malformed-hash');
    },
  );

  it.each([undefined, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '9'])('refuses the cap %s', async (maxBytes) => {
    const { sha256: hash } = await store.put(randomBytes(5));
    expect(await codeOf(store.getBytes({ sha256: hash, maxBytes: maxBytes as number }))).toBe('invalid-option');
    expect(await codeOf(store.getBytes({ sha256: hash, maxBytes: MAX, sizeBytes: (maxBytes ?? -1) as number }))).toBe('invalid-option');
  });

  it('stops when the caller aborts', async () => {
    const stored = await store.put(randomBytes(1_000_000));
    const controller = new AbortController();
    const stream = store.get({ ...stored, maxBytes: MAX, signal: controller.signal })[Symbol.asyncIterator]();
    await stream.next();
    controller.abort();
    expect(await codeOf(stream.next())).toBe('aborted');
  });
});

describe('fetchTo, stat, has, remove', () => {
  it('writes a verified copy', async () => {
    const bytes = randomBytes(300_000);
    const stored = await store.put(bytes);
    const target = join(directory, 'copies', 'weights.safetensors');
    await mkdir(dirname(target));
    expect(await store.fetchTo(target, { ...stored, maxBytes: MAX })).toEqual(stored);
    expect(Buffer.compare(await readFile(target), bytes)).toBe(0);
    expect(await readdir(dirname(target))).toEqual(['weights.safetensors']);
  });

  it('leaves neither target nor temporary file where the artifact is wrong', async () => {
    const stored = await store.put(randomBytes(300_000));
    await truncate(pathOf(stored.sha256), 299_999);
    expect(await codeOf(store.fetchTo(join(directory, 'copy'), { sha256: stored.sha256, maxBytes: MAX }))).toBe('hash-mismatch');
    expect(await readdir(directory)).toEqual(['store']);
  });

  it('lists and removes', async () => {
    const stored = await store.put(randomBytes(10));
    expect(await store.has(stored.sha256)).toBe(true);
    expect(await store.stat(stored.sha256)).toEqual(stored);
    expect(await store.remove(stored.sha256)).toBe(true);
    expect(await store.remove(stored.sha256)).toBe(false);
    expect(await store.has(stored.sha256)).toBe(false);
    expect(await store.stat(stored.sha256)).toBeUndefined();
  });

  it('removes temporary files of dead writers when it opens, and only those', async () => {
    const tmp = join(directory, 'store', 'tmp');
    for (const name of ['old.part', 'fresh.part', 'old.txt']) await writeFile(join(tmp, name), 'x');
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const name of ['old.part', 'old.txt']) await utimes(join(tmp, name), longAgo, longAgo);
    await openFileStore(join(directory, 'store'));
    expect((await readdir(tmp)).sort()).toEqual(['fresh.part', 'old.txt']);
  });
});
