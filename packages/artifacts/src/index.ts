/**
 * Content-addressed artifact stores, verified while streaming.
 *
 * @module
 */
export { MAX_LOCATOR_BYTES, assertSha256, formatLocator, parseLocator, type Locator } from './address.ts';
export { ArtifactError, isArtifactError, type ArtifactErrorCode, type ArtifactErrorContext } from './error.ts';
export { openFileStore } from './file-store.ts';
export type { ArtifactStore, PutOptions, StoredArtifact } from './store.ts';
export { verifyStream, type ArtifactRequest } from './verify.ts';
