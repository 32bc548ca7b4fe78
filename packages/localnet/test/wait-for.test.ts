import { afterEach, describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { WsProvider, type ApiPromise } from '@polkadot/api';
import { connect, makeSubnet, openWorld, pairOf, read, send, TAO, tx, type World } from './support.ts';
import { decideBlock, FOREVER, type ProducerState } from '../src/producer.ts';

const GENESIS_MS = 1_767_225_600_000;
const BLOCK_MS = 12_000;

function state(change: Partial<{ waitFor: number; releases: [string, number][]; previousTimestampMs: number; pending: string[] }>): ProducerState {
  const { waitFor = 2, releases = [], previousTimestampMs = 100, pending = [] } = change;
  return { waitFor, releases: new Map(releases), previousTimestampMs, pendingSigners: new Set(pending) };
}

describe('the rule of waitFor', () => {
  it.each([
    ['too few participants, nothing waits', state({ releases: [['a', 900]] }), 'wait'],
    ['too few participants, something waits', state({ releases: [['a', 0]], pending: ['x'] }), 'all'],
    ['all released', state({ releases: [['a', 101], ['b', 900]] }), 'all'],
    ['one released only up to now', state({ releases: [['a', 100], ['b', 900]] }), 'wait'],
    ['the busy one has sent its own', state({ releases: [['a', 100], ['b', 900]], pending: ['a'] }), 'all'],
    ['only the other one has sent', state({ releases: [['a', 100], ['b', 900]], pending: ['b'] }), 'wait'],
    ['somebody else has sent while one is busy', state({ releases: [['a', 100], ['b', 900]], pending: ['x'] }), 'others'],
    ['somebody else has sent, all released', state({ releases: [['a', 101], ['b', 900]], pending: ['x'] }), 'all'],
    ['more participants than asked for, the third busy', state({ releases: [['a', 900], ['b', 900], ['c', 1]] }), 'wait'],
    ['all have left', state({ releases: [['a', FOREVER], ['b', FOREVER]] }), 'wait'],
    ['one has left, the other waits for a time', state({ releases: [['a', FOREVER], ['b', 900]] }), 'all'],
    ['all have left, somebody sends', state({ releases: [['a', FOREVER], ['b', FOREVER]], pending: ['x'] }), 'all'],
  ] as const)('%s', (_name, given, expected) => {
    expect(decideBlock(given)).toBe(expected);
  });

  it('never runs past a time that a participant has not released', () => {
    const releases = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(200)), { minLength: 1 });
    fc.assert(
      fc.property(releases, fc.nat(200), (list, previousTimestampMs) => {
        const given = state({ waitFor: 1, releases: list, previousTimestampMs });
        const busy = [...given.releases.values()].some((timeMs) => timeMs <= previousTimestampMs);
        expect(decideBlock(given)).toBe(busy ? 'wait' : 'all');
      }),
    );
  });
});

let worlds: World[] = [];
let providers: WsProvider[] = [];
afterEach(async () => {
  await Promise.all([...providers.map((provider) => provider.disconnect()), ...worlds.map((world) => world.close())]);
  worlds = [];
  providers = [];
});

async function openWaiting(waitFor: number): Promise<{ world: World; release: (participant: string, timeMs: number) => Promise<unknown> }> {
  const world = await openWorld({ waitFor });
  const provider = new WsProvider(world.net.endpoint);
  await provider.isReady;
  worlds.push(world);
  providers.push(provider);
  return { world, release: (participant, timeMs) => provider.send('localnet_release', [participant, timeMs]) };
}

describe('time that waits for its participants', () => {
  it('stands still until all are known, and runs to the first block at the earliest release', async () => {
    const { world, release } = await openWaiting(2);
    const [a, b] = [pairOf('//a').address, pairOf('//b').address];
    await release(a, GENESIS_MS + 10 * BLOCK_MS);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(world.net.blockNumber()).toBe(0);
    await release(b, GENESIS_MS + 5 * BLOCK_MS - 1);
    await expect.poll(() => world.net.blockNumber()).toBe(5);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.net.blockNumber()).toBe(5);
    expect(await read(world.api, 'timestamp', 'now')).toBe(GENESIS_MS + 5 * BLOCK_MS);
    await release(b, GENESIS_MS + 20 * BLOCK_MS);
    await expect.poll(() => world.net.blockNumber()).toBe(10);
    await release(a, FOREVER);
    await expect.poll(() => world.net.blockNumber()).toBe(20);
    await release(b, FOREVER);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.net.blockNumber()).toBe(20);
  });

  it('gives transactions of others a block, without those of participants', async () => {
    const { world, release } = await openWaiting(2);
    const { api, net } = world;
    await release(pairOf('//Bob').address, GENESIS_MS);
    await release(pairOf('//Charlie').address, GENESIS_MS);
    const transfer = tx(api, 'balances', 'transferKeepAlive', pairOf('//Eve').address, TAO);
    const participant = send(api, transfer, pairOf('//Bob'));
    await expect.poll(async () => (await api.rpc.author.pendingExtrinsics()).length).toBe(1);
    const { blockHash } = await send(api, transfer, pairOf('//Dave'));
    expect((await api.rpc.chain.getBlock(blockHash)).block.extrinsics.length).toBe(3);
    expect(net.blockNumber()).toBe(1);
    await release(pairOf('//Charlie').address, GENESIS_MS + 2 * BLOCK_MS);
    expect((await participant).error).toBeUndefined();
    expect(net.blockNumber()).toBe(2);
  });

  it('makes the same blocks whoever is slow', async () => {
    const runs = await Promise.all([run([0, 40]), run([40, 0])]);
    expect(runs[0]).toEqual(runs[1]);
    expect(runs[0]?.length).toBeGreaterThan(5);
  });
});

/** Two participants wake at two times and each sends a commitment; the given delays slow them down. What each block held. */
async function run(delaysMs: readonly [number, number]): Promise<unknown[]> {
  const world = await openWorld({ waitFor: 2 });
  worlds.push(world);
  const netuid = await makeSubnet(world.api);
  const names = ['//p0', '//p1'];
  for (const name of names) await send(world.api, tx(world.api, 'subtensorModule', 'burnedRegister', netuid, pairOf(name).address), pairOf('//Bob'));
  const start = world.net.blockNumber();
  await Promise.all(names.map((name, index) => participate(world, { name, netuid, delayMs: delaysMs[index] as number, start })));
  return contents(world.api, start);
}

async function participate(world: World, { name, netuid, delayMs, start }: { name: string; netuid: number; delayMs: number; start: number }): Promise<void> {
  const api = await connect(world.net.endpoint);
  const provider = new WsProvider(world.net.endpoint);
  await provider.isReady;
  const pair = pairOf(name);
  const release = (block: number): Promise<unknown> => provider.send('localnet_release', [pair.address, GENESIS_MS + block * BLOCK_MS]);
  for (const wake of [start + 3, start + 6]) {
    await release(wake);
    await expect.poll(() => world.net.blockNumber(), { interval: 5 }).toBeGreaterThanOrEqual(wake);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const text = Buffer.from(`${name} at ${wake}`);
    await send(api, tx(api, 'commitments', 'setCommitment', netuid, { fields: [{ [`Raw${text.length}`]: `0x${text.toString('hex')}` }] }), pair, { era: 0 });
  }
  await release(start + 10);
  await Promise.all([api.disconnect(), provider.disconnect()]);
}

async function contents(api: ApiPromise, start: number): Promise<unknown[]> {
  const blocks = Array.from({ length: 8 }, (_, index) => start + index + 1);
  return Promise.all(
    blocks.map(async (number) => {
      const { block } = await api.rpc.chain.getBlock(await api.rpc.chain.getBlockHash(number));
      return block.extrinsics.map(({ signer, method }) => [signer.toString(), method.toHex()]);
    }),
  );
}
