import { describe, expect, it } from 'vitest';
import { toTokenIds } from '../src/evaluation/token-matrix.ts';

const options = { sequenceLength: 3, vocabularySize: 10 };

describe('toTokenIds', () => {
  it('copies every kind of matrix', () => {
    const given = Uint16Array.of(0, 9, 3);
    expect(toTokenIds(given, options)).toEqual(Int32Array.of(0, 9, 3));
    expect(toTokenIds(Uint32Array.of(1, 2, 3, 4, 5, 6), options)).toEqual(Int32Array.of(1, 2, 3, 4, 5, 6));
  });

  it.each([
    ['no rows', Int32Array.of(), /multiple of the sequence length 3.*0 ids/],
    ['half a row', Int32Array.of(1, 2, 3, 4), /4 ids/],
    ['an id beyond the vocabulary', Int32Array.of(1, 2, 3, 4, 10, 6), /ids from 0 to 9, got 10 in row 1, position 1/],
    ['a negative id', Int32Array.of(-1, 2, 3), /got -1 in row 0, position 0/],
  ])('refuses %s', (_, tokens, message) => {
    expect(() => toTokenIds(tokens, options)).toThrow(expect.objectContaining({ code: 'bad-shape', message: expect.stringMatching(message) as string }));
  });
});
