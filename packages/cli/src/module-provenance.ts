/**
 * What a module that a command writes says about where it comes from.
 *
 * @module
 */
import { InvalidArgumentError, Option } from 'commander';
import type { Checkpoint, ModuleProvenance } from '@connito/moe-core';
import { CliError } from './cli-error.ts';

/** `--meta`. */
export function metaOption(): Option {
  return new Option('--meta <key=value>', 'a field of the provenance: author, description, license, version, weight, created_at (default: now), base_name, base_root, or one of your own; may be given again').argParser(collectMeta).default(new Map(), 'none');
}

function collectMeta(text: string, given: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected key=value.');
  const key = text.slice(0, at);
  if (given.has(key)) throw new InvalidArgumentError(`The key ${key} is given twice.`);
  return new Map([...given, [key, text.slice(at + 1)]]);
}

/**
 * The provenance of experts of this checkpoint, with what the user said of them.
 * @throws CliError `usage` where a field cannot be given or holds what it must not
 */
export async function provenanceOf(checkpoint: Checkpoint, meta: ReadonlyMap<string, string>): Promise<ModuleProvenance> {
  const { fingerprintCheckpoint, formatModuleMetadata, isMoeError, parseModuleMetadata } = await import('@connito/moe-core');
  for (const key of ['format', 'family', 'base_fingerprint', 'expert_cfg', 'dtype']) {
    if (meta.has(key)) throw new CliError('usage', `--meta ${key}=… cannot be given: it follows from the model and the selection`);
  }
  const known = { provenance: { family: checkpoint.topology.family, base: { fingerprint: await fingerprintCheckpoint(checkpoint) } }, selection: new Map([[0, [0]]]), dtype: 'F32' } as const;
  // Seconds are fine enough, and shorter to read.
  const fields = new Map([['created_at', new Date().toISOString().replace(/\.\d{3}Z$/, 'Z')], ...meta]);
  try {
    return parseModuleMetadata(new Map([...formatModuleMetadata(known), ...fields])).provenance;
  } catch (error) {
    // What was given is all that can be wrong here.
    throw isMoeError(error, 'module-invalid') ? new CliError('usage', `--meta: ${error.message}`, {}, { cause: error }) : error;
  }
}
