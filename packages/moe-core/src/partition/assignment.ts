/**
 * Who trains what: miners to expert groups, shards to miners. From public inputs alone, so that everybody derives the same, and stable: a miner
 * that joins or leaves moves only what it takes or held (`rendezvous.ts`).
 *
 * Draws are independent, as they must be for that: shares match capacities on average, not exactly. With few miners a group can go empty:
 * with M miners and a group of share p that happens with probability `(1 − p)^M`.
 * @module
 */
import { MoeError } from '../errors.ts';
import { compareCodePoints } from '../internal/code-points.ts';
import { createRanking, type HashFunction, type RendezvousNode } from './rendezvous.ts';

/** What every assignment is drawn from. */
export interface AssignmentSeed {
  /** Public randomness, such as a beacon's; another seed is another assignment. */
  readonly seed: Uint8Array;
  /** SHA-256 in Connito. */
  readonly hash: HashFunction;
}

/** A miner that takes shards. */
export type ShardMiner = RendezvousNode;

/** A miner that takes one group. */
export interface GroupMiner {
  /** Its hotkey. */
  readonly id: string;
  /** Memory that it offers; without it every group fits. */
  readonly memoryBytes?: number;
}

/** A group that wants miners. */
export interface WantedGroup {
  readonly id: string;
  /** Share of the miners, relative to other groups'; above 0. */
  readonly weight: number;
  /** Memory that a miner needs for it; without it every miner fits. */
  readonly neededBytes?: number;
}

/**
 * Shards to miners, each to the `copies` that come first for it (fewer where there are fewer miners).
 * @returns miner to its shards, miners and shards in code point order; miners without shards are there with none
 * @throws assignment-invalid
 * @example
 * const shards = assignShards({ seed: randomness, hash: sha256, shards: ['train-0000', 'train-0001'], miners: [{ id: hotkey, capacity: 4 }] });
 */
export function assignShards(options: AssignmentSeed & { readonly shards: readonly string[]; readonly miners: readonly ShardMiner[]; readonly copies?: number }): ReadonlyMap<string, readonly string[]> {
  const { seed, hash, shards, miners, copies = 1 } = options;
  if (!Number.isInteger(copies) || copies < 1) throw invalid('copies', `expected an integer from 1, got ${copies}`);
  assertUnique('shards', shards);
  const rank = createRanking({ tag: 'connito/assign-shards/v1', seed, hash }, miners);
  const taken = new Map<string, string[]>(sorted(miners.map(({ id }) => id)).map((id) => [id, []]));
  for (const shard of sorted(shards)) {
    for (const { id } of rank(shard).slice(0, copies)) taken.get(id)!.push(shard);
  }
  return taken;
}

/**
 * Miners to groups: each to the first group for it whose need fits its memory. A miner's group depends on that miner and the groups only, so
 * miners that join or leave move nobody.
 * @returns miner to group, in code point order, and the miners that no group fits
 * @throws assignment-invalid
 */
export function assignMiners(options: AssignmentSeed & { readonly miners: readonly GroupMiner[]; readonly groups: readonly WantedGroup[] }): { readonly groups: ReadonlyMap<string, string>; readonly unassigned: readonly string[] } {
  const { seed, hash, miners, groups } = options;
  assertUnique('miners', miners.map(({ id }) => id));
  const needs = new Map(groups.map(({ id, neededBytes = 0 }) => [id, neededBytes]));
  const rank = createRanking({ tag: 'connito/assign-miners/v1', seed, hash }, groups.map(({ id, weight }) => ({ id, capacity: weight })));
  const assigned = new Map<string, string>();
  const unassigned: string[] = [];
  for (const { id, memoryBytes = Infinity } of miners.toSorted((a, b) => compareCodePoints(a.id, b.id))) {
    const group = rank(id).find((candidate) => needs.get(candidate.id)! <= memoryBytes);
    if (group === undefined) unassigned.push(id);
    else assigned.set(id, group.id);
  }
  return { groups: assigned, unassigned };
}

function sorted(ids: readonly string[]): string[] {
  return ids.toSorted(compareCodePoints);
}

function assertUnique(field: string, ids: readonly string[]): void {
  const seen = new Set<string>();
  for (const id of ids) {
    if (id === '' || seen.has(id)) throw invalid(field, `expected ids that are unique and not empty, got "${id}" ${id === '' ? '' : 'twice'}`);
    seen.add(id);
  }
}

function invalid(field: string, message: string): MoeError<'assignment-invalid'> {
  return new MoeError('assignment-invalid', { message: `assignment, ${field}: ${message}`, context: { field } });
}
