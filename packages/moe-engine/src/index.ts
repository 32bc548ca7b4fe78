/**
 * Loss evaluation, routing statistics and training of selected experts on ONNX Runtime.
 *
 * @module
 */
export { collectRouting, type RoutingOptions } from './collect-routing.ts';
export type { EngineOptions } from './engine-client.ts';
export { MoeEngineError, isMoeEngineError, type MoeEngineErrorCode, type MoeEngineErrorContexts } from './error.ts';
export { createEvaluator, type EvaluationOptions, type Evaluator, type EvaluatorOptions } from './evaluator.ts';
export type { LearningRateSchedule } from './learning-rate.ts';
export type { LayerRouting } from './messages.ts';
export { resolveProvider, type EngineNotice, type EngineProvider, type Provider } from './runtime.ts';
export type { TokenMatrix } from './token-matrix.ts';
export { trainExperts, type TrainingResult, type TrainOptions } from './trainer.ts';
export type { StepReport } from './training-job.ts';
