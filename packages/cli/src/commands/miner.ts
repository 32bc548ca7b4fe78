/**
 * `connito miner run`.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { UpdateStrategyName } from '@connito/subnet';
import type { CliContext } from '../context.ts';
import { decimalNumber, describeUse } from '../options.ts';
import { addGroup } from '../program.ts';
import { addRoleOptions, readRoleOptions, type RoleFlags } from './role-options.ts';

interface MinerFlags extends RoleFlags {
  readonly strategy: UpdateStrategyName;
  readonly trainer?: string;
  readonly trainerTimeout?: number;
}

/** Adds `connito miner`. */
export function registerMiner(program: Command, context: CliContext): void {
  const group = addGroup(program, 'miner', 'Train experts and submit updates.');
  const command = addRoleOptions(group.command('run').description('Train in every cycle until the task ends: fetch the version, train, commit, upload. Goes on where it stopped.'))
    .addOption(new Option('--strategy <strategy>', 'how to come to an update; the cheats are for the demo and for tests').choices(['honest', 'resubmit', 'noise']).default('honest').hideHelp())
    .addOption(new Option('--trainer <command>', "a shell command that trains in our place: it is given a job file and writes safetensors, see moe-engine's TRAINER-FORMAT.md").conflicts('strategy'))
    .option('--trainer-timeout <seconds>', 'stop the trainer after so long, the cycle being lost (default: the length of the train phase)', decimalNumber({ min: 0.001, max: 2_000_000 }))
    .action(async ({ strategy, trainer, trainerTimeout, ...flags }: MinerFlags) => {
      const { runMiner } = await import('@connito/subnet');
      const given = trainer === undefined ? undefined : { command: trainer, timeoutMs: trainerTimeout === undefined ? undefined : 1000 * trainerTimeout };
      await runMiner({ ...(await readRoleOptions(flags, context)), strategy, trainer: given });
    });
  describeUse(command, ['CONNITO_KEY=//Bob connito miner run --netuid 2 --store ./store --state ./miner', 'connito miner run --network wss://node.example:443 --key-file hotkey.txt --store ./store --state ./miner --json', "connito miner run --netuid 2 --store ./store --state ./miner --key-file hotkey.txt --trainer 'python train.py'"], 'print events as JSON lines');
}
