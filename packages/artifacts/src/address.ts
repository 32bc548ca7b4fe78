/**
 * Addresses of artifacts: a SHA-256 as 64 lowercase hexadecimal digits, and locators, the short strings in on-chain records
 * that say where the bytes can be had (DESIGN §3.1, `locator:utf8≤90`).
 *
 * A `cas:` locator means "in the content-addressed store that the task's manifest names". The hash stands in the record beside it,
 * so `cas:` alone is enough; `cas:<sha256>` repeats it for people. Other schemes come with other stores.
 *
 * @module
 */
import { MAX_UPDATE_LOCATOR_BYTES } from '@connito/commit-reveal';
import { ArtifactError } from './error.ts';

/** Longest locator in bytes of UTF-8: what DESIGN §3.1 leaves for it in the first field of a commitment. */
export const MAX_LOCATOR_BYTES: number = MAX_UPDATE_LOCATOR_BYTES;

/** Where an artifact can be had. */
export interface Locator {
  readonly scheme: 'cas';
  /** The address, when the locator repeats it. */
  readonly sha256?: string;
}

/**
 * Checks that `value` is a SHA-256 as 64 lowercase hexadecimal digits. Nothing else ever becomes part of a path.
 *
 * @throws {ArtifactError} `malformed-hash`
 */
export function assertSha256(value: unknown): asserts value is string {
  if (typeof value === 'string' && value.length === 64 && /^[0-9a-f]{64}$/.test(value)) return;
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : typeof value;
  throw new ArtifactError('malformed-hash', `expected a SHA-256 as 64 lowercase hexadecimal digits, got ${shown}`);
}

/**
 * Writes a locator: `cas:` or `cas:<sha256>`.
 *
 * @throws {ArtifactError} `malformed-hash`
 */
export function formatLocator(locator: Locator): string {
  if (locator.sha256 === undefined) return 'cas:';
  assertSha256(locator.sha256);
  return `cas:${locator.sha256}`;
}

/**
 * Reads a locator, which comes from another party: anything but `cas:` and `cas:<64 hexadecimal digits>` is refused.
 *
 * @throws {ArtifactError} `malformed-locator`
 */
export function parseLocator(text: string): Locator {
  const match = typeof text === 'string' && text.length <= MAX_LOCATOR_BYTES ? /^cas:([0-9a-f]{64})?$/.exec(text) : null;
  if (match === null || text.endsWith('\n')) {
    const shown = typeof text === 'string' ? JSON.stringify(text.slice(0, MAX_LOCATOR_BYTES)) : typeof text;
    throw new ArtifactError('malformed-locator', `expected a locator "cas:" or "cas:<sha256>", got ${shown}`, { locator: shown });
  }
  return match[1] === undefined ? { scheme: 'cas' } : { scheme: 'cas', sha256: match[1] };
}
