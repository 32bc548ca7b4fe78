import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runEpoch, type EpochInput, type EpochNeuron } from '../src/epoch.ts';

function neuron(change: Partial<EpochNeuron> = {}): EpochNeuron {
  return { stakeRao: 0n, permit: false, lastUpdate: 50, registeredAt: 1, weights: [], ...change };
}

function input(neurons: readonly EpochNeuron[], change: Partial<EpochInput> = {}): EpochInput {
  return { blockNumber: 100, neurons, ownerUid: undefined, activityCutoffBlocks: 1000, kappa: 0.5, maxValidators: 64, stakeThresholdRao: 0n, emissionRao: 1_000_000n, ...change };
}

/** Validators of equal stake, each with a row, then miners. */
function subnet(rows: readonly (readonly [number, number])[][], miners: number, stakes: readonly bigint[] = rows.map(() => 100n)): EpochNeuron[] {
  return [...rows.map((weights, uid) => neuron({ stakeRao: stakes[uid] as bigint, permit: true, weights })), ...Array.from({ length: miners }, () => neuron())];
}

describe('an epoch', () => {
  it('splits incentive as the validators agree, and emission in halves', () => {
    const row: [number, number][] = [[2, 65535], [3, 21845]];
    const result = runEpoch(input(subnet([row, row], 2)));
    expect(result.incentive).toEqual([0, 0, 49151, 16383]);
    expect(result.dividends).toEqual([32767, 32767, 0, 0]);
    expect(result.validatorTrust).toEqual([65535, 65535, 0, 0]);
    expect(result.consensus).toEqual([0, 0, 49151, 16383]);
    expect(result.serverEmission).toEqual([0n, 0n, 375_000n, 125_000n]);
    expect(result.validatorEmission).toEqual([250_000n, 250_000n, 0n, 0n]);
  });

  it('clips what a minority of stake says, and takes its trust and dividends', () => {
    const honest: [number, number][] = [[3, 65535]];
    const result = runEpoch(input(subnet([honest, honest, [[4, 65535]]], 2)));
    expect(result.incentive.slice(3)).toEqual([65535, 0]);
    expect(result.validatorTrust.slice(0, 3)).toEqual([65535, 65535, 0]);
    expect(result.dividends[2]).toBe(0);
  });

  it('lets stake decide what the majority is', () => {
    const result = runEpoch(input(subnet([[[2, 65535]], [[3, 65535]]], 2, [51n, 49n])));
    expect(result.incentive.slice(2)).toEqual([65535, 0]);
  });

  it('leaves out the inactive, the unpermitted, self-weights and those who voted before the neuron came', () => {
    const row: [number, number][] = [[1, 65535]];
    const alone = (change: Partial<EpochNeuron>): number => runEpoch(input([neuron({ stakeRao: 9n, permit: true, weights: row, ...change }), neuron({ registeredAt: 20 })], { activityCutoffBlocks: 60 })).incentive[1] as number;
    expect(alone({})).toBe(65535);
    expect(alone({ lastUpdate: 39 })).toBe(0);
    expect(alone({ lastUpdate: 20 })).toBe(0);
    expect(alone({ permit: false })).toBe(0);
    expect(alone({ weights: [[0, 65535]] })).toBe(0);
    expect(alone({ weights: [[7, 65535]] })).toBe(0);
  });

  it('always counts the owner: permit, self-weight, stake below the threshold', () => {
    const result = runEpoch(input([neuron({ stakeRao: 1n, weights: [[0, 65535]] }), neuron({ stakeRao: 5n })], { ownerUid: 0, stakeThresholdRao: 100n }));
    expect(result.permits).toEqual([true, false]);
    expect(result.stakeWeight).toEqual([65535, 0]);
    expect(result.incentive).toEqual([65535, 0]);
  });

  it('gives permits to the top stakes; of equal ones to the higher uids', () => {
    const stakes = [5n, 9n, 5n, 0n, 5n];
    const result = runEpoch(input(stakes.map((stakeRao) => neuron({ stakeRao })), { maxValidators: 2 }));
    expect(result.permits).toEqual([false, true, false, false, true]);
  });

  it('gives all emission by stake when nobody set weights', () => {
    const result = runEpoch(input([neuron({ stakeRao: 3n, permit: true }), neuron({ stakeRao: 1n, permit: true })]));
    expect(result.validatorEmission).toEqual([750_000n, 250_000n]);
    expect(result.serverEmission).toEqual([0n, 0n]);
  });

  it('is sound for any input: sums, bounds, and no more emission than there is', () => {
    const anyNeuron = fc.record({
      stakeRao: fc.bigInt({ min: 0n, max: 10n ** 17n }),
      permit: fc.boolean(),
      lastUpdate: fc.nat(200),
      registeredAt: fc.nat(200),
      weights: fc.uniqueArray(fc.tuple(fc.nat(12), fc.nat(65535)), { maxLength: 10, selector: ([uid]) => uid }),
    });
    const anyInput = fc.record({ ownerUid: fc.option(fc.nat(9), { nil: undefined }), kappa: fc.double({ min: 0, max: 1, noNaN: true }), maxValidators: fc.nat(12), emissionRao: fc.bigInt({ min: 0n, max: 10n ** 15n }) });
    fc.assert(
      fc.property(fc.array(anyNeuron, { minLength: 1, maxLength: 10 }), anyInput, (neurons, change) => {
        const result = runEpoch(input(neurons, change));
        for (const list of [result.consensus, result.validatorTrust, result.incentive, result.dividends, result.stakeWeight]) {
          expect(list.length).toBe(neurons.length);
          expect(list.every((value) => Number.isInteger(value) && value >= 0 && value <= 65535)).toBe(true);
        }
        for (const list of [result.incentive, result.dividends]) expect(list.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(65535);
        const paid = [...result.serverEmission, ...result.validatorEmission].reduce((a, b) => a + b, 0n);
        expect(paid).toBeLessThanOrEqual(change.emissionRao + 10n);
        expect(paid).toBeGreaterThanOrEqual(0n);
        expect(result.permits.filter(Boolean).length).toBeLessThanOrEqual(change.maxValidators + 1);
      }),
    );
  });

  it('does not depend on the scale of stake or of rows', () => {
    const rows: [number, number][][] = [[[2, 300], [3, 100]], [[2, 3000], [3, 1500]]];
    const a = runEpoch(input(subnet(rows, 2, [7n, 5n])));
    const b = runEpoch(input(subnet(rows.map((row) => row.map(([uid, weight]) => [uid, weight * 10])), 2, [7_000n, 5_000n])));
    expect(b).toEqual(a);
  });
});
