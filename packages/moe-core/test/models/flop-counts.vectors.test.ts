import { describe, expect, it } from 'vitest';
import { countFlops, parseTopology } from '../../src/index.ts';
import { readVectors } from '../vectors/read-vectors.ts';

interface Case {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly forward: number;
  readonly everything: number;
  readonly experts: Readonly<Record<string, number>>;
}

const { rows, positions, cases } = readVectors<{ rows: number; positions: number; cases: readonly Case[] }>('flop-counts');

describe.each(cases)('$name', ({ config, forward, everything, experts }) => {
  const topology = parseTopology(config);
  const step = { topology, rows, sequenceLength: positions };
  const assignments = rows * positions * topology.expertsPerToken;

  it('has the operations that torch counts, forward and with all gradients', () => {
    expect(countFlops(step)).toEqual({ forward, activationGradients: 0, weightGradients: 0, total: forward });
    expect(countFlops({ ...step, trained: 'everything' }).total).toBe(everything);
  });

  it('and with those of the experts of one layer', () => {
    for (const [layer, total] of Object.entries(experts)) expect(countFlops({ ...step, trained: new Map([[Number(layer), assignments]]) }).total).toBe(total);
  });
});

describe('countFlops of partial models', () => {
  const [{ config }] = cases as [Case];
  const topology = parseTopology(config);
  const step = { topology, rows, sequenceLength: positions };
  const expert = 6 * topology.hiddenSize * topology.expertWidth;
  const all = rows * positions * topology.expertsPerToken;

  it('leaves out what goes to absent experts, and gradients of those that are frozen', () => {
    const full = countFlops(step).forward;
    expect(countFlops({ ...step, assignments: new Map([[0, 5], [2, 0], [3, all]]) }).forward).toBe(full - expert * (2 * all - 5));
    const [few, many] = [countFlops({ ...step, trained: new Map([[2, 3], [3, 4]]) }), countFlops({ ...step, trained: new Map([[2, 3], [3, 9]]) })];
    expect(few.weightGradients).toBe(expert * 7);
    expect(many.activationGradients).toBe(few.activationGradients);
    expect(few.forward).toBe(full);
  });
});
