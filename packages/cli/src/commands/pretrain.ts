/**
 * `connito pretrain`: a small model from nothing but a config and text.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { StepReport, TrainingEvent, TrainingStep } from '@connito/moe-engine';
import { CliError } from '../cli-error.ts';
import { wantsColor, type CliContext } from '../context.ts';
import { addEngineOptions, BATCH_ROWS, engineChoice, type EngineFlags } from '../engine-options.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';
import { openProgress } from '../progress.ts';
import { createPaint, formatBytes } from '../terminal.ts';
import { readTrainingData, type TrainingData } from '../training-data.ts';
import { isTenth, meanLoss } from '../training-report.ts';

interface PretrainFlags extends EngineFlags {
  readonly config: string;
  readonly tokenizer: string;
  readonly text: readonly string[];
  readonly pack?: true;
  readonly rows?: number;
  readonly sequenceLength: number;
  readonly steps?: number;
  readonly epochs: number;
  readonly batchRows: number;
  readonly learningRate: number;
  readonly warmup: number;
  readonly finalShare: number;
  readonly balance: number;
  readonly superpose?: { readonly bag: number; readonly share: number };
  readonly seed: string;
  readonly resume?: string;
  readonly format: 'BF16' | 'F32';
  readonly out: string;
  readonly json?: true;
}

const MAX_ROWS = 1_000_000;
const MAX_STEPS = 1_000_000_000;

/** Longest config.json read; the longest on the Hub are a few kilobytes. */
const MAX_CONFIG_BYTES = 1_000_000;

/** Adds `connito pretrain`. */
export function registerPretrain(program: Command, context: CliContext): void {
  const command = program
    .command('pretrain')
    .description('Train a model from random weights, all of it, and write it in Hugging Face layout: a tiny Mixture of Experts for a localnet, say. Rows come in shuffled epochs; the rate warms up and falls as a cosine.')
    .requiredOption('--config <file>', 'config.json of the model')
    .requiredOption('--tokenizer <directory>', 'directory with tokenizer.json and tokenizer_config.json; what lies there comes along')
    .requiredOption('--text <paths...>', '.txt and .jsonl files, or directories of them')
    .requiredOption('--out <directory>', 'where to write the model; must not exist, or be empty')
    .option('--pack', 'keep documents apart: attention, positions and predictions do not cross from one into the next')
    .option('--rows <rows>', 'rows of tokens to use at most (default: all)', wholeNumber({ min: 1, max: MAX_ROWS }))
    .option('--sequence-length <tokens>', 'tokens per row', wholeNumber({ min: 2, max: 65_536 }), 128)
    .addOption(new Option('--steps <steps>', 'updates of the weights (default: as many as --epochs takes)').argParser(wholeNumber({ min: 1, max: MAX_STEPS })).conflicts('epochs'))
    .option('--epochs <epochs>', 'how often every row is seen', decimalNumber({ min: 1e-6, max: 1e6 }), 1)
    .option('--batch-rows <rows>', 'rows of a step; memory grows with them', wholeNumber({ min: 1, max: 65_536 }), BATCH_ROWS)
    .option('--learning-rate <rate>', 'its peak', decimalNumber({ min: 0, max: 1e6 }), 3e-3)
    .option('--warmup <steps>', 'steps until the peak is reached', wholeNumber({ min: 0, max: MAX_STEPS }), 100)
    .option('--final-share <share>', 'share of the peak at which the cosine ends', decimalNumber({ min: 0, max: 1 }), 0.05)
    .option('--balance <coefficient>', 'of the load-balancing loss', decimalNumber({ min: 0, max: 1e6 }), 0.01)
    .addOption(new Option('--superpose <bag:share>', 'Token-Superposition Training: bags of so many tokens for the first share of the steps, as 4:0.3').argParser(superposition).conflicts('pack'))
    .option('--seed <text>', 'decides the first weights and the order of the rows', '0')
    .option('--resume <directory>', 'save the state there and go on from what is there')
    .addOption(new Option('--format <format>', 'numbers of the written weights').choices(['BF16', 'F32']).default('BF16'));
  addEngineOptions(command).action((flags: PretrainFlags) => run(flags, context));
  const examples = [
    'connito pretrain --config config.json --tokenizer tokenizer/ --text books/ --out tiny-moe',
    'connito pretrain --config config.json --tokenizer tokenizer/ --text books/ code.jsonl --steps 2000 --batch-rows 16 --resume run/ --out tiny-moe --json',
  ];
  describeUse(command, examples, 'print what happens as JSON, one line per event');
}

function superposition(text: string): NonNullable<PretrainFlags['superpose']> {
  const match = /^(\d{1,5}):(0(?:\.\d+)?|1)$/.exec(text);
  if (match === null) throw new CliError('usage', `--superpose: expected <bag>:<share>, as 4:0.3, got "${text}"`);
  return { bag: Number(match[1]), share: Number(match[2]) };
}

async function run(flags: PretrainFlags, context: CliContext): Promise<void> {
  const { parseTopology } = await import('@connito/moe-core');
  const { assertFree } = await import('@connito/moe-core/node');
  const { pretrain, writePretrained } = await import('@connito/moe-engine');
  const config = await readConfig(flags.config);
  const { vocabularySize } = parseTopology(config);
  await assertFree(flags.out);
  const data = await readTrainingData({ ...flags, model: flags.tokenizer, rows: flags.rows ?? MAX_ROWS, vocabularySize });
  const report = openReport(flags, context);
  try {
    const { rows: _rows, textPositions: _positions, ...input } = data;
    const trained = await pretrain({ ...input, ...scheduleOf(flags, data), ...engineChoice(flags, context), config, onEvent: report.show });
    const { tensorBytes } = await writePretrained(flags.out, { config, tensors: trained.tensors, format: flags.format, copyFrom: flags.tokenizer });
    report.finish({ data, tensorBytes, steps: trained.steps, skippedSteps: trained.skippedSteps });
  } finally {
    report.clear();
  }
}

async function readConfig(path: string): Promise<Record<string, unknown>> {
  const { readFile, stat } = await import('node:fs/promises');
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw new CliError('data', `${path} is no file: expected a config.json`);
  if (found.size > MAX_CONFIG_BYTES) throw new CliError('data', `${path} has ${found.size} bytes; a config.json has at most ${MAX_CONFIG_BYTES}`);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw new CliError('data', `${path} is not JSON (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
  }
}

function scheduleOf(flags: PretrainFlags, { rows }: TrainingData) {
  const steps = flags.steps ?? Math.ceil((rows * flags.epochs) / flags.batchRows);
  return {
    steps,
    batchSize: flags.batchRows,
    learningRate: flags.learningRate,
    warmupSteps: Math.min(flags.warmup, Math.floor(steps / 2)),
    schedule: 'cosine' as const,
    finalShare: flags.finalShare,
    auxiliary: { balance: flags.balance },
    superposition: flags.superpose,
    seed: flags.seed,
    rowSeed: flags.seed,
    resumeDirectory: flags.resume,
    saveEverySteps: 100,
  };
}

interface Finished {
  readonly data: TrainingData;
  readonly tensorBytes: number;
  readonly steps: readonly StepReport[];
  readonly skippedSteps: number;
}

/** A line that moves, JSON lines, or a line of the log for every tenth of the run; figures at the end. */
function openReport(flags: PretrainFlags, context: CliContext): { show(event: TrainingEvent): void; finish(run: Finished): void; clear(): void } {
  const progress = openProgress(context);
  let steps = 0;
  const show = (event: TrainingEvent): void => {
    if (flags.json) context.stdout.write(`${JSON.stringify(event)}\n`);
    if (event.kind === 'started') steps = event.steps;
    if (event.kind !== 'step') return;
    progress.show(describe(event, steps));
    if (isTenth(event.step, steps) && !flags.json && context.stderr.isTTY !== true) context.log.info(describe(event, steps));
  };
  return { show, clear: () => progress.clear(), finish: (finished) => finish(finished, flags, context) };
}

function describe({ step, loss, auxiliaryLoss, learningRate, tokensPerSecond }: TrainingStep, steps: number): string {
  return `step ${step} of ${steps}: loss ${loss.toFixed(4)}, balance ${auxiliaryLoss.toFixed(3)}, rate ${learningRate.toPrecision(3)}, ${Math.round(tokensPerSecond).toLocaleString('en')} tokens/s`;
}

function finish({ data, tensorBytes, steps, skippedSteps }: Finished, { out, json }: PretrainFlags, context: CliContext): void {
  const { rows, sequenceLength } = data;
  const [firstLoss, lastLoss] = [meanLoss(steps, 'first'), meanLoss(steps, 'last')];
  if (json) return void context.stdout.write(`${JSON.stringify({ kind: 'done', out, tensorBytes, rows, sequenceLength, steps: steps.length, skippedSteps, firstLoss, lastLoss })}\n`);
  const paint = createPaint(wantsColor(context.stdout, context.env));
  const lines: [string, string][] = [
    ['loss', `${firstLoss.toFixed(4)} → ${lastLoss.toFixed(4)} nats per token (first and last tenth of the steps)`],
    ['steps', `${steps.length} on ${rows} rows of ${sequenceLength} tokens${skippedSteps === 0 ? '' : paint.bad(`, ${skippedSteps} skipped`)}`],
    ['model', `${out}, ${formatBytes(tensorBytes)}`],
  ];
  context.print(lines.map(([name, value]) => `${paint.dim(name.padEnd(8))} ${value}`).join('\n'));
}
