/**
 * `connito owner run`.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { OwnerPlan } from '@connito/subnet';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { addGroup } from '../program.ts';
import { addRoleOptions, readRoleOptions, type RoleFlags } from './role-options.ts';

interface OwnerFlags extends RoleFlags {
  readonly name: string;
  readonly model: string;
  readonly data: string;
  readonly experts: string;
  readonly rules?: string;
  readonly start?: number;
}

/** Adds `connito owner`. */
export function registerOwner(program: Command, context: CliContext): void {
  const group = addGroup(program, 'owner', 'Publish a task and serve it.');
  const command = addRoleOptions(group.command('run').description("Publish a task (model, data, experts, rules), commit its hash, and hand out each cycle's held-out shard. Goes on where it stopped."))
    .requiredOption('--model <directory>', 'the checkpoint, in Hugging Face layout')
    .requiredOption('--data <directory>', 'what `connito data prepare` has written; its held-out shards are the cycles')
    .requiredOption('--experts <file>', 'what `connito experts select` has written')
    .option('--name <name>', "the task's name", 'task')
    .option('--rules <file>', 'JSON that replaces parts of the default rules: schedule, training, scoring, merge, gate, weights, update; for example {"schedule":{"trainMs":600000},"update":{"encoding":"top-k"}}')
    .option('--start <ms>', 'chain time in ms at which cycle 0 begins; default: two minutes from now', wholeNumber())
    .action(async (flags: OwnerFlags) => {
      const { runOwner } = await import('@connito/subnet');
      await runOwner({ ...(await readRoleOptions(flags, context)), plan: await readPlan(flags) });
    });
  describeUse(command, ['CONNITO_KEY=//Alice connito owner run --netuid 2 --store ./store --state ./owner --model ./model --data ./data --experts expert_cfg.json'], 'print events as JSON lines');
}

async function readPlan({ name, model, data, experts, rules, start }: OwnerFlags): Promise<OwnerPlan> {
  const { parseExpertConfig } = await import('@connito/moe-core');
  const { parseRules, withRules } = await import('@connito/subnet');
  const { experts: selection } = parseExpertConfig(await readFile(experts, 'utf8'));
  const overrides = rules === undefined ? {} : parseRules(parseJson(await readFile(rules, 'utf8'), rules), rules);
  return { name, modelDirectory: model, dataDirectory: data, selection, rules: withRules(overrides), ...(start === undefined ? {} : { t0Ms: start }) };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError('data', `${path} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {}, { cause });
  }
}
