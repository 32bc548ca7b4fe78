/**
 * A thread that hashes: answers each message in turn with a digest, or with the slot that it is done with.
 * @module
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { SLOTS, type HashReply, type HashRequest } from './hash-thread.ts';

const digest = (finished: Hash): HashReply => ({ digest: new Uint8Array(finished.digest()) });

const port = parentPort;
if (port !== null) {
  const { memory, bufferBytes } = workerData as { readonly memory: SharedArrayBuffer; readonly bufferBytes: number };
  const slots = Array.from({ length: SLOTS }, (_, index) => new Uint8Array(memory, index * bufferBytes, bufferBytes));
  let hash: Hash = createHash('sha256');

  const hashFile = ({ path, offset, sizeBytes }: Extract<HashRequest, { kind: 'file' }>): HashReply => {
    const ofFile = createHash('sha256');
    // No slot is in use while a file is hashed: the memory of a thread is its slots, whatever it does.
    const [buffer] = slots as [Uint8Array];
    const file = openSync(path, 'r');
    try {
      for (let done = 0; done < sizeBytes; ) {
        const count = readSync(file, buffer, 0, Math.min(bufferBytes, sizeBytes - done), offset + done);
        if (count === 0) return { error: { message: `${path}: expected ${sizeBytes} bytes from byte ${offset} on, got ${done}`, code: 'short' } };
        ofFile.update(buffer.subarray(0, count));
        done += count;
      }
    } finally {
      closeSync(file);
    }
    return digest(ofFile);
  };

  const answer = (request: HashRequest): HashReply => {
    if (request.kind === 'file') return hashFile(request);
    if (request.kind === 'shared') return digest(createHash('sha256').update(request.data));
    if (request.kind === 'slot') {
      hash.update((slots[request.slot] as Uint8Array).subarray(0, request.length));
      return {};
    }
    const reply = digest(hash);
    hash = createHash('sha256');
    return reply;
  };

  port.on('message', (request: HashRequest) => {
    try {
      port.postMessage(answer(request));
    } catch (error) {
      const { message, code, path } = error as NodeJS.ErrnoException;
      port.postMessage({ error: { message, ...(code === undefined ? {} : { code }), ...(path === undefined ? {} : { path }) } } satisfies HashReply);
    }
  });
}
