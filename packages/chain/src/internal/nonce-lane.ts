/**
 * The order of one key's calls: nonces are given out one after the other, and those that are under way are counted, so that several calls can be.
 * @module
 */
import type { Chain } from '../connection.ts';

/** The calls of one key. */
export interface NonceLane {
  /** Runs after what was begun before. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** A nonce that the chain or its node knows nothing of yet; taken until it is released. `onChain` is what the node says comes next. */
  take(onChain: number): number;
  /** Nothing of this process uses the nonce any more. */
  release(nonce: number): void;
}

const lanes = new WeakMap<Chain, Map<string, NonceLane>>();

/** The lane of a key on a chain. */
export function nonceLane(chain: Chain, hotkey: string): NonceLane {
  let ofChain = lanes.get(chain);
  if (ofChain === undefined) lanes.set(chain, (ofChain = new Map()));
  let lane = ofChain.get(hotkey);
  if (lane === undefined) ofChain.set(hotkey, (lane = createLane()));
  return lane;
}

function createLane(): NonceLane {
  const taken = new Set<number>();
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run: (work) => {
      const result = tail.then(work);
      tail = result.catch(() => {});
      return result;
    },
    take: (onChain) => {
      // The node counts what is in its pool; a call that is between signing and pool is counted here.
      const nonce = Math.max(onChain, ...[...taken].map((other) => other + 1));
      taken.add(nonce);
      return nonce;
    },
    release: (nonce) => void taken.delete(nonce),
  };
}
