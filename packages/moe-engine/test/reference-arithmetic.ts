/** Vectors and matrices in plain float64 loops, for the reference forward pass. */

export type Vector = readonly number[];

/** Checkpoint tensors by name, row-major. */
export type Weights = ReadonlyMap<string, ArrayLike<number>>;

/** `W x` with `W` — `[outputs, x.length]`. */
export function times(weight: ArrayLike<number>, x: Vector, outputs: number): number[] {
  return Array.from({ length: outputs }, (_, o) => x.reduce((sum, entry, i) => sum + entry * weight[o * x.length + i]!, 0));
}

export function dot(a: Vector, b: Vector): number {
  return a.reduce((sum, entry, i) => sum + entry * b[i]!, 0);
}

/** `a + factor · b` */
export function plus(a: Vector, b: Vector, factor = 1): number[] {
  return a.map((entry, i) => entry + factor * b[i]!);
}

export function softmax(scores: Vector): number[] {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

export function norm(x: Vector, weight: ArrayLike<number>, epsilon: number): number[] {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
  return x.map((entry, i) => entry * scale * weight[i]!);
}

/** A linear layer of the checkpoint, with its bias where there is one. */
export function project(weights: Weights, name: string, x: Vector): number[] {
  const matrix = weights.get(`${name}.weight`)!;
  const product = times(matrix, x, matrix.length / x.length);
  const bias = weights.get(`${name}.bias`);
  return bias === undefined ? product : plus(product, Array.from(bias));
}
