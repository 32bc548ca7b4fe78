/**
 * The threads of a routing pool: hands every job to all of them, counts their answers, notices a death, ends them.
 * @module
 */
import type { Worker } from 'node:worker_threads';
import { MoeError } from '../errors.ts';

/** What a thread is asked: chunks of `chunkTokens` from `next[0]` on, until the logits end. All memory is shared. */
export interface RoutingJob {
  readonly id: number;
  readonly logits: Float32Array;
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
  readonly next: Int32Array;
  readonly chunkTokens: number;
}

/** A thread's answer to a job; `READY` comes once, unasked. */
export interface ThreadReport {
  readonly id: number;
  /** A token that was refused. */
  readonly refused?: number;
}

export const READY = -1;

export interface RoutingThreads {
  readonly ready: Promise<void>;
  /** Resolves when all threads are done, with the least token that was refused, or ∞. */
  run(job: Omit<RoutingJob, 'id'>): Promise<number>;
  close(): Promise<void>;
}

interface PendingJob {
  readonly resolve: (refused: number) => void;
  readonly reject: (error: unknown) => void;
  waiting: number;
  refused: number;
}

export function watchThreads(threads: readonly Worker[]): RoutingThreads {
  const pending = new Map<number, PendingJob>();
  let nextId = 0;
  let ended: MoeError | undefined;
  const end = async (why: MoeError): Promise<void> => {
    ended ??= why;
    for (const { reject } of pending.values()) reject(ended);
    pending.clear();
    await Promise.all(threads.map((thread) => thread.terminate()));
  };
  const expectReports = (id: number): Promise<number> => {
    for (const thread of threads) thread.ref();
    return new Promise((resolve, reject) => pending.set(id, { resolve, reject, waiting: threads.length, refused: Number.POSITIVE_INFINITY }));
  };
  for (const [index, thread] of threads.entries()) {
    thread.on('message', (report: ThreadReport) => {
      settle(pending, report);
      if (pending.size === 0) for (const each of threads) each.unref();
    });
    thread.on('error', (cause) => void end(failed(index, cause)));
    thread.on('exit', () => void end(failed(index)));
  }
  return {
    ready: expectReports(READY).then(() => undefined),
    run(job) {
      if (ended !== undefined) return Promise.reject(ended);
      const id = nextId++;
      const result = expectReports(id);
      for (const thread of threads) thread.postMessage({ ...job, id } satisfies RoutingJob, []);
      return result;
    },
    close: () => end(new MoeError('routing-pool-closed', { message: 'the routing pool is closed: open another one', context: {} })),
  };
}

function settle(pending: Map<number, PendingJob>, { id, refused = Number.POSITIVE_INFINITY }: ThreadReport): void {
  const job = pending.get(id);
  if (job === undefined) return;
  job.refused = Math.min(job.refused, refused);
  if (--job.waiting > 0) return;
  pending.delete(id);
  job.resolve(job.refused);
}

function failed(worker: number, cause?: unknown): MoeError<'routing-worker-failed'> {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new MoeError('routing-worker-failed', { message: `thread ${worker} of the routing pool has ended${reason}; the pool is closed, open another one`, context: { worker }, cause });
}
