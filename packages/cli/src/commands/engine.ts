/**
 * `connito engine export`: the engine's graphs as files, for a run on a GPU.
 *
 * @module
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import type { Checkpoint } from '@connito/moe-core';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { BATCH_ROWS } from '../engine-options.ts';
import { countExperts, readSelection } from '../expert-config-file.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { addGroup } from '../program.ts';
import { openProgress } from '../progress.ts';
import { formatBytes } from '../terminal.ts';
import { readTokenRows, type TokenRows } from '../token-rows.ts';

interface ExportFlags {
  readonly model: string;
  readonly experts: string;
  readonly data?: readonly string[];
  readonly text?: readonly string[];
  readonly batchRows: number;
  readonly sequenceLength: number;
  readonly out: string;
  readonly json?: true;
}

/** Adds `connito engine`. */
export function registerEngine(program: Command, context: CliContext): void {
  const group = addGroup(program, 'engine', 'The graphs that the engine computes.');
  const command = group
    .command('export')
    .description('Write training and evaluation of a model as ONNX graphs with their weights, one batch and a Python script, which runs them on a GPU beside PyTorch, compares both and measures them.')
    .requiredOption('--model <directory>', 'checkpoint in Hugging Face layout')
    .requiredOption('--experts <file>', 'expert_cfg.json: whose gradients the training graph gives')
    .addOption(new Option('--data <files...>', 'prepared shards that the batch is taken from (default: token ids drawn from a fixed sequence)').conflicts('text'))
    .addOption(new Option('--text <paths...>', 'or text: .txt and .jsonl files, or directories of them').conflicts('data'))
    .option('--batch-rows <rows>', 'rows of the batch', wholeNumber({ min: 1, max: 65_536 }), BATCH_ROWS)
    .option('--sequence-length <tokens>', 'tokens per row; shards have their own', wholeNumber({ min: 2, max: 65_536 }), 128)
    .requiredOption('--out <directory>', 'where to write: absent or empty')
    .action((flags: ExportFlags) => runExport(flags, context));
  describeUse(command, ['connito engine export --model model/ --experts expert_cfg.json --out gpu-run/', 'connito engine export --model model/ --experts expert_cfg.json --data data/train-0000.safetensors --batch-rows 16 --out gpu-run/ --json']);
}

async function runExport(flags: ExportFlags, context: CliContext): Promise<void> {
  const { assertFree, openCheckpoint } = await import('@connito/moe-core/node');
  await assertFree(flags.out);
  const experts = await readSelection(flags.experts);
  const checkpoint = await openCheckpoint(flags.model);
  try {
    const { exportGraphs } = await import('@connito/moe-engine');
    const rows = await readBatch(flags, checkpoint);
    const { files } = exportGraphs({ checkpoint, experts, tokens: rows.tokens, sequenceLength: rows.sequenceLength });
    const written = await write({ flags, checkpoint, files, context });
    const result = { out: flags.out, experts: countExperts(experts), rows: rows.rows, sequenceLength: rows.sequenceLength, ...written };
    if (flags.json) return context.printJson(result);
    context.print(`${flags.out}: gradients of ${result.experts} experts for ${rows.rows} rows of ${rows.sequenceLength} tokens, ${formatBytes(written.weightBytes)} of weights`);
    context.print(`On the machine with the GPU: pip install onnxruntime-gpu torch transformers safetensors numpy; python ${join(flags.out, 'run.py')} --device cuda`);
  } finally {
    await checkpoint.close();
  }
}

async function readBatch({ model, data, text, batchRows, sequenceLength }: ExportFlags, { topology: { vocabularySize } }: Checkpoint): Promise<TokenRows> {
  if (data === undefined && text === undefined) return drawnRows({ rows: batchRows, sequenceLength, vocabularySize });
  const rows = await readTokenRows({ model, ...(data === undefined ? {} : { data }), ...(text === undefined ? {} : { text }), rows: batchRows, sequenceLength, vocabularySize });
  if (rows.rows < batchRows) throw new CliError('data', `There are ${rows.rows} rows, --batch-rows asks for ${batchRows}: give more, or ask for fewer`);
  return rows;
}

/** Ids of a linear congruential sequence (Numerical Recipes, 2nd ed., §7.1): the same on every machine, and of every part of the vocabulary. */
function drawnRows({ rows, sequenceLength, vocabularySize }: { readonly rows: number; readonly sequenceLength: number; readonly vocabularySize: number }): TokenRows {
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  return { rows, sequenceLength, tokens: Int32Array.from({ length: rows * sequenceLength }, () => Math.floor((next() / 2 ** 32) * vocabularySize)) };
}

interface ExportJob {
  readonly flags: ExportFlags;
  readonly checkpoint: Checkpoint;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly context: CliContext;
}

/** `run.json` is the last of `files`: where it stands, everything does. */
async function write({ flags: { out, model }, checkpoint, files, context }: ExportJob): Promise<{ readonly files: readonly string[]; readonly weightBytes: number }> {
  const { writeFileAtomic, writeModelDirectory } = await import('@connito/moe-core/node');
  const progress = openProgress(context);
  try {
    await mkdir(out, { recursive: true });
    const { tensorBytes } = await writeModelDirectory(join(out, 'model'), {
      checkpoint,
      copyFrom: model,
      onTensor: ({ doneBytes, totalBytes }) => {
        context.signal.throwIfAborted();
        progress.show(`writing ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`);
      },
    });
    await copyFile(createRequire(import.meta.url).resolve('@connito/moe-engine/run_exported.py'), join(out, 'run.py'));
    for (const [name, bytes] of files) await writeFileAtomic(join(out, name), bytes);
    return { files: ['model/', 'run.py', ...files.keys()].sort(), weightBytes: tensorBytes };
  } finally {
    progress.clear();
  }
}
