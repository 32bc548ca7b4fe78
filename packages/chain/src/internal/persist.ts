/**
 * Asking again when only the connection failed.
 * @module
 */
import { isChainError } from '../errors.ts';

/** Between two attempts. */
export const RETRY_PAUSE_MS = 250;

/** How long {@link persist} goes on: a node that is gone for longer is not coming back soon. */
const PATIENCE_MS = 300_000;

/** Whether the connection is to blame: it is made anew, and the same question can be asked again. */
export function isPassing(error: unknown): boolean {
  return isChainError(error, 'disconnected') || isChainError(error, 'timeout');
}

/** Repeats a question (never a deed) until it is answered; the last failure after five minutes. */
export async function persist<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || performance.now() > deadline) throw error;
    }
    await pause(RETRY_PAUSE_MS);
  }
}

export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}
