/**
 * Reading `summary.json` files.
 *
 * @module
 */
import { readFile, stat } from 'node:fs/promises';
import type { ScoreSummary } from '@connito/moe-core';
import { CliError } from './cli-error.ts';

/** Summaries of the largest published models have under 2 MB. */
const MAX_SUMMARY_BYTES = 64_000_000;

/** Reads a summary. @throws CliError `data`, and moe-core's errors with the path before them */
export async function readScoreSummary(path: string): Promise<ScoreSummary> {
  const { parseScoreSummary } = await import('@connito/moe-core');
  const { size } = await stat(path);
  if (size > MAX_SUMMARY_BYTES) throw new CliError('data', `${path} has ${size} bytes; a score summary has at most ${MAX_SUMMARY_BYTES}`);
  return parseScoreSummary(await readFile(path, 'utf8'));
}
