/**
 * Jobs to workers whose speeds are guesses that drift, and which fail: an evaluation fleet. Jobs wait here and are bound to a worker as late as possible.
 *
 * - *Plan.* Whenever something changes, the waiting jobs, largest first, are laid out in thought: each to the worker that is expected to finish it first,
 *   counting what it has to do and what the plan has given it. What the plan puts first on a worker with room starts; the rest goes on waiting. So a
 *   slow idle worker gets no job that a fast busy one will finish sooner.
 * - *Speed and failures* are moving averages (`worker-estimate.ts`). A worker that failed is left alone for `retryMs`, twice as long after every
 *   further failure in a row; its jobs wait again, and while failures are recent its speed counts for less.
 * - *Copies.* When nothing waits, an idle worker repeats the job that is expected last, if it should be done in half the time that is left; whoever
 *   finishes first counts.
 *
 * Largest first serves a batch. A fleet that gets more than it can do, for ever, never comes to its smallest jobs.
 *
 * There is no clock, no timer and no chance in it: the same calls give the same assignments. A worker that hangs is for the caller to notice and to
 * `fail`. DISPATCH.md beside the README measures it.
 * @module
 */
import { compareCodePoints } from '../internal/code-points.ts';
import { assertPositive, dispatchInvalid } from './worker-choice.ts';
import { expectedPace, guessWorker, observeCompletion, observeFailure, type WorkerEstimate } from './worker-estimate.ts';

/** Something to be done once. */
export interface DispatchJob {
  readonly id: string;
  /** Above 0. */
  readonly work: number;
}

/** A worker that joins. */
export interface DispatchWorker {
  readonly id: string;
  /** First guess of its work per second, above 0. */
  readonly speed: number;
}

/** How to dispatch. */
export interface DispatchOptions {
  /** Jobs that a worker may hold at once, 1 by default; 2 hides the time that a job takes to arrive, at the price of binding one early. */
  readonly depth?: number;
  /** First wait after a failure, 1,000 by default. */
  readonly retryMs?: number;
  /** Longest wait, 60,000 by default. */
  readonly maxRetryMs?: number;
}

/** A job that should start on a worker now. */
export interface Assignment {
  readonly worker: string;
  readonly job: DispatchJob;
  /** Whether another worker has it too. */
  readonly isCopy: boolean;
}

/** What is known of a worker. */
export interface WorkerState {
  readonly id: string;
  /** Estimated work per second, failures counted. */
  readonly speed: number;
  readonly heldJobs: readonly string[];
  readonly failuresInARow: number;
  readonly blockedUntilMs: number;
}

/** A dispatcher. Times are in milliseconds from any origin and must not go back. */
export interface Dispatcher {
  /** @throws dispatch-invalid */
  submit(job: DispatchJob): void;
  /** Adds a worker. @throws dispatch-invalid */
  join(worker: DispatchWorker): void;
  /** Removes a worker; its jobs wait again. */
  leave(worker: string): void;
  /** What should start now; call it after everything that changed, and at {@link Dispatcher.nextRetryMs}. */
  assign(nowMs: number): Assignment[];
  /** A worker has finished a job. @returns workers that hold copies of it, to be stopped; `undefined` where the result came too late and is of no use */
  complete(done: { readonly worker: string; readonly job: string; readonly nowMs: number }): readonly string[] | undefined;
  /** A worker has failed; all that it held waits again. */
  fail(failed: { readonly worker: string; readonly nowMs: number }): void;
  /** When the next blocked worker may be tried again. */
  nextRetryMs(nowMs: number): number | undefined;
  /** Jobs that are neither done nor running. */
  readonly waiting: number;
  workers(): WorkerState[];
}

/** A job that is overdue is expected to take this share of the time it has had again. */
const OVERDUE = 0.25;
/** A copy must be expected in this share of the time that is left. */
const COPY_ADVANTAGE = 0.5;

interface Held {
  readonly job: DispatchJob;
  startedMs: number;
}

interface Worker {
  readonly id: string;
  estimate: WorkerEstimate;
  readonly held: Held[];
}

/**
 * Creates a dispatcher.
 * @throws dispatch-invalid
 * @example
 * const dispatcher = createDispatcher([{ id: 'a', speed: 900 }, { id: 'b', speed: 300 }]);
 * for (const job of jobs) dispatcher.submit(job);
 * for (const { worker, job } of dispatcher.assign(Date.now())) send(worker, job);
 */
export function createDispatcher(workers: readonly DispatchWorker[], options: DispatchOptions = {}): Dispatcher {
  const { depth = 1, retryMs = 1000, maxRetryMs = 60_000 } = options;
  if (!Number.isInteger(depth) || depth < 1) throw dispatchInvalid('depth', `expected an integer from 1, got ${depth}`);
  assertPositive('retryMs', retryMs);
  assertPositive('maxRetryMs', maxRetryMs);
  const fleet = new Map<string, Worker>();
  /** Submitted and not done. */
  const open = new Set<string>();
  /** Largest first. */
  const waiting: DispatchJob[] = [];
  const dispatcher: Dispatcher = {
    submit(job) {
      assertPositive('work', job.work);
      if (open.has(job.id)) throw dispatchInvalid('job', `the job ${JSON.stringify(job.id)} has been submitted and is not done`);
      open.add(job.id);
      insert(waiting, job);
    },
    join({ id, speed }) {
      if (fleet.has(id)) throw dispatchInvalid('worker', `the worker ${JSON.stringify(id)} is there already`);
      fleet.set(id, { id, estimate: guessWorker(speed), held: [] });
    },
    leave(id) {
      const worker = fleet.get(id);
      fleet.delete(id);
      if (worker !== undefined) giveBack(worker, fleet, waiting);
    },
    assign(nowMs) {
      const free = availableWorkers(fleet, nowMs);
      return [...startPlanned(free, { waiting, depth, nowMs }), ...(waiting.length === 0 ? startCopies(free, nowMs) : [])];
    },
    complete({ worker: id, job, nowMs }) {
      const worker = fleet.get(id);
      const index = worker?.held.findIndex((held) => held.job.id === job) ?? -1;
      if (worker === undefined || index < 0) return undefined;
      const { job: done, startedMs } = worker.held[index]!;
      worker.estimate = observeCompletion(worker.estimate, { work: done.work, seconds: (nowMs - startedMs) / 1000 });
      drop(worker, index, nowMs);
      open.delete(job);
      return stopCopies(fleet, job, nowMs);
    },
    fail({ worker: id, nowMs }) {
      const worker = fleet.get(id);
      if (worker === undefined) return;
      worker.estimate = observeFailure(worker.estimate, { nowMs, retryMs, maxRetryMs });
      giveBack(worker, fleet, waiting);
    },
    nextRetryMs(nowMs) {
      const times = [...fleet.values()].map(({ estimate }) => estimate.blockedUntilMs).filter((time) => time > nowMs);
      return times.length === 0 ? undefined : Math.min(...times);
    },
    get waiting() {
      return waiting.length;
    },
    workers: () => [...fleet.values()].map(describe),
  };
  for (const worker of workers) dispatcher.join(worker);
  return dispatcher;
}

/** Workers that may be used, in the order of their ids, so that nothing depends on who joined first. */
function availableWorkers(fleet: ReadonlyMap<string, Worker>, nowMs: number): Worker[] {
  return [...fleet.values()].filter(({ estimate }) => estimate.blockedUntilMs <= nowMs).sort((a, b) => compareCodePoints(a.id, b.id));
}

/** The plan of the module's docstring, ended as soon as every worker with room has its next jobs. */
function startPlanned(workers: readonly Worker[], { waiting, depth, nowMs }: { waiting: DispatchJob[]; depth: number; nowMs: number }): Assignment[] {
  const plans = workers.map((worker) => ({ worker, room: depth - worker.held.length, freeInSeconds: secondsLeft(worker, nowMs), pace: expectedPace(worker.estimate) }));
  let room = plans.reduce((sum, plan) => sum + plan.room, 0);
  const started: Assignment[] = [];
  const taken = new Set<number>();
  for (let index = 0; index < waiting.length && room > 0; index++) {
    const job = waiting[index]!;
    let best = plans[0]!;
    for (const plan of plans) if (plan.freeInSeconds + job.work * plan.pace < best.freeInSeconds + job.work * best.pace) best = plan;
    best.freeInSeconds += job.work * best.pace;
    if (best.room === 0) continue;
    best.room--;
    room--;
    taken.add(index);
    best.worker.held.push({ job, startedMs: nowMs });
    started.push({ worker: best.worker.id, job, isCopy: false });
  }
  if (taken.size > 0) waiting.splice(0, waiting.length, ...waiting.filter((_, index) => !taken.has(index)));
  return started;
}

/** Idle workers, fastest first, repeat what is expected last. */
function startCopies(workers: readonly Worker[], nowMs: number): Assignment[] {
  const copies: Assignment[] = [];
  const running = new Map<string, { job: DispatchJob; secondsLeft: number; holders: number }>();
  for (const worker of workers) {
    for (const { job } of worker.held) {
      const other = running.get(job.id);
      const left = Math.min(secondsLeft(worker, nowMs), other?.secondsLeft ?? Infinity);
      running.set(job.id, { job, secondsLeft: left, holders: (other?.holders ?? 0) + 1 });
    }
  }
  const candidates = [...running.values()].filter(({ holders }) => holders === 1).sort((a, b) => b.secondsLeft - a.secondsLeft || compareCodePoints(a.job.id, b.job.id));
  for (const worker of workers.filter(({ held }) => held.length === 0).sort((a, b) => expectedPace(a.estimate) - expectedPace(b.estimate))) {
    const index = candidates.findIndex(({ job, secondsLeft: left }) => job.work * expectedPace(worker.estimate) < COPY_ADVANTAGE * left);
    if (index < 0) continue;
    const { job } = candidates.splice(index, 1)[0]!;
    worker.held.push({ job, startedMs: nowMs });
    copies.push({ worker: worker.id, job, isCopy: true });
  }
  return copies;
}

/** Until everything that it holds is expected to be done. */
function secondsLeft(worker: Worker, nowMs: number): number {
  const [first, ...rest] = worker.held;
  if (first === undefined) return 0;
  const elapsed = (nowMs - first.startedMs) / 1000;
  const left = Math.max(first.job.work * worker.estimate.secondsPerWork - elapsed, OVERDUE * elapsed);
  return rest.reduce((sum, { job }) => sum + job.work * worker.estimate.secondsPerWork, left);
}

/** Takes a job from a worker; the next one begins now. */
function drop(worker: Worker, index: number, nowMs: number): void {
  worker.held.splice(index, 1);
  if (index === 0 && worker.held[0] !== undefined) worker.held[0].startedMs = nowMs;
}

function stopCopies(fleet: ReadonlyMap<string, Worker>, job: string, nowMs: number): string[] {
  const stopped: string[] = [];
  for (const worker of fleet.values()) {
    const index = worker.held.findIndex((held) => held.job.id === job);
    if (index < 0) continue;
    drop(worker, index, nowMs);
    stopped.push(worker.id);
  }
  return stopped;
}

/** What a worker held waits again, unless another holds a copy. */
function giveBack(worker: Worker, fleet: ReadonlyMap<string, Worker>, waiting: DispatchJob[]): void {
  for (const { job } of worker.held.splice(0)) {
    const isElsewhere = [...fleet.values()].some((other) => other !== worker && other.held.some((held) => held.job.id === job.id));
    if (!isElsewhere) insert(waiting, job);
  }
}

/** Keeps the largest first; equal ones stay in the order in which they came. */
function insert(waiting: DispatchJob[], job: DispatchJob): void {
  let low = 0;
  let high = waiting.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (waiting[middle]!.work >= job.work) low = middle + 1;
    else high = middle;
  }
  waiting.splice(low, 0, job);
}

function describe({ id, estimate, held }: Worker): WorkerState {
  return { id, speed: 1 / expectedPace(estimate), heldJobs: held.map(({ job }) => job.id), failuresInARow: estimate.failuresInARow, blockedUntilMs: estimate.blockedUntilMs };
}
