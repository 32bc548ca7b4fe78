/**
 * AdamW over typed arrays: decoupled weight decay, bias correction, clipping by the global norm.
 *
 * @see Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2 · `torch.optim.AdamW` of PyTorch 2.13
 * @module
 */
import { BLOCK, type AdamWKernel, type AdamWTensor } from './adamw-kernel.ts';
import { PLAIN_KERNEL } from './adamw-plain.ts';
import { createWasmKernel } from './adamw-wasm.ts';

/** Hyperparameters that stay the same over a run. */
export interface AdamWOptions {
  /** Decay rates of the first and second moment. */
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  /** Decoupled: weights shrink by `learningRate · weightDecay` a step, whatever the gradient. */
  readonly weightDecay: number;
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
 * `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `w ← w(1 − ηλ) − η · c / (1−β₁ᵗ) · m / (√v + εc)` with `c = √(1−β₂ᵗ)`.
 *
 * Each expression is evaluated in float64 and rounded once to float32 when stored. NaN propagates: check the gradient first.
 *
 * @param tensor updated in place
 * @param gradient as long as `tensor.weights`; not changed
 * @param step numbers of this update
 */
export function applyAdamW(tensor: AdamWTensor, gradient: Float32Array, { learningRate, weightDecay, betas, epsilon, gradientScale, update }: AdamWStep): void {
  const correction = Math.sqrt(1 - betas[1] ** update);
  kernel().update(tensor, gradient, {
    betas,
    gradientScale,
    keep: 1 - learningRate * weightDecay,
    stepSize: (learningRate / (1 - betas[0] ** update)) * correction,
    epsilon: epsilon * correction,
  });
}

/** Euclidean norm over all gradients in float64: blocks of 8,192 elements as eight interleaved sums, then block by block, tensor by tensor in the given order. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let sum = 0;
  for (const gradient of gradients) {
    for (let from = 0; from < gradient.length; from += BLOCK) sum += kernel().sumOfSquares(gradient.subarray(from, from + BLOCK));
  }
  return Math.sqrt(sum);
}

/**
 * `min(1, clipNorm / (norm + 1e-6))`, as `torch.nn.utils.clip_grad_norm_`; 1 where `clipNorm` is infinite.
 */
export function clipFactor(norm: number, clipNorm: number): number {
  return clipNorm === Infinity ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
}

let chosen: AdamWKernel | undefined;

/** The faster one that this host has; the same bits either way. */
function kernel(): AdamWKernel {
  return (chosen ??= createWasmKernel() ?? PLAIN_KERNEL);
}
