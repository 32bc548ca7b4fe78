/**
 * Weights in the way that the subnet's settings ask for.
 * @module
 */
import type { Chain } from '../connection.ts';
import { ChainError, isChainError } from '../errors.ts';
import type { SendOptions } from '../extrinsic.ts';
import type { Plan } from '../plan.ts';
import { storedRow, planPlain, sendPlain, type SetWeightsOptions, type WeightsFigures, type WeightsOptions, type WeightsSet } from './plain.ts';
import { assertHandle, type WeightsHandle } from './commit-handle.ts';
import { followHashedWeights, planHashed, sendHashed, type HashedCommitted, type HashedFigures, type HashedResult } from './hashed.ts';
import { watchRevealProgress, type RevealProgress } from './reveal-progress.ts';
import { planTimelocked, sendTimelocked, type TimelockedCommitted, type TimelockedFigures } from './timelocked.ts';
import { followTimelockedWeights } from './timelocked-follower.ts';
import type { TimelockedResult } from './timelocked-verdict.ts';
import { isSameRow } from './row.ts';
import { readWeightSettings, wayOf } from './settings.ts';
import { normaliseWeights, type WeightRow } from '../weight-vector.ts';

/** A plan in one of the ways. */
export type WeightsPlan = ({ readonly way: 'plain' } & Plan<WeightsFigures>) | ({ readonly way: 'hashed' } & Plan<HashedFigures>) | ({ readonly way: 'timelocked' } & Plan<TimelockedFigures>);

/** What {@link setWeights} gives: weights that stand, or a commit to follow. */
export type WeightsSent = ({ readonly way: 'plain' } & WeightsSet) | HashedCommitted | TimelockedCommitted;

/** Weights in the way that the subnet asks for, with what speaks against them. @throws bad-address, bad-value, unsupported, and as `Chain.request` */
export async function planWeights(chain: Chain, options: WeightsOptions & { readonly account: string }): Promise<WeightsPlan> {
  const settings = await readWeightSettings(chain, { ...options, hotkey: options.account });
  const way = wayOf(chain, settings);
  if (way === 'plain') return { way, ...(await planPlain(chain, settings, options)) };
  return way === 'hashed' ? { way, ...(await planHashed(chain, settings, options)) } : { way, ...(await planTimelocked(chain, settings, options)) };
}

/** Options of {@link setWeights}. */
export interface KeptWeightsOptions extends SetWeightsOptions {
  /** Keeps a handle before its commit is sent. Without it a commit by hash cannot be revealed after a crash. */
  readonly onHandle?: (handle: WeightsHandle) => void | Promise<void>;
}

/**
 * Sets the weights of the hotkey `signer` in the way that the subnet's settings ask for: as they are where commit-reveal is off, timelocked where it is on, and by hash on
 * runtimes that know nothing newer.
 *
 * What is committed is not set yet: see {@link settleWeights}, which waits for it.
 * @throws bad-value, unsupported, refused (see `setPlainWeights`, `commitTimelockedWeights`, `commitHashedWeights`), read-back, and as `sendCall`
 * @example const { way } = await setWeights(chain, { netuid: 1, weights: [{ uid: 3, weight: 0.5 }], signer: hotkey });
 */
export async function setWeights(chain: Chain, options: KeptWeightsOptions): Promise<WeightsSent> {
  const plan = await planWeights(chain, { ...options, account: options.signer.hotkey });
  if (plan.way !== 'plain' && plan.refusal === undefined) await options.onHandle?.(plan.figures.handle);
  return sendWeights(chain, plan, options);
}

async function sendWeights(chain: Chain, plan: WeightsPlan, options: SendOptions): Promise<WeightsSent> {
  if (plan.way === 'plain') return { way: 'plain', ...(await sendPlain(chain, plan, options)) };
  return plan.way === 'hashed' ? sendHashed(chain, plan, options) : sendTimelocked(chain, plan, options);
}

/** Whether {@link setWeights} would be refused now, and why; undefined when nothing speaks against it. @throws bad-value, and as `Chain.request` */
export async function explainWeights(chain: Chain, options: WeightsOptions & { readonly account: string }): Promise<string | undefined> {
  return (await planWeights(chain, options)).refusal?.reason;
}

/** Options of {@link settleWeights}. */
export interface SettleWeightsOptions extends KeptWeightsOptions {
  /** A commit that was under way when the last process stopped; it is followed first. */
  readonly handle?: WeightsHandle;
  /** Commits at most (default 3). */
  readonly attempts?: number;
  /** Gives up waiting, with the signal's reason; a commit that is under way stays so. */
  readonly signal?: AbortSignal;
  /** Hears what is waited for, after every finalised block, and what came to nothing. Must not throw. */
  readonly onProgress?: (progress: SettleProgress) => void;
}

/** How far {@link settleWeights} is. */
export type SettleProgress =
  /** A commit is in a block. */
  | { readonly kind: 'committed'; readonly attempt: number; readonly handle: WeightsHandle; readonly blockNumber: number }
  | ({ readonly kind: 'waiting'; readonly handle: WeightsHandle } & RevealProgress)
  /** It is not what the chain holds; it is committed again if there is an attempt left. */
  | { readonly kind: 'came-to-nothing'; readonly handle: WeightsHandle; readonly outcome: TimelockedResult['outcome'] | HashedResult['outcome'] };

/** Weights that the chain holds. */
export interface SettledWeights {
  readonly uid: number;
  readonly row: WeightRow;
  readonly blockNumber: number;
  readonly blockHash: string;
  /** Commits that it took; 0 where a handle was enough. */
  readonly attempts: number;
}

/**
 * Sets weights and stays with them until the chain holds them: where they are committed, it waits for the reveal, and commits again what came to nothing.
 *
 * A handle of other weights than these is let go: what was committed before is revealed or not, and these follow it.
 * @throws as {@link setWeights}; read-back when the last attempt came to nothing too; the reason of `signal`
 */
export async function settleWeights(chain: Chain, options: SettleWeightsOptions): Promise<SettledWeights> {
  const { attempts = 3, handle } = options;
  if (handle !== undefined && isFor(chain, handle, options)) {
    const settled = await follow(chain, handle, options);
    if (settled !== undefined) return { ...settled, attempts: 0 };
  }
  for (let attempt = 1; attempt <= attempts; attempt++) {
    options.signal?.throwIfAborted();
    const sent = await setUnlessLate(chain, options, attempt < attempts);
    if (sent === undefined) continue;
    if (sent.way === 'plain') return { uid: sent.uid, row: sent.row, blockNumber: sent.blockNumber, blockHash: sent.blockHash, attempts: attempt };
    options.onProgress?.({ kind: 'committed', attempt, handle: sent.handle, blockNumber: sent.blockNumber });
    const settled = await follow(chain, sent.handle, options);
    if (settled !== undefined) return { ...settled, attempts: attempt };
  }
  throw new ChainError('read-back', `weights on subnet ${options.netuid} were committed ${attempts} times, and the chain holds others; is the beacon's pulse on chain, and is this the only process with this key?`, {
    subject: 'SubtensorModule.Weights',
    actual: attempts,
  });
}

/** Near the end of an epoch, and where blocks come fast, the round can be over before the commit arrives. Nothing was taken then, and it is sealed anew for the next. */
async function setUnlessLate(chain: Chain, options: SettleWeightsOptions, mayRepeat: boolean): Promise<WeightsSent | undefined> {
  try {
    return await setWeights(chain, options);
  } catch (error) {
    const isLate = (isChainError(error, 'rejected') || isChainError(error, 'refused')) && error.context.reason === 'InvalidRevealRound';
    if (isLate && mayRepeat) return undefined;
    throw error;
  }
}

function isFor(chain: Chain, handle: WeightsHandle, { netuid, mechanism = 0, weights, versionKey = 0, signer }: SettleWeightsOptions): boolean {
  assertHandle(chain, handle, signer.hotkey);
  return handle.netuid === netuid && handle.mechanism === mechanism && handle.versionKey === String(versionKey) && isSameRow(handle, normaliseWeights(weights));
}

async function follow(chain: Chain, handle: WeightsHandle, options: SettleWeightsOptions): Promise<Omit<SettledWeights, 'attempts'> | undefined> {
  const { onProgress } = options;
  const stop = onProgress === undefined ? undefined : await watchRevealProgress(chain, handle, (progress) => onProgress({ kind: 'waiting', handle, ...progress }));
  try {
    const result = handle.way === 'hashed' ? await followHashedWeights(chain, handle, options) : await followTimelockedWeights(chain, handle, options);
    if (result.outcome === 'revealed-equal') return { uid: handle.uid, row: storedRow(handle), blockNumber: result.blockNumber, blockHash: result.blockHash };
    onProgress?.({ kind: 'came-to-nothing', handle, outcome: result.outcome });
    return undefined;
  } finally {
    await stop?.();
  }
}
