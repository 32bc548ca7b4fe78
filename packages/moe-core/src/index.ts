/**
 * Mixture-of-Experts checkpoints, routing, expert selection and updates, without I/O or native code.
 * @module
 */
export { AGGREGATION_KINDS, aggregateUpdates, assertAggregationRule, medianNorm, type AggregationRule } from './updates/aggregation.ts';
export { fingerprintCheckpoint } from './composition/base-fingerprint.ts';
export { assignMiners, assignShards, type AssignmentSeed, type GroupMiner, type ShardMiner, type WantedGroup } from './partition/assignment.ts';
export { splitTogether, weightInside, type SplitTask } from './partition/balanced-split.ts';
export { planExpertGroups, type DomainPlan, type ExpertGroup, type GroupDomain, type GroupPlan, type GroupPlanOptions } from './partition/expert-groups.ts';
export { estimateEvaluationMemory, estimateTrainingMemory, type MemoryEstimate, type MemoryQuestion } from './partition/memory-estimate.ts';
export { assertRange, fromBytes, type ByteSource } from './safetensors/byte-source.ts';
export { createCheckpoint, readFloat32Range, type Checkpoint, type CheckpointParts } from './models/checkpoint.ts';
export { addCoActivation, createCoActivation, mergeCoActivation, type CoActivation } from './routing/co-activation.ts';
export {
  inspectCompressedUpdate,
  MAX_CHUNK_SIZE,
  MAX_UPDATE_HEADER_BYTES,
  parseCompressedUpdateHeader,
  type CompressedTensor,
  type CompressedUpdateHeader,
  type CompressionRule,
  type ValueBits,
} from './updates/compressed-update-header.ts';
export { createDispatcher, type Assignment, type DispatchJob, type DispatchOptions, type DispatchWorker, type Dispatcher, type WorkerState } from './partition/dispatcher.ts';
export { DTYPES, dtypeBits, isDtype, type Dtype } from './safetensors/dtype.ts';
export { isMoeError, MoeError, type MoeErrorCode, type MoeErrorContexts, type MoeErrorDetails } from './errors.ts';
export { assertScores, rankExperts, selectExperts, selectLayers, type BudgetRule, type SelectionRule } from './partition/expert-choice.ts';
export { expectedTensors, MODEL_PARTS, type ExpectedTensor, type ModelPart } from './models/expected-tensors.ts';
export { diffCheckpoints, type CheckpointDiff, type DiffGroup, type DiffOptions, type DiffPlace, type TensorDifference, type TensorSet } from './composition/checkpoint-diff.ts';
export { evenSelection, type EvenSelection } from './composition/even-selection.ts';
export { formatExpertConfig, parseExpertConfig, type ExpertConfig } from './experts/expert-config.ts';
export {
  addRouting,
  addRoutings,
  createExpertRelevance,
  gateScores,
  mergeExpertRelevance,
  openRelevanceTally,
  roundToFourDecimals,
  tokenScores,
  type ExpertRelevance,
  type ExpertScores,
  type LayerRelevance,
  type LayerRouting,
  type RelevanceTally,
  type WeightedRouting,
} from './partition/expert-relevance.ts';
export { createExpertModule, encodeExpertModule, MAX_MODULE_HEADER_BYTES, openExpertModule, type ExpertModule, type ModuleParts } from './composition/expert-module.ts';
export { assertSelection, type ExpertSelection } from './experts/expert-selection.ts';
export { gatherExpertBytes, gatherExpertTensor, locateExpertTensor, scatterExpertBytes, scatterExpertTensor, type ExpertTensorPlace } from './models/expert-storage.ts';
export {
  assertExpertWeights,
  assertFinite,
  assertSameExperts,
  decodeExpertWeights,
  encodeExpertWeights,
  extractExperts,
  graftExperts,
  selectionOf,
  sortedNames,
  type ExpertWeights,
} from './experts/expert-weights.ts';
export { decodeFloats, fromFloat32, toFloat32, type FloatDtype } from './safetensors/float-conversion.ts';
export { countFlops, type FlopCounts, type FlopQuestion } from './models/flop-counts.ts';
export { graftModules, type ConflictPolicy, type GraftedExpert, type GraftedModel, type GraftOptions, type NamedModule } from './composition/module-graft.ts';
export {
  formatModuleMetadata,
  isModuleMetadata,
  MODULE_FORMAT,
  parseModuleMetadata,
  type ModuleBase,
  type ModuleMetadata,
  type ModuleProvenance,
} from './composition/module-metadata.ts';
export { partialCheckpoint } from './composition/partial-checkpoint.ts';
export { createRanking, negativeLog, type HashFunction, type KeyRanking, type Rendezvous, type RendezvousNode } from './partition/rendezvous.ts';
export { applyOuterStep, type OuterRule, type OuterState } from './updates/outer-step.ts';
export {
  loadBalancingLoss,
  routerZLoss,
  sequenceBalanceLoss,
  switchBalanceLoss,
  updateSelectionBias,
  type BalanceOptions,
  type RoutedLogits,
} from './routing/router-losses.ts';
export { createRouter, routeTokens, type Router, type RouterOptions, type Routing, type RoutingKernelName } from './routing/routing.ts';
export { countBytes, countParameters, type ParameterCounts } from './models/parameter-counts.ts';
export { plainConfig, rightSizeConfig, type ConfigChange, type RightSizedConfig, type RightSizedCounts } from './composition/right-sized-config.ts';
export { rightSizeModel, type RightSizedModel, type RightSizing } from './composition/right-sized-model.ts';
export { assertRoutingRule, type RoutingGroups, type RoutingOptions, type RoutingRule } from './routing/routing-rule.ts';
export { countLoad, entropyOf, meanRouterEntropy } from './routing/routing-statistics.ts';
export { addGateLog, gateLogSamples, parseGateLogLine, parseGateLogName, type GateLogChunks, type GateLogLine } from './partition/gate-log.ts';
export { addRoutingLog, encodeRoutingLog, openRoutingLog, type RoutingLog, type RoutingLogHeader, type RoutingSample } from './partition/routing-log.ts';
export type { TensorReader } from './models/quantized-checkpoint.ts';
export { openSafetensors, type SafetensorsFile } from './safetensors/safetensors.ts';
export { parseHeaderLength, parseSafetensorsHeader, type SafetensorsHeader, type TensorInfo } from './safetensors/safetensors-header.ts';
export { MAX_HEADER_BYTES, MAX_TENSOR_NAME_LENGTH, MAX_TENSOR_RANK } from './safetensors/safetensors-limits.ts';
export { encodeSafetensors, streamSafetensors, type SafetensorsMetadata, type TensorSource } from './safetensors/safetensors-writer.ts';
export { openSampleMeans, type SampleMeans } from './partition/sample-means.ts';
export { formatScoreSummary, parseScoreSummary, type ScoreSummary } from './partition/score-summary.ts';
export { DEFAULT_SHARD_BYTES, formatShardedIndex, planShards, type ShardPlan } from './safetensors/shard-plan.ts';
export { parseShardedIndex, type ShardedIndex } from './safetensors/sharded-index.ts';
export { assertShape, countElements, sameShape, tensorSizeBytes, type ElementRange, type Float32Tensor, type Tensor, type TensorDescription } from './safetensors/tensor.ts';
export {
  blockPrefix,
  expertProjections,
  expertTensorNames,
  expertTensorShape,
  parseExpertTensorName,
  routerTensorNames,
  sharedTensorNames,
  type ExpertId,
  type ExpertTensorNames,
  type Projection,
  type RouterTensorNames,
  type SharedTensorNames,
} from './models/tensor-names.ts';
export {
  FAMILIES,
  type Activation,
  type Attention,
  type AttentionSpan,
  type Family,
  type GroupedAttention,
  type LatentAttention,
  type Multipliers,
  type Quantization,
  type Rope,
  type RopeKind,
  type SharedExperts,
  type Topology,
} from './models/topology.ts';
export { parseTopology } from './models/topology-config.ts';
export { dispatchTokens, type TokenDispatch } from './routing/token-dispatch.ts';
export { compressUpdate, createUpdateCompressor, DEFAULT_COMPRESSION, type CompressedUpdate, type CompressionOptions, type UpdateCompressor } from './updates/update-compression.ts';
export { decompressUpdate, type DecompressedUpdate } from './updates/update-decompression.ts';
export type { Difference } from './composition/tensor-difference.ts';
export { cosineSimilarity, updateDistance, updateNorm } from './updates/update-geometry.ts';
export { averageUpdates, computePseudoGradient, type WeightedUpdate } from './updates/update-merge.ts';
export { chooseWorker, expectedSeconds, type WorkerLoad } from './partition/worker-choice.ts';
export { expectedPace, guessWorker, observeCompletion, observeFailure, type RetryWaits, type WorkerEstimate } from './partition/worker-estimate.ts';
