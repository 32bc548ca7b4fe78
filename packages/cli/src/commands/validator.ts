/**
 * `connito validator run`.
 *
 * @module
 */
import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { describeUse } from '../options.ts';
import { addGroup } from '../program.ts';
import { addRoleOptions, readRoleOptions, type RoleFlags } from './role-options.ts';

/** Adds `connito validator`. */
export function registerValidator(program: Command, context: CliContext): void {
  const group = addGroup(program, 'validator', 'Score updates, merge what helps, set weights.');
  const command = addRoleOptions(group.command('run').description('Validate every cycle until the task ends: score, commit the sheet and weights, merge, gate, commit the root. Goes on where it stopped.')).action(async (flags: RoleFlags) => {
    const { runValidator } = await import('@connito/subnet');
    await runValidator(await readRoleOptions(flags, context));
  });
  describeUse(command, ['CONNITO_KEY=//Charlie connito validator run --netuid 2 --store ./store --state ./validator'], 'print events as JSON lines');
}
