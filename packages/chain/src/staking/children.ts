/**
 * Child keys: lending parts of a hotkey's stake weight on a subnet to others. A change counts at the first epoch after a cool-down; before the subnet is started, at once.
 * @see pallets/subtensor/src/staking/set_children.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { resolveBlock, type ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { EPOCH_ITEMS, epochAfter, epochStateOf } from '../epoch-schedule.ts';
import type { Inclusion, SendOptions } from '../extrinsic.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid, type Hotkey } from '../identifier.ts';
import { openState, type BlockState } from '../internal/block-state.ts';
import { subtensorCall } from '../internal/own-call.ts';
import { isAccount, readPresent, readStorage, subtensor, toArray, toBigInt, toBoolean, toBytes, toNumber, type Codec } from '../internal/storage.ts';
import { createPlan, formatTao, sendPlan, type Check, type Plan } from '../plan.ts';
import { readHotkeyWorth } from './hotkey-worth.ts';

/** A child key and its part of the parent's stake weight. */
export interface ChildKey {
  readonly hotkey: string;
  /** Of 2^64 - 1. All together at most that. */
  readonly proportion: bigint;
}

/** As the chain has it. */
export type StoredChildKey = ChildKey & { readonly hotkey: Hotkey };

/** Child keys that were set and do not count yet. */
export interface PendingChildren {
  /** None: all are taken back. */
  readonly children: readonly StoredChildKey[];
  /** They count from the first epoch after this block on. */
  readonly coolDownBlock: number;
  /** The block of that epoch, as tempo and schedule stand now; undefined where the subnet has no epochs. */
  readonly effectiveBlock: number | undefined;
}

/** Options of {@link planChildren}. */
export interface ChildrenOptions {
  readonly netuid: number;
  /** The parent. */
  readonly hotkey: string;
  /** At most five; none takes them all back. */
  readonly children: readonly ChildKey[];
}

/** What a change of child keys is judged by. */
export interface ChildrenFigures {
  /** The child keys that count now. */
  readonly children: readonly StoredChildKey[];
  /** Those that were set before and do not count yet; the change takes their place. */
  readonly pending: PendingChildren | undefined;
  /** When the change would count if the next block had it: the next block itself before the subnet is started; undefined where the subnet has no epochs. */
  readonly effectiveBlock: number | undefined;
}

const MAX_CHILDREN = 5;
const U64_MAX = (1n << 64n) - 1n;
/** `TransactionType::SetChildren`: its number, and the blocks between two changes. */
const SET_CHILDREN = { transaction: 0, blocks: 150 };

/** A change of child keys with what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planChildren(chain: Chain, options: ChildrenOptions & { readonly account: string }): Promise<Plan<ChildrenFigures>> {
  const netuid = parseNetuid(options.netuid);
  const [hotkey, account] = [parseHotkey(options.hotkey), parseHotkey(options.account)];
  const children = options.children.map((child) => ({ hotkey: parseHotkey(child.hotkey), proportion: child.proportion }));
  const { number, hash } = await chain.finalisedHead();
  const state = await openState(chain, hash);
  const family = await readFamily(state, { netuid, hotkey, blockNumber: number });
  const checks = [...(await rightChecks(state, { netuid, hotkey, account, number })), ...relationChecks(hotkey, children, family.parents), ...(await stakeChecks(chain, { netuid, hotkey, hash, isEmpty: children.length === 0 }))];
  const { isStarted, effectiveAfter } = family;
  const effectiveBlock = isStarted ? effectiveAfter(number + 1 + family.coolDownBlocks) : number + 1;
  const call = subtensorCall(chain, 'set_children', [hotkey, netuid, children.map((child) => [child.proportion, child.hotkey])]);
  return createPlan(chain, { call, account, figures: { children: family.children, pending: family.pending, effectiveBlock }, checks });
}

/**
 * Lends parts of a hotkey's stake weight to child keys; counts after the chain's cool-down. Signed by the hotkey's coldkey.
 * @throws bad-address, bad-value, refused (`TxRateLimitExceeded`, `RegistrationNotPermittedOnRootSubnet`, `SubnetNotExists`, `NonAssociatedColdKey`, `DuplicateChild`, `InvalidChild`, `TooManyChildren`,
 * `ProportionOverflow`, `ChildParentInconsistency`, `NotEnoughStakeToSetChildkeys`), and as `sendCall`
 */
export async function setChildren(chain: Chain, options: ChildrenOptions & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planChildren(chain, { ...options, account: options.signer.hotkey }), options);
}

/** Which parent. */
export interface ChildrenQuery extends ReadOptions {
  readonly netuid: number;
  readonly hotkey: string;
}

/** The child keys of a hotkey on a subnet that count now. @throws bad-address, bad-value, and as `Chain.request` */
export async function readChildren(chain: Chain, { netuid, hotkey, at }: ChildrenQuery): Promise<readonly StoredChildKey[]> {
  const [children] = await readStorage(await openState(chain, at), [subtensor('ChildKeys', parseHotkey(hotkey), parseNetuid(netuid))]);
  return decodeChildren(children);
}

/**
 * The child keys of a hotkey on a subnet that were set and do not count yet; undefined where there are none. The chain drops them without a word where one of them has become a parent by then, and where
 * stake is removed until the hotkey has less than the threshold.
 * @throws bad-address, bad-value, and as `Chain.request`
 */
export async function readPendingChildren(chain: Chain, { netuid, hotkey, at }: ChildrenQuery): Promise<PendingChildren | undefined> {
  const { hash, number } = await resolveBlock(chain, at);
  return (await readFamily(await openState(chain, hash), { netuid: parseNetuid(netuid), hotkey: parseHotkey(hotkey), blockNumber: number })).pending;
}

interface Family {
  readonly children: readonly StoredChildKey[];
  readonly parents: ReadonlySet<string>;
  readonly pending: PendingChildren | undefined;
  readonly coolDownBlocks: number;
  readonly isStarted: boolean;
  /** The first epoch after a block. */
  effectiveAfter(block: number): number | undefined;
}

async function readFamily(state: BlockState, { netuid, hotkey, blockNumber }: { readonly netuid: number; readonly hotkey: Hotkey; readonly blockNumber: number }): Promise<Family> {
  const own = [subtensor('ChildKeys', hotkey, netuid), subtensor('ParentKeys', hotkey, netuid), subtensor('PendingChildKeys', netuid, hotkey), subtensor('PendingChildKeyCooldown'), subtensor('SubtokenEnabled', netuid)];
  const [children, parents, waiting, coolDown, started, ...epochs] = await readPresent(state, [...own, ...EPOCH_ITEMS.map((item) => subtensor(item, netuid))]);
  const epoch = epochStateOf(state, { netuid, blockNumber, values: epochs });
  const isStarted = toBoolean(started);
  // What was set before the start comes with the next epoch.
  const effectiveAfter = (block: number): number | undefined => epochAfter(epoch, isStarted ? block : blockNumber);
  const [pendingChildren, coolDownBlock] = toArray(waiting);
  // The default of an entry that is not there.
  const isPending = toNumber(coolDownBlock) > 0;
  const pending = isPending ? { children: decodeChildren(pendingChildren), coolDownBlock: toNumber(coolDownBlock), effectiveBlock: effectiveAfter(toNumber(coolDownBlock)) } : undefined;
  return { children: decodeChildren(children), parents: new Set(decodeChildren(parents).map((parent) => parent.hotkey)), pending, coolDownBlocks: toNumber(coolDown), isStarted, effectiveAfter };
}

async function rightChecks(state: BlockState, { netuid, hotkey, account, number }: { readonly netuid: number; readonly hotkey: Hotkey; readonly account: string; readonly number: number }): Promise<Check[]> {
  const [last, exists, owner] = await readStorage(state, [subtensor('TransactionKeyLastBlock', hotkey, netuid, SET_CHILDREN.transaction), subtensor('NetworksAdded', netuid), subtensor('Owner', hotkey)]);
  const free = toNumber(last) === 0 ? 0 : toNumber(last) + SET_CHILDREN.blocks;
  return [
    [number + 1 < free, 'TxRateLimitExceeded', `child keys can be changed again from block ${free} on`],
    [netuid === 0, 'RegistrationNotPermittedOnRootSubnet', 'the root subnet has no child keys'],
    [!toBoolean(exists), 'SubnetNotExists', `there is no subnet ${netuid}`],
    [!isAccount(owner, account), 'NonAssociatedColdKey', 'the hotkey belongs to another coldkey'],
  ];
}

/** Among the keys themselves. A hotkey never is child and parent of the same one. */
function relationChecks(hotkey: Hotkey, children: readonly ChildKey[], parents: ReadonlySet<string>): Check[] {
  const keys = children.map((child) => child.hotkey);
  const sum = children.reduce((total, { proportion }) => total + proportion, 0n);
  const parent = keys.find((key) => parents.has(key));
  return [
    [new Set(keys).size < keys.length, 'DuplicateChild', 'a child key stands twice'],
    [keys.includes(hotkey), 'InvalidChild', 'a hotkey cannot be its own child'],
    [keys.length > MAX_CHILDREN, 'TooManyChildren', `a hotkey has at most ${MAX_CHILDREN} child keys on a subnet`],
    [sum > U64_MAX || children.some(({ proportion }) => proportion < 0n), 'ProportionOverflow', 'the proportions are more than the whole'],
    [parent !== undefined, 'ChildParentInconsistency', `${parent} lends stake weight to the hotkey on this subnet, so it cannot be its child`],
  ];
}

/** Who lends needs the threshold in stake of all subnets, or to be the hotkey of the subnet's owner; who takes back does not. */
async function stakeChecks(chain: Chain, { netuid, hotkey, hash, isEmpty }: { readonly netuid: number; readonly hotkey: Hotkey; readonly hash: string; readonly isEmpty: boolean }): Promise<Check[]> {
  const [threshold, owner] = await readStorage(await openState(chain, hash), [subtensor('StakeThreshold'), subtensor('SubnetOwnerHotkey', netuid)]);
  const needed = toBigInt(threshold);
  if (isEmpty || needed === 0n || isAccount(owner, hotkey)) return [];
  const worth = await readHotkeyWorth(chain, { hotkey, at: hash });
  return [[worth < needed, 'NotEnoughStakeToSetChildkeys', `the hotkey needs ${formatTao(needed)} in stake, all subnets together at their prices, and has ${formatTao(worth)}`]];
}

function decodeChildren(codec: Codec | undefined): StoredChildKey[] {
  return toArray(codec).map((pair) => {
    const [proportion, key] = toArray(pair) as [Codec, Codec];
    return { proportion: toBigInt(proportion), hotkey: hotkeyFromBytes(toBytes(key)) };
  });
}
