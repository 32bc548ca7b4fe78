/**
 * Which worker a job should go to: the one that is expected to finish it first, counting what it still has to do. The fastest worker with a long queue
 * is a slow worker.
 *
 * Work is in any unit that is proportional to time (tokens to evaluate, say), speed is work per second.
 * @module
 */
import { MoeError } from '../errors.ts';
import { compareCodePoints } from '../internal/code-points.ts';

/** A worker as the choice sees it. */
export interface WorkerLoad {
  readonly id: string;
  /** Work per second, above 0. */
  readonly speed: number;
  /** Work that it has accepted and not finished. */
  readonly backlogWork: number;
}

/** Seconds until a worker has done its backlog and a job: `(backlog + work) / speed`. */
export function expectedSeconds({ speed, backlogWork }: Pick<WorkerLoad, 'speed' | 'backlogWork'>, work: number): number {
  return (backlogWork + work) / speed;
}

/**
 * The worker that is expected to finish a job first; equal times go to the faster, then to the lower id in code point order.
 * @param job its work, above 0
 * @returns `undefined` without workers
 * @throws dispatch-invalid
 * @example
 * chooseWorker([{ id: 'fast', speed: 10, backlogWork: 90 }, { id: 'slow', speed: 2, backlogWork: 0 }], { work: 12 }); // 'slow': 6 s against 10.2 s
 */
export function chooseWorker(workers: readonly WorkerLoad[], job: { readonly work: number }): string | undefined {
  assertPositive('work', job.work);
  let best: WorkerLoad | undefined;
  for (const worker of workers) {
    assertPositive('speed', worker.speed);
    if (!(worker.backlogWork >= 0 && Number.isFinite(worker.backlogWork))) throw dispatchInvalid('backlogWork', `expected a number from 0, got ${worker.backlogWork}`);
    if (best === undefined || isBetter(worker, best, job.work)) best = worker;
  }
  return best?.id;
}

function isBetter(a: WorkerLoad, b: WorkerLoad, work: number): boolean {
  const difference = expectedSeconds(a, work) - expectedSeconds(b, work) || b.speed - a.speed;
  return difference < 0 || (difference === 0 && compareCodePoints(a.id, b.id) < 0);
}

/** @throws dispatch-invalid */
export function assertPositive(field: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) throw dispatchInvalid(field, `expected a number above 0, got ${value}`);
}

/** The error of dispatch. */
export function dispatchInvalid(field: string, message: string): MoeError<'dispatch-invalid'> {
  return new MoeError('dispatch-invalid', { message: `dispatch, ${field}: ${message}`, context: { field } });
}
