import { describe, expect, it } from 'vitest';
import { applyAdamW, clipFactor, globalNorm } from '../src/training/adamw.ts';
import { readTensors, relativeDistance, vectorPath } from './tiny-model.ts';

describe('torch.optim.AdamW with clip_grad_norm_', () => {
  it('gives the same weights after each of 12 steps, to float32 rounding', async () => {
    const { floats, doubles } = await readTensors(vectorPath('adamw.safetensors'));
    const [weights, gradients, expected] = [floats.get('start')!.slice(), floats.get('gradients')!, floats.get('weights')!];
    const [rates, norms] = [doubles.get('rates')!, doubles.get('norms')!];
    const tensor = { weights, firstMoment: new Float32Array(weights.length), secondMoment: new Float32Array(weights.length) };
    for (let step = 0; step < rates.length; step++) {
      const gradient = gradients.subarray(step * weights.length, (step + 1) * weights.length);
      const norm = globalNorm([gradient]);
      expect(norm).toBeCloseTo(norms[step]!, 4);
      applyAdamW(tensor, gradient, { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, learningRate: rates[step]!, update: step + 1, gradientScale: clipFactor(norm, 1) });
      expect(relativeDistance(weights, expected.subarray(step * weights.length, (step + 1) * weights.length))).toBeLessThan(3e-7);
    }
  });
});

describe('clipFactor', () => {
  it('leaves short gradients and infinite limits alone', () => {
    expect(clipFactor(0.5, 1)).toBe(1);
    expect(clipFactor(50, Infinity)).toBe(1);
    expect(clipFactor(2, 1)).toBeCloseTo(0.5, 5);
  });

  it('measures one norm over all tensors', () => {
    expect(globalNorm([Float32Array.of(3, 0), Float32Array.of(4)])).toBe(5);
    expect(globalNorm([Float32Array.of(Infinity)])).toBe(Infinity);
  });
});
