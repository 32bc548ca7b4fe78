/**
 * Rows of weights as the chain holds them.
 * @module
 */
import type { ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { openState } from '../internal/block-state.ts';
import { readEntries, readStorage, subtensor, toArray, toNumber, type Codec } from '../internal/storage.ts';
import type { WeightRow } from '../weight-vector.ts';
import { storageIndex } from './settings.ts';

/** Whose row. */
export interface WeightRowQuery extends ReadOptions {
  readonly netuid: number;
  /** Default 0, the first. */
  readonly mechanism?: number;
  readonly uid: number;
}

/** One validator's row; empty where it has set none. @throws bad-value, and as `Chain.request` */
export async function readWeightRow(chain: Chain, { netuid, mechanism = 0, uid, at }: WeightRowQuery): Promise<WeightRow> {
  const [row] = await readStorage(await openState(chain, at), [subtensor('Weights', storageIndex({ netuid, mechanism }), uid)]);
  return decodePairs(row);
}

/** All rows of a subnet by the uid that set them. @throws bad-value, and as `Chain.request` */
export async function readWeights(chain: Chain, query: Omit<WeightRowQuery, 'uid'>): Promise<ReadonlyMap<number, WeightRow>> {
  return readRows(chain, 'Weights', query);
}

/** All bonds of a subnet by the uid that holds them: u16 fractions by uid. @throws bad-value, and as `Chain.request` */
export async function readBonds(chain: Chain, query: Omit<WeightRowQuery, 'uid'>): Promise<ReadonlyMap<number, WeightRow>> {
  return readRows(chain, 'Bonds', query);
}

/** Whether two rows are the same, uid by uid in the same order. */
export function isSameRow(a: WeightRow, b: WeightRow): boolean {
  return a.uids.join() === b.uids.join() && a.values.join() === b.values.join();
}

async function readRows(chain: Chain, item: 'Weights' | 'Bonds', { netuid, mechanism = 0, at }: Omit<WeightRowQuery, 'uid'>): Promise<ReadonlyMap<number, WeightRow>> {
  const entries = await readEntries(await openState(chain, at), subtensor(item, storageIndex({ netuid, mechanism })));
  // Identity hasher: the rest of the key is the uid, u16 little-endian.
  const rows = entries.map(({ key, value }): [number, WeightRow] => [(key[0] ?? 0) + 256 * (key[1] ?? 0), decodePairs(value)]);
  return new Map(rows.sort(([a], [b]) => a - b));
}

function decodePairs(row: Codec | undefined): WeightRow {
  const pairs = toArray(row).map((pair) => toArray(pair).map(toNumber));
  return { uids: pairs.map(([uid]) => uid as number), values: pairs.map(([, value]) => value as number) };
}
