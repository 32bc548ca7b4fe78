import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK, type AdamWFactors } from '../src/training/adamw-kernel.ts';
import { PLAIN_KERNEL } from '../src/training/adamw-plain.ts';
import { createWasmKernel } from '../src/training/adamw-wasm.ts';

const runs = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 100) };
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const factors: fc.Arbitrary<AdamWFactors> = fc.record({ betas: fc.tuple(unit, unit), gradientScale: unit, keep: unit, stepSize: unit, epsilon: fc.constantFrom(0, 1e-12, 1e-8) });

/** Lengths around the edges of vectors and blocks. */
const length = fc.oneof(fc.nat(40), fc.integer({ min: BLOCK - 9, max: BLOCK + 9 }));

/** Magnitudes over all binades of float32, denormal ones included, and zeros. */
function values(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => (index % 11 === seed % 11 ? 0 : Math.sin(index * 1.7 + seed) * 2 ** (((index * 37 + seed) % 270) - 148)));
}

describe('the WebAssembly kernel of AdamW', () => {
  const kernel = createWasmKernel()!;

  it('is what its source compiles to', () => {
    const { status, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL('../wasm/build.mjs', import.meta.url)), '--check'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('updates to the bits of the plain one', () => {
    fc.assert(
      fc.property(length, fc.nat(1000), factors, (count, seed, given) => {
        const [plain, wasm] = [PLAIN_KERNEL, kernel].map(({ update }) => {
          const tensor = { weights: values(count, seed), firstMoment: values(count, seed + 1), secondMoment: values(count, seed + 2).map(Math.abs) };
          update(tensor, values(count, seed + 3), given);
          return Object.values(tensor).map((array) => [...array]);
        });
        expect(wasm).toEqual(plain);
      }),
      runs,
    );
  });

  it('sums squares to the bits of the plain one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: BLOCK }), fc.nat(1000), (count, seed) => {
        const given = values(count, seed);
        expect(kernel.sumOfSquares(given)).toBe(PLAIN_KERNEL.sumOfSquares(given));
      }),
      runs,
    );
  });
});
