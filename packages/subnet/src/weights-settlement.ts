/**
 * A validator's weights from their sending until the chain holds them.
 *
 * Committed weights are set an epoch or more later, so they are followed beside the cycles: `weights.json` in the state directory has the handle of each commit that is under way, written
 * before the commit is sent, and a validator that was stopped goes on from it. What is by hash is revealed in its epoch; what came to nothing is committed again, unless a later cycle's
 * weights have taken its place.
 *
 * @module
 */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { followHashedWeights, followTimelockedWeights, isChainError, parseWeightsHandle, setWeights, type HashedResult, type TimelockedResult, type Weight, type WeightsHandle, type WeightsSent } from '@connito/chain';
import type { RoleContext } from './context.ts';
import { guardEffect, isTransient, isTransientCode } from './effect-guard.ts';
import { SubnetError } from './error.ts';

/** How often weights that came to nothing are committed again. */
const MAX_RECOMMITS = 2;

/** A commit that is under way. The cycle names it: a cycle has one row of weights. */
interface PendingWeights {
  readonly cycle: number;
  readonly handle: WeightsHandle;
  readonly recommitsLeft: number;
}

/** What the settlement works with. */
export type SettlementContext = Pick<RoleContext, 'chain' | 'keypair' | 'manifest' | 'report' | 'signal' | 'stateDirectory'>;

/**
 * Opens the settlement and goes on with what was under way.
 * @throws SubnetError `damaged-state`
 */
export async function openWeightsSettlement(context: SettlementContext): Promise<WeightsSettlement> {
  return new WeightsSettlement(context, await readPending(pathOf(context)));
}

/** Sends weights and stays with them; outcomes are reported as `weights-settled`. */
export class WeightsSettlement {
  readonly #context: SettlementContext;
  readonly #pending: Map<number, PendingWeights>;
  readonly #following = new Map<number, Promise<void>>();
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  /** Commits and writes go one after the other. */
  #lane: Promise<unknown> = Promise.resolve();
  #fault: { readonly error: unknown } | undefined;

  constructor(context: SettlementContext, pending: readonly PendingWeights[]) {
    this.#context = context;
    this.#pending = new Map(pending.map((entry) => [entry.cycle, entry]));
    this.#signal = AbortSignal.any([context.signal, this.#closing.signal]);
    this.#takeUp();
  }

  /**
   * Sends the weights of a cycle, and returns when the chain has them or their commit. A commit of this cycle that is under way is not made a second time.
   * @throws as `setWeights`
   */
  async set(cycle: number, weights: readonly Weight[]): Promise<WeightsSent['way']> {
    this.#throwFault();
    const way = this.#pending.get(cycle)?.handle.way ?? (await this.#inTurn(() => this.#send(cycle, weights)));
    this.#takeUp();
    return way;
  }

  /** Waits for the commits that nobody else can reveal. */
  async revealed(): Promise<void> {
    const own = [...this.#pending.values()].filter(({ handle }) => handle.way === 'hashed');
    await Promise.all(own.map(({ cycle }) => this.#following.get(cycle)));
    this.#context.signal.throwIfAborted();
    this.#throwFault();
  }

  /** Stops following; what is under way stays in the state directory. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#following.values());
  }

  async #send(cycle: number, weights: readonly Weight[]): Promise<WeightsSent['way']> {
    // Whatever becomes of earlier weights, they must not come after these.
    for (const entry of this.#pending.values()) this.#pending.set(entry.cycle, { ...entry, recommitsLeft: 0 });
    const { way } = await this.#commit({ cycle, recommitsLeft: MAX_RECOMMITS }, { weights, versionKey: this.#context.manifest.weights.versionKey });
    if (way !== 'plain') return way;
    this.#pending.clear();
    await this.#write();
    this.#context.report({ kind: 'weights-settled', cycle, outcome: 'set' });
    return way;
  }

  async #commit(entry: Omit<PendingWeights, 'handle'>, row: { readonly weights: readonly Weight[]; readonly versionKey: number | bigint }): Promise<WeightsSent> {
    const { chain, keypair, manifest } = this.#context;
    try {
      return await setWeights(chain, { netuid: manifest.netuid, ...row, signer: keypair, onHandle: (handle) => this.#keep({ ...entry, handle }) });
    } catch (error) {
      // A commit whose fate is not known is followed; one that was refused is none.
      if (isChainError(error) && !isTransient(error)) await this.#drop(entry.cycle);
      throw error;
    }
  }

  #takeUp(): void {
    for (const cycle of this.#pending.keys()) {
      if (!this.#following.has(cycle)) this.#following.set(cycle, this.#follow(cycle).finally(() => this.#following.delete(cycle)));
    }
  }

  async #follow(cycle: number): Promise<void> {
    try {
      const end = await guardEffect({ report: this.#context.report, signal: this.#signal }, { kind: 'settle-weights', cycle }, () => this.#settle(cycle));
      // After a passing fault that lasted, the next cycle takes it up again.
      if (end === undefined || !isTransientCode(end.code)) await this.#inTurn(() => this.#drop(cycle));
    } catch (error) {
      if (!this.#signal.aborted) this.#fault = { error };
    }
  }

  async #settle(cycle: number): Promise<undefined> {
    for (let entry = this.#pending.get(cycle); entry !== undefined; entry = this.#pending.get(cycle)) {
      const { outcome } = await untilAborted(this.#end(entry.handle), this.#signal);
      this.#context.report({ kind: 'weights-settled', cycle, outcome });
      if (outcome === 'revealed-equal' || !(await this.#inTurn(() => this.#commitAgain(cycle)))) return;
    }
  }

  #end(handle: WeightsHandle): Promise<HashedResult | TimelockedResult> {
    const { chain, keypair } = this.#context;
    return handle.way === 'hashed' ? followHashedWeights(chain, handle, { signer: keypair }) : followTimelockedWeights(chain, handle);
  }

  /** Whether there is a commit to follow again. */
  async #commitAgain(cycle: number): Promise<boolean> {
    const entry = this.#pending.get(cycle);
    if (entry === undefined || entry.recommitsLeft === 0) return false;
    const { uids, values, versionKey } = entry.handle;
    const weights = uids.map((uid, index) => ({ uid, weight: values[index] ?? 0 }));
    const { way } = await this.#commit({ cycle, recommitsLeft: entry.recommitsLeft - 1 }, { weights, versionKey: BigInt(versionKey) });
    if (way === 'plain') this.#context.report({ kind: 'weights-settled', cycle, outcome: 'set' });
    return way !== 'plain';
  }

  #keep(entry: PendingWeights): Promise<void> {
    this.#pending.set(entry.cycle, entry);
    return this.#write();
  }

  async #drop(cycle: number): Promise<void> {
    if (this.#pending.delete(cycle)) await this.#write();
  }

  #write(): Promise<void> {
    return writePending(pathOf(this.#context), [...this.#pending.values()]);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lane.then(work);
    this.#lane = result.catch(() => undefined);
    return result;
  }

  /** What went wrong beside the cycles, and is a mistake of ours, ends the run at the next occasion. */
  #throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault.error;
  }
}

function pathOf({ stateDirectory }: SettlementContext): string {
  return join(stateDirectory, 'weights.json');
}

async function readPending(path: string): Promise<readonly PendingWeights[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? '[]' : Promise.reject(error)));
  try {
    return (JSON.parse(text) as PendingWeights[]).map(({ cycle, handle, recommitsLeft }) => {
      if (![cycle, recommitsLeft].every((count) => Number.isSafeInteger(count) && count >= 0)) throw new TypeError('expected counts');
      return { cycle, handle: parseWeightsHandle(handle), recommitsLeft };
    });
  } catch (cause) {
    throw new SubnetError('damaged-state', `${path} does not hold the weight commits that are under way. Restore it, or delete it to go on without them`, { path }, { cause });
  }
}

/** In one step, durable before the commit is sent, and for nobody else's eyes: a commit by hash is hidden by what is in here. */
async function writePending(path: string, pending: readonly PendingWeights[]): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(pending)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

/** Rejects when aborted; the work itself ends with the connection. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const done = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true, signal: done.signal });
  });
  return Promise.race([work, aborted]).finally(() => done.abort());
}
