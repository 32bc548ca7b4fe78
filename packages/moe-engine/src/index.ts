/**
 * Loss evaluation, routing statistics and training of selected experts on ONNX Runtime.
 *
 * @module
 */
export type { CandidateLosses, CandidateOptions } from './evaluation/candidates.ts';
export { collectRouting, type RoutingOptions } from './evaluation/collect-routing.ts';
export { exportGraphs, type GraphExport, type GraphExportOptions } from './export/graph-export.ts';
export type { PartialRouting, PresentExperts } from './model/present-experts.ts';
export type { EngineOptions } from './runtime/engine-client.ts';
export { MoeEngineError, isMoeEngineError, type MoeEngineErrorCode, type MoeEngineErrorContexts } from './error.ts';
export { createGenerator, type GenerateOptions, type GeneratorOptions, type TokenGenerator } from './generation/generator.ts';
export { createSampler, type Sampler, type SamplingOptions } from './generation/sampling.ts';
export { createEvaluator, type EvaluationOptions, type Evaluator, type EvaluatorOptions } from './evaluation/evaluator.ts';
export type { LearningRateSchedule } from './training/learning-rate.ts';
export type { LayerRouting } from './runtime/messages.ts';
export { DEVICES, resolveDevice, type Device, type DeviceChoice, type DeviceOptions, type EngineNotice } from './runtime/device.ts';
export type { TokenMatrix } from './evaluation/token-matrix.ts';
export type { AuxiliaryLosses, BalanceScope } from './model/objective.ts';
export { initialWeights, type InitialWeightsOptions } from './training/initial-weights.ts';
export { runExternalTrainer, type ExternalStep, type ExternalTrainerOptions, type ExternalTrainingResult } from './training/external/external-trainer.ts';
export { TRAINER_JOB_FORMAT, type TrainerJob } from './training/external/trainer-job.ts';
export { packDocuments, type PackedRows, type TrainingDocument } from './training/packing.ts';
export { pretrain, type PretrainedModel, type PretrainOptions, type Superposition } from './training/pretrainer.ts';
export { writePretrained, type PretrainedDirectory, type WeightFormat } from './training/pretrained-model.ts';
export type { LayerLoad } from './training/step-sum.ts';
export { trainExperts, type TrainingResult, type TrainOptions } from './training/trainer.ts';
export type { TrainingEvent, TrainingRunOptions } from './training/training-options.ts';
export { trainingEvents } from './training/training-events.ts';
export type { StepReport, TrainingProgress, TrainingStep } from './training/training-job.ts';
export type { TrainingRowsInput } from './training/training-rows.ts';
