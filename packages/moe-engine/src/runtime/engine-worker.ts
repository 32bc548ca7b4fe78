/**
 * The main thread's end of an engine: starts the worker thread, matches answers to questions, notices its death, ends it safely.
 *
 * A thread must never be terminated while it runs native code: ONNX Runtime's addon then finds its JavaScript gone and aborts the
 * whole process. So a worker is asked to leave, and `process.exit` waits for the step that is under way.
 *
 * @module
 */
import { SHARE_ENV, Worker, type TransferListItem } from 'node:worker_threads';
import { fromPortableError, isMoeEngineError, MoeEngineError } from '../error.ts';
import { BUSY, STOP, type EngineEvent, type EngineRequest, type EngineResponses, type ResponseMessage, type WorkerMessage } from './messages.ts';

/** How one request is made. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: EngineEvent) => void) | undefined;
  readonly transfer?: readonly TransferListItem[];
}

/** A running worker thread. It keeps the process alive only while it has something to answer. */
export interface EngineWorker {
  /**
   * @throws {aborted} the signal was aborted
   * @throws {worker-crashed} the worker died before it answered
   * @throws {closed} the worker was closed before it answered
   */
  call<Request extends EngineRequest>(request: Request, options?: CallOptions): Promise<EngineResponses[Request['kind']]>;
  /** Ends the thread after the step under way; what is still unanswered rejects with `closed` at once. May be called twice. */
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onEvent: ((event: EngineEvent) => void) | undefined;
  readonly cancel: Int32Array;
}

/**
 * ONNX Runtime 1.30 matches the process's command line with a regular expression that recurses some 270 bytes deep per character: 15 kB of it (a long
 * prompt, hundreds of paths) overflow the usual 4 MB and end the process. Untouched stack takes address space only.
 */
const STACK_MEGABYTES = 64;

/** Starts a worker thread; `entry` is another one than the package's in tests. */
export function startEngineWorker(entry: URL = new URL('./worker.js', import.meta.url)): EngineWorker {
  const control = new Int32Array(new SharedArrayBuffer(8));
  // One environment, because `device.ts` sets a variable in the worker that CUDA's native libraries read.
  const worker = new Worker(entry, { workerData: { control }, env: SHARE_ENV, resourceLimits: { stackSizeMb: STACK_MEGABYTES } });
  const pending = new Map<number, Pending>();
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const post = (message: WorkerMessage, transfer: readonly TransferListItem[] = []): void => worker.postMessage(message, transfer);
  let nextId = 0;
  let ended: MoeEngineError | undefined;
  const end = (error: MoeEngineError): void => {
    ended ??= error;
    for (const waiting of pending.values()) waiting.reject(ended);
    pending.clear();
  };
  watchExit(control, exited);
  worker.unref();
  worker.on('message', (message: ResponseMessage) => {
    settle(pending, message);
    if (pending.size === 0 && ended === undefined) worker.unref();
  });
  worker.on('error', (cause) => end(crashed(undefined, cause)));
  worker.on('exit', (exitCode) => end(crashed(exitCode)));

  return {
    call(request, { signal, onEvent, transfer } = {}) {
      if (ended !== undefined) return Promise.reject(ended);
      if (signal?.aborted === true) return Promise.reject(aborted(signal));
      const cancel = new Int32Array(new SharedArrayBuffer(4));
      const id = nextId++;
      const abort = (): void => void Atomics.store(cancel, 0, 1);
      signal?.addEventListener('abort', abort, { once: true });
      const answer = new Promise<never>((resolve, reject) => pending.set(id, { resolve, reject, onEvent, cancel }));
      worker.ref();
      post({ id, request, cancel }, transfer);
      return answer.catch((error: unknown) => Promise.reject(withReason(error, signal))).finally(() => signal?.removeEventListener('abort', abort));
    },
    async close() {
      if (ended === undefined) {
        end(new MoeEngineError('closed', 'the engine is closed: create another one', {}));
        Atomics.store(control, STOP, 1);
        worker.ref();
        post({ close: true });
      }
      await exited;
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

/** Longest that `process.exit` waits for the step under way, milliseconds. */
const EXIT_WAIT_MS = 10_000;

/** Control words of the running workers. */
const running = new Set<Int32Array>();

/** One listener for all workers, installed while there are any. */
function watchExit(control: Int32Array, exited: Promise<void>): void {
  if (running.size === 0) process.on('exit', waitForWorkers);
  running.add(control);
  void exited.finally(() => {
    running.delete(control);
    if (running.size === 0) process.off('exit', waitForWorkers);
  });
}

function waitForWorkers(): void {
  for (const control of running) Atomics.store(control, STOP, 1);
  for (const control of running) Atomics.wait(control, BUSY, 1, EXIT_WAIT_MS);
}
