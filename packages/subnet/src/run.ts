/**
 * The three roles, ready to start: each opens its surroundings, replays its journal and runs until the task ends or it is told to stop.
 *
 * @module
 */
import type { OwnerPlan } from './owner-plan.ts';
import { openOwner } from './owner-effects.ts';
import { guardEffect } from './effect-guard.ts';
import type { Effect, FailedEvent, Machine, MomentEvent, OutcomeEvent } from './machine.ts';
import { createMiner, type MinerEvent } from './miner.ts';
import { executeMinerEffect } from './miner-effects.ts';
import { owner } from './owner.ts';
import { openRole, type OpenRole, type RoleOptions } from './role.ts';
import { runRole } from './runner.ts';
import { trainByCommand, type TrainerCommand } from './trainer-command.ts';
import { UPDATE_STRATEGIES, type UpdateStrategyName } from './update-strategy.ts';
import { createValidator, type ValidatorEvent } from './validator.ts';
import { openValidatorDesk } from './validator-desk.ts';
import { executeValidatorEffect } from './validator-effects.ts';

/** How a miner runs, and how it comes to its updates: by a strategy of ours, or by somebody else's trainer. */
export interface MinerOptions extends RoleOptions {
  readonly strategy?: UpdateStrategyName;
  readonly trainer?: TrainerCommand | undefined;
}

/** Runs a miner until the task ends. */
export async function runMiner(options: MinerOptions): Promise<void> {
  const role = await openRole<MomentEvent | FailedEvent | MinerEvent>('miner', options);
  const strategy = options.trainer === undefined ? UPDATE_STRATEGIES[options.strategy ?? 'honest'] : trainByCommand(options.trainer);
  await run(role, { machine: createMiner(role.context.versions.base), execute: (effect) => executeMinerEffect(role.context, strategy, effect) });
}

/** Runs a validator until the task ends. */
export async function runValidator(options: RoleOptions): Promise<void> {
  const role = await openRole<MomentEvent | FailedEvent | ValidatorEvent>('validator', options);
  const { context } = role;
  const { weights, scoring } = context.manifest;
  const machine = createValidator(context.versions.base, { ratingWindow: weights.window, resubmissionCycles: scoring.resubmissionCycles });
  const desk = await openValidatorDesk(context).catch(async (error: unknown) => {
    await role.close();
    throw error;
  });
  // The desk follows weights over the role's connection: it is closed first.
  const close = (): Promise<void> => desk.close().finally(() => role.close());
  await run({ ...role, close }, { machine, execute: (effect) => executeValidatorEffect(desk, effect), finish: () => desk.settlement.revealed() });
}

/** Publishes a task and serves it until it ends. */
export async function runOwner(options: RoleOptions & { readonly plan: OwnerPlan }): Promise<void> {
  const role = await openOwner(options);
  await run(role, { machine: owner, execute: (effect) => role.execute(effect) });
}

/** What a role does. */
interface Conduct<State, F extends Effect, E extends OutcomeEvent> {
  readonly machine: Machine<State, F, E>;
  readonly execute: (effect: F) => Promise<E>;
  /** After the last cycle. */
  readonly finish?: () => Promise<void>;
}

async function run<State, F extends Effect, E extends OutcomeEvent>(role: OpenRole<MomentEvent | FailedEvent | E>, { machine, execute, finish }: Conduct<State, F, E>): Promise<void> {
  const { context, journal, clock } = role;
  try {
    await runRole({
      machine,
      journal,
      clock,
      timetable: context.timetable,
      cycles: context.manifest.cycles,
      execute: (effect: F) => guardEffect(context, effect, execute),
      onMoment: ({ cycle, name, timeMs, endsMs }, missed) => context.report({ kind: 'moment', cycle, moment: name, timeMs, endsMs, missed }),
      signal: context.signal,
    });
    await finish?.();
    context.report({ kind: 'finished' });
  } finally {
    await role.close();
  }
}
