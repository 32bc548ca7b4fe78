/**
 * `connito miner run`.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { UpdateStrategyName } from '@connito/subnet';
import type { CliContext } from '../context.ts';
import { describeUse } from '../options.ts';
import { addGroup } from '../program.ts';
import { addRoleOptions, readRoleOptions, type RoleFlags } from './role-options.ts';

/** Adds `connito miner`. */
export function registerMiner(program: Command, context: CliContext): void {
  const group = addGroup(program, 'miner', 'Train experts and submit updates.');
  const command = addRoleOptions(group.command('run').description('Train in every cycle until the task ends: fetch the version, train, commit, upload. Goes on where it stopped.'))
    .addOption(new Option('--strategy <strategy>', 'how to come to an update; the cheats are for the demo and for tests').choices(['honest', 'resubmit', 'noise']).default('honest').hideHelp())
    .action(async (flags: RoleFlags & { readonly strategy: UpdateStrategyName }) => {
      const { runMiner } = await import('@connito/subnet');
      await runMiner({ ...(await readRoleOptions(flags, context)), strategy: flags.strategy });
    });
  describeUse(command, ['CONNITO_KEY=//Bob connito miner run --netuid 2 --store ./store --state ./miner', 'connito miner run --network wss://node.example:443 --key-file hotkey.txt --store ./store --state ./miner --json'], 'print events as JSON lines');
}
