import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSampler } from '../src/generation/sampling.ts';

interface Case {
  readonly temperature: number;
  readonly topK: number | null;
  readonly topP: number | null;
  readonly logits: number[];
  readonly probabilities: number[];
}

const cases = JSON.parse(readFileSync(new URL('vectors/sampling.json', import.meta.url), 'utf8')) as Case[];
const DRAWS = 4000;

describe('createSampler', () => {
  it.each(cases)("draws with the probabilities of transformers' warpers ($temperature, $topK, $topP)", ({ temperature, topK, topP, logits, probabilities }) => {
    const sample = createSampler({ temperature, seed: 'x', ...(topK === null ? {} : { topK }), ...(topP === null ? {} : { topP }) });
    const counts = new Float64Array(logits.length);
    for (let draw = 0; draw < DRAWS; draw++) counts[sample(Float32Array.from(logits))]! += 1;
    // Five standard deviations of a binomial count; what has probability 0 is never drawn.
    const bounds = probabilities.map((probability) => 5 * Math.sqrt(DRAWS * probability * (1 - probability)) + Number(probability > 0));
    const distances = probabilities.map((probability, id) => Math.abs(counts[id]! - DRAWS * probability));
    expect(distances.filter((distance, id) => distance > bounds[id]!)).toEqual([]);
  });

  it('takes the likeliest at temperature 0, the lower id of equals', () => {
    expect(createSampler()(Float32Array.of(1, 3, 3, 2))).toBe(1);
    expect(createSampler()(Float32Array.of(-Infinity, -5, -Infinity))).toBe(1);
  });

  it('draws the same with the same seed, others with another', () => {
    const logits = Float32Array.from({ length: 50 }, (_, id) => Math.sin(id));
    const draws = (seed: string): number[] => {
      const sample = createSampler({ temperature: 1, seed });
      return Array.from({ length: 20 }, () => sample(logits));
    };
    expect(draws('a')).toEqual(draws('a'));
    expect(draws('a')).not.toEqual(draws('b'));
  });

  it('agrees with temperature 0 where only one token is left', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, min: -50, max: 50 }), { minLength: 1, maxLength: 40 }), (values) => {
        const logits = Float32Array.from(values);
        expect(createSampler({ temperature: 1, topK: 1 })(logits)).toBe(createSampler()(logits));
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });

  it.each([{ temperature: -1 }, { temperature: Number.NaN }, { topK: 0 }, { topK: 1.5 }, { topP: 0 }, { topP: 1.1 }])('refuses %o', (options) => {
    expect(() => createSampler(options)).toThrow(/^option /);
  });

  it.each([0, 1])('refuses logits that are NaN (temperature %d)', (temperature) => {
    expect(() => createSampler({ temperature })(Float32Array.of(1, Number.NaN))).toThrow(/damaged/);
  });
});
