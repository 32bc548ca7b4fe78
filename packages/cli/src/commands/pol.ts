/**
 * `connito pol check`: Proof-of-Loss of one candidate, from files.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { Checkpoint } from '@connito/moe-core';
import type { PresentExperts } from '@connito/moe-engine';
import type { CandidateScore } from '@connito/pol-scoring';
import { CliError } from '../cli-error.ts';
import { wantsColor, type CliContext } from '../context.ts';
import { addEngineOptions, BATCH_ROWS, engineChoice, type EngineFlags } from '../engine-options.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';
import { addPresentOptions, readPresent, type PresentFlags } from '../present-experts.ts';
import { addGroup } from '../program.ts';
import { openProgress } from '../progress.ts';
import { createPaint } from '../terminal.ts';
import { readTokenRows, type TokenRows } from '../token-rows.ts';

interface CheckFlags extends EngineFlags, PresentFlags {
  readonly base: string;
  readonly candidate: string;
  readonly data: string;
  readonly level?: number;
  readonly candidates?: number;
  readonly clip: number;
  readonly minGain: number;
  readonly rows?: number;
  readonly json?: true;
}

/** What is printed with `--json`. Losses and gains in nats per token. */
interface CheckResult extends Omit<CandidateScore, 'uid'> {
  readonly base: string;
  readonly candidate: string;
  readonly data: string;
  readonly device: string;
  readonly rows: number;
  /** One-sided. */
  readonly level: number;
  readonly clip: number;
  readonly minGain: number;
  readonly baseLoss: number;
  readonly candidateLoss: number;
}

/** DESIGN §3.3: bounds hold at `1 − 0.01 / candidates`. */
const ERROR_RATE = 0.01;
const MAX_ROWS = 1_000_000;

/** Adds `connito pol`. */
export function registerPol(program: Command, context: CliContext): void {
  const group = addGroup(program, 'pol', 'Proof-of-Loss: measure what an update is worth.');
  const command = addEngineOptions(
    group
      .command('check')
      .description('Measure how far a candidate lowers the loss of a base model on held-out rows, with a confidence bound, as validators do. Exits with 1 where the candidate does not score.')
      .requiredOption('--base <directory>', 'checkpoint in Hugging Face layout that the update starts from')
      .requiredOption('--candidate <file>', "a miner's update artifact, F32 safetensors or compressed, or experts' weights as F32 safetensors")
      .requiredOption('--data <file>', 'shard of held-out rows')
      .addOption(new Option('--level <level>', 'one-sided level of the bounds (default: 0.99)').argParser(decimalNumber({ min: 0.5, max: 0.999999 })).conflicts('candidates'))
      .option('--candidates <count>', `level 1 − ${ERROR_RATE} / count, as in a cycle with so many candidates`, wholeNumber({ min: 1, max: 65_536 }))
      .option('--clip <nats>', 'gains of a row count up to this; a row worse than minus this is refused', decimalNumber({ min: 1e-9, max: 1e9 }), 2)
      .option('--min-gain <nats>', 'floor below which a bound is not paid', decimalNumber({ min: 0, max: 1e9 }), 0)
      .option('--rows <rows>', 'only the first rows of the shard (default: all)', wholeNumber({ min: 2, max: MAX_ROWS })),
  );
  addPresentOptions(command).action((flags: CheckFlags) => check(flags, context));
  describeUse(command, ['connito pol check --base model/ --candidate update.safetensors --data data/held-out-0000.safetensors', 'connito pol check --base model/ --candidate update.safetensors --data rows.safetensors --candidates 4 --clip 2 --min-gain 0.02 --json']);
}

async function check(flags: CheckFlags, context: CliContext): Promise<void> {
  const { openCheckpoint } = await import('@connito/moe-core/node');
  const present = await readPresent(flags);
  const checkpoint = await openCheckpoint(flags.base, { present: present?.experts });
  let result: CheckResult;
  try {
    const { vocabularySize } = checkpoint.topology;
    const rows = await readTokenRows({ model: flags.base, data: [flags.data], rows: flags.rows ?? MAX_ROWS, sequenceLength: 0, vocabularySize });
    result = await measure({ checkpoint, present, rows, flags, context });
  } finally {
    await checkpoint.close();
  }
  if (flags.json) context.printJson(result);
  else context.print(renderResult(result, context).join('\n'));
  if (result.code === 'validator-fault') throw new CliError('data', `The loss of the base ${flags.base} is not finite on these rows: check base and data`);
  if (result.code !== 'scored') throw new CliError('failed', `The candidate does not score: ${result.code}`);
}

interface Job {
  readonly checkpoint: Checkpoint;
  readonly present: PresentExperts | undefined;
  readonly rows: TokenRows;
  readonly flags: CheckFlags;
  readonly context: CliContext;
}

async function measure({ checkpoint, present, rows, flags, context }: Job): Promise<CheckResult> {
  const { scoreCycle } = await import('@connito/pol-scoring');
  const { openOnnxEvaluator, readCandidate } = await import('@connito/pol-scoring/onnx');
  const { base, candidate, data, clip, minGain } = flags;
  const experts = await readCandidate(candidate, checkpoint);
  const progress = openProgress(context);
  const evaluator = await openOnnxEvaluator({ checkpoint, present, sequenceLength: rows.sequenceLength, batchSize: BATCH_ROWS, ...engineChoice(flags, context) });
  try {
    progress.show(`base and candidate: ${rows.rows} rows`);
    const both: Float64Array[] = [];
    for await (const one of evaluator.candidateLosses(rows.tokens, [new Map(), experts], { signal: context.signal })) both.push(one);
    const [baseLosses, losses] = both as [Float64Array, Float64Array];
    const errorRate = flags.candidates === undefined ? 1 - (flags.level ?? 1 - ERROR_RATE) : ERROR_RATE / flags.candidates;
    const [score] = scoreCycle({ baseLosses, candidates: [{ uid: 0, losses }], clip, minGain, floorShare: 0, errorRate });
    if (score === undefined) throw new TypeError('one candidate has one score');
    const { uid: _uid, ...figures } = score;
    return { base, candidate, data, device: evaluator.device, rows: rows.rows, level: flags.level ?? 1 - errorRate, clip, minGain, baseLoss: mean(baseLosses), candidateLoss: mean(losses), ...figures };
  } finally {
    progress.clear();
    await evaluator.close();
  }
}

function renderResult(result: CheckResult, { stdout, env }: CliContext): string[] {
  const paint = createPaint(wantsColor(stdout, env));
  const { baseLoss, candidateLoss, gain, standardError, lowerBound, upperBound, score, code, rows, level, device } = result;
  const lines: [string, string][] = [['loss', `${baseLoss.toFixed(6)} → ${candidateLoss.toFixed(6)} nats per token on ${rows} rows (${device})`]];
  if (gain !== undefined && standardError !== undefined && lowerBound !== undefined && upperBound !== undefined) {
    lines.push(['gain', signed(gain)], ['standard error', ` ${standardError.toFixed(6)}`], ['lower bound', `${signed(lowerBound)} at level ${Number(level.toFixed(6))}`], ['upper bound', signed(upperBound)]);
  }
  const paintScore = code === 'scored' ? paint.good : paint.bad;
  lines.push(['score', paintScore(` ${score.toFixed(6)}`)], ['code', paintScore(` ${code}`)]);
  return lines.map(([name, value]) => `${paint.dim(name.padEnd(15))} ${value}`);
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(6)}`;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
