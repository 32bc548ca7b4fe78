/**
 * Logs of routing in files: a directory of ESFT's text logs, binary logs one by one.
 * @module
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MoeError } from '../errors.ts';
import { createExpertRelevance, type ExpertRelevance } from '../partition/expert-relevance.ts';
import { addGateLog, parseGateLogName } from '../partition/gate-log.ts';
import { openRoutingLog, type RoutingLog, type RoutingSample } from '../partition/routing-log.ts';
import { fileError } from './file-errors.ts';
import { openFileSource } from './file-source.ts';

/** Large enough that the system calls do not count, small enough to stay in cache. */
const CHUNK_BYTES = 1 << 18;

/** A text log in a directory. */
export interface GateLogFile {
  readonly layer: number;
  readonly path: string;
}

/** A binary log with its file. */
export interface OpenRoutingLog extends RoutingLog {
  close(): Promise<void>;
}

/**
 * The text logs of a directory, by layer.
 * @throws file-missing no directory, or no log in it; file-unreadable
 */
export async function findGateLogs(directory: string): Promise<GateLogFile[]> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw fileError(directory, cause);
  });
  const files = names.flatMap((name) => {
    const layer = parseGateLogName(name);
    return layer === undefined ? [] : [{ layer, path: join(directory, name) }];
  });
  if (files.length > 0) return files.sort((a, b) => a.layer - b.layer);
  throw new MoeError('file-missing', { message: `${directory} has no expert_weights_{layer}.txt`, context: { path: directory } });
}

/** The bytes of a text log. @throws file-missing, file-unreadable */
export async function* readGateLog({ path }: Pick<GateLogFile, 'path'>): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    throw cause instanceof MoeError ? cause : fileError(path, cause);
  } finally {
    stream.destroy();
  }
}

/**
 * Relevance from every `expert_weights_{layer}.txt` of a directory.
 * @throws file-missing no directory, or no log in it; file-unreadable, gate-log-invalid, relevance-invalid
 */
export async function readGateLogs(directory: string, size: { readonly experts: number; readonly expertsPerToken: number }): Promise<ExpertRelevance> {
  let relevance = createExpertRelevance(size);
  for (const file of await findGateLogs(directory)) {
    try {
      relevance = await addGateLog(relevance, { layer: file.layer, chunks: readGateLog(file) });
    } catch (error) {
      throw withPath(error, file.path);
    }
  }
  return relevance;
}

/**
 * Opens a binary log; on a bad header nothing stays open.
 * @throws file-missing, file-unreadable, routing-log-invalid
 */
export async function openRoutingLogFile(path: string): Promise<OpenRoutingLog> {
  const source = await openFileSource(path);
  try {
    const log = await openRoutingLog(source);
    return { header: log.header, samples: () => samplesOf(log, path), close: source.close };
  } catch (error) {
    await source.close();
    throw withPath(error, path);
  }
}

async function* samplesOf(log: RoutingLog, path: string): AsyncGenerator<RoutingSample, void, undefined> {
  try {
    yield* log.samples();
  } catch (error) {
    throw withPath(error, path);
  }
}

/** The same error with the file's path before the message, where it is not there yet. */
function withPath(error: unknown, path: string): unknown {
  if (error instanceof MoeError && !error.message.includes(path)) error.message = `${path}: ${error.message}`;
  return error;
}
