import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { assignMiners, assignShards, createRanking, negativeLog, type ShardMiner } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { readVectors } from '../vectors/read-vectors.ts';

const runs = Number(process.env['FUZZ_RUNS'] ?? 300);
const hash = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
const seedOf = (text: string): Uint8Array => new TextEncoder().encode(text);

interface AssignmentVectors {
  readonly seed: string;
  readonly miners: Readonly<Record<string, number>>;
  readonly shards: readonly string[];
  readonly byMiner: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly groups: Readonly<Record<string, number>>;
  readonly byGroup: Readonly<Record<string, string>>;
  readonly logs: readonly (readonly [number, number])[];
}

/** Shard to owner. */
function owners(assigned: ReadonlyMap<string, readonly string[]>): Map<string, string> {
  return new Map([...assigned].flatMap(([miner, shards]) => shards.map((shard) => [shard, miner] as const)));
}

describe('against Python’s hashlib and math.log', () => {
  const vectors = readVectors<AssignmentVectors>('assignment');
  const seed = new Uint8Array(Buffer.from(vectors.seed, 'hex'));

  test.each([1, 3])('shards to miners, %i copies', (copies) => {
    const miners = Object.entries(vectors.miners).map(([id, capacity]) => ({ id, capacity }));
    expect(Object.fromEntries(assignShards({ seed, hash, shards: vectors.shards, miners, copies }))).toEqual(vectors.byMiner[copies]);
  });

  it('miners to groups', () => {
    const miners = Object.keys(vectors.miners).map((id) => ({ id }));
    const groups = Object.entries(vectors.groups).map(([id, weight]) => ({ id, weight }));
    expect(Object.fromEntries(assignMiners({ seed, hash, miners, groups }).groups)).toEqual(vectors.byGroup);
  });

  it('the logarithm is that of 50 digits, to two units in the last place', () => {
    for (const [x, exact] of vectors.logs) expect(Math.abs(negativeLog(x) - exact)).toBeLessThanOrEqual(2 * 2 ** -52 * 2 ** Math.floor(Math.log2(exact)));
  });
});

const miner = fc.record({ id: fc.string({ minLength: 1, maxLength: 6 }), capacity: fc.double({ min: 0.01, max: 100, noNaN: true }) });
const miners = fc.uniqueArray(miner, { minLength: 2, maxLength: 8, selector: ({ id }) => id });
const shards = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 40 });

describe('shards', () => {
  it('move only to a miner that joins, only from one that leaves', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), shards, miners, (seed, list, all) => {
        const before = owners(assignShards({ seed, hash, shards: list, miners: all.slice(1) }));
        const after = owners(assignShards({ seed, hash, shards: list, miners: all }));
        expect(list.filter((shard) => after.get(shard) !== before.get(shard) && after.get(shard) !== all[0]!.id)).toEqual([]);
      }),
      { numRuns: runs },
    );
  });

  it('move only to a miner that grows', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), shards, miners, fc.double({ min: 1, max: 50, noNaN: true }), (seed, list, all, factor) => {
        const [first, ...rest] = all;
        const before = owners(assignShards({ seed, hash, shards: list, miners: all }));
        const after = owners(assignShards({ seed, hash, shards: list, miners: [...rest, { id: first!.id, capacity: first!.capacity * factor }] }));
        expect(list.filter((shard) => after.get(shard) !== before.get(shard) && after.get(shard) !== first!.id)).toEqual([]);
      }),
      { numRuns: runs },
    );
  });

  it('with copies: one that leaves is replaced, the others stay', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), shards, miners, fc.integer({ min: 1, max: 3 }), (seed, list, all, copies) => {
        const holders = (group: readonly ShardMiner[]) => {
          const assigned = assignShards({ seed, hash, shards: list, miners: group, copies });
          return (shard: string) => [...assigned].filter(([, held]) => held.includes(shard)).map(([id]) => id);
        };
        const before = holders(all);
        const after = holders(all.slice(1));
        for (const shard of list) {
          expect(before(shard).length).toBe(Math.min(copies, all.length));
          expect(after(shard)).toEqual(expect.arrayContaining(before(shard).filter((id) => id !== all[0]!.id)));
        }
      }),
      { numRuns: Math.ceil(runs / 3) },
    );
  });

  it('do not depend on the order of anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), shards, miners, (seed, list, all) => {
        const one = assignShards({ seed, hash, shards: list, miners: all });
        const other = assignShards({ seed, hash, shards: list.toReversed(), miners: all.toReversed() });
        expect([...other]).toEqual([...one]);
      }),
      { numRuns: runs },
    );
  });

  it('follow capacities, and joining moves about the necessary share', () => {
    const list = Array.from({ length: 20_000 }, (_, index) => `s${index}`);
    const all = [0.5, 1, 1, 2, 4, 7.5].map((capacity, index) => ({ id: `m${index}`, capacity }));
    const total = all.reduce((sum, { capacity }) => sum + capacity, 0);
    const assigned = assignShards({ seed: seedOf('proportional'), hash, shards: list, miners: all });
    for (const { id, capacity } of all) {
      const share = capacity / total;
      // Five standard deviations of a binomial.
      expect(Math.abs(assigned.get(id)!.length / list.length - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / list.length));
    }
    const joined = owners(assignShards({ seed: seedOf('proportional'), hash, shards: list, miners: [...all, { id: 'new', capacity: 4 }] }));
    const share = 4 / (total + 4);
    const taken = list.filter((shard) => joined.get(shard) === 'new').length / list.length;
    expect(Math.abs(taken - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / list.length));
  });

  it('are drawn anew by another seed, another tag, and by ids that only join to the same bytes', () => {
    const list = Array.from({ length: 64 }, (_, index) => `s${index}`);
    const all = [{ id: 'a', capacity: 1 }, { id: 'b', capacity: 1 }];
    const one = owners(assignShards({ seed: seedOf('1'), hash, shards: list, miners: all }));
    const two = owners(assignShards({ seed: seedOf('2'), hash, shards: list, miners: all }));
    expect(two).not.toEqual(one);
    const first = (tag: string, keys: readonly string[]) => keys.map((key) => createRanking({ tag, seed: seedOf('1'), hash }, all)(key)[0]!.id);
    expect(first('x', list)).not.toEqual(first('y', list));
    expect(first('xs', list.map((key) => key.slice(1)))).not.toEqual(first('x', list));
  });
});

describe('miners', () => {
  const groups = [{ id: 'small', weight: 1, neededBytes: 10 }, { id: 'large', weight: 3, neededBytes: 100 }];

  it('get a group that fits, or none', () => {
    const list = [...Array.from({ length: 60 }, (_, index) => ({ id: `a${index}`, memoryBytes: 50 })), { id: 'b', memoryBytes: 9 }, { id: 'c' }];
    const { groups: assigned, unassigned } = assignMiners({ seed: seedOf('x'), hash, miners: list, groups });
    expect(unassigned).toEqual(['b']);
    expect([...assigned].filter(([id]) => id.startsWith('a')).every(([, group]) => group === 'small')).toBe(true);
    expect(['small', 'large']).toContain(assigned.get('c'));
  });

  it('stay where they are when others come or go', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 9 }), (seed, ids) => {
        const of = (list: readonly string[]) => assignMiners({ seed, hash, groups, miners: list.map((id) => ({ id })) }).groups;
        const fewer = of(ids.slice(1));
        expect([...of(ids)].filter(([id]) => id !== ids[0])).toEqual([...fewer]);
      }),
      { numRuns: runs },
    );
  });
});

it('assignments refuse what does not fit, by field', async () => {
  const good = { seed: seedOf('x'), hash, shards: ['s'], miners: [{ id: 'm', capacity: 1 }] };
  for (const [field, action] of [
    ['copies', () => assignShards({ ...good, copies: 0 })],
    ['shards', () => assignShards({ ...good, shards: ['s', 's'] })],
    ['shards', () => assignShards({ ...good, shards: [''] })],
    ['id', () => assignShards({ ...good, miners: [{ id: 'm', capacity: 1 }, { id: 'm', capacity: 2 }] })],
    ['id', () => assignShards({ ...good, miners: [{ id: '', capacity: 1 }] })],
    ['capacity', () => assignShards({ ...good, miners: [{ id: 'm', capacity: 0 }] })],
    ['capacity', () => assignShards({ ...good, miners: [{ id: 'm', capacity: Infinity }] })],
    ['hash', () => assignShards({ ...good, hash: () => new Uint8Array(7) })],
    ['miners', () => assignMiners({ ...good, miners: [{ id: 'm' }, { id: 'm' }], groups: [] })],
  ] as const) {
    expect((await expectCode('assignment-invalid', action)).context.field).toBe(field);
  }
  expect([...assignShards({ ...good, miners: [] })]).toEqual([]);
});
