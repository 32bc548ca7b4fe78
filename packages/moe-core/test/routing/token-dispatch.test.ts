import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dispatchTokens } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';

describe('dispatchTokens', () => {
  it('sorts assignments by expert as a stable sort does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 80 }), (ids) => {
        const { offsets, order } = dispatchTokens(Uint16Array.from(ids), 7);
        const expected = ids.map((_, i) => i).sort((a, b) => ids[a]! - ids[b]! || a - b);
        expect([...order]).toEqual(expected);
        expect(offsets).toHaveLength(8);
        for (let expert = 0; expert < 7; expert++) expect([...order.subarray(offsets[expert], offsets[expert + 1])].every((i) => ids[i] === expert)).toBe(true);
        expect([offsets[0], offsets[7]]).toEqual([0, ids.length]);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });

  it('refuses ids of no expert', async () => {
    const error = await expectCode('routing-invalid', () => dispatchTokens(Uint16Array.of(0, 3), 3));
    expect(error.context.field).toBe('ids');
    await expectCode('routing-invalid', () => dispatchTokens(new Uint16Array(0), 0));
  });
});
