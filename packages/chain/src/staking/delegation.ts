/**
 * Child keys and takes: lending a hotkey's stake weight to others, and what is kept of what their stakers earn.
 * @see pallets/subtensor/src/staking/set_children.rs, increase_take.rs and decrease_take.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import type { Inclusion, SendOptions } from '../extrinsic.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid, type Hotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { subtensorCall } from '../internal/own-call.ts';
import { readStorage, subtensor, toArray, toBigInt, toBoolean, toBytes, toNumber, type Codec } from '../internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from '../plan.ts';
import { parseUnsigned } from '../unsigned.ts';

/** A child key and its part of the parent's stake weight. */
export interface ChildKey {
  readonly hotkey: string;
  /** Of 2^64 - 1. All together at most that. */
  readonly proportion: bigint;
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
  readonly children: readonly ChildKey[];
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
  const queries = [subtensor('TransactionKeyLastBlock', hotkey, netuid, SET_CHILDREN.transaction), subtensor('NetworksAdded', netuid), subtensor('Owner', hotkey), subtensor('ChildKeys', hotkey, netuid)];
  const [last, exists, owner, current] = await readStorage(await openState(chain, hash), queries);
  const free = toNumber(last) === 0 ? 0 : toNumber(last) + SET_CHILDREN.blocks;
  const sum = children.reduce((total, { proportion }) => total + proportion, 0n);
  const checks: Check[] = [
    [number + 1 < free, 'TxRateLimitExceeded', `child keys can be changed again from block ${free} on`],
    [netuid === 0, 'RegistrationNotPermittedOnRootSubnet', 'the root subnet has no child keys'],
    [!toBoolean(exists), 'SubnetNotExists', `there is no subnet ${netuid}`],
    [!isOwnedBy(owner, account), 'NonAssociatedColdKey', 'the hotkey belongs to another coldkey'],
    [children.length > MAX_CHILDREN, 'TooManyChildren', `a hotkey has at most ${MAX_CHILDREN} child keys on a subnet`],
    [children.some((child) => child.hotkey === hotkey), 'InvalidChild', 'a hotkey cannot be its own child'],
    [new Set(children.map((child) => child.hotkey)).size < children.length, 'DuplicateChild', 'a child key stands twice'],
    [sum > U64_MAX || children.some(({ proportion }) => proportion < 0n), 'ProportionOverflow', 'the proportions are more than the whole'],
  ];
  return createPlan(chain, { call: subtensorCall(chain, 'set_children', [hotkey, netuid, children.map((child) => [child.proportion, child.hotkey])]), account, figures: { children: decodeChildren(current) }, checks });
}

/**
 * Lends parts of a hotkey's stake weight to child keys; counts after the chain's cool-down. Signed by the hotkey's coldkey.
 * @throws bad-address, bad-value, refused (`TxRateLimitExceeded`, `NonAssociatedColdKey`, `InvalidChild`, `DuplicateChild`, `ProportionOverflow`, `TooManyChildren`),
 * and as `sendCall`: dispatch-failed `NotEnoughStakeToSetChildkeys`
 */
export async function setChildren(chain: Chain, options: ChildrenOptions & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planChildren(chain, { ...options, account: options.signer.hotkey }), options);
}

/** The child keys of a hotkey on a subnet. @throws bad-address, bad-value, and as `Chain.request` */
export async function readChildren(chain: Chain, { netuid, hotkey, at }: { readonly netuid: number; readonly hotkey: string } & ReadOptions): Promise<readonly (ChildKey & { readonly hotkey: Hotkey })[]> {
  const [children] = await readStorage(await openState(chain, at), [subtensor('ChildKeys', parseHotkey(hotkey), parseNetuid(netuid))]);
  return decodeChildren(children);
}

function decodeChildren(codec: Codec | undefined): (ChildKey & { readonly hotkey: Hotkey })[] {
  return toArray(codec).map((pair) => {
    const [proportion, key] = toArray(pair) as [Codec, Codec];
    return { proportion: toBigInt(proportion), hotkey: hotkeyFromBytes(toBytes(key)) };
  });
}

/** What a hotkey keeps, and what the chain lets it keep. Of 65535. */
export interface Take {
  readonly take: number;
  readonly minTake: number;
  readonly maxTake: number;
}

/** What a validator keeps of its stakers' dividends; with `netuid`, what it keeps of its parents' there, as a child key. @throws bad-address, bad-value, and as `Chain.request` */
export async function readTake(chain: Chain, { hotkey, netuid, at }: { readonly hotkey: string; readonly netuid?: number | undefined } & ReadOptions): Promise<Take> {
  const key = parseHotkey(hotkey);
  const queries =
    netuid === undefined
      ? [subtensor('Delegates', key), subtensor('MinDelegateTake'), subtensor('MaxDelegateTake')]
      : [subtensor('ChildkeyTake', key, parseNetuid(netuid)), subtensor('MinChildkeyTake'), subtensor('MaxChildkeyTake')];
  const [take, minTake, maxTake] = (await readStorage(await openState(chain, at), queries)).map(toNumber) as [number, number, number];
  return { take, minTake, maxTake };
}

/** Options of {@link planTake}. */
export interface TakeOptions {
  readonly hotkey: string;
  /** Of 65535: 11796 is 18 %. */
  readonly take: number;
}

/** A change of a validator's take with what speaks against it: the call that raises or the one that lowers it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planTake(chain: Chain, options: TakeOptions & { readonly account: string }): Promise<Plan<{ readonly take: number }>> {
  const [hotkey, account] = [parseHotkey(options.hotkey), parseHotkey(options.account)];
  const take = parseUnsigned('take', options.take, 16);
  const { number, hash } = await chain.finalisedHead();
  const queries = [subtensor('Delegates', hotkey), subtensor('MinDelegateTake'), subtensor('MaxDelegateTake'), subtensor('Owner', hotkey), subtensor('TxDelegateTakeRateLimit'), subtensor('LastRateLimitedBlock', { LastTxBlockDelegateTake: hotkey })];
  const [current, min, max, owner, limit, last] = await readStorage(await openState(chain, hash), queries);
  const [now, least, most, limitBlocks, lastBlock] = [current, min, max, limit, last].map(toNumber) as [number, number, number, number, number];
  if (take === now) throw new ChainError('bad-value', `the take is ${take} already`, { subject: 'take', actual: take });
  const checks: Check[] = [
    [!isOwnedBy(owner, account), 'NonAssociatedColdKey', 'the hotkey belongs to another coldkey'],
    [take < least, 'DelegateTakeTooLow', `the chain takes ${least} to ${most}`],
    [take > most, 'DelegateTakeTooHigh', `the chain takes ${least} to ${most}`],
    [take > now && limitBlocks !== 0 && lastBlock !== 0 && number + 1 - lastBlock <= limitBlocks, 'DelegateTxRateLimitExceeded', `it can be raised again from block ${lastBlock + limitBlocks + 1} on`],
  ];
  return createPlan(chain, { call: subtensorCall(chain, take > now ? 'increase_take' : 'decrease_take', [hotkey, take]), account, figures: { take: now }, checks });
}

/** Sets what a validator keeps of its stakers' dividends; signed by the hotkey's coldkey. @throws bad-address, bad-value, refused (`DelegateTakeTooLow`, `DelegateTakeTooHigh`, `DelegateTxRateLimitExceeded`, `NonAssociatedColdKey`), and as `sendCall` */
export async function setTake(chain: Chain, options: TakeOptions & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planTake(chain, { ...options, account: options.signer.hotkey }), options);
}

/** A change of a child key's take with what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planChildkeyTake(chain: Chain, options: TakeOptions & { readonly netuid: number; readonly account: string }): Promise<Plan<{ readonly take: number }>> {
  const netuid = parseNetuid(options.netuid);
  const [hotkey, account] = [parseHotkey(options.hotkey), parseHotkey(options.account)];
  const take = parseUnsigned('take', options.take, 16);
  const { number, hash } = await chain.finalisedHead();
  const queries = [subtensor('ChildkeyTake', hotkey, netuid), subtensor('MinChildkeyTake'), subtensor('MaxChildkeyTake'), subtensor('Owner', hotkey), subtensor('TxChildkeyTakeRateLimit'), subtensor('TransactionKeyLastBlock', hotkey, netuid, 1)];
  const [current, min, max, owner, limit, last] = await readStorage(await openState(chain, hash), queries);
  const [now, least, most, limitBlocks, lastBlock] = [current, min, max, limit, last].map(toNumber) as [number, number, number, number, number];
  const checks: Check[] = [
    [!isOwnedBy(owner, account), 'NonAssociatedColdKey', 'the hotkey belongs to another coldkey'],
    [take < least || take > most, 'InvalidChildkeyTake', `the chain takes ${least} to ${most}`],
    [take > now && lastBlock !== 0 && number + 1 - lastBlock < limitBlocks, 'TxChildkeyTakeRateLimitExceeded', `it can be raised again from block ${lastBlock + limitBlocks} on`],
  ];
  return createPlan(chain, { call: subtensorCall(chain, 'set_childkey_take', [hotkey, netuid, take]), account, figures: { take: now }, checks });
}

/** Sets what a child key keeps of its parents' dividends on a subnet; signed by the hotkey's coldkey. @throws as {@link setTake}, and refused (`InvalidChildkeyTake`, `TxChildkeyTakeRateLimitExceeded`) */
export async function setChildkeyTake(chain: Chain, options: TakeOptions & { readonly netuid: number } & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planChildkeyTake(chain, { ...options, account: options.signer.hotkey }), options);
}

function isOwnedBy(owner: Codec | undefined, coldkey: string): boolean {
  return owner !== undefined && hotkeyFromBytes(toBytes(owner)) === coldkey;
}
