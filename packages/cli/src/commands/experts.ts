/**
 * `connito experts`: which experts a domain uses, which of them to train, and how to share them out (ESFT).
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { ExpertSelection, SelectionRule } from '@connito/moe-core';
import { CliError } from '../cli-error.ts';
import { wantsColor, type CliContext } from '../context.ts';
import { byteCount, describeUse, layerList } from '../options.ts';
import { addGroup } from '../program.ts';
import { readScoreSummary } from '../score-summary-file.ts';
import { addRuleOptions, ruleOf, scoresOf, type RuleFlags } from '../selection-rule.ts';
import { createPaint, formatBytes, renderTable } from '../terminal.ts';
import { registerExpertsPartition } from './experts-partition.ts';
import { registerExpertsScore } from './experts-score.ts';

interface SelectFlags extends RuleFlags {
  readonly scores: string;
  readonly budget?: number;
  readonly expertBytes?: number;
  readonly model?: string;
  readonly layers?: readonly number[];
  readonly out?: string;
  readonly json?: true;
}

/** Adds `connito experts`. */
export function registerExperts(program: Command, context: CliContext): void {
  const group = addGroup(program, 'experts', 'Find the experts that matter to a domain.');
  registerExpertsScore(group, context);
  registerSelect(group, context);
  registerExpertsPartition(group, context);
}

function registerSelect(group: Command, context: CliContext): void {
  const command = group
    .command('select')
    .description('Select experts by their scores: an expert_cfg.json, byte for byte as ESFT published it. By default, per layer, those with the highest scores until they cover the threshold.')
    .requiredOption('--scores <file>', 'summary.json of `connito experts score`');
  const select = addRuleOptions(command, ['budget'])
    .addOption(new Option('--budget <size>', 'over all layers, the best by score per byte that fit: 2GiB, say; needs --expert-bytes or --model').argParser(byteCount()))
    .addOption(new Option('--expert-bytes <size>', 'size of one expert, for --budget').argParser(byteCount()).conflicts('model'))
    .option('--model <directory>', 'checkpoint whose experts are measured, for --budget')
    .addOption(new Option('--layers <layers>', 'only experts of these layers: 2-3, or 0,2-3; late ones make updates cheap to evaluate (default: all)').argParser(layerList()))
    .option('--out <file>', 'write the configuration here instead of to stdout')
    .action((flags: SelectFlags) => runSelect(flags, context));
  const examples = ['connito experts select --scores summary.json --out expert_cfg.json', 'connito experts select --scores summary.json --metric gate --threshold 0.1', 'connito experts select --scores summary.json --budget 2GiB --model model/', 'connito experts select --scores summary.json --layers 2-3 --out expert_cfg.json'];
  describeUse(select, examples, 'with --out: print the selection as JSON (without --out the configuration itself is JSON)');
}

async function runSelect(flags: SelectFlags, context: CliContext): Promise<void> {
  const { formatExpertConfig, selectExperts, selectLayers } = await import('@connito/moe-core');
  const { writeFileAtomic } = await import('@connito/moe-core/node');
  const { scores, metric, layers, out, json } = flags;
  const summary = await readScoreSummary(scores);
  const all = scoresOf(summary, flags);
  const table = layers === undefined ? all : selectLayers(all, layers);
  const rule = await selectionRule(flags);
  const experts = selectExperts(table, rule);
  const text = formatExpertConfig({ experts, sharedExperts: false, nonExpertModules: false });
  if (out === undefined) return context.print(text);
  await writeFileAtomic(out, new TextEncoder().encode(text));
  const selected = [...experts.values()].reduce((sum, ids) => sum + ids.length, 0);
  const of = [...table.values()].reduce((sum, row) => sum + row.length, 0);
  if (json) return context.printJson({ out, metric, ...rule, ...(layers === undefined ? {} : { layers }), selected, of, experts });
  context.print([...renderSelection(experts, context), `${out}: ${selected} of ${of} experts by ${metric} score ${describeRule(rule)}`].join('\n'));
}

async function selectionRule({ budget, expertBytes, model, ...flags }: SelectFlags): Promise<SelectionRule> {
  if (budget !== undefined) return { budgetBytes: budget, expertBytes: expertBytes ?? (await measureExperts(model)) };
  if (expertBytes === undefined && model === undefined) return ruleOf(flags);
  throw new CliError('usage', `${model === undefined ? '--expert-bytes' : '--model'} is for --budget, which says how many bytes may be selected`);
}

async function measureExperts(model: string | undefined): Promise<number> {
  if (model === undefined) throw new CliError('usage', '--budget needs the size of an expert: give --expert-bytes, or --model with a checkpoint to measure');
  const { countBytes } = await import('@connito/moe-core');
  const { openCheckpoint } = await import('@connito/moe-core/node');
  const checkpoint = await openCheckpoint(model);
  await checkpoint.close();
  return countBytes(checkpoint.topology, checkpoint.tensors).perExpert;
}

function describeRule(rule: SelectionRule): string {
  if ('threshold' in rule) return `at threshold ${rule.threshold}`;
  if ('count' in rule) return `(${rule.count} per layer)`;
  if ('minScore' in rule) return `from ${rule.minScore}`;
  return `within ${formatBytes(rule.budgetBytes)}`;
}

function renderSelection(experts: ExpertSelection, { stdout, env }: CliContext): string[] {
  const rows = [...experts].map(([layer, ids]) => [{ text: String(layer) }, { text: String(ids.length) }, { text: ids.join(', ') }]);
  const columns = [{ title: 'LAYER', align: 'right' as const }, { title: 'COUNT', align: 'right' as const }, { title: 'EXPERTS', minWidth: 10 }];
  return renderTable(columns, rows, stdout.isTTY === true ? (stdout.columns ?? 80) : Infinity, createPaint(wantsColor(stdout, env)));
}
