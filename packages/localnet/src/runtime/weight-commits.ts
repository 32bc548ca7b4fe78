/**
 * Commit-reveal of weights by hash: commits, their windows, reveals.
 *
 * A commit of epoch e can be revealed in epoch e + `RevealPeriodEpochs` only; it is "too early" before and expired afterwards.
 * @module
 * @see pallets/subtensor/src/subnets/weights.rs:24 (opentensor/subtensor 14bc6f9f9)
 */
import { blake2, toHex } from '../hex.ts';
import { encodeScale } from '../scale/codec.ts';
import { currentEpoch } from './epoch-schedule.ts';
import { ensure, ensureSigned, moduleFailure, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { ensureMechanismExists, mechanismIndex } from './subnet-lookup.ts';
import { passesWeightsRateLimit, registeredUid, runBatch, setWeights, touchNeuron } from './weights.ts';

/** Commits of one hotkey that may wait at a time. */
export const MAX_UNREVEALED_COMMITS = 10;

/** The weights behind a hash. */
export interface Reveal {
  readonly uids: readonly number[];
  readonly values: readonly number[];
  readonly salt: readonly number[];
  readonly versionKey: bigint;
}

/** `[hash, epoch of the commit, its block, unused]`. */
type Commit = readonly [string, bigint, bigint, bigint];
type CommitNames = 'commit_weights' | 'commit_mechanism_weights' | 'batch_commit_weights' | 'reveal_weights' | 'reveal_mechanism_weights' | 'batch_reveal_weights';

/** The pallet's calls. */
export const weightCommitCalls: Pick<CallHandlers<'SubtensorModule'>, CommitNames> = {
  commit_weights: (execution, origin, { netuid, commit_hash }) => commitWeights(execution, origin, { netuid, mechanism: 0, hash: commit_hash }),
  commit_mechanism_weights: (execution, origin, { netuid, mecid, commit_hash }) =>
    commitWeights(execution, origin, { netuid, mechanism: mecid, hash: commit_hash }),
  batch_commit_weights: (execution, origin, { netuids, commit_hashes }) => {
    const hotkey = ensureSigned(origin);
    ensure(netuids.length === commit_hashes.length, 'SubtensorModule', 'InputLengthsUnequal');
    runBatch(execution, { netuids, hotkey }, (netuid, index) => commitWeights(execution, origin, { netuid, mechanism: 0, hash: commit_hashes[index] as string }));
  },
  reveal_weights: (execution, origin, { netuid, version_key, ...reveal }) =>
    revealWeights(execution, origin, { netuid, mechanism: 0, reveal: { ...reveal, versionKey: version_key } }),
  reveal_mechanism_weights: (execution, origin, { netuid, mecid, version_key, ...reveal }) =>
    revealWeights(execution, origin, { netuid, mechanism: mecid, reveal: { ...reveal, versionKey: version_key } }),
  batch_reveal_weights: (execution, origin, { netuid, uids_list, values_list, salts_list, version_keys }) => {
    const count = uids_list.length;
    ensure([values_list, salts_list, version_keys].every(({ length }) => length === count), 'SubtensorModule', 'InputLengthsUnequal');
    const reveals = uids_list.map((uids, index): Reveal => {
      return { uids, values: values_list[index] ?? [], salt: salts_list[index] ?? [], versionKey: version_keys[index] ?? 0n };
    });
    revealBatch(execution, origin, netuid, reveals);
  },
};

/** What may commit to this mechanism now: the sender's uid. Fails as the chain does, in its order. */
export function checkCommitter(execution: Execution, hotkey: string, { netuid, mechanism, checkVersion }: { netuid: number; mechanism: number; checkVersion?: () => void }): number {
  ensure(execution.storage.SubtensorModule.CommitRevealWeightsEnabled.get(netuid), 'SubtensorModule', 'CommitRevealDisabled');
  checkVersion?.();
  const uid = registeredUid(execution, netuid, hotkey);
  ensure(passesWeightsRateLimit(execution, { netuid, mechanism, uid }), 'SubtensorModule', 'CommittingWeightsTooFast');
  return uid;
}

function commitWeights(execution: Execution, origin: Origin, { netuid, mechanism, hash }: { netuid: number; mechanism: number; hash: string }): void {
  ensureMechanismExists(execution, netuid, mechanism);
  const hotkey = ensureSigned(origin);
  const uid = checkCommitter(execution, hotkey, { netuid, mechanism });
  const index = mechanismIndex(netuid, mechanism);
  const { WeightCommits } = execution.storage.SubtensorModule;
  const { waiting } = splitExpired(execution, netuid, WeightCommits.get(index, hotkey) ?? []);
  ensure(waiting.length < MAX_UNREVEALED_COMMITS, 'SubtensorModule', 'TooManyUnrevealedCommits');
  WeightCommits.set(index, hotkey, [...waiting, [hash, currentEpoch(execution, netuid), execution.block, 0n]]);
  execution.deposit('SubtensorModule', 'WeightsCommitted', [hotkey, index, hash]);
  touchNeuron(execution, index, uid);
}

function revealWeights(execution: Execution, origin: Origin, { netuid, mechanism, reveal }: { netuid: number; mechanism: number; reveal: Reveal }): void {
  const { CommitRevealWeightsEnabled, WeightCommits } = execution.storage.SubtensorModule;
  const hotkey = ensureSigned(origin);
  ensure(CommitRevealWeightsEnabled.get(netuid), 'SubtensorModule', 'CommitRevealDisabled');
  const index = mechanismIndex(netuid, mechanism);
  const { expired, waiting } = splitExpired(execution, netuid, commitsOf(execution, index, hotkey));
  const hash = hashCommit(hotkey, index, reveal);
  const position = waiting.findIndex(([committed]) => committed === hash);
  if (position < 0) throw unknownCommit(hash, { expired, waiting });
  ensure(isRevealable(execution, netuid, waiting[position] as Commit), 'SubtensorModule', 'RevealTooEarly');
  const left = waiting.slice(position + 1);
  if (left.length === 0) WeightCommits.remove(index, hotkey);
  else WeightCommits.set(index, hotkey, left);
  setWeights(execution, hotkey, { netuid, mechanism, ...reveal });
  execution.deposit('SubtensorModule', 'WeightsRevealed', [hotkey, index, hash]);
}

function revealBatch(execution: Execution, origin: Origin, netuid: number, reveals: readonly Reveal[]): void {
  const { CommitRevealWeightsEnabled, WeightCommits } = execution.storage.SubtensorModule;
  const hotkey = ensureSigned(origin);
  ensure(CommitRevealWeightsEnabled.get(netuid), 'SubtensorModule', 'CommitRevealDisabled');
  const { expired, waiting } = splitExpired(execution, netuid, commitsOf(execution, netuid, hotkey));
  const hashed = reveals.map((reveal) => ({ reveal, hash: hashCommit(hotkey, netuid, reveal) }));
  for (const { hash } of hashed) {
    const commit = waiting.find(([committed]) => committed === hash);
    if (commit === undefined) throw moduleFailure('SubtensorModule', expired.has(hash) ? 'ExpiredWeightCommit' : 'InvalidRevealCommitHashNotMatch');
    ensure(isRevealable(execution, netuid, commit), 'SubtensorModule', 'RevealTooEarly');
  }
  for (const { reveal, hash } of hashed) {
    const position = waiting.findIndex(([committed]) => committed === hash);
    ensure(position >= 0, 'SubtensorModule', expired.has(hash) ? 'ExpiredWeightCommit' : 'InvalidRevealCommitHashNotMatch');
    waiting.splice(position, 1);
    setWeights(execution, hotkey, { netuid, mechanism: 0, ...reveal });
  }
  if (waiting.length === 0) WeightCommits.remove(netuid, hotkey);
  else WeightCommits.set(netuid, hotkey, waiting);
  execution.deposit('SubtensorModule', 'WeightsBatchRevealed', [hotkey, netuid, hashed.map(({ hash }) => hash)]);
}

function commitsOf(execution: Execution, index: number, hotkey: string): readonly Commit[] {
  const commits = execution.storage.SubtensorModule.WeightCommits.get(index, hotkey);
  if (commits === undefined) throw moduleFailure('SubtensorModule', 'NoWeightsCommitFound');
  return commits;
}

/** Commits whose window has passed stand in front. */
function splitExpired(execution: Execution, netuid: number, commits: readonly Commit[]): { expired: ReadonlySet<string>; waiting: Commit[] } {
  const epoch = currentEpoch(execution, netuid);
  const period = execution.storage.SubtensorModule.RevealPeriodEpochs.get(netuid);
  const first = commits.findIndex(([, committed]) => epoch <= committed + period);
  const count = first < 0 ? commits.length : first;
  return { expired: new Set(commits.slice(0, count).map(([hash]) => hash)), waiting: commits.slice(count) };
}

function unknownCommit(hash: string, { expired, waiting }: { expired: ReadonlySet<string>; waiting: readonly Commit[] }): Error {
  if (expired.has(hash)) return moduleFailure('SubtensorModule', 'ExpiredWeightCommit');
  return moduleFailure('SubtensorModule', waiting.length === 0 ? 'NoWeightsCommitFound' : 'InvalidRevealCommitHashNotMatch');
}

function isRevealable(execution: Execution, netuid: number, [, committed]: Commit): boolean {
  return currentEpoch(execution, netuid) === committed + execution.storage.SubtensorModule.RevealPeriodEpochs.get(netuid);
}

/** Whether the hotkey could reveal these weights in this block: the error that the transaction would be refused with. */
export function checkReveal(execution: Execution, hotkey: string, { netuid, mechanism, reveal }: { netuid: number; mechanism: number; reveal: Reveal }): void {
  const index = mechanismIndex(netuid, mechanism);
  const hash = hashCommit(hotkey, index, reveal);
  const commit = commitsOf(execution, index, hotkey).find(([committed]) => committed === hash);
  if (commit === undefined) throw moduleFailure('SubtensorModule', 'NoWeightsCommitFound');
  ensure(isRevealable(execution, netuid, commit), 'SubtensorModule', 'RevealTooEarly');
}

/** BLAKE2b-256 over hotkey, storage index, uids, values, salt and version key in SCALE. @see weights.rs:1328 */
function hashCommit(hotkey: string, index: number, { uids, values, salt, versionKey }: Reveal): string {
  return toHex(blake2(encodeScale('(AccountId,u16,Vec<u16>,Vec<u16>,Vec<u16>,u64)', [hotkey, index, uids, values, salt, versionKey])));
}
