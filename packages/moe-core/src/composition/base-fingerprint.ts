/**
 * Which model a set of experts belongs to, as 32 bytes that cost little to compute. Names and shapes alone would take any model of one architecture
 * for the same, a chat variant for its base; the routers tell them apart, and they are what gives an expert's number its meaning. They are frozen while
 * experts are trained, so grafting experts does not change the fingerprint, and neither do shards or the width in which floats are stored, as long as the
 * routers' values stay the same.
 * It finds mistakes, not forgeries: everything but the routers may differ. Who needs more compares a Merkle root of all bytes ({@link ModuleBase.root}).
 * @module
 */
import type { Checkpoint } from '../models/checkpoint.ts';
import { expectedTensors } from '../models/expected-tensors.ts';
import { fromFloat32 } from '../safetensors/float-conversion.ts';
import { compareCodePoints } from '../internal/code-points.ts';
import { routerTensors } from '../internal/expert-storage.ts';
import { sha256Hex } from '../internal/sha256.ts';

/**
 * SHA-256, in hex, of these lines of UTF-8, each ended by a line feed:
 *
 * `connito/base/1`, the family, `<name> [<d0>, <d1>, …]` for every tensor of the topology in code point order of the names, and
 * `<name> <sha256>` for every router tensor, layer by layer, over its values as little-endian float32.
 *
 * Reads the routers, one at a time.
 * @throws source-short-read, dtype-not-convertible
 * @example
 * const fingerprint = await fingerprintCheckpoint(checkpoint);
 */
export async function fingerprintCheckpoint(checkpoint: Checkpoint): Promise<string> {
  const { topology } = checkpoint;
  const shapes = Array.from(expectedTensors(topology), ({ name, shape }) => ({ name, line: `${name} [${shape.join(', ')}]` }));
  shapes.sort((a, b) => compareCodePoints(a.name, b.name));
  const lines = ['connito/base/1', topology.family, ...shapes.map(({ line }) => line)];
  for (const layer of topology.moeLayers) {
    for (const name of routerTensors(topology, layer)) lines.push(`${name} ${await sha256Hex(fromFloat32(await checkpoint.readFloat32(name), 'F32'))}`);
  }
  return sha256Hex(new TextEncoder().encode(`${lines.join('\n')}\n`));
}
