import { QUICKNET, roundTimeMs } from '@connito/commit-reveal';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertSchedule, BEACON_MARGIN_MS, beaconTimes, cycleMs, PHASES, phaseWindow, positionAt, type Schedule } from '../src/index.ts';
import { codeOfRun } from './code-of.ts';

const T0 = Date.UTC(2026, 0, 1);
/** DESIGN §3's default: 6,000 s. */
const DEFAULT: Schedule = { t0Ms: T0, distributeMs: 240_000, trainMs: 3_600_000, commitMs: 240_000, scoreMs: 1_320_000, publishMs: 600_000 };
const duration = fc.integer({ min: 60_000, max: 10_000_000 });
const schedule: fc.Arbitrary<Schedule> = fc.record({ t0Ms: fc.integer({ min: T0, max: 2 * T0 }), distributeMs: duration, trainMs: duration, commitMs: duration, scoreMs: duration, publishMs: duration });
const beacon = fc.record({ publicKey: fc.constant(new Uint8Array(96)), genesisTimeMs: fc.nat(T0 - 1), periodMs: fc.integer({ min: 1, max: 11_999 }) });

describe('the clock of a cycle', () => {
  it('gives every moment exactly one phase', () => {
    fc.assert(
      fc.property(schedule, fc.nat(1e12), (s, offset) => {
        const time = s.t0Ms + offset;
        const position = positionAt(s, time);
        expect(position).toBeDefined();
        const { cycle, phase, startMs, endMs } = position as NonNullable<typeof position>;
        expect(phaseWindow(s, cycle, phase)).toEqual({ startMs, endMs });
        expect(startMs <= time && time < endMs).toBe(true);
        const others = PHASES.filter((other) => other !== phase).map((other) => phaseWindow(s, cycle, other));
        expect(others.every((window) => time < window.startMs || time >= window.endMs)).toBe(true);
      }),
    );
  });

  it('has no gap between phases, nor between cycles', () => {
    fc.assert(
      fc.property(schedule, fc.nat(1e6), (s, cycle) => {
        const windows = PHASES.map((phase) => phaseWindow(s, cycle, phase));
        for (const [index, window] of windows.entries()) expect(window.startMs).toBe(index === 0 ? s.t0Ms + cycle * cycleMs(s) : windows[index - 1]?.endMs);
        expect(windows.at(-1)?.endMs).toBe(phaseWindow(s, cycle + 1, 'distribute').startMs);
      }),
    );
  });

  it('puts R1 and R2 at least 48 s after their phases, as early as the beacon allows, and inside the next phase', () => {
    fc.assert(
      fc.property(schedule, beacon, fc.nat(1e6), (s, b, cycle) => {
        assertSchedule(s, b);
        const { r1, r2 } = beaconTimes(s, b, cycle);
        for (const [round, before, inside] of [[r1, 'commit', 'score'], [r2, 'score', 'publish']] as const) {
          const late = round.timeMs - phaseWindow(s, cycle, before).endMs;
          expect(round.timeMs).toBe(roundTimeMs(b, round.round));
          expect(late).toBeGreaterThanOrEqual(BEACON_MARGIN_MS);
          expect(late - BEACON_MARGIN_MS).toBeLessThan(b.periodMs);
          expect(positionAt(s, round.timeMs)).toMatchObject({ cycle, phase: inside });
        }
      }),
    );
  });

  it('knows nothing before t0', () => {
    expect(positionAt(DEFAULT, T0 - 1)).toBeUndefined();
    expect(positionAt(DEFAULT, T0)).toEqual({ cycle: 0, phase: 'distribute', startMs: T0, endMs: T0 + 240_000 });
    expect(positionAt(DEFAULT, T0 + 6_000_000 + 240_000)).toMatchObject({ cycle: 1, phase: 'train' });
    expect(cycleMs(DEFAULT)).toBe(6_000_000);
  });
});

describe('schedules that cannot work', () => {
  it('the default can', () => {
    expect(codeOfRun(() => assertSchedule(DEFAULT, QUICKNET, { maxSpaceBytes: 3100, tempoBlocks: 360 }))).toBe('none');
  });

  it('lack a phase, or have it last no whole number of milliseconds', () => {
    for (const phase of PHASES) for (const ms of [0, -1, 0.5, Number.NaN, Infinity]) expect(codeOfRun(() => assertSchedule({ ...DEFAULT, [`${phase}Ms`]: ms }, QUICKNET))).toBe('bad-schedule');
    for (const t0Ms of [-1, 0.5, Number.NaN]) expect(codeOfRun(() => positionAt({ ...DEFAULT, t0Ms }, T0))).toBe('bad-schedule');
  });

  it('leave no room for a beacon round in the worst case', () => {
    const longest = BEACON_MARGIN_MS + QUICKNET.periodMs - 1;
    for (const phase of ['scoreMs', 'publishMs'] as const) {
      expect(codeOfRun(() => assertSchedule({ ...DEFAULT, [phase]: longest }, QUICKNET))).toBe('bad-schedule');
      expect(codeOfRun(() => assertSchedule({ ...DEFAULT, [phase]: longest + 1 }, QUICKNET))).toBe('none');
    }
    expect(codeOfRun(() => assertSchedule({ ...DEFAULT, t0Ms: 0 }, QUICKNET))).toBe('bad-schedule');
  });

  it('commit more bytes per tempo than the pallet takes', () => {
    const fast: Schedule = { t0Ms: T0, distributeMs: 12_000, trainMs: 60_000, commitMs: 12_000, scoreMs: 60_000, publishMs: 60_000 };
    // 4,320 s of tempo meet 22 cycles of 204 s: 22 × 203 = 4,466 bytes.
    expect(codeOfRun(() => assertSchedule(fast, QUICKNET, { maxSpaceBytes: 3100, tempoBlocks: 360 }))).toBe('bad-schedule');
    expect(codeOfRun(() => assertSchedule(fast, QUICKNET, { maxSpaceBytes: 4466, tempoBlocks: 360 }))).toBe('none');
    expect(codeOfRun(() => assertSchedule(fast, QUICKNET, { maxSpaceBytes: 4465, tempoBlocks: 360 }))).toBe('bad-schedule');
    expect(codeOfRun(() => assertSchedule(fast, QUICKNET, { maxSpaceBytes: 3100, tempoBlocks: 10 }))).toBe('none');
  });

  it('cycles and times that are none', () => {
    for (const cycle of [-1, 0.5, 2 ** 32]) expect(codeOfRun(() => phaseWindow(DEFAULT, cycle, 'train'))).toBe('bad-value');
    expect(codeOfRun(() => positionAt(DEFAULT, Number.NaN))).toBe('bad-value');
  });
});
