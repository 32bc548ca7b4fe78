import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, headNumbers, openLine, until } from './json-rpc.ts';
import { failureOf, openWorld, pairOf, read, send, TAO, tx, type World } from './support.ts';

const LAG = 4;

describe('with a finality lag', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld({ finalityLagBlocks: LAG });
  });
  afterAll(() => world.close());

  const transfer = (): ReturnType<typeof tx> => tx(world.api, 'balances', 'transferKeepAlive', pairOf('//Bob').address, TAO);
  const hashAt = (number: number): Promise<unknown> => ask(world.net.endpoint, 'chain_getBlockHash', number);

  it('blocks become final so far behind the newest', async () => {
    const { net } = world;
    const line = await openLine(net.endpoint);
    await line.ask('chain_subscribeNewHeads');
    await line.ask('chain_subscribeFinalizedHeads');
    net.sealBlocks(10);
    expect([net.blockNumber(), net.finalizedNumber()]).toEqual([10, 10 - LAG]);
    expect(await ask(net.endpoint, 'chain_getFinalizedHead')).toBe(await hashAt(10 - LAG));
    const numbers = (method: string): number[] => headNumbers(line, method);
    await until(() => numbers('chain_newHead').length === 11 && numbers('chain_finalizedHead').length === 7);
    expect(numbers('chain_newHead')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(numbers('chain_finalizedHead')).toEqual([0, 1, 2, 3, 4, 5, 6]);
    line.close();
  });

  it('a reorganisation gives a longer fork with other hashes, and final blocks stay', async () => {
    const { net } = world;
    const before = await Promise.all(Array.from({ length: 11 }, (_, number) => hashAt(number)));
    const line = await openLine(net.endpoint);
    for (const method of ['chain_subscribeNewHeads', 'chain_subscribeFinalizedHeads', 'chain_subscribeAllHeads']) await line.ask(method);
    line.heard.length = 0;
    net.reorganize(3);
    expect(net.blockNumber()).toBe(11);
    const after = await Promise.all(Array.from({ length: 11 }, (_, number) => hashAt(number)));
    expect(after.slice(0, 8)).toEqual(before.slice(0, 8));
    for (const number of [8, 9, 10]) expect(after[number]).not.toBe(before[number]);
    const numbers = (method: string): number[] => headNumbers(line, method);
    await until(() => numbers('chain_finalizedHead').length === 1 && numbers('chain_allHead').length === 4);
    expect([numbers('chain_newHead'), numbers('chain_allHead'), numbers('chain_finalizedHead')]).toEqual([[11], [8, 9, 10, 11], [7]]);
    expect(await ask(net.endpoint, 'chain_getHeader', before[9])).toMatchObject({ number: '0x9' });
    expect(await failureOf(ask(net.endpoint, 'state_getStorage', '0xab', before[9]))).toMatch(/4003.*State already discarded/);
    line.close();
  });

  it('a reorganisation of final blocks is refused', async () => {
    const { net } = world;
    const head = await ask(net.endpoint, 'chain_getBlockHash');
    expect(await failureOf(ask(net.endpoint, 'localnet_reorg', LAG + 1))).toMatch(/-32602.*final/);
    expect(await failureOf(ask(net.endpoint, 'localnet_reorg', 0))).toMatch(/-32602/);
    expect(await ask(net.endpoint, 'chain_getBlockHash')).toBe(head);
  });

  it('a retracted transaction stands in the new fork, and its watcher hears of both blocks', async () => {
    const { net, api } = world;
    const statuses: string[] = [];
    const signed = await transfer().signAsync(pairOf('//Alice'), { nonce: -1 });
    const stop = await signed.send(({ status }) => void statuses.push(status.type));
    await until(() => statuses.includes('InBlock'));
    expect(await ask(net.endpoint, 'localnet_reorg', 2)).toMatchObject({ blockNumber: net.blockNumber() });
    // The client looks a block up before it tells of it: a status of a later block could overtake.
    await until(() => statuses.filter((status) => status === 'InBlock').length === 2);
    net.sealBlocks(LAG + 2);
    await until(() => statuses.includes('Finalized'));
    expect(statuses).toEqual(['Ready', 'InBlock', 'Retracted', 'Ready', 'InBlock', 'Finalized']);
    stop();
    expect(((await read(api, 'system', 'account', [pairOf('//Alice').address])) as { nonce: number }).nonce).toBe(1);
  });

  it('a dropped transaction is gone, its state with it, and subscribers hear of the older value', async () => {
    const { net, api } = world;
    net.sealBlocks(LAG);
    const nonces: number[] = [];
    const stop = (await api.query['system']?.['account']?.(pairOf('//Charlie').address, ({ nonce }: { nonce: { toNumber(): number } }) => nonces.push(nonce.toNumber()))) as unknown as () => void;
    const statuses: string[] = [];
    const end = await transfer().signAndSend(pairOf('//Charlie'), { nonce: -1 }, ({ status }) => void statuses.push(status.type));
    await until(() => statuses.includes('InBlock') && nonces.at(-1) === 1);
    await ask(net.endpoint, 'localnet_reorg', 1, { dropTransactions: true });
    await until(() => statuses.includes('Dropped') && nonces.at(-1) === 0);
    expect(statuses.slice(0, 4)).toEqual(['Ready', 'InBlock', 'Retracted', 'Dropped']);
    stop();
    end();
    await send(api, transfer(), pairOf('//Charlie'));
  });

  it('what is not final is lost by a restart, and nothing that is', async () => {
    const { mkdtempSync, rmSync } = await import('node:fs');
    const { startLocalnet } = await import('../src/index.ts');
    const directory = mkdtempSync('/tmp/connito-lag-');
    const options = { seed: 'test', finalityLagBlocks: 3, stateDirectory: directory, beaconPeriodMs: 86_400_000 };
    const first = await startLocalnet(options);
    first.sealBlocks(10);
    first.reorganize(2);
    const final = await ask(first.endpoint, 'chain_getFinalizedHead');
    await first.close();
    const second = await startLocalnet(options);
    expect([second.blockNumber(), await ask(second.endpoint, 'chain_getBlockHash')]).toEqual([8, final]);
    await second.close();
    rmSync(directory, { recursive: true });
  });
});
