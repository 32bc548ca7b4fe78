/**
 * Entry of the engine's worker thread: takes requests one after another, posts results, events and errors.
 *
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { createEngineHost } from './engine-host.ts';
import { toPortableError } from './error.ts';
import type { RequestMessage, ResponseMessage } from './messages.ts';

const port = parentPort;
if (port !== null) {
  const host = createEngineHost();
  let last: Promise<void> = Promise.resolve();
  const post = (message: ResponseMessage): void => port.postMessage(message);
  const answer = async ({ id, request, cancel }: RequestMessage): Promise<void> => {
    try {
      const result = await host.handle(request, {
        emit: (event) => post({ id, event }),
        isCancelled: () => Atomics.load(cancel, 0) === 1,
      });
      post({ id, result });
    } catch (error) {
      post({ id, error: toPortableError(error) });
    }
  };
  port.on('message', (message: RequestMessage) => {
    last = last.then(() => answer(message));
  });
}
