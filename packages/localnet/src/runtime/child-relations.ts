/**
 * Who lends stake to whom on a subnet: `ChildKeys` of the parent and `ParentKeys` of the child say the same.
 * @module
 * @see pallets/subtensor/src/staking/set_children.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, type Execution } from './execution.ts';

/** `[part of 2^64 − 1, hotkey]`. */
export type Relation = readonly [bigint, string];

const MAX_CHILDREN = 5;
const U64_MAX: bigint = (1n << 64n) - 1n;

type RelationsItem = Execution['storage']['SubtensorModule']['ChildKeys'];

/** Nobody is its own child, nor child and parent at once; there are five children at most, of no more than the whole. */
export function checkRelations(hotkey: string, children: readonly Relation[], parents: readonly Relation[]): void {
  ensure(!relates(children, hotkey), 'SubtensorModule', 'InvalidChild');
  ensure(children.length <= MAX_CHILDREN, 'SubtensorModule', 'TooManyChildren');
  ensure(children.reduce((sum, [part]) => sum + part, 0n) <= U64_MAX, 'SubtensorModule', 'ProportionOverflow');
  ensure(!children.some(([, child]) => relates(parents, child)), 'SubtensorModule', 'ChildParentInconsistency');
}

/** Whether the hotkey is among them. */
export function relates(relations: readonly Relation[], hotkey: string): boolean {
  return relations.some(([, other]) => other === hotkey);
}

/** The relation changed in its place, added at the end, or taken out. */
export function withRelation(relations: readonly Relation[], to: string, part: bigint | undefined): readonly Relation[] {
  if (part === undefined) return relations.filter(([, other]) => other !== to);
  if (!relates(relations, to)) return [...relations, [part, to]];
  return relations.map(([old, other]) => (other === to ? [part, other] : [old, other]));
}

/** Stores relations; none are no entry. */
export function setRelations(item: RelationsItem, [hotkey, netuid]: readonly [string, number], relations: readonly Relation[]): void {
  if (relations.length === 0) item.remove(hotkey, netuid);
  else item.set(hotkey, netuid, relations);
}

/** Each hotkey once, by account: how the chain writes what it has read into a map. */
export function inOrder(relations: readonly Relation[]): readonly Relation[] {
  return [...relations].sort(([, a], [, b]) => (a < b ? -1 : 1));
}

/** Gives a hotkey's children, parents and scheduled children to another hotkey on a subnet (`parent_child_swap_hotkey`). */
export function moveRelations(execution: Execution, netuid: number, { from, to }: { readonly from: string; readonly to: string }): void {
  const { ChildKeys, ParentKeys, PendingChildKeys } = execution.storage.SubtensorModule;
  const children = inOrder(ChildKeys.get(from, netuid).filter(([, child]) => child !== from));
  const parents = inOrder(ParentKeys.get(from, netuid).filter(([, parent]) => parent !== from));
  ensure(!children.some(([, child]) => relates(parents, child)), 'SubtensorModule', 'ChildParentInconsistency');
  for (const [, child] of children) setRelations(ParentKeys, [child, netuid], withRelation(ParentKeys.get(child, netuid), from, undefined));
  for (const [, parent] of parents) ChildKeys.set(parent, netuid, withRelation(ChildKeys.get(parent, netuid), from, undefined));
  // The chain leaves an empty list here, not nothing.
  ChildKeys.set(from, netuid, []);
  ParentKeys.remove(from, netuid);
  ensure(!relates(children, to) && !relates(parents, to), 'SubtensorModule', 'InvalidChild');
  if (PendingChildKeys.has(netuid, from)) {
    const pending = PendingChildKeys.get(netuid, from);
    checkRelations(to, pending[0], parents);
    PendingChildKeys.remove(netuid, from);
    PendingChildKeys.set(netuid, to, pending);
  }
  replaceRelations([to, netuid], { own: ChildKeys, others: ParentKeys, relations: children });
  replaceRelations([to, netuid], { own: ParentKeys, others: ChildKeys, relations: parents });
}

/** One side of a hotkey's relations. */
export interface Replacement {
  readonly own: RelationsItem;
  readonly others: RelationsItem;
  readonly relations: readonly Relation[];
}

/** Writes a hotkey's relations on one side, and the other side of those that it has and of those that it had. */
export function replaceRelations([hotkey, netuid]: readonly [string, number], { own, others, relations }: Replacement): void {
  const before = own.get(hotkey, netuid);
  setRelations(own, [hotkey, netuid], relations);
  for (const [, other] of [...before, ...relations]) {
    const part = relations.find(([, to]) => to === other)?.[0];
    setRelations(others, [other, netuid], withRelation(others.get(other, netuid), hotkey, part));
  }
}
