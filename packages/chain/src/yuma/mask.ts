/**
 * Which stored weights and bonds count in an epoch.
 * @module
 * @see run_epoch.rs:705–780 and :831
 */
import type { YumaInput } from './input.ts';

/** From which registration block on a neuron is too new: a weight or a bond on it is dropped. */
export interface Horizon {
  /** Weights of `uid` on neurons registered at this block or later do not count. */
  readonly ofWeights: (uid: number) => number;
  /** Bonds on neurons registered at this block or later do not count. */
  readonly ofBonds: number;
}

/**
 * A weight is void if it was set no later than its neuron's registration, or committed before it; a bond, if the neuron registered since the last epoch.
 */
export function horizonOf(input: YumaInput): Horizon {
  const { block, tempo, lastMechanismStepBlock, lastUpdate, commitRevealWeightsEnabled, pendingCommitBlocks = [] } = input;
  const pending = (uid: number): number => (commitRevealWeightsEnabled ? (pendingCommitBlocks[uid] ?? Infinity) : Infinity);
  return {
    // `updated <= registered` and `committed < registered`, of integers.
    ofWeights: (uid) => Math.min(lastUpdate[uid] as number, pending(uid) + 1),
    ofBonds: lastMechanismStepBlock === 0 ? Math.max(0, block - tempo) : lastMechanismStepBlock + 1,
  };
}

/** Whether `from` may weigh `to` at all: not itself, unless it is the owner. */
export function mayWeigh({ ownerUid }: YumaInput, from: number, to: number): boolean {
  return from !== to || from === ownerUid;
}
