import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { u8aToHex } from '@polkadot/util';
import { makeSubnet, openWorld, pairOf, send, TAO, tx, type World } from './support.ts';

let world: World;
let netuid: number;
beforeAll(async () => {
  world = await openWorld();
  netuid = await makeSubnet(world.api);
});
afterAll(() => world.close());

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: string };
}

async function ask(method: string, ...params: unknown[]): Promise<Answer> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const response = await fetch(world.net.endpoint.replace('ws:', 'http:'), { method: 'POST', body });
  return (await response.json()) as Answer;
}

async function runtimeBytes(call: string, inputs: string): Promise<number[]> {
  const answer = await world.api.rpc.state.call(call, inputs);
  return [...Buffer.from(answer.toHex().slice(2), 'hex')];
}

describe('the methods of Subtensor', () => {
  it.each([
    ['neuronInfo_getNeurons', [1], 'NeuronInfoRuntimeApi_get_neurons', '0x0100'],
    ['neuronInfo_getNeuronLite', [1, 0], 'NeuronInfoRuntimeApi_get_neuron_lite', '0x01000000'],
    ['subnetInfo_getMetagraph', [1], 'SubnetInfoRuntimeApi_get_metagraph', '0x0100'],
    ['subnetInfo_getMechagraph', [1, 0], 'SubnetInfoRuntimeApi_get_mechagraph', '0x010000'],
    ['subnetInfo_getSelectiveMetagraph', [1, [0, 8]], 'SubnetInfoRuntimeApi_get_selective_metagraph', '0x01000800000800'],
    ['subnetInfo_getAllDynamicInfo', [], 'SubnetInfoRuntimeApi_get_all_dynamic_info', '0x'],
    ['subnetInfo_getSubnetHyperparams', [1], 'SubnetInfoRuntimeApi_get_subnet_hyperparams', '0x0100'],
    ['subnetInfo_getSubnetState', [1], 'SubnetInfoRuntimeApi_get_subnet_state', '0x0100'],
  ] as const)('%s %o gives the bytes of %s', async (method, params, call, inputs) => {
    expect((await ask(method, ...params)).result).toEqual(await runtimeBytes(call, inputs));
  });

  it('take accounts as addresses and as bytes, and a block', async () => {
    const alice = pairOf('//Alice');
    const expected = await runtimeBytes('DelegateInfoRuntimeApi_get_delegate', u8aToHex(alice.publicKey));
    expect((await ask('delegateInfo_getDelegate', alice.address)).result).toEqual(expected);
    expect((await ask('delegateInfo_getDelegate', [...alice.publicKey])).result).toEqual(expected);
    expect((await ask('neuronInfo_getNeurons', netuid, world.net.genesisHash)).result).toEqual([0]);
    expect((await ask('subnetInfo_getLockCost')).result).toBeGreaterThan(1e12);
    expect((await ask('subnetInfo_getSubnetToPrune')).result).toBeNull();
  });

  it.each([
    ['neuronInfo_getNeurons', []],
    ['neuronInfo_getNeurons', [70_000]],
    ['subnetInfo_getSelectiveMetagraph', [1, 'all']],
    ['subnetInfo_getMechagraph', [1, 256]],
    ['delegateInfo_getDelegate', [[1, 2]]],
    ['delegateInfo_getDelegate', [Array.from({ length: 32 }, () => 256)]],
  ] as const)('%s refuses %o', async (method, params) => {
    expect((await ask(method, ...params)).error?.code).toBe(-32602);
  });
});

describe('payment', () => {
  it('is told for an extrinsic', async () => {
    const signed = await tx(world.api, 'balances', 'transferKeepAlive', pairOf('//Bob').address, TAO).signAsync(pairOf('//Alice'));
    const info = (await ask('payment_queryInfo', signed.toHex())).result as { partialFee: string; class: string; weight: object };
    const details = (await ask('payment_queryFeeDetails', signed.toHex())).result as { inclusionFee: Record<string, string> };
    expect(info).toMatchObject({ class: 'normal', weight: { ref_time: expect.any(Number), proof_size: expect.any(Number) } });
    expect(Object.values(details.inclusionFee).reduce((sum, fee) => sum + BigInt(fee), 0n)).toBe(BigInt(info.partialFee));
    const free = await tx(world.api, 'subtensorModule', 'setWeights', netuid, [0], [1], 0).signAsync(pairOf('//Alice'));
    expect((await ask('payment_queryInfo', free.toHex())).result).toMatchObject({ partialFee: '0' });
    expect((await ask('payment_queryFeeDetails', free.toHex())).result).toEqual({ inclusionFee: null });
    expect((await ask('payment_queryInfo', '0xff')).error?.code).toBe(1);
  });
});

describe('state over blocks', () => {
  it('gives all values first, and then what changed', async () => {
    const key = world.api.query['timestamp']?.['now']?.key() as string;
    const total = world.api.query['balances']?.['totalIssuance']?.key() as string;
    const from = await world.api.rpc.chain.getBlockHash();
    world.net.sealBlocks(2);
    const last = await world.api.rpc.chain.getBlockHash();
    const sets = (await ask('state_queryStorage', [key, total], from.toHex(), last.toHex())).result as { block: string; changes: [string, string][] }[];
    expect(sets.map(({ changes }) => changes.map(([changed]) => changed))).toEqual([[key, total], expect.arrayContaining([key]), expect.arrayContaining([key])]);
    expect(sets.at(-1)?.block).toBe(last.toHex());
    expect((await ask('state_queryStorage', [key], last.toHex(), from.toHex())).error?.code).toBe(-32602);
  });

  it('gives pairs of keys and values', async () => {
    const prefix = world.api.query['subtensorModule']?.['networksAdded']?.keyPrefix() as string;
    const pairs = (await ask('state_getPairs', prefix)).result as [string, string][];
    expect(pairs.map(([, value]) => value)).toEqual(['0x01', '0x01']);
  });
});

describe('what a node refuses or tells', () => {
  it('refuses unsafe methods as Substrate does', async () => {
    for (const method of ['author_insertKey', 'author_removeExtrinsic', 'system_addReservedPeer']) {
      expect((await ask(method)).error).toEqual({ code: -32601, message: 'RPC call is unsafe to be called externally' });
    }
  });

  it('tells the chain by the newer names', async () => {
    expect((await ask('chainSpec_v1_genesisHash')).result).toBe(world.net.genesisHash);
    expect((await ask('chainSpec_v1_chainName')).result).toBe((await world.api.rpc.system.chain()).toString());
    expect((await ask('chainSpec_v1_properties')).result).toEqual({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' });
    await send(world.api, tx(world.api, 'system', 'remark', '0x'), pairOf('//Alice'));
  });
});
