/**
 * A directory of published gate logs.
 * @module
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MoeError } from '../errors.ts';
import { createExpertRelevance, type ExpertRelevance } from '../expert-relevance.ts';
import { addGateLog, parseGateLogName } from '../gate-log.ts';
import { fileError } from './file-errors.ts';

/**
 * Reads every `expert_weights_{layer}.txt` of a directory, line by line.
 * @throws file-missing no directory, or no log in it; file-unreadable, gate-log-invalid, relevance-invalid
 */
export async function readGateLogs(directory: string, size: { readonly experts: number; readonly expertsPerToken: number }): Promise<ExpertRelevance> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw fileError(directory, cause);
  });
  let relevance = createExpertRelevance(size);
  for (const name of names.sort()) {
    const layer = parseGateLogName(name);
    if (layer === undefined) continue;
    const input = createReadStream(join(directory, name), 'utf8');
    relevance = await addGateLog(relevance, { layer, lines: createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }) });
  }
  if (relevance.layers.size > 0) return relevance;
  throw new MoeError('file-missing', { message: `${directory} has no expert_weights_{layer}.txt`, context: { path: directory } });
}
