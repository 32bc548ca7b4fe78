/**
 * Encoding updates of two experts (top 64 of 4,096, 2 bits, error feedback), against the same steps in numpy; decoding; one thread each. As in training each update
 * is another one: of the same update again and again, ever more of the residual would stand right below the cut.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUpdateCompressor, decompressUpdate, parseCompressedUpdateHeader } from '../dist/index.js';
import { measureRounds, openPeer, report, seconds } from './harness.mjs';

/** Two experts of DeepSeek-V2-Lite, each projection of 1408 × 2048. */
const TENSORS = [17, 42].flatMap((expert) => ['down', 'gate', 'up'].map((part) => ({ name: `model.layers.11.mlp.experts.${expert}.${part}_proj.weight`, shape: part === 'down' ? [2048, 1408] : [1408, 2048] })));
const TENSOR_ELEMENTS = 1408 * 2048;
const ELEMENTS = TENSORS.length * TENSOR_ELEMENTS;
const UPDATES = 2;

function normalValues(count) {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random())) * 1e-4;
    const angle = 2 * Math.PI * Math.random();
    values[i] = radius * Math.cos(angle);
    values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

const updates = Array.from({ length: UPDATES }, () => new Map(TENSORS.map(({ name, shape }) => [name, { shape, data: normalValues(TENSOR_ELEMENTS) }])));
const first = createUpdateCompressor().compress(updates[0]);
console.log(`file of an update: ${first.length} bytes, ${((4 * ELEMENTS) / first.length).toFixed(1)} × smaller than float32`);

const peer = openPeer(new URL('compression.py', import.meta.url));
if (peer) {
  const directory = await mkdtemp(join(tmpdir(), 'compression-bench-'));
  const paths = updates.map((_, k) => join(directory, `update-${k}.f32`));
  for (const [k, path] of paths.entries()) await writeFile(path, Buffer.concat([...updates[k].values()].map(({ data }) => new Uint8Array(data.buffer))));
  console.log(await peer.call('load', { paths, elements: TENSOR_ELEMENTS }));
  await rm(directory, { recursive: true });
  assertSame(first, await peer.call('digest'));
}

const compressor = createUpdateCompressor();
const plain = createUpdateCompressor({ kernel: 'typescript' });
const medians = await measureRounds({
  ...(peer && {
    'numpy, in place': () => peer.call('run', { in_place: true }),
    'numpy, as one writes it': () => peer.call('run', { in_place: false }),
  }),
  compress: () => secondsEach((update) => compressor.compress(update)),
  'compress, without WebAssembly': () => secondsEach((update) => plain.compress(update)),
  decompress: () => secondsEach((update) => decompressUpdate(first, { expected: update })),
});
for (const against of ['numpy, in place', 'numpy, as one writes it']) report('compression of an update, one thread', { medians, work: ELEMENTS / 1e6, unit: 'M elements/s', against });
peer?.close();

async function secondsEach(action) {
  return (await seconds(() => updates.forEach(action))) / UPDATES;
}

/** Both must have done the same work: the same positions, the same codes. Of equal magnitudes argpartition takes any, so tensors with such a cut say nothing. */
function assertSame(file, peerDigests) {
  const { dataOffset, tensors } = parseCompressedUpdateHeader(file);
  let offset = dataOffset;
  const ours = tensors.map(({ indexBytes, kept }) => sha256(file.subarray(offset, (offset += indexBytes + kept / 4))));
  const untied = ours.map((digest, i) => ({ digest, ...peerDigests[i] })).filter(({ tied }) => !tied);
  const same = untied.filter(({ digest, streams }) => digest === streams).length;
  console.log(`${same < untied.length ? 'WARNING: ' : ''}numpy writes the same streams for ${same} of ${untied.length} tensors that are not cut between equals`);
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
