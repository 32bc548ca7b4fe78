/**
 * Making a subnet, joining it, staking in it, and who owns it.
 * @module
 */
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { createCall, findEvent, hasCall, sendCall, type Inclusion, type SendOptions } from './extrinsic.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid, type Hotkey, type Netuid } from './identifier.ts';
import { fieldOf, readStorage, toBigInt, toBoolean, toBytes, toNumber } from './internal/storage.ts';

/**
 * Creates a subnet; the coldkey `signer` pays the lock cost, `hotkey` becomes its owner hotkey with uid 0.
 * @throws bad-address, and as `sendCall`: dispatch-failed `CannotAffordLockCost`, `NetworkTxRateLimitExceeded`, `SubnetLimitReached`
 */
export async function registerNetwork(chain: Chain, options: SendOptions & { readonly hotkey: string }): Promise<Inclusion & { readonly netuid: Netuid }> {
  const call = createCall(chain, 'SubtensorModule', 'register_network', [parseHotkey(options.hotkey)]);
  const inclusion = await sendCall(chain, call, options);
  const [netuid] = findEvent(inclusion, 'SubtensorModule', 'NetworkAdded');
  return { ...inclusion, netuid: parseNetuid(Number(netuid)) };
}

/**
 * Starts a subnet's emission; signed by its owner's coldkey. Before it, nobody can stake.
 * @throws as `sendCall`: dispatch-failed `NotSubnetOwner`, `FirstEmissionBlockNumberAlreadySet`, `NeedWaitingMoreBlocksToStarCall`
 */
export async function startCall(chain: Chain, options: SendOptions & { readonly netuid: number }): Promise<Inclusion> {
  return sendCall(chain, createCall(chain, 'SubtensorModule', 'start_call', [parseNetuid(options.netuid)]), options);
}

/** Options of {@link burnedRegister}. */
export interface RegisterOptions extends SendOptions {
  readonly netuid: number;
  readonly hotkey: string;
  /** Refuses to pay more than this; needs a runtime with `register_limit`. */
  readonly limitRao?: bigint;
}

/**
 * Registers a hotkey on a subnet; the coldkey `signer` pays the price, which is burned.
 * @returns the uid
 * @throws bad-address, unsupported (a limit where the runtime has none), and as `sendCall`: dispatch-failed `HotKeyAlreadyRegisteredInSubNet`,
 * `NotEnoughBalanceToStake`, `SubNetRegistrationDisabled`, `NoNeuronIdAvailable`, `RegistrationPriceLimitExceeded`
 */
export async function burnedRegister(chain: Chain, options: RegisterOptions): Promise<Inclusion & { readonly uid: number }> {
  const netuid = parseNetuid(options.netuid);
  const hotkey = parseHotkey(options.hotkey);
  const call =
    options.limitRao === undefined
      ? createCall(chain, 'SubtensorModule', 'burned_register', [netuid, hotkey])
      : createCall(chain, 'SubtensorModule', 'register_limit', [netuid, hotkey, options.limitRao]);
  const inclusion = await sendCall(chain, call, options);
  return { ...inclusion, uid: Number(findEvent(inclusion, 'SubtensorModule', 'NeuronRegistered')[1]) };
}

/** Whether {@link burnedRegister} takes a limit here. */
export function hasRegistrationLimit(chain: Chain): boolean {
  return hasCall(chain, 'SubtensorModule', 'register_limit');
}

/** Options of {@link addStake}. */
export interface AddStakeOptions extends SendOptions {
  readonly netuid: number;
  readonly hotkey: string;
  /** 1 TAO is 1e9 rao. */
  readonly amountRao: bigint;
}

/**
 * Stakes TAO of the coldkey `signer` on a hotkey; on subnets other than 0 the pool swaps it into alpha.
 * @throws bad-address, bad-value, and as `sendCall`: dispatch-failed `SubtokenDisabled`, `AmountTooLow`, `NotEnoughBalanceToStake`, `HotKeyAccountNotExists`
 */
export async function addStake(chain: Chain, options: AddStakeOptions): Promise<Inclusion> {
  const { netuid, hotkey, amountRao } = options;
  if (amountRao <= 0n) throw new ChainError('bad-value', `expected a positive amount of rao, got ${amountRao}`, { subject: 'amountRao', actual: String(amountRao) });
  return sendCall(chain, createCall(chain, 'SubtensorModule', 'add_stake', [parseHotkey(hotkey), parseNetuid(netuid), amountRao]), options);
}

/** A subnet's owner. */
export interface SubnetOwner {
  readonly hotkey: Hotkey;
  readonly coldkey: Hotkey;
}

/**
 * Who owns a subnet, at a block hash or now.
 * @throws bad-value when there is no such subnet, and as `Chain.request`
 */
export async function readSubnetOwner(chain: Chain, { netuid, at }: { readonly netuid: number; readonly at?: string }): Promise<SubnetOwner> {
  const args = [parseNetuid(netuid)];
  const items = ['NetworksAdded', 'SubnetOwner', 'SubnetOwnerHotkey'].map((item) => ({ pallet: 'SubtensorModule', item, args }));
  const [isAdded, coldkey, hotkey] = await readStorage(chain, at, items);
  if (!toBoolean(isAdded) || coldkey === undefined || hotkey === undefined) {
    throw new ChainError('bad-value', `there is no subnet ${netuid} at ${chain.endpoint}`, { subject: 'netuid', actual: netuid, endpoint: chain.endpoint });
  }
  return { hotkey: hotkeyFromBytes(toBytes(hotkey)), coldkey: hotkeyFromBytes(toBytes(coldkey)) };
}

/**
 * Free balance of an account in rao, at a block hash or now.
 * @throws bad-address, and as `Chain.request`
 */
export async function readBalance(chain: Chain, { account, at }: { readonly account: string; readonly at?: string }): Promise<bigint> {
  const [info] = await readStorage(chain, at, [{ pallet: 'System', item: 'Account', args: [parseHotkey(account)] }]);
  return info === undefined ? 0n : toBigInt(fieldOf(fieldOf(info, 'data'), 'free'));
}

/** Length of a subnet's epoch in blocks (`Tempo`). @throws as `Chain.request` */
export async function readTempo(chain: Chain, { netuid, at }: { readonly netuid: number; readonly at?: string }): Promise<number> {
  const [tempo] = await readStorage(chain, at, [{ pallet: 'SubtensorModule', item: 'Tempo', args: [parseNetuid(netuid)] }]);
  return toNumber(tempo);
}
