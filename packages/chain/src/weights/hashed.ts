/**
 * Weights by hash (version 2): a hash is committed, and its maker reveals what is under it in the one epoch that the chain takes it in.
 *
 * Where epochs go by state (spec 407 on) a commit is kept with its epoch, before with its block.
 * @see `internal_commit_weights` and `internal_reveal_weights` in pallets/subtensor/src/subnets/weights.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { hashWeightsCommit, toHex } from '@connito/commit-reveal';
import { watchBlocks } from '../block.ts';
import type { Chain, FinalisedBlock } from '../connection.ts';
import { epochIndexAt, type EpochState } from '../epoch-schedule.ts';
import { ChainError, isChainError } from '../errors.ts';
import { ERA_BLOCKS, type Inclusion, type SendOptions } from '../extrinsic.ts';
import { hotkeyToBytes } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { untilAborted } from '../internal/abort.ts';
import { subtensorCall } from '../internal/own-call.ts';
import { persist } from '../internal/persist.ts';
import { readStorage, subtensor, toArray, toBytes, toNumber, type Codec } from '../internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from '../plan.ts';
import { normaliseWeights, type WeightRow } from '../weight-vector.ts';
import { assertHandle, commonHandle, type HashedHandle } from './commit-handle.ts';
import { readBackWeights, storedRow, type WeightsFigures, type WeightsOptions, type WeightsSet } from './plain.ts';
import { isSameRow, readWeightRow } from './row.ts';
import { commitChecks, readWeightSettings, rowChecks, type WeightSettings } from './settings.ts';

/** Commits of one hotkey that may wait. */
const MAX_UNREVEALED = 10;
/** Of the salt, u16 each. Bittensor's SDK takes as many. */
const SALT_LENGTH = 8;

/** Options of {@link planHashedWeights}. */
export interface HashedWeightsOptions extends WeightsOptions {
  /** u16 each, secret until the reveal (default: eight of the platform's `crypto.getRandomValues`). */
  readonly salt?: readonly number[];
}

/** What weights by hash are judged by. */
export interface HashedFigures extends WeightsFigures {
  /** Keep it before the commit is sent: without salt and values nobody can reveal. */
  readonly handle: HashedHandle;
}

/** A commit that was included. */
export interface HashedCommitted extends Inclusion {
  readonly way: 'hashed';
  readonly handle: HashedHandle;
}

/** Weights by hash with what speaks against them. @throws bad-address, bad-value, and as `Chain.request` */
export async function planHashedWeights(chain: Chain, options: HashedWeightsOptions & { readonly account: string }): Promise<Plan<HashedFigures>> {
  return planHashed(chain, await readWeightSettings(chain, { ...options, hotkey: options.account }), options);
}

/** As {@link planHashedWeights}, where the settings are known. */
export async function planHashed(chain: Chain, settings: WeightSettings, options: HashedWeightsOptions): Promise<Plan<HashedFigures>> {
  const sent = normaliseWeights(options.weights);
  const versionKey = BigInt(options.versionKey ?? 0);
  const { netuid, mechanism, index, hotkey, block } = settings;
  const salt = options.salt ?? [...crypto.getRandomValues(new Uint16Array(SALT_LENGTH))];
  const hash = toHex(hashWeightsCommit({ hotkey: hotkeyToBytes(hotkey), netuidIndex: index, uids: sent.uids, values: sent.values, salt, versionKey }));
  const call = mechanism === 0 ? subtensorCall(chain, 'commit_weights', [netuid, `0x${hash}`]) : subtensorCall(chain, 'commit_mechanism_weights', [netuid, mechanism, `0x${hash}`]);
  const waiting = (await readCommits(chain, settings, block.hash)).filter(({ epoch }) => epoch + settings.revealPeriodEpochs >= epochIndexAt(settings.epoch, block.number + 1));
  const checks: Check[] = [
    ...commitChecks(settings),
    [waiting.length >= MAX_UNREVEALED, 'TooManyUnrevealedCommits', `${waiting.length} commits wait to be revealed already, the chain keeps ${MAX_UNREVEALED}`],
    // The chain says so only at the reveal: too late.
    ...rowChecks(settings, sent, versionKey),
  ];
  const handle: HashedHandle = { ...commonHandle(chain, settings, { sent, versionKey }), way: 'hashed', hash, salt };
  return createPlan(chain, { call, account: hotkey, figures: { settings, sent, handle }, checks, isFree: true });
}

/**
 * Commits the hash of weights. Keep the handle, and reveal with {@link revealWeights} in the epoch that is `RevealPeriodEpochs` after the commit's.
 * @throws bad-value, refused (`CommitRevealDisabled`, `CommittingWeightsTooFast`, `TooManyUnrevealedCommits`, and those of `setPlainWeights`), and as `sendCall`
 */
export async function commitHashedWeights(chain: Chain, options: HashedWeightsOptions & SendOptions): Promise<HashedCommitted> {
  return sendHashed(chain, await planHashedWeights(chain, { ...options, account: options.signer.hotkey }), options);
}

/** Sends what {@link planHashed} made. */
export async function sendHashed(chain: Chain, plan: Plan<HashedFigures>, options: SendOptions): Promise<HashedCommitted> {
  return { ...(await sendPlan(chain, plan, options)), way: 'hashed', handle: plan.figures.handle };
}

/** What a reveal is judged by. */
export interface RevealFigures {
  readonly settings: WeightSettings;
  /** Epoch of the commit; undefined where the chain has none of this hash. */
  readonly commitEpoch: number | undefined;
  /** Of the next block. */
  readonly currentEpoch: number;
  /** The only one that the chain takes the reveal in. */
  readonly revealEpoch: number | undefined;
}

/** A reveal with what speaks against it. @throws wrong-chain, bad-value, and as `Chain.request` */
export async function planReveal(chain: Chain, handle: HashedHandle): Promise<Plan<RevealFigures>> {
  assertHandle(chain, handle);
  const settings = await readWeightSettings(chain, handle);
  const { netuid, mechanism, block } = settings;
  const tail = [handle.uids, handle.values, handle.salt, BigInt(handle.versionKey)];
  const call = mechanism === 0 ? subtensorCall(chain, 'reveal_weights', [netuid, ...tail]) : subtensorCall(chain, 'reveal_mechanism_weights', [netuid, mechanism, ...tail]);
  const commits = await readCommits(chain, settings, block.hash);
  const commitEpoch = commits.find(({ hash }) => hash === handle.hash)?.epoch;
  const currentEpoch = epochIndexAt(settings.epoch, block.number + 1);
  const revealEpoch = commitEpoch === undefined ? undefined : commitEpoch + settings.revealPeriodEpochs;
  const checks: Check[] = [
    [!settings.isCommitReveal, 'CommitRevealDisabled', 'the subnet takes weights as they are'],
    [commitEpoch === undefined, 'NoWeightsCommitFound', 'the chain has no commit of this hash: it was not included, was revealed already, or a later one was'],
    [revealEpoch !== undefined && currentEpoch > revealEpoch, 'ExpiredWeightCommit', `it could be revealed in epoch ${String(revealEpoch)}, this is epoch ${currentEpoch}`],
    [revealEpoch !== undefined && currentEpoch < revealEpoch, 'RevealTooEarly', `it can be revealed in epoch ${String(revealEpoch)}, this is epoch ${currentEpoch}`],
    ...rowChecks(settings, handle, BigInt(handle.versionKey)),
  ];
  return createPlan(chain, { call, account: settings.hotkey, figures: { settings, commitEpoch, currentEpoch, revealEpoch }, checks, isFree: true });
}

/**
 * Reveals weights by hash, and reads the row back.
 * @throws wrong-chain, bad-value, refused (`NoWeightsCommitFound`, `RevealTooEarly`, `ExpiredWeightCommit`, `CommitRevealDisabled`, and those of `setPlainWeights`), read-back,
 * and as `sendCall`
 */
export async function revealWeights(chain: Chain, handle: HashedHandle, options: SendOptions): Promise<WeightsSet> {
  assertHandle(chain, handle, options.signer.hotkey);
  const plan = await planReveal(chain, handle);
  const inclusion = await sendPlan(chain, plan, options);
  const { netuid, mechanism, uid } = handle;
  return readBackWeights(chain, { netuid, mechanism, uid, inclusion, sent: handle, verb: 'revealed' });
}

/** How weights by hash ended. */
export type HashedResult =
  /** `inclusion`: of the reveal; undefined where the chain held the row already, because an earlier process revealed it. */
  | { readonly outcome: 'revealed-equal'; readonly uid: number; readonly row: WeightRow; readonly blockNumber: number; readonly blockHash: string; readonly inclusion: Inclusion | undefined }
  /** `expired`: the epoch of the reveal was over. `replaced`: a later commit was revealed first. `never-included`: the commit was in no block that could have it. */
  | { readonly outcome: 'expired' | 'replaced' | 'never-included'; readonly row: WeightRow };

/**
 * Waits for the epoch of the reveal, and reveals: the handle and the key are enough, also in another process and later.
 * @throws as {@link revealWeights}, and the reason of `signal` once it is aborted; lost connections are waited out
 */
export async function followHashedWeights(chain: Chain, handle: HashedHandle, options: SendOptions & { readonly signal?: AbortSignal | undefined }): Promise<HashedResult> {
  assertHandle(chain, handle, options.signer.hotkey);
  let wasSeen = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const plan = await persist(() => planReveal(chain, handle));
    const { settings, commitEpoch } = plan.figures;
    wasSeen ||= commitEpoch !== undefined;
    if (plan.refusal === undefined) {
      const revealed = await tryReveal(chain, handle, options);
      if (revealed !== undefined) return revealed;
    } else {
      const end = await endOf(chain, handle, { reason: plan.refusal.reason, block: settings.block, wasSeen });
      if (end !== undefined) return end;
      if (!PASSING.has(plan.refusal.reason)) throw new ChainError('refused', `the weights were not revealed: ${plan.refusal.text} (${plan.refusal.reason})`, { subject: 'SubtensorModule.reveal_weights', reason: plan.refusal.reason });
    }
    await untilAborted(nextBlock(chain, settings.block.number), options.signal);
  }
}

/** What passes by waiting. */
const PASSING = new Set(['RevealTooEarly', 'NoWeightsCommitFound']);

/** At the edge of an epoch the plan can be right and the block another: then the next look tells. */
async function tryReveal(chain: Chain, handle: HashedHandle, options: SendOptions): Promise<HashedResult | undefined> {
  try {
    const { uid, row, ...inclusion } = await revealWeights(chain, handle, options);
    return { outcome: 'revealed-equal', uid, row, blockNumber: inclusion.blockNumber, blockHash: inclusion.blockHash, inclusion };
  } catch (error) {
    if (isChainError(error, 'refused') || isChainError(error, 'rejected') || isChainError(error, 'expired')) return undefined;
    if (isChainError(error, 'dispatch-failed') && /^(RevealTooEarly|ExpiredWeightCommit|NoWeightsCommitFound)$/.test(String(error.context.error))) return undefined;
    throw error;
  }
}

interface Standing {
  readonly reason: string;
  readonly block: FinalisedBlock;
  readonly wasSeen: boolean;
}

async function endOf(chain: Chain, handle: HashedHandle, { reason, block, wasSeen }: Standing): Promise<HashedResult | undefined> {
  const { netuid, mechanism, uid, afterBlock } = handle;
  const read = (): Promise<WeightRow> => readWeightRow(chain, { netuid, mechanism, uid, at: block.hash });
  if (reason === 'ExpiredWeightCommit') return { outcome: 'expired', row: await read() };
  if (reason !== 'NoWeightsCommitFound') return undefined;
  const row = await read();
  // Gone, and the row is ours: an earlier process revealed it.
  if (isSameRow(row, storedRow(handle))) return { outcome: 'revealed-equal', uid, row, blockNumber: block.number, blockHash: block.hash, inclusion: undefined };
  if (wasSeen) return { outcome: 'replaced', row };
  return block.number > afterBlock + ERA_BLOCKS ? { outcome: 'never-included', row } : undefined;
}

async function nextBlock(chain: Chain, after: number): Promise<void> {
  let stop: (() => Promise<void>) | undefined;
  await new Promise<void>((resolve, reject) => {
    watchBlocks(chain, ({ number }) => void (number > after && resolve())).then((end) => (stop = end), reject);
  });
  await stop?.();
}

/** A commit that waits to be revealed. */
export interface HashedCommit {
  readonly hash: string;
  readonly epoch: number;
}

/** Commits of the hotkey that wait, with the epoch of each. */
export async function readCommits(chain: Chain, { index, hotkey, epoch }: Pick<WeightSettings, 'index' | 'hotkey' | 'epoch'>, at: string): Promise<readonly HashedCommit[]> {
  const [commits] = await readStorage(await openState(chain, at), [subtensor('WeightCommits', index, hotkey)]);
  return toArray(commits).map((commit) => {
    const [hash, when] = toArray(commit) as [Codec, Codec];
    return { hash: toHex(toBytes(hash)), epoch: epochOfCommit(epoch, toNumber(when)) };
  });
}

/** Kept as it is where epochs go by state; by formula it is the commit's block that is kept. */
function epochOfCommit(state: EpochState, when: number): number {
  return state.schedule === undefined ? epochIndexAt(state, when) : when;
}
