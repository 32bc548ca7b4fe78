/**
 * `connito train`: selected experts of a model on this machine, from files to a file.
 *
 * @module
 */
import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Option, type Command } from 'commander';
import type { ExpertWeights } from '@connito/moe-core';
import type { TrainingResult } from '@connito/moe-engine';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { addEngineOptions, BATCH_ROWS, engineChoice, type EngineFlags } from '../engine-options.ts';
import { readSelection } from '../expert-config-file.ts';
import { metaOption } from '../module-provenance.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';
import { addPresentOptions, readPresent, type PresentFlags } from '../present-experts.ts';
import { reportTraining } from '../training-report.ts';
import { readTrainingData, type TrainingData } from '../training-data.ts';
import { writeTrained, type TrainedFormat } from '../training-result.ts';

interface TrainFlags extends EngineFlags, PresentFlags {
  readonly model: string;
  readonly experts: string;
  readonly data?: readonly string[];
  readonly text?: readonly string[];
  readonly instructions?: readonly string[];
  readonly pack?: true;
  readonly rows?: number;
  readonly sequenceLength: number;
  readonly steps?: number;
  readonly epochs: number;
  readonly batchRows: number;
  readonly microBatches: number;
  readonly learningRate: number;
  readonly warmup: number;
  readonly schedule: 'constant' | 'cosine';
  readonly finalShare: number;
  readonly weightDecay: number;
  readonly clip: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly balance: number;
  readonly seed: string;
  readonly resume?: string;
  readonly saveEvery: number;
  readonly as: TrainedFormat;
  readonly meta: ReadonlyMap<string, string>;
  readonly out: string;
  readonly json?: true;
}

const MAX_ROWS = 1_000_000;
const MAX_STEPS = 1_000_000_000;

/** Adds `connito train`. */
export function registerTrain(program: Command, context: CliContext): void {
  const command = program
    .command('train')
    .description('Train selected experts of a model on text, everything else frozen, and write them to a file that `connito pol check` measures and `connito model graft` puts into the model.')
    .requiredOption('--model <directory>', 'checkpoint in Hugging Face layout')
    .requiredOption('--experts <file>', 'expert_cfg.json: which experts to train')
    .requiredOption('--out <file>', 'where to write the trained experts');
  addEngineOptions(addPresentOptions(addOutputOptions(addOptimizerOptions(addDataOptions(command))))).action((flags: TrainFlags) => train(flags, context));
  const examples = [
    'connito train --model model/ --experts expert_cfg.json --data data/train-0000.safetensors --out law.safetensors',
    'connito train --model model/ --experts expert_cfg.json --text law/ --pack --steps 500 --warmup 20 --schedule cosine --micro-batches 4 --resume run/ --out law.safetensors',
    'connito train --model partial/ --experts expert_cfg.json --present partial/expert_cfg.json --routing masked --text law/ --out law.safetensors',
    'connito train --model model/ --experts expert_cfg.json --instructions chat.jsonl --epochs 3 --as update --out update.safetensors --json',
  ];
  describeUse(command, examples, 'print what happens as JSON, one line per event');
}

function addDataOptions(command: Command): Command {
  return command
    .addOption(new Option('--data <files...>', 'prepared shards').conflicts(['text', 'instructions']))
    .addOption(new Option('--text <paths...>', 'or text: .txt and .jsonl files, or directories of them').conflicts(['data', 'instructions']))
    .addOption(new Option('--instructions <files...>', 'or .jsonl files of {"prompt", "completion"}: only completions are learnt; implies --pack').conflicts(['data', 'text']))
    .option('--pack', 'keep documents apart: attention, positions and predictions do not cross from one into the next')
    .option('--rows <rows>', 'rows of tokens to use at most (default: all)', wholeNumber({ min: 1, max: MAX_ROWS }))
    .option('--sequence-length <tokens>', 'tokens per row, for --text and --instructions', wholeNumber({ min: 2, max: 65_536 }), 128);
}

function addOptimizerOptions(command: Command): Command {
  const share = decimalNumber({ min: 0, max: 1 });
  const belowOne = decimalNumber({ min: 0, max: 0.999999999 });
  return command
    .addOption(new Option('--steps <steps>', 'updates of the weights (default: as many as --epochs takes)').argParser(wholeNumber({ min: 1, max: MAX_STEPS })).conflicts('epochs'))
    .option('--epochs <epochs>', 'how often every row is seen', decimalNumber({ min: 1e-6, max: 1e6 }), 1)
    .option('--batch-rows <rows>', 'rows computed at once; memory grows with them', wholeNumber({ min: 1, max: 65_536 }), BATCH_ROWS)
    .option('--micro-batches <count>', 'batches per step, whose gradients are added up', wholeNumber({ min: 1, max: 65_536 }), 1)
    .option('--learning-rate <rate>', 'its peak', decimalNumber({ min: 0, max: 1e6 }), 3e-4)
    .option('--warmup <steps>', 'steps until the peak is reached', wholeNumber({ min: 0, max: MAX_STEPS }), 0)
    .addOption(new Option('--schedule <schedule>', 'of the rate after that').choices(['constant', 'cosine']).default('constant'))
    .option('--final-share <share>', 'share of the peak at which a cosine ends', share, 0)
    .option('--weight-decay <rate>', "AdamW's, decoupled", decimalNumber({ min: 0, max: 1e6 }), 0.1)
    .option('--clip <norm>', "largest norm of a step's gradient", decimalNumber({ min: 1e-12 }), 1)
    .option('--beta1 <rate>', "AdamW's decay of the first moment", belowOne, 0.9)
    .option('--beta2 <rate>', "AdamW's decay of the second moment", belowOne, 0.95)
    .option('--epsilon <number>', "AdamW's", decimalNumber({ min: 1e-300, max: 1 }), 1e-8)
    .option('--balance <coefficient>', 'of the load-balancing loss', decimalNumber({ min: 0, max: 1e6 }), 0)
    .option('--seed <text>', 'decides the order of the rows', '0');
}

function addOutputOptions(command: Command): Command {
  return command
    .option('--resume <directory>', 'save the state there and go on from what is there: the same command again, after whatever stopped it, ends with the same weights, bit for bit')
    .option('--save-every <steps>', 'steps between two saved states', wholeNumber({ min: 1, max: MAX_STEPS }), 20)
    .addOption(new Option('--as <kind>', 'what to write: a module (weights with provenance, in float32), or the update as miners submit it (start minus trained)').choices(['module', 'update']).default('module'))
    .addOption(metaOption());
}

async function train(flags: TrainFlags, context: CliContext): Promise<void> {
  const { extractExperts } = await import('@connito/moe-core');
  const { openCheckpoint } = await import('@connito/moe-core/node');
  const { trainingEvents } = await import('@connito/moe-engine');
  if (flags.as === 'update' && flags.meta.size > 0) throw new CliError('usage', 'An update has no provenance: leave --meta out, or write --as module');
  await assertWritable(flags.out);
  const selection = await readSelection(flags.experts);
  const present = await readPresent(flags);
  const checkpoint = await openCheckpoint(flags.model, { present: present?.experts });
  try {
    const data = await readTrainingData({ ...flags, rows: flags.rows ?? MAX_ROWS, vocabularySize: checkpoint.topology.vocabularySize });
    const start = await extractExperts(checkpoint, selection);
    assertFinite(start, flags.model);
    const rowsPerStep = flags.batchRows * flags.microBatches;
    if (data.rows < rowsPerStep) context.log.warn(`${data.rows} rows are fewer than the ${rowsPerStep} of one step: it sees some of them twice; give more text or a smaller --batch-rows`);
    const { rows: _rows, textPositions: _positions, ...input } = data;
    const options = { ...input, ...optimizerOf(flags, data), ...engineChoice(flags, context), checkpoint, present, start, resumeDirectory: flags.resume, saveEverySteps: flags.saveEvery };
    const outcome = await reportTraining(trainingEvents(options), { data, selection, flags, context });
    assertLearnt(outcome.result);
    const written = await writeTrained({ checkpoint, selection, start, trained: outcome.result.experts, flags });
    outcome.finish(written);
  } finally {
    await checkpoint.close();
  }
}

/** Hours of training are not to end at a directory that is not there. */
async function assertWritable(path: string): Promise<void> {
  const directory = dirname(path);
  await access(directory, constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'is not there: make it first' : `cannot be written to (${cause.code})`;
    throw new CliError('data', `The directory ${directory}, where --out shall go, ${why}`, {}, { cause });
  });
}

/** What begins with NaN or an infinity stays so. */
function assertFinite(start: ExpertWeights, model: string): void {
  for (const [name, { data }] of start) {
    const index = data.findIndex((value) => !Number.isFinite(value));
    if (index >= 0) throw new CliError('data', `${name} of ${model} has ${data[index]} at element ${index}: experts can only be trained from finite weights`);
  }
}

function assertLearnt({ steps, skippedSteps }: TrainingResult): void {
  if (skippedSteps < steps.length) return;
  throw new CliError('failed', `All ${skippedSteps} steps were skipped, because they were not finite or no token of them counts: nothing was learnt, and nothing is written. Check the model and the text, or lower --learning-rate`);
}

type OptimizerOptions = Pick<TrainFlags, 'microBatches' | 'learningRate' | 'schedule' | 'finalShare' | 'weightDecay' | 'epsilon'> & {
  readonly steps: number;
  readonly batchSize: number;
  readonly warmupSteps: number;
  readonly betas: readonly [number, number];
  readonly clipNorm: number;
  readonly auxiliaryCoefficient: number;
  readonly rowSeed: string;
};

function optimizerOf(flags: TrainFlags, { rows }: TrainingData): OptimizerOptions {
  const { batchRows, microBatches, learningRate, schedule, finalShare, weightDecay, epsilon } = flags;
  return {
    steps: flags.steps ?? Math.ceil((rows * flags.epochs) / (batchRows * microBatches)),
    batchSize: batchRows,
    microBatches,
    learningRate,
    warmupSteps: flags.warmup,
    schedule,
    finalShare,
    weightDecay,
    clipNorm: flags.clip,
    betas: [flags.beta1, flags.beta2],
    epsilon,
    auxiliaryCoefficient: flags.balance,
    rowSeed: flags.seed,
  };
}
