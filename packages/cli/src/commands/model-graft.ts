/**
 * `connito model graft`: modules into a model, as a model directory of its own.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Option, type Command } from 'commander';
import type { Checkpoint, ConflictPolicy, GraftedModel } from '@connito/moe-core';
import type { OpenExpertModule } from '@connito/moe-core/node';
import { CliError } from '../cli-error.ts';
import { printable, wantsColor, type CliContext } from '../context.ts';
import { countExperts } from '../expert-config-file.ts';
import { byteCount, describeUse } from '../options.ts';
import { openProgress } from '../progress.ts';
import { createPaint, formatBytes, renderTable } from '../terminal.ts';

interface GraftFlags {
  readonly model: string;
  readonly module: readonly string[];
  readonly onConflict: ConflictPolicy;
  readonly allowOtherBase?: true;
  readonly baseRoot?: string;
  readonly maxShardSize?: number;
  readonly out: string;
  readonly json?: true;
}

/** Written beside the weights, so that authors and licences stay with what they made: one entry per graft, oldest first. */
const RECORD = 'grafted_modules.json';

/** Adds `connito model graft`. */
export function registerModelGraft(group: Command, context: CliContext): void {
  const command = group
    .command('graft')
    .description('Put the experts of one or several modules into the model that they were made for, and write the result as a model directory.')
    .requiredOption('--model <directory>', 'checkpoint in Hugging Face layout')
    .requiredOption('--module <files...>', 'module files of `connito model extract`')
    .addOption(new Option('--on-conflict <policy>', 'for an expert that several modules bring: refuse, take the newest, or their weighted mean').choices(['error', 'newest', 'weighted']).default('error'))
    .option('--allow-other-base', 'take modules that were made for another model of the same family and shapes')
    .option('--base-root <hex>', "the model's root; modules that name another are refused")
    .option('--max-shard-size <size>', 'largest file of weights (default: 5GB)', byteCount())
    .requiredOption('--out <directory>', 'where to write: absent or empty')
    .action((flags: GraftFlags) => graft(flags, context));
  describeUse(command, ['connito model graft --model model/ --module law.safetensors --out law-model/', 'connito model graft --model model/ --module law.safetensors math.safetensors --on-conflict weighted --out both/']);
}

async function graft(flags: GraftFlags, context: CliContext): Promise<void> {
  const { graftModules } = await import('@connito/moe-core');
  const { assertFree, openCheckpoint, openExpertModuleFile } = await import('@connito/moe-core/node');
  await assertFree(flags.out);
  const base = await openCheckpoint(flags.model);
  const modules: { name: string; module: OpenExpertModule }[] = [];
  try {
    for (const name of new Set(flags.module)) modules.push({ name, module: await openExpertModuleFile(name, base.topology) });
    const grafted = await graftModules(base, modules, { onConflict: flags.onConflict, allowOtherBase: flags.allowOtherBase, baseRoot: flags.baseRoot });
    const result = { out: flags.out, experts: grafted.experts, modules: modules.map(({ name, module }) => describeModule(name, module, grafted)), ...(await write(flags, grafted, { modules, base, context })) };
    if (flags.json) context.printJson(result);
    else context.print(render(result, context).join('\n'));
    if (!flags.json && base.topology.quantization !== undefined) context.print('quantization_config: removed, the weights are written as floats');
  } finally {
    await base.close();
    for (const { module } of modules) await module.close();
  }
}

interface DescribedModule {
  readonly file: string;
  readonly author: string | undefined;
  readonly license: string | undefined;
  /** In the file, and of these in the model: fewer where another module won. */
  readonly experts: number;
  readonly taken: number;
}

function describeModule(file: string, { provenance: { author, license }, selection }: OpenExpertModule, { experts }: GraftedModel): DescribedModule {
  return { file, author, license, experts: countExperts(selection), taken: experts.filter(({ modules }) => modules.includes(file)).length };
}

interface Job {
  readonly modules: readonly { readonly name: string; readonly module: OpenExpertModule }[];
  readonly base: Checkpoint;
  readonly context: CliContext;
}

async function write(flags: GraftFlags, { checkpoint, experts }: GraftedModel, { modules, base, context }: Job): Promise<{ files: readonly string[]; tensorBytes: number }> {
  const { fingerprintCheckpoint, plainConfig } = await import('@connito/moe-core');
  const { writeModelDirectory } = await import('@connito/moe-core/node');
  const progress = openProgress(context);
  const record = {
    base: await fingerprintCheckpoint(base),
    onConflict: flags.onConflict,
    modules: modules.map(({ name, module: { provenance, dtype } }) => ({ file: basename(name), dtype, ...provenance, extra: Object.fromEntries(provenance.extra ?? []) })),
    // By index: two files in different directories may have one name.
    experts: experts.map(({ layer, expert, modules: names }) => ({ layer, expert, modules: names.map((name) => modules.findIndex((module) => module.name === name)) })),
  };
  const files = new Map<string, string>();
  // Quantised weights are read, and so written, as floats.
  if (base.topology.quantization !== undefined) files.set('config.json', plainConfig(await readFile(join(flags.model, 'config.json'), 'utf8')));
  const grafts = [...(await readRecord(join(flags.model, RECORD))), record];
  try {
    return await writeModelDirectory(flags.out, {
      checkpoint,
      copyFrom: flags.model,
      files: files.set(RECORD, `${JSON.stringify({ grafts }, null, 2)}\n`),
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

/** Earlier grafts into this model. */
async function readRecord(path: string): Promise<readonly unknown[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const { grafts } = JSON.parse(text) as { grafts?: unknown };
    if (Array.isArray(grafts)) return grafts;
  } catch {
    // Said below, as for any other text that is no record.
  }
  throw new CliError('data', `${path} should record earlier grafts as {"grafts": […]}, but does not; remove it if it is something else`);
}

function render(result: { out: string; experts: readonly unknown[]; modules: readonly DescribedModule[]; files: readonly string[]; tensorBytes: number }, { stdout, env }: CliContext): string[] {
  const right = { align: 'right' as const };
  const columns = [{ title: 'MODULE', minWidth: 16 }, { title: 'EXPERTS', ...right }, { title: 'TAKEN', ...right }, { title: 'AUTHOR', priority: 1 }, { title: 'LICENSE', priority: 2 }];
  const rows = result.modules.map(({ file, experts, taken, author = '', license = '' }) => [file, String(experts), String(taken), printable(author, 40), printable(license, 40)].map((text) => ({ text })));
  const table = renderTable(columns, rows, stdout.isTTY === true ? (stdout.columns ?? 80) : Infinity, createPaint(wantsColor(stdout, env)));
  return [...table, `${result.out}: ${result.experts.length} experts replaced, ${result.files.length} files, ${formatBytes(result.tensorBytes)} of weights`];
}
