import { describe, expect, it, vi } from 'vitest';
import { phaseWindow } from '@connito/chain';
import type { RoleContext } from '../src/context.ts';
import { executeMinerEffect } from '../src/miner-effects.ts';
import { beaconOf, scheduleOf } from '../src/task-manifest.ts';
import type { UpdateStrategy } from '../src/update-strategy.ts';
import { exampleManifest } from './example-manifest.ts';

const timetable = { schedule: scheduleOf(exampleManifest), beacon: beaconOf(exampleManifest) };
const { endMs } = phaseWindow(timetable.schedule, 0, 'commit');
const version = { number: 0, root: 'aa'.repeat(32), artifact: null };

function contextAt(timestampMs: number): RoleContext {
  const chain = { finalisedHead: () => Promise.resolve({ number: 1, hash: '0x', timestampMs }) };
  return { chain, timetable, manifest: exampleManifest, versions: { load: () => Promise.resolve({ version, weights: new Map(), velocity: null }) }, report: () => {} } as unknown as RoleContext;
}

describe('executeMinerEffect', () => {
  it('does not train for a cycle whose commit phase has ended', async () => {
    const strategy = vi.fn<UpdateStrategy>().mockResolvedValue({ update: null, steps: 0, loss: null });
    const effect = { kind: 'train', cycle: 0, version } as const;
    await expect(executeMinerEffect(contextAt(endMs), strategy, effect)).rejects.toMatchObject({ code: 'late' });
    expect(strategy).not.toHaveBeenCalled();
    expect(await executeMinerEffect(contextAt(endMs - 1), strategy, effect)).toEqual({ kind: 'trained', cycle: 0, update: null });
  });

  it('does not commit for it either', async () => {
    const update = { sha256: '00'.repeat(32), sizeBytes: 1, updateRoot: '00'.repeat(32), salt: '00'.repeat(32) };
    await expect(executeMinerEffect(contextAt(endMs), vi.fn<UpdateStrategy>(), { kind: 'commit', cycle: 0, update })).rejects.toMatchObject({ code: 'late' });
  });
});
