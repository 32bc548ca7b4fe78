import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import {
  addCoActivation,
  createCoActivation,
  estimateEvaluationMemory,
  estimateTrainingMemory,
  gateLogSamples,
  parseScoreSummary,
  planExpertGroups,
  selectExperts,
  splitTogether,
  weightInside,
  type CoActivation,
  type ExpertGroup,
  type GroupDomain,
} from '../../src/index.ts';
import { findGateLogs, readGateLog } from '../../src/node.ts';
import { expectCode } from '../expect-code.ts';
import { randomFrom } from './fleet-simulation.ts';

const runs = Number(process.env['FUZZ_RUNS'] ?? 300);

const partOf = (parts: readonly (readonly number[])[]): number[] => {
  const own: number[] = [];
  parts.forEach((items, part) => items.forEach((item) => (own[item] = part)));
  return own;
};

/** The most weight that any split can keep inside, by trying all. */
function exhaustive(weights: readonly number[], sizes: readonly number[]): number {
  const count = sizes.reduce((sum, size) => sum + size, 0);
  const free = [...sizes];
  const own: number[] = [];
  const search = (item: number): number => {
    if (item === count) return weightInside({ weights, partOf: own });
    let best = -1;
    for (let part = 0; part < free.length; part++) {
      if (free[part] === 0) continue;
      free[part]!--;
      own[item] = part;
      best = Math.max(best, search(item + 1));
      free[part]!++;
    }
    return best;
  };
  return search(0);
}

/** Symmetric weights. */
const task = fc
  .oneof(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 4 })), fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 })))
  .chain((sizes) => {
    const count = sizes.reduce((sum, size) => sum + size, 0);
    return fc.record({ sizes: fc.constant([...sizes]), upper: fc.array(fc.nat(100), { minLength: count * count, maxLength: count * count }) });
  })
  .map(({ sizes, upper }) => {
    const count = Math.sqrt(upper.length);
    return { sizes, weights: upper.map((_, index) => upper[Math.min(index, (index % count) * count + Math.floor(index / count))]!) };
  });

describe('splitTogether', () => {
  it('finds in 99 of 100 cases what searching everything finds, and comes close in the others', () => {
    const random = randomFrom(99);
    const ratios = Array.from({ length: 2000 }, () => {
      const sizes = Array.from({ length: 2 + Math.floor(random() * 2) }, () => 1 + Math.floor(random() * 3));
      const count = sizes.reduce((sum, size) => sum + size, 0);
      const weights = Array.from({ length: count * count }, () => 0);
      for (let a = 0; a < count; a++) for (let b = 0; b < a; b++) weights[a * count + b] = weights[b * count + a] = Math.floor(100 * random() ** 2);
      const best = exhaustive(weights, sizes);
      return best === 0 ? 1 : weightInside({ weights, partOf: partOf(splitTogether({ weights, sizes })) }) / best;
    });
    expect(ratios.filter((ratio) => ratio < 1).length).toBeLessThan(20);
    expect(Math.min(...ratios)).toBeGreaterThan(0.95);
  });

  it('splits everything, as well as searching everything to a tenth', () => {
    fc.assert(
      fc.property(task, ({ weights, sizes }) => {
        const parts = splitTogether({ weights, sizes });
        expect(parts.map(({ length }) => length)).toEqual(sizes);
        expect(parts.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: Math.sqrt(weights.length) }, (_, item) => item));
        expect(weightInside({ weights, partOf: partOf(parts) })).toBeGreaterThanOrEqual(0.9 * exhaustive(weights, sizes));
      }),
      { numRuns: runs },
    );
  });

  it('finds planted clusters among 64', () => {
    const random = randomFrom(5);
    const cluster = Array.from({ length: 64 }, (_, item) => (item * 37) % 4);
    const weights = Array.from({ length: 64 * 64 }, () => 0);
    for (let a = 0; a < 64; a++) for (let b = 0; b < a; b++) weights[a * 64 + b] = weights[b * 64 + a] = Math.floor(random() * 20) + (cluster[a] === cluster[b] ? 15 : 0);
    const own = partOf(splitTogether({ weights, sizes: [16, 16, 16, 16] }));
    for (let a = 0; a < 64; a++) for (let b = 0; b < a; b++) expect(own[a] === own[b]).toBe(cluster[a] === cluster[b]);
  });

  it('refuses sizes that do not sum', async () => {
    await expectCode('groups-invalid', () => splitTogether({ weights: [0, 1, 1, 0], sizes: [1] }));
    expect(splitTogether({ weights: [], sizes: [0, 0] })).toEqual([[], []]);
  });
});

const countsOf = (experts: number, random: () => number): CoActivation => {
  const coActivation = createCoActivation({ experts, expertsPerToken: 2 });
  for (let token = 0; token < 200; token++) {
    const first = Math.floor(random() ** 2 * experts);
    addCoActivation(coActivation, [first, (first + 1 + Math.floor(random() ** 2 * (experts - 1))) % experts]);
  }
  return coActivation;
};

/** Domains over the same layers, with counts or without. */
const world = fc.record({ seed: fc.nat(1e6), domains: fc.integer({ min: 1, max: 4 }), layers: fc.integer({ min: 1, max: 4 }), experts: fc.integer({ min: 2, max: 12 }), hasCounts: fc.boolean() }).map(({ seed, domains, layers, experts, hasCounts }) => {
  const random = randomFrom(seed);
  return Array.from({ length: domains }, (_, index): GroupDomain => {
    const indices = Array.from({ length: layers }, (__, layer) => layer * 3);
    return {
      name: `d${index}`,
      scores: new Map(indices.map((layer) => [layer, Array.from({ length: experts }, () => Math.floor(random() * 1000) / 1000)])),
      ...(hasCounts ? { coActivation: new Map(indices.map((layer) => [layer, countsOf(experts, random)])) } : {}),
    };
  });
});

/** Who gets expert 0 of layer 0. */
const owner = (domains: readonly GroupDomain[]): string => planExpertGroups({ domains, budgetBytes: 30, expertBytes: 10, mode: 'disjoint', rule: { count: 2 } }).groups.find(({ experts }) => experts.get(0)!.includes(0))!.domain;

const entries = ({ experts }: ExpertGroup): string[] => [...experts].flatMap(([layer, ids]) => ids.map((id) => `${layer}.${id}`));

describe('planExpertGroups', () => {
  it('keeps to the budget, deals evenly and loses nothing', () => {
    fc.assert(
      fc.property(world, fc.integer({ min: 1, max: 9 }), fc.constantFrom('disjoint' as const, 'overlapping' as const), (domains, room, mode) => {
        const { groups, domains: reports } = planExpertGroups({ domains, budgetBytes: room * 10, expertBytes: 10, mode, rule: { threshold: 1.5 } });
        const wanted = domains.map(({ scores }) => [...selectExperts(scores, { threshold: 1.5 })].flatMap(([layer, ids]) => ids.map((id) => `${layer}.${id}`)));
        for (const group of groups) {
          expect(group.sizeBytes).toBeLessThanOrEqual(room * 10);
          expect([group.sizeBytes, entries(group).length]).toEqual([group.expertCount * 10, group.expertCount]);
        }
        for (const [index, { name }] of domains.entries()) {
          const own = groups.filter(({ domain }) => domain === name);
          const sizes = own.map(({ sizeBytes }) => sizeBytes);
          expect(Math.max(...sizes, 0) - Math.min(...sizes, Infinity)).toBeLessThanOrEqual(10);
          for (const layer of domains[0]!.scores.keys()) {
            const counts = own.map(({ experts }) => experts.get(layer)!.length);
            expect(Math.max(...counts, 0) - Math.min(...counts, Infinity)).toBeLessThanOrEqual(1);
          }
          const all = own.flatMap(entries);
          expect(new Set(all).size).toBe(all.length);
          expect(mode === 'overlapping' ? all.toSorted() : []).toEqual(mode === 'overlapping' ? wanted[index]!.toSorted() : []);
          expect(reports.get(name)!.wantedExperts).toBe(wanted[index]!.length);
        }
        const everything = groups.flatMap(entries);
        expect(new Set(everything)).toEqual(new Set(wanted.flat()));
        expect(mode === 'disjoint' ? everything.length : 0).toBe(mode === 'disjoint' ? new Set(everything).size : 0);
      }),
      { numRuns: runs },
    );
  });

  it('does not depend on the order of the domains, and never exceeds the groups allowed', () => {
    fc.assert(
      fc.property(world, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }), (domains, room, groupsPerDomain) => {
        const options = { budgetBytes: room * 7, expertBytes: 7, mode: 'disjoint' as const, rule: { count: 4 }, groupsPerDomain };
        const plan = planExpertGroups({ ...options, domains });
        expect(planExpertGroups({ ...options, domains: domains.toReversed() })).toEqual(plan);
        for (const { name } of domains) expect(plan.groups.filter(({ domain }) => domain === name).length).toBeLessThanOrEqual(groupsPerDomain);
      }),
      { numRuns: runs },
    );
  });

  it('says what groups hold: numbers by hand', () => {
    const coActivation = createCoActivation({ experts: 4, expertsPerToken: 2 });
    addCoActivation(coActivation, [0, 1, 0, 1, 2, 3, 0, 2]);
    const domains = [{ name: 'a', scores: new Map([[1, [0.5, 0.25, 0.125, 0.125]]]), coActivation: new Map([[1, coActivation]]) }, { name: 'b', scores: new Map([[1, [0, 0, 0, 1]]]) }];
    const plan = planExpertGroups({ domains, budgetBytes: 20, expertBytes: 10, mode: 'overlapping', rule: { threshold: 1 } });
    expect(plan.groups).toEqual([
      { id: 'a-0', domain: 'a', experts: new Map([[1, [0, 1]]]), expertCount: 2, sizeBytes: 20, coverage: new Map([['a', 0.75], ['b', 0]]), coActivationKept: 2 / 3 },
      { id: 'a-1', domain: 'a', experts: new Map([[1, [2, 3]]]), expertCount: 2, sizeBytes: 20, coverage: new Map([['a', 0.25], ['b', 1]]), coActivationKept: 1 / 2 },
      { id: 'b-0', domain: 'b', experts: new Map([[1, [3]]]), expertCount: 1, sizeBytes: 10, coverage: new Map([['a', 0.125], ['b', 1]]), coActivationKept: undefined },
    ]);
    expect(plan.domains.get('a')).toEqual({ wantedExperts: 4, plannedExperts: 4, coverage: 1, coActivationKept: 3 / 4 });
    const disjoint = planExpertGroups({ domains, budgetBytes: 20, expertBytes: 10, mode: 'disjoint', rule: { threshold: 1 } });
    expect(disjoint.groups.map(({ id, experts }) => [id, experts.get(1)])).toEqual([['a-0', [0, 1]], ['a-1', [2]], ['b-0', [3]]]);
    const one = planExpertGroups({ domains, budgetBytes: 20, expertBytes: 10, mode: 'overlapping', rule: { threshold: 1 }, groupsPerDomain: 1 });
    expect(one.groups.map(({ id, experts }) => [id, experts.get(1)])).toEqual([['a-0', [0, 1]], ['b-0', [3]]]);
    expect(one.domains.get('a')).toMatchObject({ wantedExperts: 4, plannedExperts: 2, coverage: 0.75, coActivationKept: 1 });
  });

  it('leaves a contested expert where its partners are', () => {
    const together = createCoActivation({ experts: 3, expertsPerToken: 2 });
    addCoActivation(together, [0, 1, 0, 1, 0, 1, 0, 2]);
    const a = { name: 'a', scores: new Map([[0, [0.5, 0.4, 0]]]), coActivation: new Map([[0, together]]) };
    const b = { name: 'b', scores: new Map([[0, [0.6, 0, 0.4]]]) };
    expect(owner([{ name: a.name, scores: a.scores }, b])).toBe('b');
    expect(owner([a, b])).toBe('a');
  });

  it('refuses what does not fit, by field', async () => {
    const domain = { name: 'a', scores: new Map([[1, [0.5, 0.5]]]) };
    const good = { domains: [domain], budgetBytes: 10, expertBytes: 10, mode: 'disjoint' as const };
    for (const [field, options] of [
      ['domains', { domains: [] }],
      ['domains', { domains: [domain, domain] }],
      ['domains', { domains: [{ ...domain, name: '' }] }],
      ['budgetBytes', { budgetBytes: 9 }],
      ['budgetBytes', { budgetBytes: Number.NaN }],
      ['expertBytes', { expertBytes: 0 }],
      ['expertBytes', { expertBytes: new Map([[2, 10]]) }],
      ['groupsPerDomain', { groupsPerDomain: 0 }],
      ['coActivation', { domains: [{ ...domain, coActivation: new Map([[1, createCoActivation({ experts: 3, expertsPerToken: 1 })]]) }] }],
    ] as const) {
      expect((await expectCode('groups-invalid', () => planExpertGroups({ ...good, ...options }))).context.field).toBe(field);
    }
    await expectCode('scores-invalid', () => planExpertGroups({ ...good, domains: [{ name: 'a', scores: new Map([[1, [-1]]]) }] }));
  });
});

const esft = fileURLToPath(new URL('../../../../../shared/data/esft/', import.meta.url));
const published = existsSync(esft) ? readdirSync(esft) : [];

describe.skipIf(published.length === 0)('groups of the published domains', () => {
  const domains: (GroupDomain & { readonly coActivation: ReadonlyMap<number, CoActivation> })[] = [];

  beforeAll(async () => {
    for (const name of published) {
      const coActivation = new Map<number, CoActivation>();
      for (const { layer, path } of await findGateLogs(join(esft, name))) {
        const counts = createCoActivation({ experts: 64, expertsPerToken: 6 });
        for await (const { ids } of gateLogSamples({ layer, experts: 64, expertsPerToken: 6, chunks: readGateLog({ path }) })) addCoActivation(counts, ids);
        coActivation.set(layer, counts);
      }
      const { tokenScores } = parseScoreSummary(readFileSync(join(esft, name, 'summary.json'), 'utf8'));
      domains.push({ name, coActivation, scores: new Map([...tokenScores].filter(([layer]) => coActivation.has(layer))) });
    }
  });

  test.each([2, 3, 4])('in %i groups more co-activation is kept than by dealing by score, and than by chance', (count) => {
    for (const domain of domains) {
      const options = { budgetBytes: Math.ceil(3 * 30 / count), expertBytes: 1, mode: 'disjoint' as const, rule: { count: 30 } };
      const { groups, domains: reports } = planExpertGroups({ ...options, domains: [domain] });
      expect(groups.length).toBe(count);
      const kept = reports.get(domain.name)!.coActivationKept!;
      const naive = keptBy(domain, planExpertGroups({ ...options, domains: [{ name: domain.name, scores: domain.scores }] }).groups.map(({ experts }) => experts));
      const random = randomFrom(count);
      const byChance = Array.from({ length: 200 }, () => keptBy(domain, shuffled(groups, random)));
      expect(keptBy(domain, groups.map(({ experts }) => experts))).toBeCloseTo(kept, 12);
      expect(kept).toBeGreaterThan(1.05 * naive);
      expect(kept).toBeGreaterThan(Math.max(...byChance));
    }
  });

  it('disjoint groups of both domains share no expert, and cover what each can have', () => {
    const plan = planExpertGroups({ domains, budgetBytes: 20, expertBytes: 1, mode: 'disjoint' });
    const all = plan.groups.flatMap(entries);
    expect(new Set(all).size).toBe(all.length);
    for (const { name } of domains) expect(plan.domains.get(name)!.coverage).toBeGreaterThan(0.12);
    const overlapping = planExpertGroups({ domains, budgetBytes: 20, expertBytes: 1, mode: 'overlapping' });
    for (const { name } of domains) expect(overlapping.domains.get(name)!.coverage).toBeGreaterThanOrEqual(0.2);
  });
});

/** Co-activation inside groups over that among all their experts. */
function keptBy({ coActivation }: { readonly coActivation: ReadonlyMap<number, CoActivation> }, groups: readonly ReadonlyMap<number, readonly number[]>[]): number {
  let inside = 0;
  let all = 0;
  for (const [layer, { counts, experts }] of coActivation) {
    const own = new Map(groups.flatMap((group, index) => (group.get(layer) ?? []).map((id) => [id, index] as const)));
    for (const [a, groupA] of own) {
      for (const [b, groupB] of own) {
        if (a >= b) continue;
        all += counts[a * experts + b]!;
        if (groupA === groupB) inside += counts[a * experts + b]!;
      }
    }
  }
  return inside / all;
}

/** The same sizes, other experts. */
function shuffled(groups: readonly ExpertGroup[], random: () => number): Map<number, number[]>[] {
  const result = groups.map(() => new Map<number, number[]>());
  for (const layer of groups[0]!.experts.keys()) {
    const pool = groups.flatMap(({ experts }) => experts.get(layer)!).map((id) => ({ id, at: random() })).sort((a, b) => a.at - b.at);
    groups.forEach(({ experts }, index) => result[index]!.set(layer, pool.splice(0, experts.get(layer)!.length).map(({ id }) => id)));
  }
  return result;
}

describe('memory', () => {
  const question = {
    topology: { layers: 3, moeLayers: [1, 2], hiddenSize: 10, vocabularySize: 100, expertsPerToken: 2, expertWidth: 7, denseWidth: 20 },
    trainedParameters: 1000,
    trainedBytes: 2000,
    frozenBytes: 5000,
    batchTokens: 4,
  };

  it('for training and evaluation, by hand', () => {
    const activations = 4 * 4 * (8 * 10 * 3 + 3 * 2 * 7 * 2 + 3 * 20 + 2 * 100);
    expect(estimateTrainingMemory(question)).toEqual({ frozen: 5000, experts: 4000, gradients: 4000, optimizer: 8000, activations, total: 21_000 + activations });
    const forward = 4 * 4 * (8 * 10 + 3 * 20 + 100);
    expect(estimateEvaluationMemory(question)).toEqual({ frozen: 5000, experts: 2000, gradients: 0, optimizer: 0, activations: forward, total: 7000 + forward });
    const allMoe = { ...question, topology: { ...question.topology, moeLayers: [0, 1, 2] } };
    expect(estimateEvaluationMemory(allMoe).activations).toBe(4 * 4 * (8 * 10 + 3 * 2 * 7 + 100));
  });
});
