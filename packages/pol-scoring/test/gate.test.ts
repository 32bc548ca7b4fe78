import { describe, expect, it } from 'vitest';
import { gate } from '../src/index.ts';
import { createNoise, polError } from './fixtures.ts';

function losses(mean: number, spread: number, seed: number): Float64Array {
  const noise = createNoise(seed);
  return Float64Array.from({ length: 100 }, (_, i) => 3 + Math.cos(i) + mean + spread * noise());
}
const base = losses(0, 0, 0);
const good = { targetBase: base, targetCandidate: losses(-0.2, 0.1, 1), generalFirst: base, generalCandidate: losses(0.01, 0.02, 2), forgettingAllowance: 0.05 };

describe('gate', () => {
  it('accepts a gain without forgetting', () => {
    const outcome = gate(good);
    expect(outcome).toMatchObject({ accepted: true, reason: undefined, target: { rows: 100 }, general: { rows: 100 } });
    expect(outcome.target.gain).toBeCloseTo(0.2, 1);
    expect(outcome.target.lowerBound).toBeLessThan(outcome.target.gain);
    expect(outcome.general.upperBound).toBeGreaterThan(outcome.general.forgetting);
  });

  it('rejects what is not better with confidence', () => {
    for (const targetCandidate of [base, losses(0.1, 0.1, 3), losses(-0.01, 0.5, 4)]) expect(gate({ ...good, targetCandidate })).toMatchObject({ accepted: false, reason: 'no-gain' });
  });

  it('rejects forgetting beyond the allowance, and forgetting that could be', () => {
    expect(gate({ ...good, generalCandidate: losses(0.06, 0.001, 5) })).toMatchObject({ accepted: false, reason: 'forgetting' });
    expect(gate({ ...good, generalCandidate: losses(0.04, 0.3, 6) })).toMatchObject({ accepted: false, reason: 'forgetting' });
    expect(gate({ ...good, generalCandidate: base, forgettingAllowance: 0 })).toMatchObject({ accepted: true });
  });

  it('is stricter at a higher level', () => {
    const low = gate({ ...good, level: 0.9 });
    const high = gate({ ...good, level: 0.999 });
    expect(high.target.lowerBound).toBeLessThan(low.target.lowerBound);
    expect(high.general.upperBound).toBeGreaterThan(low.general.upperBound);
  });

  it('rejects a candidate that is not finite, and does not vote when the base is not', () => {
    const broken = base.map((loss, i) => (i === 7 ? Number.NaN : loss));
    expect(gate({ ...good, targetCandidate: broken })).toMatchObject({ accepted: false, reason: 'non-finite' });
    expect(gate({ ...good, generalCandidate: broken })).toMatchObject({ accepted: false, reason: 'non-finite' });
    expect(() => gate({ ...good, targetBase: broken })).toThrow(polError('non-finite-base') as Error);
    expect(() => gate({ ...good, generalFirst: broken })).toThrow(polError('non-finite-base') as Error);
  });

  it('refuses senseless inputs', () => {
    expect(() => gate({ ...good, targetCandidate: new Float64Array(3) })).toThrow(polError('row-mismatch') as Error);
    expect(() => gate({ ...good, generalCandidate: new Float64Array(3) })).toThrow(polError('row-mismatch') as Error);
    expect(() => gate({ ...good, targetBase: new Float64Array(1), targetCandidate: new Float64Array(1) })).toThrow(polError('too-few-rows') as Error);
    for (const bad of [{ level: 1 }, { forgettingAllowance: -1 }, { forgettingAllowance: Number.NaN }]) expect(() => gate({ ...good, ...bad })).toThrow(polError('invalid-option') as Error);
  });
});
