import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, makeSubnet, openWorld, pairOf, read, send, sudo, TAO, tx, type Call, type World } from './support.ts';

let world: World;
let netuid: number;
const alice = (): ReturnType<typeof pairOf> => pairOf('//Alice');
const miner = (): ReturnType<typeof pairOf> => pairOf('//miner');

beforeAll(async () => {
  world = await openWorld();
  netuid = await makeSubnet(world.api);
  for (const hotkey of [miner(), pairOf('//miner2')]) await send(world.api, subtensor('burnedRegister', netuid, hotkey.address), pairOf('//Bob'));
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

function serve(ip: number | bigint, port: number, ipType = 4): Call {
  return subtensor('serveAxon', netuid, 10_002_000, ip, port, ipType, 4, 0, 0);
}
async function code(call: Call, pair = pairOf('//miner2')): Promise<string> {
  return (await failureOf(send(world.api, call, pair))).replace(/^.*: /, '');
}
function commit(fields: unknown[], pair = miner()): ReturnType<typeof send> {
  return send(world.api, tx(world.api, 'commitments', 'setCommitment', netuid, { fields }), pair);
}
function bytes(length: number): string {
  return `0x${'ab'.repeat(length)}`;
}

describe('serving', () => {
  it('stores the axon', async () => {
    expect(await errorOf(serve(0x0a000001, 8091), miner())).toBeUndefined();
    expect(await storage('axons', netuid, miner().address)).toMatchObject({ ip: 0x0a000001, port: 8091, ipType: 4, protocol: 4, block: world.net.blockNumber() });
  });

  it('makes wrong endpoints invalid transactions with the codes of the chain', async () => {
    expect(await code(serve(0x7f000001, 80))).toBe('11');
    expect(await code(serve(1, 80, 6))).toBe('11');
    expect(await code(serve(5, 80, 5))).toBe('255');
    expect(await code(serve(5, 0))).toBe('13');
    expect(await code(serve(5, 80), pairOf('//stranger'))).toBe('10');
    expect(await code(serve(5, 80), miner())).toBe('12');
  });
});

describe('commitments', () => {
  it('keeps the last one, whatever kinds its fields are', async () => {
    const kinds = [
      [{ None: null }, { Raw0: '0x' }, { Raw128: bytes(128) }],
      [{ BlakeTwo256: bytes(32) }, { Sha256: bytes(32) }, { Keccak256: bytes(32) }],
      [{ ShaThree256: bytes(32) }, { ResetBondsFlag: null }, { BigRaw: bytes(512) }],
    ];
    for (const fields of kinds) {
      expect((await commit(fields)).events).toContain('commitments.Commitment');
      const stored = (await read(world.api, 'commitments', 'commitmentOf', [netuid, miner().address])) as { block: number; info: { fields: unknown[] } };
      const expected = world.api.createType('Vec<PalletCommitmentsData>', fields).toJSON();
      expect(stored).toEqual({ deposit: 0, block: world.net.blockNumber(), info: { fields: expected } });
    }
  });

  it('tells of a sealed field and its round', async () => {
    const outcome = await commit([{ TimelockEncrypted: { encrypted: '0x0102', revealRound: 77 } }]);
    expect(outcome.events).toContain('commitments.TimelockCommitment');
    expect(await read(world.api, 'commitments', 'lastCommitment', [netuid, miner().address])).toBe(world.net.blockNumber());
  });

  it('is for registered hotkeys, and for three fields', async () => {
    expect((await commit([{ Raw1: '0x01' }], pairOf('//stranger'))).error).toBe('AccountNotAllowedCommit');
    expect(await failureOf(commit([{ Raw1: '0x01' }, { Raw1: '0x01' }, { Raw1: '0x01' }, { Raw1: '0x01' }]))).toMatch(/^1001: Extrinsic has invalid format/);
  });

  it('gives each hotkey 3,100 bytes an epoch, 100 a call at least', async () => {
    await sudo(world.api, admin('sudoSetTempo', netuid, 60));
    world.net.sealBlocks(61);
    const small = tx(world.api, 'commitments', 'setCommitment', netuid, { fields: [{ Raw1: '0x01' }] });
    const batch = (count: number): Call => tx(world.api, 'utility', 'batchAll', Array.from({ length: count }, () => small));
    await send(world.api, tx(world.api, 'balances', 'transferKeepAlive', miner().address, TAO), alice());
    expect(await errorOf(batch(30), miner())).toBeUndefined();
    expect(await errorOf(batch(2), miner())).toBe('SpaceLimitExceeded');
    expect(await errorOf(small, miner())).toBeUndefined();
    expect(await errorOf(small, miner())).toBe('SpaceLimitExceeded');
    expect(await read(world.api, 'commitments', 'usedSpaceOf', [netuid, miner().address])).toMatchObject({ usedSpace: 3100 });
    world.net.sealBlocks(60);
    expect(await errorOf(small, miner())).toBeUndefined();
  });
});

describe('hyperparameters', () => {
  it('of the owner: outside the freeze window, once in two tempos', async () => {
    const set = (value: number, pair = alice()): Promise<string | undefined> => errorOf(admin('sudoSetImmunityPeriod', netuid, value), pair);
    const next = async (): Promise<number> => Number((await world.api.call['subnetInfoRuntimeApi']?.['getNextEpochStartBlock']?.(netuid))?.toString());
    await sudo(world.api, admin('sudoSetTempo', netuid, 30));
    while ((await next()) - world.net.blockNumber() < 20) world.net.sealBlocks(1);
    expect(await set(77, pairOf('//Bob'))).toBe('BadOrigin');
    expect(await set(77)).toBeUndefined();
    expect(await storage('immunityPeriod', netuid)).toBe(77);
    expect(await set(78)).toBe('TxRateLimitExceeded');
    expect(await errorOf(admin('sudoSetServingRateLimit', netuid, 0))).toBeUndefined();
    while ((await next()) - world.net.blockNumber() > 5) world.net.sealBlocks(1);
    expect(await errorOf(admin('sudoSetMinBurn', netuid, 600_000))).toBe('AdminActionProhibitedDuringWeightsWindow');
    world.net.sealBlocks(60);
    while ((await next()) - world.net.blockNumber() < 20) world.net.sealBlocks(1);
    expect(await set(78)).toBeUndefined();
  });

  it('of root: not for the owner', async () => {
    for (const call of [admin('sudoSetTempo', netuid, 10), admin('sudoSetKappa', netuid, 1), admin('sudoSetWeightsSetRateLimit', netuid, 1), admin('sudoSetStakeThreshold', 1)]) {
      expect(await errorOf(call)).toBe('BadOrigin');
    }
  });

  it.each([
    ['sudoSetMinBurn', 1_000_000_000, 'ValueNotInBounds'],
    ['sudoSetMaxBurn', 100_000_000, 'ValueNotInBounds'],
    ['sudoSetMaxAllowedUids', 300, 'MaxAllowedUidsGreaterThanDefaultMaxAllowedUids'],
    ['sudoSetMaxAllowedUids', 3, 'MaxAllowedUidsLessThanMinAllowedUids'],
    ['sudoSetMaxAllowedValidators', 300, 'MaxValidatorsLargerThanMaxUIds'],
    ['sudoSetActivityCutoff', 3, 'ActivityCutoffTooLow'],
    ['sudoSetCommitRevealWeightsInterval', 0, 'RevealPeriodTooSmall'],
    ['sudoSetCommitRevealWeightsInterval', 101, 'RevealPeriodTooLarge'],
  ])('%s(%i) is %s', async (call, value, error) => {
    expect(await sudo(world.api, admin('sudoSetAdminFreezeWindow', 0))).toBeUndefined();
    expect(await sudo(world.api, admin(call, netuid, value))).toBe(error);
    expect(await sudo(world.api, admin(call, 99, value))).toBe('SubnetDoesNotExist');
  });

  it('are all written where they are read', async () => {
    const table = [
      ['sudoSetServingRateLimit', 'servingRateLimit', 3],
      ['sudoSetWeightsSetRateLimit', 'weightsSetRateLimit', 9],
      ['sudoSetImmunityPeriod', 'immunityPeriod', 11],
      ['sudoSetMinAllowedWeights', 'minAllowedWeights', 2],
      ['sudoSetMaxAllowedUids', 'maxAllowedUids', 200],
      ['sudoSetKappa', 'kappa', 40000],
      ['sudoSetActivityCutoff', 'activityCutoff', 4000],
      ['sudoSetMinBurn', 'minBurn', 600000],
      ['sudoSetMaxBurn', 'maxBurn', 200000000],
      ['sudoSetMaxAllowedValidators', 'maxAllowedValidators', 5],
      ['sudoSetBondsMovingAverage', 'bondsMovingAverage', 800000],
      ['sudoSetTempo', 'tempo', 20],
      ['sudoSetCommitRevealWeightsInterval', 'revealPeriodEpochs', 3],
      ['sudoSetSubtokenEnabled', 'subtokenEnabled', false],
    ] as const;
    const global = [['sudoSetSubnetOwnerCut', 'subnetOwnerCut', 5], ['sudoSetNetworkMinLockCost', 'networkMinLockCost', 6], ['sudoSetSubnetLimit', 'subnetLimit', 7], ['sudoSetOwnerHparamRateLimit', 'ownerHyperparamRateLimit', 8], ['sudoSetStartCallDelay', 'startCallDelay', 9]] as const;
    const calls = [...table.map(([call, , value]) => admin(call, netuid, value)), ...global.map(([call, , value]) => admin(call, value))];
    expect(await sudo(world.api, tx(world.api, 'utility', 'batchAll', calls))).toBeUndefined();
    const found = await Promise.all([...table.map(([, item]) => storage(item, netuid)), ...global.map(([, item]) => storage(item))]);
    expect(found).toEqual([...table, ...global].map(([, , value]) => value));
  });
});
