import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivePolSeed, drawRows } from '../src/index.ts';
import { fromHex, polError, vectors } from './fixtures.ts';

const seed = new Uint8Array(32).fill(7);
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('derivePolSeed', () => {
  it.each(vectors.seeds)('agrees with the independent implementation for netuid $netuid, cycle $cycle', ({ genesis, randomness, netuid, cycle, seed: expected }) => {
    expect(Buffer.from(derivePolSeed({ genesis: fromHex(genesis), randomness: fromHex(randomness), netuid, cycle })).toString('hex')).toBe(expected);
  });

  it('refuses wrong lengths and ranges', () => {
    const good = { genesis: seed, netuid: 1, cycle: 1, randomness: seed };
    for (const bad of [{ genesis: new Uint8Array(31) }, { randomness: new Uint8Array() }, { netuid: 65_536 }, { netuid: -1 }, { cycle: 2 ** 32 }, { cycle: 0.5 }]) {
      expect(() => derivePolSeed({ ...good, ...bad })).toThrow(polError('invalid-option') as Error);
    }
  });
});

describe('drawRows', () => {
  it.each(vectors.draws)('agrees with the independent implementation for "$label": $count of $population', ({ seed: hex, label, population, count, exclude, rows }) => {
    expect(drawRows({ seed: fromHex(hex), label, population, count, exclude })).toEqual(rows);
  });

  it('draws distinct rows in range, none excluded, and more of the same when asked for more', () => {
    fc.assert(
      fc.property(bytes32, fc.string({ maxLength: 20 }), fc.integer({ min: 1, max: 300 }), fc.nat(1000), fc.uniqueArray(fc.nat(299), { maxLength: 50 }), (drawSeed, label, population, wanted, excluded) => {
        const exclude = excluded.filter((row) => row < population);
        const count = Math.min(wanted, population - exclude.length);
        const rows = drawRows({ seed: drawSeed, label, population, count, exclude });
        expect(new Set([...rows, ...exclude]).size).toBe(count + exclude.length);
        expect(rows.every((row) => Number.isInteger(row) && row >= 0 && row < population)).toBe(true);
        expect(drawRows({ seed: drawSeed, label, population, count: Math.floor(count / 2), exclude })).toEqual(rows.slice(0, Math.floor(count / 2)));
      }),
    );
  });

  it('draws every row equally often', () => {
    const counts = Array.from({ length: 12 }, () => 0);
    for (let i = 0; i < 4000; i++) {
      for (const row of drawRows({ seed: Uint8Array.from({ length: 32 }, (_, at) => (i >> (at * 4)) & 0xff), label: 'score', population: 12, count: 3 })) counts[row] = (counts[row] ?? 0) + 1;
    }
    expect(Math.max(...counts.map((count) => Math.abs(count - 1000)))).toBeLessThan(110); // standard deviation 27
  });

  it('gives other rows for another label or seed', () => {
    const options = { seed, population: 1000, count: 20 };
    expect(drawRows({ ...options, label: 'score' })).not.toEqual(drawRows({ ...options, label: 'gate' }));
    expect(drawRows({ ...options, label: 'score' })).not.toEqual(drawRows({ ...options, label: 'score', seed: new Uint8Array(32) }));
  });

  it('refuses what cannot be drawn', () => {
    const good = { seed, label: 'score', population: 10, count: 5 };
    expect(() => drawRows({ ...good, count: 11 })).toThrow(polError('too-few-rows') as Error);
    expect(() => drawRows({ ...good, exclude: [0, 1, 2, 3, 4, 5] })).toThrow(polError('too-few-rows') as Error);
    for (const bad of [{ seed: new Uint8Array(31) }, { population: -1 }, { population: 2 ** 32 }, { count: 0.5 }, { label: 'x'.repeat(256) }, { exclude: [10] }]) {
      expect(() => drawRows({ ...good, ...bad })).toThrow(polError('invalid-option') as Error);
    }
  });
});
