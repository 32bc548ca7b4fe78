/**
 * One epoch of a subnet as a pure function: permits, consensus, incentives, dividends, emission.
 *
 * The steps are Yuma Consensus's (stake-weighted median per column, clipped ranks, vtrust), without bonds: a validator's dividends
 * are its stake times what its clipped weights gave to incentive, so there is no memory from tempo to tempo. Fractions are float64,
 * not the chain's fixed point. To be replaced by the full function.
 * @module
 * @see pallets/subtensor/src/epoch/run_epoch.rs:566 (opentensor/subtensor 14bc6f9f9)
 */

/** One neuron at the start of the epoch. Its position in the list is its uid. */
export interface EpochNeuron {
  /** Stake weight, rao. */
  readonly stakeRao: bigint;
  readonly permit: boolean;
  readonly lastUpdate: number;
  readonly registeredAt: number;
  /** Row of weights: `[uid, weight]`, weights as u16. */
  readonly weights: readonly (readonly [number, number])[];
}

/** What an epoch works on. */
export interface EpochInput {
  readonly blockNumber: number;
  readonly neurons: readonly EpochNeuron[];
  readonly ownerUid: number | undefined;
  /** A neuron whose last update is older than this many blocks is inactive. */
  readonly activityCutoffBlocks: number;
  /** Majority that consensus needs, 0 … 1. */
  readonly kappa: number;
  readonly maxValidators: number;
  readonly stakeThresholdRao: bigint;
  /** To be split between incentive and dividends, rao of alpha. */
  readonly emissionRao: bigint;
}

/** All lists are by uid; u16 figures are fractions of 65,535, cut off. */
export interface EpochResult {
  readonly active: readonly boolean[];
  readonly permits: readonly boolean[];
  readonly stakeWeight: readonly number[];
  readonly consensus: readonly number[];
  readonly validatorTrust: readonly number[];
  readonly incentive: readonly number[];
  readonly dividends: readonly number[];
  /** Rao of alpha for the miner's and for the validator's part of a neuron. */
  readonly serverEmission: readonly bigint[];
  readonly validatorEmission: readonly bigint[];
}

/** Runs one epoch. Deterministic; ties among permits go to the higher uid, as on chain. */
export function runEpoch(input: EpochInput): EpochResult {
  const { neurons, ownerUid } = input;
  const stake = normalize(neurons.map((neuron, uid) => countedStake(input, neuron, uid)));
  const active = neurons.map((neuron) => neuron.lastUpdate + input.activityCutoffBlocks >= input.blockNumber);
  const voting = neurons.map((neuron, uid) => neuron.permit || uid === ownerUid);
  const activeStake = normalize(stake.map((value, uid) => (active[uid] && voting[uid] ? value : 0)));
  const rows = neurons.map((_, uid) => (voting[uid] ? weightRow(input, uid) : []));
  const consensus = consensusOf(rows, activeStake, input.kappa);
  const clipped = rows.map((row) => row.map(([uid, weight]) => [uid, Math.min(weight, consensus[uid] as number)] as const));
  const incentive = normalize(columnSums(clipped, activeStake));
  const dividends = normalize(clipped.map((row, uid) => (activeStake[uid] as number) * sum(row.map(([to, weight]) => weight * (incentive[to] as number)))));
  return {
    active,
    permits: newPermits(input, stake),
    stakeWeight: toU16(stake),
    consensus: toU16(consensus),
    validatorTrust: toU16(clipped.map((row) => sum(row.map(([, weight]) => weight)))),
    incentive: toU16(incentive),
    dividends: toU16(dividends),
    ...emissionOf(input.emissionRao, { incentive, dividends, activeStake, stake }),
  };
}

/** Below the threshold stake counts as nothing, but for the owner's. */
function countedStake({ stakeThresholdRao, ownerUid }: EpochInput, { stakeRao }: EpochNeuron, uid: number): number {
  return stakeRao >= stakeThresholdRao || uid === ownerUid ? Number(stakeRao) : 0;
}

function newPermits({ maxValidators, ownerUid }: EpochInput, stake: readonly number[]): boolean[] {
  const ascending = stake.map((_, uid) => uid).sort((a, b) => (stake[a] as number) - (stake[b] as number) || a - b);
  const top = new Set(ascending.slice(Math.max(0, ascending.length - maxValidators)));
  return stake.map((value, uid) => uid === ownerUid || (value > 0 && top.has(uid)));
}

/** A row without its own entry (but for the owner's) and without entries older than the neuron they judge; sum 1. */
function weightRow({ neurons, ownerUid }: EpochInput, uid: number): readonly (readonly [number, number])[] {
  const { weights, lastUpdate } = neurons[uid] as EpochNeuron;
  const kept = weights.filter(([to, weight]) => {
    const judged = neurons[to];
    return judged !== undefined && weight > 0 && (to !== uid || uid === ownerUid) && lastUpdate > judged.registeredAt;
  });
  const total = sum(kept.map(([, weight]) => weight));
  return kept.map(([to, weight]) => [to, weight / total] as const);
}

/** Per column, the stake-weighted median with majority kappa over the rows that have stake. */
function consensusOf(rows: readonly (readonly (readonly [number, number])[])[], stake: readonly number[], kappa: number): number[] {
  const voters = stake.map((_, uid) => uid).filter((uid) => (stake[uid] as number) > 0);
  const columns: Map<number, number>[] = rows.map(() => new Map());
  for (const voter of voters) for (const [to, weight] of rows[voter] ?? []) columns[to]?.set(voter, weight);
  return columns.map((column) => weightedMedian(voters.map((voter) => [column.get(voter) ?? 0, stake[voter] as number]), 1 - kappa));
}

/** The score at which the stake of lower or equal scores first exceeds `minority`. @see math.rs:975 */
function weightedMedian(votes: readonly (readonly [score: number, stake: number])[], minority: number): number {
  let below = 0;
  for (const [score, stake] of [...votes].sort(([a], [b]) => a - b)) {
    below += stake;
    if (below > minority) return score;
  }
  return 0;
}

function columnSums(rows: readonly (readonly (readonly [number, number])[])[], stake: readonly number[]): number[] {
  const sums = rows.map(() => 0);
  rows.forEach((row, uid) => {
    for (const [to, weight] of row) sums[to] = (sums[to] as number) + (stake[uid] as number) * weight;
  });
  return sums;
}

interface Shares {
  readonly incentive: readonly number[];
  readonly dividends: readonly number[];
  readonly activeStake: readonly number[];
  readonly stake: readonly number[];
}

/** Incentive and dividends share the emission; with neither, it goes by active stake, or by stake. */
function emissionOf(emissionRao: bigint, { incentive, dividends, activeStake, stake }: Shares): Pick<EpochResult, 'serverEmission' | 'validatorEmission'> {
  const total = sum(incentive) + sum(dividends);
  const fallback = sum(activeStake) > 0 ? activeStake : stake;
  const rao = (share: number): bigint => BigInt(Math.floor(Number(emissionRao) * share));
  if (total === 0) return { serverEmission: incentive.map(() => 0n), validatorEmission: fallback.map(rao) };
  return { serverEmission: incentive.map((share) => rao(share / total)), validatorEmission: dividends.map((share) => rao(share / total)) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function normalize(values: readonly number[]): number[] {
  const total = sum(values);
  return values.map((value) => (total > 0 ? value / total : 0));
}

function toU16(values: readonly number[]): number[] {
  return values.map((value) => Math.min(65535, Math.floor(value * 65535)));
}
