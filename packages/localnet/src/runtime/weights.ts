/**
 * Weights: the checks of `set_weights` in the chain's order, and what is stored.
 * @module
 * @see pallets/subtensor/src/subnets/weights.rs:748 (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, ensureSigned, moduleFailure, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { stakeWeight } from './stake-weight.ts';
import { ensureMechanismExists, mechanismIndex, ownerUid, subnetExists, withElement } from './subnet-lookup.ts';

/** A row of weights that a hotkey sets. */
export interface WeightsCall {
  readonly netuid: number;
  readonly mechanism: number;
  readonly uids: readonly number[];
  readonly values: readonly number[];
  readonly versionKey: bigint;
}

/** The pallet's calls that set weights at once. */
export const weightsCalls: Pick<CallHandlers<'SubtensorModule'>, 'set_weights' | 'set_mechanism_weights' | 'batch_set_weights'> = {
  set_weights: (execution, origin, { netuid, dests, weights, version_key }) =>
    setOpenWeights(execution, origin, { netuid, mechanism: 0, uids: dests, values: weights, versionKey: version_key }),
  set_mechanism_weights: (execution, origin, { netuid, mecid, dests, weights, version_key }) =>
    setOpenWeights(execution, origin, { netuid, mechanism: mecid, uids: dests, values: weights, versionKey: version_key }),
  batch_set_weights: (execution, origin, { netuids, weights, version_keys }) => {
    const hotkey = ensureSigned(origin);
    ensure(netuids.length === weights.length && netuids.length === version_keys.length, 'SubtensorModule', 'InputLengthsUnequal');
    runBatch(execution, { netuids, hotkey }, (netuid, index) => {
      const row = weights[index] as readonly (readonly [number, number])[];
      const [uids, values] = [row.map(([uid]) => uid), row.map(([, value]) => value)];
      setOpenWeights(execution, origin, { netuid, mechanism: 0, uids, values, versionKey: version_keys[index] as bigint });
    });
  },
};

/** Does each item of a batch on its own; failures are told of and do not end it. */
export function runBatch(execution: Execution, { netuids, hotkey }: { netuids: readonly number[]; hotkey: string }, run: (netuid: number, index: number) => void): void {
  const outcomes = netuids.map((netuid, index) => ({ netuid, error: execution.attempt(() => run(netuid, index)) }));
  const failed = outcomes.filter(({ error }) => error !== undefined);
  if (failed.length > 0) execution.deposit('SubtensorModule', 'BatchCompletedWithErrors', []);
  for (const { netuid, error } of failed) if (error !== undefined) execution.deposit('SubtensorModule', 'BatchWeightItemFailed', [netuid, error]);
  execution.deposit('SubtensorModule', 'BatchWeightsCompleted', [netuids, hotkey]);
}

function setOpenWeights(execution: Execution, origin: Origin, call: WeightsCall): void {
  ensure(!execution.storage.SubtensorModule.CommitRevealWeightsEnabled.get(call.netuid), 'SubtensorModule', 'CommitRevealEnabled');
  setWeights(execution, ensureSigned(origin), call);
}

/** Checks and stores a row, be it set or revealed; where weights are committed, the time of their update is the commit's. */
export function setWeights(execution: Execution, hotkey: string, call: WeightsCall): void {
  const { Weights, CommitRevealWeightsEnabled } = execution.storage.SubtensorModule;
  const { netuid, mechanism, uids, values } = call;
  const uid = checkSender(execution, hotkey, call);
  checkWeights(execution, uid, call);
  const index = mechanismIndex(netuid, mechanism);
  const upscaled = maxUpscale(values);
  Weights.set(index, uid, uids.map((to, position) => [to, upscaled[position] as number] as const));
  if (!CommitRevealWeightsEnabled.get(netuid)) touchNeuron(execution, index, uid);
  execution.deposit('SubtensorModule', 'WeightsSet', [index, uid]);
}

/** Notes that the neuron has set or committed weights in this block. */
export function touchNeuron(execution: Execution, index: number, uid: number): void {
  const { LastUpdate } = execution.storage.SubtensorModule;
  LastUpdate.set(index, withElement(LastUpdate.get(index), uid, execution.block, 0n));
}

function checkSender(execution: Execution, hotkey: string, { netuid, mechanism, uids, values, versionKey }: WeightsCall): number {
  const { CommitRevealWeightsEnabled, SubnetworkN, WeightsVersionKey } = execution.storage.SubtensorModule;
  ensure(netuid !== 0, 'SubtensorModule', 'CanNotSetRootNetworkWeights');
  ensure(uids.length === values.length, 'SubtensorModule', 'WeightVecNotEqualSize');
  ensureMechanismExists(execution, netuid, mechanism);
  ensure(uids.length <= SubnetworkN.get(netuid), 'SubtensorModule', 'UidsLengthExceedUidsInSubNet');
  const uid = registeredUid(execution, netuid, hotkey);
  ensure(hasWeightsStake(execution, hotkey, netuid), 'SubtensorModule', 'NotEnoughStakeToSetWeights');
  const required = WeightsVersionKey.get(netuid);
  ensure(required === 0n || versionKey >= required, 'SubtensorModule', 'IncorrectWeightVersionKey');
  if (CommitRevealWeightsEnabled.get(netuid)) return uid;
  ensure(passesWeightsRateLimit(execution, { netuid, mechanism, uid }), 'SubtensorModule', 'SettingWeightsTooFast');
  return uid;
}

/** The hotkey's uid. Fails with `HotKeyNotRegisteredInSubNet`. */
export function registeredUid(execution: Execution, netuid: number, hotkey: string): number {
  const uid = execution.storage.SubtensorModule.Uids.get(netuid, hotkey);
  if (uid === undefined) throw moduleFailure('SubtensorModule', 'HotKeyNotRegisteredInSubNet');
  return uid;
}

function checkWeights(execution: Execution, uid: number, { netuid, uids, values }: WeightsCall): void {
  const { ValidatorPermit, SubnetworkN, MinAllowedWeights } = execution.storage.SubtensorModule;
  const isSelf = values.length === 1 && uids[0] === uid;
  const permitted = isSelf || ownerUid(execution, netuid) === uid || ValidatorPermit.get(netuid)[uid] === true;
  ensure(permitted, 'SubtensorModule', 'NeuronNoValidatorPermit');
  ensure(new Set(uids).size === uids.length, 'SubtensorModule', 'DuplicateUids');
  const count = SubnetworkN.get(netuid);
  ensure(uids.every((to) => to < count), 'SubtensorModule', 'UidVecContainInvalidOne');
  ensure(isSelf || values.length >= Math.min(count, MinAllowedWeights.get(netuid)), 'SubtensorModule', 'WeightVecLengthIsLow');
}

/** Whether the hotkey's stake weight reaches `StakeThreshold`; the subnet owner's hotkey always passes. */
export function hasWeightsStake(execution: Execution, hotkey: string, netuid: number): boolean {
  const { SubnetOwnerHotkey, StakeThreshold } = execution.storage.SubtensorModule;
  if (ownerUid(execution, netuid) !== undefined && SubnetOwnerHotkey.get(netuid) === hotkey) return true;
  return stakeWeight(execution, hotkey, netuid) >= StakeThreshold.get();
}

/** Whether `WeightsSetRateLimit` blocks have passed since the neuron's last update. */
export function passesWeightsRateLimit(execution: Execution, { netuid, mechanism, uid }: { netuid: number; mechanism: number; uid: number }): boolean {
  const { LastUpdate, MechanismCountCurrent, WeightsSetRateLimit } = execution.storage.SubtensorModule;
  if (!subnetExists(execution, netuid) || mechanism >= MechanismCountCurrent.get(netuid)) return false;
  const last = LastUpdate.get(mechanismIndex(netuid, mechanism))[uid] ?? 0n;
  return last === 0n || execution.block - last >= WeightsSetRateLimit.get(netuid);
}

/**
 * Scales a row so that its greatest weight is 65,535: round(w · 65535 / max), halves away from zero, in fixed point with 32
 * fractional bits; rows of zeros stay.
 * @see pallets/subtensor/src/epoch/math.rs:78 (`vec_max_upscale_to_u16`)
 */
export function maxUpscale(values: readonly number[]): number[] {
  const max = BigInt(Math.max(0, ...values));
  if (max === 0n) return [...values];
  const one = 1n << 32n;
  const scaled = (value: number): bigint =>
    max > 32768n ? BigInt(value) * ((65535n * one) / max) : (BigInt(value) * 65535n * one) / max;
  return values.map((value) => Math.min(65535, Number((scaled(value) + one / 2n) >> 32n)));
}
