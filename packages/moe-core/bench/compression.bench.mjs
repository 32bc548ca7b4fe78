/**
 * Encoding updates (top 64 of 4,096, 2 bits, error feedback), against the same steps in numpy; decoding; one thread each. As in training each update is another
 * one: of the same update again and again, ever more of the residual would stand right below the cut.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUpdateCompressor, decompressUpdate, parseCompressedUpdateHeader } from '../dist/index.js';
import { measureRounds, openPeer, report, seconds } from './harness.mjs';

/** The gate projection of a DeepSeek-V2-Lite expert. */
const SHAPE = [1408, 2048];
const ELEMENTS = SHAPE[0] * SHAPE[1];
const UPDATES = 4;

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

const updates = Array.from({ length: UPDATES }, () => new Map([['model.layers.11.mlp.experts.17.gate_proj.weight', { shape: SHAPE, data: normalValues(ELEMENTS) }]]));
const first = createUpdateCompressor().compress(updates[0]);
console.log(`file of one tensor: ${first.length} bytes, ${((4 * ELEMENTS) / first.length).toFixed(1)} × smaller than float32`);

const peer = openPeer(new URL('compression.py', import.meta.url));
if (peer) {
  const directory = await mkdtemp(join(tmpdir(), 'compression-bench-'));
  const paths = updates.map((_, k) => join(directory, `update-${k}.f32`));
  for (const [k, path] of paths.entries()) await writeFile(path, updates[k].values().next().value.data);
  console.log(await peer.call('load', { paths, elements: ELEMENTS }));
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

/** Both must have done the same work: the same positions, the same codes. */
function assertSame(file, peerDigest) {
  const { dataOffset, tensors } = parseCompressedUpdateHeader(file);
  const split = dataOffset + tensors[0].indexBytes;
  const same = sha256(file.subarray(dataOffset, split)) === peerDigest.index && sha256(file.subarray(split)) === peerDigest.values;
  console.log(same ? 'numpy writes the same streams' : 'WARNING: numpy writes other streams');
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
