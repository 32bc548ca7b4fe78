import { describe, expect, it } from 'vitest';
import { drawTrainingShard, isDatasetError } from '../src/index.ts';
import { vectors } from './fixtures.ts';

const hotkey = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';

describe('drawTrainingShard', () => {
  it.each(vectors.draws)('draws shard $shard of $shards for cycle $cycle', ({ hotkey: who, cycle, shards, shard }) => {
    expect(drawTrainingShard({ hotkey: who, cycle, shards })).toBe(shard);
  });

  it('spreads over the shards', () => {
    const draws = Array.from({ length: 4000 }, (_, cycle) => drawTrainingShard({ hotkey, cycle, shards: 8 }));
    const counts = Array.from({ length: 8 }, (_, shard) => draws.filter((draw) => draw === shard).length);
    expect(Math.min(...counts)).toBeGreaterThan(420); // 500 expected, standard deviation 21
  });

  it.each([
    { hotkey: '', cycle: 0, shards: 1 },
    { hotkey: 'x'.repeat(256), cycle: 0, shards: 1 },
    { hotkey, cycle: -1, shards: 1 },
    { hotkey, cycle: 2 ** 32, shards: 1 },
    { hotkey, cycle: 0.5, shards: 1 },
    { hotkey, cycle: 0, shards: 0 },
    { hotkey, cycle: 0, shards: Number.NaN },
  ])('refuses %j', (draw) => {
    expect(() => drawTrainingShard(draw)).toThrow(expect.toSatisfy((error: unknown) => isDatasetError(error, 'invalid-option')));
  });
});
