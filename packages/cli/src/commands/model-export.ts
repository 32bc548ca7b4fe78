/**
 * `connito model export`: a model with only the named experts.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import type { Checkpoint, ExpertSelection, RightSizedModel } from '@connito/moe-core';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { countExperts, readSelection } from '../expert-config-file.ts';
import { byteCount, describeUse, wholeNumber } from '../options.ts';
import { openProgress } from '../progress.ts';
import { readScoreSummary } from '../score-summary-file.ts';
import { formatBytes } from '../terminal.ts';

interface ExportFlags {
  readonly model: string;
  readonly experts: string;
  readonly fillScores?: string;
  readonly metric: 'token' | 'gate';
  readonly count?: number;
  readonly partial?: true;
  readonly maxShardSize?: number;
  readonly out: string;
  readonly json?: true;
}

/** Adds `connito model export`. */
export function registerModelExport(group: Command, context: CliContext): void {
  const command = group
    .command('export')
    .description('Write a smaller model with only the named experts, renumbered, that transformers loads. It routes among these alone: as the full model would with its routers masked to them.')
    .requiredOption('--model <directory>', 'checkpoint in Hugging Face layout')
    .requiredOption('--experts <file>', 'expert_cfg.json of `connito experts select`; the same number in every layer, unless layers are filled up')
    .option('--fill-scores <file>', 'summary.json of `connito experts score`: fill each layer up with its next best experts')
    .addOption(new Option('--metric <metric>', 'which of the scores, for --fill-scores').choices(['token', 'gate']).default('token'))
    .option('--count <experts>', 'how many per layer, for --fill-scores (default: as many as the fullest layer has)', wholeNumber({ min: 1, max: 65_536 }))
    .option('--partial', 'only leave the other experts out: ids, routers and config stay those of the full model, for commands with --present (transformers does not load it)')
    .option('--max-shard-size <size>', 'largest file of weights (default: 5GB)', byteCount())
    .requiredOption('--out <directory>', 'where to write: absent or empty')
    .action((flags: ExportFlags) => runExport(flags, context));
  describeUse(command, ['connito model export --model model/ --experts expert_cfg.json --out small/', 'connito model export --model model/ --experts expert_cfg.json --fill-scores summary.json --out small/', 'connito model export --model model/ --experts expert_cfg.json --partial --out partial/']);
}

async function runExport(flags: ExportFlags, context: CliContext): Promise<void> {
  const { assertFree, openCheckpoint } = await import('@connito/moe-core/node');
  if (flags.count !== undefined && flags.fillScores === undefined) throw new CliError('usage', '--count fills layers up, which needs --fill-scores');
  await assertFree(flags.out);
  const full = await openCheckpoint(flags.model);
  try {
    const smaller = await makeSmaller(full, flags);
    const written = await write(flags, smaller, context);
    report(smaller, { full, flags, written, context });
  } finally {
    await full.close();
  }
}

/** A partial model has the full one's config. */
type SmallerModel = Omit<RightSizedModel, 'config'> & { readonly config?: string };

async function makeSmaller(full: Checkpoint, flags: ExportFlags): Promise<SmallerModel> {
  const { partialCheckpoint, rightSizeModel } = await import('@connito/moe-core');
  const selection = await selectionFor(full, flags);
  if (!flags.partial) return rightSizeModel(full, { selection, config: await readFile(join(flags.model, 'config.json'), 'utf8') });
  return { checkpoint: partialCheckpoint(full, selection), changes: [], experts: selection, dropped: [] };
}

async function selectionFor({ topology }: Checkpoint, { experts, fillScores, metric, count }: ExportFlags): Promise<ExpertSelection> {
  const { evenSelection } = await import('@connito/moe-core');
  const selection = await readSelection(experts);
  if (fillScores === undefined) return selection;
  const summary = await readScoreSummary(fillScores);
  return evenSelection({ topology, selection, scores: metric === 'token' ? summary.tokenScores : summary.gateScores, count });
}

interface Written {
  readonly files: readonly string[];
  readonly tensorBytes: number;
}

async function write(flags: ExportFlags, { checkpoint, config, experts }: SmallerModel, context: CliContext): Promise<Written> {
  const { formatExpertConfig } = await import('@connito/moe-core');
  const { writeModelDirectory } = await import('@connito/moe-core/node');
  const progress = openProgress(context);
  try {
    return await writeModelDirectory(flags.out, {
      checkpoint,
      copyFrom: flags.model,
      files: new Map([...(config === undefined ? [] : [['config.json', config] as const]), ['expert_cfg.json', formatExpertConfig({ experts, sharedExperts: false, nonExpertModules: false })]]),
      maxShardBytes: flags.maxShardSize,
      onTensor: ({ doneBytes, totalBytes }) => {
        context.signal.throwIfAborted();
        progress.show(`writing ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`);
      },
    });
  } finally {
    progress.clear();
  }
}

function report(small: SmallerModel, { full, flags, written, context }: { full: Checkpoint; flags: ExportFlags; written: Written; context: CliContext }): void {
  const { changes, dropped, experts } = small;
  const fullBytes = [...full.tensors.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const { expertsPerLayer, moeLayers } = full.topology;
  if (flags.json) return context.printJson({ out: flags.out, experts, changes, dropped, fullBytes, ...written });
  for (const { field, from, to } of changes) context.print(to === undefined ? `${field}: removed, the weights are written as floats` : `${field}: ${from ?? 'not given'} → ${to}`);
  if (dropped.length > 0) context.print(`${dropped.length} tensors of extra prediction layers are left out`);
  context.print(`${flags.out}: ${countExperts(experts)} of ${expertsPerLayer * moeLayers.length} experts, ${formatBytes(written.tensorBytes)} of weights instead of ${formatBytes(fullBytes)}; expert_cfg.json there says ${flags.partial ? 'which, for --present' : 'which was which'}`);
}
