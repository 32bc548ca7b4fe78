/**
 * Making a subnet, starting it, naming it, and who owns it.
 * @module
 */
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { type Inclusion, type SendOptions } from './extrinsic.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid, type Hotkey, type Netuid } from './identifier.ts';
import { openState } from './internal/block-state.ts';
import { subtensorCall, subtensorEvent } from './internal/own-call.ts';
import { callRuntime } from './internal/runtime-api.ts';
import { fieldOf, readStorage, subtensor, toBigInt, toBoolean, toBytes, toNumber, type Codec, type StorageQuery } from './internal/storage.ts';
import { affordable, createPlan, formatTao, sendPlan, type Check, type Plan } from './plan.ts';
import { balanceText, isOwn } from './registration.ts';
import { accountQuery, freeBalance } from './transfer.ts';

/** What the world is told of a subnet. Empty where nothing is said. Lengths in bytes: name and discord 256, others 1024. */
export interface SubnetIdentity {
  readonly name: string;
  readonly githubRepo: string;
  readonly contact: string;
  readonly url: string;
  readonly discord: string;
  readonly description: string;
  readonly logoUrl: string;
  readonly additional: string;
}

/** Fields in the chain's order: name in the metadata, bytes at most. */
const IDENTITY_FIELDS: readonly (readonly [keyof SubnetIdentity, string, number])[] = [
  ['name', 'subnet_name', 256],
  ['githubRepo', 'github_repo', 1024],
  ['contact', 'subnet_contact', 1024],
  ['url', 'subnet_url', 1024],
  ['discord', 'discord', 256],
  ['description', 'description', 1024],
  ['logoUrl', 'logo_url', 1024],
  ['additional', 'additional', 1024],
];

/** Options of {@link planRegisterNetwork}. */
export interface RegisterNetworkOptions {
  /** Becomes the owner hotkey, with uid 0. */
  readonly hotkey: string;
  /** Set together with the subnet. */
  readonly identity?: Partial<SubnetIdentity>;
  /** Refuses to lock more than this; looked at before sending only, the chain itself has no limit here. */
  readonly limitRao?: bigint;
}

/** What the making of a subnet is judged by. */
export interface RegisterNetworkFigures {
  /** What is locked in the new subnet's pool, for good. Halves in about two weeks without registrations, and doubles with each. */
  readonly lockCostRao: bigint;
  readonly balanceRao: bigint;
  /** The first block that a registration may be in: one in `NetworkRateLimit` blocks, for all of the chain. */
  readonly allowedFromBlock: number;
  readonly subnetCount: number;
  /** From here on the subnet with the lowest price that is out of its immunity makes room, or none can be made. */
  readonly subnetLimit: number;
}

/** What a new subnet costs now, in rao. @throws unsupported, and as `Chain.request` */
export async function readLockCost(chain: Chain, { at }: ReadOptions = {}): Promise<bigint> {
  return toBigInt(await callRuntime(await openState(chain, at), { api: 'SubnetRegistrationRuntimeApi', method: 'get_network_registration_cost' }));
}

/** The making of a subnet with its price and what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planRegisterNetwork(chain: Chain, options: RegisterNetworkOptions & { readonly account: string }): Promise<Plan<RegisterNetworkFigures>> {
  const hotkey = parseHotkey(options.hotkey);
  const account = parseHotkey(options.account);
  const identity = options.identity === undefined ? undefined : parseIdentity(options.identity);
  const { number, hash } = await chain.finalisedHead();
  const globals = ['NetworkRegistrationStartBlock', 'NetworkRateLimit', 'TotalNetworks', 'SubnetLimit'] as const;
  const queries = [...globals.map((name) => subtensor(name)), subtensor('LastRateLimitedBlock', 'NetworkLastRegistered'), subtensor('Owner', hotkey), accountQuery(account)];
  const [values, lockCostRao] = await Promise.all([readStorage(await openState(chain, hash), queries), readLockCost(chain, { at: hash })]);
  const [startBlock, rateLimit, total, limit, lastBlock, owner, info] = values;
  const last = toNumber(lastBlock);
  const figures: RegisterNetworkFigures = {
    lockCostRao,
    balanceRao: freeBalance(info),
    allowedFromBlock: Math.max(toNumber(startBlock), last === 0 ? 0 : last + toNumber(rateLimit)),
    // The root subnet counts too.
    subnetCount: Math.max(0, toNumber(total) - 1),
    subnetLimit: toNumber(limit),
  };
  const limitRao = options.limitRao ?? lockCostRao;
  const checks = (feeRao: bigint): Check[] => [
    [!isOwn(owner, account), 'NonAssociatedColdKey', 'the hotkey belongs to another coldkey'],
    [number + 1 < toNumber(startBlock), 'SubNetRegistrationDisabled', `the chain takes new subnets from block ${toNumber(startBlock)} on`],
    [number + 1 < figures.allowedFromBlock, 'NetworkTxRateLimitExceeded', `the next subnet can be made in block ${figures.allowedFromBlock}, ${figures.allowedFromBlock - number} blocks from now`],
    [lockCostRao > limitRao, 'LockCostLimitExceeded', `the lock cost is ${formatTao(lockCostRao)}, above the limit of ${formatTao(limitRao)}`],
    [!affordable({ freeRao: figures.balanceRao, amountRao: lockCostRao, feeRao }), 'CannotAffordLockCost', balanceText(figures.balanceRao, lockCostRao + feeRao)],
  ];
  const call =
    identity === undefined ? subtensorCall(chain, 'register_network', [hotkey]) : subtensorCall(chain, 'register_network_with_identity', [hotkey, identityStruct(identity)]);
  return createPlan(chain, { call, account, figures, checks });
}

/**
 * Creates a subnet; the coldkey `signer` pays the lock cost, `hotkey` becomes its owner hotkey with uid 0.
 * @throws bad-address, bad-value, refused (`NonAssociatedColdKey`, `SubNetRegistrationDisabled`, `NetworkTxRateLimitExceeded`, `LockCostLimitExceeded` (ours),
 * `CannotAffordLockCost`), and as `sendCall`: dispatch-failed `SubnetLimitReached`
 */
export async function registerNetwork(chain: Chain, options: RegisterNetworkOptions & SendOptions): Promise<Inclusion & { readonly netuid: Netuid }> {
  const inclusion = await sendPlan(chain, await planRegisterNetwork(chain, { ...options, account: options.signer.hotkey }), options);
  const [netuid] = subtensorEvent(inclusion, 'NetworkAdded');
  return { ...inclusion, netuid: parseNetuid(Number(netuid)) };
}

/** The start of a subnet with what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planStartCall(chain: Chain, options: { readonly netuid: number; readonly account: string }): Promise<Plan<{ readonly allowedFromBlock: number }>> {
  const netuid = parseNetuid(options.netuid);
  const account = parseHotkey(options.account);
  const { number, hash } = await chain.finalisedHead();
  const queries = [...ownershipQueries(netuid), subtensor('FirstEmissionBlockNumber', netuid), subtensor('NetworkRegisteredAt', netuid), subtensor('StartCallDelay')];
  const values = await readStorage(await openState(chain, hash), queries);
  const [, , started, registeredAt, delay] = values;
  const allowedFromBlock = toNumber(registeredAt) + toNumber(delay);
  const checks: Check[] = [
    ...ownershipChecks(values, { netuid, account }),
    [started !== undefined, 'FirstEmissionBlockNumberAlreadySet', `subnet ${netuid} has been started in block ${toNumber(started)}`],
    [number + 1 < allowedFromBlock, 'NeedWaitingMoreBlocksToStarCall', `it can be started from block ${allowedFromBlock} on, ${allowedFromBlock - number} blocks from now`],
  ];
  return createPlan(chain, { call: subtensorCall(chain, 'start_call', [netuid]), account, figures: { allowedFromBlock }, checks });
}

/**
 * Starts a subnet's emission; signed by its owner's coldkey. Before it, nobody can stake.
 * @throws refused (`SubnetNotExists`, `NotSubnetOwner`, `FirstEmissionBlockNumberAlreadySet`, `NeedWaitingMoreBlocksToStarCall`), and as `sendCall`
 */
export async function startCall(chain: Chain, options: SendOptions & { readonly netuid: number }): Promise<Inclusion> {
  return sendPlan(chain, await planStartCall(chain, { netuid: options.netuid, account: options.signer.hotkey }), options);
}

/** Options of {@link planSubnetIdentity}. */
export interface SubnetIdentityOptions {
  readonly netuid: number;
  readonly identity: Partial<SubnetIdentity>;
}

/** A change of a subnet's identity with what speaks against it. Fields that are left out become empty. @throws bad-address, bad-value, and as `Chain.request` */
export async function planSubnetIdentity(chain: Chain, options: SubnetIdentityOptions & { readonly account: string }): Promise<Plan> {
  const netuid = parseNetuid(options.netuid);
  const account = parseHotkey(options.account);
  const identity = parseIdentity(options.identity);
  const call = subtensorCall(chain, 'set_subnet_identity', [netuid, ...IDENTITY_FIELDS.map(([field]) => utf8Hex(identity[field]))]);
  const checks = ownershipChecks(await readStorage(await openState(chain), ownershipQueries(netuid)), { netuid, account });
  return createPlan(chain, { call, account, figures: {}, checks });
}

/**
 * Says what a subnet is; signed by its owner's coldkey.
 * @throws bad-value (a field is too long), refused (`SubnetNotExists`, `NotSubnetOwner`), and as `sendCall`
 */
export async function setSubnetIdentity(chain: Chain, options: SubnetIdentityOptions & SendOptions): Promise<Inclusion> {
  return sendPlan(chain, await planSubnetIdentity(chain, { ...options, account: options.signer.hotkey }), options);
}

/** What a subnet says of itself; undefined where it says nothing. @throws bad-value, and as `Chain.request` */
export async function readSubnetIdentity(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<SubnetIdentity | undefined> {
  const [identity] = await readStorage(await openState(chain, at), [subtensor('SubnetIdentitiesV3', parseNetuid(netuid))]);
  return identity === undefined ? undefined : decodeIdentity(identity);
}

/** Decodes a `SubnetIdentityV3`. Bytes that are no UTF-8 are shown as U+FFFD. */
export function decodeIdentity(identity: Codec): SubnetIdentity {
  const decoder = new TextDecoder();
  return Object.fromEntries(IDENTITY_FIELDS.map(([field, name]) => [field, decoder.decode(toBytes(fieldOf(identity, name)))])) as unknown as SubnetIdentity;
}

/** A subnet's owner. */
export interface SubnetOwner {
  readonly hotkey: Hotkey;
  readonly coldkey: Hotkey;
}

/**
 * Who owns a subnet.
 * @throws bad-value when there is no such subnet, and as `Chain.request`
 */
export async function readSubnetOwner(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<SubnetOwner> {
  const id = parseNetuid(netuid);
  const [isAdded, coldkey, hotkey] = await readStorage(await openState(chain, at), [...ownershipQueries(id), subtensor('SubnetOwnerHotkey', id)]);
  if (!toBoolean(isAdded) || coldkey === undefined || hotkey === undefined) throw noSubnet(chain, netuid);
  return { hotkey: hotkeyFromBytes(toBytes(hotkey)), coldkey: hotkeyFromBytes(toBytes(coldkey)) };
}

/**
 * Makes sure that a subnet is there: storage has defaults for subnets that are not, and readers of single items give them.
 * @throws bad-value when there is no such subnet, and as `Chain.request`
 */
export async function assertSubnet(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<void> {
  const [isAdded] = await readStorage(await openState(chain, at), [subtensor('NetworksAdded', parseNetuid(netuid))]);
  if (!toBoolean(isAdded)) throw noSubnet(chain, netuid);
}

function noSubnet(chain: Chain, netuid: number): ChainError {
  return new ChainError('bad-value', `there is no subnet ${netuid} at ${chain.endpoint}`, { subject: 'netuid', actual: netuid, endpoint: chain.endpoint });
}

/** Length of a subnet's epoch in blocks (`Tempo`). @throws as `Chain.request` */
export async function readTempo(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<number> {
  const [tempo] = await readStorage(await openState(chain, at), [subtensor('Tempo', parseNetuid(netuid))]);
  return toNumber(tempo);
}

/** What {@link ownershipChecks} looks at, as its first two values. */
export function ownershipQueries(netuid: number): StorageQuery[] {
  return [subtensor('NetworksAdded', netuid), subtensor('SubnetOwner', netuid)];
}

/** That a subnet exists and the account owns it. Admin calls say `BadOrigin` where this says `NotSubnetOwner`. */
export function ownershipChecks([exists, owner]: readonly (Codec | undefined)[], { netuid, account }: { readonly netuid: number; readonly account: string }): Check[] {
  return [
    [!toBoolean(exists), 'SubnetNotExists', `there is no subnet ${netuid}`],
    [owner === undefined || hotkeyFromBytes(toBytes(owner)) !== account, 'NotSubnetOwner', `subnet ${netuid} is owned by ${owner === undefined ? 'nobody' : hotkeyFromBytes(toBytes(owner))}`],
  ];
}

function parseIdentity(given: Partial<SubnetIdentity>): SubnetIdentity {
  const unknown = Object.keys(given).find((name) => !IDENTITY_FIELDS.some(([field]) => field === name));
  if (unknown !== undefined) throw new ChainError('bad-value', `an identity has no field ${JSON.stringify(unknown)}; it has ${IDENTITY_FIELDS.map(([field]) => field).join(', ')}`, { subject: unknown });
  const entries = IDENTITY_FIELDS.map(([field, , most]): [string, string] => {
    const text = given[field] ?? '';
    const length = new TextEncoder().encode(text).length;
    if (length <= most) return [field, text];
    throw new ChainError('bad-value', `the identity's ${field} may have ${most} bytes, got ${length}`, { subject: field, expected: most, actual: length });
  });
  return Object.fromEntries(entries) as unknown as SubnetIdentity;
}

function identityStruct(identity: SubnetIdentity): Record<string, string> {
  return Object.fromEntries(IDENTITY_FIELDS.map(([field, name]) => [name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()), utf8Hex(identity[field])]));
}

/** Hex, because polkadot-js would take a text that starts with `0x` for bytes. */
function utf8Hex(text: string): string {
  return `0x${Buffer.from(text, 'utf8').toString('hex')}`;
}
