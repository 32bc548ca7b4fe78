import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alphaForTao, alphaToReach, PERQUINTILL, poolPrice, scaledPower, taoForAlpha, taoToReach, weightAfter } from '../src/swap-curve.ts';

const VECTORS = JSON.parse(readFileSync(new URL('vectors/swap-curve.json', import.meta.url), 'utf8')) as { rows: [string, string, string, string, string][] };
const rao = fc.bigInt({ min: 10n ** 12n, max: 10n ** 16n });
const weight = fc.bigInt({ min: (PERQUINTILL * 3n) / 10n, max: (PERQUINTILL * 7n) / 10n });
const pools = fc.record({ taoRao: rao, alphaRao: rao, taoWeight: weight });

const price = (taoRao: bigint, alphaRao: bigint, taoWeight: bigint): number => Number(poolPrice({ taoRao, alphaRao, taoWeight })) / 2 ** 64;

describe('the curve', () => {
  it(`has the powers of the chain's library (${VECTORS.rows.length} rows)`, () => {
    expect(VECTORS.rows.length).toBe(300);
    const wrong = VECTORS.rows.filter(([numerator, denominator, up, down, result]) => scaledPower(BigInt(numerator), BigInt(denominator), [BigInt(up), BigInt(down)]) !== BigInt(result));
    expect(wrong).toEqual([]);
  });

  // pallets/swap/src/pallet/balancer.rs:1182 and 1246 (opentensor/subtensor 14bc6f9f9)
  it('prices alpha at (w₁ / w₂) · (tao / alpha)', () => {
    expect(price(11n, 2n, PERQUINTILL / 2n)).toBe(5.5);
    expect(price(25n, 9n, (PERQUINTILL * 2n) / 5n)).toBeCloseTo((0.6 / 0.4) * (25 / 9), 9);
  });

  // pallets/swap/src/pallet/balancer.rs:1036
  it('tells how much alpha lowers the price to a target', () => {
    const pool = { taoRao: 66_666_667n, alphaRao: 1_000_000_000n, taoWeight: PERQUINTILL / 4n };
    const target = poolPrice(pool) / 2n;
    expect(alphaToReach(pool, target)).toBe(BigInt(Math.floor(1e9 * (2 ** 0.25 - 1))));
  });

  it('never gives more than it has, nor more than it took when it is asked back', () => {
    fc.assert(
      fc.property(pools, fc.bigInt({ min: 1n, max: 10n ** 12n }), (pool, amount) => {
        const alpha = alphaForTao(pool, amount);
        expect(alpha).toBeLessThan(pool.alphaRao);
        const after = { ...pool, taoRao: pool.taoRao + amount, alphaRao: pool.alphaRao - alpha };
        expect(taoForAlpha(after, alpha)).toBeLessThanOrEqual(amount);
      }),
    );
  });

  it('reaches a price by what it says', () => {
    fc.assert(
      fc.property(pools, fc.double({ min: 1.01, max: 3, noNaN: true }), (pool, factor) => {
        const target = (poolPrice(pool) * BigInt(Math.round(factor * 1e6))) / 1_000_000n;
        const amount = taoToReach(pool, target);
        const after = { ...pool, taoRao: pool.taoRao + amount, alphaRao: pool.alphaRao - alphaForTao(pool, amount) };
        expect(Number(poolPrice(after)) / Number(target)).toBeCloseTo(1, 6);
      }),
    );
  });

  it('keeps its price when liquidity comes in, or refuses it', () => {
    fc.assert(
      fc.property(pools, rao, rao, (pool, taoRao, alphaRao) => {
        const taoWeight = weightAfter(pool, { taoRao, alphaRao }) ?? pool.taoWeight;
        fc.pre(taoWeight !== pool.taoWeight);
        const after = poolPrice({ taoRao: pool.taoRao + taoRao, alphaRao: pool.alphaRao + alphaRao, taoWeight });
        expect(Number(after) / Number(poolPrice(pool))).toBeCloseTo(1, 9);
      }),
    );
  });
});
