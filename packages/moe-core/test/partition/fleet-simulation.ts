/**
 * A fleet in simulated time, for dispatchers to be measured on: workers of different speeds that drift and fail, jobs that arrive all at once or
 * over time. Every number comes from a seed. `dispatcher.test.ts` holds the bounds and writes the table of DISPATCH.md.
 * @module
 */
import { chooseWorker, createDispatcher, expectedPace, guessWorker, observeCompletion, observeFailure, type DispatchJob, type DispatchOptions, type WorkerEstimate, type WorkerLoad } from '../../src/index.ts';

/** A stretch of time in which a worker has one speed; 0 is down. The last one has no end. */
export interface Stretch {
  readonly fromMs: number;
  readonly speed: number;
}

export interface SimulatedWorker {
  readonly id: string;
  /** What it says of itself: wrong by up to a third. */
  readonly declaredSpeed: number;
  readonly stretches: readonly Stretch[];
}

export interface SimulatedJob extends DispatchJob {
  readonly arrivesMs: number;
}

export interface Fleet {
  readonly seed: number;
  readonly kind: string;
  readonly workers: readonly SimulatedWorker[];
  readonly jobs: readonly SimulatedJob[];
  /** Work that arrives over what the fleet could do until the last arrival; Infinity where all is there at once. */
  readonly utilisation: number;
}

/** What the simulation asks of a way to dispatch; `Dispatcher` has it. */
export interface Policy {
  submit(job: DispatchJob): void;
  assign(nowMs: number): readonly { readonly worker: string; readonly job: DispatchJob }[];
  complete(done: { worker: string; job: string; nowMs: number }): readonly string[] | undefined;
  fail(failed: { worker: string; nowMs: number }): void;
  nextRetryMs(nowMs: number): number | undefined;
}

export type PolicyMaker = (workers: readonly { readonly id: string; readonly speed: number }[]) => Policy;

/** mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const DRIFTS = ['steady', 'drifting', 'drifting'] as const;
const FAILURES = ['reliable', 'failing', 'failing'] as const;

/** The fleet of a seed: 2 to 24 workers whose speeds lie up to a factor 2 to 12 apart, 3 to 25 jobs a worker, a third of the seeds all at once. */
export function createFleet(seed: number): Fleet {
  const random = randomFrom(seed * 7919 + 1);
  const between = (low: number, high: number): number => low + (high - low) * random();
  const drift = DRIFTS[Math.floor(random() * 3)]!;
  const failure = FAILURES[Math.floor(random() * 3)]!;
  const spread = between(2, 12);
  const bases = Array.from({ length: Math.floor(between(2, 25)) }, () => 10 * spread ** random());
  const works = Array.from({ length: Math.floor(bases.length * between(3, 25)) }, () => 20 + 400 * random() ** 2);
  const total = works.reduce((sum, work) => sum + work, 0);
  const speed = bases.reduce((sum, base) => sum + base, 0);
  const load = random() < 1 / 3 ? Infinity : between(0.2, 1.6);
  const spanMs = load === Infinity ? 0 : (total / speed / load) * 1000;
  const horizonMs = spanMs + (total / speed) * 1000;
  const workers = bases.map((base, index) => ({ id: `w${index}`, declaredSpeed: base * between(0.75, 1.33), stretches: createStretches({ base, drift, failure, horizonMs, between, random }) }));
  const jobs = works.map((work, index) => ({ id: `j${index}`, work, arrivesMs: spanMs * random() })).sort((a, b) => a.arrivesMs - b.arrivesMs);
  return { seed, kind: `${drift}, ${failure}, ${load === Infinity ? 'at once' : 'over time'}`, workers, jobs, utilisation: load };
}

function createStretches(of: { base: number; drift: string; failure: string; horizonMs: number; between: (a: number, b: number) => number; random: () => number }): Stretch[] {
  const { base, drift, failure, horizonMs, between, random } = of;
  const stretches: Stretch[] = [];
  const isUnreliable = failure === 'failing' && random() < 0.5;
  let factor = 1;
  for (let fromMs = 0; fromMs < 2 * horizonMs; ) {
    stretches.push({ fromMs, speed: base * factor });
    fromMs += horizonMs * between(0.05, 0.25);
    if (drift === 'drifting') factor = Math.min(2, Math.max(0.25, factor * between(0.65, 1.45)));
    if (!isUnreliable || random() < 0.6) continue;
    stretches.push({ fromMs, speed: 0 });
    fromMs += horizonMs * between(0.02, 0.2);
  }
  if (stretches.at(-1)!.speed === 0) stretches.push({ fromMs: 2.5 * horizonMs, speed: base });
  return stretches;
}

/** How long a worker that is down takes to say so. */
const REFUSAL_MS = 200;

type SimulationEvent =
  | { readonly atMs: number; readonly kind: 'arrive'; readonly job: SimulatedJob }
  | { readonly atMs: number; readonly kind: 'end'; readonly worker: string; readonly run: number; readonly isFailure: boolean }
  | { readonly atMs: number; readonly kind: 'retry' };

/** Runs a fleet to its last job. @returns the time at which that is done, and the work that was done twice or lost */
export function simulate(fleet: Fleet, createPolicy: PolicyMaker): { readonly makespanMs: number; readonly wastedWork: number } {
  const policy = createPolicy(fleet.workers.map(({ id, declaredSpeed }) => ({ id, speed: declaredSpeed })));
  const stretchesOf = new Map(fleet.workers.map(({ id, stretches }) => [id, stretches]));
  const queues = new Map(fleet.workers.map(({ id }) => [id, [] as DispatchJob[]]));
  const runs = new Map(fleet.workers.map(({ id }) => [id, 0]));
  const startedMs = new Map<string, number>();
  const events: SimulationEvent[] = fleet.jobs.map((job) => ({ atMs: job.arrivesMs, kind: 'arrive' as const, job }));
  const push = (event: SimulationEvent): void => {
    let index = events.length;
    while (index > 0 && events[index - 1]!.atMs > event.atMs) index--;
    events.splice(index, 0, event);
  };
  let wastedWork = 0;
  const begin = (worker: string, atMs: number): void => {
    const run = runs.get(worker)! + 1;
    runs.set(worker, run);
    const job = queues.get(worker)![0];
    if (job === undefined) return;
    startedMs.set(worker, atMs);
    const { endMs, isFailure } = finish(stretchesOf.get(worker)!, atMs, job.work);
    push({ atMs: endMs, kind: 'end', worker, run, isFailure });
  };
  const stop = (worker: string, job: string, atMs: number): void => {
    const queue = queues.get(worker)!;
    const index = queue.findIndex(({ id }) => id === job);
    if (index === 0) wastedWork += workDone(stretchesOf.get(worker)!, startedMs.get(worker)!, atMs);
    queue.splice(index, 1);
    if (index === 0) begin(worker, atMs);
  };
  const done = new Set<string>();
  let nextRetryMs = Infinity;
  for (let event = events.shift(); event !== undefined; event = events.shift()) {
    const { atMs } = event;
    if (event.kind === 'arrive') policy.submit(event.job);
    if (event.kind === 'end') {
      const { worker } = event;
      if (runs.get(worker) !== event.run) continue;
      const queue = queues.get(worker)!;
      if (event.isFailure) {
        wastedWork += workDone(stretchesOf.get(worker)!, startedMs.get(worker)!, atMs);
        queue.splice(0);
        runs.set(worker, event.run + 1);
        policy.fail({ worker, nowMs: atMs });
      } else {
        const { id } = queue.shift()!;
        done.add(id);
        begin(worker, atMs);
        for (const other of policy.complete({ worker, job: id, nowMs: atMs }) ?? []) stop(other, id, atMs);
        if (done.size === fleet.jobs.length) return { makespanMs: atMs, wastedWork };
      }
    }
    if (event.kind === 'retry') nextRetryMs = Infinity;
    for (const { worker, job } of policy.assign(atMs)) {
      const queue = queues.get(worker)!;
      queue.push(job);
      if (queue.length === 1) begin(worker, atMs);
    }
    const retryMs = policy.nextRetryMs(atMs);
    if (retryMs !== undefined && retryMs < nextRetryMs) {
      nextRetryMs = retryMs;
      push({ atMs: retryMs, kind: 'retry' });
    }
  }
  throw new Error(`fleet ${fleet.seed}: ${done.size} of ${fleet.jobs.length} jobs were done`);
}

/** When work that begins now ends: done, or lost to a failure. */
function finish(stretches: readonly Stretch[], fromMs: number, work: number): { endMs: number; isFailure: boolean } {
  let left = work;
  for (let index = 0; index < stretches.length; index++) {
    const endMs = stretches[index + 1]?.fromMs ?? Infinity;
    if (endMs <= fromMs) continue;
    const { speed } = stretches[index]!;
    const startMs = Math.max(fromMs, stretches[index]!.fromMs);
    if (speed === 0) return { endMs: startMs === fromMs ? fromMs + REFUSAL_MS : startMs, isFailure: true };
    const neededMs = (left / speed) * 1000;
    if (startMs + neededMs <= endMs) return { endMs: startMs + neededMs, isFailure: false };
    left -= ((endMs - startMs) / 1000) * speed;
  }
  throw new Error('a worker ended down for ever');
}

/** Work that a worker can do between two times. */
export function workDone(stretches: readonly Stretch[], fromMs: number, toMs: number): number {
  return stretches.reduce((sum, { fromMs: startMs, speed }, index) => {
    const overlapMs = Math.min(toMs, stretches[index + 1]?.fromMs ?? Infinity) - Math.max(fromMs, startMs);
    return overlapMs > 0 ? sum + (overlapMs / 1000) * speed : sum;
  }, 0);
}

/**
 * No schedule can end before this. For every arrival r: all that arrives from r on cannot be done before the whole fleet, every worker at its true
 * speed at every moment from r on and never idle, has done that much work. For every job: it cannot be done before the worker that is best for it, starting at its arrival
 * and losing nothing to failures, has done it. The largest of all these times.
 */
export function lowerBoundMs({ workers, jobs }: Fleet): number {
  const single = workers.map(({ stretches }) => createClock([stretches]));
  const together = createClock(workers.map(({ stretches }) => stretches));
  const works = jobs.map(({ work }) => work);
  // Jobs are sorted by arrival, so what arrives from a job's arrival on is at least what stands from it on.
  for (let index = works.length - 2; index >= 0; index--) works[index]! += works[index + 1]!;
  return Math.max(...jobs.map(({ work, arrivesMs }, index) => Math.max(together(arrivesMs, works[index]!), Math.min(...single.map((clock) => clock(arrivesMs, work))))));
}

/** The first time at which these workers together can have done so much from a time on. */
function createClock(fleet: readonly (readonly Stretch[])[]): (fromMs: number, work: number) => number {
  const times = [...new Set(fleet.flatMap((stretches) => stretches.map(({ fromMs }) => fromMs)))].sort((a, b) => a - b);
  const speeds = times.map((time) => fleet.reduce((sum, stretches) => sum + stretches.findLast(({ fromMs }) => fromMs <= time)!.speed, 0));
  const done = [0];
  for (let index = 1; index < times.length; index++) done.push(done[index - 1]! + (speeds[index - 1]! * (times[index]! - times[index - 1]!)) / 1000);
  return (fromMs, work) => {
    const start = times.findLastIndex((time) => time <= fromMs);
    const target = done[start]! + (speeds[start]! * (fromMs - times[start]!)) / 1000 + work;
    // The last stretch that begins before so much is done; its speed is not 0 then.
    const index = done.findLastIndex((amount) => amount < target);
    return times[index]! + ((target - done[index]!) / speeds[index]!) * 1000;
  };
}

/** Ours. */
export function backlogAware(options: DispatchOptions = {}): PolicyMaker {
  return (workers) => createDispatcher(workers, options);
}

/** Where a job goes, seen from its arrival; `undefined` to let it wait. Workers come fastest first. */
type Choice = (workers: readonly GreedyWorker[], job: DispatchJob, nowMs: number) => GreedyWorker | undefined;

interface GreedyWorker {
  readonly id: string;
  estimate: WorkerEstimate;
  readonly queue: DispatchJob[];
  startedMs: number;
}

/** Fastest first: at once to the worker with the highest estimated speed, however long its queue is. */
export const fastestFirst: PolicyMaker = (workers) => greedy(workers, ([fastest]) => fastest);

/** Fastest idle first: a job waits until a worker is idle, and takes the fastest of those. */
export const fastestIdleFirst: PolicyMaker = (workers) => greedy(workers, (ranked) => ranked.find(({ queue }) => queue.length === 0));

/** `chooseWorker` at a job's arrival, for good. */
export const chosenAtOnce: PolicyMaker = (workers) =>
  greedy(workers, (ranked, job, nowMs) => {
    const id = chooseWorker(ranked.map((worker) => loadOf(worker, nowMs)), job);
    return ranked.find((worker) => worker.id === id);
  });

function loadOf({ id, estimate, queue, startedMs }: GreedyWorker, nowMs: number): WorkerLoad {
  const speed = 1 / expectedPace(estimate);
  const [first, ...rest] = queue;
  const left = first === undefined ? 0 : Math.max(0, first.work - ((nowMs - startedMs) / 1000) * speed);
  return { id, speed, backlogWork: rest.reduce((sum, { work }) => sum + work, left) };
}

/** Dispatch without a plan. Estimates and the treatment of failures are those of our dispatcher: only the choice of the worker differs. */
function greedy(workers: readonly { readonly id: string; readonly speed: number }[], choose: Choice): Policy {
  const fleet = new Map(workers.map(({ id, speed }): [string, GreedyWorker] => [id, { id, estimate: guessWorker(speed), queue: [], startedMs: 0 }]));
  const waiting: DispatchJob[] = [];
  return {
    submit: (job) => void waiting.push(job),
    assign(nowMs) {
      const started: { worker: string; job: DispatchJob }[] = [];
      const ranked = [...fleet.values()].filter(({ estimate }) => estimate.blockedUntilMs <= nowMs).sort((a, b) => expectedPace(a.estimate) - expectedPace(b.estimate));
      while (waiting.length > 0) {
        const best = choose(ranked, waiting[0]!, nowMs);
        if (best === undefined) break;
        const job = waiting.shift()!;
        if (best.queue.length === 0) best.startedMs = nowMs;
        best.queue.push(job);
        started.push({ worker: best.id, job });
      }
      return started;
    },
    complete({ worker: id, nowMs }) {
      const worker = fleet.get(id)!;
      const { work } = worker.queue.shift()!;
      worker.estimate = observeCompletion(worker.estimate, { work, seconds: (nowMs - worker.startedMs) / 1000 });
      worker.startedMs = nowMs;
      return [];
    },
    fail({ worker: id, nowMs }) {
      const worker = fleet.get(id)!;
      waiting.unshift(...worker.queue.splice(0));
      worker.estimate = observeFailure(worker.estimate, { nowMs, retryMs: 1000, maxRetryMs: 60_000 });
    },
    nextRetryMs: (nowMs) => {
      const times = [...fleet.values()].map(({ estimate }) => estimate.blockedUntilMs).filter((time) => time > nowMs);
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };
}
