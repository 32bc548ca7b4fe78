/**
 * The moments of a cycle at which a participant has something to do: the five phases of DESIGN §3, and the two beacon rounds that
 * open what was committed. Pure functions of the schedule, numbered through from cycle 0 so that "the next one" is `index + 1`.
 *
 * @module
 */
import { beaconTimes, cycleMs, phaseWindow, type Schedule } from '@connito/chain';
import type { Beacon } from '@connito/commit-reveal';

/**
 * `upload` is the start of the score phase, `open` is beacon round R1, `reveal` is R2.
 */
export type MomentName = 'distribute' | 'train' | 'commit' | 'upload' | 'open' | 'publish' | 'reveal';

/** In the order of time. */
export const MOMENTS: readonly MomentName[] = ['distribute', 'train', 'commit', 'upload', 'open', 'publish', 'reveal'];

/** One moment: it begins at `timeMs` and lasts until the next one begins, `endsMs`; chain time. */
export interface Moment {
  readonly index: number;
  readonly cycle: number;
  readonly name: MomentName;
  readonly timeMs: number;
  readonly endsMs: number;
}

/** When things happen: the manifest's schedule and beacon. */
export interface Timetable {
  readonly schedule: Schedule;
  readonly beacon: Beacon;
}

/** The moment with this running number, `7 · cycle + position`. */
export function momentAtIndex(timetable: Timetable, index: number): Moment {
  const cycle = Math.floor(index / MOMENTS.length);
  const name = MOMENTS[index % MOMENTS.length] as MomentName;
  return { index, cycle, name, timeMs: momentTimeMs(timetable, cycle, name), endsMs: nextTimeMs(timetable, index) };
}

/** The running number of the moment that chain time `timeMs` falls in; −1 before the task begins. */
export function momentIndexAt(timetable: Timetable, timeMs: number): number {
  const cycle = Math.floor((timeMs - timetable.schedule.t0Ms) / cycleMs(timetable.schedule));
  if (cycle < 0) return -1;
  const position = MOMENTS.findLastIndex((name) => momentTimeMs(timetable, cycle, name) <= timeMs);
  return cycle * MOMENTS.length + position;
}

/** The rounds R1 and R2 of a cycle. */
export function beaconTimesOf({ schedule, beacon }: Timetable, cycle: number): ReturnType<typeof beaconTimes> {
  return beaconTimes(schedule, beacon, cycle);
}

function nextTimeMs(timetable: Timetable, index: number): number {
  const next = index + 1;
  return momentTimeMs(timetable, Math.floor(next / MOMENTS.length), MOMENTS[next % MOMENTS.length] as MomentName);
}

function momentTimeMs({ schedule, beacon }: Timetable, cycle: number, name: MomentName): number {
  switch (name) {
    case 'open':
      return beaconTimes(schedule, beacon, cycle).r1.timeMs;
    case 'reveal':
      return beaconTimes(schedule, beacon, cycle).r2.timeMs;
    case 'upload':
      return phaseWindow(schedule, cycle, 'score').startMs;
    default:
      return phaseWindow(schedule, cycle, name).startMs;
  }
}
