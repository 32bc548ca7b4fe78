/**
 * Entry of a routing pool's thread: takes chunks of a job until none is left.
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads';
import { isMoeError } from '../errors.ts';
import { createRouter, type RouterOptions } from '../routing/routing.ts';
import type { RoutingRule } from '../routing/routing-rule.ts';
import { READY, type RoutingJob, type ThreadReport } from './routing-threads.ts';

const port = parentPort;
if (port !== null) {
  const { rule, options } = workerData as { readonly rule: RoutingRule; readonly options: RouterOptions };
  const router = createRouter(rule, options);
  const { experts, expertsPerToken } = rule;

  /** Chunks are taken in rising order, so those before a refused token are all taken, and the pool sees the first refusal among its reports. */
  const work = ({ id, logits, ids, weights, next, chunkTokens }: RoutingJob): ThreadReport => {
    const tokens = logits.length / experts;
    for (;;) {
      const from = Atomics.add(next, 0, chunkTokens);
      if (from >= tokens) return { id };
      const to = Math.min(from + chunkTokens, tokens);
      try {
        router.route(logits.subarray(from * experts, to * experts), {
          ids: ids.subarray(from * expertsPerToken, to * expertsPerToken),
          weights: weights.subarray(from * expertsPerToken, to * expertsPerToken),
        });
      } catch (error) {
        if (!isMoeError(error, 'routing-not-finite')) throw error;
        Atomics.store(next, 0, tokens);
        return { id, refused: from + error.context.token };
      }
    }
  };

  port.on('message', (job: RoutingJob) => port.postMessage(work(job)));
  port.postMessage({ id: READY } satisfies ThreadReport);
}
