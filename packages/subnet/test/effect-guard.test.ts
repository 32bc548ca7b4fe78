import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ArtifactError } from '@connito/artifacts';
import { ChainError, type ChainErrorCode } from '@connito/chain';
import { PolError } from '@connito/pol-scoring';
import type { AgentReport } from '../src/agent-event.ts';
import { guardEffect } from '../src/effect-guard.ts';
import { SubnetError } from '../src/error.ts';

const effect = { kind: 'merge', cycle: 3 } as const;
let reports: AgentReport[] = [];
const surroundings = { report: (report: AgentReport): void => void reports.push(report), signal: new AbortController().signal };

beforeEach(() => {
  reports = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Fails with `errors` in turn, then succeeds. */
async function guarded(...errors: readonly unknown[]): Promise<unknown> {
  const left = [...errors];
  const outcome = guardEffect(surroundings, effect, () => (left.length > 0 ? Promise.reject(left.shift() as Error) : Promise.resolve('done'))).then(
    (value: unknown) => value,
    (error: unknown) => ({ thrown: error }),
  );
  await vi.runAllTimersAsync();
  return outcome;
}

describe('guardEffect', () => {
  it.each<ChainErrorCode>(['unreachable', 'disconnected', 'timeout', 'not-yet', 'expired'])('tries again after %s', async (code) => {
    const error = new ChainError(code, 'passing');
    expect(await guarded(error, error)).toBe('done');
    expect(reports.map(({ kind }) => kind)).toEqual(['notice', 'notice']);
  });

  it('gives up on a fault that does not pass', async () => {
    const error = new ChainError('timeout', 'for ever');
    expect(await guarded(...Array.from({ length: 20 }, () => error))).toEqual({ kind: 'failed', effect: 'merge', cycle: 3, code: 'timeout', message: 'for ever' });
  });

  it.each([new SubnetError('void-cycle', 'm'), new ArtifactError('not-found', 'm'), new PolError('non-finite-base', 'm')])('makes an event of $code', async (error) => {
    expect(await guarded(error)).toMatchObject({ kind: 'failed', code: error.code });
    expect(reports).toMatchObject([{ kind: 'failed', code: error.code }]);
  });

  it.each([new TypeError('ours'), new PolError('invalid-option', 'ours'), new SubnetError('task-changed', 'm')])('ends the run on $name $code', async (error) => {
    expect(await guarded(error)).toEqual({ thrown: error });
  });
});
