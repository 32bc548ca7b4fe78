/**
 * The canonical root on all cores against one thread of native SHA-256 (`node:crypto`) over the same bytes, in one run.
 *
 *     npm run bench -- commit-reveal tensor-root
 *
 * From a file (page cache), from shared memory, and from plain memory. Each figure is the best of five, interleaved, so that another process on the machine
 * slows both alike. SIZE_MB (default 2048) is split into 64 tensors.
 */
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashTensors } from '../dist/node.js';

const COUNT = 64;
const RUNS = 5;
const BUFFER = 1_048_576;
const sizeBytes = Math.floor((Number(process.env.SIZE_MB ?? 2048) * 1e6) / COUNT);
const memory = new Uint8Array(COUNT * sizeBytes);
for (let at = 0; at < memory.length; at += 65_536) randomFillSync(memory.subarray(at, at + 65_536));
const shared = new Uint8Array(new SharedArrayBuffer(memory.length));
shared.set(memory);
const directory = mkdtempSync(join(tmpdir(), 'connito-bench-'));
const path = join(directory, 'tensors.bin');
writeFileSync(path, memory);

const tensors = (source) => Array.from({ length: COUNT }, (_, i) => ({ name: `t${i}`, dtype: 'U8', shape: [sizeBytes], ...source(i * sizeBytes) }));
const slice = (bytes) => (offset) => ({ data: bytes.subarray(offset, offset + sizeBytes) });
const oneThread = (bytes) => () => void tensors(slice(bytes)).map(({ data }) => createHash('sha256').update(data).digest());
const oneThreadOfFile = () => {
  const file = openSync(path, 'r');
  const buffer = new Uint8Array(BUFFER);
  for (let i = 0; i < COUNT; i++) {
    const hash = createHash('sha256');
    for (let done = 0; done < sizeBytes; ) {
      const count = readSync(file, buffer, 0, Math.min(BUFFER, sizeBytes - done), i * sizeBytes + done);
      hash.update(buffer.subarray(0, count));
      done += count;
    }
    hash.digest();
  }
  closeSync(file);
};

const cases = [
  ['file', oneThreadOfFile, () => hashTensors(tensors((offset) => ({ path, offset, sizeBytes })))],
  ['shared memory', oneThread(shared), () => hashTensors(tensors(slice(shared)))],
  ['memory', oneThread(memory), () => hashTensors(tensors(slice(memory)))],
];

async function seconds(run) {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

console.log(`${availableParallelism()} cores (${cpus()[0]?.model}), Node ${process.version}, ${(memory.length / 1e6).toFixed(0)} MB in ${COUNT} tensors`);
for (const [name, peer, ours] of cases) {
  const best = [Infinity, Infinity];
  for (let i = 0; i < RUNS; i++) for (const [at, run] of [peer, ours].entries()) best[at] = Math.min(best[at], await seconds(run));
  const [one, many] = best;
  console.log(`${name.padEnd(14)} one thread of node:crypto ${(memory.length / 1e9 / one).toFixed(2)} GB/s   hashTensors ${(memory.length / 1e9 / many).toFixed(2)} GB/s   ${(one / many).toFixed(2)}x`);
}
rmSync(directory, { recursive: true });
