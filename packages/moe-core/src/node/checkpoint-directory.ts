/**
 * Checkpoints in Hugging Face layout: `config.json` beside `model.safetensors`, or beside an index and its shards.
 * @module
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createCheckpoint, type Checkpoint } from '../models/checkpoint.ts';
import { MoeError } from '../errors.ts';
import type { ExpertSelection } from '../experts/expert-selection.ts';
import { parseStrictJson, toPlainValue } from '../internal/strict-json.ts';
import type { SafetensorsFile } from '../safetensors/safetensors.ts';
import { MAX_INDEX_BYTES, parseShardedIndex, type ShardedIndex } from '../safetensors/sharded-index.ts';
import { parseTopology } from '../models/topology-config.ts';
import type { Topology } from '../models/topology.ts';
import { fileError, readTextFile } from './file-errors.ts';
import { openSafetensorsFile, type OpenSafetensorsFile } from './file-source.ts';

/** The cap of huggingface.js for `config.json`. */
const MAX_CONFIG_BYTES = 10_000_000;

/** How a checkpoint is opened. */
export interface OpenCheckpointOptions {
  /** Experts that must be there, of a partial checkpoint; all, where left out. */
  readonly present?: ExpertSelection | undefined;
}

/**
 * Opens a checkpoint directory. Like transformers it takes `model.safetensors` where there is one, else `model.safetensors.index.json`. Headers are
 * checked, tensors are read when asked for. Close it.
 * @throws file-missing directory, config.json, weights or a shard; file-unreadable, file-too-large
 * @throws json-invalid, json-duplicate-key, json-forbidden-key, and the codes of `parseTopology`, `parseShardedIndex`, `openSafetensors`, `createCheckpoint`
 * @example
 * const checkpoint = await openCheckpoint('model');
 * console.log(checkpoint.topology.expertsPerLayer);
 * await checkpoint.close();
 */
export async function openCheckpoint(directory: string, { present }: OpenCheckpointOptions = {}): Promise<Checkpoint> {
  await assertDirectory(directory);
  const topology = await readTopology(join(directory, 'config.json'));
  const single = join(directory, 'model.safetensors');
  if (await exists(single)) return openFiles({ topology, present, paths: [single] });
  const indexPath = join(directory, 'model.safetensors.index.json');
  if (!(await exists(indexPath))) {
    throw new MoeError('file-missing', {
      message: `${directory} has neither model.safetensors nor model.safetensors.index.json; other formats (.bin, .gguf) are not read`,
      context: { path: single },
    });
  }
  const index = await readIndex(indexPath);
  return openFiles({ topology, present, paths: index.files.map((file) => join(directory, file)), index });
}

async function assertDirectory(directory: string): Promise<void> {
  const stats = await stat(directory).catch((cause: unknown) => {
    throw fileError(directory, cause);
  });
  if (stats.isDirectory()) return;
  throw new MoeError('file-unreadable', {
    message: `${directory} is not a directory; expected one with config.json and model.safetensors`,
    context: { path: directory },
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Reads a topology from a `config.json`.
 * @throws file-missing, file-unreadable, file-too-large, json-invalid, and the codes of `parseTopology`
 */
export async function readTopology(path: string): Promise<Topology> {
  const text = await readTextFile(path, MAX_CONFIG_BYTES);
  try {
    return parseTopology(toPlainValue(parseStrictJson(text, 'config.json')));
  } catch (error) {
    if (error instanceof MoeError) error.message = `${path}: ${error.message}`;
    throw error;
  }
}

async function readIndex(path: string): Promise<ShardedIndex> {
  const text = await readTextFile(path, MAX_INDEX_BYTES);
  try {
    return parseShardedIndex(text);
  } catch (error) {
    if (error instanceof MoeError) error.message = `${path}: ${error.message}`;
    throw error;
  }
}

interface ModelFiles extends OpenCheckpointOptions {
  readonly topology: Topology;
  readonly paths: readonly string[];
  readonly index?: ShardedIndex;
}

async function openFiles({ topology, present, paths, index }: ModelFiles): Promise<Checkpoint> {
  const opened: OpenSafetensorsFile[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((file) => file.close()));
  };
  try {
    for (const path of paths) opened.push(await openSafetensorsFile(path));
    const files = index === undefined ? opened : opened.map((file, i) => onlyMapped(file, index.files[i]!, index));
    return createCheckpoint({ topology, files, present, close });
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of a shard only what the index places there, as the reference does. */
function onlyMapped(file: SafetensorsFile, fileName: string, index: ShardedIndex): SafetensorsFile {
  const tensors = new Map([...file.tensors].filter(([name]) => index.weightMap.get(name) === fileName));
  return { ...file, tensors };
}
