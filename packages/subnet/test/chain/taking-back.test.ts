/**
 * Stake and TAO taken back and given away with `@connito/chain` against a running `@connito/localnet`: what a plan says is what the chain does.
 */
import { addStake, connectChain, isChainError, openKeypair, planMoveStake, planRemoveStake, planTransfer, planUnstakeAll, readBalance, readStake, readStakes, removeStake, sendCall, transfer, unstakeAll, type Chain, type Plan } from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createValidatorSubnet } from './validator-subnet.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const TAO = 1_000_000_000n;
const DEPOSIT = 500n;
const alice = openKeypair('//Alice');
const coldkey = openKeypair('//saver');
const hotkey = openKeypair('//validator').hotkey;
const account = coldkey.hotkey;
const nobody = openKeypair('//nobody').hotkey;

let localnet: Localnet;
let chain: Chain;
let netuid: number;

const balance = (): Promise<bigint> => readBalance(chain, { account });
const stakeOn = (id: number): Promise<bigint> => readStake(chain, { netuid: id, hotkey, coldkey: account });
const stakeMore = (id: number, amountRao: bigint): Promise<unknown> => addStake(chain, { netuid: id, hotkey, amountRao, tolerance: 'none', signer: coldkey });
/** A share is rounded down, and fees are taken by the weight that the block measures. */
const isAbout = (actual: bigint, expected: bigint, rao = 10n): boolean => actual - expected <= rao && expected - actual <= rao;

/** What the chain itself says of a call that was planned as refused. */
async function verdict({ call, refusal }: Plan): Promise<readonly [planned: string | undefined, said: string | undefined]> {
  const said = await sendCall(chain, call, { signer: coldkey }).then(
    () => 'taken',
    (error: unknown) => (isChainError(error) ? (error.context.error ?? error.context.reason ?? error.code) : Promise.reject(error as Error)),
  );
  return [refusal?.reason, said];
}

beforeAll(async () => {
  localnet = await startLocalnet({ seed: 'taking-back', instantSeal: true, intervalMs: 600_000 });
  chain = await connectChain({ endpoint: localnet.endpoint });
  ({ netuid } = await createValidatorSubnet(chain, { owner: openKeypair('//owner').hotkey, validator: hotkey, sudo: alice, tempo: 50 }));
  await transfer(chain, { destination: account, amountRao: 40n * TAO, signer: alice });
});
afterAll(async () => {
  await chain?.close();
  await localnet?.close();
});

describe('TAO', () => {
  it('is refused for the reason that the chain gives', async () => {
    const free = await balance();
    const { feeRao } = await planTransfer(chain, { destination: nobody, amountRao: TAO, account });
    const plan = (amountRao: bigint): Promise<Plan> => planTransfer(chain, { destination: nobody, amountRao, account });
    expect(await verdict(await plan(free))).toEqual(['FundsUnavailable', 'FundsUnavailable']);
    expect(await verdict(await plan((await balance()) - feeRao - 100n))).toEqual(['NotExpendable', 'NotExpendable']);
    expect(await verdict(await plan(DEPOSIT - 1n))).toEqual(['BelowMinimum', 'BelowMinimum']);
  });

  it('is sent to the last rao of what can go, and the account lives', async () => {
    const poor = openKeypair('//poor');
    await transfer(chain, { destination: poor.hotkey, amountRao: TAO, signer: alice });
    const plan = await planTransfer(chain, { destination: nobody, amountRao: 'all', account: poor.hotkey });
    const { amountRao } = await transfer(chain, { destination: nobody, amountRao: 'all', signer: poor });
    expect([amountRao, amountRao]).toEqual([plan.figures.amountRao, await readBalance(chain, { account: nobody })]);
    expect(await readBalance(chain, { account: poor.hotkey })).toBe(DEPOSIT);
    const again = await planTransfer(chain, { destination: nobody, amountRao: 'all', account: poor.hotkey });
    expect([again.refusal?.reason, await sendCall(chain, again.call, { signer: poor }).catch((error: unknown) => isChainError(error) && error.code)]).toEqual(['Payment', 'rejected']);
    await transfer(chain, { destination: poor.hotkey, amountRao: TAO, signer: alice });
    await transfer(chain, { destination: nobody, amountRao: 'all', allowDeath: true, signer: poor });
    expect(await readBalance(chain, { account: poor.hotkey })).toBe(0n);
  });
});

describe('stake', () => {
  it('is taken back from one subnet, all that is there at inclusion', async () => {
    await stakeMore(netuid, 5n * TAO);
    const { figures } = await planRemoveStake(chain, { netuid, hotkey, amountRao: 'all', tolerance: 'none', account });
    const { alphaRao, taoRao, stakeRao } = await removeStake(chain, { netuid, hotkey, amountRao: 'all', tolerance: 'none', signer: coldkey });
    expect([stakeRao, await stakeOn(netuid)]).toEqual([0n, 0n]);
    expect(isAbout(alphaRao + figures.quote.feeRao, figures.stakeRao)).toBe(true);
    expect(isAbout(taoRao, figures.quote.outputRao)).toBe(true);
    expect(await verdict(await planRemoveStake(chain, { netuid, hotkey, amountRao: 'all', tolerance: 'none', account }))).toEqual(['AmountTooLow', 'AmountTooLow']);
  });

  it('is taken back from every subnet, and brings what was said', async () => {
    await stakeMore(netuid, 5n * TAO);
    await stakeMore(0, 3n * TAO);
    const [before, plan] = [await balance(), await planUnstakeAll(chain, { hotkey, account })];
    expect(plan.figures.positions.map((position) => [position.netuid, position.skipped])).toEqual([[0, undefined], [netuid, undefined]]);
    const { removed } = await unstakeAll(chain, { hotkey, signer: coldkey });
    expect(removed.map((removal) => removal.netuid).toSorted()).toEqual([0, netuid]);
    const tao = removed.reduce((sum, { taoRao }) => sum + taoRao, 0n);
    expect([await balance(), await readStakes(chain, { coldkey: account })]).toEqual([before - plan.feeRao + tao, []]);
    expect(isAbout(tao, plan.figures.receivedRao)).toBe(true);
    // The chain would take it, do nothing, and keep the fee.
    expect(await verdict(await planUnstakeAll(chain, { hotkey, account }))).toEqual(['AmountTooLow', 'taken']);
  });

  it('goes onto the root subnet, where what is there stays', async () => {
    expect(await verdict(await planUnstakeAll(chain, { hotkey, into: 'root', account }))).toEqual(['AmountTooLow', 'AmountTooLow']);
    await stakeMore(netuid, 5n * TAO);
    await stakeMore(0, 3n * TAO);
    const plan = await planUnstakeAll(chain, { hotkey, into: 'root', account });
    expect(plan.figures.positions.map((position) => position.netuid)).toEqual([netuid]);
    const { removed } = await unstakeAll(chain, { hotkey, into: 'root', signer: coldkey });
    expect(removed.map((removal) => removal.netuid)).toEqual([netuid]);
    expect(await stakeOn(netuid)).toBe(0n);
    expect(isAbout(await stakeOn(0), 3n * TAO + plan.figures.receivedRao)).toBe(true);
    await unstakeAll(chain, { hotkey, signer: coldkey });
  });

  it('pays the fee where there is no TAO for it, and what the call took is told apart from that', async () => {
    await stakeMore(netuid, 5n * TAO);
    await transfer(chain, { destination: nobody, amountRao: 'all', signer: coldkey });
    expect(await balance()).toBe(DEPOSIT);
    const before = await stakeOn(netuid);
    const options = { netuid, hotkey, amountRao: TAO, tolerance: 'none' as const };
    const { figures, refusal } = await planRemoveStake(chain, { ...options, account });
    expect([refusal, figures.feeAlphaRao > 0n]).toEqual([undefined, true]);
    const { alphaRao, taoRao, stakeRao } = await removeStake(chain, { ...options, signer: coldkey });
    expect(isAbout(alphaRao + figures.quote.feeRao, TAO)).toBe(true);
    expect(await balance()).toBe(DEPOSIT + taoRao);
    expect(isAbout(stakeRao, before - TAO - figures.feeAlphaRao, 1000n)).toBe(true);
  });

  it('on several subnets pays no fee', async () => {
    await stakeMore(0, TAO / 100n);
    await transfer(chain, { destination: nobody, amountRao: 'all', signer: coldkey });
    expect(await verdict(await planUnstakeAll(chain, { hotkey, account }))).toEqual(['Payment', expect.stringContaining('pay some fees')]);
    // Moves take from one.
    expect((await planMoveStake(chain, { netuid, hotkey, amountRao: TAO, toHotkey: openKeypair('//owner').hotkey, account })).refusal).toBeUndefined();
    expect(await verdict(await planRemoveStake(chain, { netuid, hotkey, amountRao: await stakeOn(netuid), tolerance: 0.5, account }))).toEqual(['NotEnoughStakeToWithdraw', 'NotEnoughStakeToWithdraw']);
  });
});
