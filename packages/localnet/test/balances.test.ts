/** Root's calls on balances, burning, and the sudo key's end. What happens is what Substrate's pallet-balances and pallet-sudo say. */
import { describe, expect, it } from 'vitest';
import { reserve } from '../src/runtime/balances.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

const ED = 500n;
const [WHO, OTHER] = [account(1), account(2)];
const id = (value: string): object => ({ type: 'Id', value });

function world(): Runtime {
  const runtime = new Runtime();
  runtime.fund(WHO, 10n * TAO);
  runtime.events();
  return runtime;
}
const balance = (runtime: Runtime, who: string): { readonly free: bigint; readonly reserved: bigint } => runtime.execution.storage.System.Account.get(who).data;
const burn = (runtime: Runtime, value: bigint, keep_alive = false): string | undefined => runtime.call(WHO, 'Balances.burn', { value, keep_alive });
const issuance = (runtime: Runtime): bigint => runtime.execution.storage.Balances.TotalIssuance.get();

describe('burn', () => {
  it('destroys TAO', () => {
    const runtime = world();
    const before = issuance(runtime);
    expect(burn(runtime, TAO)).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'Burned', data: { who: WHO, amount: TAO } }]);
    expect([balance(runtime, WHO).free, before - issuance(runtime)]).toEqual([9n * TAO, TAO]);
  });

  it('keeps the account alive if asked to, and ends it otherwise', () => {
    const runtime = world();
    const before = issuance(runtime);
    expect(burn(runtime, 10n * TAO - ED + 1n, true)).toBe('Token.FundsUnavailable');
    expect(burn(runtime, 10n * TAO + 1n)).toBe('Token.FundsUnavailable');
    expect(burn(runtime, 10n * TAO - ED, true)).toBeUndefined();
    expect(balance(runtime, WHO).free).toBe(ED);
    expect(burn(runtime, 1n)).toBeUndefined();
    expect(runtime.events()).toEqual(['Burned', 'KilledAccount', 'DustLost', 'Burned']);
    expect(before - issuance(runtime)).toBe(10n * TAO);
  });

  it('leaves what a deposit needs', () => {
    const runtime = world();
    reserve(runtime.execution, WHO, TAO);
    expect(burn(runtime, 9n * TAO)).toBe('Token.FundsUnavailable');
    expect(burn(runtime, 9n * TAO - ED)).toBeUndefined();
  });
});

describe('root', () => {
  it('transfers for others, and gives back what they have reserved', () => {
    const runtime = world();
    const transfer = (from: string, value: bigint): string | undefined => runtime.call(from, 'Balances.force_transfer', { source: id(WHO), dest: id(OTHER), value });
    expect(transfer(OTHER, TAO)).toBe('BadOrigin');
    expect(transfer('root', 11n * TAO)).toBe('Token.FundsUnavailable');
    expect(transfer('root', TAO)).toBeUndefined();
    expect(balance(runtime, OTHER).free).toBe(TAO);
    reserve(runtime.execution, WHO, 2n * TAO);
    runtime.events();
    const unreserve = (from: string): string | undefined => runtime.call(from, 'Balances.force_unreserve', { who: id(WHO), amount: 5n * TAO });
    expect(unreserve(WHO)).toBe('BadOrigin');
    expect(unreserve('root')).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'Unreserved', data: { who: WHO, amount: 2n * TAO } }]);
    expect(balance(runtime, WHO)).toMatchObject({ free: 9n * TAO, reserved: 0n });
  });

  it('adjusts the issuance', () => {
    const runtime = world();
    const adjust = (from: string, type: 'Increase' | 'Decrease', delta: bigint): string | undefined =>
      runtime.call(from, 'Balances.force_adjust_total_issuance', { direction: { type }, delta });
    expect(adjust(WHO, 'Increase', 1n)).toBe('BadOrigin');
    expect(adjust('root', 'Increase', 0n)).toBe('DeltaZero');
    expect(adjust('root', 'Increase', 64n)).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'TotalIssuanceForced', data: { old: 10n * TAO, new: 10n * TAO + 64n } }]);
    expect(adjust('root', 'Decrease', 64n)).toBeUndefined();
    runtime.execution.storage.Balances.InactiveIssuance.set(4n * TAO);
    expect(adjust('root', 'Decrease', 6n * TAO + 1n)).toBe('IssuanceDeactivated');
    expect(adjust('root', 'Decrease', 6n * TAO)).toBeUndefined();
    expect(adjust('root', 'Increase', (1n << 64n) - 1n)).toBeUndefined();
    expect(issuance(runtime)).toBe((1n << 64n) - 1n);
  });

  it('finds no accounts to upgrade, which signed accounts ask for', () => {
    const runtime = world();
    expect(runtime.call('root', 'Balances.upgrade_accounts', { who: [WHO] })).toBe('BadOrigin');
    expect(runtime.call(WHO, 'Balances.upgrade_accounts', { who: [WHO, OTHER] })).toBeUndefined();
    expect(runtime.events()).toEqual([]);
  });
});

describe('the sudo key', () => {
  it('can be given up for good', () => {
    const runtime = world();
    const key = account(0xff);
    expect(runtime.call(WHO, 'Sudo.remove_key')).toBe('RequireSudo');
    expect(runtime.call(key, 'Sudo.remove_key')).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'KeyRemoved', data: [] }]);
    expect(runtime.call(key, 'Sudo.sudo', { call: { pallet: 'System', call: 'remark', args: { remark: new Uint8Array() } } })).toBe('RequireSudo');
  });
});
