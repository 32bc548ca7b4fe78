import { connectChain, createCall, isChainError, openKeypair, readBalance, sendCall, type Chain } from '@connito/chain';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, headNumbers, openLine, until } from './json-rpc.ts';
import { failureOf, pairOf, SLOW_BEACON } from './support.ts';
import { isLocalnetError, startLocalnet, type FaultSettings, type Localnet } from '../src/index.ts';

let net: Localnet;
beforeAll(async () => {
  net = await startLocalnet({ seed: 'test', ...SLOW_BEACON, finalityLagBlocks: 2, intervalMs: 25 });
});
afterAll(() => net.close());
afterEach(() => net.faults.clear());

describe('a client that speaks the bare protocol', () => {
  it('is answered late', async () => {
    net.faults.set({ delayMs: 120, delayMethods: ['system_name'] });
    const line = await openLine(net.endpoint);
    const order: string[] = [];
    await Promise.all(['system_name', 'system_chain'].map((method) => line.ask(method).then(() => order.push(method))));
    expect(order).toEqual(['system_chain', 'system_name']);
    net.faults.set({ delayMs: 60 });
    const before = performance.now();
    await ask(net.endpoint, 'system_chain');
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
    line.close();
  });

  it('gets errors for chosen methods, and the controls still answer', async () => {
    expect(await ask(net.endpoint, 'localnet_setFaults', { failMethods: { state_getStorage: { code: -32000, message: 'broken', data: 'pipe' } } })).toMatchObject({ failMethods: {} });
    expect(await failureOf(ask(net.endpoint, 'state_getStorage', '0xab'))).toBe('-32000 broken: pipe');
    expect(await ask(net.endpoint, 'system_chain')).toBe('Connito Localnet');
    expect(await ask(net.endpoint, 'localnet_clearFaults')).toEqual({});
    expect(await ask(net.endpoint, 'state_getStorage', '0xab')).toBeNull();
  });

  it('has its submissions refused with the chosen code', async () => {
    net.faults.set({ refuseSubmissions: { code: 1016, message: 'Immediately Dropped' } });
    expect(await failureOf(ask(net.endpoint, 'author_submitExtrinsic', '0x00'))).toBe('1016 Immediately Dropped');
    const line = await openLine(net.endpoint);
    expect(await failureOf(line.ask('author_submitAndWatchExtrinsic', '0x00'))).toBe('1016 Immediately Dropped');
    line.close();
  });

  it('sees a stale node stand still, and catch up', async () => {
    const line = await openLine(net.endpoint);
    await line.ask('chain_subscribeNewHeads');
    net.faults.set({ stale: true });
    const number = Number(((await line.ask('chain_getHeader')) as { number: string }).number);
    const heard = line.heard.length;
    const heads = headNumbers(line, 'chain_newHead').length;
    await until(() => net.blockNumber() > number + 5);
    expect(Number(((await line.ask('chain_getHeader')) as { number: string }).number)).toBe(number);
    expect(await line.ask('chain_getBlockHash', number + 1)).toBeNull();
    expect(line.heard.slice(heard).filter(({ method }) => method !== undefined)).toEqual([]);
    net.faults.clear();
    await until(() => headNumbers(line, 'chain_newHead').length > heads);
    expect(headNumbers(line, 'chain_newHead')[heads]).toBeGreaterThan(number + 5);
    line.close();
  });

  it('finds state forgotten', async () => {
    await until(() => net.blockNumber() > 10);
    net.faults.set({ keepStateBlocks: 2 });
    const old = await ask(net.endpoint, 'chain_getBlockHash', 1);
    expect(await failureOf(ask(net.endpoint, 'state_getStorage', '0xab', old))).toMatch(/^4003 .*State already discarded/);
    expect(await ask(net.endpoint, 'state_getStorage', '0xab')).toBeNull();
    expect(await ask(net.endpoint, 'chain_getHeader', old)).toMatchObject({ number: '0x1' });
  });

  it('is dropped: all, one in n, after n messages, in the middle of a frame, before it is in', async () => {
    const lines = await Promise.all(Array.from({ length: 4 }, () => openLine(net.endpoint)));
    const open = (): number => lines.filter(({ socket }) => socket.readyState === socket.OPEN).length;
    expect(net.faults.dropConnections({ oneIn: 2 })).toBe(2);
    await until(() => open() === 2);
    const keeper = await openLine(net.endpoint);
    expect(await keeper.ask('localnet_dropConnections')).toBe(2);
    await until(() => open() === 0);
    expect(await keeper.ask('system_chain')).toBe('Connito Localnet');
    net.faults.set({ dropAfterMessages: 2, dropMidFrame: true });
    const victim = await openLine(net.endpoint);
    await victim.ask('system_chain');
    await victim.ask('system_chain');
    await victim.ask('localnet_status');
    expect(await failureOf(victim.ask('system_chain'))).toBe('the connection has ended');
    net.faults.set({ refuseConnections: true });
    expect(await failureOf(openLine(net.endpoint))).toBe('refused');
    keeper.close();
  });

  it.each([
    [{ delayMs: -1 }, /delayMs/],
    [{ delayMs: 1e9 }, /delayMs/],
    [{ delayMethods: [1] }, /delayMethods/],
    [{ failMethods: { localnet_seal: { code: 1, message: 'x' } } }, /controls always answer/],
    [{ failMethods: { system_name: { code: 'x', message: 'x' } } }, /failMethods\.system_name/],
    [{ failMethods: 5 }, /failMethods/],
    [{ refuseSubmissions: true }, /refuseSubmissions/],
    [{ stale: 1 }, /stale/],
    [{ keepStateBlocks: 1.5 }, /keepStateBlocks/],
    [{ dropAfterMessages: 0 }, /dropAfterMessages/],
    [{ explode: true }, /settings delayMs/],
  ])('%j is refused, and what was set before stays', async (settings, message) => {
    net.faults.set({ stale: true });
    expect(await failureOf(ask(net.endpoint, 'localnet_setFaults', settings))).toMatch(message);
    let code: unknown;
    try {
      net.faults.set(settings as FaultSettings);
    } catch (error) {
      code = isLocalnetError(error) && error.code;
    }
    expect([code, net.faults.settings]).toEqual(['bad-control', { stale: true }]);
  });

  it('meets faults at one endpoint only', async () => {
    const second = await net.openEndpoint();
    second.faults.set({ failMethods: { system_name: { code: 1, message: 'no' } } });
    expect(await failureOf(ask(second.endpoint, 'system_name'))).toBe('1 no');
    expect(await ask(net.endpoint, 'system_name')).toMatch(/Subtensor/);
    await second.close();
    expect(await failureOf(ask(second.endpoint, 'system_name'))).toMatch(/fetch failed/);
  });
});

describe('@connito/chain', () => {
  let chain: Chain;
  const alice = openKeypair('//Alice');
  const bob = pairOf('//Bob').address;
  let transfers = 0;
  const transfer = (): Promise<unknown> => sendCall(chain, createCall(chain, 'Balances', 'transfer_keep_alive', [bob, 1_000_000_000n]), { signer: alice }).then(() => (transfers += 1));
  const received = (): bigint => BigInt((net.getStorage({ pallet: 'System', item: 'Account', keys: [bob] }) as { data: { free: number } }).data.free) - 10n ** 15n;

  beforeEach(async () => {
    chain = await connectChain({ endpoint: net.endpoint, requestTimeoutMs: 20_000 });
  });
  afterEach(() => chain.close());
  /** What was not sent yet when the connection ended is for the caller to send again. */
  const insist = async (): Promise<unknown> => {
    for (;;) {
      try {
        return await transfer();
      } catch (error) {
        if (!isChainError(error, 'disconnected')) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  /** Each transfer arrived, and none twice. */
  const settled = (): void => expect(received()).toBe(BigInt(transfers) * 1_000_000_000n);

  it('sends once and only once while connections are dropped, also in the middle of a frame', async () => {
    for (const dropMidFrame of [false, true]) {
      net.faults.set({ dropMidFrame });
      const sent = insist();
      for (let cut = 0; cut < 3; cut++) {
        await new Promise((resolve) => setTimeout(resolve, 120));
        net.faults.dropConnections();
      }
      await sent;
      settled();
    }
  });

  it('goes on with a node that drops each connection after some messages', async () => {
    net.faults.set({ dropAfterMessages: 40 });
    await insist();
    net.faults.clear();
    settled();
  });

  it('waits for late answers', async () => {
    net.faults.set({ delayMs: 60 });
    await transfer();
    settled();
  });

  it('does not take a block that is retracted for the end, and ends with the transaction in a final block', async () => {
    const sent = transfer();
    await until(() => received() > BigInt(transfers) * 1_000_000_000n);
    net.reorganize(net.blockNumber() - net.finalizedNumber());
    await sent;
    settled();
  });

  it('tells of refused submissions with the reason', async () => {
    net.faults.set({ refuseSubmissions: { code: 1010, message: 'Invalid Transaction', data: 'Custom error: 6' } });
    const error = await transfer().then(() => undefined, (failure: unknown) => failure);
    expect(isChainError(error, 'rejected')).toBe(true);
    expect((error as Error).message).toMatch(/Custom error: 6|too fast|rate/i);
    settled();
  });

  it('tells of forgotten state as such', async () => {
    net.faults.set({ keepStateBlocks: 1 });
    const old = await ask(net.endpoint, 'chain_getBlockHash', 1);
    const error = await chain.request('state_getStorage', ['0xab', old]).then(() => undefined, (failure: unknown) => failure);
    expect(isChainError(error, 'state-unavailable')).toBe(true);
  });

  it('gives up on a stale node in the time that it was given, and goes on when the node does', async () => {
    net.faults.set({ stale: true });
    const error = await sendCall(chain, createCall(chain, 'System', 'remark', ['0x00']), { signer: alice, timeoutMs: 1500 }).then(() => undefined, (failure: unknown) => failure);
    expect(isChainError(error, 'timeout')).toBe(true);
    net.faults.clear();
    await transfer();
    settled();
    expect(await readBalance(chain, { account: alice.hotkey })).toBeGreaterThan(0n);
  });

  it('passes on an error that a method answers with', async () => {
    net.faults.set({ failMethods: { system_health: { code: -32000, message: 'unwell' } } });
    const error = await chain.request('system_health').then(() => undefined, (failure: unknown) => failure);
    expect(isChainError(error, 'rpc-failed')).toBe(true);
  });
});
