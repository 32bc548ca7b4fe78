/**
 * Module files on disk.
 * @module
 */
import { encodeExpertModule, MAX_MODULE_HEADER_BYTES, openExpertModule, type ExpertModule } from '../composition/expert-module.ts';
import { MoeError } from '../errors.ts';
import { openSafetensors } from '../safetensors/safetensors.ts';
import type { Topology } from '../models/topology.ts';
import { writeFileAtomic } from './atomic-write.ts';
import { openFileSource } from './file-source.ts';

/** An open module with its descriptor. */
export interface OpenExpertModule extends ExpertModule {
  close(): Promise<void>;
}

/**
 * Opens a module file for a model; on a bad one nothing stays open.
 * @throws file-missing, file-unreadable, and the codes of `openSafetensors` and `openExpertModule`
 */
export async function openExpertModuleFile(path: string, topology: Topology): Promise<OpenExpertModule> {
  const source = await openFileSource(path);
  try {
    const file = await openSafetensors(source, { maxHeaderBytes: MAX_MODULE_HEADER_BYTES });
    return { ...openExpertModule(file, topology), close: source.close };
  } catch (error) {
    await source.close();
    if (error instanceof MoeError) error.message = `${path}: ${error.message}`;
    throw error;
  }
}

/**
 * Writes a module file atomically, one tensor at a time.
 * @returns the number of bytes written
 * @throws file-write-failed, and the codes of `encodeExpertModule`
 */
export async function writeExpertModuleFile(path: string, module: ExpertModule): Promise<number> {
  return writeFileAtomic(path, encodeExpertModule(module));
}
