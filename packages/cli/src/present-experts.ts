/**
 * Options of the commands that compute a model of which only some experts are held.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { PresentExperts } from '@connito/moe-engine';
import { CliError } from './cli-error.ts';
import { readSelection } from './expert-config-file.ts';

/** What the user chose. */
export interface PresentFlags {
  readonly present?: string;
  readonly routing?: 'natural' | 'masked';
}

/** Adds `--present` and `--routing`. */
export function addPresentOptions(command: Command): Command {
  return command
    .option('--present <file>', 'expert_cfg.json: hold and compute only these experts; the model directory may lack the others')
    .addOption(new Option('--routing <mode>', 'with --present: natural (tokens go where the full model sends them, absent experts contribute nothing; the default) or masked (among the present experts)').choices(['natural', 'masked']));
}

/**
 * The engine's option `present`, whose `experts` are also what `openCheckpoint` is to be given; `undefined` where the whole model is computed.
 * @throws CliError `usage` for --routing without --present; and as `readSelection`
 */
export async function readPresent({ present, routing }: PresentFlags): Promise<PresentExperts | undefined> {
  if (present !== undefined) return { experts: await readSelection(present), routing };
  if (routing === undefined) return undefined;
  throw new CliError('usage', '--routing says what becomes of tokens for experts that are not held, which --present names');
}
