/**
 * `connito eval`: the loss of a model, and of candidates for its experts, on text or prepared rows.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { Checkpoint, ExpertWeights } from '@connito/moe-core';
import type { Evaluator, PresentExperts } from '@connito/moe-engine';
import { CliError } from '../cli-error.ts';
import { printable, wantsColor, type CliContext } from '../context.ts';
import { addEngineOptions, BATCH_ROWS, engineChoice, type EngineFlags } from '../engine-options.ts';
import { measureLosses, type Measured } from '../loss-figures.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { addPresentOptions, readPresent, type PresentFlags } from '../present-experts.ts';
import { openProgress, type Progress } from '../progress.ts';
import { createPaint, renderTable, type Cell, type Column } from '../terminal.ts';
import { readTokenRows, type TokenRows } from '../token-rows.ts';

interface EvalFlags extends EngineFlags, PresentFlags {
  readonly model: string;
  readonly text?: readonly string[];
  readonly data?: readonly string[];
  readonly experts?: readonly string[];
  readonly rows: number;
  readonly sequenceLength: number;
  readonly batchRows: number;
  readonly perRow?: true;
  readonly json?: true;
}

/** What is printed with `--json`. */
interface EvalResult {
  readonly model: string;
  readonly device: string;
  readonly rows: number;
  readonly sequenceLength: number;
  /** Predicted tokens of all rows. */
  readonly tokens: number;
  readonly base: Measured;
  readonly candidates: readonly (Measured & { readonly experts: string })[];
}

/** Adds `connito eval`. */
export function registerEval(program: Command, context: CliContext): void {
  const command = addEngineOptions(
    program
      .command('eval')
      .description("Measure a model's loss on text or prepared rows: mean, standard error, perplexity, and bits per byte of text. With --experts also that of candidates, and what each gains; what they share is computed once.")
      .requiredOption('--model <directory>', 'checkpoint in Hugging Face layout')
      .addOption(new Option('--text <paths...>', 'text: .txt and .jsonl files, or directories of them').conflicts('data'))
      .option('--data <files...>', 'prepared shards instead of text')
      .option('--experts <files...>', "candidates: miners' update artifacts, F32 safetensors or compressed, or experts' weights as F32 safetensors")
      .option('--rows <rows>', 'rows of tokens to use at most', wholeNumber({ min: 1, max: 1_000_000 }), 1024)
      .option('--sequence-length <tokens>', 'tokens per row, for --text', wholeNumber({ min: 2, max: 65_536 }), 128)
      .option('--batch-rows <rows>', 'rows computed at once; fewer take less memory', wholeNumber({ min: 1, max: 4096 }), BATCH_ROWS)
      .option('--per-row', 'also print the loss of every row'),
  );
  addPresentOptions(command).action((flags: EvalFlags) => runEval(flags, context));
  const examples = ['connito eval --model model/ --text law/', 'connito eval --model model/ --data data/test.safetensors --experts a.safetensors b.safetensors', 'connito eval --model model/ --data data/test.safetensors --experts update.safetensors --per-row --json', 'connito eval --model partial/ --present partial/expert_cfg.json --routing masked --text law/'];
  describeUse(command, examples);
}

async function runEval(flags: EvalFlags, context: CliContext): Promise<void> {
  const { openCheckpoint } = await import('@connito/moe-core/node');
  const present = await readPresent(flags);
  const checkpoint = await openCheckpoint(flags.model, { present: present?.experts });
  try {
    const rows = await readTokenRows({ ...flags, vocabularySize: checkpoint.topology.vocabularySize });
    const result = await evaluate({ checkpoint, present, rows, flags, context });
    if (flags.json) context.printJson(flags.perRow ? result : withoutRows(result));
    else context.print(render(result, flags, context).join('\n'));
    assertFinite(result);
  } finally {
    await checkpoint.close();
  }
}

/** What was measured is printed all the same. A candidate that is not finite is a result; a model that is not, a mistake. */
function assertFinite({ model, base }: EvalResult): void {
  if (!Number.isFinite(base.loss)) throw new CliError('data', `The loss of ${model} is not finite on these rows: check the model and the text`);
}

interface Job {
  readonly checkpoint: Checkpoint;
  readonly present: PresentExperts | undefined;
  readonly rows: TokenRows;
  readonly flags: EvalFlags;
  readonly context: CliContext;
}

async function evaluate({ checkpoint, present, rows, flags, context }: Job): Promise<EvalResult> {
  const { createEvaluator } = await import('@connito/moe-engine');
  const { sequenceLength, tokensPerByte } = rows;
  const { maxPositions } = checkpoint.topology;
  if (sequenceLength > maxPositions) context.log.warn(`Rows of ${sequenceLength} tokens are longer than the ${maxPositions} positions that ${flags.model} was made for; expect a worse loss, or give a smaller --sequence-length`);
  const progress = openProgress(context);
  progress.show(`loading ${flags.model}`);
  const evaluator = await createEvaluator({ checkpoint, present, sequenceLength, batchSize: flags.batchRows, ...engineChoice(flags, context) });
  try {
    const losses = await lossesOfAll({ evaluator, progress, checkpoint, rows, flags, context });
    const [base, ...candidates] = await Promise.all(losses.map((entry, index) => measureLosses({ losses: entry, base: index === 0 ? undefined : losses[0], tokensPerByte })));
    const named = candidates.map((measured, index) => ({ experts: flags.experts![index]!, ...measured }));
    return { model: flags.model, device: evaluator.device, rows: rows.rows, sequenceLength, tokens: rows.rows * (sequenceLength - 1), base: base!, candidates: named };
  } finally {
    progress.clear();
    await evaluator.close();
  }
}

/** The base first, then the candidates in the order given. */
async function lossesOfAll({ evaluator, progress, checkpoint, rows, flags, context }: Omit<Job, 'present'> & { readonly evaluator: Evaluator; readonly progress: Progress }): Promise<Float64Array[]> {
  const { experts: paths = [] } = flags;
  const losses: Float64Array[] = [];
  for await (const entry of evaluator.candidateLosses(rows.tokens, readCandidates(paths, checkpoint, progress), { signal: context.signal })) {
    losses.push(entry.rows);
    progress.show(`${losses.length - 1} of ${paths.length} candidates on ${rows.rows} rows`);
  }
  return losses;
}

async function* readCandidates(paths: readonly string[], checkpoint: Checkpoint, progress: Progress): AsyncGenerator<ExpertWeights> {
  yield new Map();
  if (paths.length === 0) return;
  const { readCandidate } = await import('@connito/pol-scoring/onnx');
  for (const path of paths) {
    progress.show(`reading ${printable(path)}`);
    yield await readCandidate(path, checkpoint);
  }
}

/** Losses of rows are many: only `--per-row` prints them. */
function withoutRows({ base, candidates, ...rest }: EvalResult): unknown {
  return { ...rest, base: { ...base, losses: undefined }, candidates: candidates.map((measured) => ({ ...measured, losses: undefined })) };
}

function render(result: EvalResult, flags: EvalFlags, { stdout, env }: CliContext): string[] {
  const { base, candidates, rows, sequenceLength, device } = result;
  const [width, paint] = [stdout.isTTY === true ? (stdout.columns ?? 100) : Infinity, createPaint(wantsColor(stdout, env))];
  const hasGains = candidates.length > 0;
  const columns: Column[] = [{ title: 'MODEL', minWidth: 12 }, ...['LOSS', '±', 'PERPLEXITY'].map(toColumn), ...(base.bitsPerByte === undefined ? [] : [toColumn('BITS/BYTE')]), ...(hasGains ? ['GAIN', '± '].map(toColumn) : [])];
  const cells = (name: string, measured: Measured): Cell[] => {
    const { loss, standardError, perplexity, bitsPerByte, gain, gainError } = measured;
    const figures = [figure(loss, 6), figure(standardError, 6), figure(perplexity, 3), ...(base.bitsPerByte === undefined ? [] : [figure(bitsPerByte, 4)])].map(toCell);
    return [toCell(name), ...figures, ...(hasGains ? [{ text: signed(gain), paint: (gain ?? 0) > 0 ? paint.good : paint.bad }, toCell(figure(gainError, 6))] : [])];
  };
  const table = renderTable(columns, [cells('base', base), ...candidates.map((measured) => cells(printable(measured.experts), measured))], width, paint);
  const perRow = flags.perRow ? ['', ...renderRows(result, width, paint)] : [];
  return [...table, ...perRow, '', `nats per token on ${rows} rows of ${sequenceLength} tokens (${device}); ± is one standard error over rows`];
}

function renderRows({ base, candidates }: EvalResult, width: number, paint: ReturnType<typeof createPaint>): string[] {
  const measured = [base, ...candidates];
  const columns = ['ROW', 'base', ...candidates.map(({ experts }) => printable(experts))].map(toColumn);
  return renderTable(columns, base.losses.map((_, row) => [toCell(String(row)), ...measured.map(({ losses }) => toCell(figure(losses[row], 6)))]), width, paint);
}

function toColumn(title: string): Column {
  return { title, align: 'right' };
}

function toCell(text: string): Cell {
  return { text };
}

function figure(value: number | undefined, digits: number): string {
  if (value === undefined) return '–';
  return Number.isFinite(value) ? value.toFixed(digits) : 'not finite';
}

function signed(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(6)}`;
}
