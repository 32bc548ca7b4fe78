import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCoActivation, createCoActivation, mergeCoActivation, routeTokens } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';

const runs = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) };
const size = { experts: 4, expertsPerToken: 2 };

describe('co-activation', () => {
  it('counts pairs on both sides of the diagonal, and loads on it', () => {
    const together = createCoActivation(size);
    addCoActivation(together, Uint16Array.of(0, 1, 1, 0, 3, 1));
    expect([...together.counts]).toEqual([2, 2, 0, 0, 2, 3, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1]);
  });

  it('equals the product of the one-hot choices with themselves, and partial counts merge to it in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 60 }), fc.nat(), (values, cut) => {
        const { ids } = routeTokens(Float32Array.from(values.slice(0, values.length - (values.length % 6))), { experts: 6, expertsPerToken: 3, normalizeTopK: true });
        const tokens = ids.length / 3;
        const boundary = 3 * (cut % (tokens + 1));
        const [whole, a, b] = [ids, ids.subarray(0, boundary), ids.subarray(boundary)].map((part) => {
          const counts = createCoActivation({ experts: 6, expertsPerToken: 3 });
          addCoActivation(counts, part);
          return counts;
        });
        const oneHot = Array.from({ length: tokens }, (_, t) => Array.from({ length: 6 }, (_x, e) => (ids.subarray(3 * t, 3 * t + 3).includes(e) ? 1 : 0)));
        const product = Array.from({ length: 36 }, (_, i) => oneHot.reduce((sum, row) => sum + row[Math.floor(i / 6)]! * row[i % 6]!, 0));
        expect([...whole!.counts]).toEqual(product);
        expect(mergeCoActivation(a!, b!)).toEqual(whole);
        expect(mergeCoActivation(b!, a!)).toEqual(whole);
      }),
      runs,
    );
  });

  it('refuses what does not fit, and then adds nothing', async () => {
    const together = createCoActivation(size);
    for (const ids of [[0], [0, 4], [0, -1], [0, 1.5], [0, 1, 2, 2]]) {
      const error = await expectCode('routing-invalid', () => addCoActivation(together, ids));
      expect(error.context.field).toBe('ids');
    }
    expect(together.counts.every((count) => count === 0)).toBe(true);
    await expectCode('routing-invalid', () => createCoActivation({ experts: 4097, expertsPerToken: 2 }));
    await expectCode('routing-invalid', () => createCoActivation({ experts: 4, expertsPerToken: 5 }));
    await expectCode('routing-invalid', () => mergeCoActivation(together, createCoActivation({ experts: 5, expertsPerToken: 2 })));
    await expectCode('routing-invalid', () => mergeCoActivation(together, createCoActivation({ experts: 4, expertsPerToken: 1 })));
  });
});
