/**
 * Worker thread of `keyfile-encryption.ts`: five seconds and 512 MiB for a key would stop the caller's event loop.
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads';
import { argon2i } from 'hash-wasm';
import type { Argon2Job } from './keyfile-encryption.ts';

const { password, salt, iterations, memoryKibibytes, keyBytes } = workerData as Argon2Job;
const key = await argon2i({ password, salt, iterations, parallelism: 1, memorySize: memoryKibibytes, hashLength: keyBytes, outputType: 'binary' });
// oxlint-disable-next-line require-post-message-target-origin -- a window's rule
parentPort?.postMessage(key);
