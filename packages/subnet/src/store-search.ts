/**
 * Reading an artifact from several stores: content addresses make their copies interchangeable, so a lost or damaged one costs nothing
 * while another store has it.
 *
 * @module
 */
import { isArtifactError, type ArtifactStore } from '@connito/artifacts';

/** Reads from the first of `stores` that gives the right bytes; rejects with the last one's error where none does. */
export function searchStores(stores: readonly ArtifactStore[]): Pick<ArtifactStore, 'getBytes'> {
  return {
    async getBytes(request) {
      let failure: unknown = new TypeError('searchStores needs at least one store');
      for (const store of stores) {
        try {
          return await store.getBytes(request);
        } catch (error) {
          if (!isArtifactError(error) || error.code === 'aborted') throw error;
          failure = error;
        }
      }
      throw failure;
    },
  };
}
