/**
 * What an external trainer wrote, read as a stranger's file: exactly the experts that it was given, in float32, every value finite.
 *
 * @module
 */
import { isMoeError, openSafetensors, type ExpertWeights, type Float32Tensor, type SafetensorsFile } from '@connito/moe-core';
import { openFileSource } from '@connito/moe-core/node';
import { MoeEngineError } from '../../error.ts';

/** As for modules: enough for 150 thousand tensors. */
const MAX_HEADER_BYTES = 25_000_000;

/**
 * Names, dtypes and shapes are checked before any value is read.
 *
 * @param start what was given to the trainer
 * @throws {trainer-output}
 */
export async function readTrainedFile(path: string, start: ExpertWeights): Promise<ExpertWeights> {
  try {
    const source = await openFileSource(path);
    try {
      const file = await openSafetensors(source, { maxHeaderBytes: MAX_HEADER_BYTES });
      assertTensors(path, file, start);
      return await readAll(path, file, start);
    } finally {
      await source.close();
    }
  } catch (cause) {
    throw isMoeError(cause) ? wrong(path, cause.message, cause) : cause;
  }
}

function assertTensors(path: string, file: SafetensorsFile, start: ExpertWeights): void {
  for (const name of file.tensors.keys()) {
    if (!start.has(name)) throw wrong(path, `the tensor ${JSON.stringify(name.slice(0, 200))} is none of those to be trained`);
  }
  for (const [name, { shape }] of start) {
    const found = file.tensors.get(name);
    if (found === undefined) throw wrong(path, `the tensor ${JSON.stringify(name)} is missing`);
    const [expected, actual] = [`F32 [${shape.join(', ')}]`, `${found.dtype} [${found.shape.join(', ')}]`];
    if (expected !== actual) throw wrong(path, `the tensor ${JSON.stringify(name)} is ${actual}, expected ${expected}`);
  }
}

async function readAll(path: string, file: SafetensorsFile, start: ExpertWeights): Promise<ExpertWeights> {
  const experts = new Map<string, Float32Tensor>();
  for (const [name, { shape }] of start) {
    const data = await file.readFloat32(name);
    const at = data.findIndex((entry) => !Number.isFinite(entry));
    if (at !== -1) throw wrong(path, `the tensor ${JSON.stringify(name)} holds ${data[at]} at ${at}`);
    experts.set(name, { shape, data });
  }
  return experts;
}

function wrong(path: string, why: string, cause?: unknown): MoeEngineError {
  return new MoeEngineError('trainer-output', `the trainer's result ${path} cannot be used: ${why}`, { path }, cause === undefined ? {} : { cause });
}
