/**
 * The tables of Subtensor's own multi-epoch tests (`vectors/yuma-published.json`).
 * @module
 */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { YumaInput, YumaRow } from '../src/yuma/input.ts';

/** Three validators from uid 0 on, servers behind them; one row of each list per epoch. */
export interface PublishedCase {
  readonly name: string;
  readonly stakeRao: readonly number[];
  readonly liquidAlpha: boolean;
  /** What validators set before the epoch, on the servers; null where nothing is set. */
  readonly weights: readonly (readonly (readonly number[])[] | null)[];
  /** Of the validators, on the servers; null where the test says nothing. */
  readonly bonds: readonly (readonly (readonly number[])[] | null)[];
  readonly dividends: readonly (readonly number[] | null)[];
  /** Before this epoch bonds on the first server are dropped. */
  readonly reset: number | null;
}

/** u16 of all neurons, and rows of u16. */
interface EpochFigures {
  readonly dividends: readonly number[];
  readonly bonds: readonly YumaRow[];
}

/** The stored cases with the tests' tolerance. */
export const published = JSON.parse(readFileSync(new URL('vectors/yuma-published.json', import.meta.url), 'utf8')) as { readonly tolerance: number; readonly cases: readonly PublishedCase[] };

/** Parameters of Yuma3 that its tests share, `setup_yuma_3_scenario`, epoch.rs:2721. */
export const PUBLISHED_PARAMETERS = {
  kappa: 32_767,
  stakeThresholdRao: 0n,
  activityCutoffBlocks: 5_000,
  commitRevealWeightsEnabled: false,
  bondsMovingAverage: 975_000,
  bondsPenalty: 0,
  yuma3: true,
  alphaLow: 6_553,
  alphaHigh: 19_660,
  alphaSigmoidSteepness: 1_000,
  emissionRao: 1_000_000_000n,
} as const satisfies Partial<YumaInput>;

/** Compares an epoch's figures with what the test tells of it, to its tolerance: the tables have four decimals. @param first uid of the first validator */
export function checkPublished({ bonds, dividends }: PublishedCase, epoch: number, { figures, first }: { readonly figures: EpochFigures; readonly first: number }): void {
  dividends[epoch]?.forEach((dividend, uid) => checkFraction(figures.dividends[first + uid] as number, dividend));
  bonds[epoch]?.forEach((row, uid) => {
    const held = new Map(figures.bonds[first + uid]);
    row.forEach((bond, server) => checkFraction(held.get(first + 3 + server) ?? 0, bond));
  });
}

function checkFraction(value: number, expected: number): void {
  expect(Math.abs(value / 65_535 - expected)).toBeLessThan(published.tolerance);
}
