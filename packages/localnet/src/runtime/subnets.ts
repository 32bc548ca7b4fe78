/**
 * Subnets: creation with its lock cost and rate limit, and the owner's start call.
 * @module
 * @see pallets/subtensor/src/subnets/subnet.rs (opentensor/subtensor 14bc6f9f9)
 */
import { beginSchedule } from './epoch-schedule.ts';
import { canPay, transfer } from './balances.ts';
import { DispatchFailure, ensure, ensureSigned, type CallHandlers, type Execution } from './execution.ts';
import { seatNeuron } from './registration.ts';
import { createHotkey, hotkeyExists, ownsHotkey, subnetAccount, subnetExists, subnetsOf } from './subnet-lookup.ts';

const NETWORK_LAST_REGISTERED = { type: 'NetworkLastRegistered' } as const;
/** `DefaultNeuronBurnCost`: 1 TAO. */
const FIRST_BURN_RAO = 1_000_000_000n;

/** The pallet's calls on subnets. */
export const subnetCalls: Pick<CallHandlers<'SubtensorModule'>, 'register_network' | 'start_call'> = {
  register_network: (execution, origin, { hotkey }) => {
    const coldkey = ensureSigned(origin);
    const { NetworkRegistrationStartBlock, SubnetLimit } = execution.storage.SubtensorModule;
    ensure(!hotkeyExists(execution, hotkey) || ownsHotkey(execution, coldkey, hotkey), 'SubtensorModule', 'NonAssociatedColdKey');
    ensure(execution.block >= NetworkRegistrationStartBlock.get(), 'SubtensorModule', 'SubNetRegistrationDisabled');
    ensure(passesNetworkRateLimit(execution), 'SubtensorModule', 'NetworkTxRateLimitExceeded');
    ensure(subnetsOf(execution.storage).length < SubnetLimit.get(), 'SubtensorModule', 'SubnetLimitReached');
    const lockRao = networkLockCost(execution);
    ensure(canPay(execution, coldkey, lockRao), 'SubtensorModule', 'CannotAffordLockCost');
    createSubnet(execution, { coldkey, hotkey, lockRao });
  },
  start_call: (execution, origin, { netuid }) => {
    const { SubnetOwner, FirstEmissionBlockNumber, SubtokenEnabled, NetworkRegisteredAt, StartCallDelay } = execution.storage.SubtensorModule;
    ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
    if (SubnetOwner.get(netuid) !== ensureSigned(origin)) throw new DispatchFailure({ type: 'BadOrigin' });
    ensure(FirstEmissionBlockNumber.get(netuid) === undefined, 'SubtensorModule', 'FirstEmissionBlockNumberAlreadySet');
    const due = NetworkRegisteredAt.get(netuid) + StartCallDelay.get();
    ensure(execution.block >= due, 'SubtensorModule', 'NeedWaitingMoreBlocksToStarCall');
    FirstEmissionBlockNumber.set(netuid, execution.block + 1n);
    SubtokenEnabled.set(netuid, true);
    execution.deposit('SubtensorModule', 'FirstEmissionBlockNumberSet', [netuid, execution.block + 1n]);
  },
};

/** Whether a network may be registered again (`NetworkRateLimit`, for all coldkeys together). */
export function passesNetworkRateLimit(execution: Execution): boolean {
  const { LastRateLimitedBlock, NetworkRateLimit } = execution.storage.SubtensorModule;
  const last = LastRateLimitedBlock.get(NETWORK_LAST_REGISTERED);
  return last === 0n || execution.block - last >= NetworkRateLimit.get();
}

/** Twice the last lock, falling linearly over the reduction interval, never below the minimum. In rao. */
export function networkLockCost(execution: Execution): bigint {
  const { LastRateLimitedBlock, NetworkLastLockCost, NetworkMinLockCost, NetworkLockReductionInterval } = execution.storage.SubtensorModule;
  const lastBlock = LastRateLimitedBlock.get(NETWORK_LAST_REGISTERED);
  const last = NetworkLastLockCost.get();
  const interval = NetworkLockReductionInterval.get();
  const fallen = (interval === 0n ? 0n : last / interval) * (execution.block - lastBlock);
  const cost = last * (lastBlock === 0n ? 1n : 2n) - fallen;
  const min = NetworkMinLockCost.get();
  return cost < min ? min : cost;
}

function createSubnet(execution: Execution, { coldkey, hotkey, lockRao }: { coldkey: string; hotkey: string; lockRao: bigint }): void {
  const subtensor = execution.storage.SubtensorModule;
  const netuid = subtensor.TotalNetworks.get();
  initializeSubnet(execution, netuid);
  transfer(execution, coldkey, subnetAccount(netuid), { amountRao: lockRao, keepAlive: true });
  subtensor.NetworkLastLockCost.set(lockRao);
  subtensor.LastRateLimitedBlock.set(NETWORK_LAST_REGISTERED, execution.block);
  createHotkey(execution, coldkey, hotkey);
  seatNeuron(execution, netuid, 0, hotkey);
  subtensor.SubnetMechanism.set(netuid, 1);
  subtensor.NetworkRegisteredAt.set(netuid, execution.block);
  subtensor.SubnetTAO.set(netuid, lockRao);
  subtensor.SubnetAlphaIn.set(netuid, lockRao);
  subtensor.SubnetLocked.set(netuid, lockRao);
  subtensor.TotalStake.set(subtensor.TotalStake.get() + lockRao);
  subtensor.SubnetOwner.set(netuid, coldkey);
  subtensor.SubnetOwnerHotkey.set(netuid, hotkey);
  execution.deposit('SubtensorModule', 'SubnetOwnerHotkeySet', [netuid, hotkey]);
  execution.deposit('SubtensorModule', 'NetworkAdded', [netuid, 1]);
  subtensor.SubnetEmissionEnabled.set(netuid, false);
}

/** `init_new_network`: what a new subnet does not leave at the storage defaults. */
function initializeSubnet(execution: Execution, netuid: number): void {
  const subtensor = execution.storage.SubtensorModule;
  const tempo = subtensor.Tempo.get(netuid);
  subtensor.SubnetworkN.set(netuid, 0);
  subtensor.NetworksAdded.set(netuid, true);
  subtensor.Tempo.set(netuid, tempo);
  beginSchedule(execution, netuid);
  subtensor.TotalNetworks.set(subtensor.TotalNetworks.get() + 1);
  subtensor.NetworkRegistrationAllowed.set(netuid, true);
  subtensor.MaxAllowedUids.set(netuid, 256);
  subtensor.MaxAllowedValidators.set(netuid, 64);
  subtensor.MinAllowedWeights.set(netuid, 1);
  subtensor.ImmunityPeriod.set(netuid, 5000);
  subtensor.Yuma3On.set(netuid, true);
  subtensor.Burn.set(netuid, FIRST_BURN_RAO);
  if (execution.commitRevealDefault === false) subtensor.CommitRevealWeightsEnabled.set(netuid, false);
}
