/**
 * Multisigs. What happens in each case is what Substrate's own tests say (pallet-multisig 50.0.0, src/tests.rs), named at each, with the
 * deposits of finney's constants; addresses are compared with @polkadot/util-crypto's `createKeyMulti`.
 */
import { createKeyMulti } from '@polkadot/util-crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blake2, fromHex, toHex } from '../src/hex.ts';
import { encodeScale } from '../src/scale/codec.ts';
import type { RuntimeCall } from '../src/scale/type-of.ts';
import { account, Runtime, TAO } from './runtime-support.ts';
import { openWorld, pairOf, read, send, tx } from './support.ts';

const MAX_WEIGHT = { ref_time: 10n ** 12n, proof_size: 10n ** 6n };
const NO_WEIGHT = { ref_time: 0n, proof_size: 0n };
const [A, B, C, TO] = [account(1), account(2), account(3), account(6)] as const;
const OTHERS: Readonly<Record<string, readonly string[]>> = { [A]: [B, C], [B]: [A, C], [C]: [A, B] };
const NOW = { height: 1, index: 0 };
const deposit = (threshold: bigint): bigint => 132_000_000n + 32_000_000n * threshold;
const multi = (threshold: number, who: readonly string[] = [A, B, C]): string => toHex(createKeyMulti(who.map((one) => fromHex(one)), threshold));
const transfer = (value: bigint, dest = TO): RuntimeCall => ({ pallet: 'Balances', call: 'transfer_allow_death', args: { dest: { type: 'Id', value: dest }, value } });
const hashOf = (call: RuntimeCall): Uint8Array => blake2(encodeScale('RuntimeCall', call));
const CALL = transfer(15n * TAO);

function world(threshold = 2): Runtime {
  const runtime = new Runtime();
  for (const who of [A, B, C]) runtime.fund(who, 10n * TAO);
  runtime.fund(multi(threshold), 15n * TAO);
  runtime.events();
  return runtime;
}

interface Step {
  readonly threshold?: number;
  readonly others?: readonly string[];
  readonly timepoint?: typeof NOW | undefined;
  readonly call?: RuntimeCall;
  readonly weight?: typeof MAX_WEIGHT;
}
const asMulti = (runtime: Runtime, who: string, { threshold = 2, others = OTHERS[who] ?? [], timepoint, call = CALL, weight = MAX_WEIGHT }: Step = {}): string | undefined =>
  runtime.call(who, 'Multisig.as_multi', { threshold, other_signatories: others, maybe_timepoint: timepoint, call, max_weight: weight });
const approve = (runtime: Runtime, who: string, { threshold = 2, others = OTHERS[who] ?? [], timepoint, call = CALL }: Step = {}): string | undefined =>
  runtime.call(who, 'Multisig.approve_as_multi', { threshold, other_signatories: others, maybe_timepoint: timepoint, call_hash: hashOf(call), max_weight: NO_WEIGHT });
const cancel = (runtime: Runtime, who: string, { threshold = 2, others = OTHERS[who] ?? [], timepoint = NOW, call = CALL }: Step = {}): string | undefined =>
  runtime.call(who, 'Multisig.cancel_as_multi', { threshold, other_signatories: others, timepoint, call_hash: hashOf(call) });
const poke = (runtime: Runtime, who: string, { threshold = 2, others = OTHERS[who] ?? [], call = CALL }: Step = {}): string | undefined =>
  runtime.call(who, 'Multisig.poke_deposit', { threshold, other_signatories: others, call_hash: hashOf(call) });
const byOne = (runtime: Runtime, who: string, call: RuntimeCall, others = OTHERS[who] ?? []): string | undefined => runtime.call(who, 'Multisig.as_multi_threshold_1', { other_signatories: others, call });
const balance = (runtime: Runtime, who: string): { readonly free: bigint; readonly reserved: bigint } => runtime.execution.storage.System.Account.get(who).data;

describe('an operation', () => {
  it('holds a deposit of the first, and gives it back at the end (multisig_deposit_is_taken_and_returned)', () => {
    const runtime = world();
    expect(asMulti(runtime, A, { weight: NO_WEIGHT })).toBeUndefined();
    expect(runtime.records()).toEqual([
      { event: 'Reserved', data: { who: A, amount: 196_000_000n } },
      { event: 'NewMultisig', data: { approving: A, multisig: multi(2), call_hash: hashOf(CALL) } },
    ]);
    expect(runtime.execution.storage.Multisig.Multisigs.get(multi(2), hashOf(CALL))).toEqual({ when: NOW, deposit: 196_000_000n, depositor: A, approvals: [A] });
    expect(balance(runtime, A)).toMatchObject({ free: 10n * TAO - deposit(2n), reserved: deposit(2n) });
    expect(asMulti(runtime, B, { timepoint: NOW })).toBeUndefined();
    expect(runtime.events()).toEqual(['Unreserved', 'KilledAccount', 'NewAccount', 'Endowed', 'Transfer', 'MultisigExecuted']);
    expect(balance(runtime, A)).toMatchObject({ free: 10n * TAO, reserved: 0n });
    expect(balance(runtime, TO).free).toBe(15n * TAO);
    expect(runtime.execution.storage.Multisig.Multisigs.has(multi(2), hashOf(CALL))).toBe(false);
  });

  it('needs the call itself in the end, however many have approved its hash (multisig_2_of_3_works, multisig_handles_no_preimage_after_all_approve)', () => {
    const runtime = world(3);
    expect(approve(runtime, A, { threshold: 3 })).toBeUndefined();
    expect(approve(runtime, C, { threshold: 3, timepoint: NOW })).toBeUndefined();
    expect(approve(runtime, B, { threshold: 3, timepoint: NOW })).toBeUndefined();
    expect(runtime.execution.storage.Multisig.Multisigs.get(multi(3), hashOf(CALL))?.approvals).toEqual([A, B, C]);
    expect(balance(runtime, TO).free).toBe(0n);
    runtime.events();
    expect(asMulti(runtime, C, { threshold: 3, timepoint: NOW })).toBeUndefined();
    expect(runtime.records().at(-1)).toEqual({
      event: 'MultisigExecuted',
      data: { approving: C, timepoint: NOW, multisig: multi(3), call_hash: hashOf(CALL), result: { type: 'Ok', value: undefined } },
    });
    expect(balance(runtime, TO).free).toBe(15n * TAO);
  });

  it('waits with the call as with its hash while approvals are missing (multisig_3_of_3_works)', () => {
    const runtime = world(3);
    expect(asMulti(runtime, A, { threshold: 3 })).toBeUndefined();
    runtime.events();
    expect(asMulti(runtime, B, { threshold: 3, timepoint: NOW })).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'MultisigApproval', data: { approving: B, timepoint: NOW, multisig: multi(3), call_hash: hashOf(CALL) } }]);
    expect(asMulti(runtime, C, { threshold: 3, timepoint: NOW })).toBeUndefined();
    expect(balance(runtime, TO).free).toBe(15n * TAO);
  });

  it('can be one of several of the same account, and can be made again (…_as_multi_with_many_calls_works, …_cannot_reissue_same_call)', () => {
    const runtime = world();
    const [first, second] = [transfer(10n * TAO), transfer(5n * TAO, account(7))];
    expect(asMulti(runtime, A, { call: first })).toBeUndefined();
    expect(asMulti(runtime, B, { call: second })).toBeUndefined();
    expect(asMulti(runtime, C, { call: first, timepoint: NOW })).toBeUndefined();
    expect(asMulti(runtime, C, { call: second, timepoint: NOW })).toBeUndefined();
    expect([balance(runtime, TO).free, balance(runtime, account(7)).free]).toEqual([10n * TAO, 5n * TAO]);
    expect(asMulti(runtime, A, { call: first })).toBeUndefined();
    runtime.events();
    expect(asMulti(runtime, C, { call: first, timepoint: NOW })).toBeUndefined();
    expect(runtime.records().at(-1)).toMatchObject({ data: { result: { type: 'Err', value: { type: 'Token', value: { type: 'FundsUnavailable' } } } } });
  });

  it('can be taken back by who opened it (cancel_multisig_returns_deposit, cancel_multisig_works)', () => {
    const runtime = world(3);
    expect(approve(runtime, A, { threshold: 3 })).toBeUndefined();
    expect(approve(runtime, B, { threshold: 3, timepoint: NOW })).toBeUndefined();
    expect(balance(runtime, A).reserved).toBe(228_000_000n);
    expect(cancel(runtime, B, { threshold: 3 })).toBe('NotOwner');
    expect(cancel(runtime, A, { threshold: 3, timepoint: { height: 1, index: 1 } })).toBe('WrongTimepoint');
    expect(cancel(runtime, A, { threshold: 3, others: [B, account(4)] })).toBe('NotFound');
    expect(cancel(runtime, A, { threshold: 3, call: transfer(1n) })).toBe('NotFound');
    runtime.events();
    expect(cancel(runtime, A, { threshold: 3 })).toBeUndefined();
    expect(runtime.records()).toEqual([
      { event: 'Unreserved', data: { who: A, amount: 228_000_000n } },
      { event: 'MultisigCancelled', data: { cancelling: A, timepoint: NOW, multisig: multi(3), call_hash: hashOf(CALL) } },
    ]);
    expect(balance(runtime, A)).toMatchObject({ free: 10n * TAO, reserved: 0n });
  });

  it('begins at the block and extrinsic of the first approval (timepoint_checking_works, approve_as_multi_requires_timepoint_after_first_approval)', () => {
    const runtime = world();
    runtime.jump(7);
    runtime.execution.phase = { type: 'ApplyExtrinsic', value: 3 };
    const when = { height: 7, index: 3 };
    expect(approve(runtime, B, { timepoint: when })).toBe('UnexpectedTimepoint');
    expect(approve(runtime, A)).toBeUndefined();
    expect(asMulti(runtime, B)).toBe('NoTimepoint');
    expect(approve(runtime, B)).toBe('NoTimepoint');
    for (const timepoint of [{ height: 7, index: 4 }, { height: 8, index: 3 }]) expect(asMulti(runtime, B, { timepoint })).toBe('WrongTimepoint');
    expect(approve(runtime, C, { others: [A, account(4)].sort(), timepoint: when })).toBe('UnexpectedTimepoint');
    expect(asMulti(runtime, B, { timepoint: when })).toBeUndefined();
  });
});

describe('what is refused', () => {
  it('thresholds below 2 (minimum_threshold_check_works, multisig_1_of_3_works)', () => {
    const runtime = world();
    for (const threshold of [0, 1]) {
      for (const call of [asMulti, approve, cancel, poke]) expect(call(runtime, A, { threshold })).toBe('MinimumThreshold');
    }
  });

  it('signatories that are none, too many, out of order, doubled or the caller (too_many_signatories_fails, …_out_of_order_fails, …_with_sender_in_signatories_fails)', () => {
    const runtime = world();
    const hundred = Array.from({ length: 100 }, (_, index) => account(1_000 + index));
    for (const call of [asMulti, approve, cancel, poke]) {
      expect(call(runtime, A, { others: [] })).toBe('TooFewSignatories');
      expect(call(runtime, A, { others: hundred })).toBe('TooManySignatories');
      expect(call(runtime, A, { others: [C, B] })).toBe('SignatoriesOutOfOrder');
      expect(call(runtime, A, { others: [B, B] })).toBe('SignatoriesOutOfOrder');
      expect(call(runtime, A, { others: [A, B] })).toBe('SenderInSignatories');
    }
    expect(asMulti(runtime, A, { others: hundred.slice(1) })).toBeUndefined();
  });

  it('second approvals, and needless ones (duplicate_approvals_are_ignored)', () => {
    const runtime = world();
    expect(approve(runtime, A)).toBeUndefined();
    expect(approve(runtime, A, { timepoint: NOW })).toBe('AlreadyApproved');
    expect(asMulti(runtime, A, { timepoint: NOW })).toBe('AlreadyApproved');
    expect(approve(runtime, B, { timepoint: NOW })).toBeUndefined();
    expect(approve(runtime, C, { timepoint: NOW })).toBe('AlreadyApproved');
  });

  it('a call that is heavier than was said (weight_check_works)', () => {
    const runtime = world();
    expect(asMulti(runtime, A, { weight: NO_WEIGHT })).toBeUndefined();
    expect(asMulti(runtime, B, { timepoint: NOW, weight: NO_WEIGHT })).toBe('MaxWeightTooLow');
  });

  it('who cannot pay the deposit, and other origins', () => {
    const runtime = new Runtime();
    runtime.fund(A, deposit(2n) - 1n);
    expect(asMulti(runtime, A)).toBe('InsufficientBalance');
    expect(runtime.call('root', 'Multisig.as_multi', { threshold: 2, other_signatories: [B], maybe_timepoint: undefined, call: CALL, max_weight: NO_WEIGHT })).toBe('BadOrigin');
  });
});

describe('poke_deposit', () => {
  it('finds one’s own operation only (poke_deposit_fails_for_…)', () => {
    const runtime = world();
    expect(poke(runtime, A)).toBe('NotFound');
    approve(runtime, A);
    expect(poke(runtime, B)).toBe('NotOwner');
    runtime.events();
    expect(poke(runtime, A)).toBeUndefined();
    expect(runtime.events()).toEqual([]);
  });

  it.each([100_000_000n, 300_000_000n])('brings a deposit of %i to what it is now (poke_deposit_works_when_deposit_…)', (held) => {
    const runtime = world();
    approve(runtime, A);
    const { Multisigs } = runtime.execution.storage.Multisig;
    const operation = Multisigs.get(multi(2), hashOf(CALL));
    if (operation === undefined) throw new Error('no operation');
    Multisigs.set(multi(2), hashOf(CALL), { ...operation, deposit: held });
    const { Account } = runtime.execution.storage.System;
    const before = Account.get(A);
    Account.set(A, { ...before, data: { ...before.data, reserved: held } });
    runtime.events();
    expect(poke(runtime, A)).toBeUndefined();
    expect(runtime.records().at(-1)).toEqual({ event: 'DepositPoked', data: { who: A, call_hash: hashOf(CALL), old_deposit: held, new_deposit: deposit(2n) } });
    expect(balance(runtime, A)).toMatchObject({ free: before.data.free + held - deposit(2n), reserved: deposit(2n) });
  });
});

describe('as_multi_threshold_1', () => {
  it('calls at once, and fails with its call (multisig_1_of_3_works, multisig_filters)', () => {
    const runtime = world(1);
    expect(byOne(runtime, B, CALL)).toBeUndefined();
    expect(runtime.records().at(-1)).toEqual({
      event: 'MultisigExecuted',
      data: { approving: B, timepoint: NOW, multisig: multi(1), call_hash: hashOf(CALL), result: { type: 'Ok', value: undefined } },
    });
    expect(balance(runtime, TO).free).toBe(15n * TAO);
    expect(byOne(runtime, B, CALL)).toBe('Token.FundsUnavailable');
    expect(byOne(runtime, B, CALL, [])).toBe('TooFewSignatories');
    expect(byOne(runtime, B, CALL, [C, A])).toBe('SignatoriesOutOfOrder');
    const batch: RuntimeCall = { pallet: 'Utility', call: 'batch', args: { calls: [] } };
    expect(byOne(runtime, B, { pallet: 'Utility', call: 'batch', args: { calls: [batch] } })).toBe('CallFiltered');
    expect(runtime.events()).toEqual([]);
  });
});

describe('addresses', () => {
  it('are those of @polkadot/util-crypto, whoever calls', () => {
    const accounts = fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 31 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(accounts, fc.integer({ min: 2, max: 500 }), fc.nat(), (numbers, threshold, pick) => {
        const all = numbers.map((n) => account(n)).sort();
        const who = all[pick % all.length] as string;
        const runtime = new Runtime();
        runtime.fund(who, 100n * TAO);
        runtime.events();
        expect(approve(runtime, who, { threshold, others: all.filter((one) => one !== who) })).toBeUndefined();
        expect(runtime.records().at(-1)?.data).toMatchObject({ multisig: multi(threshold, all) });
      }),
      { numRuns: 50 },
    );
  });

  it('serve @polkadot/api from approval to execution', async () => {
    const { api, close } = await openWorld();
    try {
      const [alice, bob] = [pairOf('//Alice'), pairOf('//Bob')];
      const id = `0x${toHex(createKeyMulti([alice.publicKey, bob.publicKey], 2))}`;
      await send(api, tx(api, 'balances', 'transferKeepAlive', id, 2n * TAO), alice);
      const call = tx(api, 'balances', 'transferKeepAlive', `0x${TO}`, TAO);
      const { events } = await send(api, tx(api, 'multisig', 'approveAsMulti', 2, [bob.address], null, call.method.hash, { refTime: 0, proofSize: 0 }), alice);
      expect(events).toContain('multisig.NewMultisig');
      const operation = (await read(api, 'multisig', 'multisigs', [id, call.method.hash])) as { when: object; depositor: string };
      expect(operation.depositor).toBe(alice.address);
      const done = await send(api, tx(api, 'multisig', 'asMulti', 2, [alice.address], operation.when, call.method, { refTime: 10 ** 12, proofSize: 10 ** 6 }), bob);
      expect(done.events).toContain('multisig.MultisigExecuted');
      expect(await read(api, 'system', 'account', [`0x${TO}`])).toMatchObject({ data: { free: Number(TAO) } });
    } finally {
      await close();
    }
  });
});
