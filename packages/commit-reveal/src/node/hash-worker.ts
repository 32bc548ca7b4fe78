/**
 * A thread that hashes: answers each message in turn with a digest, or with the buffer that it is done with.
 * @module
 */
import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { readPieces, type FileRange } from './file-pieces.ts';
import type { HashReply, HashRequest } from './hash-thread.ts';

const digest = (finished: Hash): HashReply => ({ digest: new Uint8Array(finished.digest()) });

const port = parentPort;
if (port !== null) {
  const { bufferBytes } = workerData as { readonly bufferBytes: number };
  let fileBuffer: Uint8Array | undefined;
  let hash: Hash = createHash('sha256');

  const hashFile = (range: FileRange): HashReply => {
    const ofFile = createHash('sha256');
    for (const piece of readPieces(range, (fileBuffer ??= new Uint8Array(bufferBytes)))) ofFile.update(piece);
    return digest(ofFile);
  };

  const answer = (request: HashRequest): HashReply => {
    if (request.kind === 'file') return hashFile(request);
    if (request.kind === 'shared') return digest(createHash('sha256').update(request.data));
    if (request.kind === 'piece') {
      hash.update(new Uint8Array(request.buffer, 0, request.length));
      return { buffer: request.buffer };
    }
    const reply = digest(hash);
    hash = createHash('sha256');
    return reply;
  };

  port.on('message', (request: HashRequest) => {
    try {
      const reply = answer(request);
      port.postMessage(reply, reply.buffer === undefined ? [] : [reply.buffer]);
    } catch (error) {
      const { message, code, path } = error as NodeJS.ErrnoException;
      port.postMessage({ error: { message, ...(code === undefined ? {} : { code }), ...(path === undefined ? {} : { path }) } } satisfies HashReply);
    }
  });
}
