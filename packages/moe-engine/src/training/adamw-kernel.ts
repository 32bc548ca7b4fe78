/**
 * What AdamW's inner loops are, whoever computes them.
 *
 * @module
 */

/** Elements of a block: four arrays of as many floats fit a second-level cache of 256 KiB. */
export const BLOCK = 8192;

/** One trained tensor and its moments, all of the same length; updated in place. */
export interface AdamWTensor {
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

/** Numbers of one update that all elements share. */
export interface AdamWFactors {
  readonly betas: readonly [number, number];
  readonly gradientScale: number;
  /** What decay leaves of a weight. */
  readonly keep: number;
  /** Learning rate with both bias corrections. */
  readonly stepSize: number;
  /** ε with the second moment's bias correction. */
  readonly epsilon: number;
}

/** The loops over elements. */
export interface AdamWKernel {
  /** As `applyAdamW` says. */
  update(tensor: AdamWTensor, gradient: Float32Array, factors: AdamWFactors): void;
  /** Of at most {@link BLOCK} values, in float64: with `s_j = Σ_i x²_{8i+j}`, `((s₀+s₂)+(s₄+s₆)) + ((s₁+s₃)+(s₅+s₇))`. */
  sumOfSquares(values: Float32Array): number;
}
