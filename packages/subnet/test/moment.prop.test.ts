import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveBeaconKey } from '@connito/commit-reveal';
import { cycleMs } from '@connito/chain';
import { MOMENTS, momentAtIndex, momentIndexAt, type Timetable } from '../src/moment.ts';

const { publicKey } = deriveBeaconKey(new Uint8Array([7]));

/** Schedules that leave room for both rounds: 48 s and a period after their phase's start. */
const timetables: fc.Arbitrary<Timetable> = fc
  .record({
    t0Ms: fc.integer({ min: 0, max: 2_000_000_000_000 }),
    distributeMs: fc.integer({ min: 1, max: 1_000_000 }),
    trainMs: fc.integer({ min: 1, max: 10_000_000 }),
    commitMs: fc.integer({ min: 1, max: 1_000_000 }),
    scoreMs: fc.integer({ min: 60_000, max: 1_000_000 }),
    publishMs: fc.integer({ min: 60_000, max: 1_000_000 }),
  })
  .map((schedule) => ({ schedule, beacon: { publicKey, genesisTimeMs: 0, periodMs: 3_000 } }));

describe('moments', () => {
  it('follow one another without gaps, in every cycle', () => {
    fc.assert(
      fc.property(timetables, fc.integer({ min: 0, max: 5_000 }), (timetable, index) => {
        const moment = momentAtIndex(timetable, index);
        expect(moment.timeMs).toBeLessThan(moment.endsMs);
        expect(momentAtIndex(timetable, index + 1).timeMs).toBe(moment.endsMs);
        expect(moment.name).toBe(MOMENTS[index % MOMENTS.length]);
      }),
    );
  });

  it('are found again from any time in them', () => {
    fc.assert(
      fc.property(timetables, fc.integer({ min: 0, max: 5_000 }), fc.nat(), (timetable, index, offset) => {
        const { timeMs, endsMs } = momentAtIndex(timetable, index);
        expect(momentIndexAt(timetable, timeMs + (offset % (endsMs - timeMs)))).toBe(index);
        expect(momentIndexAt(timetable, endsMs)).toBe(index + 1);
      }),
    );
  });

  it('leave 48 s between the end of a phase and the round that opens it', () => {
    fc.assert(
      fc.property(timetables, fc.integer({ min: 0, max: 500 }), (timetable, cycle) => {
        const [upload, open, publish, reveal] = [3, 4, 5, 6].map((position) => momentAtIndex(timetable, cycle * MOMENTS.length + position));
        expect((open?.timeMs ?? 0) - (upload?.timeMs ?? 0)).toBeGreaterThanOrEqual(48_000);
        expect((reveal?.timeMs ?? 0) - (publish?.timeMs ?? 0)).toBeGreaterThanOrEqual(48_000);
      }),
    );
  });

  it('are −1 before the task begins, and as long as the phases together', () => {
    fc.assert(
      fc.property(timetables, (timetable) => {
        expect(momentIndexAt(timetable, timetable.schedule.t0Ms - 1)).toBe(-1);
        expect(momentAtIndex(timetable, MOMENTS.length).timeMs - momentAtIndex(timetable, 0).timeMs).toBe(cycleMs(timetable.schedule));
      }),
    );
  });
});
