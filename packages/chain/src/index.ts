export { ChainError, isChainError } from './errors.ts';
export type { ChainErrorCode, ChainErrorContext } from './errors.ts';
export { hotkeyFromBytes, hotkeyToBytes, parseBlockNumber, parseHotkey, parseNetuid, SS58_PREFIX } from './identifier.ts';
export type { BlockNumber, Hotkey, Netuid } from './identifier.ts';
export { createMnemonic, openKeypair, openKeypairFromSeed, verifySignature } from './keypair.ts';
export type { Keypair, KeyScheme } from './keypair.ts';
export { connectChain } from './connection.ts';
export type { Chain, ChainNode, ConnectOptions, FinalisedBlock, HealthOptions, Subscription } from './connection.ts';
export { describeStatus } from './connection-status.ts';
export type { ConnectionStatus } from './connection-status.ts';
export { NETWORKS, parseEndpoints, parseNetwork } from './network.ts';
export type { Network, NetworkName } from './network.ts';
export { readBlock, watchBlocks } from './block.ts';
export type { BlockAt, BlockListener, ReadOptions } from './block.ts';
export { createCall, ERA_BLOCKS, findEvent, hasCall, prepareCall, resumeCall, sendCall, sudo } from './extrinsic.ts';
export type { ChainCall, ChainEvent, Inclusion, PreparedCall, SendOptions } from './extrinsic.ts';
export { formatTao, sendPlan } from './plan.ts';
export type { Plan, Refusal } from './plan.ts';
export { readFee } from './fee.ts';
export { planTransfer, readBalance, transfer } from './transfer.ts';
export type { Transferred, TransferFigures, TransferOptions } from './transfer.ts';
export { burnedRegister, hasRegistrationLimit, planRegistration, planRootRegistration, readRegistrationPrice, registerOnRoot } from './registration.ts';
export type { Registered, RegistrationFigures, RegistrationOptions, RegistrationPrice } from './registration.ts';
export { MAX_CERTIFICATE_BYTES, planAxon, planPrometheus, readAxon, readCertificate, readPrometheus, serveAxon, servePrometheus } from './axon.ts';
export type { Axon, AxonOptions, Endpoint, EndpointOptions, NeuronQuery } from './axon.ts';
export {
  planRegisterNetwork,
  planStartCall,
  planSubnetIdentity,
  readLockCost,
  readSubnetIdentity,
  assertSubnet,
  readSubnetOwner,
  readTempo,
  registerNetwork,
  setSubnetIdentity,
  startCall,
} from './subnet.ts';
export type { RegisterNetworkFigures, RegisterNetworkOptions, SubnetIdentity, SubnetIdentityOptions, SubnetOwner } from './subnet.ts';
export { addStake, planAddStake, planRemoveStake, removeStake } from './staking/stake.ts';
export type { RemoveStakeOptions, Staked, StakeFigures, StakeOptions } from './staking/stake.ts';
export { planUnstakeAll, unstakeAll } from './staking/unstake-all.ts';
export type { UnstakeAllFigures, UnstakeAllOptions, UnstakedPosition } from './staking/unstake-all.ts';
export type { Removal } from './staking/fee-payment.ts';
export { DEFAULT_TOLERANCE } from './staking/tolerance.ts';
export type { SlippageTolerance } from './staking/tolerance.ts';
export { moveStake, planMoveStake, planSwapStake, planTransferStake, swapStake, transferStake } from './staking/move.ts';
export type { MoveFigures, MoveStakeOptions, SwapStakeOptions, TransferStakeOptions } from './staking/move.ts';
export { limitPrice, MIN_STAKE_RAO, readAlphaPrice, readSwapQuote } from './staking/quote.ts';
export type { SwapDirection, SwapQuote, SwapQuoteOptions } from './staking/quote.ts';
export { readStake, readStakes } from './staking/position.ts';
export type { StakePosition, StakeQuery } from './staking/position.ts';
export { readStakeWeights } from './staking/stake-weight.ts';
export type { StakeWeight } from './staking/stake-weight.ts';
export { neededWeight, readPermitNeed } from './staking/permit.ts';
export type { PermitNeed } from './staking/permit.ts';
export { planChildren, readChildren, readPendingChildren, setChildren } from './staking/children.ts';
export type { ChildKey, ChildrenFigures, ChildrenOptions, ChildrenQuery, PendingChildren, StoredChildKey } from './staking/children.ts';
export { planChildkeyTake, planTake, readTake, setChildkeyTake, setTake } from './staking/take.ts';
export type { Take, TakeOptions } from './staking/take.ts';
export { blocksUntilEpoch, epochAfter, epochIndexAt, epochStartBlock, hasEpochCounters, MAX_TEMPO_BLOCKS, nextEpochBlock, readEpochState, runsEpoch } from './epoch-schedule.ts';
export type { EpochCounters, EpochState } from './epoch-schedule.ts';
export { planHyperparameter, readHyperparameters, setHyperparameter } from './hyperparameter.ts';
export type { HyperparameterChange, HyperparameterFigures, SetHyperparameterOptions } from './hyperparameter.ts';
export { HYPERPARAMETER_NAMES, HYPERPARAMETERS } from './hyperparameter-table.ts';
export type { HyperparameterName, HyperparameterRow, Hyperparameters, HyperparameterValue } from './hyperparameter-table.ts';
export { parseHyperparameter } from './hyperparameter-value.ts';
export {
  commitmentBytes,
  MAX_BIG_RAW_BYTES,
  MAX_COMMITMENT_FIELDS,
  MAX_RAW_BYTES,
  MAX_TIMELOCKED_BYTES,
  MIN_COMMITMENT_BYTES,
  planCommitment,
  readCommitment,
  readCommitments,
  readCommitmentsOf,
  readCommitmentSpace,
  readRevealedCommitments,
  setCommitment,
} from './commitment.ts';
export type { Commitment, CommitmentField, CommitmentFigures, CommitmentOptions, CommitmentSpace, HashAlgorithm, RevealedCommitment, SetCommitmentOptions } from './commitment.ts';
export { readNeurons, readUid } from './neuron.ts';
export type { Neuron } from './neuron.ts';
export { maxUpscale, normaliseWeights } from './weight-vector.ts';
export type { Weight, WeightRow } from './weight-vector.ts';
export { explainWeights, planWeights, settleWeights, setWeights } from './weights/set-weights.ts';
export type { KeptWeightsOptions, SettledWeights, SettleProgress, SettleWeightsOptions, WeightsPlan, WeightsSent } from './weights/set-weights.ts';
export { planPlainWeights, setPlainWeights } from './weights/plain.ts';
export type { SetWeightsOptions, WeightsFigures, WeightsOptions, WeightsSet } from './weights/plain.ts';
export { commitHashedWeights, followHashedWeights, planHashedWeights, planReveal, revealWeights } from './weights/hashed.ts';
export type { HashedCommitted, HashedFigures, HashedResult, HashedWeightsOptions, RevealFigures } from './weights/hashed.ts';
export { commitTimelockedWeights, MAX_TIMELOCKED_WEIGHTS_BYTES, planTimelockedWeights } from './weights/timelocked.ts';
export type { TimelockedCommitted, TimelockedFigures, TimelockedWeightsOptions } from './weights/timelocked.ts';
export { followTimelockedWeights } from './weights/timelocked-follower.ts';
export type { TimelockedOutcome, TimelockedResult } from './weights/timelocked-verdict.ts';
export { readRevealProgress } from './weights/reveal-progress.ts';
export type { RevealProgress } from './weights/reveal-progress.ts';
export { parseWeightsHandle } from './weights/commit-handle.ts';
export type { HashedHandle, TimelockedHandle, WeightsHandle } from './weights/commit-handle.ts';
export { readWeightSettings, storageIndex, wayOf } from './weights/settings.ts';
export type { WeightSettings, WeightsWay, WeightTarget } from './weights/settings.ts';
export { expectReveal, predictReveal, REVEAL_MARGIN_BLOCKS } from './weights/reveal-round.ts';
export type { ExpectedReveal, RevealOptions, RevealRoundOptions } from './weights/reveal-round.ts';
export { readBonds, readWeightRow, readWeights } from './weights/row.ts';
export type { WeightRowQuery } from './weights/row.ts';
export { readEvents } from './event.ts';
export type { BlockEvent } from './event.ts';
export { readBeacon, readLastRound, readPulse } from './drand.ts';
export type { ChainPulse } from './drand.ts';
export { readMetadata, readProvenSnapshot, readSpecVersion, verifySnapshot } from './proven-snapshot.ts';
export type { ProvenSnapshot, SnapshotTrust } from './proven-snapshot.ts';
export { findSnapshot, readSnapshot } from './snapshot.ts';
export type { Snapshot, SnapshotBlock } from './snapshot.ts';
export { MAX_PROOF_BYTES, MAX_PROOF_NODES, openReadProof, verifyReadProof } from './trie/index.ts';
export type { OpenedProof, ReadProof } from './trie/index.ts';
export { releaseUntil } from './release.ts';
export { assertSchedule, BEACON_MARGIN_MS, beaconTimes, COMMITMENT_BYTES_PER_CYCLE, cycleMs, PHASES, phaseWindow, positionAt } from './schedule.ts';
export type { Phase, Position, RoundTime, Schedule, SpaceLimits, Window } from './schedule.ts';
export { computeYuma } from './yuma/exact.ts';
export { computeYumaFast } from './yuma/fast.ts';
export { activityCutoffBlocks } from './yuma/input.ts';
export type { YumaInput, YumaRow } from './yuma/input.ts';
export type { YumaFractions, YumaResult } from './yuma/result.ts';
export { combineMechanisms, splitEmission } from './yuma/mechanisms.ts';
export type { EmissionSplit, SubnetResult } from './yuma/mechanisms.ts';
export { readYumaInput } from './yuma/read-input.ts';
export type { ReadYumaOptions } from './yuma/read-input.ts';
export { readMetagraph } from './metagraph/metagraph.ts';
export type { Metagraph, MetagraphNeuron, MetagraphQuery } from './metagraph/metagraph.ts';
export { compareMetagraphs, watchMetagraph } from './metagraph/watch-metagraph.ts';
export type { MetagraphChange, MetagraphListener } from './metagraph/watch-metagraph.ts';
export { readSubnets } from './metagraph/subnet-list.ts';
export type { SubnetSummary } from './metagraph/subnet-list.ts';
