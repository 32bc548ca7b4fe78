/**
 * The step that a merged update takes: from one version of the experts to the next.
 * @see https://arxiv.org/abs/2311.08105 (DiLoCo: Nesterov, learning rate 0.7, momentum 0.9)
 * @see https://github.com/pytorch/pytorch/blob/v2.13.0/torch/optim/sgd.py (_single_tensor_sgd)
 * @module
 */
import { MoeError } from './errors.ts';
import { assertSameExperts, type ExpertWeights } from './expert-weights.ts';
import { mapTensors } from './update-merge.ts';

/** How far to go along an update, and whether with momentum. */
export type OuterRule =
  | { readonly kind: 'average'; readonly learningRate?: number | undefined }
  | { readonly kind: 'nesterov'; readonly learningRate: number; readonly momentum: number };

/** Weights and what the next step needs. */
export interface OuterState {
  readonly weights: ExpertWeights;
  /** Momentum; `undefined` before the first Nesterov step and after a plain one. */
  readonly velocity: ExpertWeights | undefined;
}

/**
 * - `average`: `θ' = θ − lr · Δ`, lr 1 by default: the mean of the miners' weights. There is no momentum after it.
 * - `nesterov`, as `torch.optim.SGD(nesterov=True)`: `m' = μ m + Δ`, `θ' = θ − lr (Δ + μ m')`, m = 0 at first, so that the first step is 1 + μ times lr Δ.
 *
 * lr and μ are rounded to float32 first, as torch does; `μ m`, the sum with Δ, `Δ + μ m'` and θ' are each rounded to float32 (the last two after one
 * float64 multiply-add, which stands in for torch's fused one). Inputs are not changed.
 * @param options.velocity the previous state's; leave out for none
 * @throws update-invalid a rate that is not above 0, a momentum outside of [0, 1)
 * @throws experts-mismatch, tensor-shape-unexpected, tensor-size-unexpected
 * @example
 * let state: OuterState = { weights, velocity: undefined };
 * state = applyOuterStep({ ...state, update, rule: { kind: 'nesterov', learningRate: 0.7, momentum: 0.9 } });
 */
export function applyOuterStep(options: {
  readonly weights: ExpertWeights;
  readonly update: ExpertWeights;
  readonly rule: OuterRule;
  readonly velocity?: ExpertWeights | undefined;
}): OuterState {
  const { weights, update, rule, velocity } = options;
  assertSameExperts(weights, update);
  if (velocity !== undefined) assertSameExperts(weights, velocity);
  const learningRate = rule.learningRate ?? 1;
  if (!(learningRate > 0 && Number.isFinite(learningRate))) throw invalid('learningRate', `expected a number above 0, got ${learningRate}`);
  if (rule.kind === 'average') return { weights: descend({ weights, direction: update, learningRate }), velocity: undefined };
  if (!(rule.momentum >= 0 && rule.momentum < 1)) throw invalid('momentum', `expected a number from 0 to below 1, got ${rule.momentum}`);
  const momentum = Math.fround(rule.momentum);
  const next = accelerate({ velocity, update, momentum });
  const direction = mapTensors(update, (delta, name) => {
    const speed = next.get(name)!.data;
    return delta.map((value, i) => value + momentum * speed[i]!);
  });
  return { weights: descend({ weights, direction, learningRate }), velocity: next };
}

function accelerate(step: { velocity: ExpertWeights | undefined; update: ExpertWeights; momentum: number }): ExpertWeights {
  const { velocity, update, momentum } = step;
  return mapTensors(update, (delta, name) => {
    const speed = velocity?.get(name)?.data;
    return speed === undefined ? delta.slice() : delta.map((value, i) => Math.fround(momentum * speed[i]!) + value);
  });
}

function descend(step: { weights: ExpertWeights; direction: ExpertWeights; learningRate: number }): ExpertWeights {
  const rate = Math.fround(step.learningRate);
  return mapTensors(step.weights, (theta, name) => {
    const direction = step.direction.get(name)!.data;
    return theta.map((value, i) => value - rate * direction[i]!);
  });
}

function invalid(field: string, message: string): MoeError<'update-invalid'> {
  return new MoeError('update-invalid', { message: `outer step, ${field}: ${message}`, context: { field } });
}
