/**
 * `connito experts partition`: from the scores of several domains and a budget to groups of experts, each for a miner to hold and train.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { CoActivation, ExpertGroup, GroupDomain, GroupPlan, MemoryEstimate, MemoryQuestion } from '@connito/moe-core';
import { CliError } from '../cli-error.ts';
import { printable, wantsColor, type CliContext } from '../context.ts';
import { byteCount, describeUse, wholeNumber } from '../options.ts';
import { findRoutingLogs } from '../routing-logs.ts';
import { readScoreSummary } from '../score-summary-file.ts';
import { addRuleOptions, ruleOf, scoresOf, type RuleFlags } from '../selection-rule.ts';
import { createPaint, formatBytes, renderTable, type Column } from '../terminal.ts';

interface PartitionFlags extends RuleFlags {
  readonly scores: readonly string[];
  readonly coActivation?: readonly string[];
  readonly budget?: number;
  readonly memory?: number;
  readonly model?: string;
  readonly expertBytes?: number;
  readonly expertsPerToken?: number;
  readonly overlap?: true;
  readonly groupsPerDomain?: number;
  readonly batchTokens: number;
  readonly out?: string;
  readonly json?: true;
}

/** Sizes of the model that is partitioned. */
interface ModelSizes {
  readonly expertBytes: number;
  /** E and K, where there is a checkpoint. */
  readonly routing?: { readonly experts: number; readonly expertsPerToken: number };
  /** What memory estimates need; not without a checkpoint. */
  readonly memory?: Pick<MemoryQuestion, 'topology' | 'frozenBytes'> & { readonly parametersPerExpert: number };
}

type ReportedGroup = ExpertGroup & { readonly memory?: { readonly training: MemoryEstimate; readonly evaluation: MemoryEstimate } };

/** K of ESFT's published logs; text logs do not say theirs. */
const PUBLISHED_EXPERTS_PER_TOKEN = 6;

/** Adds `connito experts partition`. */
export function registerExpertsPartition(group: Command, context: CliContext): void {
  const command = group
    .command('partition')
    .description('Plan groups of experts for miners to hold and train: from the scores of each domain and a budget of bytes, balanced, with experts that work together kept together.')
    .requiredOption('--scores <name=file...>', 'a domain and its summary.json; once per domain')
    .addOption(new Option('--budget <size>', "bytes that a group's experts may take, as stored: 2GiB, say").argParser(byteCount()))
    .addOption(new Option('--memory <size>', 'instead of --budget: memory of a miner, in which training a group must fit by the estimate; needs --model').argParser(byteCount()).conflicts(['budget', 'expertBytes']))
    .option('--model <directory>', 'checkpoint: sizes of experts, and memory that a miner needs')
    .addOption(new Option('--expert-bytes <size>', 'size of one expert, instead of --model').argParser(byteCount()).conflicts('model'))
    .option('--co-activation <name=logs...>', "logs of the domain's routing (as for `experts score --logs`), from which it is counted which experts work together")
    .option('--experts-per-token <count>', 'active experts per token in text logs, without --model (default: 6, as published)', wholeNumber({ min: 1, max: 65_536 }))
    .option('--overlap', 'let groups of different domains share experts; by default each expert is in one group')
    .option('--groups-per-domain <count>', 'at most so many groups per domain; what does not fit is left out, lowest scores first', wholeNumber({ min: 1, max: 65_536 }))
    .option('--batch-tokens <tokens>', 'tokens of a batch, for the memory of activations', wholeNumber({ min: 1, max: 1e9 }), 4096);
  const partition = addRuleOptions(command)
    .option('--out <file>', 'write groups and report here as JSON')
    .action((flags: PartitionFlags) => runPartition(flags, context));
  const examples = [
    'connito experts partition --scores law=law.json --scores code=code.json --model model/ --budget 2GiB --out groups.json',
    'connito experts partition --scores law=law.json --scores code=code.json --model model/ --memory 24GiB --batch-tokens 8192',
    'connito experts partition --scores law=law.json code=code.json --co-activation law=law.routes code=code.routes --expert-bytes 17301504 --budget 1GiB --overlap',
  ];
  describeUse(partition, examples, 'print groups and report as JSON');
}

async function runPartition(flags: PartitionFlags, context: CliContext): Promise<void> {
  const { estimateTrainingMemory, planExpertGroups } = await import('@connito/moe-core');
  const sizes = await measureModel(flags);
  const domains = await readDomains(flags, sizes);
  const budgetBytes = budgetOf(flags, sizes, estimateTrainingMemory);
  const mode = flags.overlap ? 'overlapping' : 'disjoint';
  const plan = planExpertGroups({ domains, budgetBytes, expertBytes: sizes.expertBytes, mode, rule: ruleOf(flags), ...(flags.groupsPerDomain === undefined ? {} : { groupsPerDomain: flags.groupsPerDomain }) });
  const groups = await Promise.all(plan.groups.map((group) => withMemory(group, sizes, flags.batchTokens)));
  const report = { mode, metric: flags.metric, ...ruleOf(flags), budgetBytes, expertBytes: sizes.expertBytes, ...(sizes.memory === undefined ? {} : { batchTokens: flags.batchTokens }), domains: plan.domains, groups };
  if (flags.out !== undefined) await writeReport(flags.out, report);
  if (flags.json) context.printJson(report);
  else context.print([...renderGroups(groups, context), '', ...describeDomains(plan), ...(flags.out === undefined ? [] : [`${flags.out}: ${groups.length} groups`])].join('\n'));
}

/** As many experts as a miner can train, in bytes as stored. */
function budgetOf({ budget, memory: offered, batchTokens }: PartitionFlags, { expertBytes, memory }: ModelSizes, estimate: (question: MemoryQuestion) => MemoryEstimate): number {
  if (budget !== undefined) return budget;
  if (offered === undefined || memory === undefined) throw new CliError('usage', "A budget is missing: give --budget with the bytes of a group's experts, or --memory with that of a miner and --model");
  const of = (experts: number): number => estimate({ ...memory, trainedParameters: experts * memory.parametersPerExpert, trainedBytes: 0, batchTokens }).total;
  const experts = Math.floor((offered - of(0)) / (of(1) - of(0)));
  if (experts >= 1) return experts * expertBytes;
  throw new CliError('data', `Training one expert takes ${formatBytes(of(1))}, of which ${formatBytes(of(0))} are the frozen part and activations of ${batchTokens} tokens; --memory offers ${formatBytes(offered)}: fewer --batch-tokens take less`);
}

async function measureModel({ model, expertBytes }: PartitionFlags): Promise<ModelSizes> {
  if (expertBytes !== undefined) return { expertBytes };
  if (model === undefined) throw new CliError('usage', 'The size of an expert is missing: give --model with a checkpoint to measure, or --expert-bytes');
  const { countBytes, countParameters } = await import('@connito/moe-core');
  const { openCheckpoint } = await import('@connito/moe-core/node');
  const checkpoint = await openCheckpoint(model);
  await checkpoint.close();
  const { topology } = checkpoint;
  const bytes = countBytes(topology, checkpoint.tensors);
  return {
    expertBytes: bytes.perExpert,
    routing: { experts: topology.expertsPerLayer, expertsPerToken: topology.expertsPerToken },
    memory: { topology, frozenBytes: bytes.total - bytes.parts.experts, parametersPerExpert: countParameters(topology).perExpert },
  };
}

async function readDomains(flags: PartitionFlags, { routing }: ModelSizes): Promise<GroupDomain[]> {
  const logs = groupByName('--co-activation', flags.coActivation ?? []);
  const files = groupByName('--scores', flags.scores);
  for (const name of logs.keys()) if (!files.has(name)) throw new CliError('usage', `--co-activation names the domain ${printable(name)}, for which there is no --scores`);
  return Promise.all(
    Array.from(files, async ([name, [file, ...more]]): Promise<GroupDomain> => {
      if (more.length > 0) throw new CliError('usage', `--scores names the domain ${printable(name)} twice; a domain has one summary`);
      const scores = scoresOf(await readScoreSummary(file!), flags);
      const experts = Math.max(0, ...[...scores.values()].map((row) => row.length));
      if (routing !== undefined && experts !== routing.experts) throw new CliError('data', `${file} has scores of ${experts} experts per layer, the model has ${routing.experts}`);
      const paths = logs.get(name);
      return paths === undefined ? { name, scores } : { name, scores, coActivation: await countTogether(paths, { experts, expertsPerToken: routing?.expertsPerToken ?? flags.expertsPerToken }) };
    }),
  );
}

/** `name=path` pairs by name. */
function groupByName(option: string, pairs: readonly string[]): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1 || at === pair.length - 1) throw new CliError('usage', `${option} expects a name and a path such as law=law.json, got ${printable(pair)}`);
    const name = pair.slice(0, at);
    byName.set(name, [...(byName.get(name) ?? []), pair.slice(at + 1)]);
  }
  return byName;
}

async function countTogether(paths: readonly string[], { experts, expertsPerToken }: { experts: number; expertsPerToken: number | undefined }): Promise<Map<number, CoActivation>> {
  const { addCoActivation, createCoActivation } = await import('@connito/moe-core');
  const logs = await findRoutingLogs({ paths, size: { experts, expertsPerToken: expertsPerToken ?? PUBLISHED_EXPERTS_PER_TOKEN, isAssumed: expertsPerToken === undefined } });
  const counts = new Map<number, CoActivation>();
  for await (const { layer, ids } of logs.samples()) {
    let own = counts.get(layer);
    if (own === undefined) counts.set(layer, (own = createCoActivation(logs.size)));
    addCoActivation(own, ids);
  }
  return counts;
}

async function withMemory(group: ExpertGroup, { expertBytes, memory }: ModelSizes, batchTokens: number): Promise<ReportedGroup> {
  if (memory === undefined) return group;
  const { estimateEvaluationMemory, estimateTrainingMemory } = await import('@connito/moe-core');
  const { parametersPerExpert, ...rest } = memory;
  const question = { ...rest, trainedParameters: group.expertCount * parametersPerExpert, trainedBytes: group.expertCount * expertBytes, batchTokens };
  return { ...group, memory: { training: estimateTrainingMemory(question), evaluation: estimateEvaluationMemory(question) } };
}

async function writeReport(path: string, report: unknown): Promise<void> {
  const { writeFileAtomic } = await import('@connito/moe-core/node');
  const text = JSON.stringify(report, (_, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value), 2);
  await writeFileAtomic(path, new TextEncoder().encode(`${text}\n`));
}

const COLUMNS: readonly Column[] = [
  { title: 'GROUP', minWidth: 8 },
  { title: 'EXPERTS', align: 'right' },
  { title: 'PER LAYER', align: 'right', priority: 1 },
  { title: 'BYTES', align: 'right' },
  { title: 'COVERS', minWidth: 12 },
  { title: 'TOGETHER', align: 'right', priority: 2 },
  { title: 'TRAINING', align: 'right', priority: 4 },
  { title: 'EVALUATION', align: 'right', priority: 3 },
];

function renderGroups(groups: readonly ReportedGroup[], { stdout, env }: CliContext): string[] {
  const rows = groups.map(({ id, experts, expertCount, sizeBytes, coverage, coActivationKept, memory }) => {
    const counts = [...experts.values()].map(({ length }) => length);
    const covers = [...coverage].map(([name, share]) => `${printable(name)} ${percent(share)}`).join(', ');
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    const needs = [memory?.training, memory?.evaluation].map((estimate) => (estimate === undefined ? '–' : formatBytes(estimate.total)));
    return [printable(id), String(expertCount), least === most ? String(least) : `${least}–${most}`, formatBytes(sizeBytes), covers, coActivationKept === undefined ? '–' : percent(coActivationKept), ...needs].map((text) => ({ text }));
  });
  return renderTable(COLUMNS, rows, stdout.isTTY === true ? (stdout.columns ?? 80) : Infinity, createPaint(wantsColor(stdout, env)));
}

function describeDomains({ groups, domains }: GroupPlan): string[] {
  return Array.from(domains, ([name, { wantedExperts, plannedExperts, coverage, coActivationKept }]) => {
    const count = groups.filter(({ domain }) => domain === name).length;
    const together = coActivationKept === undefined ? '' : `; ${percent(coActivationKept)} of their co-activation is inside groups`;
    return `${printable(name)}: ${plannedExperts} of ${wantedExperts} wanted experts in ${count} ${count === 1 ? 'group' : 'groups'} cover ${percent(coverage)} of its routing${together}`;
  });
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
