/**
 * A miner whose training is somebody else's program: moe-engine's TRAINER-FORMAT.md says what it is given and must give back.
 *
 * @module
 */
import { join } from 'node:path';
import { computePseudoGradient } from '@connito/moe-core';
import { runExternalTrainer } from '@connito/moe-engine';
import { presentExperts, trainingDirectory, trainingRulesOf, type UpdateStrategy } from './update-strategy.ts';

/** What Node's timers can count to: 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A trainer, and how long it may take. */
export interface TrainerCommand {
  /** A shell command; the job's path is added to it. */
  readonly command: string;
  /** As long as the train phase, by default. Wall clock. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Gives the task's work of a cycle to a command. After a crash it is started again, with the same job and the `state` that it kept.
 *
 * @throws MoeEngineError `trainer-failed`, `trainer-timeout`, `trainer-output`: they cost the cycle
 */
export function trainByCommand({ command, timeoutMs }: TrainerCommand): UpdateStrategy {
  return async (job) => {
    const { context, cycle, start } = job;
    const { experts, steps } = await runExternalTrainer({
      ...(await trainingRulesOf(job)),
      command,
      checkpoint: context.modelDirectory,
      present: presentExperts(context.manifest),
      workDirectory: join(trainingDirectory(context), String(cycle)),
      timeoutMs: timeoutMs ?? Math.min(context.manifest.schedule.trainMs, LONGEST_TIMER_MS),
      onOutput: (line) => context.report({ kind: 'notice', message: `trainer: ${line}` }),
    });
    return { update: computePseudoGradient(start.weights, experts), steps: context.manifest.training.steps, loss: steps.at(-1)?.loss ?? null };
  };
}
