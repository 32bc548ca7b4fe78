/**
 * Dissolution of a subnet: its pool's TAO goes to those who hold its alpha, the protocol's part is recycled, and its storage is cleared.
 * @module
 * @see pallets/subtensor/src/coinbase/root.rs:206, staking/remove_stake.rs:447 (opentensor/subtensor 14bc6f9f9)
 */
import { mul64, saturatingSub, u16Fraction } from '../fixed.ts';
import { EXISTENTIAL_DEPOSIT, freeBalance, transfer } from './balances.ts';
import { alphaIssuance } from './emission.ts';
import { ensure, type Execution } from './execution.ts';
import { alphaPrice } from './pools.ts';
import { recycleTao } from './recycle-tao.ts';
import { stakeOf } from './share-pool.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { mechanismIndex, subnetAccount, subnetExists } from './subnet-lookup.ts';

/** Items with one entry a subnet. */
const BY_NETUID = [
  'SubnetOwner', 'SubnetworkN', 'NetworksAdded', 'NetworkRegisteredAt', 'Active', 'Emission', 'Consensus', 'Dividends', 'ValidatorPermit',
  'ValidatorTrust', 'Tempo', 'Kappa', 'Difficulty', 'MaxAllowedUids', 'ImmunityPeriod', 'ActivityCutoff', 'ActivityCutoffFactorMilli',
  'LastEpochBlock', 'PendingEpochAt', 'SubnetEpochIndex', 'MinAllowedWeights', 'RegistrationsThisInterval', 'SubnetAlphaInEmission',
  'SubnetAlphaOutEmission', 'SubnetTaoInEmission', 'SubnetVolume', 'SubnetMovingPrice', 'SubnetTaoFlow', 'SubnetEmaTaoFlow',
  'SubnetProtocolFlow', 'SubnetExcessTao', 'SubnetRootSellTao', 'TokenSymbol', 'SubnetMechanism', 'SubnetOwnerHotkey',
  'NetworkRegistrationAllowed', 'NetworkPowRegistrationAllowed', 'TransferToggle', 'SubnetLocked', 'LargestLocked',
  'FirstEmissionBlockNumber', 'PendingValidatorEmission', 'PendingServerEmission', 'PendingRootAlphaDivs', 'PendingOwnerCut', 'MinerBurned',
  'BlocksSinceLastStep', 'LastMechansimStepBlock', 'LastAdjustmentBlock', 'ServingRateLimit', 'Rho', 'AlphaSigmoidSteepness',
  'MaxAllowedValidators', 'BondsMovingAverage', 'BondsPenalty', 'BondsResetOn', 'WeightsSetRateLimit', 'ScalingLawPower',
  'TargetRegistrationsPerInterval', 'CommitRevealWeightsEnabled', 'BurnHalfLife', 'BurnIncreaseMult', 'Burn', 'MinBurn', 'MaxBurn',
  'MinDifficulty', 'MaxDifficulty', 'RegistrationsThisBlock', 'EMAPriceHalvingBlocks', 'MaxRegistrationsPerBlock', 'WeightsVersionKey',
  'LiquidAlphaOn', 'Yuma3On', 'AlphaValues', 'SubtokenEnabled', 'OwnerCutAutoLockEnabled', 'ImmuneOwnerUidsLimit', 'StakeWeight',
  'RevealPeriodEpochs', 'MechanismCountCurrent', 'MechanismEmissionSplit', 'SubnetAlphaIn', 'SubnetAlphaOut', 'SubnetProtocolAlpha',
  'SubnetTAO',
] as const;
/** Items whose first key is the netuid. */
const BY_NETUID_FIRST = [
  'Uids', 'Keys', 'BlockAtRegistration', 'Axons', 'NeuronCertificates', 'Prometheus', 'AlphaDividendsPerSubnet', 'PendingChildKeys',
  'LastHotkeySwapOnNetuid',
] as const;
/** Items whose second key is the netuid. */
const BY_NETUID_SECOND = [
  'ChildkeyTake', 'ChildKeys', 'ParentKeys', 'LastHotkeyEmissionOnNetuid', 'TotalHotkeyAlphaLastEpoch', 'TotalHotkeyAlpha',
  'TotalHotkeyShares', 'IsNetworkMember',
] as const;
/** Items by mechanism. */
const BY_MECHANISM = ['WeightCommits', 'TimelockedWeightCommits', 'Bonds', 'Weights'] as const;

/** Ends a subnet. */
export function dissolveNetwork(execution: Execution, netuid: number): void {
  ensure(netuid !== ROOT_NETUID && subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
  dropRootClaims(execution, netuid);
  payHolders(execution, netuid);
  for (const item of ['PalSwapInitialized', 'FeeRate', 'SwapBalancer', 'AlphaSqrtPrice'] as const) execution.storage.Swap[item].remove(netuid);
  dropCommitments(execution, netuid);
  clearStorage(execution, netuid);
  execution.deposit('SubtensorModule', 'NetworkRemoved', [netuid]);
}

function dropRootClaims(execution: Execution, netuid: number): void {
  const { RootClaimable, RootClaimed } = execution.storage.SubtensorModule;
  for (const [[hotkey], rates] of RootClaimable.entries()) RootClaimable.set(hotkey, rates.filter(([id]) => id !== netuid));
  RootClaimed.clear(netuid);
}

interface Holding {
  /** Undefined: the protocol's own. */
  readonly coldkey: string | undefined;
  readonly alpha: bigint;
}

/** Shares the pool's TAO among holders by their alpha; what division leaves goes to the largest remainders. */
function payHolders(execution: Execution, netuid: number): void {
  const { SubnetTAO, TotalStake, SubnetLocked, RAORecycledForRegistration } = execution.storage.SubtensorModule;
  const pot = SubnetTAO.get(netuid);
  const refund = lockRefund(execution, netuid);
  const holdings = holdingsOf(execution, netuid);
  TotalStake.set(saturatingSub(TotalStake.get(), pot));
  let protocol = 0n;
  for (const { coldkey, tao } of shareOut(pot, holdings)) {
    if (coldkey === undefined) protocol += tao;
    else if (tao > 0n) execution.attempt(() => transfer(execution, subnetAccount(netuid), coldkey, { amountRao: tao, keepAlive: false }));
  }
  SubnetLocked.set(netuid, 0n);
  const account = subnetAccount(netuid);
  const left = saturatingSub(freeBalance(execution, account), protocol);
  const back = refund < left ? refund : left;
  if (back > 0n) transfer(execution, account, execution.storage.SubtensorModule.SubnetOwner.get(netuid), { amountRao: back, keepAlive: false });
  const recycled = saturatingSub(freeBalance(execution, account), EXISTENTIAL_DEPOSIT);
  recycleTao(execution, account, recycled);
  RAORecycledForRegistration.set(netuid, recycled);
}

/** Subnets from before `NetworkRegistrationStartBlock` get their lock back, less what their owner has earned. */
function lockRefund(execution: Execution, netuid: number): bigint {
  const { NetworkRegisteredAt, NetworkRegistrationStartBlock, SubnetLocked, SubnetOwnerCut } = execution.storage.SubtensorModule;
  if (NetworkRegisteredAt.get(netuid) >= NetworkRegistrationStartBlock.get()) return 0n;
  const earned = (alphaIssuance(execution, netuid) * u16Fraction(SubnetOwnerCut.get())) >> 32n;
  return saturatingSub(SubnetLocked.get(netuid), mul64(earned << 64n, alphaPrice(execution, netuid)) >> 64n);
}

/** Everybody's alpha; the pool's and what emission has bought are the protocol's. */
function holdingsOf(execution: Execution, netuid: number): Holding[] {
  const { Alpha, SubnetAlphaIn, SubnetProtocolAlpha, NetworkRegisteredAt, TotalHotkeyAlpha } = execution.storage.SubtensorModule;
  const isHeld = TotalHotkeyAlpha.entries().filter(([[, id]]) => id === netuid);
  const held = isHeld.flatMap(([[hotkey]]) => Alpha.entries(hotkey).filter(([[, , id]]) => id === netuid).map(([[, coldkey]]) => ({ coldkey, alpha: stakeOf(execution, hotkey, coldkey, netuid) })));
  const protocol = SubnetProtocolAlpha.get(netuid) + (NetworkRegisteredAt.get(netuid) > 0n ? SubnetAlphaIn.get(netuid) : 0n);
  return [...held.filter(({ alpha }) => alpha > 0n), ...(protocol > 0n ? [{ coldkey: undefined, alpha: protocol }] : [])];
}

function shareOut(pot: bigint, holdings: readonly Holding[]): { readonly coldkey: string | undefined; readonly tao: bigint }[] {
  const total = holdings.reduce((sum, { alpha }) => sum + alpha, 0n);
  if (total === 0n) return [];
  const parts = holdings.map(({ coldkey, alpha }) => ({ coldkey, tao: (pot * alpha) / total, rest: (pot * alpha) % total }));
  let left = pot - parts.reduce((sum, { tao }) => sum + tao, 0n);
  const byRest = [...parts].sort((a, b) => (a.rest === b.rest ? 0 : a.rest > b.rest ? -1 : 1));
  return byRest.map(({ coldkey, tao }) => ({ coldkey, tao: left-- > 0n ? tao + 1n : tao }));
}

function dropCommitments(execution: Execution, netuid: number): void {
  const commitments = execution.storage.Commitments;
  for (const item of ['CommitmentOf', 'LastCommitment', 'LastBondsReset', 'RevealedCommitments', 'UsedSpaceOf'] as const) commitments[item].clear(netuid);
  commitments.TimelockedIndex.set(commitments.TimelockedIndex.get().filter(([id]) => id !== netuid));
}

function clearStorage(execution: Execution, netuid: number): void {
  const subtensor = execution.storage.SubtensorModule;
  for (let mechanism = 0; mechanism < subtensor.MechanismCountCurrent.get(netuid); mechanism++) {
    const index = mechanismIndex(netuid, mechanism);
    for (const item of BY_MECHANISM) subtensor[item].clear(index);
    subtensor.LastUpdate.remove(index);
    subtensor.Incentive.remove(index);
  }
  for (const item of BY_NETUID_FIRST) subtensor[item].clear(netuid);
  for (const item of BY_NETUID_SECOND) for (const [[account, id]] of subtensor[item].entries()) if (id === netuid) subtensor[item].remove(account, id);
  for (const [[hotkey, coldkey, id]] of subtensor.Alpha.entries()) if (id === netuid) subtensor.Alpha.remove(hotkey, coldkey, id);
  for (const [[account, id, kind]] of subtensor.TransactionKeyLastBlock.entries()) if (id === netuid) subtensor.TransactionKeyLastBlock.remove(account, id, kind);
  for (const item of BY_NETUID) subtensor[item].remove(netuid);
  subtensor.TotalNetworks.set(subtensor.TotalNetworks.get() - 1);
  if (!subtensor.SubnetIdentitiesV3.has(netuid)) return;
  subtensor.SubnetIdentitiesV3.remove(netuid);
  execution.deposit('SubtensorModule', 'SubnetIdentityRemoved', [netuid]);
}
