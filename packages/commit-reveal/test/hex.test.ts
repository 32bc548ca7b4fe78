import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommitRevealError, compareBytes, equalBytes, fromHex, isCommitRevealError, sha256, toHex } from '../src/index.ts';

describe('hex', () => {
  it('round-trips and takes a prefix and capitals', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
    expect(fromHex('0xAbCd')).toEqual(Uint8Array.of(0xab, 0xcd));
  });

  it('refuses everything else', () => {
    for (const text of ['0', 'zz', '0x0g', ' 00', '00\n', '0x0x00']) {
      expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: 'bad-hex' }) as Error);
    }
  });

  it('does not quote what is none, which may be a secret', () => {
    const seed = `${'5ec2e7'.repeat(10)}ff`;
    for (const text of [`${seed}z`, `${seed}a`]) {
      expect(() => fromHex(text)).toThrow(expect.not.objectContaining({ message: expect.stringContaining('5ec2e7') as string }) as Error);
    }
  });
});

describe('bytes', () => {
  it('compare as Buffer.compare does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  it('hash as OpenSSL does', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(toHex(sha256(a, b))).toBe(createHash('sha256').update(a).update(b).digest('hex'));
      }),
    );
  });
});

describe('errors', () => {
  it('are known by their brand, have frozen context and keep their cause', () => {
    const cause = new Error('below');
    const error = new CommitRevealError('bad-hex', 'text', { field: 'x' }, cause);
    expect(isCommitRevealError(error)).toBe(true);
    expect(isCommitRevealError(error, 'bad-hex')).toBe(true);
    expect(isCommitRevealError(error, 'bad-text')).toBe(false);
    expect(isCommitRevealError(new Error('bad-hex'))).toBe(false);
    expect(isCommitRevealError(null)).toBe(false);
    expect(Object.isFrozen(error.context)).toBe(true);
    expect(error.cause).toBe(cause);
  });
});
