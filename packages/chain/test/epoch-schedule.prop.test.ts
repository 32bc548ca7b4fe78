/**
 * When epochs are, told ahead: the same as going from block to block.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochAfter, epochIndexAt, epochStartBlock, nextEpochBlock, runsEpoch, type EpochState } from '../src/index.ts';

const states: fc.Arbitrary<EpochState> = fc
  .record({ netuid: fc.nat(200), tempoBlocks: fc.integer({ min: 1, max: 40 }), blockNumber: fc.integer({ min: 100, max: 5_000 }), since: fc.nat(39), pendingIn: fc.option(fc.integer({ min: 1, max: 39 }), { nil: undefined }), epochIndex: fc.nat(100), isFormula: fc.boolean() })
  .map(({ netuid, tempoBlocks, blockNumber, since, pendingIn, epochIndex, isFormula }) => {
    const lastEpochBlock = blockNumber - (since % tempoBlocks);
    const schedule = { lastEpochBlock, pendingEpochAt: pendingIn === undefined ? 0 : blockNumber + pendingIn, epochIndex, blocksSinceLastStep: blockNumber - lastEpochBlock };
    return { netuid, tempoBlocks, blockNumber, schedule: isFormula ? undefined : schedule };
  });

/** The blocks of the next epochs with the index that each begins, one block after the other. */
function walk(state: EpochState, epochs: number): { readonly block: number; readonly index: number }[] {
  const found: { block: number; index: number }[] = [];
  let now = state;
  for (let block = state.blockNumber + 1; found.length < epochs; block++) {
    const runs = runsEpoch(now, block);
    if (runs) found.push({ block, index: epochIndexAt(now, block) });
    if (now.schedule === undefined) continue;
    const schedule = runs ? { lastEpochBlock: block, pendingEpochAt: 0, epochIndex: now.schedule.epochIndex + 1, blocksSinceLastStep: 0 } : { ...now.schedule, blocksSinceLastStep: now.schedule.blocksSinceLastStep + 1 };
    now = { ...now, blockNumber: block, schedule };
  }
  return found;
}

describe('epochs told ahead', () => {
  it('are those that come', () => {
    fc.assert(
      fc.property(states, fc.nat(100), (state, ahead) => {
        const epochs = walk(state, 4);
        expect(nextEpochBlock(state)).toBe(epochs[0]?.block);
        for (const { block, index } of epochs) expect(epochStartBlock(state, index)).toBe(block);
        const [first, , , last] = epochs as [{ index: number }, unknown, unknown, { block: number }];
        expect(epochStartBlock(state, first.index - 1)).toBeUndefined();
        const after = state.blockNumber + (ahead % (last.block - state.blockNumber));
        expect(epochAfter(state, after)).toBe(epochs.find(({ block }) => block > after)?.block);
      }),
    );
  });

  it('are none without a tempo', () => {
    const state: EpochState = { netuid: 1, tempoBlocks: 0, blockNumber: 9, schedule: undefined };
    expect([epochAfter(state, 20), epochStartBlock(state, 3)]).toEqual([undefined, undefined]);
  });
});
