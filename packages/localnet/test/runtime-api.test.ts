import { u8aConcat, u8aToHex, u8aToU8a } from '@polkadot/util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSubnet, openWorld, pairOf, read, send, sudo, TAO, tx, type World } from './support.ts';

let world: World;
let netuid: number;
const alice = pairOf('//Alice');
const validator = pairOf('//Bob//hotkey');
const bob = pairOf('//Bob');

/** A runtime API's answer as JSON, through the types of the metadata alone. */
async function call(api: string, method: string, ...inputs: unknown[]): Promise<unknown> {
  const run = (world.api.call as unknown as Record<string, Record<string, (...args: unknown[]) => Promise<{ toJSON(): unknown }>>>)[api]?.[method];
  if (run === undefined) throw new Error(`no runtime API ${api}.${method}`);
  return (await run(...inputs)).toJSON();
}

const subnet = (method: string, ...inputs: unknown[]): Promise<unknown> => call('subnetInfoRuntimeApi', method, ...inputs);

beforeAll(async () => {
  world = await openWorld();
  netuid = await makeSubnet(world.api);
  await send(world.api, tx(world.api, 'subtensorModule', 'burnedRegister', netuid, validator.address), bob);
  await send(world.api, tx(world.api, 'subtensorModule', 'serveAxon', netuid, 7_001_000, 0x0a00_0001, 8091, 4, 4, 0, 0), validator);
  await send(world.api, tx(world.api, 'subtensorModule', 'addStake', validator.address, netuid, 100n * TAO), bob);
  await sudo(world.api, tx(world.api, 'adminUtils', 'sudoSetTempo', netuid, 20));
  world.net.sealBlocks(30);
  await send(world.api, tx(world.api, 'subtensorModule', 'setWeights', netuid, [0], [65_535], 0), validator);
  world.net.sealBlocks(45);
});
afterAll(() => world.close());

interface Neuron {
  readonly hotkey: string;
  readonly uid: number;
  readonly stake: readonly (readonly [string, number])[];
  readonly axonInfo: Readonly<Record<string, unknown>>;
  readonly weights?: unknown;
  readonly pruningScore: number;
}

describe('NeuronInfoRuntimeApi', () => {
  it('answers one neuron and all, with weights and without', async () => {
    const neurons = (await call('neuronInfoRuntimeApi', 'getNeurons', netuid)) as Neuron[];
    expect(neurons.map(({ uid }) => uid)).toEqual([0, 1]);
    expect(neurons[1]).toMatchObject({ hotkey: validator.address, coldkey: bob.address, netuid, validatorPermit: true, weights: [[0, 65_535]], pruningScore: 65_535, rank: 0 });
    expect(neurons[1]?.axonInfo).toMatchObject({ version: 7_001_000, ip: 0x0a00_0001, port: 8091, ipType: 4, protocol: 4 });
    expect(neurons[0]?.axonInfo).toMatchObject({ block: 0, ip: 0, port: 0 });
    expect(neurons[1]?.stake).toEqual([[bob.address, await read(world.api, 'subtensorModule', 'totalHotkeyAlpha', [validator.address, netuid])]]);
    expect(await call('neuronInfoRuntimeApi', 'getNeuron', netuid, 1)).toEqual(neurons[1]);
    const { weights: _weights, bonds: _bonds, ...lite } = neurons[1] as Neuron & { bonds: unknown };
    expect(await call('neuronInfoRuntimeApi', 'getNeuronLite', netuid, 1)).toEqual(lite);
    expect(((await call('neuronInfoRuntimeApi', 'getNeuronsLite', netuid)) as unknown[])[1]).toEqual(lite);
  });

  it('has nothing to say about what there is not', async () => {
    expect(await call('neuronInfoRuntimeApi', 'getNeurons', 77)).toEqual([]);
    expect(await call('neuronInfoRuntimeApi', 'getNeuronsLite', 77)).toEqual([]);
    expect(await call('neuronInfoRuntimeApi', 'getNeuron', netuid, 2)).toBeNull();
    expect(await call('neuronInfoRuntimeApi', 'getNeuronLite', 77, 0)).toBeNull();
  });
});

describe('SubnetInfoRuntimeApi', () => {
  it('answers metagraphs', async () => {
    const metagraph = (await subnet('getMetagraph', netuid)) as Record<string, unknown>;
    expect(metagraph).toMatchObject({ netuid, block: world.net.blockNumber(), tempo: 20, numUids: 2, ownerColdkey: alice.address, commitRevealWeightsEnabled: false, maxWeightsLimit: 65_535 });
    expect(metagraph).toMatchObject({ coldkeys: [alice.address, bob.address], validatorPermit: [true, true], rank: [], trust: [], pruningScore: [], identities: [null, null] });
    expect(metagraph['activityCutoff']).toBe(Math.floor((13_889 * 20) / 1000));
    expect(metagraph['totalStake']).toEqual(metagraph['alphaStake']);
    expect(((await subnet('getAllMetagraphs')) as unknown[])[netuid]).toEqual(metagraph);
    expect(((await subnet('getAllMetagraphs')) as { name: number[] }[])[0]?.name).toEqual([...Buffer.from('root')]);
    expect(await subnet('getMechagraph', netuid, 0)).toEqual(metagraph);
    expect(await subnet('getMechagraph', netuid, 1)).toBeNull();
    expect(await subnet('getAllMechagraphs')).toHaveLength(2);
    expect(await subnet('getMetagraph', 77)).toBeNull();
  });

  it('answers only the fields that are asked for, by their indexes', async () => {
    const whole = (await subnet('getMetagraph', netuid)) as Record<string, unknown>;
    const some = (await subnet('getSelectiveMetagraph', netuid, [0, 8, 52, 72, 999])) as Record<string, unknown>;
    expect(Object.entries(some).filter(([, value]) => value !== null)).toEqual([
      ['netuid', netuid],
      ['tempo', 20],
      ['hotkeys', whole['hotkeys']],
      ['validators', expect.arrayContaining([1])],
    ]);
    expect(await subnet('getSelectiveMetagraph', netuid, [8])).toMatchObject({ netuid: 0, tempo: 20 });
    expect(await subnet('getSelectiveMechagraph', netuid, 0, [8])).toMatchObject({ netuid, tempo: 20 });
    const all = (await subnet('getSelectiveMetagraph', netuid, Array.from({ length: 74 }, (_, index) => index))) as Record<string, unknown>;
    const { validators: _validators, commitments, ...fields } = all;
    expect(fields).toEqual(whole);
    expect(commitments).toEqual([]);
    expect(await subnet('getSelectiveMetagraph', 77, [0])).toBeNull();
  });

  it('gives commitments as the bytes of their registration', async () => {
    const info = { fields: [{ Raw4: '0x01020304' }] };
    await send(world.api, tx(world.api, 'commitments', 'setCommitment', netuid, info), validator);
    const { commitments } = (await subnet('getSelectiveMetagraph', netuid, [73])) as { commitments: [string, number[]][] };
    const stored = await world.api.query['commitments']?.['commitmentOf']?.(netuid, validator.address);
    expect(commitments).toEqual([[validator.address, [...(stored?.toU8a().subarray(1) ?? [])]]]);
  });

  it('answers hyperparameters in three forms', async () => {
    const first = (await subnet('getSubnetHyperparams', netuid)) as Record<string, unknown>;
    const second = (await subnet('getSubnetHyperparamsV2', netuid)) as Record<string, unknown>;
    const third = (await subnet('getSubnetHyperparamsV3', netuid)) as { name: string; value: Record<string, unknown> }[];
    expect(second).toMatchObject(first);
    expect(second).toMatchObject({ yumaVersion: 3, subnetIsActive: true, transfersEnabled: true, userLiquidityEnabled: false });
    expect((second['alphaSigmoidSteepness'] as { bits: number }).bits).toBe(1000 * 2 ** 32);
    const named = Object.fromEntries(third.map(({ name, value }) => [Buffer.from(name.slice(2), 'hex').toString(), value]));
    expect(Object.keys(named)).toHaveLength(33);
    expect(named).toMatchObject({ tempo: { u16: 20 }, registration_allowed: { bool: true }, weights_rate_limit: { u64: 0 }, max_burn: { taoBalance: 100_000_000_000 } });
    expect(await subnet('getSubnetHyperparams', 77)).toBeNull();
    expect(await subnet('getSubnetHyperparamsV2', 77)).toBeNull();
    expect(await subnet('getSubnetHyperparamsV3', 77)).toBeNull();
  });

  it('answers subnets, pools and state', async () => {
    const dynamic = (await subnet('getDynamicInfo', netuid)) as Record<string, unknown>;
    expect(dynamic).toMatchObject({ netuid, ownerColdkey: alice.address, tempo: 20, taoIn: await read(world.api, 'subtensorModule', 'subnetTAO', [netuid]) });
    expect(await subnet('getAllDynamicInfo')).toHaveLength(2);
    const info = (await subnet('getSubnetInfoV2', netuid)) as Record<string, unknown>;
    expect(info).toMatchObject({ netuid, subnetworkN: 2, owner: alice.address, identity: null, networkConnect: [] });
    expect(((await subnet('getSubnetsInfo')) as unknown[]).length).toBe(2);
    expect(((await subnet('getSubnetsInfoV2')) as unknown[])[1]).toEqual(info);
    expect(await subnet('getSubnetState', netuid)).toMatchObject({ netuid, coldkeys: [alice.address, bob.address], emissionHistory: [[0, 0], [0, 0]] });
    for (const method of ['getDynamicInfo', 'getSubnetInfo', 'getSubnetInfoV2', 'getSubnetState', 'getSubnetAccountId']) expect(await subnet(method, 77)).toBeNull();
    expect(await subnet('getSubnetAccountId', netuid)).toMatch(/^5/);
    expect(await subnet('getColdkeyAutoStakeHotkey', alice.address, netuid)).toBeNull();
    expect(await subnet('getSubnetToPrune')).toBeNull();
  });

  it('says when the next epoch is', async () => {
    const next = (await subnet('getNextEpochStartBlock', netuid)) as number;
    expect(next).toBe(((await read(world.api, 'subtensorModule', 'lastEpochBlock', [netuid])) as number) + 20);
  });
});

describe('StakeInfoRuntimeApi', () => {
  it('answers what a coldkey has staked', async () => {
    const [stake] = (await call('stakeInfoRuntimeApi', 'getStakeInfoForColdkey', bob.address)) as { stake: number }[];
    expect(stake).toMatchObject({ hotkey: validator.address, coldkey: bob.address, netuid, locked: 0, isRegistered: true });
    expect(stake?.stake).toBeGreaterThan(100e9);
    expect(await call('stakeInfoRuntimeApi', 'getStakeInfoForHotkeyColdkeyNetuid', validator.address, bob.address, netuid)).toEqual(stake);
    expect(await call('stakeInfoRuntimeApi', 'getStakeInfoForColdkeys', [bob.address])).toEqual([[bob.address, [stake]]]);
    const available = { total: stake?.stake, locked: 0, available: stake?.stake };
    expect(await call('stakeInfoRuntimeApi', 'getStakeAvailabilityForColdkeys', [bob.address], null)).toEqual({ [bob.address]: { [netuid]: available } });
    expect(await call('stakeInfoRuntimeApi', 'getStakeAvailabilityForColdkeys', [bob.address], [])).toEqual({ [bob.address]: {} });
    expect(await call('stakeInfoRuntimeApi', 'getColdkeyLock', bob.address, netuid)).toBeNull();
    expect(await call('stakeInfoRuntimeApi', 'getMostConvictedHotkeyOnSubnet', netuid)).toBeNull();
  });
});

describe('other runtime APIs', () => {
  it('answer payment, price, nonce and registration cost', async () => {
    const transfer = tx(world.api, 'balances', 'transferKeepAlive', bob.address, TAO);
    const info = await transfer.paymentInfo(alice);
    const byCall = (await call('transactionPaymentCallApi', 'queryCallInfo', transfer.method.toHex(), 0)) as { partialFee: number };
    expect(info.partialFee.toNumber()).toBe(byCall.partialFee + (await transfer.signAsync(alice)).encodedLength);
    expect(await call('transactionPaymentApi', 'queryLengthToFee', 77)).toBe(77);
    expect(await call('accountNonceApi', 'accountNonce', validator.address)).toBe(await read(world.api, 'system', 'account', [validator.address]).then((account) => (account as { nonce: number }).nonce));
    expect(await call('subnetRegistrationRuntimeApi', 'getNetworkRegistrationCost')).toBeGreaterThan(1e12);
    expect(await call('swapRuntimeApi', 'currentAlphaPrice', netuid)).toBeGreaterThan(0);
    expect(await call('auraApi', 'slotDuration')).toBe(12_000);
  });

  it('says whether a transaction is valid', async () => {
    const good = await tx(world.api, 'system', 'remark', '0x').signAsync(alice);
    const validity = async (bytes: Uint8Array): Promise<unknown> => {
      const answer = await world.api.rpc.state.call('TaggedTransactionQueue_validate_transaction', u8aToHex(u8aConcat([2], bytes, world.net.genesisHash)));
      return world.api.createType('TransactionValidity', u8aToU8a(answer.toHex())).toJSON();
    };
    expect(await validity(good.toU8a())).toMatchObject({ ok: { requires: [], propagate: true } });
    expect(await validity(Uint8Array.of(4, 255))).toEqual({ err: { invalid: { call: null } } });
    await send(world.api, tx(world.api, 'system', 'remark', '0x01'), alice);
    expect(await validity(good.toU8a())).toEqual({ err: { invalid: { stale: null } } });
  });

  it('answer about the past', async () => {
    const past = await world.api.rpc.chain.getBlockHash(1);
    const api = await world.api.at(past);
    const run = (api.call as unknown as Record<string, Record<string, (...args: unknown[]) => Promise<{ toJSON(): unknown }>>>)['neuronInfoRuntimeApi']?.['getNeuronsLite'];
    expect((await run?.(netuid))?.toJSON()).toHaveLength(1);
  });
});
