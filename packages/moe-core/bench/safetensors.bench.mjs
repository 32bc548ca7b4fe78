/**
 * Reading a bf16 checkpoint of 1 GB to float32, and writing it, against safetensors with torch, and numpy over mapped memory; one thread each. The file is in the
 * page cache for all of them. Tensors have the shapes of DeepSeek-V2-Lite (17 and 8 MB).
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensorsFile, writeSafetensorsFile } from '../dist/node.js';
import { measureRounds, openPeer, report, seconds } from './harness.mjs';

const LAYERS = 12;
const LAYER = [...Array.from({ length: 4 }, () => [4096, 2048]), ...Array.from({ length: 3 }, () => [1408, 2048])];
const ROUNDS = Number(process.env.ROUNDS ?? 5);

/** Finite values of all sizes. */
function halves(elements, seed) {
  const values = new Uint16Array(elements);
  for (let i = 0, state = seed; i < elements; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = ((state >>> 16) & 0x807f) | (((state >>> 9) % 40) + 100) << 7;
  }
  return new Uint8Array(values.buffer);
}

const tensors = Array.from({ length: LAYERS }, (_, layer) => LAYER.map((shape, i) => ({ name: `model.layers.${layer}.${i}.weight`, dtype: 'BF16', shape, data: halves(shape[0] * shape[1], layer * 31 + i + 1) }))).flat();
const names = tensors.map(({ name }) => name);
const gigabytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0) / 1e9;
const largest = Math.max(...tensors.map(({ data }) => data.byteLength / 2));

const folder = await mkdtemp(join(tmpdir(), 'bench-safetensors-'));
const path = join(folder, 'model.safetensors');
const copy = join(folder, 'copy.safetensors');
const peer = openPeer(new URL('safetensors-peer.py', import.meta.url));
try {
  await writeSafetensorsFile(path, tensors);
  if (peer) console.log(await peer.call('load', { path, copy, largest }));
  const file = await openSafetensorsFile(path);
  const room = new Float32Array(largest);
  const views = new Map(tensors.map(({ name, data }) => [name, room.subarray(0, data.byteLength / 2)]));
  const fresh = async () => {
    for (const name of names) await file.readFloat32(name);
  };
  const reused = async () => {
    for (const name of names) await file.readFloat32(name, views.get(name));
  };
  const kept = async () => {
    const all = [];
    for (const name of names) all.push(await file.readFloat32(name));
    if (all.length !== names.length) throw new Error('unreachable');
  };

  if (peer) {
    const [ours, theirs] = [await checksum(file), await peer.call('checksum')];
    if (ours !== theirs) throw new Error(`the two read different values: ${ours} and ${theirs}`);
  }
  const against = (name, call) => (peer ? { [name]: () => peer.call(call) } : {});
  const table = async (title, subjects, base) => report(title, { medians: await measureRounds(subjects, ROUNDS), work: gigabytes, unit: 'GB/s of bf16', against: base });
  await table('bf16 to float32, every tensor kept', { 'connito': () => seconds(kept), ...against('safetensors + torch', 'kept'), ...against('numpy over mapped memory', 'keptNumpy') }, 'safetensors + torch');
  await table('bf16 to float32, one after the other in new arrays', { 'connito': () => seconds(fresh), ...against('safetensors + torch', 'fresh'), ...against('numpy over mapped memory', 'freshNumpy') }, 'safetensors + torch');
  await table('bf16 to float32, one after the other in one array', { 'connito, readFloat32(name, into)': () => seconds(reused), ...against('safetensors + torch, copy_', 'reused') }, 'safetensors + torch, copy_');
  await table('writing, flushed to disk', { 'connito': () => seconds(() => writeSafetensorsFile(copy, tensors)), ...against('safetensors + torch, fsync', 'write') }, 'safetensors + torch, fsync');
  await table('writing, the page cache alone', { 'write() of the same bytes': () => seconds(plainWrite), ...against('safetensors + torch', 'writeCached') }, 'safetensors + torch');
  await file.close();
} finally {
  peer?.close();
  await rm(folder, { recursive: true });
}

/** What the system takes for the bytes alone. */
async function plainWrite() {
  const handle = await open(copy, 'w');
  for (const { data } of tensors) await handle.write(data);
  await handle.close();
}

/** Float64 sums of every tensor, in order. */
async function checksum(file) {
  let total = 0;
  for (const name of names) {
    const values = await file.readFloat32(name);
    let bits = 0;
    const words = new Uint32Array(values.buffer);
    for (let i = 0; i < words.length; i += 997) bits = (bits + words[i]) % 4_294_967_296;
    total = (total + bits) % 4_294_967_296;
  }
  return total;
}
