import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSubnet, openWorld, pairOf, read, send, sudo, TAO, tx, type World } from './support.ts';

let world: World;
let netuid: number;
const validator = (): ReturnType<typeof pairOf> => pairOf('//validator');

beforeAll(async () => {
  world = await openWorld();
  const { api } = world;
  netuid = await makeSubnet(api);
  for (const name of ['//validator', '//m1', '//m2']) await send(api, tx(api, 'subtensorModule', 'burnedRegister', netuid, pairOf(name).address), pairOf('//Bob'));
  await send(api, tx(api, 'subtensorModule', 'addStake', validator().address, netuid, 100n * TAO), pairOf('//Bob'));
  await send(api, tx(api, 'subtensorModule', 'addStake', validator().address, netuid, 300n * TAO), pairOf('//Charlie'));
  await sudo(api, tx(api, 'adminUtils', 'sudoSetTempo', netuid, 10));
});
afterAll(() => world.close());

function storage(item: string, keys: readonly unknown[] = [netuid], at?: string): Promise<unknown> {
  return read(world.api, 'subtensorModule', item, keys, at);
}

/** Runs up to and over the next epoch; the hash of its block. */
async function nextEpoch(): Promise<string> {
  const last = Number(await storage('lastEpochBlock'));
  world.net.sealBlocks(last + 10 - world.net.blockNumber());
  expect(await storage('lastEpochBlock')).toBe(last + 10);
  return (await world.api.rpc.chain.getBlockHash()).toHex();
}

async function alphaOf(name: string): Promise<number> {
  return Number(await storage('totalHotkeyAlpha', [pairOf(name).address, netuid]));
}

describe('epochs on the chain', () => {
  it('come every tempo, and give a staked validator its permit', async () => {
    expect(await storage('validatorPermit')).toEqual([false, false, false, false]);
    const index = Number(await storage('subnetEpochIndex'));
    await nextEpoch();
    expect(await storage('subnetEpochIndex')).toBe(index + 1);
    expect(await storage('validatorPermit')).toEqual([true, true, false, false]);
    expect(await storage('blocksSinceLastStep')).toBe(0);
    const next = await world.api.call['subnetInfoRuntimeApi']?.['getNextEpochStartBlock']?.(netuid);
    expect(next?.toJSON()).toBe(world.net.blockNumber() + 10);
  });

  it('pay 18 % to the owner, 41 % to miners as weighed, 41 % to those who stake on validators', async () => {
    const { api } = world;
    await nextEpoch();
    await send(api, tx(api, 'subtensorModule', 'setWeights', netuid, [2, 3], [3, 1], 0), validator());
    const names = ['//Alice//hotkey', '//validator', '//m1', '//m2'];
    const before = await Promise.all(names.map(alphaOf));
    await nextEpoch();
    const [owner, paid, m1, m2] = (await Promise.all(names.map(alphaOf))).map((alpha, index) => alpha - (before[index] as number)) as [number, number, number, number];
    const total = 10e9;
    expect(owner / total).toBeCloseTo(0.18, 4);
    expect((m1 + m2) / total).toBeCloseTo(0.41, 4);
    expect(m1 / m2).toBeCloseTo(3, 3);
    expect(paid / total).toBeCloseTo(0.41, 4);
    expect(await storage('incentive')).toEqual([0, 0, 49151, 16383]);
    expect(await storage('dividends')).toEqual([0, 65535, 0, 0]);
    expect(await storage('validatorTrust')).toEqual([0, 65535, 0, 0]);
    const emission = (await storage('emission')) as number[];
    expect((emission[2] as number) / (emission[1] as number)).toBeCloseTo(0.75, 3);
    expect(await storage('pendingServerEmission')).toBe(0);
  });

  it('let nominators share in dividends by their stake, the validator taking its part first', async () => {
    const shares = async (uri: string): Promise<bigint> => {
      const alpha = (await storage('alpha', [validator().address, pairOf(uri).address, netuid])) as { bits: string | number };
      return BigInt(alpha.bits);
    };
    const [bob, charlie] = [await shares('//Bob'), await shares('//Charlie')];
    // Bob bought first, and the price rose with it; his shares have the validator's take besides.
    expect(Number(charlie) / 2 ** 64 / 1e9).toBeCloseTo(193.5, 0);
    expect(Number(bob) / 2 ** 64 / 1e9).toBeGreaterThan(90);
    expect(Number(await storage('alphaDividendsPerSubnet', [netuid, validator().address])) / 10e9).toBeCloseTo(0.41 * 0.82, 4);
  });

  it('leave the state of each block readable', async () => {
    const first = await nextEpoch();
    const incentive = await storage('incentive');
    await send(world.api, tx(world.api, 'subtensorModule', 'setWeights', netuid, [3], [1], 0), validator());
    await nextEpoch();
    expect(await storage('incentive')).toEqual([0, 0, 0, 65535]);
    expect(await storage('incentive', [netuid], first)).toEqual(incentive);
  });
});
