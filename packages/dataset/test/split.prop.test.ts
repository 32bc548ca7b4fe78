import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDatasetError, orderDocuments, packRows, splitTarget, type EncodedDocument, type SplitPlan, type TargetSplits } from '../src/index.ts';

/** Documents whose tokens tell which document they came from. */
const documentsArbitrary = fc
  .array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 })
  .map((lengths) => lengths.map((length, index): EncodedDocument => ({ sha256: createHash('sha256').update(String(index)).digest('hex'), ids: new Int32Array(length).fill(index) })));

const planArbitrary: fc.Arbitrary<SplitPlan> = fc.record({
  sequenceLength: fc.integer({ min: 2, max: 16 }),
  cycles: fc.integer({ min: 1, max: 3 }),
  heldOutRows: fc.integer({ min: 1, max: 4 }),
  testRows: fc.integer({ min: 1, max: 4 }),
  trainShards: fc.integer({ min: 1, max: 4 }),
});

function splitOrUndefined(documents: readonly EncodedDocument[], plan: SplitPlan): TargetSplits | undefined {
  try {
    return splitTarget(documents, plan);
  } catch (error) {
    if (isDatasetError(error, 'text-too-small')) return undefined;
    throw error;
  }
}

describe('splitTarget', () => {
  it('gives whole rows of the asked numbers from disjoint documents, or says that the text is too small', () => {
    fc.assert(
      fc.property(documentsArbitrary, planArbitrary, (documents, plan) => {
        const splits = splitOrUndefined(documents, plan);
        if (splits === undefined) return;
        expect(splits.test.length).toBe(plan.testRows * plan.sequenceLength);
        expect(splits.heldOut.map((shard) => shard.length)).toEqual(Array.from({ length: plan.cycles }, () => plan.heldOutRows * plan.sequenceLength));
        expect(splits.train.length).toBe(plan.trainShards);
        const all = [splits.test, ...splits.heldOut, ...splits.train];
        const owners = all.map((shard) => new Set(shard));
        owners.forEach((a, i) => owners.slice(i + 1).forEach((b) => expect([...a].filter((id) => b.has(id))).toEqual([])));
        for (const shard of all) {
          expect(shard.length % plan.sequenceLength).toBe(0);
          expect(shard.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('says how much is possible', () => {
    const documents = Array.from({ length: 10 }, (_, i): EncodedDocument => ({ sha256: String(i).padStart(64, '0'), ids: new Int32Array(10) }));
    const plan = { sequenceLength: 10, cycles: 5, heldOutRows: 2, testRows: 2, trainShards: 2 };
    expect(() => splitTarget(documents, plan)).toThrow(/about 3 cycles of 2 held-out rows, or 1 held-out rows for 5 cycles/);
    expect(() => splitTarget(documents, plan)).toThrow(expect.toSatisfy((error: unknown) => isDatasetError(error, 'text-too-small') && error.context.cyclesPossible === 3));
    expect(splitTarget(documents, { ...plan, cycles: 3 }).train.map((shard) => shard.length)).toEqual([10, 10]);
    expect(() => packRows(documents, 11, 10)).toThrow(/got enough for 10/);
  });
});

describe('orderDocuments', () => {
  it('does not depend on the order of the input and merges equal documents', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), fc.nat(), (numbers, seed) => {
        const documents = numbers.map((number) => ({ sha256: createHash('sha256').update(String(number)).digest('hex') }));
        const ordered = orderDocuments(documents, seed);
        expect(ordered).toEqual(orderDocuments(documents.toReversed(), seed));
        expect(ordered.length).toBe(new Set(numbers).size);
      }),
    );
  });

  it('depends on the seed', () => {
    const documents = Array.from({ length: 20 }, (_, i) => ({ sha256: createHash('sha256').update(String(i)).digest('hex') }));
    expect(orderDocuments(documents, 0)).not.toEqual(orderDocuments(documents, 1));
  });
});
