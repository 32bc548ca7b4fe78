/**
 * `connito experts score|select`: which experts a domain uses, and which of them to train (ESFT).
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import type { ExpertSelection, ScoreSummary } from '@connito/moe-core';
import { CliError } from '../cli-error.ts';
import { wantsColor, type CliContext } from '../context.ts';
import { addEngineOptions, BATCH_ROWS, engineChoice, type EngineFlags } from '../engine-options.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';
import { addGroup } from '../program.ts';
import { openProgress } from '../progress.ts';
import { createPaint, renderTable } from '../terminal.ts';
import { readTokenRows, type TokenRows } from '../token-rows.ts';

interface ScoreFlags extends EngineFlags {
  readonly model: string;
  readonly text?: readonly string[];
  readonly data?: readonly string[];
  readonly rows: number;
  readonly sequenceLength: number;
  readonly out?: string;
  readonly json?: true;
}

interface SelectFlags {
  readonly scores: string;
  readonly metric: 'token' | 'gate';
  readonly threshold?: number;
  readonly out?: string;
  readonly json?: true;
}

/** The published thresholds of ESFT. */
const THRESHOLDS = { token: 0.2, gate: 0.1 } as const;

/** Adds `connito experts`. */
export function registerExperts(program: Command, context: CliContext): void {
  const group = addGroup(program, 'experts', 'Find the experts that matter to a domain.');
  const score = addEngineOptions(
    group
      .command('score')
      .description("Run text through a model and count how much of it each expert gets: token and gate scores in ESFT's summary.json format.")
      .requiredOption('--model <directory>', 'checkpoint in Hugging Face layout')
      .addOption(new Option('--text <paths...>', 'text of the domain: .txt and .jsonl files, or directories of them').conflicts('data'))
      .option('--data <files...>', 'prepared shards instead of text')
      .option('--rows <rows>', 'rows of tokens to use at most', wholeNumber({ min: 1, max: 100_000 }), 256)
      .option('--sequence-length <tokens>', 'tokens per row, for --text', wholeNumber({ min: 2, max: 65_536 }), 128)
      .option('--out <file>', 'write the summary here instead of to stdout'),
  ).action((flags: ScoreFlags) => runScore(flags, context));
  describeUse(score, ['connito experts score --model model/ --text math/ --out summary.json', 'connito experts score --model model/ --data data/train-0000.safetensors --rows 64'], 'with --out: print what was written as JSON (without --out the summary itself is JSON)');

  const select = group
    .command('select')
    .description('Per layer, take the experts with the highest scores until they cover the threshold: an expert_cfg.json, byte for byte as ESFT published it.')
    .requiredOption('--scores <file>', 'summary.json of `connito experts score`')
    .addOption(new Option('--metric <metric>', 'which of the scores').choices(['token', 'gate']).default('token'))
    .option('--threshold <share>', 'share of the score to cover (default: 0.2 for token, 0.1 for gate)', decimalNumber({ min: 1e-9, max: 1e9 }))
    .option('--out <file>', 'write the configuration here instead of to stdout')
    .action((flags: SelectFlags) => runSelect(flags, context));
  describeUse(select, ['connito experts select --scores summary.json --out expert_cfg.json', 'connito experts select --scores summary.json --metric gate --threshold 0.1'], 'with --out: print the selection as JSON (without --out the configuration itself is JSON)');
}

async function runScore(flags: ScoreFlags, context: CliContext): Promise<void> {
  const { formatScoreSummary } = await import('@connito/moe-core');
  const { openCheckpoint, writeFileAtomic } = await import('@connito/moe-core/node');
  const checkpoint = await openCheckpoint(flags.model);
  try {
    const rows = await readTokenRows({ ...flags, vocabularySize: checkpoint.topology.vocabularySize });
    const summary = await scoreExperts({ checkpoint, rows, flags, context });
    const text = formatScoreSummary(summary);
    if (flags.out === undefined) return context.print(text);
    await writeFileAtomic(flags.out, new TextEncoder().encode(text));
    const written = { out: flags.out, rows: rows.rows, tokens: rows.rows * rows.sequenceLength, layers: [...summary.tokenScores.keys()] };
    if (flags.json) context.printJson(written);
    else context.print(`${flags.out}: scores of ${written.layers.length} layers over ${written.tokens.toLocaleString('en')} tokens (${rows.rows} rows of ${rows.sequenceLength})`);
  } finally {
    await checkpoint.close();
  }
}

interface Scoring {
  readonly checkpoint: import('@connito/moe-core').Checkpoint;
  readonly rows: TokenRows;
  readonly flags: ScoreFlags;
  readonly context: CliContext;
}

async function scoreExperts({ checkpoint, rows, flags, context }: Scoring): Promise<ScoreSummary> {
  const { addRouting, createExpertRelevance, gateScores, tokenScores } = await import('@connito/moe-core');
  const { collectRouting } = await import('@connito/moe-engine');
  const progress = openProgress(context);
  progress.show(`routing ${rows.rows} rows of ${rows.sequenceLength} tokens`);
  try {
    const { expertsPerLayer: experts, expertsPerToken } = checkpoint.topology;
    const layers = await collectRouting({ checkpoint, tokens: rows.tokens, sequenceLength: rows.sequenceLength, batchSize: BATCH_ROWS, ...engineChoice(flags, context) });
    let relevance = createExpertRelevance({ experts, expertsPerToken });
    for (const routing of layers) relevance = addRouting(relevance, routing);
    return { tokenScores: tokenScores(relevance), gateScores: gateScores(relevance) };
  } finally {
    progress.clear();
  }
}

async function runSelect({ scores, metric, threshold = THRESHOLDS[metric], out, json }: SelectFlags, context: CliContext): Promise<void> {
  const { formatExpertConfig, parseScoreSummary, selectExperts } = await import('@connito/moe-core');
  const { writeFileAtomic } = await import('@connito/moe-core/node');
  const summary = parseScoreSummary(await readText(scores));
  const table = metric === 'token' ? summary.tokenScores : summary.gateScores;
  const experts = selectExperts(table, { threshold });
  const text = formatExpertConfig({ experts, sharedExperts: false, nonExpertModules: false });
  if (out === undefined) return context.print(text);
  await writeFileAtomic(out, new TextEncoder().encode(text));
  const selected = [...experts.values()].reduce((sum, ids) => sum + ids.length, 0);
  const of = [...table.values()].reduce((sum, row) => sum + row.length, 0);
  if (json) return context.printJson({ out, metric, threshold, selected, of, experts });
  context.print([...renderSelection(experts, context), `${out}: ${selected} of ${of} experts by ${metric} score at threshold ${threshold}`].join('\n'));
}

/** Summaries of the largest published models have under 2 MB. */
const MAX_SUMMARY_BYTES = 64_000_000;

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path);
  if (bytes.length > MAX_SUMMARY_BYTES) throw new CliError('data', `${path} has ${bytes.length} bytes; a score summary has at most ${MAX_SUMMARY_BYTES}`);
  return bytes.toString('utf8');
}

function renderSelection(experts: ExpertSelection, { stdout, env }: CliContext): string[] {
  const rows = [...experts].map(([layer, ids]) => [{ text: String(layer) }, { text: String(ids.length) }, { text: ids.join(', ') }]);
  const columns = [{ title: 'LAYER', align: 'right' as const }, { title: 'COUNT', align: 'right' as const }, { title: 'EXPERTS', minWidth: 10 }];
  return renderTable(columns, rows, stdout.isTTY === true ? (stdout.columns ?? 80) : Infinity, createPaint(wantsColor(stdout, env)));
}
