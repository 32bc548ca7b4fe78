/**
 * Takes: what a validator keeps of its stakers' dividends, and a child key of its parents'.
 * @see pallets/subtensor/src/staking/increase_take.rs, decrease_take.rs and set_children.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import type { ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import type { Inclusion, SendOptions } from '../extrinsic.ts';
import { parseHotkey, parseNetuid } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { subtensorCall } from '../internal/own-call.ts';
import { isAccount, readPresent, readStorage, subtensor, toNumber } from '../internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from '../plan.ts';
import { parseUnsigned } from '../unsigned.ts';

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
      : [subtensor('ChildkeyTake', key, parseNetuid(netuid)), subtensor('MinChildkeyTake'), subtensor('MaxChildkeyTake'), subtensor('MinChildkeyTakePerSubnet', netuid)];
  const [take, least, maxTake, ofSubnet] = (await readPresent(await openState(chain, at), queries)).map(toNumber) as [number, number, number, number?];
  const minTake = Math.max(least, ofSubnet ?? 0);
  return { take: netuid === undefined ? take : Math.max(take, minTake), minTake, maxTake };
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
    [!isAccount(owner, account), 'NonAssociatedColdKey', 'the hotkey belongs to another coldkey'],
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
  const queries = [subtensor('ChildkeyTake', hotkey, netuid), subtensor('MinChildkeyTake'), subtensor('MaxChildkeyTake'), subtensor('Owner', hotkey), subtensor('TxChildkeyTakeRateLimit'), subtensor('TransactionKeyLastBlock', hotkey, netuid, 1), subtensor('MinChildkeyTakePerSubnet', netuid)];
  const [current, min, max, owner, limit, last, ofSubnet] = await readPresent(await openState(chain, hash), queries);
  const [stored, leastOfAll, most, limitBlocks, lastBlock, leastHere] = [current, min, max, limit, last, ofSubnet].map(toNumber) as [number, number, number, number, number, number];
  const least = Math.max(leastOfAll, leastHere);
  const now = Math.max(stored, least);
  const checks: Check[] = [
    [!isAccount(owner, account), 'NonAssociatedColdKey', 'the hotkey belongs to another coldkey'],
    [take < least || take > most, 'InvalidChildkeyTake', `the chain takes ${least} to ${most}`],
    [take > now && lastBlock !== 0 && number + 1 - lastBlock < limitBlocks, 'TxChildkeyTakeRateLimitExceeded', `it can be raised again from block ${lastBlock + limitBlocks} on`],
  ];
  return createPlan(chain, { call: subtensorCall(chain, 'set_childkey_take', [hotkey, netuid, take]), account, figures: { take: now }, checks });
}

/** Sets what a child key keeps of its parents' dividends on a subnet; signed by the hotkey's coldkey. @throws as {@link setTake}, and refused (`InvalidChildkeyTake`, `TxChildkeyTakeRateLimitExceeded`) */
export async function setChildkeyTake(chain: Chain, options: TakeOptions & { readonly netuid: number } & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planChildkeyTake(chain, { ...options, account: options.signer.hotkey }), options);
}
