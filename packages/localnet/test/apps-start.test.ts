/**
 * What polkadot-js apps asks of a node when it starts, and on its pages Explorer, Accounts and Transfer, by the library that it is made of. Apps itself needs a browser and does not run
 * here.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, pairOf, send, TAO, tx, type World } from './support.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** The first thing that a subscription says. */
function first<T>(subscribe: (heard: (value: T) => void) => Promise<() => void>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop: Promise<() => void> = subscribe((value) => {
      resolve(value);
      void stop.then((end) => end());
    });
    stop.catch(reject);
  });
}

describe('what polkadot-js apps asks', () => {
  it('at its start: names, version, properties, methods, health, peers', async () => {
    const { rpc, runtimeChain, runtimeVersion, registry } = world.api;
    expect((await rpc.rpc.methods()).methods.length).toBeGreaterThan(80);
    expect((await rpc.system.chain()).toString()).toBe(runtimeChain.toString());
    expect((await rpc.system.chainType()).isDevelopment).toBe(true);
    expect([(await rpc.system.name()).length > 0, (await rpc.system.version()).length > 0]).toEqual([true, true]);
    expect((await rpc.system.properties()).toHuman()).toMatchObject({ ss58Format: '42', tokenDecimals: expect.anything() as unknown, tokenSymbol: expect.anything() as unknown });
    expect((await rpc.system.health()).isSyncing.isFalse).toBe(true);
    expect((await rpc.system.peers()).length).toBe(0);
    expect((await rpc.system.nodeRoles()).length).toBeGreaterThan(0);
    expect([registry.chainSS58, registry.chainTokens.length, runtimeVersion.specName.toString()]).toEqual([42, 1, 'node-subtensor']);
  });

  it('on the page Explorer: heads, final heads, blocks with their events and author', async () => {
    const { rpc, derive, query } = world.api;
    world.net.sealBlocks(2);
    const number = world.net.blockNumber();
    expect((await first<{ number: { toNumber(): number } }>((heard) => rpc.chain.subscribeNewHeads(heard))).number.toNumber()).toBe(number);
    expect((await first<{ number: { toNumber(): number } }>((heard) => rpc.chain.subscribeFinalizedHeads(heard))).number.toNumber()).toBe(number);
    expect((await first<{ number: { toNumber(): number } }>((heard) => rpc.chain.subscribeAllHeads(heard))).number.toNumber()).toBe(number);
    expect((await derive.chain.bestNumber()).toNumber()).toBe(number);
    expect((await derive.chain.bestNumberFinalized()).toNumber()).toBe(number);
    expect((await derive.chain.bestNumberLag()).toNumber()).toBe(0);
    expect((await first<{ number: { toNumber(): number } }>((heard) => derive.chain.subscribeNewHeads(heard as never))).number.toNumber()).toBe(number);
    const hash = await rpc.chain.getBlockHash(number);
    const { block, events } = await derive.chain.getBlock(hash);
    expect([block.header.number.toNumber(), events.length > 0]).toEqual([number, true]);
    expect((await derive.chain.getHeader(hash)).number.toNumber()).toBe(number);
    expect((await first<unknown[]>((heard) => query['system']?.['events']?.(heard as never) as unknown as Promise<() => void>)).length).toBeGreaterThan(0);
  });

  it('on the pages Accounts and Transfer: balances, names, nonce, fee, what is pending', async () => {
    const { rpc, derive, tx: calls } = world.api;
    const [bob, eve] = [pairOf('//Bob'), pairOf('//Eve').address];
    const before = await derive.balances.all(eve);
    expect(before.freeBalance.toBigInt()).toBe(1_000_000n * TAO);
    expect((await derive.balances.all(eve)).transferable?.toBigInt()).toBeGreaterThan(999_999n * TAO);
    expect((await derive.balances.account(eve)).accountNonce.toNumber()).toBe(0);
    expect((await derive.accounts.info(eve)).accountId?.toString()).toBe(eve);
    expect((await derive.accounts.flags(eve)).isCouncil).toBe(false);
    const transfer = tx(world.api, 'balances', 'transferKeepAlive', eve, TAO);
    expect((await transfer.paymentInfo(bob.address)).partialFee.toBigInt()).toBeGreaterThan(0n);
    expect((await derive.tx.signingInfo(bob.address)).mortalLength).toBeGreaterThan(0);
    expect((await rpc.author.pendingExtrinsics()).length).toBe(0);
    expect((await send(world.api, transfer, bob)).error).toBeUndefined();
    expect((await derive.balances.all(eve)).freeBalance.toBigInt()).toBe(1_000_001n * TAO);
    // Pages of pallets that the metadata does not have are not shown.
    expect(['staking', 'democracy', 'society', 'contracts'].map((pallet) => calls[pallet])).toEqual([undefined, undefined, undefined, undefined]);
  });
});
