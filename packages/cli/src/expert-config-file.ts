/**
 * Reading `expert_cfg.json` files: which experts, by layer.
 *
 * @module
 */
import { readFile, stat } from 'node:fs/promises';
import type { ExpertSelection } from '@connito/moe-core';
import { CliError } from './cli-error.ts';

/** The largest published models have some 15 thousand experts, of 7 characters each. */
const MAX_CONFIG_BYTES = 4_000_000;

/**
 * Reads a selection of routed experts, as `connito experts select` writes it.
 * @throws CliError `data` where it asks for more than routed experts, or for none; moe-core's errors with the path before them
 */
export async function readSelection(path: string): Promise<ExpertSelection> {
  const { isMoeError, parseExpertConfig } = await import('@connito/moe-core');
  const { size } = await stat(path);
  if (size > MAX_CONFIG_BYTES) throw new CliError('data', `${path} has ${size} bytes; an expert configuration has at most ${MAX_CONFIG_BYTES}`);
  try {
    const { experts, sharedExperts, nonExpertModules } = parseExpertConfig(await readFile(path, 'utf8'));
    if (countExperts(experts) === 0) throw new CliError('data', `${path} selects no expert: write some with \`connito experts select\``);
    if (sharedExperts || nonExpertModules) throw new CliError('data', `${path} asks for ${sharedExperts ? 'shared experts' : 'modules that are no experts'} too; here only routed experts are taken: set it to false`);
    return experts;
  } catch (error) {
    if (isMoeError(error)) error.message = `${path}: ${error.message}`;
    throw error;
  }
}

/** Experts of a selection. */
export function countExperts(selection: ExpertSelection): number {
  return [...selection.values()].reduce((sum, ids) => sum + ids.length, 0);
}
