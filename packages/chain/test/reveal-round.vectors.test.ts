import { readFileSync } from 'node:fs';
import { QUICKNET } from '@connito/commit-reveal';
import { describe, expect, it } from 'vitest';
import { expectReveal } from '../src/weights/reveal-round.ts';

interface Common {
  readonly tempo: number;
  readonly block: number;
  readonly period: number;
  readonly blockTime: number;
  readonly now: number;
}
interface Vectors {
  readonly stateful: readonly (Common & { lastEpochBlock: number; pendingEpochAt: number; epochIndex: number; blocksSinceLastStep: number; round: number | null })[];
  readonly formula: readonly (Common & { netuid: number; round: number })[];
}

const vectors = JSON.parse(readFileSync(new URL('vectors/reveal-rounds.json', import.meta.url), 'utf8')) as Vectors;

const timing = ({ period, blockTime, now }: Common) => ({ periodEpochs: period, blockTimeMs: blockTime * 1000, nowMs: now * 1000, beacon: QUICKNET });

describe('the reveal round', () => {
  it('is that of bittensor-drand 2.0.0 and bittensor-core where epochs go by state', () => {
    expect(vectors.stateful.length).toBe(160);
    for (const vector of vectors.stateful) {
      const { lastEpochBlock, pendingEpochAt, epochIndex, blocksSinceLastStep, tempo, block, round } = vector;
      const state = { netuid: 1, blockNumber: block, tempoBlocks: tempo, schedule: { lastEpochBlock, pendingEpochAt, epochIndex, blocksSinceLastStep } };
      const own = (): number | null => {
        try {
          return expectReveal({ state, ...timing(vector) }).round;
        } catch {
          return null;
        }
      };
      expect([vector, own()]).toEqual([vector, round]);
    }
  });

  it('is that of bittensor-drand 1.2.0 where epochs go by formula', () => {
    expect(vectors.formula.length).toBe(120);
    for (const vector of vectors.formula) {
      const state = { netuid: vector.netuid, blockNumber: vector.block, tempoBlocks: vector.tempo, schedule: undefined };
      expect([vector, expectReveal({ state, ...timing(vector) }).round]).toEqual([vector, vector.round]);
    }
  });
});
