/**
 * Children: a hotkey lends parts of its stake to others on a subnet, after a cool-down; and what delegates and children take of
 * dividends.
 * @module
 * @see pallets/subtensor/src/staking/set_children.rs, increase_take.rs, decrease_take.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, ensureRoot, ensureSigned, type CallHandlers, type Execution } from './execution.ts';
import { checkRelations, inOrder, relates, replaceRelations, type Relation } from './child-relations.ts';
import { minChildkeyTake } from './payout.ts';
import { ensureLimit, noteLimited, passesLimit, SET_CHILDREN_BLOCKS } from './rate-limits.ts';
import { ROOT_NETUID } from './stake-weight.ts';
import { totalStakeOf } from './stake.ts';
import { hotkeyExists, ownsHotkey, subnetExists } from './subnet-lookup.ts';

type ChildrenNames =
  | 'set_children'
  | 'set_childkey_take'
  | 'increase_take'
  | 'decrease_take'
  | 'set_pending_childkey_cooldown'
  | 'set_auto_parent_delegation_enabled'
  | 'sudo_set_tx_childkey_take_rate_limit'
  | 'sudo_set_min_childkey_take'
  | 'sudo_set_max_childkey_take';

/** The pallet's calls. */
export const childrenCalls: Pick<CallHandlers<'SubtensorModule'>, ChildrenNames> = {
  set_children: (execution, origin, { hotkey, netuid, children }) => scheduleChildren(execution, ensureSigned(origin), { hotkey, netuid, children }),
  set_childkey_take: (execution, origin, { hotkey, netuid, take }) => setChildkeyTake(execution, ensureSigned(origin), { hotkey, netuid, take }),
  increase_take: (execution, origin, { hotkey, take }) => {
    const coldkey = ensureSigned(origin);
    const { Delegates, MaxDelegateTake, LastRateLimitedBlock, TxDelegateTakeRateLimit } = execution.storage.SubtensorModule;
    checkTaker(execution, coldkey, hotkey);
    ensure(!Delegates.has(hotkey) || take > Delegates.get(hotkey), 'SubtensorModule', 'DelegateTakeTooLow');
    ensure(take <= MaxDelegateTake.get(), 'SubtensorModule', 'DelegateTakeTooHigh');
    const last = LastRateLimitedBlock.get({ type: 'LastTxBlockDelegateTake', value: hotkey });
    const limit = TxDelegateTakeRateLimit.get();
    ensure(limit === 0n || last === 0n || execution.block - last > limit, 'SubtensorModule', 'DelegateTxRateLimitExceeded');
    setTake(execution, hotkey, take);
    execution.deposit('SubtensorModule', 'TakeIncreased', [coldkey, hotkey, take]);
  },
  decrease_take: (execution, origin, { hotkey, take }) => {
    const coldkey = ensureSigned(origin);
    const { Delegates, MinDelegateTake } = execution.storage.SubtensorModule;
    checkTaker(execution, coldkey, hotkey);
    ensure(!Delegates.has(hotkey) || take < Delegates.get(hotkey), 'SubtensorModule', 'DelegateTakeTooLow');
    ensure(take >= MinDelegateTake.get(), 'SubtensorModule', 'DelegateTakeTooLow');
    setTake(execution, hotkey, take);
    execution.deposit('SubtensorModule', 'TakeDecreased', [coldkey, hotkey, take]);
  },
  set_pending_childkey_cooldown: (execution, origin, { cooldown }) => {
    ensureRoot(origin);
    execution.storage.SubtensorModule.PendingChildKeyCooldown.set(cooldown);
  },
  set_auto_parent_delegation_enabled: (execution, origin, { hotkey, enabled }) => {
    const coldkey = ensureSigned(origin);
    const { Uids, AutoParentDelegationEnabled } = execution.storage.SubtensorModule;
    ensure(ownsHotkey(execution, coldkey, hotkey), 'SubtensorModule', 'NonAssociatedColdKey');
    ensure(Uids.has(ROOT_NETUID, hotkey), 'SubtensorModule', 'HotKeyNotRegisteredInSubNet');
    AutoParentDelegationEnabled.set(hotkey, enabled);
    execution.deposit('SubtensorModule', 'AutoParentDelegationEnabledSet', { hotkey, enabled });
  },
  sudo_set_tx_childkey_take_rate_limit: (execution, origin, { tx_rate_limit: blocks }) => {
    ensureRoot(origin);
    execution.storage.SubtensorModule.TxChildkeyTakeRateLimit.set(blocks);
    execution.deposit('SubtensorModule', 'TxChildKeyTakeRateLimitSet', [blocks]);
  },
  sudo_set_min_childkey_take: (execution, origin, { take }) => {
    ensureRoot(origin);
    execution.storage.SubtensorModule.MinChildkeyTake.set(take);
    execution.deposit('SubtensorModule', 'MinChildKeyTakeSet', [take]);
  },
  sudo_set_max_childkey_take: (execution, origin, { take }) => {
    ensureRoot(origin);
    execution.storage.SubtensorModule.MaxChildkeyTake.set(take);
    execution.deposit('SubtensorModule', 'MaxChildKeyTakeSet', [take]);
  },
};

/** Who changes a delegate's take must own it. */
function checkTaker(execution: Execution, coldkey: string, hotkey: string): void {
  ensure(hotkeyExists(execution, hotkey), 'SubtensorModule', 'HotKeyAccountNotExists');
  ensure(ownsHotkey(execution, coldkey, hotkey), 'SubtensorModule', 'NonAssociatedColdKey');
}

/** The guard of both take calls. @see guards/check_delegate_take.rs */
export function guardTake(execution: Execution, who: string, { hotkey, take }: { readonly hotkey: string; readonly take: number }): void {
  const { MinDelegateTake, MaxDelegateTake } = execution.storage.SubtensorModule;
  ensure(take >= MinDelegateTake.get(), 'SubtensorModule', 'DelegateTakeTooLow');
  ensure(take <= MaxDelegateTake.get(), 'SubtensorModule', 'DelegateTakeTooHigh');
  checkTaker(execution, who, hotkey);
}

function setTake(execution: Execution, hotkey: string, take: number): void {
  execution.storage.SubtensorModule.Delegates.set(hotkey, take);
  execution.storage.SubtensorModule.LastRateLimitedBlock.set({ type: 'LastTxBlockDelegateTake', value: hotkey }, execution.block);
}

function setChildkeyTake(execution: Execution, coldkey: string, { hotkey, netuid, take }: { hotkey: string; netuid: number; take: number }): void {
  const { ChildkeyTake, MaxChildkeyTake, TxChildkeyTakeRateLimit } = execution.storage.SubtensorModule;
  ensure(ownsHotkey(execution, coldkey, hotkey), 'SubtensorModule', 'NonAssociatedColdKey');
  const min = minChildkeyTake(execution, netuid);
  ensure(take >= min && take <= MaxChildkeyTake.get(), 'SubtensorModule', 'InvalidChildkeyTake');
  const limited = { kind: 'SetChildkeyTake', who: hotkey, netuid } as const;
  const rises = take > Math.max(ChildkeyTake.get(hotkey, netuid), min);
  ensure(!rises || passesLimit(execution, limited, TxChildkeyTakeRateLimit.get()), 'SubtensorModule', 'TxChildkeyTakeRateLimitExceeded');
  noteLimited(execution, limited);
  ChildkeyTake.set(hotkey, netuid, take);
  execution.deposit('SubtensorModule', 'ChildKeyTakeSet', [hotkey, take]);
}

interface ChildrenCall {
  readonly hotkey: string;
  readonly netuid: number;
  readonly children: readonly Relation[];
}

/** Children come into force at the first epoch after the cool-down; before the subnet is started, at once. */
export function scheduleChildren(execution: Execution, coldkey: string, { hotkey, netuid, children }: ChildrenCall): void {
  const { ParentKeys, PendingChildKeys, PendingChildKeyCooldown, StakeThreshold, SubnetOwnerHotkey, SubtokenEnabled } = execution.storage.SubtensorModule;
  const limited = { kind: 'SetChildren', who: hotkey, netuid } as const;
  ensureLimit(execution, limited, SET_CHILDREN_BLOCKS);
  ensure(netuid !== ROOT_NETUID, 'SubtensorModule', 'RegistrationNotPermittedOnRootSubnet');
  ensure(subnetExists(execution, netuid), 'SubtensorModule', 'SubnetNotExists');
  ensure(ownsHotkey(execution, coldkey, hotkey), 'SubtensorModule', 'NonAssociatedColdKey');
  ensure(new Set(children.map(([, child]) => child)).size === children.length, 'SubtensorModule', 'DuplicateChild');
  checkRelations(hotkey, children, ParentKeys.get(hotkey, netuid));
  const mayLend = children.length === 0 || totalStakeOf(execution, hotkey) >= StakeThreshold.get() || SubnetOwnerHotkey.get(netuid) === hotkey;
  ensure(mayLend, 'SubtensorModule', 'NotEnoughStakeToSetChildkeys');
  noteLimited(execution, limited);
  if (!SubtokenEnabled.get(netuid)) return applyChildren(execution, { hotkey, netuid, children });
  const from = execution.block + PendingChildKeyCooldown.get();
  PendingChildKeys.set(netuid, hotkey, [children, from]);
  execution.deposit('SubtensorModule', 'SetChildrenScheduled', [hotkey, netuid, from, children]);
}

/** After an epoch: children whose cool-down is over come into force; those that would break the rules by now do not. */
export function applyPendingChildren(execution: Execution, netuid: number): void {
  const { PendingChildKeys, SubtokenEnabled } = execution.storage.SubtensorModule;
  for (const [[, hotkey], [children, from]] of PendingChildKeys.entries(netuid)) {
    if (from >= execution.block && SubtokenEnabled.get(netuid)) continue;
    applyChildren(execution, { hotkey, netuid, children });
    PendingChildKeys.remove(netuid, hotkey);
  }
}

function applyChildren(execution: Execution, { hotkey, netuid, children }: ChildrenCall): void {
  const { ChildKeys, ParentKeys } = execution.storage.SubtensorModule;
  const kept = inOrder(children.filter(([, child]) => child !== hotkey));
  if (kept.some(([, child]) => relates(ParentKeys.get(hotkey, netuid), child))) return;
  replaceRelations([hotkey, netuid], { own: ChildKeys, others: ParentKeys, relations: kept });
  execution.deposit('SubtensorModule', 'SetChildren', [hotkey, netuid, children]);
}
