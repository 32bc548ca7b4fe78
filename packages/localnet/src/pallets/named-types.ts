/**
 * All named types of the runtime: those of calls and storage, and those of runtime APIs.
 * @module
 */
import { apiTypes, selectiveMetagraph } from './api-types.ts';
import { types } from './types.ts';

/** Named types by name. */
export type NamedTypes = typeof types & typeof apiTypes & { readonly SelectiveMetagraph: typeof selectiveMetagraph };

/** The descriptions of {@link NamedTypes}. */
export const namedTypes: NamedTypes = { ...types, ...apiTypes, SelectiveMetagraph: selectiveMetagraph };
