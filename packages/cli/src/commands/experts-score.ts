/**
 * `connito experts score`: how much of a domain's text each expert gets, from a model or from logs of its routing.
 *
 * @module
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import type { LayerRouting, ScoreSummary } from '@connito/moe-core';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { addEngineOptions, BATCH_ROWS, engineChoice, type EngineFlags } from '../engine-options.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { addPresentOptions, readPresent, type PresentFlags } from '../present-experts.ts';
import { openProgress } from '../progress.ts';
import { findRoutingLogs, type RoutingSize } from '../routing-logs.ts';
import { readTokenRows } from '../token-rows.ts';

interface ScoreFlags extends EngineFlags, PresentFlags {
  readonly model?: string;
  readonly text?: readonly string[];
  readonly data?: readonly string[];
  readonly logs?: readonly string[];
  readonly experts?: number;
  readonly expertsPerToken?: number;
  readonly perSample?: true;
  readonly rows: number;
  readonly sequenceLength: number;
  readonly logOut?: string;
  readonly out?: string;
  readonly json?: true;
}

/** The model of ESFT's published logs, DeepSeek-V2-Lite. */
const PUBLISHED_SIZE: RoutingSize = { experts: 64, expertsPerToken: 6 };

/** Adds `connito experts score`. */
export function registerExpertsScore(group: Command, context: CliContext): void {
  const score = addEngineOptions(
    group
      .command('score')
      .description("Count how much of a text each expert gets, by running it through a model or from logs of its routing: token and gate scores in ESFT's summary.json format.")
      .option('--model <directory>', 'checkpoint in Hugging Face layout; with --logs only its config.json is read')
      .addOption(new Option('--text <paths...>', 'text of the domain: .txt and .jsonl files, or directories of them').conflicts(['data', 'logs']))
      .addOption(new Option('--data <files...>', 'prepared shards instead of text').conflicts('logs'))
      .option('--logs <paths...>', 'logs instead of a model: directories of expert_weights_{layer}.txt, or binary *.routes files')
      .option('--experts <count>', 'experts per layer that text logs are of (default: 64, as published)', wholeNumber({ min: 1, max: 65_536 }))
      .option('--experts-per-token <count>', 'active experts per token in text logs (default: 6, as published)', wholeNumber({ min: 1, max: 65_536 }))
      .option('--per-sample', "the paper's mean over samples of each sample's mean, instead of pooling all tokens as the published scores do")
      .option('--rows <rows>', 'rows of tokens to use at most', wholeNumber({ min: 1, max: 100_000 }), 256)
      .option('--sequence-length <tokens>', 'tokens per row, for --text', wholeNumber({ min: 2, max: 65_536 }), 128)
      .option('--log-out <file>', 'also write the routing as a binary log (name it *.routes)')
      .option('--out <file>', 'write the summary here instead of to stdout'),
  );
  addPresentOptions(score).action((flags: ScoreFlags) => runScore(flags, context));
  const examples = [
    'connito experts score --model model/ --text math/ --out summary.json',
    'connito experts score --model model/ --data data/train-0000.safetensors --rows 64 --log-out math.routes',
    'connito experts score --logs results/expert_scores/summary --out summary.json',
  ];
  describeUse(score, examples, 'with --out: print what was written as JSON (without --out the summary itself is JSON)');
}

/** Routing to be scored, and what is said about it afterwards. */
interface Source {
  readonly size: RoutingSize;
  readonly layers: readonly number[];
  readonly weightUnits: number;
  samples(): Iterable<LayerRouting> | AsyncIterable<LayerRouting>;
  readonly described: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

async function runScore(flags: ScoreFlags, context: CliContext): Promise<void> {
  const { formatScoreSummary } = await import('@connito/moe-core');
  const { writeFileAtomic } = await import('@connito/moe-core/node');
  const source = flags.logs === undefined ? await routeText(flags, context) : await openLogs(flags.logs, flags);
  if (flags.logOut !== undefined) await writeLog(flags.logOut, source);
  const summary = await scoreSamples(source, flags);
  const text = formatScoreSummary(summary);
  if (flags.out === undefined) return context.print(text);
  await writeFileAtomic(flags.out, new TextEncoder().encode(text));
  const layers = [...summary.tokenScores.keys()];
  if (flags.json) context.printJson({ out: flags.out, ...source.facts, layers, ...(flags.logOut === undefined ? {} : { log: flags.logOut }) });
  else context.print(`${flags.out}: scores of ${layers.length} layers over ${source.described}`);
}

async function scoreSamples({ size, samples }: Source, { perSample }: ScoreFlags): Promise<ScoreSummary> {
  const { createExpertRelevance, gateScores, openRelevanceTally, openSampleMeans, tokenScores } = await import('@connito/moe-core');
  if (perSample) {
    const means = openSampleMeans(size);
    for await (const sample of samples()) means.add(sample);
    return means.scores();
  }
  const tally = openRelevanceTally(createExpertRelevance(size));
  for await (const sample of samples()) tally.add(sample);
  const relevance = tally.finish();
  return { tokenScores: tokenScores(relevance), gateScores: gateScores(relevance) };
}

async function writeLog(path: string, { size, layers, weightUnits, samples }: Source): Promise<void> {
  const { encodeRoutingLog } = await import('@connito/moe-core');
  const { writeFileAtomic } = await import('@connito/moe-core/node');
  await writeFileAtomic(path, encodeRoutingLog({ ...size, weightUnits, layers }, samples()));
}

async function openLogs(paths: readonly string[], flags: ScoreFlags): Promise<Source> {
  const logs = await findRoutingLogs({ paths, size: await sizeOfLogs(flags) });
  const count = logs.files.length;
  return { ...logs, described: `${count} ${count === 1 ? 'log' : 'logs'} of ${logs.size.expertsPerToken} of ${logs.size.experts} experts`, facts: { files: logs.files, ...logs.size } };
}

async function sizeOfLogs({ model, experts, expertsPerToken }: ScoreFlags): Promise<RoutingSize & { readonly isAssumed: boolean }> {
  if (model === undefined) return { experts: experts ?? PUBLISHED_SIZE.experts, expertsPerToken: expertsPerToken ?? PUBLISHED_SIZE.expertsPerToken, isAssumed: experts === undefined && expertsPerToken === undefined };
  const { readTopology } = await import('@connito/moe-core/node');
  const topology = await readTopology((await stat(model)).isDirectory() ? join(model, 'config.json') : model);
  return { experts: topology.expertsPerLayer, expertsPerToken: topology.expertsPerToken, isAssumed: false };
}

async function routeText(flags: ScoreFlags, context: CliContext): Promise<Source> {
  const { model } = flags;
  if (model === undefined) throw new CliError('usage', 'There is nothing to score: give --model with --text or --data, or --logs with logs of routing');
  const { openCheckpoint } = await import('@connito/moe-core/node');
  const { collectRouting } = await import('@connito/moe-engine');
  const present = await readPresent(flags);
  const checkpoint = await openCheckpoint(model, { present: present?.experts });
  const progress = openProgress(context);
  try {
    const { expertsPerLayer: experts, expertsPerToken, vocabularySize } = checkpoint.topology;
    const { tokens, rows, sequenceLength } = await readTokenRows({ ...flags, model, vocabularySize });
    progress.show(`routing ${rows} rows of ${sequenceLength} tokens`);
    const routings = await collectRouting({ checkpoint, present, tokens, sequenceLength, batchSize: BATCH_ROWS, ...engineChoice(flags, context) });
    const count = rows * sequenceLength;
    return {
      size: { experts, expertsPerToken },
      layers: routings.map(({ layer }) => layer),
      weightUnits: unitsFor(routings),
      samples: () => splitRows(routings, sequenceLength * expertsPerToken),
      described: `${count.toLocaleString('en')} tokens (${rows} rows of ${sequenceLength})`,
      facts: { rows, tokens: count },
    };
  } finally {
    progress.clear();
    await checkpoint.close();
  }
}

/** A row is a sample. */
function* splitRows(routings: Awaited<ReturnType<typeof import('@connito/moe-engine').collectRouting>>, entries: number): Generator<LayerRouting, void, undefined> {
  for (const { layer, ids, weights } of routings) {
    for (let from = 0; from < ids.length; from += entries) yield { layer, ids: ids.subarray(from, from + entries), weights: weights.subarray(from, from + entries) };
  }
}

/** The finest units that hold the largest weight. */
function unitsFor(routings: readonly { readonly weights: Float32Array }[]): number {
  const largest = routings.reduce((max, { weights }) => weights.reduce((a, b) => Math.max(a, b), max), 1);
  return Math.max(1, Math.floor(65_535 / largest));
}
