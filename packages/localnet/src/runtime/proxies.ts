/**
 * Proxies: accounts that call for others, within the bounds of a type, at once or after an announced delay; and pure accounts, which have no key.
 * @module
 * @see pallets/proxy/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import { blake2, concatBytes, fromHex, toHex } from '../hex.ts';
import { encodeScale } from '../scale/codec.ts';
import type { RuntimeCall, TypeOf } from '../scale/type-of.ts';
import { reserve, unreserve } from './balances.ts';
import { ensure, ensureSigned, lookup, moduleFailure, resultOf, type CallHandlers, type Dispatch, type Execution } from './execution.ts';
import { isSuperset, mayCall, type ProxyType } from './proxy-types.ts';

type Definition = TypeOf<'ProxyDefinition'>;
type Announcement = TypeOf<'ProxyAnnouncement'>;

/** Proxies of an account at most (`MaxProxies`), and announcements of a proxy (`MaxPending`). */
const MAX_PROXIES = 20;
const MAX_PENDING = 75;
/** What an entry with its first item costs, rao, and each item (`ProxyDepositBase`, …). */
const PROXY_DEPOSIT = { base: 60_000_000n, factor: 33_000_000n };
const ANNOUNCEMENT_DEPOSIT = { base: 36_000_000n, factor: 68_000_000n };

/** The pallet's calls. */
export function proxyCalls(dispatch: Dispatch): CallHandlers<'Proxy'> {
  const callFor = (execution: Execution, real: string, { definition, call }: { readonly definition: Definition; readonly call: RuntimeCall }): void => {
    const type = definition.proxy_type.type;
    const error = execution.attempt(() => void dispatch(execution, { type: 'signed', account: real, allows: (inner) => isWithin(type, inner) }, call));
    execution.deposit('Proxy', 'ProxyExecuted', { result: resultOf(error) });
  };
  return {
    ...proxyListCalls,
    ...pureCalls,
    ...announcementCalls,
    ...depositCalls,
    proxy: (execution, origin, { real: address, force_proxy_type: forced, call }) => {
      const delegate = ensureSigned(origin);
      const real = lookup(address);
      const definition = findProxy(execution, real, { delegate, type: forced?.type });
      ensure(definition.delay === 0, 'Proxy', 'Unannounced');
      callFor(execution, real, { definition, call });
    },
    proxy_announced: (execution, origin, { delegate: delegateAddress, real: realAddress, force_proxy_type: forced, call }) => {
      ensureSigned(origin);
      const [delegate, real] = [lookup(delegateAddress), lookup(realAddress)];
      const definition = findProxy(execution, real, { delegate, type: forced?.type });
      const hash = toHex(blake2(encodeScale('RuntimeCall', call)));
      const isDue = ({ height, ...made }: Announcement): boolean => made.real === real && made.call_hash === hash && execution.blockNumber - height >= definition.delay;
      ensure(removeAnnouncements(execution, delegate, isDue), 'Proxy', 'Unannounced');
      callFor(execution, real, { definition, call });
    },
  };
}

/** The chain's filter of what a proxy calls: its type's, and no change of proxies that would give it more than it has. */
function isWithin(type: ProxyType, call: RuntimeCall): boolean {
  const name = `${call.pallet}.${call.call}`;
  if (name === 'Proxy.add_proxy' || name === 'Proxy.remove_proxy') {
    if (!isSuperset(type, (call.args['proxy_type'] as Definition['proxy_type']).type)) return false;
  }
  if (name === 'Proxy.remove_proxies' || name === 'Proxy.kill_pure') {
    if (type !== 'Any') return false;
  }
  return mayCall(type, call);
}

function findProxy(execution: Execution, real: string, { delegate, type }: { readonly delegate: string; readonly type: ProxyType | undefined }): Definition {
  const [proxies] = execution.storage.Proxy.Proxies.get(real);
  const found = proxies.find((definition) => definition.delegate === delegate && (type === undefined || definition.proxy_type.type === type));
  if (found === undefined) throw moduleFailure('Proxy', 'NotProxy');
  return found;
}

const proxyListCalls: Pick<CallHandlers<'Proxy'>, 'add_proxy' | 'remove_proxy' | 'remove_proxies'> = {
  add_proxy: (execution, origin, { delegate: address, proxy_type, delay }) => {
    const who = ensureSigned(origin);
    const delegate = lookup(address);
    ensure(who !== delegate, 'Proxy', 'NoSelfProxy');
    const [proxies, deposit] = execution.storage.Proxy.Proxies.get(who);
    const added = { delegate, proxy_type, delay };
    ensure(!proxies.some((other) => compare(other, added) === 0), 'Proxy', 'Duplicate');
    ensure(proxies.length < MAX_PROXIES, 'Proxy', 'TooMany');
    const changed = [...proxies, added].sort(compare);
    execution.storage.Proxy.Proxies.set(who, [changed, adjustDeposit(execution, who, { held: deposit, count: changed.length, price: PROXY_DEPOSIT })]);
    execution.deposit('Proxy', 'ProxyAdded', { delegator: who, delegatee: delegate, proxy_type, delay });
  },
  remove_proxy: (execution, origin, { delegate: address, proxy_type, delay }) => {
    const who = ensureSigned(origin);
    const delegate = lookup(address);
    const [proxies, deposit] = execution.storage.Proxy.Proxies.get(who);
    const kept = proxies.filter((other) => compare(other, { delegate, proxy_type, delay }) !== 0);
    ensure(kept.length < proxies.length, 'Proxy', 'NotFound');
    const held = adjustDeposit(execution, who, { held: deposit, count: kept.length, price: PROXY_DEPOSIT });
    if (kept.length === 0) execution.storage.Proxy.Proxies.remove(who);
    else execution.storage.Proxy.Proxies.set(who, [kept, held]);
    execution.storage.Proxy.RealPaysFee.remove(who, delegate);
    execution.deposit('Proxy', 'ProxyRemoved', { delegator: who, delegatee: delegate, proxy_type, delay });
  },
  remove_proxies: (execution, origin) => {
    const who = ensureSigned(origin);
    const [, deposit] = execution.storage.Proxy.Proxies.get(who);
    execution.storage.Proxy.Proxies.remove(who);
    unreserve(execution, who, deposit);
    execution.storage.Proxy.RealPaysFee.clear(who);
  },
};

const depositCalls: Pick<CallHandlers<'Proxy'>, 'poke_deposit' | 'set_real_pays_fee'> = {
  poke_deposit: (execution, origin) => {
    const who = ensureSigned(origin);
    const { Proxies, Announcements } = execution.storage.Proxy;
    const [proxies, proxyDeposit] = Proxies.get(who);
    const heldForProxies = pokeDeposit(execution, who, { held: proxyDeposit, count: proxies.length, price: PROXY_DEPOSIT, kind: 'Proxies' });
    if (heldForProxies !== proxyDeposit) Proxies.set(who, [proxies, heldForProxies]);
    const [pending, pendingDeposit] = Announcements.get(who);
    const heldForPending = pokeDeposit(execution, who, { held: pendingDeposit, count: pending.length, price: ANNOUNCEMENT_DEPOSIT, kind: 'Announcements' });
    if (heldForPending !== pendingDeposit) Announcements.set(who, [pending, heldForPending]);
  },
  set_real_pays_fee: (execution, origin, { delegate: address, pays_fee }) => {
    const real = ensureSigned(origin);
    const delegate = lookup(address);
    findProxy(execution, real, { delegate, type: undefined });
    if (pays_fee) execution.storage.Proxy.RealPaysFee.set(real, delegate, undefined);
    else execution.storage.Proxy.RealPaysFee.remove(real, delegate);
    execution.deposit('Proxy', 'RealPaysFeeSet', { real, delegate, pays_fee });
  },
};

/** Brings a deposit to what it would be today. */
function pokeDeposit(execution: Execution, who: string, { kind, ...change }: DepositChange & { readonly kind: TypeOf<'ProxyDepositKind'>['type'] }): bigint {
  const held = adjustDeposit(execution, who, change);
  if (held !== change.held) execution.deposit('Proxy', 'DepositPoked', { who, kind: { type: kind }, old_deposit: change.held, new_deposit: held });
  return held;
}

/** The order in which the chain keeps them: by account, type, delay. */
function compare(a: Definition, b: Definition): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

function sortKey({ delegate, proxy_type, delay }: Definition): string {
  return `${delegate}${toHex(encodeScale('ProxyType', proxy_type))}${delay.toString(16).padStart(8, '0')}`;
}

const pureCalls: Pick<CallHandlers<'Proxy'>, 'create_pure' | 'kill_pure'> = {
  create_pure: (execution, origin, { proxy_type, delay, index }) => {
    const who = ensureSigned(origin);
    const extrinsicIndex = execution.phase.type === 'ApplyExtrinsic' ? execution.phase.value : 0;
    const pure = pureAccount(who, { proxy_type, index, height: execution.blockNumber, extrinsicIndex });
    ensure(!execution.storage.Proxy.Proxies.has(pure), 'Proxy', 'Duplicate');
    const deposit = PROXY_DEPOSIT.base + PROXY_DEPOSIT.factor;
    reserve(execution, who, deposit);
    execution.storage.Proxy.Proxies.set(pure, [[{ delegate: who, proxy_type, delay }], deposit]);
    execution.deposit('Proxy', 'PureCreated', { pure, who, proxy_type, disambiguation_index: index });
  },
  kill_pure: (execution, origin, { spawner: address, proxy_type, index, height, ext_index }) => {
    const pure = ensureSigned(origin);
    const spawner = lookup(address);
    ensure(pureAccount(spawner, { proxy_type, index, height, extrinsicIndex: ext_index }) === pure, 'Proxy', 'NoPermission');
    const [, deposit] = execution.storage.Proxy.Proxies.get(pure);
    execution.storage.Proxy.Proxies.remove(pure);
    unreserve(execution, spawner, deposit);
    execution.deposit('Proxy', 'PureKilled', { pure, spawner, proxy_type, disambiguation_index: index });
  },
};

interface PureOrigin {
  readonly proxy_type: Definition['proxy_type'];
  readonly index: number;
  readonly height: number;
  readonly extrinsicIndex: number;
}

function pureAccount(spawner: string, { proxy_type, index, height, extrinsicIndex }: PureOrigin): string {
  const place = [encodeScale('u32', height), encodeScale('u32', extrinsicIndex), encodeScale('ProxyType', proxy_type), encodeScale('u16', index)];
  return toHex(blake2(concatBytes(new TextEncoder().encode('modlpy/proxy____'), fromHex(spawner), ...place)));
}

const announcementCalls: Pick<CallHandlers<'Proxy'>, 'announce' | 'remove_announcement' | 'reject_announcement'> = {
  announce: (execution, origin, { real: address, call_hash }) => {
    const who = ensureSigned(origin);
    const real = lookup(address);
    findProxy(execution, real, { delegate: who, type: undefined });
    const [pending, deposit] = execution.storage.Proxy.Announcements.get(who);
    ensure(pending.length < MAX_PENDING, 'Proxy', 'TooMany');
    const changed = [...pending, { real, call_hash, height: execution.blockNumber }];
    execution.storage.Proxy.Announcements.set(who, [changed, adjustDeposit(execution, who, { held: deposit, count: changed.length, price: ANNOUNCEMENT_DEPOSIT })]);
    execution.deposit('Proxy', 'Announced', { real, proxy: who, call_hash });
  },
  remove_announcement: (execution, origin, { real: address, call_hash }) => {
    const who = ensureSigned(origin);
    const real = lookup(address);
    ensure(removeAnnouncements(execution, who, (made) => made.real === real && made.call_hash === call_hash), 'Proxy', 'NotFound');
  },
  reject_announcement: (execution, origin, { delegate: address, call_hash }) => {
    const real = ensureSigned(origin);
    const delegate = lookup(address);
    ensure(removeAnnouncements(execution, delegate, (made) => made.real === real && made.call_hash === call_hash), 'Proxy', 'NotFound');
  },
};

/** Takes out the announcements of a proxy that `selects` finds; whether there were any. */
function removeAnnouncements(execution: Execution, delegate: string, selects: (made: Announcement) => boolean): boolean {
  const [pending, deposit] = execution.storage.Proxy.Announcements.get(delegate);
  const kept = pending.filter((made) => !selects(made));
  if (kept.length === pending.length) return false;
  const held = adjustDeposit(execution, delegate, { held: deposit, count: kept.length, price: ANNOUNCEMENT_DEPOSIT });
  if (kept.length === 0) execution.storage.Proxy.Announcements.remove(delegate);
  else execution.storage.Proxy.Announcements.set(delegate, [kept, held]);
  return true;
}

interface DepositChange {
  readonly held: bigint;
  readonly count: number;
  readonly price: { readonly base: bigint; readonly factor: bigint };
}

/** Reserves or gives back what `count` items cost more or less than what is held, and returns what is held from now on. */
function adjustDeposit(execution: Execution, who: string, { held, count, price }: DepositChange): bigint {
  const due = count === 0 ? 0n : price.base + price.factor * BigInt(count);
  if (due > held) reserve(execution, who, due - held);
  else unreserve(execution, who, held - due);
  return due;
}
