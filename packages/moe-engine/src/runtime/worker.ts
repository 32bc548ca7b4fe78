/**
 * Entry of the engine's worker thread: takes requests one after another, posts results, events and errors, leaves when asked to.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads';
import { createEngineHost } from './engine-host.ts';
import { toPortableError } from '../error.ts';
import { BUSY, STOP, type RequestMessage, type ResponseMessage, type WorkerMessage } from './messages.ts';

const port = parentPort;
if (port !== null) {
  const { control } = workerData as { readonly control: Int32Array };
  const host = createEngineHost();
  let last: Promise<void> = Promise.resolve();
  const post = (message: ResponseMessage): void => port.postMessage(message);
  const answer = async ({ id, request, cancel }: RequestMessage): Promise<void> => {
    // Busy is set before stop is read, and stop is set before busy is read by the other side: one of the two sees the other.
    Atomics.store(control, BUSY, 1);
    try {
      if (Atomics.load(control, STOP) === 1) return;
      const isCancelled = (): boolean => Atomics.load(cancel, 0) === 1 || Atomics.load(control, STOP) === 1;
      post({ id, result: await host.handle(request, { emit: (event) => post({ id, event }), isCancelled }) });
    } catch (error) {
      post({ id, error: toPortableError(error) });
    } finally {
      Atomics.store(control, BUSY, 0);
      Atomics.notify(control, BUSY);
    }
  };
  port.on('message', (message: WorkerMessage) => {
    last = last.then(() => ('close' in message ? port.close() : answer(message)));
  });
}
