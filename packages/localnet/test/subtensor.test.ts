import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, makeSubnet, openWorld, pairOf, read, send, sudo, TAO, tx, type Call, type World } from './support.ts';

let world: World;
let netuid: number;
const alice = (): ReturnType<typeof pairOf> => pairOf('//Alice');
const owner = (): ReturnType<typeof pairOf> => pairOf('//Alice//hotkey');
const miner = (): ReturnType<typeof pairOf> => pairOf('//miner');

beforeAll(async () => {
  world = await openWorld();
  netuid = await makeSubnet(world.api);
  await send(world.api, subtensor('burnedRegister', netuid, miner().address), pairOf('//Bob'));
});
afterAll(() => world.close());

function subtensor(call: string, ...args: unknown[]): Call {
  return tx(world.api, 'subtensorModule', call, ...args);
}
function admin(call: string, ...args: unknown[]): Call {
  return tx(world.api, 'adminUtils', call, ...args);
}
function storage(item: string, ...keys: unknown[]): Promise<unknown> {
  return read(world.api, 'subtensorModule', item, keys);
}
async function errorOf(call: Call, pair = alice()): Promise<string | undefined> {
  return (await send(world.api, call, pair)).error;
}

describe('subnets', () => {
  it('begin as init_new_network leaves them, with the owner on uid 0', async () => {
    expect(netuid).toBe(1);
    expect(await storage('subnetOwner', netuid)).toBe(alice().address);
    expect(await storage('subnetOwnerHotkey', netuid)).toBe(owner().address);
    expect(await storage('keys', netuid, 0)).toBe(owner().address);
    expect(await storage('owner', owner().address)).toBe(alice().address);
    const figures = { tempo: 360, maxAllowedUids: 256, maxAllowedValidators: 64, minAllowedWeights: 1, immunityPeriod: 5000, networksAdded: true, subtokenEnabled: true, kappa: 32767 };
    const found = await Promise.all(Object.keys(figures).map(async (item) => [item, await storage(item, netuid)]));
    expect(Object.fromEntries(found)).toEqual(figures);
    expect(await storage('firstEmissionBlockNumber', netuid)).toBe(3);
  });

  it('leave CommitRevealWeightsEnabled at the default of the chain, true, unless asked otherwise', async () => {
    const [strict, relaxed] = await Promise.all([openWorld(), openWorld({ commitRevealWeights: false })]);
    for (const [{ api }, expected] of [[strict, true], [relaxed, false]] as const) {
      await send(api, tx(api, 'subtensorModule', 'registerNetwork', owner().address), alice());
      expect(await read(api, 'subtensorModule', 'commitRevealWeightsEnabled', [1])).toBe(expected);
    }
    await Promise.all([strict.close(), relaxed.close()]);
  });

  it('cost a lock, and come no faster than NetworkRateLimit', async () => {
    const again = send(world.api, subtensor('registerNetwork', pairOf('//other').address), alice());
    expect(await failureOf(again)).toBe('1010: Invalid Transaction: Custom error: 6');
    expect(await storage('subnetLocked', netuid)).toBe(1_000_000_000_000);
    expect(await sudo(world.api, admin('sudoSetNetworkRateLimit', 0))).toBeUndefined();
    const cost = await world.api.call['subnetRegistrationRuntimeApi']?.['getNetworkRegistrationCost']?.();
    expect(Number(cost)).toBeGreaterThan(1_990_000_000_000);
    expect(await errorOf(subtensor('registerNetwork', miner().address))).toBe('NonAssociatedColdKey');
    expect(await errorOf(subtensor('registerNetwork', pairOf('//second//hotkey').address))).toBeUndefined();
    expect(await storage('totalNetworks')).toBe(3);
    expect(Number(await storage('subnetLocked', 2))).toBeGreaterThan(1_990_000_000_000);
  });

  it('are started by their owner, once', async () => {
    expect(await errorOf(subtensor('startCall', netuid))).toBe('FirstEmissionBlockNumberAlreadySet');
    expect(await errorOf(subtensor('startCall', 7))).toBe('SubnetNotExists');
    expect(await errorOf(subtensor('startCall', 2), pairOf('//Bob'))).toBe('BadOrigin');
    expect(await errorOf(subtensor('addStake', owner().address, 2, TAO))).toBe('SubtokenDisabled');
  });
});

describe('registration', () => {
  it('gives the next uid and raises the price', async () => {
    expect(await storage('uids', netuid, miner().address)).toBe(1);
    expect(await storage('subnetworkN', netuid)).toBe(2);
    const before = Number(await storage('burn', netuid));
    const outcome = await send(world.api, subtensor('registerLimit', netuid, pairOf('//miner2').address, 10n * TAO), pairOf('//Bob'));
    expect(outcome.events).toContain('subtensorModule.NeuronRegistered');
    expect(Number(await storage('burn', netuid)) / before).toBeCloseTo(1.26, 1);
    const raised = Number(await storage('burn', netuid));
    world.net.sealBlocks(360);
    expect(Number(await storage('burn', netuid)) / raised).toBeCloseTo(0.5, 3);
  });

  it('refuses in the order and with the names of the chain', async () => {
    const bob = pairOf('//Bob');
    expect(await errorOf(subtensor('burnedRegister', 0, miner().address), bob)).toBe('RegistrationNotPermittedOnRootSubnet');
    expect(await errorOf(subtensor('burnedRegister', 9, miner().address), bob)).toBe('SubnetNotExists');
    expect(await errorOf(subtensor('burnedRegister', netuid, miner().address), bob)).toBe('HotKeyAlreadyRegisteredInSubNet');
    expect(await errorOf(subtensor('burnedRegister', 2, miner().address))).toBe('NonAssociatedColdKey');
    expect(await errorOf(subtensor('registerLimit', netuid, pairOf('//x').address, 1), bob)).toBe('RegistrationPriceLimitExceeded');
    expect(await sudo(world.api, admin('sudoSetNetworkRegistrationAllowed', netuid, false))).toBeUndefined();
    expect(await errorOf(subtensor('burnedRegister', netuid, pairOf('//x').address), bob)).toBe('SubNetRegistrationDisabled');
    expect(await sudo(world.api, admin('sudoSetNetworkRegistrationAllowed', netuid, true))).toBeUndefined();
    await send(world.api, tx(world.api, 'balances', 'transferKeepAlive', pairOf('//poor').address, 20_000_000), bob);
    expect(await errorOf(subtensor('burnedRegister', netuid, pairOf('//x').address), pairOf('//poor'))).toBe('NotEnoughBalanceToStake');
  });
});

describe('stake', () => {
  it('goes into the pool, less the fee, and back', async () => {
    const before = Number(await storage('subnetTAO', netuid));
    const added = await send(world.api, subtensor('addStake', owner().address, netuid, 50n * TAO), alice());
    expect(added.events).toContain('subtensorModule.StakeAdded');
    const fee = Math.floor((50e9 * 33) / 65535);
    expect(Number(await storage('subnetTAO', netuid)) - before).toBe(50e9 - fee);
    const removed = await send(world.api, subtensor('removeStake', owner().address, netuid, 10n * TAO), alice());
    expect(removed.events).toContain('subtensorModule.StakeRemoved');
    expect(Number(await storage('subnetTAO', netuid)) - before).toBeLessThan(40e9);
  });

  it('refuses with the names of the chain', async () => {
    expect(await errorOf(subtensor('addStake', owner().address, 9, TAO))).toBe('SubnetNotExists');
    expect(await errorOf(subtensor('addStake', owner().address, netuid, 2_001_006))).toBe('AmountTooLow');
    expect(await errorOf(subtensor('addStake', owner().address, netuid, TAO), pairOf('//poor'))).toBe('NotEnoughBalanceToStake');
    expect(await errorOf(subtensor('addStake', owner().address, netuid, 10n ** 18n))).toBe('InsufficientLiquidity');
    expect(await errorOf(subtensor('addStake', pairOf('//unknown').address, netuid, TAO))).toBe('HotKeyAccountNotExists');
    expect(await errorOf(subtensor('removeStake', miner().address, netuid, TAO))).toBe('AmountTooLow');
  });

  it('on root counts with TaoWeight', async () => {
    expect(await errorOf(subtensor('addStake', owner().address, 0, 10n * TAO))).toBeUndefined();
    expect(await storage('totalHotkeyAlpha', owner().address, 0)).toBe(10_000_000_000);
  });
});

describe('weights', () => {
  it('are stored with the row maximum at 65,535', async () => {
    const outcome = await send(world.api, subtensor('setWeights', netuid, [1, 2], [100, 50], 0), owner());
    expect(outcome.events).toEqual(['subtensorModule.WeightsSet', 'transactionPayment.TransactionFeePaid', 'system.ExtrinsicSuccess']);
    expect(await storage('weights', netuid, 0)).toEqual([[1, 65535], [2, 32768]]);
    expect(((await storage('lastUpdate', netuid)) as number[])[0]).toBe(world.net.blockNumber());
    expect(await errorOf(subtensor('setMechanismWeights', netuid, 0, [1], [7], 0), owner())).toBeUndefined();
    expect(await storage('weights', netuid, 0)).toEqual([[1, 65535]]);
  });

  it('cost a hotkey without balance nothing', async () => {
    expect(((await read(world.api, 'system', 'account', [owner().address])) as { providers: number }).providers).toBe(0);
    expect(((await read(world.api, 'system', 'account', [owner().address])) as { nonce: number }).nonce).toBeGreaterThan(0);
  });

  it('are refused in the order of the chain', async () => {
    const set = (uids: number[], values: number[], key = 0, pair = owner()): Promise<string | undefined> => errorOf(subtensor('setWeights', netuid, uids, values, key), pair);
    expect(await set([1], [1, 2])).toBe('WeightVecNotEqualSize');
    expect(await set([0, 1, 2, 3], [1, 1, 1, 1])).toBe('UidsLengthExceedUidsInSubNet');
    expect(await set([1], [1], 0, pairOf('//stranger'))).toBe('HotKeyNotRegisteredInSubNet');
    expect(await set([1, 2], [1, 1], 0, miner())).toBe('NeuronNoValidatorPermit');
    expect(await set([1], [1], 0, miner())).toBeUndefined();
    expect(await set([1, 1], [1, 1])).toBe('DuplicateUids');
    expect(await set([3], [1])).toBe('UidVecContainInvalidOne');
    expect(await failureOf(send(world.api, subtensor('setMechanismWeights', netuid, 1, [1], [1], 0), owner()))).toBe('1010: Invalid Transaction: Custom error: 6');
    expect(await errorOf(subtensor('setMechanismWeights', netuid, 1, [1], [1], 0), pairOf('//stranger'))).toBe('MechanismDoesNotExist');
    expect(await sudo(world.api, admin('sudoSetWeightsVersionKey', netuid, 5))).toBeUndefined();
    expect(await set([1], [1], 4)).toBe('IncorrectWeightVersionKey');
    expect(await set([1], [1], 5)).toBeUndefined();
    expect(await sudo(world.api, admin('sudoSetMinAllowedWeights', netuid, 2))).toBeUndefined();
    expect(await set([1], [1], 5)).toBe('WeightVecLengthIsLow');
    expect(await sudo(world.api, admin('sudoSetMinAllowedWeights', netuid, 1))).toBeUndefined();
    expect(await sudo(world.api, admin('sudoSetWeightsVersionKey', netuid, 0))).toBeUndefined();
  });

  it('make the transaction invalid when they come too fast or without stake', async () => {
    expect(await sudo(world.api, admin('sudoSetWeightsSetRateLimit', netuid, 50))).toBeUndefined();
    expect(await failureOf(send(world.api, subtensor('setWeights', netuid, [1], [1], 0), owner()))).toBe('1010: Invalid Transaction: Custom error: 6');
    world.net.sealBlocks(50);
    expect(await errorOf(subtensor('setWeights', netuid, [1], [1], 0), owner())).toBeUndefined();
    expect(await sudo(world.api, admin('sudoSetWeightsSetRateLimit', netuid, 0))).toBeUndefined();
    expect(await sudo(world.api, admin('sudoSetStakeThreshold', 1_000n * TAO))).toBeUndefined();
    expect(await failureOf(send(world.api, subtensor('setWeights', netuid, [1], [1], 0), miner()))).toBe('1010: Invalid Transaction: Custom error: 1');
    expect(await errorOf(subtensor('setWeights', netuid, [1], [1], 0), owner())).toBeUndefined();
    expect(await sudo(world.api, admin('sudoSetStakeThreshold', 0))).toBeUndefined();
  });

  it('must be committed where commit-reveal is on', async () => {
    expect(await sudo(world.api, admin('sudoSetCommitRevealWeightsEnabled', netuid, true))).toBeUndefined();
    expect(await errorOf(subtensor('setWeights', netuid, [1], [1], 0), owner())).toBe('CommitRevealEnabled');
    expect(await sudo(world.api, admin('sudoSetCommitRevealWeightsEnabled', netuid, false))).toBeUndefined();
  });
});
