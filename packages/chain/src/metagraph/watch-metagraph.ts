/**
 * A metagraph that is kept up to date: after every finalised block, the neurons that changed.
 * @module
 */
import { watchBlocks } from '../block.ts';
import type { Chain, FinalisedBlock } from '../connection.ts';
import { isChainError } from '../errors.ts';
import { persist } from '../internal/persist.ts';
import { readMetagraph, type Metagraph, type MetagraphNeuron, type MetagraphQuery } from './metagraph.ts';

/** What a block changed. */
export interface MetagraphChange {
  readonly metagraph: Metagraph;
  /** Neurons that are new or differ from the last time; all of them the first time. */
  readonly changed: readonly MetagraphNeuron[];
  /** Uids that are there no longer. */
  readonly removed: readonly number[];
}

/** Gets the first metagraph, and then every one in which a neuron changed. Must not throw. */
export type MetagraphListener = (change: MetagraphChange) => void;

/**
 * Calls `listener` with the metagraph now, and again after finalised blocks that changed a neuron. A slow reader skips blocks and misses no change: differences are to
 * what was reported last. Lost connections are waited out.
 *
 * @returns how to stop it
 * @throws as `readMetagraph`, of the first one
 */
export async function watchMetagraph(chain: Chain, query: Omit<MetagraphQuery, 'at'>, listener: MetagraphListener): Promise<() => Promise<void>> {
  const first = await readMetagraph(chain, query);
  listener({ metagraph: first, changed: first.neurons, removed: [] });
  const watcher = new Watcher(chain, { query, known: first, listener });
  const stop = await watchBlocks(chain, (block) => watcher.reach(block));
  return async () => {
    watcher.stop();
    await stop();
  };
}

interface Watched {
  readonly query: Omit<MetagraphQuery, 'at'>;
  readonly known: Metagraph;
  readonly listener: MetagraphListener;
}

/** Reads one block at a time, always the newest. */
class Watcher {
  readonly #chain: Chain;
  readonly #query: Omit<MetagraphQuery, 'at'>;
  readonly #listener: MetagraphListener;
  #known: Metagraph;
  #next: string | undefined;
  #isRunning = false;
  #isStopped = false;

  constructor(chain: Chain, { query, known, listener }: Watched) {
    this.#chain = chain;
    this.#query = query;
    this.#known = known;
    this.#listener = listener;
  }

  reach({ number, hash }: FinalisedBlock): void {
    if (number <= this.#known.blockNumber) return;
    this.#next = hash;
    if (!this.#isRunning) void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#next !== undefined && !this.#isStopped) {
      const at = this.#next;
      this.#next = undefined;
      const metagraph = await readOrSkip(this.#chain, { ...this.#query, at });
      if (metagraph !== undefined && !this.#isStopped) this.#report(metagraph);
    }
    this.#isRunning = false;
  }

  #report(metagraph: Metagraph): void {
    const change = compareMetagraphs(this.#known, metagraph);
    this.#known = metagraph;
    if (change.changed.length > 0 || change.removed.length > 0) this.#listener(change);
  }
}

/** What changed from one metagraph to a later one. */
export function compareMetagraphs(before: Metagraph, after: Metagraph): MetagraphChange {
  const known = new Map(before.neurons.map((neuron) => [neuron.uid, fingerprint(neuron)]));
  const uids = new Set(after.neurons.map(({ uid }) => uid));
  return {
    metagraph: after,
    changed: after.neurons.filter((neuron) => known.get(neuron.uid) !== fingerprint(neuron)),
    removed: before.neurons.map(({ uid }) => uid).filter((uid) => !uids.has(uid)),
  };
}

function fingerprint(neuron: MetagraphNeuron): string {
  return JSON.stringify(neuron, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

/** A block that cannot be read, whatever the node says or answers, is passed over: the next block tells, and what changed meanwhile. */
async function readOrSkip(chain: Chain, query: MetagraphQuery): Promise<Metagraph | undefined> {
  try {
    return await persist(() => readMetagraph(chain, query));
  } catch (error) {
    if (isChainError(error)) return undefined;
    throw error;
  }
}
