/**
 * Timelocked weights: ciphertexts that the chain itself opens once the beacon has the round's signature.
 * @module
 * @see pallets/subtensor/src/subnets/weights.rs:297, coinbase/reveal_commits.rs (opentensor/subtensor 14bc6f9f9)
 */
import { decryptTimelock, isCommitRevealError } from '@connito/commit-reveal';
import { isLocalnetError } from '../errors.ts';
import { blake2, toHex } from '../hex.ts';
import { ScaleReader } from '../scale/bytes.ts';
import { readScale } from '../scale/codec.ts';
import { currentEpoch, isEpochDue } from './epoch-schedule.ts';
import { ensure, ensureSigned, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { ensureMechanismExists, mechanismIndex, subnetsOf } from './subnet-lookup.ts';
import { checkCommitter, MAX_UNREVEALED_COMMITS } from './weight-commits.ts';
import { setWeights, touchNeuron } from './weights.ts';

/** The version that `commit_crv3_mechanism_weights` implies. */
const IMPLIED_VERSION = 4;

interface TimelockedCall {
  readonly netuid: number;
  readonly mechanism: number;
  readonly commit: Uint8Array;
  readonly round: bigint;
  readonly version: number;
}
type TimelockedNames = 'commit_timelocked_weights' | 'commit_timelocked_mechanism_weights' | 'commit_crv3_mechanism_weights';

/** The pallet's calls. */
export const timelockedWeightsCalls: Pick<CallHandlers<'SubtensorModule'>, TimelockedNames> = {
  commit_timelocked_weights: (execution, origin, { netuid, commit, reveal_round, commit_reveal_version }) =>
    commitTimelocked(execution, origin, { netuid, mechanism: 0, commit, round: reveal_round, version: commit_reveal_version }),
  commit_timelocked_mechanism_weights: (execution, origin, { netuid, mecid, commit, reveal_round, commit_reveal_version }) =>
    commitTimelocked(execution, origin, { netuid, mechanism: mecid, commit, round: reveal_round, version: commit_reveal_version }),
  commit_crv3_mechanism_weights: (execution, origin, { netuid, mecid, commit, reveal_round }) =>
    commitTimelocked(execution, origin, { netuid, mechanism: mecid, commit, round: reveal_round, version: IMPLIED_VERSION }),
};

function commitTimelocked(execution: Execution, origin: Origin, { netuid, mechanism, commit, round, version }: TimelockedCall): void {
  const { CommitRevealWeightsVersion, TimelockedWeightCommits } = execution.storage.SubtensorModule;
  ensureMechanismExists(execution, netuid, mechanism);
  const hotkey = ensureSigned(origin);
  const checkVersion = (): void => ensure(version === CommitRevealWeightsVersion.get(), 'SubtensorModule', 'IncorrectCommitRevealVersion');
  const uid = checkCommitter(execution, hotkey, { netuid, mechanism, checkVersion });
  const index = mechanismIndex(netuid, mechanism);
  const epoch = currentEpoch(execution, netuid);
  const commits = TimelockedWeightCommits.get(index, epoch);
  ensure(commits.filter(([who]) => who === hotkey).length < MAX_UNREVEALED_COMMITS, 'SubtensorModule', 'TooManyUnrevealedCommits');
  TimelockedWeightCommits.set(index, epoch, [...commits, [hotkey, execution.block, commit, round]]);
  execution.deposit('SubtensorModule', 'TimelockedWeightsCommitted', [hotkey, index, toHex(blake2(commit)), round]);
  touchNeuron(execution, index, uid);
}

/** Opens, at the start of a block, what is due; a subnet whose epoch the cap puts off waits with it. */
export function revealTimelockedWeights(execution: Execution): void {
  let left = execution.storage.SubtensorModule.MaxEpochsPerBlock.get();
  for (const netuid of subnetsOf(execution.storage)) {
    const due = isEpochDue(execution, netuid);
    if (due && left-- <= 0) continue;
    for (let mechanism = 0; mechanism < execution.storage.SubtensorModule.MechanismCountCurrent.get(netuid); mechanism++) {
      revealMechanism(execution, netuid, mechanism);
    }
  }
}

/** Opens the commits of the epoch that is to be revealed, in their order; older ones are dropped, those without a pulse wait. */
function revealMechanism(execution: Execution, netuid: number, mechanism: number): void {
  const { TimelockedWeightCommits, RevealPeriodEpochs } = execution.storage.SubtensorModule;
  const index = mechanismIndex(netuid, mechanism);
  const epoch = currentEpoch(execution, netuid) - RevealPeriodEpochs.get(netuid);
  for (const [[, committed]] of TimelockedWeightCommits.entries(index)) if (committed < epoch) TimelockedWeightCommits.remove(index, committed);
  if (epoch < 0n) return;
  const commits = TimelockedWeightCommits.get(index, epoch);
  if (commits.length === 0) return;
  const waiting = commits.filter(([hotkey, , ciphertext, round]) => {
    const pulse = execution.storage.Drand.Pulses.get(round);
    if (pulse !== undefined) revealOne(execution, { netuid, mechanism, hotkey, plaintext: openTimelock(ciphertext, pulse.signature) });
    return pulse === undefined;
  });
  if (waiting.length === 0) TimelockedWeightCommits.remove(index, epoch);
  else TimelockedWeightCommits.set(index, epoch, waiting);
}

/** The plaintext; `undefined` for what no signature of this round opens. */
export function openTimelock(ciphertext: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  try {
    return decryptTimelock(ciphertext, signature);
  } catch (error) {
    if (isCommitRevealError(error)) return undefined;
    throw error;
  }
}

interface OpenedCommit {
  readonly netuid: number;
  readonly mechanism: number;
  readonly hotkey: string;
  readonly plaintext: Uint8Array | undefined;
}

/** What cannot be opened, is another's, or fails the checks of `set_weights` is dropped without an event. */
function revealOne(execution: Execution, { netuid, mechanism, hotkey, plaintext }: OpenedCommit): void {
  const payload = plaintext === undefined ? undefined : decodePayload(plaintext, hotkey);
  if (payload === undefined) return;
  const [uids, values, versionKey] = payload;
  const error = execution.attempt(() => setWeights(execution, hotkey, { netuid, mechanism, uids, values, versionKey }));
  if (error === undefined) execution.deposit('SubtensorModule', 'TimelockedWeightsRevealed', [mechanismIndex(netuid, mechanism), hotkey]);
}

type Payload = readonly [readonly number[], readonly number[], bigint];

/** The payload with the committer's hotkey in front, or the older one without; bytes behind it do not matter. */
function decodePayload(plaintext: Uint8Array, hotkey: string): Payload | undefined {
  const bound = tryDecode(() => readScale('(Vec<u8>,Vec<u16>,Vec<u16>,u64)', new ScaleReader(plaintext)));
  if (bound !== undefined && bound[0].length >= 32) {
    const [author, uids, values, versionKey] = bound;
    return toHex(author.slice(0, 32)) === hotkey ? [uids, values, versionKey] : undefined;
  }
  return tryDecode(() => readScale('(Vec<u16>,Vec<u16>,u64)', new ScaleReader(plaintext)));
}

function tryDecode<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isLocalnetError(error, 'bad-scale')) return undefined;
    throw error;
  }
}
