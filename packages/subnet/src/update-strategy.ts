/**
 * How a miner comes to its update. `trainHonestly` is what miners do; the others play the cheats that Proof-of-Loss must not pay,
 * for the demo and for tests.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '@connito/commit-reveal';
import { drawTrainingShard, openShard } from '@connito/dataset';
import { computePseudoGradient, updateNorm, type ExpertWeights, type Float32Tensor } from '@connito/moe-core';
import { isMoeEngineError, trainExperts, type PresentExperts, type StepReport, type TrainingResult, type TrainOptions } from '@connito/moe-engine';
import { findCanonicalRecord } from './canonical-version.ts';
import type { RoleContext } from './context.ts';
import type { CycleRecord } from './cycle-record.ts';
import { selectionOf, type TaskManifest } from './task-manifest.ts';
import { decodeUpdate } from './update-artifact.ts';
import { createNormalStream } from './internal/normal-stream.ts';
import type { LoadedVersion } from './version-store.ts';

/** One cycle's work. */
export interface UpdateJob {
  readonly context: RoleContext;
  readonly cycle: number;
  readonly start: LoadedVersion;
}

/** What a strategy came to: Δ, or null to sit the cycle out. */
export interface ProducedUpdate {
  readonly update: ExpertWeights | null;
  readonly steps: number;
  /** Loss of the last step; null where nothing was trained. */
  readonly loss: number | null;
}

/** A way to come to an update. */
export type UpdateStrategy = (job: UpdateJob) => Promise<ProducedUpdate>;

/** Names of the strategies. */
export type UpdateStrategyName = 'honest' | 'resubmit' | 'noise';

/** The strategies by name. */
export const UPDATE_STRATEGIES: Readonly<Record<UpdateStrategyName, UpdateStrategy>> = { honest: trainHonestly, resubmit: resubmitLastBest, noise: submitNoise };

/** A killed miner loses at most so many steps; saving the state of the demo's experts takes 10 to 20 ms. */
const SAVE_EVERY_STEPS = 5;

/** Where unfinished training of all cycles is kept; to be removed once an update has been stored. */
export function trainingDirectory({ stateDirectory }: Pick<RoleContext, 'stateDirectory'>): string {
  return join(stateDirectory, 'training');
}

/** Trains the task's experts on the shard drawn by `H(hotkey, cycle)`; goes on exactly where a killed run was. */
export async function trainHonestly(job: UpdateJob): Promise<ProducedUpdate> {
  const { context, cycle, start } = job;
  const { checkpoint, engine, report } = context;
  const options = { ...(await trainingRulesOf(job)), checkpoint, present: presentExperts(context.manifest), ...engine, resumeDirectory: join(trainingDirectory(context), String(cycle)), saveEverySteps: SAVE_EVERY_STEPS };
  const { experts, steps } = await resumeOrRestart(options, report);
  return { update: computePseudoGradient(start.weights, experts), steps: steps.length, loss: steps.at(-1)?.loss ?? null };
}

/** What the task lets a miner hold: its experts only, or with `undefined` the full model. */
export function presentExperts(manifest: TaskManifest): PresentExperts | undefined {
  const { partial } = manifest.training;
  return partial === undefined ? undefined : { experts: selectionOf(manifest), routing: partial };
}

/** What an honest miner trains, on what and how, whoever does it. */
export type TrainingRulesOf = Pick<TrainOptions, 'tokens' | 'start' | 'steps' | 'batchSize' | 'learningRate' | 'betas' | 'epsilon' | 'weightDecay' | 'clipNorm' | 'warmupSteps' | 'sequenceLength' | 'rowSeed' | 'signal'> & {
  readonly onStep: (step: Pick<StepReport, 'step' | 'loss'>) => void;
};

/** By the task's manifest, for this miner and cycle. */
export async function trainingRulesOf({ context, cycle, start }: UpdateJob): Promise<TrainingRulesOf> {
  const { manifest, keypair, report, signal } = context;
  const { training, data } = manifest;
  return {
    steps: training.steps,
    batchSize: training.batchSize,
    learningRate: training.learningRate,
    betas: [training.beta1, training.beta2] as const,
    epsilon: training.epsilon,
    weightDecay: training.weightDecay,
    clipNorm: training.clipNorm,
    warmupSteps: training.warmupSteps,
    start: start.weights,
    tokens: await readTrainingShard(context, cycle),
    sequenceLength: data.sequenceLength,
    rowSeed: sha256(new TextEncoder().encode(`connito/row-order/v1 ${keypair.hotkey} ${cycle}`)),
    signal,
    onStep: ({ step, loss }) => report({ kind: 'train-step', cycle, step, steps: training.steps, loss }),
  };
}

/** What a run on another runtime, or a damaged disk, has left cannot be continued; the cycle need not be lost for it. */
async function resumeOrRestart(options: TrainOptions & { readonly resumeDirectory: string }, report: RoleContext['report']): Promise<TrainingResult> {
  try {
    return await trainExperts(options);
  } catch (error) {
    if (!isMoeEngineError(error, 'resume-mismatch') && !isMoeEngineError(error, 'resume-corrupt')) throw error;
    report({ kind: 'notice', message: `training starts afresh: ${error.message}` });
    await rm(options.resumeDirectory, { recursive: true, force: true });
    return trainExperts(options);
  }
}

/** A cheat: last cycle's best weights with 1 % of noise, as if they were new work. */
async function resubmitLastBest(job: UpdateJob): Promise<ProducedUpdate> {
  const { context, cycle, start } = job;
  const record = cycle > 0 ? await findCanonicalRecord(context, cycle - 1) : undefined;
  if (!record) return { update: null, steps: 0, loss: null };
  const { weights } = await context.versions.load(record.base);
  const best = await readBestUpdate(context, record, weights);
  if (!best) return { update: null, steps: 0, loss: null };
  const noise = scaledNoise(best, 0.01 * updateNorm(best), `${context.keypair.hotkey} ${cycle}`);
  const update = combine(start.weights, (name, i) => at(start.weights, name, i) - (at(weights, name, i) - at(best, name, i)) + at(noise, name, i));
  return { update, steps: 0, loss: null };
}

/** A cheat: a random step about as long as an honest one. */
export async function submitNoise({ context, cycle, start }: UpdateJob): Promise<ProducedUpdate> {
  const { steps, learningRate } = context.manifest.training;
  let parameters = 0;
  for (const { data } of start.weights.values()) parameters += data.length;
  // AdamW moves a weight by about the learning rate a step; directions agree over roughly a third of the steps.
  const norm = (learningRate * steps * Math.sqrt(parameters)) / 3;
  return { update: scaledNoise(start.weights, norm, `${context.keypair.hotkey} ${cycle}`), steps: 0, loss: null };
}

async function readTrainingShard({ manifest, store, keypair, checkpoint }: RoleContext, cycle: number): Promise<Uint16Array | Int32Array> {
  const { trainShards, sequenceLength } = manifest.data;
  const shard = trainShards[drawTrainingShard({ hotkey: keypair.hotkey, cycle, shards: trainShards.length })];
  if (!shard) throw new RangeError('drawTrainingShard chose a shard that is not there');
  const { tokens } = await openShard(await store.getBytes({ sha256: shard.sha256, sizeBytes: shard.sizeBytes, maxBytes: shard.sizeBytes }), { sequenceLength, vocabularySize: checkpoint.topology.vocabularySize });
  return tokens;
}

async function readBestUpdate({ store, manifest }: RoleContext, record: CycleRecord, start: ExpertWeights): Promise<ExpertWeights | undefined> {
  const best = record.medians.toSorted((a, b) => b.score - a.score || a.uid - b.uid)[0];
  const artifact = best && best.score > 0 ? record.miners.find(({ uid }) => uid === best.uid)?.artifact : null;
  if (!artifact) return undefined;
  return (await decodeUpdate(await store.getBytes({ sha256: artifact, maxBytes: manifest.scoring.maxBytes }), { manifest, start })).update;
}

function scaledNoise(shapes: ExpertWeights, norm: number, seed: string): ExpertWeights {
  const next = createNormalStream(sha256(new TextEncoder().encode(`connito/noise/v1 ${seed}`)));
  const noise = combine(shapes, () => next());
  const scale = norm / updateNorm(noise);
  return combine(noise, (name, i) => at(noise, name, i) * scale);
}

function combine(shapes: ExpertWeights, valueAt: (name: string, index: number) => number): ExpertWeights {
  return new Map([...shapes].map(([name, { shape, data }]): [string, Float32Tensor] => [name, { shape, data: Float32Array.from(data, (_, index) => valueAt(name, index)) }]));
}

function at(weights: ExpertWeights, name: string, index: number): number {
  return weights.get(name)?.data[index] ?? 0;
}
