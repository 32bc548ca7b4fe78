/**
 * Routing from logs in files: directories of ESFT's text logs, and binary logs (`*.routes`).
 *
 * @module
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { LayerRouting } from '@connito/moe-core';
import { CliError } from './cli-error.ts';

/** E and K. */
export interface RoutingSize {
  readonly experts: number;
  readonly expertsPerToken: number;
}

/** Where logs are and what they are checked against. */
export interface RoutingLogsSource {
  readonly paths: readonly string[];
  /** What text logs are of; they do not say. A binary log that says otherwise is refused, where `isAssumed` does not hold. */
  readonly size: RoutingSize & { readonly isAssumed: boolean };
}

/** Logs that have been found. */
export interface RoutingLogs {
  readonly size: RoutingSize;
  /** Ascending. */
  readonly layers: readonly number[];
  readonly files: readonly string[];
  /** The coarsest units among theirs; see `RoutingLogHeader`. */
  readonly weightUnits: number;
  /** Every sample, file by file. */
  samples(): AsyncGenerator<LayerRouting, void, undefined>;
}

/** The four decimals of the text logs. */
const TEXT_UNITS = 10_000;

type LogFile = { readonly kind: 'text'; readonly layer: number; readonly path: string } | { readonly kind: 'binary'; readonly path: string };

/** Finds logs and reads the headers of the binary ones. @throws CliError `data`, and moe-core's errors */
export async function findRoutingLogs({ paths, size: { isAssumed, ...given } }: RoutingLogsSource): Promise<RoutingLogs> {
  const { openRoutingLogFile } = await import('@connito/moe-core/node');
  const files = (await Promise.all(paths.map(findFiles))).flat();
  const layers = new Set<number>();
  const units = new Set<number>();
  let size: RoutingSize | undefined = isAssumed && files.every(({ kind }) => kind === 'binary') ? undefined : given;
  for (const file of files) {
    if (file.kind === 'text') {
      layers.add(file.layer);
      units.add(TEXT_UNITS);
      continue;
    }
    const log = await openRoutingLogFile(file.path);
    await log.close();
    const { experts, expertsPerToken, weightUnits } = log.header;
    size ??= { experts, expertsPerToken };
    if (size.experts !== experts || size.expertsPerToken !== expertsPerToken) throw new CliError('data', `${file.path} is of ${expertsPerToken} of ${experts} experts, expected ${size.expertsPerToken} of ${size.experts}`);
    for (const layer of log.header.layers) layers.add(layer);
    units.add(weightUnits);
  }
  const found = size ?? given;
  return { size: found, layers: [...layers].sort((a, b) => a - b), files: files.map(({ path }) => path), weightUnits: Math.min(...units), samples: () => readSamples(files, found) };
}

async function findFiles(path: string): Promise<LogFile[]> {
  if (!(await stat(path)).isDirectory()) return [await describeFile(path)];
  const { parseGateLogName } = await import('@connito/moe-core');
  const names = (await readdir(path)).sort();
  const text = names.filter((name) => parseGateLogName(name) !== undefined);
  const binary = names.filter((name) => name.endsWith('.routes'));
  if (text.length > 0 && binary.length > 0) throw new CliError('data', `${path} has text logs (${text[0]}) and binary logs (${binary[0]}); both may be of the same tokens: name the files of one kind`);
  if (text.length + binary.length === 0) throw new CliError('data', `${path} has no logs of routing: expected expert_weights_{layer}.txt or *.routes`);
  return Promise.all([...text, ...binary].map((name) => describeFile(join(path, name))));
}

async function describeFile(path: string): Promise<LogFile> {
  const { parseGateLogName } = await import('@connito/moe-core');
  const layer = parseGateLogName(basename(path));
  return layer === undefined ? { kind: 'binary', path } : { kind: 'text', layer, path };
}

async function* readSamples(files: readonly LogFile[], size: RoutingSize): AsyncGenerator<LayerRouting, void, undefined> {
  const { gateLogSamples } = await import('@connito/moe-core');
  const { openRoutingLogFile, readGateLog } = await import('@connito/moe-core/node');
  for (const file of files) {
    if (file.kind === 'text') {
      yield* naming(file.path, gateLogSamples({ ...size, layer: file.layer, chunks: readGateLog(file) }));
      continue;
    }
    const log = await openRoutingLogFile(file.path);
    try {
      yield* log.samples();
    } finally {
      await log.close();
    }
  }
}

/** Errors of a text log with the path of its file; those of binary logs have it. */
async function* naming<T>(path: string, items: AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
  try {
    yield* items;
  } catch (error) {
    if (error instanceof Error && !error.message.includes(path)) error.message = `${path}: ${error.message}`;
    throw error;
  }
}
