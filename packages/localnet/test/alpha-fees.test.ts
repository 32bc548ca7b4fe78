/** Fees paid with stake: set-ups and outcomes of pallets/transaction-fee/src/tests/mod.rs (opentensor/subtensor 14bc6f9f9), named at each. */
import { describe, expect, it } from 'vitest';
import { applyTransaction } from '../src/runtime/apply-extrinsic.ts';
import { feeOf } from '../src/runtime/fees.ts';
import { alphaPrice } from '../src/runtime/pools.ts';
import { increaseStake, stakeOf } from '../src/runtime/share-pool.ts';
import { TransactionInvalid } from '../src/runtime/transaction-invalid.ts';
import { checkState, type SignedCall } from '../src/runtime/validity.ts';
import type { RuntimeCall } from '../src/scale/type-of.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

const [COLDKEY, HOTKEY, OTHER] = [account(5), account(50), account(6)];
const ED = 500n;
const LENGTH = 150;

interface World {
  readonly runtime: Runtime;
  readonly netuid: number;
}

/** A coldkey with stake on one subnet, and no more TAO than keeps it alive (`Forse-set signer balance to ED`). */
function world(stake = TAO): World {
  const runtime = new Runtime();
  const netuid = runtime.subnet();
  runtime.fund(COLDKEY, 10n * TAO);
  runtime.expect(runtime.call(COLDKEY, 'burned_register', { netuid, hotkey: HOTKEY }));
  increaseStake(runtime.execution, HOTKEY, COLDKEY, { netuid, amount: stake });
  runtime.subtensor.SubnetAlphaOut.set(netuid, 10n * TAO);
  const { free } = runtime.execution.storage.System.Account.get(COLDKEY).data;
  runtime.expect(runtime.call(COLDKEY, 'Balances.burn', { value: free - ED, keep_alive: true }));
  runtime.events();
  return { runtime, netuid };
}

function transaction(call: string, args: object): SignedCall {
  const made: RuntimeCall = { pallet: 'SubtensorModule', call, args: args as Record<string, unknown> };
  const signed = { address: { type: 'Id', value: COLDKEY }, signature: { type: 'Sr25519', value: new Uint8Array(64) }, era: { type: 'Immortal' }, nonce: 0, tip: 0n, hasMetadataHash: false } as const;
  return { signer: COLDKEY, signed, call: made, lengthBytes: LENGTH };
}
/** Whether the pool takes it. */
function isValid({ runtime }: World, made: SignedCall): boolean {
  try {
    checkState(runtime.execution, made);
    return true;
  } catch (error) {
    if (error instanceof TransactionInvalid && error.reason === 'Payment') return false;
    throw error;
  }
}
const removal = (netuid: number, amount_unstaked = TAO / 50n): SignedCall => transaction('remove_stake', { hotkey: HOTKEY, netuid, amount_unstaked });
const stake = ({ runtime, netuid }: World): bigint => stakeOf(runtime.execution, HOTKEY, COLDKEY, netuid);

describe('stake pays the fee', () => {
  it('where TAO does not suffice, at the pool’s price (test_remove_stake_fees_alpha)', () => {
    const chain = world();
    const { runtime, netuid } = chain;
    const made = removal(netuid);
    const feeRao = feeOf(made.call, LENGTH);
    const price = alphaPrice(runtime.execution, netuid);
    const before = { stake: stake(chain), issuance: runtime.execution.storage.Balances.TotalIssuance.get() };
    expect(isValid(chain, made)).toBe(true);
    applyTransaction(runtime.execution, made);
    const alpha = before.stake - stake(chain) - TAO / 50n;
    expect(alpha).toBe((feeRao << 64n) / price);
    const records = runtime.records();
    expect(records.map(({ event }) => event)).not.toContain('Withdraw');
    const paid = records.find(({ event }) => event === 'TransactionFeePaidWithAlpha')?.data as { readonly tao_amount: bigint };
    expect(paid).toEqual({ who: COLDKEY, netuid, alpha_fee: alpha, tao_amount: paid.tao_amount });
    expect(records.map(({ event }) => event).slice(-3)).toEqual(['TransactionFeePaidWithAlpha', 'TransactionFeePaid', 'ExtrinsicSuccess']);
    expect(records.at(-2)?.data).toEqual({ who: COLDKEY, actual_fee: feeRao, tip: 0n });
    expect(paid.tao_amount).toBeGreaterThan((feeRao * 99n) / 100n);
    expect(before.issuance - runtime.execution.storage.Balances.TotalIssuance.get()).toBe(paid.tao_amount);
  });

  it('not where TAO does (test_remove_stake_fees_tao)', () => {
    const chain = world();
    chain.runtime.fund(COLDKEY, TAO);
    const before = stake(chain);
    applyTransaction(chain.runtime.execution, removal(chain.netuid));
    expect(before - stake(chain)).toBe(TAO / 50n);
    expect(chain.runtime.events()).not.toContain('TransactionFeePaidWithAlpha');
  });

  it.each([
    ['remove_stake_limit', { amount_unstaked: 1n, limit_price: 0n, allow_partial: true }],
    ['remove_stake_full_limit', { limit_price: undefined }],
    ['recycle_alpha', { amount: 1n }],
    ['burn_alpha', { amount: 1n }],
    ['unstake_all', {}],
    ['unstake_all_alpha', {}],
    ['move_stake', { origin_hotkey: HOTKEY, destination_hotkey: OTHER, origin_netuid: 1, destination_netuid: 1, alpha_amount: 1n }],
    ['transfer_stake', { destination_coldkey: OTHER, origin_netuid: 1, destination_netuid: 1, alpha_amount: 1n }],
    ['swap_stake', { origin_netuid: 1, destination_netuid: 0, alpha_amount: 1n }],
    ['swap_stake_limit', { origin_netuid: 1, destination_netuid: 0, alpha_amount: 1n, limit_price: 0n, allow_partial: true }],
  ])('of %s', (call, args) => {
    const chain = world();
    expect(isValid(chain, transaction(call, { hotkey: HOTKEY, netuid: chain.netuid, ...args }))).toBe(true);
  });

  it('not of other calls, nor through a batch', () => {
    const chain = world();
    expect(isValid(chain, transaction('add_stake', { hotkey: HOTKEY, netuid: chain.netuid, amount_staked: 1n }))).toBe(false);
    const batch: RuntimeCall = { pallet: 'Utility', call: 'batch', args: { calls: [removal(chain.netuid).call] } };
    expect(isValid(chain, { ...removal(chain.netuid), call: batch })).toBe(false);
  });

  it('not from stake that is too little, nor of several subnets (test_rejects_multi_subnet_alpha_fee_deduction)', () => {
    expect(isValid(world(1_000n), removal(1, 1n))).toBe(false);
    const chain = world();
    increaseStake(chain.runtime.execution, HOTKEY, COLDKEY, { netuid: 0, amount: TAO });
    expect(isValid(chain, transaction('unstake_all', { hotkey: HOTKEY }))).toBe(false);
    expect(isValid(chain, removal(chain.netuid))).toBe(true);
  });

  it('on root too, one for one (test_remove_stake_root)', () => {
    const chain = world();
    const { runtime } = chain;
    increaseStake(runtime.execution, HOTKEY, COLDKEY, { netuid: 0, amount: TAO });
    for (const item of [runtime.subtensor.SubnetTAO, runtime.subtensor.SubnetAlphaOut]) item.set(0, TAO);
    runtime.fund(`${Buffer.from('modlsubtensr').toString('hex')}${'0'.repeat(40)}`, TAO);
    const made = removal(0);
    applyTransaction(runtime.execution, made);
    expect(TAO - stakeOf(runtime.execution, HOTKEY, COLDKEY, 0) - TAO / 50n).toBe(feeOf(made.call, LENGTH));
  });

  it('or the transaction has no place in a block: what cannot be sold leaves everything as it was', () => {
    const chain = world();
    const { runtime, netuid } = chain;
    runtime.subtensor.SubnetTAO.set(netuid, 1n);
    const before = [stake(chain), runtime.execution.storage.System.Account.get(COLDKEY)];
    expect(() => applyTransaction(runtime.execution, removal(netuid))).toThrow(TransactionInvalid);
    expect([stake(chain), runtime.execution.storage.System.Account.get(COLDKEY), runtime.events()]).toEqual([...before, []]);
  });
});
