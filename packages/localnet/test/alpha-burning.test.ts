/** Alpha recycled and burnt. Set-ups and outcomes are those of pallets/subtensor/src/tests/recycle_alpha.rs (opentensor/subtensor 14bc6f9f9), named at each. */
import { describe, expect, it } from 'vitest';
import { increaseStake, stakeOf } from '../src/runtime/share-pool.ts';
import { account, Runtime, TAO } from './runtime-support.ts';

const [COLDKEY, OTHER] = [account(5), account(6)];

interface World {
  readonly runtime: Runtime;
  readonly netuid: number;
  readonly hotkey: string;
}

function world(): World {
  const runtime = new Runtime();
  const netuid = runtime.subnet();
  const hotkey = account(50);
  runtime.fund(COLDKEY, 10n * TAO);
  runtime.expect(runtime.call(COLDKEY, 'burned_register', { netuid, hotkey }));
  increaseStake(runtime.execution, hotkey, COLDKEY, { netuid, amount: 200_000n });
  increaseStake(runtime.execution, hotkey, OTHER, { netuid, amount: 300_000n });
  runtime.subtensor.SubnetAlphaOut.set(netuid, 500_000n);
  runtime.events();
  return { runtime, netuid, hotkey };
}
const calls = ['recycle_alpha', 'burn_alpha'] as const;
const give = ({ runtime, netuid, hotkey }: World, call: (typeof calls)[number], amount: bigint): string | undefined => runtime.call(COLDKEY, call, { hotkey, amount, netuid });

describe.each(calls)('%s', (call) => {
  const recycles = call === 'recycle_alpha';

  it('takes the caller’s alpha, of the issuance too where it is recycled (test_recycle_success, test_recycle_two_stakers, test_burn_…)', () => {
    const chain = world();
    const { runtime, netuid, hotkey } = chain;
    expect(give(chain, call, 100_000n)).toBeUndefined();
    expect([stakeOf(runtime.execution, hotkey, COLDKEY, netuid), stakeOf(runtime.execution, hotkey, OTHER, netuid)]).toEqual([100_000n, 300_000n]);
    expect(runtime.subtensor.TotalHotkeyAlpha.get(hotkey, netuid)).toBe(400_000n);
    expect(runtime.subtensor.SubnetAlphaOut.get(netuid)).toBe(recycles ? 400_000n : 500_000n);
    expect(runtime.records()).toEqual([{ event: recycles ? 'AlphaRecycled' : 'AlphaBurned', data: [COLDKEY, hotkey, 100_000n, netuid] }]);
  });

  it('takes no more than there is', () => {
    const chain = world();
    expect(give(chain, call, 10n ** 12n)).toBeUndefined();
    expect(chain.runtime.records()).toMatchObject([{ data: [COLDKEY, chain.hotkey, 200_000n, chain.netuid] }]);
  });

  it('is refused in the chain’s order (test_recycle_errors, test_burn_errors)', () => {
    const chain = world();
    const { runtime, netuid, hotkey } = chain;
    expect(runtime.call('root', call, { hotkey, amount: 1n, netuid })).toBe('BadOrigin');
    expect(give({ ...chain, netuid: 99 }, call, 1n)).toBe('SubnetNotExists');
    expect(give({ ...chain, netuid: 0 }, call, 1n)).toBe('CannotBurnOrRecycleOnRootSubnet');
    expect(give({ ...chain, hotkey: account(3) }, call, 1n)).toBe('HotKeyAccountNotExists');
    runtime.subtensor.SubnetAlphaOut.set(netuid, 99_999n);
    expect(give(chain, call, 100_000n)).toBe('InsufficientLiquidity');
    runtime.subtensor.SubtokenEnabled.set(netuid, false);
    expect(give(chain, call, 100_000n)).toBe('SubtokenDisabled');
  });
});

describe('add_stake_burn', () => {
  it('stakes and burns at once, also for who does not own the hotkey (test_add_stake_burn_success, …_non_owner_succeeds)', () => {
    const chain = world();
    const { runtime, netuid } = chain;
    const before = runtime.subtensor.SubnetAlphaOut.get(netuid);
    expect(runtime.call(COLDKEY, 'add_stake_burn', { hotkey: account(2), netuid, amount: TAO, limit: undefined })).toBeUndefined();
    const records = runtime.records();
    expect(records.map(({ event }) => event).slice(-3)).toEqual(['StakeAdded', 'AlphaBurned', 'AddStakeBurn']);
    const alpha = runtime.subtensor.SubnetAlphaOut.get(netuid) - before;
    expect(records.at(-3)).toMatchObject({ data: [COLDKEY, account(2), TAO, alpha, netuid, expect.anything()] });
    expect(records.at(-1)).toEqual({ event: 'AddStakeBurn', data: { netuid, hotkey: account(2), amount: TAO, alpha } });
    expect(stakeOf(runtime.execution, account(2), COLDKEY, netuid)).toBe(0n);
    expect(alpha).toBeGreaterThan(0n);
  });

  it('keeps to the limit, and fails as staking does (…_with_limit_success, …_nonexistent_subnet_fails, …_insufficient_balance_fails)', () => {
    const { runtime, netuid, hotkey } = world();
    const burn = (where: number, amount: bigint, limit?: bigint): string | undefined => runtime.call(COLDKEY, 'add_stake_burn', { hotkey, netuid: where, amount, limit });
    expect(burn(99, TAO)).toBe('SubnetNotExists');
    expect(burn(netuid, 100n * TAO)).toBe('NotEnoughBalanceToStake');
    expect(burn(netuid, TAO, 1n)).toBeDefined();
    expect(burn(netuid, TAO, 10n * TAO)).toBeUndefined();
  });
});
