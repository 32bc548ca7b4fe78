/**
 * The tables of Subtensor's own multi-epoch tests (`vectors/yuma-published.json`).
 * @module
 */
import { readFileSync } from 'node:fs';

/** Three validators from uid 0 on, servers behind them; one row of each list per epoch. */
export interface PublishedCase {
  readonly name: string;
  readonly stakeRao: readonly number[];
  readonly liquidAlpha: boolean;
  /** What validators set before the epoch, on the servers; null where nothing is set. */
  readonly weights: readonly (readonly (readonly number[])[] | null)[];
  /** Of the validators, on the servers. */
  readonly bonds: readonly (readonly (readonly number[])[])[];
  readonly dividends: readonly (readonly number[])[];
}

/** The stored cases with the tests' tolerance. */
export const published = JSON.parse(readFileSync(new URL('vectors/yuma-published.json', import.meta.url), 'utf8')) as { readonly tolerance: number; readonly cases: readonly PublishedCase[] };
