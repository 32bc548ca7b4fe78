import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelDirectory } from '@connito/demo-data';
import { openTokenizer } from '@connito/dataset';
import { createTextStream } from '../src/generation/text-stream.ts';

describe('createTextStream', () => {
  it('gives the pieces of the whole text, and no half characters', async () => {
    const tokenizer = await openTokenizer(modelDirectory);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
        const stream = createTextStream((ids) => tokenizer.decode(ids));
        const pieces = tokenizer.encode(text).map((id) => stream.push(id));
        expect(pieces.join('') + stream.end()).toBe(text);
        for (const piece of pieces) expect(text.includes('\uFFFD') || !piece.includes('\uFFFD')).toBe(true);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });

  it('writes at the end what never became a character', () => {
    const stream = createTextStream((ids) => ids.map((id) => (id === 1 ? '\uFFFD' : 'a')).join(''));
    expect([stream.push(0), stream.push(1), stream.push(1), stream.end()]).toEqual(['a', '', '', '\uFFFD\uFFFD']);
  });
});
