/**
 * Runs one role: feeds it the moments of the chain's clock, carries out its effects, and journals every event before it counts.
 * After a crash the journal is replayed; the effect that was under way is carried out again, so effects must be repeatable.
 *
 * @module
 */
import type { Effect, FailedEvent, Machine, MomentEvent, OutcomeEvent } from './machine.ts';
import type { Journal } from './journal.ts';
import { MOMENTS, momentAtIndex, momentIndexAt, type Moment, type Timetable } from './moment.ts';

/** Chain time as a role sees it. */
export interface ChainClock {
  /** Resolves with the timestamp of a finalised block at or after `timeMs`. Rejects when aborted. */
  waitUntil(timeMs: number): Promise<number>;
  /** Tells a chain with virtual time that this participant has nothing to do before `timeMs`. */
  release(timeMs: number): Promise<void>;
}

/** How a role is run. */
export interface RunOptions<State, F extends Effect, E extends OutcomeEvent> {
  readonly machine: Machine<State, F, E>;
  readonly journal: Journal<MomentEvent | FailedEvent | E>;
  readonly clock: ChainClock;
  readonly timetable: Timetable;
  /** The task ends when this cycle begins. */
  readonly cycles: number;
  /** Carries out an effect; must be repeatable. A rejection ends the run: what can be survived comes back as a `failed` event. */
  readonly execute: (effect: F) => Promise<E | FailedEvent>;
  readonly onMoment?: (moment: Moment, missed: boolean) => void;
  readonly signal?: AbortSignal;
}

/** Runs until the task has ended or `signal` aborts. */
export async function runRole<State, F extends Effect, E extends OutcomeEvent>(options: RunOptions<State, F, E>): Promise<State> {
  const { machine, journal, clock, timetable, cycles, execute, signal } = options;
  const position = replay(machine, journal.events);
  const last = cycles * MOMENTS.length;

  const apply = async (event: MomentEvent | FailedEvent | E): Promise<void> => {
    await journal.append(event);
    advance(machine, position, event);
  };

  for (;;) {
    for (let effect = position.queue[0]; effect !== undefined; effect = position.queue[0]) {
      signal?.throwIfAborted();
      await apply(await execute(effect));
    }
    if (position.nextMoment > last) break;
    const moment = await nextMoment(clock, timetable, position.nextMoment, last);
    signal?.throwIfAborted();
    options.onMoment?.(moment.moment, moment.missed);
    await apply({ kind: 'moment', index: moment.moment.index, cycle: moment.moment.cycle, moment: moment.moment.name, missed: moment.missed });
  }
  // One cycle more, and no further: with everybody released for ever, virtual time would run away.
  await clock.release(momentAtIndex(timetable, last + MOMENTS.length).timeMs);
  return position.state;
}

interface Position<State, F> {
  state: State;
  queue: readonly F[];
  nextMoment: number;
}

function replay<State, F extends Effect, E extends OutcomeEvent>(machine: Machine<State, F, E>, events: readonly (MomentEvent | FailedEvent | E)[]): Position<State, F> {
  const position: Position<State, F> = { state: machine.initial, queue: [], nextMoment: 0 };
  for (const event of events) advance(machine, position, event);
  return position;
}

/** Every event but a moment is the outcome of the queue's first effect. */
function advance<State, F extends Effect, E extends OutcomeEvent>(machine: Machine<State, F, E>, position: Position<State, F>, event: MomentEvent | FailedEvent | E): void {
  const { state, effects } = machine.transition(position.state, event);
  const rest = event.kind === 'moment' ? position.queue : position.queue.slice(1);
  position.state = state;
  position.queue = [...rest, ...effects];
  if (event.kind === 'moment') position.nextMoment = (event as MomentEvent).index + 1;
}

/** Waits for the next moment; one that has passed is `missed`, and after more than a cycle's absence all but the present are left out. */
async function nextMoment(clock: ChainClock, timetable: Timetable, index: number, last: number): Promise<{ moment: Moment; missed: boolean }> {
  const wanted = momentAtIndex(timetable, index);
  await clock.release(wanted.timeMs);
  const nowMs = await clock.waitUntil(wanted.timeMs);
  const present = Math.min(momentIndexAt(timetable, nowMs), last);
  if (present - index < MOMENTS.length) return { moment: wanted, missed: nowMs >= wanted.endsMs };
  const distribute = present - (present % MOMENTS.length);
  const moment = momentAtIndex(timetable, distribute);
  return { moment, missed: nowMs >= moment.endsMs };
}
