/**
 * Giving up between two runs of a graph.
 *
 * @module
 */
import { MoeEngineError } from '../error.ts';

/** @throws {aborted} the caller has given up */
export function stopIfCancelled({ isCancelled }: { readonly isCancelled: () => boolean }): void {
  if (isCancelled()) throw new MoeEngineError('aborted', 'the work was aborted by its signal', { completedSteps: undefined });
}
