import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { expOfTwo, MAX_EXPONENT } from '../src/yuma/float-exp.ts';
import { exp } from '../src/yuma/liquid-alpha.ts';

const ONE = 2 ** 32;
const exact = (x: number): number => Number(exp(BigInt(x)));

function powersOf(...exponents: [number, number]): number[] {
  const pair = Float64Array.from(exponents);
  expOfTwo(pair);
  return [...pair];
}

/** Anything; just below a multiple of a half, where terms are nearly integers; and the largest, whose terms are known worst. */
const EXPONENT: fc.Arbitrary<number> = fc
  .oneof(
    fc.integer({ min: 0, max: MAX_EXPONENT }),
    fc.tuple(fc.integer({ min: 0, max: 24 }), fc.integer({ min: -200, max: 200 })).map(([halves, bits]) => (halves * ONE) / 2 + bits),
    fc.integer({ min: 11 * ONE, max: MAX_EXPONENT }),
  )
  .filter((x) => x >= 0 && x <= MAX_EXPONENT && x !== ONE);

it('two series on float64 are those of the exact form, whichever comes first', () => {
  fc.assert(
    fc.property(EXPONENT, EXPONENT, (x, y) => {
      expect(powersOf(x, y)).toEqual([exact(x), exact(y)]);
      expect(powersOf(y, x)).toEqual([exact(y), exact(x)]);
    }),
    { numRuns: 3_000 },
  );
});
