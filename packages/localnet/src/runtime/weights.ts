/**
 * Weights: the checks of `set_weights` in the chain's order, and what is stored.
 * @module
 * @see pallets/subtensor/src/subnets/weights.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, ensureSigned, type CallHandlers, type Execution, type Origin } from './execution.ts';
import { stakeWeight } from './stake.ts';
import { mechanismIndex, ownerUid, subnetExists, withElement } from './subnet-lookup.ts';

interface WeightsCall {
  readonly netuid: number;
  readonly mechanism: number;
  readonly uids: readonly number[];
  readonly values: readonly number[];
  readonly versionKey: bigint;
}

/** The pallet's calls on weights. */
export const weightsCalls: Pick<CallHandlers<'SubtensorModule'>, 'set_weights' | 'set_mechanism_weights'> = {
  set_weights: (execution, origin, { netuid, dests, weights, version_key }) =>
    setWeights(execution, origin, { netuid, mechanism: 0, uids: dests, values: weights, versionKey: version_key }),
  set_mechanism_weights: (execution, origin, { netuid, mecid, dests, weights, version_key }) =>
    setWeights(execution, origin, { netuid, mechanism: mecid, uids: dests, values: weights, versionKey: version_key }),
};

function setWeights(execution: Execution, origin: Origin, call: WeightsCall): void {
  const { CommitRevealWeightsEnabled, Weights, LastUpdate } = execution.storage.SubtensorModule;
  const { netuid, mechanism, uids, values } = call;
  ensure(!CommitRevealWeightsEnabled.get(netuid), 'SubtensorModule', 'CommitRevealEnabled');
  const hotkey = ensureSigned(origin);
  const uid = checkSender(execution, hotkey, call);
  checkWeights(execution, uid, call);
  const index = mechanismIndex(netuid, mechanism);
  const upscaled = maxUpscale(values);
  Weights.set(index, uid, uids.map((to, position) => [to, upscaled[position] as number] as const));
  LastUpdate.set(index, withElement(LastUpdate.get(index), uid, execution.block, 0n));
  execution.deposit('SubtensorModule', 'WeightsSet', [index, uid]);
}

function checkSender(execution: Execution, hotkey: string, { netuid, mechanism, uids, values, versionKey }: WeightsCall): number {
  const { MechanismCountCurrent, SubnetworkN, Uids, WeightsVersionKey } = execution.storage.SubtensorModule;
  ensure(netuid !== 0, 'SubtensorModule', 'CanNotSetRootNetworkWeights');
  ensure(uids.length === values.length, 'SubtensorModule', 'WeightVecNotEqualSize');
  ensure(subnetExists(execution, netuid) && mechanism < MechanismCountCurrent.get(netuid), 'SubtensorModule', 'MechanismDoesNotExist');
  ensure(uids.length <= SubnetworkN.get(netuid), 'SubtensorModule', 'UidsLengthExceedUidsInSubNet');
  const uid = Uids.get(netuid, hotkey);
  ensure(uid !== undefined, 'SubtensorModule', 'HotKeyNotRegisteredInSubNet');
  ensure(hasWeightsStake(execution, hotkey, netuid), 'SubtensorModule', 'NotEnoughStakeToSetWeights');
  const required = WeightsVersionKey.get(netuid);
  ensure(required === 0n || versionKey >= required, 'SubtensorModule', 'IncorrectWeightVersionKey');
  ensure(passesWeightsRateLimit(execution, { netuid, mechanism, uid }), 'SubtensorModule', 'SettingWeightsTooFast');
  return uid as number;
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
  const { LastUpdate, WeightsSetRateLimit } = execution.storage.SubtensorModule;
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
