/**
 * Loss evaluation, routing statistics and training of selected experts on ONNX Runtime.
 *
 * @module
 */
export type { CandidateLosses, CandidateOptions } from './evaluation/candidates.ts';
export { collectRouting, type RoutingOptions } from './evaluation/collect-routing.ts';
export type { PartialRouting, PresentExperts } from './model/present-experts.ts';
export type { EngineOptions } from './runtime/engine-client.ts';
export { MoeEngineError, isMoeEngineError, type MoeEngineErrorCode, type MoeEngineErrorContexts } from './error.ts';
export { createEvaluator, type EvaluationOptions, type Evaluator, type EvaluatorOptions } from './evaluation/evaluator.ts';
export type { LearningRateSchedule } from './training/learning-rate.ts';
export type { LayerRouting } from './runtime/messages.ts';
export { DEVICES, resolveDevice, type Device, type DeviceChoice, type DeviceOptions, type EngineNotice } from './runtime/device.ts';
export type { TokenMatrix } from './evaluation/token-matrix.ts';
export { packDocuments, type PackedRows, type TrainingDocument } from './training/packing.ts';
export type { LayerLoad } from './training/step-sum.ts';
export { trainExperts, type TrainingEvent, type TrainingResult, type TrainOptions } from './training/trainer.ts';
export { trainingEvents } from './training/training-events.ts';
export type { StepReport, TrainingProgress, TrainingStep } from './training/training-job.ts';
export type { TrainingRowsInput } from './training/training-rows.ts';
