import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isArtifactError, verifyStream } from '../src/index.ts';

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield chunk;
}

const sha256 = (chunks: readonly Uint8Array[]): string => createHash('sha256').update(Buffer.concat(chunks)).digest('hex');
const chunked = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 });

describe('verifyStream', () => {
  it('passes the right content through, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(chunked, async (chunks) => {
        const out: Uint8Array[] = [];
        const sizeBytes = Buffer.concat(chunks).length;
        for await (const chunk of verifyStream(from(chunks), { sha256: sha256(chunks), maxBytes: sizeBytes, sizeBytes })) out.push(chunk);
        expect(Buffer.concat(out)).toEqual(Buffer.concat(chunks));
      }),
    );
  });

  it('never completes nor releases all bytes of a wrong content', async () => {
    await fc.assert(
      fc.asyncProperty(chunked, chunked, async (chunks, other) => {
        fc.pre(!Buffer.concat(chunks).equals(Buffer.concat(other)));
        let released = 0;
        let error: unknown;
        try {
          for await (const chunk of verifyStream(from(other), { sha256: sha256(chunks), maxBytes: 1000 })) released += chunk.length;
        } catch (reason) {
          error = reason;
        }
        expect(isArtifactError(error, 'hash-mismatch')).toBe(true);
        const total = Buffer.concat(other).length;
        expect(total === 0 ? released === 0 : released < total).toBe(true);
      }),
    );
  });

  it('stops at the cap without reading on', async () => {
    let read = 0;
    const endless = (async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        read += 1000;
        yield new Uint8Array(1000);
      }
    })();
    const consume = async (): Promise<void> => {
      for await (const _ of verifyStream(endless, { sha256: 'a'.repeat(64), maxBytes: 10_000 }));
    };
    await expect(consume()).rejects.toThrow(expect.toSatisfy((error: unknown) => isArtifactError(error, 'too-large')));
    expect(read).toBe(11_000);
  });
});
