/**
 * Waiting that ends when a signal says so, whether what is waited for heeds it or not.
 * @module
 */

/** The work's outcome, or the signal's reason once it is aborted; the work itself goes on, unheard. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
