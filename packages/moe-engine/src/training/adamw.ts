/**
 * AdamW over typed arrays: decoupled weight decay, bias correction, clipping by the global norm.
 *
 * @see Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2 · `torch.optim.AdamW` of PyTorch 2.13
 * @module
 */

/** Hyperparameters that stay the same over a run. */
export interface AdamWOptions {
  /** Decay rates of the first and second moment. */
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  /** Decoupled: weights shrink by `learningRate · weightDecay` a step, whatever the gradient. */
  readonly weightDecay: number;
}

/** One trained tensor and its moments, all of the same length; updated in place. */
export interface AdamWTensor {
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

/** One update. */
export interface AdamWStep extends AdamWOptions {
  readonly learningRate: number;
  /** Number of this update, from 1; fixes the bias correction. */
  readonly update: number;
  /** Factor applied to the gradient first, from {@link clipFactor}. */
  readonly gradientScale: number;
}

/**
 * `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `w ← w(1 − ηλ) − (η / (1−β₁ᵗ)) · m / (√v / √(1−β₂ᵗ) + ε)`.
 *
 * Each expression is evaluated in float64 and rounded once to float32 when stored. NaN propagates: check the gradient first.
 *
 * @param tensor updated in place
 * @param gradient as long as `tensor.weights`; not changed
 * @param step numbers of this update
 */
export function applyAdamW(tensor: AdamWTensor, gradient: Float32Array, step: AdamWStep): void {
  const { weights, firstMoment, secondMoment } = tensor;
  const [beta1, beta2] = step.betas;
  const { epsilon, gradientScale } = step;
  const keep = 1 - step.learningRate * step.weightDecay;
  const stepSize = step.learningRate / (1 - beta1 ** step.update);
  const correction = Math.sqrt(1 - beta2 ** step.update);
  for (let index = 0; index < weights.length; index++) {
    const g = gradient[index]! * gradientScale;
    const m = Math.fround(beta1 * firstMoment[index]! + (1 - beta1) * g);
    const v = Math.fround(beta2 * secondMoment[index]! + (1 - beta2) * g * g);
    firstMoment[index] = m;
    secondMoment[index] = v;
    weights[index] = weights[index]! * keep - (stepSize * m) / (Math.sqrt(v) / correction + epsilon);
  }
}

/** Euclidean norm over all gradients, float64, tensors in the given order. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0;
  for (const gradient of gradients) {
    for (let index = 0; index < gradient.length; index++) sum += gradient[index]! * gradient[index]!;
  }
  return Math.sqrt(sum);
}

/**
 * `min(1, clipNorm / (norm + 1e-6))`, as `torch.nn.utils.clip_grad_norm_`; 1 where `clipNorm` is infinite.
 */
export function clipFactor(norm: number, clipNorm: number): number {
  return clipNorm === Infinity ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
}
