/**
 * What the chain would refuse is refused here first, by its name, and nothing is sent.
 */
import { u8aToHex } from '@polkadot/util';
import { toHex } from '@connito/commit-reveal';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  formatTao,
  planAddStake,
  planAxon,
  planChildkeyTake,
  planChildren,
  planCommitment,
  planHyperparameter,
  planMoveStake,
  planPrometheus,
  planRegisterNetwork,
  planRegistration,
  planRemoveStake,
  planRootRegistration,
  planStartCall,
  planSubnetIdentity,
  planSwapStake,
  planTake,
  planTransfer,
  planTransferStake,
  planUnstakeAll,
  readAxon,
  readPendingChildren,
  readPermitNeed,
  readRevealedCommitments,
  readCommitment,
  readStakes,
  readSubnetIdentity,
  sendPlan,
  type Chain,
  type CommitmentField,
  type Plan,
} from '../src/index.ts';
import { codeOf } from './code-of.ts';
import { entryOf, HAS_METADATA, SCRIPTED_FEE_RAO, openScriptedChain, u64Hex, type ScriptedNode } from './scripted-node.ts';
import { ALICE, BOB, LOCK_COST_RAO, NETUID, setBalance, setUpSubnet, type SetItem } from './scripted-subnet.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const TAO = 10n ** 9n;
const account = ALICE.hotkey;
const hotkey = BOB.hotkey;

const u16 = (value: number): string => `0x${Buffer.from([value & 255, value >> 8]).toString('hex')}`;

async function reasonOf(work: Promise<Plan>): Promise<string | undefined> {
  return (await work).refusal?.reason;
}

describe.skipIf(!HAS_METADATA)('plans by the real metadata', () => {
  let node: ScriptedNode;
  let chain: Chain;
  let set: SetItem;
  /** Sets items for a while. */
  async function during<T>(changes: readonly (readonly [item: string, args: readonly unknown[], value: string])[], work: () => Promise<T>): Promise<T> {
    const before = new Map(node.storage);
    for (const change of changes) set(...change);
    node.seal(0);
    try {
      return await work();
    } finally {
      node.storage.clear();
      for (const [key, value] of before) node.storage.set(key, value);
      node.seal(0);
    }
  }
  const encode = (type: string, value: unknown): string => u8aToHex(chain.api.registry.createType(type, value).toU8a());

  beforeAll(async () => {
    ({ node, chain } = await openScriptedChain());
    set = setUpSubnet(node, chain);
    for (let n = 0; n < 50; n++) node.seal(0);
  });
  afterAll(async () => {
    await chain.close();
    await node.close();
  });

  it('shows price, fee and who signs, and sends nothing that was not planned for the signer', async () => {
    const plan = await planRegistration(chain, { netuid: NETUID, hotkey, account });
    expect(plan).toMatchObject({ account, refusal: undefined, feeRao: SCRIPTED_FEE_RAO });
    expect(plan.figures).toMatchObject({ priceRao: 100_000_000n, neurons: 0, maxNeurons: 256, limitRao: 100_000_000n, halfLifeBlocks: undefined });
    expect(await codeOf(sendPlan(chain, plan, { signer: BOB }))).toBe('bad-value');
    expect(node.submitted).toEqual([]);
  });

  it('knows what speaks against a registration', async () => {
    const plan = (change: object = {}): Promise<Plan> => planRegistration(chain, { netuid: NETUID, hotkey, account, ...change });
    expect(await reasonOf(plan({ netuid: 0 }))).toBe('RegistrationNotPermittedOnRootSubnet');
    expect(await reasonOf(plan({ netuid: 9 }))).toBe('SubnetNotExists');
    expect(await reasonOf(plan({ limitRao: 99_999_999n }))).toBe('RegistrationPriceLimitExceeded');
    expect(await reasonOf(plan({ account: hotkey }))).toBe('NotEnoughBalanceToStake');
    expect(await during([['networkRegistrationAllowed', [NETUID], '0x00']], () => reasonOf(plan()))).toBe('SubNetRegistrationDisabled');
    expect(await during([['uids', [NETUID, hotkey], u16(4)]], () => reasonOf(plan()))).toBe('HotKeyAlreadyRegisteredInSubNet');
    expect(await during([['owner', [hotkey], `0x${toHex(BOB.publicKey)}`]], () => reasonOf(plan()))).toBe('NonAssociatedColdKey');
    expect(await during([['maxAllowedUids', [NETUID], u16(0)]], () => reasonOf(plan()))).toBe('NoNeuronIdAvailable');
    expect(await during([['registrationsThisInterval', [0], u16(6)]], () => reasonOf(planRootRegistration(chain, { hotkey, account })))).toBe('TooManyRegistrationsThisInterval');
    expect(await during([['uids', [0, hotkey], u16(4)]], () => reasonOf(planRootRegistration(chain, { hotkey, account })))).toBe('HotKeyAlreadyRegisteredInSubNet');
  });

  it('knows what speaks against a subnet', async () => {
    const plan = (change: object = {}): ReturnType<typeof planRegisterNetwork> => planRegisterNetwork(chain, { hotkey, account, ...change });
    expect((await plan()).figures.lockCostRao).toBe(LOCK_COST_RAO);
    expect(await reasonOf(plan())).toBeUndefined();
    expect(await reasonOf(plan({ limitRao: LOCK_COST_RAO - 1n }))).toBe('LockCostLimitExceeded');
    expect(await during([['networkRegistrationStartBlock', [], u64Hex(1_000_000)]], () => reasonOf(plan()))).toBe('SubNetRegistrationDisabled');
    expect(await during([['lastRateLimitedBlock', ['NetworkLastRegistered'], u64Hex(5)]], () => reasonOf(plan()))).toBe('NetworkTxRateLimitExceeded');
    expect((await during([['owner', [hotkey], `0x${toHex(BOB.publicKey)}`]], () => plan())).refusal?.reason).toBe('NonAssociatedColdKey');
    node.runtime.set('SubnetRegistrationRuntimeApi_get_network_registration_cost', () => u64Hex(5001n * TAO));
    expect(await reasonOf(plan())).toBe('CannotAffordLockCost');
    node.runtime.set('SubnetRegistrationRuntimeApi_get_network_registration_cost', () => u64Hex(LOCK_COST_RAO));
    const named = await plan({ identity: { name: 'Connito', url: '0x is no hex here' } });
    expect(named.call.method.toHuman()).toMatchObject({ method: 'registerNetworkWithIdentity', args: { identity: { subnetName: 'Connito', subnetUrl: '0x is no hex here', additional: '' } } });
    expect(await codeOf(plan({ identity: { name: 'n'.repeat(257) } }))).toBe('bad-value');
    expect(await codeOf(plan({ identity: { nme: 'n' } }))).toBe('bad-value');
    expect(await reasonOf(planStartCall(chain, { netuid: NETUID, account: hotkey }))).toBe('NotSubnetOwner');
    expect(await reasonOf(planStartCall(chain, { netuid: 9, account }))).toBe('SubnetNotExists');
    expect(await during([['firstEmissionBlockNumber', [NETUID], u64Hex(3)]], () => reasonOf(planStartCall(chain, { netuid: NETUID, account })))).toBe('FirstEmissionBlockNumberAlreadySet');
    expect(await during([['startCallDelay', [], u64Hex(1_000_000)]], () => reasonOf(planStartCall(chain, { netuid: NETUID, account })))).toBe('NeedWaitingMoreBlocksToStarCall');
    expect(await reasonOf(planSubnetIdentity(chain, { netuid: NETUID, identity: { name: 'x' }, account: hotkey }))).toBe('NotSubnetOwner');
    const identity = encode('PalletSubtensorSubnetIdentityV3', { subnetName: '0x6e', githubRepo: '0x', subnetContact: '0x', subnetUrl: '0x75', discord: '0x', description: '0xff', logoUrl: '0x', additional: '0x' });
    const read = await during([['subnetIdentitiesV3', [NETUID], identity]], () => readSubnetIdentity(chain, { netuid: NETUID }));
    expect(read).toEqual({ name: 'n', githubRepo: '', contact: '', url: 'u', discord: '', description: '\u{FFFD}', logoUrl: '', additional: '' });
  });

  it('knows when an owner may change a hyperparameter', async () => {
    const plan = (name: 'rho' | 'bondsMovingAverage' | 'kappa' | 'weightsVersionKey', change: object = {}): Promise<Plan> => planHyperparameter(chain, { netuid: NETUID, name, value: 5, account, ...change });
    // Epochs by formula: tempo 360, netuid 3; block 356 is an epoch.
    expect(await reasonOf(plan('rho'))).toBeUndefined();
    expect(await reasonOf(plan('rho', { account: hotkey }))).toBe('NotSubnetOwner');
    expect(await reasonOf(plan('kappa'))).toBe('BadOrigin');
    expect(await reasonOf(plan('kappa', { sudo: true }))).toBeUndefined();
    expect(await reasonOf(plan('bondsMovingAverage', { value: 975_001 }))).toBe('BondsMovingAverageMaxReached');
    expect(await during([['lastRateLimitedBlock', [{ OwnerHyperparamUpdate: [NETUID, 'Rho'] }], u64Hex(1)]], () => reasonOf(plan('rho')))).toBe('TxRateLimitExceeded');
    expect(await during([['transactionKeyLastBlock', [account, NETUID, 4], u64Hex(1)]], () => reasonOf(plan('weightsVersionKey')))).toBe('TxRateLimitExceeded');
    // Without limits of the owner's, and with all others.
    const asSudo = (change: object = {}, name: 'rho' | 'bondsMovingAverage' | 'minBurn' = 'rho'): Promise<string | undefined> => reasonOf(planHyperparameter(chain, { netuid: NETUID, name, value: 5, account, sudo: true, ...change }));
    expect(await asSudo()).toBeUndefined();
    expect(await asSudo({ account: hotkey })).toBe('RequireSudo');
    expect(await asSudo({ netuid: 9 })).toBe('SubnetDoesNotExist');
    expect(await asSudo({ value: 10n ** 9n }, 'minBurn')).toBe('ValueNotInBounds');
    // Above the other of the pair, for whoever sets it.
    expect(await during([['maxBurn', [NETUID], u64Hex(5)]], () => asSudo({ value: 5 }, 'minBurn'))).toBe('ValueNotInBounds');
    expect(await during([['maxBurn', [NETUID], u64Hex(6)]], () => asSudo({ value: 5 }, 'minBurn'))).toBeUndefined();
    expect(await asSudo({ value: 975_001 }, 'bondsMovingAverage')).toBeUndefined();
    expect(await during([['lastRateLimitedBlock', [{ OwnerHyperparamUpdate: [NETUID, 'Rho'] }], u64Hex(1)]], () => asSudo())).toBeUndefined();
    expect(await during([['tempo', [NETUID], u16(9)]], () => asSudo())).toBe('AdminActionProhibitedDuringWeightsWindow');
    expect(await during([['tempo', [NETUID], u16(9)]], () => reasonOf(plan('kappa', { sudo: true })))).toBeUndefined();
    expect(await during([['tempo', [NETUID], u16(9)]], () => reasonOf(planHyperparameter(chain, { netuid: NETUID, name: 'tempo', value: 5, account, sudo: true })))).toBe('AdminActionProhibitedDuringWeightsWindow');
    const key = entryOf(chain, 'sudo', 'key').key();
    const kept = node.storage.get(key) as string;
    node.storage.delete(key);
    node.seal(0);
    expect(await asSudo()).toBe('RequireSudo');
    node.storage.set(key, kept);
    node.seal(0);
    const head = node.blocks.length;
    // The next block after the change is `head`, the one that a call would be in `head + 1`; an epoch in `head + 1 + distance`.
    const tempo = (distance: number): number => head + 1 + distance + NETUID;
    const frozen = (distance: number): Promise<string | undefined> => during([['tempo', [NETUID], u16(tempo(distance))]], () => reasonOf(plan('rho')));
    const reasons: (string | undefined)[] = [];
    // Every call of `during` makes two blocks.
    for (const [index, distance] of [0, 1, 10, 11].entries()) reasons.push(await frozen(distance + 2 * index));
    expect(reasons).toEqual([undefined, 'AdminActionProhibitedDuringWeightsWindow', 'AdminActionProhibitedDuringWeightsWindow', undefined]);
    expect(await during([['tempo', [NETUID], u16(9)]], () => reasonOf(plan('rho')))).toBe('AdminActionProhibitedDuringWeightsWindow');
  });

  it('knows what speaks against moving stake', async () => {
    const stake = (amountRao: bigint): void => {
      const info = { hotkey, coldkey: account, netuid: NETUID, stake: amountRao, locked: 0, emission: 0, taoEmission: 0, drain: 0, isRegistered: true };
      node.runtime.set('StakeInfoRuntimeApi_get_stake_info_for_hotkey_coldkey_netuid', () => encode('Option<PalletSubtensorRpcInfoStakeInfo>', info));
      node.runtime.set('StakeInfoRuntimeApi_get_stake_info_for_coldkey', () => encode('Vec<PalletSubtensorRpcInfoStakeInfo>', [info, { ...info, stake: 0 }]));
    };
    stake(10n * TAO);
    const add = (change: object = {}): Promise<Plan> => planAddStake(chain, { netuid: NETUID, hotkey, amountRao: TAO, account, ...change });
    const remove = (change: object = {}): Promise<Plan> => planRemoveStake(chain, { netuid: NETUID, hotkey, amountRao: TAO, account, ...change });
    expect([await reasonOf(add()), await reasonOf(remove())]).toEqual([undefined, undefined]);
    expect(await reasonOf(add({ netuid: 9 }))).toBe('SubnetNotExists');
    expect(await reasonOf(add({ amountRao: 1_999_999n }))).toBe('AmountTooLow');
    expect(await reasonOf(add({ amountRao: 5000n * TAO }))).toBe('NotEnoughBalanceToStake');
    expect(await reasonOf(add({ hotkey: account }))).toBe('HotKeyAccountNotExists');
    expect(await during([['subtokenEnabled', [NETUID], '0x00']], () => reasonOf(add()))).toBe('SubtokenDisabled');
    expect(await during([['subtokenEnabled', [NETUID], '0x00']], () => reasonOf(remove()))).toBeUndefined();
    expect(await reasonOf(remove({ amountRao: 11n * TAO }))).toBe('NotEnoughStakeToWithdraw');
    expect(await reasonOf(remove({ amountRao: 1n }))).toBe('AmountTooLow');
    expect(await codeOf(add({ tolerance: -0.1 }))).toBe('bad-value');
    expect(await codeOf(add({ amountRao: 0n }))).toBe('bad-value');
    const move = { netuid: NETUID, hotkey, amountRao: TAO, account };
    expect(await reasonOf(planMoveStake(chain, { ...move, toHotkey: hotkey }))).toBe('SameNetuid');
    expect(await reasonOf(planMoveStake(chain, { ...move, toHotkey: account }))).toBe('HotKeyAccountNotExists');
    expect(await reasonOf(planSwapStake(chain, { ...move, toNetuid: 9 }))).toBe('SubnetNotExists');
    expect(await reasonOf(planTransferStake(chain, { ...move, amountRao: 11n * TAO, toColdkey: hotkey }))).toBe('NotEnoughStakeToWithdraw');
    expect(await during([['transferToggle', [NETUID], '0x00']], () => reasonOf(planTransferStake(chain, { ...move, toColdkey: hotkey })))).toBe('TransferDisallowed');
    // A call without a limit is refused where staking is not enabled.
    expect(await during([['subtokenEnabled', [NETUID], '0x00']], () => reasonOf(remove({ tolerance: 'none' })))).toBe('SubtokenDisabled');
    const whole = (change: object = {}): ReturnType<typeof planRemoveStake> => planRemoveStake(chain, { netuid: NETUID, hotkey, amountRao: 'all', account, ...change });
    expect((await whole()).figures).toMatchObject({ stakeRao: 10n * TAO, stakeAfterRao: 0n, feeAlphaRao: 0n, quote: { inputRao: 10n * TAO } });
    expect((await whole()).call.method.toHuman()).toMatchObject({ method: 'removeStakeFullLimit', args: { limit_price: '995,000,000' } });
    expect((await whole({ tolerance: 'none' })).call.method.toHuman()).toMatchObject({ method: 'removeStakeFullLimit', args: { limit_price: null } });
    expect((await whole({ allowPartial: true })).call.method.toHuman()).toMatchObject({ method: 'removeStakeLimit', args: { amount_unstaked: '10,000,000,000', allow_partial: true } });
    expect(await reasonOf(planUnstakeAll(chain, { hotkey: account, account }))).toBe('HotKeyAccountNotExists');
    const everything = await planUnstakeAll(chain, { hotkey, account });
    expect([everything.refusal, everything.call.method.method]).toEqual([undefined, 'unstakeAll']);
    expect(everything.figures).toMatchObject({ positions: [{ netuid: NETUID, stakeRao: 10n * TAO, skipped: undefined }], receivedRao: 10n * TAO, balanceRao: 5000n * TAO });
    expect((await planUnstakeAll(chain, { hotkey, into: 'root', account })).call.method.method).toBe('unstakeAllAlpha');
    const closed = await during([['subtokenEnabled', [NETUID], '0x00']], () => planUnstakeAll(chain, { hotkey, account }));
    expect([closed.refusal?.reason, closed.figures.positions[0]?.skipped, closed.figures.receivedRao]).toEqual(['AmountTooLow', 'SubtokenDisabled', 0n]);
    // Without TAO for the fee some of the stake is sold for it, one to one here; calls that name an amount do not make do with what is left.
    setBalance(node, chain, { account, freeRao: 500n });
    node.seal(0);
    expect((await remove()).figures).toMatchObject({ feeAlphaRao: SCRIPTED_FEE_RAO });
    expect([await reasonOf(remove()), await reasonOf(whole()), await reasonOf(planMoveStake(chain, { ...move, toHotkey: hotkey, toNetuid: 0 })), await reasonOf(planUnstakeAll(chain, { hotkey, account }))]).not.toContain('Payment');
    expect([await reasonOf(remove({ amountRao: 10n * TAO })), await reasonOf(whole())]).toEqual(['NotEnoughStakeToWithdraw', undefined]);
    stake(1n);
    expect([await reasonOf(remove()), await reasonOf(planUnstakeAll(chain, { hotkey, account }))]).toEqual(['Payment', 'Payment']);
    stake(0n);
    setBalance(node, chain, { account, freeRao: 5000n * TAO });
    node.seal(0);
    expect([await reasonOf(whole()), await reasonOf(planUnstakeAll(chain, { hotkey, account })), await reasonOf(planUnstakeAll(chain, { hotkey, into: 'root', account }))]).toEqual(['AmountTooLow', 'AmountTooLow', 'AmountTooLow']);
    stake(10n * TAO);
    expect(await readStakes(chain, { coldkey: account })).toEqual([{ netuid: NETUID, hotkey, coldkey: account, stakeRao: 10n * TAO, isRegistered: true }]);
  });

  it('keeps a limit on what the pool may do, by the runtime’s own simulation', async () => {
    const pool: [string, unknown[], string][] = [['subnetMechanism', [NETUID], u16(1)], ['subnetTAO', [NETUID], u64Hex(1000n * TAO)], ['subnetAlphaIn', [NETUID], u64Hex(20_000n * TAO)]];
    node.runtime.set('SwapRuntimeApi_current_alpha_price', () => u64Hex(50_000_000));
    // The constant product of the pool, without a fee.
    node.runtime.set('SwapRuntimeApi_sim_swap_tao_for_alpha', (input) => {
      const taoIn = Buffer.from(input.slice(2), 'hex').readBigUInt64LE(2);
      const alphaAmount = (20_000n * TAO * taoIn) / (1000n * TAO + taoIn);
      return encode('PalletSubtensorSwapRuntimeApiSimSwapResult', { taoAmount: taoIn, alphaAmount, taoFee: 0, alphaFee: 0, taoSlippage: 0, alphaSlippage: 0 });
    });
    await during(pool, async () => {
      const small = await planAddStake(chain, { netuid: NETUID, hotkey, amountRao: 2n * TAO, account });
      expect(small.refusal).toBeUndefined();
      expect(small.figures).toMatchObject({ limitPriceRao: 50_250_000n, quote: { priceRao: 50_000_000n, isSimulated: true } });
      expect(small.call.method.toHuman()).toMatchObject({ method: 'addStakeLimit', args: { limit_price: '50,250,000', allow_partial: false } });
      // 3 of 1,000 move the price by 0.6 %.
      const large = { netuid: NETUID, hotkey, amountRao: 3n * TAO, account };
      expect(await reasonOf(planAddStake(chain, large))).toBe('SlippageTooHigh');
      expect(await reasonOf(planAddStake(chain, { ...large, tolerance: 0.01 }))).toBeUndefined();
      expect(await reasonOf(planAddStake(chain, { ...large, allowPartial: true }))).toBeUndefined();
      expect((await planAddStake(chain, { ...large, tolerance: 'none' })).call.method.toHuman()).toMatchObject({ method: 'addStake' });
    });
  });

  it('says how much stake a permit takes', async () => {
    const stakes: [string, unknown[], string][] = [
      ['subnetworkN', [NETUID], u16(2)],
      ['keys', [NETUID, 0], `0x${toHex(ALICE.publicKey)}`],
      ['keys', [NETUID, 1], `0x${toHex(BOB.publicKey)}`],
      ['uids', [NETUID, hotkey], u16(1)],
      ['maxAllowedValidators', [NETUID], u16(1)],
      ['totalHotkeyAlpha', [account, NETUID], u64Hex(80n * TAO)],
      ['totalHotkeyAlpha', [hotkey, NETUID], u64Hex(10n * TAO)],
      ['totalHotkeyAlpha', [hotkey, 0], u64Hex(100n * TAO)],
      ['taoWeight', [], u64Hex(2n ** 63n)],
      // A quarter of Alice's weight is lent to Bob.
      ['childKeys', [account, NETUID], encode('Vec<(u64, AccountId32)>', [[2n ** 62n, hotkey]])],
      ['parentKeys', [hotkey, NETUID], encode('Vec<(u64, AccountId32)>', [[2n ** 62n, account]])],
    ];
    const need = await during(stakes, () => readPermitNeed(chain, { netuid: NETUID, hotkey }));
    // 10, 20 lent, half of 100 on root; Alice has 60.
    expect(need).toMatchObject({ uid: 1, hasPermit: false, isQualified: true, weightRao: 80n * TAO, neededWeightRao: 60n * TAO + 1n, missingAlphaRao: 0n });
    const poor = await during([...stakes, ['totalHotkeyAlpha', [hotkey, 0], u64Hex(0)]], () => readPermitNeed(chain, { netuid: NETUID, hotkey }));
    expect(poor).toMatchObject({ isQualified: false, weightRao: 30n * TAO, missingAlphaRao: 30n * TAO + 1n });
    // Mechanism 0: one TAO is one alpha, found to a thousandth.
    expect(Number(poor.missingTaoRao) / Number(30n * TAO)).toBeCloseTo(1, 2);
    const threshold = await during([...stakes, ['stakeThreshold', [], u64Hex(1000n * TAO)]], () => readPermitNeed(chain, { netuid: NETUID, hotkey }));
    expect(threshold).toMatchObject({ isQualified: false, neededWeightRao: 1000n * TAO });
    const owner = await during([...stakes, ['subnetOwnerHotkey', [NETUID], `0x${toHex(BOB.publicKey)}`], ['stakeThreshold', [], u64Hex(1000n * TAO)]], () => readPermitNeed(chain, { netuid: NETUID, hotkey }));
    expect(owner.isQualified).toBe(true);
    expect(await codeOf(readPermitNeed(chain, { netuid: NETUID, hotkey }))).toBe('refused');
  });

  it('knows the chain’s rules for endpoints', async () => {
    const plan = (change: object = {}): Promise<Plan> => planAxon(chain, { netuid: NETUID, ip: '203.0.113.7', port: 8091, account: hotkey, ...change });
    expect(await reasonOf(plan())).toBe('HotKeyNotRegisteredInNetwork');
    const axon = encode('PalletSubtensorAxonInfo', { block: 5, version: 7, ip: 0xcb00_7107, port: 80, ipType: 4, protocol: 4, placeholder1: 0, placeholder2: 0 });
    await during([['uids', [NETUID, hotkey], u16(1)], ['servingRateLimit', [NETUID], u64Hex(0)]], async () => {
      const reasons: Record<string, string | undefined> = {};
      for (const ip of ['127.0.0.1', '255.255.255.255', '::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '0.0.0.0', '127.0.0.2', '10.0.0.1', '2001:db8::1']) reasons[ip] = await reasonOf(plan({ ip }));
      const refused = 'InvalidIpAddress';
      expect(reasons).toEqual({ '127.0.0.1': refused, '255.255.255.255': refused, '::1': refused, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff': refused, '0.0.0.0': undefined, '127.0.0.2': undefined, '10.0.0.1': undefined, '2001:db8::1': undefined });
      expect(await reasonOf(plan({ port: 0 }))).toBe('InvalidPort');
      expect(await reasonOf(planPrometheus(chain, { netuid: NETUID, ip: '1.2.3.4', port: 9, account: hotkey }))).toBeUndefined();
      expect((await plan({ certificate: Uint8Array.of(1, 2) })).call.method.toHuman()).toMatchObject({ method: 'serveAxonTls', args: { ip: '3,405,803,783', ip_type: '4', protocol: '4', certificate: '0x0102' } });
      for (const change of [{ ip: 'localhost' }, { port: 65_536 }, { certificate: new Uint8Array(66) }, { version: -1 }]) expect(await codeOf(plan(change))).toBe('bad-value');
    });
    const limited: [string, unknown[], string][] = [['uids', [NETUID, hotkey], u16(1)], ['axons', [NETUID, hotkey], axon], ['servingRateLimit', [NETUID], u64Hex(100_000)]];
    expect(await during(limited, () => reasonOf(plan()))).toBe('ServingRateLimitExceeded');
    expect(await during(limited, () => readAxon(chain, { netuid: NETUID, hotkey }))).toEqual({ ip: '203.0.113.7', port: 80, version: 7, blockNumber: 5, protocol: 4, placeholder1: 0, placeholder2: 0 });
  });

  it('counts the space of commitments of every kind', async () => {
    const fields: CommitmentField[] = [
      { kind: 'big-raw', bytes: new Uint8Array(512).fill(1) },
      { kind: 'timelocked', ciphertext: new Uint8Array(1024).fill(2), round: 2 ** 40 },
      { kind: 'hash', algorithm: 'Keccak256', hash: new Uint8Array(32).fill(3) },
    ];
    const commit = (list: readonly (CommitmentField | Uint8Array)[]): ReturnType<typeof planCommitment> => planCommitment(chain, { netuid: NETUID, fields: list, account: hotkey });
    expect(await reasonOf(commit(fields))).toBe('AccountNotAllowedCommit');
    const usage = (lastEpoch: number): [string, unknown[], string][] => {
      node.storage.set(entryOf(chain, 'commitments', 'usedSpaceOf').key(NETUID, hotkey), encode('PalletCommitmentsUsageTracker', { lastEpoch, usedSpace: 3000 }));
      return [['uids', [NETUID, hotkey], u16(1)]];
    };
    const fresh = await during(usage(7), () => commit(fields));
    expect([fresh.refusal, fresh.figures.requiredBytes, fresh.figures.usedBytes, fresh.feeRao]).toEqual([undefined, 1568, 0, 0n]);
    // Tempo 360: all blocks here are of epoch 0.
    expect(await during(usage(0), () => reasonOf(commit(fields)))).toBe('SpaceLimitExceeded');
    expect((await during(usage(0), () => commit([Uint8Array.of(1)]))).figures).toMatchObject({ requiredBytes: 100, usedBytes: 3000, maxSpaceBytes: 3100 });
    expect(fresh.call.method.toHuman()).toMatchObject({ args: { info: { fields: [{}, { TimelockEncrypted: { revealRound: '1,099,511,627,776' } }, { Keccak256: `0x${'03'.repeat(32)}` }] } } });
    const bad: readonly (CommitmentField | Uint8Array)[] = [
      new Uint8Array(129),
      { kind: 'big-raw', bytes: new Uint8Array(513) },
      { kind: 'hash', algorithm: 'Sha256', hash: new Uint8Array(31) },
      { kind: 'hash', algorithm: 'Md5' as 'Sha256', hash: new Uint8Array(32) },
      { kind: 'timelocked', ciphertext: new Uint8Array(0), round: 1 },
      { kind: 'timelocked', ciphertext: new Uint8Array(1025), round: 1 },
      { kind: 'timelocked', ciphertext: new Uint8Array(9), round: 0 },
      { kind: 'other' as 'none' },
    ];
    for (const field of bad) expect(await codeOf(commit([field]))).toBe('bad-value');
    node.storage.set(entryOf(chain, 'commitments', 'commitmentOf').key(NETUID, hotkey), encode('PalletCommitmentsRegistration', { deposit: 0, block: 9, info: fresh.call.method.args[1] }));
    node.storage.set(entryOf(chain, 'commitments', 'revealedCommitments').key(NETUID, hotkey), encode('Vec<(Bytes, u64)>', [['0x0102', 7], ['0x', 8]]));
    node.seal(0);
    expect(await readCommitment(chain, { netuid: NETUID, hotkey })).toEqual({ blockNumber: 9, fields: [], contents: fields });
    expect(await readRevealedCommitments(chain, { netuid: NETUID })).toEqual(new Map([[hotkey, [{ bytes: Uint8Array.of(1, 2), blockNumber: 7 }, { bytes: new Uint8Array(0), blockNumber: 8 }]]]));
  });

  it('knows what speaks against child keys, takes and transfers', async () => {
    const children = (list: readonly { hotkey: string; proportion: bigint }[], change: object = {}): Promise<Plan> => planChildren(chain, { netuid: NETUID, hotkey, children: list, account, ...change });
    const half = 2n ** 63n;
    expect(await reasonOf(children([{ hotkey: account, proportion: half }]))).toBeUndefined();
    expect(await reasonOf(children([{ hotkey, proportion: half }]))).toBe('InvalidChild');
    expect(await reasonOf(children([{ hotkey: account, proportion: half }, { hotkey: account, proportion: 1n }]))).toBe('DuplicateChild');
    expect(await reasonOf(children([{ hotkey: account, proportion: 2n * half }]).catch(() => ({ refusal: { reason: 'encoded' } }) as Plan))).toMatch(/ProportionOverflow|encoded/);
    expect(await reasonOf(children([], { account: hotkey }))).toBe('NonAssociatedColdKey');
    expect(await reasonOf(children([], { netuid: 0 }))).toBe('RegistrationNotPermittedOnRootSubnet');
    const lent = encode('Vec<(u64, AccountId32)>', [[half, account]]);
    expect(await during([['parentKeys', [hotkey, NETUID], lent]], () => reasonOf(children([{ hotkey: account, proportion: 1n }])))).toBe('ChildParentInconsistency');
    expect(await during([['parentKeys', [hotkey, NETUID], lent]], () => reasonOf(children([])))).toBeUndefined();
    // A subnet of mechanism 0: one alpha is one TAO.
    node.runtime.set('SwapRuntimeApi_current_alpha_price_all', () => '0x00');
    const short: [string, unknown[], string][] = [['stakeThreshold', [], u64Hex(10n * TAO)], ['totalHotkeyAlpha', [hotkey, NETUID], u64Hex(10n * TAO - 1n)]];
    expect(await during(short, () => reasonOf(children([{ hotkey: account, proportion: 1n }])))).toBe('NotEnoughStakeToSetChildkeys');
    expect(await during(short, () => reasonOf(children([])))).toBeUndefined();
    expect(await during([...short, ['subnetOwnerHotkey', [NETUID], `0x${toHex(BOB.publicKey)}`]], () => reasonOf(children([{ hotkey: account, proportion: 1n }])))).toBeUndefined();
    expect(await during([...short, ['totalHotkeyAlpha', [hotkey, NETUID], u64Hex(10n * TAO)]], () => reasonOf(children([{ hotkey: account, proportion: 1n }])))).toBeUndefined();
    expect(await readPendingChildren(chain, { netuid: NETUID, hotkey })).toBeUndefined();
    // Epochs by formula: tempo 360, netuid 3; the block of an epoch itself is not after the cool-down.
    const waiting = (block: number): string => encode('(Vec<(u64, AccountId32)>, u64)', [[[half, account]], block]);
    const pending = (block: number): Promise<unknown> => during([['pendingChildKeys', [NETUID, hotkey], waiting(block)]], () => readPendingChildren(chain, { netuid: NETUID, hotkey }));
    const [next, after] = [361 * 20 - 4, 361 * 21 - 4];
    expect(await pending(next - 1)).toEqual({ children: [{ hotkey: account, proportion: half }], coolDownBlock: next - 1, effectiveBlock: next });
    expect(await pending(next)).toMatchObject({ effectiveBlock: after });
    const { figures } = await planChildren(chain, { netuid: NETUID, hotkey, children: [], account });
    expect((Number(figures.effectiveBlock) + NETUID + 1) % 361).toBe(0);
    expect(Number(figures.effectiveBlock)).toBeGreaterThan(node.blocks.length + 7200);
    const early = await during([['subtokenEnabled', [NETUID], '0x00']], () => planChildren(chain, { netuid: NETUID, hotkey, children: [], account }));
    expect(Number(early.figures.effectiveBlock)).toBeLessThanOrEqual(node.blocks.length + 1);
    expect(await during([['transactionKeyLastBlock', [hotkey, NETUID, 0], u64Hex(node.blocks.length)]], () => reasonOf(children([])))).toBe('TxRateLimitExceeded');
    const take = (value: number): Promise<Plan> => planTake(chain, { hotkey, take: value, account });
    expect((await take(0)).call.method.method).toBe('decreaseTake');
    expect(await reasonOf(take(12_000))).toBe('DelegateTakeTooHigh');
    expect(await during([['minDelegateTake', [], u16(5)]], () => reasonOf(take(4)))).toBe('DelegateTakeTooLow');
    expect(await during([['delegates', [hotkey], u16(5)], ['lastRateLimitedBlock', [{ LastTxBlockDelegateTake: hotkey }], u64Hex(5)]], () => reasonOf(take(6)))).toBe('DelegateTxRateLimitExceeded');
    expect(await codeOf(take(11_796))).toBe('bad-value');
    expect(await reasonOf(planChildkeyTake(chain, { netuid: NETUID, hotkey, take: 12_000, account }))).toBe('InvalidChildkeyTake');
    expect(await during([['transactionKeyLastBlock', [hotkey, NETUID, 1], u64Hex(5)]], () => reasonOf(planChildkeyTake(chain, { netuid: NETUID, hotkey, take: 10, account })))).toBe('TxChildkeyTakeRateLimitExceeded');
    const send = (change: object = {}): Promise<Plan> => planTransfer(chain, { destination: hotkey, amountRao: TAO, account, ...change });
    expect(await reasonOf(send())).toBeUndefined();
    expect(await reasonOf(send({ amountRao: 499n }))).toBe('BelowMinimum');
    expect(await reasonOf(send({ amountRao: 5000n * TAO }))).toBe('FundsUnavailable');
    expect(await reasonOf(send({ amountRao: 5000n * TAO - SCRIPTED_FEE_RAO }))).toBe('NotExpendable');
    expect(await reasonOf(send({ amountRao: 5000n * TAO - SCRIPTED_FEE_RAO, allowDeath: true }))).toBeUndefined();
    const all = await planTransfer(chain, { destination: hotkey, amountRao: 'all', account });
    expect([all.refusal, all.figures]).toEqual([undefined, { amountRao: 5000n * TAO - SCRIPTED_FEE_RAO - 500n, balanceRao: 5000n * TAO, balanceAfterRao: 500n, existentialDepositRao: 500n }]);
    expect(all.call.method.toHuman()).toMatchObject({ method: 'transferAll', args: { keep_alive: true } });
    expect((await planTransfer(chain, { destination: hotkey, amountRao: 'all', allowDeath: true, account })).figures).toMatchObject({ amountRao: 5000n * TAO - SCRIPTED_FEE_RAO, balanceAfterRao: 0n });
    expect(await codeOf(send({ destination: account }))).toBe('bad-value');
    expect(await codeOf(send({ amountRao: -1n }))).toBe('bad-value');
    const poor = async (freeRao: bigint, change: object = {}): Promise<string | undefined> => {
      setBalance(node, chain, { account: hotkey, freeRao });
      node.seal(0);
      return reasonOf(planTransfer(chain, { destination: account, amountRao: 'all', account: hotkey, ...change }));
    };
    expect(await poor(SCRIPTED_FEE_RAO + 499n)).toBe('Payment');
    expect(await poor(SCRIPTED_FEE_RAO + 500n)).toBe('FundsUnavailable');
    expect(await poor(SCRIPTED_FEE_RAO + 501n)).toBeUndefined();
    expect(await poor(SCRIPTED_FEE_RAO + 500n, { allowDeath: true })).toBeUndefined();
    setBalance(node, chain, { account: hotkey, freeRao: 0n });
  });

  it('writes TAO as people do', () => {
    expect([0n, 1n, TAO, 1_500_000_000n, -25n, 12_345_678_900n].map(formatTao)).toEqual(['0 TAO', '0.000000001 TAO', '1 TAO', '1.5 TAO', '-0.000000025 TAO', '12.3456789 TAO']);
  });
});
