/**
 * Fees. The price of weight is compared with Substrate's own (test/vectors/weight-fee.json); weights are those of the runtime's
 * benchmarks (src/runtime/benchmarked-weights.ts and its generator); who pays for proxies is what runtime/tests/transaction_payment_wrapper.rs
 * says (opentensor/subtensor 14bc6f9f9).
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pallets, palletList } from '../src/pallets/index.ts';
import { BENCHMARKED_WEIGHTS } from '../src/runtime/benchmarked-weights.ts';
import { dispatchInfo, weightOf } from '../src/runtime/dispatch-info.ts';
import { feeOf, feeParts, feePayer, weightFee } from '../src/runtime/fees.ts';
import type { RuntimeCall } from '../src/scale/type-of.ts';
import { account, Runtime, TAO } from './runtime-support.ts';
import { openWorld, pairOf, read, send, tx, type Call, type World } from './support.ts';

const VECTORS = JSON.parse(readFileSync(new URL('vectors/weight-fee.json', import.meta.url), 'utf8')) as { weightAndFeeRao: [string, string][] };
const [SIGNER, REAL, INNER_REAL, OTHER] = [account(1), account(2), account(3), account(4)];
const call = (name: string, args: object = {}): RuntimeCall => {
  const [pallet = '', method = ''] = name.split('.');
  return { pallet, call: method, args: args as Record<string, unknown> };
};
const id = (value: string): object => ({ type: 'Id', value });
const TRANSFER = call('Balances.transfer_keep_alive', { dest: id(OTHER), value: 1n });
const WEIGHTS = call('SubtensorModule.set_weights', { netuid: 1, dests: [], weights: [], version_key: 0n });
const batch = (calls: readonly RuntimeCall[], kind = 'batch'): RuntimeCall => call(`Utility.${kind}`, { calls });
const proxy = (real: string, inner: RuntimeCall): RuntimeCall => call('Proxy.proxy', { real: id(real), force_proxy_type: undefined, call: inner });
const weight = (ref_time: number | bigint, proof_size: number): object => ({ ref_time: BigInt(ref_time), proof_size: BigInt(proof_size) });

const world = (...pairs: readonly (readonly [real: string, delegate: string])[]): Runtime => {
  const runtime = new Runtime();
  for (const [real, delegate] of pairs) runtime.execution.storage.Proxy.RealPaysFee.set(real, delegate, undefined);
  return runtime;
};
const payer = (runtime: Runtime, inner: RuntimeCall): string => feePayer(runtime.execution, SIGNER, inner);
const classOf = (inner: RuntimeCall): string => dispatchInfo(inner).class.type;

describe('the price', () => {
  it(`of weight is Substrate's, with its rounding (${VECTORS.weightAndFeeRao.length} rows)`, () => {
    expect(VECTORS.weightAndFeeRao.length).toBe(212);
    const wrong = VECTORS.weightAndFeeRao.filter(([refTime, fee]) => weightFee({ ref_time: BigInt(refTime), proof_size: 7n }) !== BigInt(fee));
    expect(wrong).toEqual([]);
  });

  it('is no higher than that of a whole block', () => {
    expect(weightFee({ ref_time: 10n ** 18n, proof_size: 0n })).toBe(2_000_000_000n);
  });

  it('of a transfer is that of the extrinsic, of each byte and of its benchmark', () => {
    // 39,051,000 and one read and one write of the database: pallet-balances 42.0.0, src/weights.rs
    expect(weightOf(TRANSFER)).toEqual(weight(39_051_000 + 25_000_000 + 100_000_000, 3_593));
    expect(feeParts(TRANSFER, 146)).toEqual({ baseRao: 54_078n, lengthRao: 146n, weightRao: 82_025n });
    expect(feeOf(TRANSFER, 146)).toBe(136_249n);
  });

  it('is nothing for calls that the chain declares free', () => {
    expect([feeOf(WEIGHTS, 100), feeParts(WEIGHTS, 100)]).toEqual([0n, undefined]);
    expect(feeOf(batch([WEIGHTS, WEIGHTS]), 100)).toBe(0n);
    expect(feeOf(proxy(REAL, WEIGHTS), 100)).toBe(0n);
    expect(feeOf(batch([WEIGHTS, TRANSFER]), 100)).toBeGreaterThan(0n);
  });
});

describe('weights', () => {
  it('are known of all calls', () => {
    const special = new Set(['Balances.force_set_balance', 'Balances.burn', 'Utility.with_weight', 'Sudo.sudo_unchecked_weight', 'Multisig.as_multi', 'Multisig.approve_as_multi']);
    const names = palletList.flatMap(([pallet, { calls }]) => Object.keys(calls).map((name) => `${pallet}.${name}`));
    expect(names.filter((name) => !(name in BENCHMARKED_WEIGHTS) && !special.has(name))).toEqual([]);
    expect(Object.keys(pallets).length).toBeGreaterThan(10);
  });

  // 19,446,696 + 5,450,264 a call, two reads: pallets/utility/src/weights.rs. 28,026,265 + 53,205 · 20, three reads, one write: pallets/proxy/src/weights.rs.
  it('of batches and proxies are their own and those of their calls', () => {
    const inner = 164_051_000;
    expect(weightOf(batch([TRANSFER, TRANSFER]))).toEqual(weight(19_446_696 + 50_000_000 + 2 * 5_450_264 + 2 * inner, 3_983 + 2 * 3_593));
    expect(weightOf(proxy(REAL, TRANSFER))).toEqual(weight(28_026_265 + 20 * 53_205 + 175_000_000 + 125_000_000 + inner, 4_254 + 20 * 37 + 3_593));
    expect(weightOf(call('Sudo.sudo', { call: TRANSFER }))).toEqual(weight(7_939_000 + 25_000_000 + inner, 1_517 + 3_593));
  });

  it('of what has a size grow with it', () => {
    const remark = (bytes: number): RuntimeCall => call('System.remark', { remark: new Uint8Array(bytes) });
    expect(weightOf(remark(100))).toEqual(weight(1_586_000 + 100 * 10_920, 0));
    const asMulti = call('Multisig.as_multi', { threshold: 2, other_signatories: [OTHER, REAL], maybe_timepoint: undefined, call: remark(0), max_weight: weight(5, 6) });
    // The heaviest of opening, approving and completing, for two others and a call of three bytes; and what is said of the call.
    expect(weightOf(asMulti)).toEqual(weight(34_745_418 + 300_000_000 + 2 * 193_313 + 3 * 2_057 + 5, 6_811 + 6));
  });

  it('and classes are those that the runtime declares', () => {
    const half = call('AdminUtils.sudo_set_burn_half_life', { netuid: 1, burn_half_life: 1 });
    expect([classOf(TRANSFER), classOf(half), classOf(call('Sudo.sudo', { call: half })), classOf(batch([half])), classOf(call('Timestamp.set', { now: 0n }))]).toEqual(['Normal', 'Operational', 'Operational', 'Normal', 'Mandatory']);
  });
});

describe('who pays', () => {
  it('is the signer, unless the account behind the proxy has said that it does', () => {
    expect(payer(world(), proxy(REAL, TRANSFER))).toBe(SIGNER);
    expect(payer(world([REAL, OTHER]), proxy(REAL, TRANSFER))).toBe(SIGNER);
    expect(payer(world([REAL, SIGNER]), proxy(REAL, TRANSFER))).toBe(REAL);
    expect(payer(world([REAL, SIGNER]), batch([proxy(REAL, TRANSFER)]))).toBe(SIGNER);
    expect(payer(world([REAL, SIGNER]), call('Proxy.proxy_announced', { delegate: id(SIGNER), real: id(REAL), force_proxy_type: undefined, call: TRANSFER }))).toBe(SIGNER);
  });

  it('is the innermost of two proxies that has', () => {
    const nested = proxy(REAL, proxy(INNER_REAL, TRANSFER));
    expect(payer(world([REAL, SIGNER], [INNER_REAL, REAL]), nested)).toBe(INNER_REAL);
    expect(payer(world([REAL, SIGNER], [INNER_REAL, SIGNER]), nested)).toBe(REAL);
    expect(payer(world([INNER_REAL, REAL]), nested)).toBe(SIGNER);
  });

  it.each(['batch', 'batch_all', 'force_batch'])('of a %s of proxies is their account, if it is one', (kind) => {
    const runtime = world([REAL, SIGNER], [INNER_REAL, REAL]);
    const made = (...calls: readonly RuntimeCall[]): string => payer(runtime, proxy(REAL, batch(calls, kind)));
    expect(made(proxy(INNER_REAL, TRANSFER), proxy(INNER_REAL, WEIGHTS))).toBe(INNER_REAL);
    expect(made(proxy(INNER_REAL, TRANSFER), proxy(OTHER, TRANSFER))).toBe(REAL);
    expect(made(proxy(INNER_REAL, TRANSFER), TRANSFER)).toBe(REAL);
    expect(made()).toBe(REAL);
  });
});

describe('over the wire', () => {
  let connected: World;
  beforeAll(async () => {
    connected = await openWorld();
  });
  afterAll(() => connected.close());

  const freeOf = async (address: string): Promise<bigint> => BigInt(String(((await read(connected.api, 'system', 'account', [address])) as { data: { free: string } }).data.free));
  /** What a transaction was said to cost, what it did cost, and what the chain told of it. */
  async function cost(made: Call, payerUri = '//Alice'): Promise<{ readonly said: bigint; readonly paid: bigint; readonly events: readonly string[]; readonly told: unknown }> {
    const { api } = connected;
    const [signer, paying] = [pairOf('//Alice'), pairOf(payerUri)];
    const said = (await made.paymentInfo(signer)).partialFee.toBigInt();
    const before = await freeOf(paying.address);
    const { events, blockHash } = await send(api, made, signer);
    const records = (await (await api.at(blockHash)).query['system']?.['events']?.()) as unknown as Iterable<{ event: { method: string; data: { toJSON(): unknown } } }>;
    const told = [...records].find(({ event }) => event.method === 'TransactionFeePaid')?.event.data.toJSON();
    return { said, paid: before - (await freeOf(paying.address)), events, told };
  }

  it('what is said beforehand is what is paid and told', async () => {
    const made = tx(connected.api, 'system', 'remarkWithEvent', '0x1234');
    const { said, paid, events, told } = await cost(made);
    expect(paid).toBe(said);
    expect(told).toEqual([pairOf('//Alice').address, Number(said), 0]);
    expect(events).toEqual(['balances.Withdraw', 'system.Remarked', 'balances.Deposit', 'transactionPayment.TransactionFeePaid', 'system.ExtrinsicSuccess']);
  });

  it('a multisig that waits is not charged for the weight that its call may have', async () => {
    const { api } = connected;
    const bob = pairOf('//Bob');
    const made = tx(api, 'multisig', 'asMulti', 2, [bob.address], null, tx(api, 'system', 'remark', '0x').method, { refTime: 10 ** 12, proofSize: 10 ** 6 });
    const { said, paid } = await cost(made);
    expect(said).toBeGreaterThan(TAO / 2n);
    const deposit = 196_000_000n;
    const { baseRao, lengthRao } = feeParts(TRANSFER, (await made.signAsync(pairOf('//Alice'))).encodedLength) as { baseRao: bigint; lengthRao: bigint };
    expect(paid - deposit).toBe(baseRao + lengthRao + weightFee({ ref_time: 29_976_762n + 125_000_000n + 144_320n + 3n * 1_819n, proof_size: 0n }));
  });

  it('a batch that stops is charged for what was done', async () => {
    const { api } = connected;
    const remark = tx(api, 'system', 'remarkWithEvent', '0x');
    const { said, paid, events } = await cost(tx(api, 'utility', 'batch', [tx(api, 'subtensorModule', 'startCall', 99), remark, remark]));
    expect(events).toContain('utility.BatchInterrupted');
    const failed = BigInt(BENCHMARKED_WEIGHTS['SubtensorModule.start_call'][0]);
    const feeFor = (calls: bigint): bigint => weightFee({ ref_time: 69_446_696n + failed + calls * 5_450_264n + (calls - 1n) * 4_725_000n, proof_size: 0n });
    expect(said - paid).toBe(feeFor(3n) - feeFor(1n));
  });

  it('the account behind a proxy pays if it has said so', async () => {
    const { api } = connected;
    const [alice, charlie] = [pairOf('//Alice'), pairOf('//Charlie')];
    await send(api, tx(api, 'proxy', 'addProxy', alice.address, 'Any', 0), charlie);
    const proxied = tx(api, 'proxy', 'proxy', charlie.address, null, tx(api, 'system', 'remark', '0x'));
    expect((await cost(proxied)).told).toMatchObject({ 0: alice.address });
    await send(api, tx(api, 'proxy', 'setRealPaysFee', alice.address, true), charlie);
    const { said, paid, told } = await cost(proxied, '//Charlie');
    expect([paid, told]).toEqual([said, [charlie.address, Number(said), 0]]);
  });

  it('free calls are told of with nothing, and sudo gets all back', async () => {
    const { api } = connected;
    const sudo = await cost(tx(api, 'sudo', 'sudo', tx(api, 'system', 'remark', '0x')));
    expect([sudo.said > 0n, sudo.paid, sudo.told]).toEqual([true, 0n, [pairOf('//Alice').address, 0, 0]]);
  });
});
