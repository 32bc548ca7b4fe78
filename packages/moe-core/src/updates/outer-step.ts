/**
 * The step that a merged update takes: from one version of the experts to the next.
 * @see https://arxiv.org/abs/2311.08105 (DiLoCo: Nesterov, learning rate 0.7, momentum 0.9)
 * @see https://github.com/pytorch/pytorch/blob/v2.13.0/torch/optim/sgd.py (_single_tensor_sgd)
 * @module
 */
import { MoeError } from '../errors.ts';
import { assertSameExperts, type ExpertWeights } from '../experts/expert-weights.ts';
import type { Float32Tensor } from '../safetensors/tensor.ts';
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
 * @param options.into whose arrays are written to and returned, such as the state before the previous one, or `weights` and `velocity` themselves; new ones by default
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
  readonly into?: OuterState | undefined;
}): OuterState {
  const { weights, update, rule, velocity, into } = options;
  assertSameExperts(weights, update);
  for (const others of [velocity, into?.weights, into?.velocity]) if (others !== undefined) assertSameExperts(weights, others);
  const room = (set: ExpertWeights | undefined, name: string): Float32Array => set?.get(name)!.data ?? new Float32Array(weights.get(name)!.data.length);
  const learningRate = rule.learningRate ?? 1;
  if (!(learningRate > 0 && Number.isFinite(learningRate))) throw invalid('learningRate', `expected a number above 0, got ${learningRate}`);
  const rate = Math.fround(learningRate);
  if (rule.kind === 'average') {
    return { weights: mapTensors(weights, (theta, name) => descend(theta, { direction: update.get(name)!.data, rate, next: room(into?.weights, name) })), velocity: undefined };
  }
  if (!(rule.momentum >= 0 && rule.momentum < 1)) throw invalid('momentum', `expected a number from 0 to below 1, got ${rule.momentum}`);
  const momentum = Math.fround(rule.momentum);
  const next = new Map<string, Float32Tensor>();
  const moved = mapTensors(weights, (theta, name) => {
    const speed = room(into?.velocity, name);
    next.set(name, { shape: weights.get(name)!.shape, data: speed });
    return accelerate(theta, { delta: update.get(name)!.data, before: velocity?.get(name)!.data, speed, rate, momentum, next: room(into?.weights, name) });
  });
  return { weights: moved, velocity: next };
}

// Plain loops over plain arrays: with a callback for each element they take three times as long.

function descend(theta: Float32Array, { direction, rate, next }: { readonly direction: Float32Array; readonly rate: number; readonly next: Float32Array }): Float32Array {
  for (let i = 0; i < next.length; i++) next[i] = theta[i]! - rate * direction[i]!;
  return next;
}

interface NesterovStep {
  readonly delta: Float32Array;
  /** m, `undefined` for 0. */
  readonly before: Float32Array | undefined;
  /** Receives m'. */
  readonly speed: Float32Array;
  readonly rate: number;
  readonly momentum: number;
  readonly next: Float32Array;
}

function accelerate(theta: Float32Array, { delta, before, speed, rate, momentum, next }: NesterovStep): Float32Array {
  for (let i = 0; i < next.length; i++) {
    const d = delta[i]!;
    const m = before === undefined ? d : Math.fround(Math.fround(momentum * before[i]!) + d);
    speed[i] = m;
    next[i] = theta[i]! - rate * Math.fround(d + momentum * m);
  }
  return next;
}

function invalid(field: string, message: string): MoeError<'update-invalid'> {
  return new MoeError('update-invalid', { message: `outer step, ${field}: ${message}`, context: { field } });
}
