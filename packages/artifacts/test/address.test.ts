import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_LOCATOR_BYTES, assertSha256, formatLocator, isArtifactError, parseLocator } from '../src/index.ts';

const hex64 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));

describe('locator', () => {
  it('comes back from its text, which fits the on-chain record', () => {
    fc.assert(
      fc.property(fc.option(hex64, { nil: undefined }), (sha256) => {
        const locator = sha256 === undefined ? ({ scheme: 'cas' } as const) : ({ scheme: 'cas', sha256 } as const);
        const text = formatLocator(locator);
        expect(text.length).toBeLessThanOrEqual(MAX_LOCATOR_BYTES);
        expect(parseLocator(text)).toEqual(locator);
      }),
    );
  });

  it.each(['', 'cas', 'CAS:', 'cas: ', 'cas:\n', ` cas:`, `cas:${'a'.repeat(63)}`, `cas:${'A'.repeat(64)}`, `cas:${'a'.repeat(64)}\n`, 'https://x', 'file:///etc/passwd', `cas:${'a'.repeat(200)}`, 5])(
    'refuses %j',
    (text) => {
      expect(() => parseLocator(text as string)).toThrow(expect.toSatisfy((error: unknown) => isArtifactError(error, 'malformed-locator')));
    },
  );

  it('refuses every other string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!/^cas:([0-9a-f]{64})?$/.test(text));
        expect(() => parseLocator(text)).toThrow(expect.toSatisfy((error: unknown) => isArtifactError(error, 'malformed-locator')));
      }),
    );
  });

  it('refuses to write a malformed hash', () => {
    expect(() => formatLocator({ scheme: 'cas', sha256: '..' })).toThrow(expect.toSatisfy((error: unknown) => isArtifactError(error, 'malformed-hash')));
    expect(() => assertSha256('ab')).toThrow('64 lowercase');
  });
});
