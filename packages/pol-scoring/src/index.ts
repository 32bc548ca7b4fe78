/**
 * Proof-of-Loss: seed, held-out draws, paired confidence bounds, allow-lists, resubmissions, the gate, medians, ratings and weights.
 *
 * @module
 */
export { computeFloor, scoreCycle, type Candidate, type CandidateScore, type CycleScoring, type FloorInputs } from './cycle.ts';
export { PolError, isPolError, type PolErrorCode, type PolErrorContext } from './error.ts';
export { measureCandidate, type LossEvaluator, type Measurement, type RowLossOptions } from './evaluator.ts';
export { gate, type GateInputs, type GateOutcome } from './gate.ts';
export { medianScores, weightedLowerMedian, type MedianScore, type WeighedSheet, type WeightedValue } from './median.ts';
export { estimateMean, scorePair, type PairOutcome, type PairedEstimate, type PairedLosses } from './paired.ts';
export { RESUBMISSION_THRESHOLDS, findResubmission, type OpenedWeights, type Resubmission, type ResubmissionSearch, type ResubmissionThresholds } from './resubmission.ts';
export { derivePolSeed, drawRows, type PolSeedPreimage, type RowDraw } from './seed.ts';
export { checkUpdate, checkUpdateHeader, type AllowedTensors, type UpdateCheck, type UpdateCode, type UpdateHeader } from './update-check.ts';
export { rateMiners, weightsFromRatings, type RatingInputs, type WeightEntry, type WeightInputs } from './weights.ts';
