/**
 * Loss evaluation, routing statistics and training of selected experts on ONNX Runtime.
 *
 * @module
 */
export { collectRouting, type RoutingOptions } from './evaluation/collect-routing.ts';
export type { EngineOptions } from './runtime/engine-client.ts';
export { MoeEngineError, isMoeEngineError, type MoeEngineErrorCode, type MoeEngineErrorContexts } from './error.ts';
export { createEvaluator, type EvaluationOptions, type Evaluator, type EvaluatorOptions } from './evaluation/evaluator.ts';
export type { LearningRateSchedule } from './training/learning-rate.ts';
export type { LayerRouting } from './runtime/messages.ts';
export { DEVICES, resolveDevice, type Device, type DeviceChoice, type DeviceOptions, type EngineNotice } from './runtime/device.ts';
export type { TokenMatrix } from './evaluation/token-matrix.ts';
export { trainExperts, type TrainingResult, type TrainOptions } from './training/trainer.ts';
export type { StepReport } from './training/training-job.ts';
