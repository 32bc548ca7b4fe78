/**
 * Joining a subnet: the price, what speaks against it, and the call with a limit where the runtime has one.
 * @module
 */
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import type { Inclusion, SendOptions } from './extrinsic.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid } from './identifier.ts';
import { openState } from './internal/block-state.ts';
import { hasSubtensorCall, subtensorCall, subtensorEvent } from './internal/own-call.ts';
import { isNobody, readPresent, readStorage, subtensor, toBigInt, toBoolean, toBytes, toNumber, type Codec } from './internal/storage.ts';
import { affordable, createPlan, formatTao, sendPlan, type Check, type Plan } from './plan.ts';
import { accountQuery, freeBalance } from './transfer.ts';

/** The price of a place on a subnet, and how it moves. */
export interface RegistrationPrice {
  /** `Burn` at the newest finalised block. */
  readonly priceRao: bigint;
  readonly minPriceRao: bigint;
  readonly maxPriceRao: bigint;
  /** Blocks in which the price halves while nobody registers; undefined on runtimes that adjust it at intervals. */
  readonly halfLifeBlocks: number | undefined;
  /** What a registration multiplies the price by; undefined on runtimes that adjust it at intervals. */
  readonly increaseFactor: number | undefined;
}

/** What a registration is judged by. */
export interface RegistrationFigures extends RegistrationPrice {
  /** Neurons now, and at most. At most: the one that is pruned makes room. */
  readonly neurons: number;
  readonly maxNeurons: number;
  readonly balanceRao: bigint;
  /** The most that will be paid: the limit where the runtime can keep one, the price that was read otherwise (it may have risen by the time of inclusion). */
  readonly limitRao: bigint;
}

/** Options of {@link planRegistration}. */
export interface RegistrationOptions {
  readonly netuid: number;
  readonly hotkey: string;
  /** The most to pay. Kept by the chain where it has `register_limit`; elsewhere the call is refused here while the price is above. */
  readonly limitRao?: bigint;
}

/** `BurnIncreaseMult` is a U64F64. */
const ONE = 2 ** 64;

/**
 * The price of a registration.
 * @throws bad-value, and as `Chain.request`
 * @example const { priceRao } = await readRegistrationPrice(chain, { netuid: 1 });
 */
export async function readRegistrationPrice(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<RegistrationPrice> {
  const id = parseNetuid(netuid);
  return decodePrice(await readPresent(await openState(chain, at), priceQueries(id)));
}

/** Whether a registration takes a limit that the chain itself keeps. */
export function hasRegistrationLimit(chain: Chain): boolean {
  return hasSubtensorCall(chain, 'register_limit');
}

/**
 * A registration with its price and what speaks against it.
 * @throws bad-address, bad-value, and as `Chain.request`
 */
export async function planRegistration(chain: Chain, options: RegistrationOptions & { readonly account: string }): Promise<Plan<RegistrationFigures>> {
  const netuid = parseNetuid(options.netuid);
  const hotkey = parseHotkey(options.hotkey);
  const account = parseHotkey(options.account);
  const names = ['NetworksAdded', 'NetworkRegistrationAllowed', 'SubnetworkN', 'MaxAllowedUids'] as const;
  const queries = [...priceQueries(netuid), ...names.map((name) => subtensor(name, netuid)), subtensor('Uids', netuid, hotkey), subtensor('Owner', hotkey), accountQuery(account)];
  const values = await readPresent(await openState(chain), queries);
  const price = decodePrice(values);
  const [exists, allowed, neurons, maxNeurons, uid, owner, info] = values.slice(PRICE_ITEMS) as Codec[];
  const limitRao = options.limitRao ?? price.priceRao;
  const figures = { ...price, neurons: toNumber(neurons), maxNeurons: toNumber(maxNeurons), balanceRao: freeBalance(info), limitRao };
  const hasLimit = options.limitRao !== undefined && hasRegistrationLimit(chain);
  const call = hasLimit ? subtensorCall(chain, 'register_limit', [netuid, hotkey, limitRao]) : subtensorCall(chain, 'burned_register', [netuid, hotkey]);
  const checks = (feeRao: bigint): Check[] => [
    [netuid === 0, 'RegistrationNotPermittedOnRootSubnet', 'subnet 0 is joined by registerOnRoot'],
    [!toBoolean(exists), 'SubnetNotExists', `there is no subnet ${netuid}`],
    [!toBoolean(allowed), 'SubNetRegistrationDisabled', `subnet ${netuid} takes no registrations now`],
    [uid !== undefined, 'HotKeyAlreadyRegisteredInSubNet', `the hotkey already has uid ${String(uid)} on subnet ${netuid}`],
    [price.priceRao > limitRao, 'RegistrationPriceLimitExceeded', `the price is ${formatTao(price.priceRao)}, above the limit of ${formatTao(limitRao)}`],
    [!affordable({ ...figures, freeRao: figures.balanceRao, amountRao: price.priceRao, feeRao }), 'NotEnoughBalanceToStake', balanceText(figures.balanceRao, price.priceRao + feeRao)],
    [!isOwn(owner, account), 'NonAssociatedColdKey', 'the hotkey belongs to another coldkey'],
    [figures.maxNeurons === 0, 'NoNeuronIdAvailable', `subnet ${netuid} has no places`],
  ];
  return createPlan(chain, { call, account, figures, checks });
}

/** A registration that was included. */
export interface Registered extends Inclusion {
  readonly uid: number;
  /** What the account had before, less what it has after: price and fee. */
  readonly paidRao: bigint;
}

/**
 * Registers a hotkey on a subnet; the coldkey `signer` pays the price, which is burned.
 * @throws bad-address, bad-value, refused (`RegistrationNotPermittedOnRootSubnet`, `SubnetNotExists`, `SubNetRegistrationDisabled`,
 * `HotKeyAlreadyRegisteredInSubNet`, `RegistrationPriceLimitExceeded`, `NotEnoughBalanceToStake`, `NonAssociatedColdKey`, `NoNeuronIdAvailable`), and as
 * `sendCall`
 * @example const { uid } = await burnedRegister(chain, { netuid: 1, hotkey, limitRao: 2_000_000_000n, signer: coldkey });
 */
export async function burnedRegister(chain: Chain, options: RegistrationOptions & SendOptions): Promise<Registered> {
  const plan = await planRegistration(chain, { ...options, account: options.signer.hotkey });
  const inclusion = await sendPlan(chain, plan, options);
  const [info] = await readStorage(await openState(chain, inclusion.blockHash), [accountQuery(plan.account)]);
  return { ...inclusion, uid: Number(subtensorEvent(inclusion, 'NeuronRegistered')[1]), paidRao: plan.figures.balanceRao - freeBalance(info) };
}

/**
 * Registers a hotkey on the root subnet (0), where up to 64 validators hold TAO; beyond that only who has more of it than the least of them.
 * @throws bad-address, refused (`HotKeyAlreadyRegisteredInSubNet`, `NonAssociatedColdKey`, `TooManyRegistrationsThisInterval`), and as `sendCall`: dispatch-failed
 * `StakeTooLowForRoot`, `TooManyRegistrationsThisBlock`
 */
export async function registerOnRoot(chain: Chain, options: { readonly hotkey: string } & SendOptions): Promise<Inclusion & { readonly uid: number }> {
  const plan = await planRootRegistration(chain, { hotkey: options.hotkey, account: options.signer.hotkey });
  const inclusion = await sendPlan(chain, plan, options);
  return { ...inclusion, uid: Number(subtensorEvent(inclusion, 'NeuronRegistered')[1]) };
}

/** A registration on the root subnet with what speaks against it. @throws bad-address, and as `Chain.request` */
export async function planRootRegistration(chain: Chain, options: { readonly hotkey: string; readonly account: string }): Promise<Plan> {
  const hotkey = parseHotkey(options.hotkey);
  const account = parseHotkey(options.account);
  const queries = [subtensor('Uids', 0, hotkey), subtensor('Owner', hotkey), subtensor('RegistrationsThisInterval', 0), subtensor('TargetRegistrationsPerInterval', 0)];
  const [uid, owner, registrations, target] = await readStorage(await openState(chain), queries);
  const checks: Check[] = [
    [toNumber(registrations) >= 3 * toNumber(target), 'TooManyRegistrationsThisInterval', 'the root subnet has had as many registrations as it takes in an interval'],
    [uid !== undefined, 'HotKeyAlreadyRegisteredInSubNet', `the hotkey already has uid ${String(uid)} on the root subnet`],
    [!isOwn(owner, account), 'NonAssociatedColdKey', 'the hotkey belongs to another coldkey'],
  ];
  return createPlan(chain, { call: subtensorCall(chain, 'root_register', [hotkey]), account, figures: {}, checks });
}

/** Whether a hotkey is nobody's yet, or this coldkey's. */
export function isOwn(owner: Codec | undefined, coldkey: string): boolean {
  return owner === undefined || isNobody(owner) || hotkeyFromBytes(toBytes(owner)) === coldkey;
}

export function balanceText(balanceRao: bigint, neededRao: bigint): string {
  return `${formatTao(neededRao)} are needed with the fee, the coldkey has ${formatTao(balanceRao)}`;
}

const PRICE_ITEMS = 5;

function priceQueries(netuid: number): ReturnType<typeof subtensor>[] {
  return (['Burn', 'MinBurn', 'MaxBurn', 'BurnHalfLife', 'BurnIncreaseMult'] as const).map((name) => subtensor(name, netuid));
}

function decodePrice([price, min, max, halfLife, factor]: readonly (Codec | undefined)[]): RegistrationPrice {
  return {
    priceRao: toBigInt(price),
    minPriceRao: toBigInt(min),
    maxPriceRao: toBigInt(max),
    halfLifeBlocks: halfLife === undefined ? undefined : toNumber(halfLife),
    increaseFactor: factor === undefined ? undefined : Number(fixedBits(factor)) / ONE,
  };
}

/** The bits of a fixed-point number. */
export function fixedBits(codec: Codec): bigint {
  const bits = (codec as unknown as { readonly bits?: Codec }).bits;
  if (bits === undefined) throw new ChainError('unsupported', `expected a fixed-point number, got ${codec.toRawType()}; this runtime has another layout`, { subject: 'bits' });
  return BigInt(String(bits));
}
