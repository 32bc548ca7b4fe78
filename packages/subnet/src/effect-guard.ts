/**
 * What an effect's failure means: a passing fault is tried again, an expected one becomes an event that the rules can go on from,
 * and anything else ends the run, because it is a mistake of ours.
 *
 * @module
 */
import { isArtifactError } from '@connito/artifacts';
import { isChainError, type ChainErrorCode } from '@connito/chain';
import { isDatasetError } from '@connito/dataset';
import { isMoeError } from '@connito/moe-core';
import { isMoeEngineError } from '@connito/moe-engine';
import { isPolError } from '@connito/pol-scoring';
import { pause } from './chain-reader.ts';
import type { RoleContext } from './context.ts';
import { isSubnetError } from './error.ts';
import type { Effect, FailedEvent } from './machine.ts';

/** Waits before the second, third … try of an effect that failed in passing. */
const RETRY_DELAYS_MS = [500, 1_000, 2_000, 5_000, 10_000, 10_000, 30_000];

/** Runs an effect; survives what a role can survive. */
export async function guardEffect<F extends Effect, E>({ report, signal }: Pick<RoleContext, 'report' | 'signal'>, effect: F, run: (effect: F) => Promise<E>): Promise<E | FailedEvent> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await run(effect);
    } catch (error) {
      signal.throwIfAborted();
      const { kind, cycle } = effect;
      const delayMs = RETRY_DELAYS_MS[attempt];
      if (isTransient(error) && delayMs !== undefined) {
        report({ kind: 'notice', message: `cycle ${cycle}: ${kind} failed in passing (${messageOf(error)}); trying again in ${delayMs / 1000} s` });
        await pause(delayMs, signal);
        continue;
      }
      const code = survivableCode(error);
      if (code === undefined) throw error;
      const message = messageOf(error);
      report({ kind: 'failed', cycle, effect: kind, code, message });
      return { kind: 'failed', effect: kind, cycle, code, message };
    }
  }
}

/** `not-yet` comes from a node behind the one that was asked before, as behind a load balancer. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set<ChainErrorCode>(['unreachable', 'disconnected', 'timeout', 'not-yet', 'expired']);

/** Whether the chain may answer otherwise in a while. */
export function isTransient(error: unknown): boolean {
  return isChainError(error) && isTransientCode(error.code);
}

/** As {@link isTransient}, by the code alone. */
export function isTransientCode(code: string): boolean {
  return TRANSIENT_CODES.has(code);
}

/** Typed errors of the parts say what went wrong with one cycle; the task itself being wrong ends the run. */
function survivableCode(error: unknown): string | undefined {
  if (isSubnetError(error)) return error.code === 'task-changed' || error.code === 'wrong-network' ? undefined : error.code;
  if (isChainError(error) || isArtifactError(error) || isMoeError(error) || isMoeEngineError(error) || isDatasetError(error)) return error.code;
  if (isPolError(error, 'non-finite-base')) return error.code; // it must not vote, but may in the next cycle
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
