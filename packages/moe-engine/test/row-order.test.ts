import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRowOrder } from '../src/training/row-order.ts';
import { manifest, readTensors, vectorPath } from './tiny-model.ts';

describe('createRowOrder', () => {
  it('is the order that the Python definition gives', async () => {
    const { integers } = await readTensors(vectorPath('training/expected.safetensors'));
    const { batch, steps, seed } = manifest.training;
    const rowsAt = createRowOrder({ rowSeed: seed, rows: 7, batchSize: batch });
    expect(Array.from({ length: steps }, (_, step) => rowsAt(step)).flat()).toEqual([...integers.get('order')!]);
  });

  it('shows every row once per epoch, whatever the batch size, and in any order of asking', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9 }), (rowSeed, rows, batchSize) => {
        const options = { rowSeed, rows, batchSize };
        const forwards = Array.from({ length: rows * 2 }, (_, step) => createRowOrder(options)(step));
        const rowsAt = createRowOrder(options);
        expect(Array.from({ length: rows * 2 }, (_, index) => rowsAt(rows * 2 - 1 - index)).toReversed()).toEqual(forwards);
        const flat = forwards.flat();
        for (let epoch = 0; epoch < 2 * batchSize; epoch++) expect(new Set(flat.slice(epoch * rows, (epoch + 1) * rows)).size).toBe(rows);
      }),
      { numRuns: 50 },
    );
  });

  it('depends on the seed', () => {
    expect(createRowOrder({ rowSeed: 'a', rows: 100, batchSize: 10 })(0)).not.toEqual(createRowOrder({ rowSeed: 'b', rows: 100, batchSize: 10 })(0));
  });
});
