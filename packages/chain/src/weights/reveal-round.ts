/**
 * The drand round that timelocked weights are locked to: late enough that the chain opens them when it reveals, and not sooner.
 *
 * The chain reveals the commits of epoch e in epoch e + `RevealPeriodEpochs`, and needs the round's pulse for it. The round is taken as Bittensor's
 * own clients take it: of the time of the first block that reveals, and three blocks more, so that the pulse has come in by then.
 * @see `generate_commit_v2` and `predict_first_reveal_block` in sdk/bittensor-core/src/timelock of RaoFoundation/subtensor (stateful epochs), `generate_commit`
 * in src/drand.rs of opentensor/bittensor-drand 1.2.0 (epochs by formula)
 * @module
 */
import type { Beacon } from '@connito/commit-reveal';
import { MAX_TEMPO_BLOCKS, runsEpoch, type EpochCounters, type EpochState } from '../epoch-schedule.ts';
import { ChainError } from '../errors.ts';

/** `SECURITY_BLOCK_OFFSET` of both clients. */
export const REVEAL_MARGIN_BLOCKS = 3;

/** What a reveal is predicted from. */
export interface RevealOptions {
  /** After the head's block; the commit is taken to be in the next one. */
  readonly state: EpochState;
  /** `RevealPeriodEpochs`. */
  readonly periodEpochs: number;
}

/** What a round is computed from. */
export interface RevealRoundOptions extends RevealOptions {
  readonly beacon: Pick<Beacon, 'genesisTimeMs' | 'periodMs'>;
  /** The time of the head's block, Unix milliseconds. Bittensor's clients take the clock's. */
  readonly nowMs: number;
  readonly blockTimeMs: number;
}

/** A reveal that is to be expected. */
export interface ExpectedReveal {
  readonly round: number;
  /** The first block that reveals. */
  readonly blockNumber: number;
  /** The epoch that the commit belongs to, if it is in the block after the head. */
  readonly commitEpoch: number;
}

/**
 * The round to lock to: `floor((now + (block + 3 - head) · blockTime - genesis) / period)`, at least 1.
 * @throws bad-value (a subnet without epochs, or a reveal that is out of reach)
 */
export function expectReveal({ state, periodEpochs, beacon, nowMs, blockTimeMs }: RevealRoundOptions): ExpectedReveal {
  const { blockNumber, commitEpoch } = predictReveal({ state, periodEpochs });
  const timeMs = nowMs + (blockNumber + REVEAL_MARGIN_BLOCKS - state.blockNumber) * blockTimeMs;
  return { round: Math.max(1, Math.floor((timeMs - beacon.genesisTimeMs) / beacon.periodMs)), blockNumber, commitEpoch };
}

/**
 * The first block that reveals a commit of the block after the head. By formula the epoch is the head's own, as bittensor-drand has it.
 * @throws bad-value
 */
export function predictReveal({ state, periodEpochs }: RevealOptions): Omit<ExpectedReveal, 'round'> {
  const { netuid, tempoBlocks, blockNumber, schedule } = state;
  if (tempoBlocks === 0) throw new ChainError('bad-value', `subnet ${netuid} has tempo 0: it runs no epochs and reveals no weights`, { subject: 'tempo', actual: 0 });
  if (schedule !== undefined) return simulate(state, schedule, periodEpochs);
  const commitEpoch = Math.floor((blockNumber + netuid + 1) / (tempoBlocks + 1));
  return { blockNumber: Math.max(0, (commitEpoch + periodEpochs) * (tempoBlocks + 1) - (netuid + 1)), commitEpoch };
}

/** Block by block, as the chain goes: in a block, reveals come before epochs, and both before calls. */
function simulate(state: EpochState, start: EpochCounters, periodEpochs: number): Omit<ExpectedReveal, 'round'> {
  const first = state.blockNumber + 1;
  const counters = { ...start };
  const after = { ...state, schedule: counters };
  const epochSeenBy = (block: number): number => counters.epochIndex + (runsEpoch(after, block) ? 1 : 0);
  const commitEpoch = epochSeenBy(first);
  const target = commitEpoch + periodEpochs;
  const last = first + (periodEpochs + 1) * MAX_TEMPO_BLOCKS;
  for (let block = first; block <= last; block++) {
    if (epochSeenBy(block) === target) return { blockNumber: block, commitEpoch };
    counters.blocksSinceLastStep++;
    if (runsEpoch(after, block)) Object.assign(counters, { lastEpochBlock: block, pendingEpochAt: 0, epochIndex: counters.epochIndex + 1, blocksSinceLastStep: 0 });
  }
  throw new ChainError('bad-value', `no epoch of subnet ${state.netuid} reveals within ${periodEpochs + 1} times ${MAX_TEMPO_BLOCKS} blocks`, { subject: 'periodEpochs', actual: periodEpochs });
}
