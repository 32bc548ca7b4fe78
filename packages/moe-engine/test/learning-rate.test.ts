import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningRateAt } from '../src/training/learning-rate.ts';

const options = { learningRate: 2, warmupSteps: 4, schedule: 'cosine', steps: 12, finalShare: 0.1 } as const;

describe('learningRateAt', () => {
  it('rises to the peak in warmupSteps steps', () => {
    expect([0, 1, 2, 3].map((step) => learningRateAt(step, options))).toEqual([0.5, 1, 1.5, 2]);
  });

  it('falls along a cosine that would reach its final share at the end', () => {
    expect(learningRateAt(4, options)).toBe(2);
    expect(learningRateAt(8, options)).toBeCloseTo(2 * 0.55, 12);
    expect(learningRateAt(12, options)).toBeCloseTo(0.2, 12);
  });

  it('stays between 0 and the peak', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.integer({ min: 1, max: 51 }), fc.constantFrom('constant', 'cosine'), fc.double({ min: 0, max: 1, noNaN: true }), (step, warmupSteps, steps, schedule, finalShare) => {
        const rate = learningRateAt(Math.min(step, steps - 1), { learningRate: 1, warmupSteps, schedule, steps, finalShare });
        expect(rate).toBeGreaterThanOrEqual(0);
        expect(rate).toBeLessThanOrEqual(1);
      }),
    );
  });
});
