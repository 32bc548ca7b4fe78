/**
 * SHA-256 by OpenSSL.
 * @module
 */
import { createHash } from 'node:crypto';
import type { CreateSha256 } from '../sha256.ts';

/**
 * Native SHA-256; pass it where a `createSha256` is taken.
 * @example computeTensorRoot(tensors, { createSha256 })
 */
export const createSha256: CreateSha256 = () => {
  const hash = createHash('sha256');
  return {
    update: (bytes) => hash.update(bytes),
    // A Buffer would be a Uint8Array with other toString and slice semantics: give the plain thing.
    digest: () => new Uint8Array(hash.digest()),
  };
};
