/**
 * When a subnet's epochs run: by a formula of the block's number on runtimes up to about spec 406, by state from 407 on.
 *
 * The stateful model is used wherever the runtime has `LastEpochBlock`. A block runs its epochs before its calls, so a call in the block of an epoch
 * already belongs to the new one.
 * @see pallets/subtensor/src/coinbase/run_coinbase.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { resolveBlock, type ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { parseNetuid } from './identifier.ts';
import { openState, type BlockState } from './internal/block-state.ts';
import { presentRuntime, type Runtime } from './internal/runtime.ts';
import { hasStorage, readPresent, subtensor, toNumber, type Codec } from './internal/storage.ts';

/** Longest epoch; a subnet that has not had one for longer runs one at once (`MAX_TEMPO`). */
export const MAX_TEMPO_BLOCKS = 50_400;

/** What the epochs of a subnet depend on, after a block. */
export interface EpochState {
  readonly netuid: number;
  /** The block that this is the state of. */
  readonly blockNumber: number;
  /** `Tempo`; 0: no epochs. */
  readonly tempoBlocks: number;
  /** Undefined on runtimes with the formula. */
  readonly schedule: EpochCounters | undefined;
}

/** The counters of the stateful model. */
export interface EpochCounters {
  readonly lastEpochBlock: number;
  /** Block of an epoch that the owner asked for; 0: none. */
  readonly pendingEpochAt: number;
  /** Epochs so far. */
  readonly epochIndex: number;
  readonly blocksSinceLastStep: number;
}

/** Reads what the epochs of a subnet depend on. @throws bad-value, and as `Chain.request` */
export async function readEpochState(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<EpochState> {
  const id = parseNetuid(netuid);
  const { hash, number } = await resolveBlock(chain, at);
  const state = await openState(chain, hash);
  const values = await readPresent(state, EPOCH_ITEMS.map((item) => subtensor(item, id)));
  return epochStateOf(state, { netuid: id, blockNumber: number, values });
}

/** What {@link epochStateOf} looks at, in its order. */
export const EPOCH_ITEMS = ['Tempo', 'LastEpochBlock', 'PendingEpochAt', 'SubnetEpochIndex', 'BlocksSinceLastStep'] as const;

/** The state from values of {@link EPOCH_ITEMS}, for who reads them together with others. */
export function epochStateOf({ runtime }: Pick<BlockState, 'runtime'>, { netuid, blockNumber, values }: { readonly netuid: number; readonly blockNumber: number; readonly values: readonly (Codec | undefined)[] }): EpochState {
  const [tempo, last, pending, index, since] = values;
  const schedule = hasCounters(runtime)
    ? { lastEpochBlock: toNumber(last), pendingEpochAt: toNumber(pending), epochIndex: toNumber(index), blocksSinceLastStep: toNumber(since) }
    : undefined;
  return { netuid, blockNumber, tempoBlocks: toNumber(tempo), schedule };
}

/** Whether the chain's present runtime keeps epochs by state (spec 407 on) rather than by formula; for an old block `EpochState.schedule` tells. */
export function hasEpochCounters(chain: Chain): boolean {
  return hasCounters(presentRuntime(chain));
}

function hasCounters(runtime: Runtime): boolean {
  return hasStorage(runtime, subtensor('LastEpochBlock'));
}

/**
 * Whether an epoch runs in `block`, a later block than the state's, if none runs in between.
 *
 * Formula: `(block + netuid + 1) mod (tempo + 1) = 0`. Stateful: an epoch is pending and due, or `block - lastEpochBlock >= tempo`, or none has run for
 * {@link MAX_TEMPO_BLOCKS}.
 */
export function runsEpoch({ netuid, tempoBlocks, schedule }: EpochState, block: number): boolean {
  if (tempoBlocks === 0) return false;
  if (schedule === undefined) return (block + netuid + 1) % (tempoBlocks + 1) === 0;
  const { lastEpochBlock, pendingEpochAt, blocksSinceLastStep } = schedule;
  return (pendingEpochAt > 0 && block >= pendingEpochAt) || blocksSinceLastStep > MAX_TEMPO_BLOCKS || block - lastEpochBlock >= tempoBlocks;
}

/** The index of the epoch that the calls of `block` belong to: `block` must be the one after the state's, or none may have run in between. */
export function epochIndexAt(state: EpochState, block: number): number {
  const { netuid, tempoBlocks, schedule } = state;
  if (schedule === undefined) return Math.floor((block + netuid + 1) / (tempoBlocks + 1));
  return schedule.epochIndex + (runsEpoch(state, block) ? 1 : 0);
}

/**
 * The block of the next epoch, after the state's block; undefined where the subnet has no epochs. An upper bound of epochs in a block can defer it by a block.
 * @example nextEpochBlock(await readEpochState(chain, { netuid: 1 }))
 */
export function nextEpochBlock(state: EpochState): number | undefined {
  const { netuid, blockNumber, tempoBlocks, schedule } = state;
  if (tempoBlocks === 0) return undefined;
  const soonest = blockNumber + 1;
  if (schedule === undefined) return soonest + ((tempoBlocks + 1 - ((soonest + netuid + 1) % (tempoBlocks + 1))) % (tempoBlocks + 1));
  const { lastEpochBlock, pendingEpochAt, blocksSinceLastStep } = schedule;
  const automatic = Math.min(lastEpochBlock + tempoBlocks, soonest + Math.max(0, MAX_TEMPO_BLOCKS - blocksSinceLastStep));
  return Math.max(soonest, pendingEpochAt > 0 ? Math.min(automatic, pendingEpochAt) : automatic);
}

/**
 * The first epoch in a block after `block`, as tempo and schedule stand; undefined where the subnet has no epochs.
 * @example epochAfter(state, state.blockNumber) // nextEpochBlock(state)
 */
export function epochAfter(state: EpochState, block: number): number | undefined {
  const next = nextEpochBlock(state);
  if (next === undefined || next > block) return next;
  const period = periodBlocks(state);
  return next + period * (Math.floor((block - next) / period) + 1);
}

/**
 * The first block whose calls belong to the epoch of an index, as tempo and schedule stand; undefined where that epoch has begun by the state's block, or the subnet has none.
 * @example epochStartBlock(state, epochIndexAt(state, state.blockNumber + 1) + 1)
 */
export function epochStartBlock(state: EpochState, index: number): number | undefined {
  const { schedule, netuid, tempoBlocks, blockNumber } = state;
  const next = nextEpochBlock(state);
  if (next === undefined) return undefined;
  const ahead = index - (schedule === undefined ? Math.floor((blockNumber + netuid + 1) / (tempoBlocks + 1)) : schedule.epochIndex);
  return ahead < 1 ? undefined : next + periodBlocks(state) * (ahead - 1);
}

function periodBlocks({ schedule, tempoBlocks }: EpochState): number {
  return schedule === undefined ? tempoBlocks + 1 : tempoBlocks;
}

/** Blocks from the state's block to the next epoch; undefined where the subnet has none. */
export function blocksUntilEpoch(state: EpochState): number | undefined {
  const next = nextEpochBlock(state);
  return next === undefined ? undefined : next - state.blockNumber;
}
