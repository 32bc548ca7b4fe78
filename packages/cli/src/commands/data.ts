/**
 * `connito data prepare`: text to tokenized, packed, disjoint shards.
 *
 * @module
 */
import type { Command } from 'commander';
import type { DatasetManifest, PrepareProgress, ShardEntry } from '@connito/dataset';
import { wantsColor, type CliContext } from '../context.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { addGroup } from '../program.ts';
import { openProgress } from '../progress.ts';
import { createPaint, formatBytes, renderTable, type Cell } from '../terminal.ts';

interface PrepareFlags {
  readonly target: readonly string[];
  readonly general: readonly string[];
  readonly tokenizer: string;
  readonly out: string;
  readonly sequenceLength: number;
  readonly cycles: number;
  readonly trainShards: number;
  readonly heldOutRows: number;
  readonly generalRows: number;
  readonly testRows: number;
  readonly seed: number;
  readonly json?: true;
}

/** Adds `connito data`. */
export function registerData(program: Command, context: CliContext): void {
  const group = addGroup(program, 'data', 'Prepare text for training and scoring.');
  const rows = wholeNumber({ min: 1, max: 1_000_000 });
  const command = group
    .command('prepare')
    .description('Clean, deduplicate, tokenize and pack text into training shards, single-use held-out shards, a general set and a test set, no two of which share a document.')
    .requiredOption('--target <paths...>', 'text of the domain to train: .txt and .jsonl files, or directories of them')
    .requiredOption('--general <paths...>', 'text of everything else, to measure forgetting on')
    .requiredOption('--tokenizer <directory>', 'directory with tokenizer.json and tokenizer_config.json, such as a model')
    .requiredOption('--out <directory>', 'where to write: absent, empty, or an earlier dataset, which is replaced')
    .option('--sequence-length <tokens>', 'tokens per row', wholeNumber({ min: 2, max: 65_536 }), 128)
    .option('--cycles <cycles>', 'held-out shards, one for each cycle', wholeNumber({ min: 1, max: 9_999 }), 3)
    .option('--train-shards <shards>', 'training shards, drawn by miners', wholeNumber({ min: 1, max: 9_999 }), 8)
    .option('--held-out-rows <rows>', 'rows of each held-out shard: score and gate together', rows, 256)
    .option('--general-rows <rows>', 'rows of the general set', rows, 128)
    .option('--test-rows <rows>', 'rows of the test set', rows, 256)
    .option('--seed <seed>', 'decides which document goes where', wholeNumber(), 0)
    .action((flags: PrepareFlags) => prepare(flags, context));
  describeUse(command, ['connito data prepare --target math/ --general prose/ code/ --tokenizer model/ --out data/', 'connito data prepare --target corpus.jsonl --general other.txt --tokenizer model/ --out data/ --cycles 10 --json'], 'print the manifest as JSON');
}

async function prepare({ json, ...flags }: PrepareFlags, context: CliContext): Promise<void> {
  const { prepareDataset } = await import('@connito/dataset');
  const progress = openProgress(context);
  try {
    const manifest = await prepareDataset({ ...flags, signal: context.signal, onProgress: (state) => progress.show(describeProgress(state)) });
    progress.clear();
    if (json) context.printJson(manifest);
    else printManifest(manifest, flags.out, context);
  } finally {
    progress.clear();
  }
}

function describeProgress({ stage, done, total }: PrepareProgress): string {
  return { read: `reading file ${done} of ${total}`, tokenize: `tokenizing document ${done} of ${total}`, write: `writing shard ${done} of ${total}` }[stage];
}

function printManifest(manifest: DatasetManifest, out: string, context: CliContext): void {
  const { train, heldOut, general, test, documents, sequenceLength } = manifest;
  const columns = [{ title: 'SPLIT' }, ...['SHARDS', 'ROWS', 'TOKENS', 'BYTES'].map((title) => ({ title, align: 'right' as const }))];
  const table = renderTable(columns, [splitRow('train', train), splitRow('held-out', heldOut), splitRow('general', [general]), splitRow('test', [test])], context.stdout.columns ?? 100, createPaint(wantsColor(context.stdout, context.env)));
  context.print(table.join('\n'));
  context.print(`${documents.target} target and ${documents.general} general documents, ${documents.duplicates} duplicates dropped; rows of ${sequenceLength} tokens; manifest in ${out}/manifest.json`);
}

function splitRow(name: string, shards: readonly ShardEntry[]): Cell[] {
  const counts = [shards.length, sum(shards, 'rows'), sum(shards, 'tokens')].map((count) => ({ text: count.toLocaleString('en') }));
  return [{ text: name }, ...counts, { text: formatBytes(sum(shards, 'sizeBytes')) }];
}

function sum(shards: readonly ShardEntry[], key: 'rows' | 'tokens' | 'sizeBytes'): number {
  return shards.reduce((total, shard) => total + shard[key], 0);
}
