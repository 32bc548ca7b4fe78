import { describe, expect, it } from 'vitest';
import { countTargets, isTarget, toTrainingRows, type TrainingRowsInput } from '../src/training/training-rows.ts';

const options = { sequenceLength: 4, vocabularySize: 10 };
const tokens = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8);

describe('which tokens count', () => {
  it('all but the first of a row, where nothing else is said', () => {
    expect([...countTargets(toTrainingRows({ tokens }, options), 4)]).toEqual([3, 3]);
  });

  it('none across the border of a document, none of padding, none that the label mask leaves out', () => {
    const rows = toTrainingRows({ tokens, documents: Int32Array.of(0, 0, 1, 1, 0, 0, -1, -1), labelMask: Uint8Array.of(0, 1, 1, 0, 1, 1, 1, 1) }, options);
    expect([1, 2, 3, 5, 6, 7].map((position) => isTarget(rows, position))).toEqual([true, false, false, true, false, false]);
    expect([...countTargets(rows, 4)]).toEqual([1, 1]);
  });

  it('the rows are copies', () => {
    const labelMask = new Uint8Array(8).fill(1);
    const rows = toTrainingRows({ tokens, labelMask }, options);
    labelMask.fill(0);
    expect(rows.labelMask).toEqual(new Uint8Array(8).fill(1));
  });
});

describe('bad-shape', () => {
  it.each<[string, Partial<TrainingRowsInput>, string]>([
    ['documents', { documents: new Int32Array(7) }, '8 entries, one for each token'],
    ['documents', { documents: Int32Array.of(0, 0, 0, 0, 0, 0, -2, 0) }, 'entries from -1 to 2147483647'],
    ['labelMask', { labelMask: new Uint8Array(9) }, '8 entries, one for each token'],
    ['labelMask', { labelMask: new Uint8Array(8).fill(2) }, 'entries from 0 to 1'],
    ['labelMask', { labelMask: new Uint8Array(8) }, 'at least one token that counts in the loss'],
    ['labelMask', { documents: new Int32Array(8).fill(-1) }, 'at least one token that counts in the loss'],
    ['tokens', { tokens: Int32Array.of(1, 2, 3) }, 'a positive multiple of the sequence length 4'],
  ])('%s: %o', (name, input, expected) => {
    expect(() => toTrainingRows({ tokens, ...input }, options)).toThrow(expect.objectContaining({ code: 'bad-shape', context: expect.objectContaining({ name, expected }) as object }));
  });
});
