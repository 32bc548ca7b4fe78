/**
 * What is checked before a call is dispatched, wherever it stands (in a batch, behind a proxy), and before its transaction is let
 * into the pool. Only signed calls are guarded.
 * @module
 * @see pallets/subtensor/src/guards (opentensor/subtensor 14bc6f9f9)
 */
import type { Pallets } from '../pallets/index.ts';
import type { RuntimeCall } from '../scale/type-of.ts';
import { guardTake } from './children.ts';
import { guardColdkeySwap } from './coldkey-swap.ts';
import { ensure, type ArgumentsOf, type Execution } from './execution.ts';
import { checkAxon, checkPrometheus } from './serving.ts';
import { passesNetworkRateLimit } from './subnets.ts';
import { checkReveal, type Reveal } from './weight-commits.ts';
import { hasWeightsStake, passesWeightsRateLimit } from './weights.ts';

type Guards = { readonly [C in keyof Pallets['SubtensorModule']['calls']]?: (execution: Execution, who: string, args: ArgumentsOf<'SubtensorModule', C>) => void };

/** Fails with the error that the call would be refused with. */
export function checkGuards(execution: Execution, who: string, call: RuntimeCall): void {
  guardColdkeySwap(execution, who, call);
  if (call.pallet !== 'SubtensorModule') return;
  const guard = (guards as Readonly<Record<string, (execution: Execution, who: string, args: unknown) => void>>)[call.call];
  guard?.(execution, who, call.args);
}

const guards: Guards = {
  set_weights: (execution, who, { netuid }) => guardSetting(execution, who, { netuid, mechanism: 0 }),
  set_mechanism_weights: (execution, who, { netuid, mecid }) => guardSetting(execution, who, { netuid, mechanism: mecid }),
  batch_set_weights: (execution, who, { netuids, weights, version_keys }) => {
    ensureSameLength(netuids, weights, version_keys);
    for (const netuid of netuids) ensureStake(execution, who, netuid);
  },
  commit_weights: (execution, who, { netuid }) => guardCommit(execution, who, { netuid, mechanism: 0 }),
  commit_mechanism_weights: (execution, who, { netuid, mecid }) => guardCommit(execution, who, { netuid, mechanism: mecid }),
  batch_commit_weights: (execution, who, { netuids, commit_hashes }) => {
    ensureSameLength(netuids, commit_hashes);
    for (const netuid of netuids) ensureStake(execution, who, netuid);
  },
  reveal_weights: (execution, who, { netuid, version_key, ...reveal }) =>
    guardReveal(execution, who, { netuid, mechanism: 0, reveals: [{ ...reveal, versionKey: version_key }] }),
  reveal_mechanism_weights: (execution, who, { netuid, mecid, version_key, ...reveal }) =>
    guardReveal(execution, who, { netuid, mechanism: mecid, reveals: [{ ...reveal, versionKey: version_key }] }),
  batch_reveal_weights: (execution, who, { netuid, uids_list, values_list, salts_list, version_keys }) => {
    ensureSameLength(uids_list, values_list, salts_list, version_keys);
    const reveals = uids_list.map((uids, index): Reveal => {
      return { uids, values: values_list[index] ?? [], salt: salts_list[index] ?? [], versionKey: version_keys[index] ?? 0n };
    });
    guardReveal(execution, who, { netuid, mechanism: 0, reveals });
  },
  commit_timelocked_weights: guardTimelocked,
  commit_timelocked_mechanism_weights: guardTimelocked,
  commit_crv3_mechanism_weights: guardTimelocked,
  // `register_network_with_identity` is not guarded: it finds the limit itself.
  register_network: (execution) => ensure(passesNetworkRateLimit(execution), 'SubtensorModule', 'NetworkTxRateLimitExceeded'),
  serve_axon: checkAxon,
  serve_axon_tls: checkAxon,
  serve_prometheus: checkPrometheus,
  increase_take: guardTake,
  decrease_take: guardTake,
};

interface Mechanism {
  readonly netuid: number;
  readonly mechanism: number;
}

function guardSetting(execution: Execution, who: string, at: Mechanism): void {
  ensureStake(execution, who, at.netuid);
  if (execution.storage.SubtensorModule.CommitRevealWeightsEnabled.get(at.netuid)) return;
  ensure(isInTime(execution, who, at), 'SubtensorModule', 'SettingWeightsTooFast');
}

function guardCommit(execution: Execution, who: string, at: Mechanism): void {
  ensureStake(execution, who, at.netuid);
  ensure(isInTime(execution, who, at), 'SubtensorModule', 'CommittingWeightsTooFast');
}

function guardReveal(execution: Execution, who: string, { netuid, mechanism, reveals }: Mechanism & { readonly reveals: readonly Reveal[] }): void {
  ensureStake(execution, who, netuid);
  for (const reveal of reveals) checkReveal(execution, who, { netuid, mechanism, reveal });
}

function guardTimelocked(execution: Execution, who: string, { netuid, reveal_round }: { readonly netuid: number; readonly reveal_round: bigint }): void {
  ensureStake(execution, who, netuid);
  ensure(reveal_round >= execution.storage.Drand.LastStoredRound.get(), 'SubtensorModule', 'InvalidRevealRound');
}

function ensureStake(execution: Execution, who: string, netuid: number): void {
  ensure(hasWeightsStake(execution, who, netuid), 'SubtensorModule', 'NotEnoughStakeToSetWeights');
}

/** Whether the rate limit lets the sender through; who has no uid is told so by the call itself. */
function isInTime(execution: Execution, who: string, { netuid, mechanism }: Mechanism): boolean {
  const uid = execution.storage.SubtensorModule.Uids.get(netuid, who);
  return uid === undefined || passesWeightsRateLimit(execution, { netuid, mechanism, uid });
}

function ensureSameLength(...lists: readonly { readonly length: number }[]): void {
  ensure(new Set(lists.map(({ length }) => length)).size <= 1, 'SubtensorModule', 'InputLengthsUnequal');
}
