/**
 * The main thread's end of an engine: starts the worker thread, matches answers to questions, notices its death.
 *
 * @module
 */
import { Worker, type TransferListItem } from 'node:worker_threads';
import { fromPortableError, isMoeEngineError, MoeEngineError } from './error.ts';
import type { EngineEvent, EngineRequest, EngineResponses, RequestMessage, ResponseMessage } from './messages.ts';

/** How one request is made. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: EngineEvent) => void) | undefined;
  readonly transfer?: readonly TransferListItem[];
}

/** A running worker thread. It keeps the process alive only while it has something to answer. */
export interface EngineWorker {
  /**
   * @throws {aborted} the signal was aborted; whatever the worker's answer says
   * @throws {worker-crashed} the worker died before it answered
   */
  call<Request extends EngineRequest>(request: Request, options?: CallOptions): Promise<EngineResponses[Request['kind']]>;
  /** Ends the thread; what is still unanswered rejects with `closed`. */
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onEvent: ((event: EngineEvent) => void) | undefined;
  readonly cancel: Int32Array;
}

/** Starts a worker thread; `entry` is another one than the package's in tests. */
export function startEngineWorker(entry: URL = new URL('./worker.js', import.meta.url)): EngineWorker {
  const worker = new Worker(entry);
  const pending = new Map<number, Pending>();
  let nextId = 0;
  let ended: MoeEngineError | undefined;
  const end = (error: MoeEngineError): void => {
    ended ??= error;
    for (const waiting of pending.values()) waiting.reject(ended);
    pending.clear();
  };
  worker.unref();
  worker.on('message', (message: ResponseMessage) => {
    settle(pending, message);
    if (pending.size === 0) worker.unref();
  });
  worker.on('error', (cause) => end(crashed(undefined, cause)));
  worker.on('exit', (exitCode) => end(crashed(exitCode)));

  return {
    call(request, { signal, onEvent, transfer = [] } = {}) {
      if (ended !== undefined) return Promise.reject(ended);
      if (signal?.aborted === true) return Promise.reject(aborted(signal));
      const cancel = new Int32Array(new SharedArrayBuffer(4));
      const id = nextId++;
      const abort = (): void => void Atomics.store(cancel, 0, 1);
      signal?.addEventListener('abort', abort, { once: true });
      const answer = new Promise<never>((resolve, reject) => pending.set(id, { resolve, reject, onEvent, cancel }));
      worker.ref();
      worker.postMessage({ id, request, cancel } satisfies RequestMessage, transfer);
      return answer.catch((error: unknown) => Promise.reject(withReason(error, signal))).finally(() => signal?.removeEventListener('abort', abort));
    },
    async close() {
      end(new MoeEngineError('closed', 'the engine is closed: create another one', {}));
      await worker.terminate();
    },
  };
}

function settle(pending: Map<number, Pending>, message: ResponseMessage): void {
  const entry = pending.get(message.id);
  if (entry === undefined) return;
  if ('event' in message) return notify(pending, { id: message.id, entry, event: message.event });
  pending.delete(message.id);
  if ('error' in message) entry.reject(fromPortableError(message.error));
  else entry.resolve(message.result as never);
}

/** A callback that throws ends its call with what it threw, and the work with it. */
function notify(pending: Map<number, Pending>, { id, entry, event }: { readonly id: number; readonly entry: Pending; readonly event: EngineEvent }): void {
  try {
    entry.onEvent?.(event);
  } catch (error) {
    Atomics.store(entry.cancel, 0, 1);
    pending.delete(id);
    entry.reject(error);
  }
}

function crashed(exitCode: number | undefined, cause?: unknown): MoeEngineError {
  const how = exitCode === undefined ? 'with an error' : `with exit code ${exitCode}`;
  const message = `the engine's worker thread ended ${how} before it answered: most often memory ran out; try a smaller batch`;
  return new MoeEngineError('worker-crashed', message, { exitCode }, cause === undefined ? {} : { cause });
}

function aborted(signal: AbortSignal): MoeEngineError {
  return new MoeEngineError('aborted', 'the work was aborted by its signal before it began', { completedSteps: undefined }, { cause: signal.reason });
}

/** The signal's reason stays in the main thread; it becomes the cause here. */
function withReason(error: unknown, signal: AbortSignal | undefined): unknown {
  if (!isMoeEngineError(error, 'aborted')) return error;
  return new MoeEngineError('aborted', error.message, error.context, { cause: signal?.reason });
}
