/**
 * Which tokens end a text, by the files of a model.
 *
 * @module
 */
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { readOptionalText } from './optional-file.ts';

/** `eos_token_id` of generation_config.json, else of config.json: a number, or several. None where neither file names one. */
export async function readStopTokens(model: string): Promise<readonly number[]> {
  for (const name of ['generation_config.json', 'config.json']) {
    const stated = await readEndOfText(join(model, name));
    if (stated !== undefined) return stated;
  }
  return [];
}

async function readEndOfText(path: string): Promise<readonly number[] | undefined> {
  const text = await readOptionalText(path);
  if (text === undefined) return undefined;
  const stated = endOfTextOf(text, path);
  if (stated == null) return undefined;
  const ids = Array.isArray(stated) ? stated : [stated];
  if (ids.every((id) => Number.isSafeInteger(id) && id >= 0)) return ids;
  throw new CliError('data', `${path}: expected eos_token_id to be a token id or a list of them, got ${JSON.stringify(stated)}`);
}

function endOfTextOf(text: string, path: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'eos_token_id' in value ? value.eos_token_id : undefined;
  } catch (cause) {
    throw new CliError('data', `${path} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
