import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectChain, createCall, describeStatus, isChainError, NETWORKS, openKeypair, parseNetwork, readBlock, sendCall, watchBlocks, type Chain, type ConnectionStatus, type ConnectOptions } from '../src/index.ts';
import { HAS_METADATA, SILENCE, startScriptedNode, type ScriptedNode } from './scripted-node.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const resource of open.splice(0).toReversed()) await resource.close();
  vi.restoreAllMocks();
});

async function startNodes(count: number): Promise<ScriptedNode[]> {
  const nodes = await Promise.all(Array.from({ length: count }, () => startScriptedNode()));
  open.push(...nodes);
  for (const node of nodes) node.seal(0);
  return nodes;
}

async function connect(nodes: readonly ScriptedNode[], options: ConnectOptions = {}): Promise<{ readonly chain: Chain; readonly statuses: ConnectionStatus[] }> {
  const statuses: ConnectionStatus[] = [];
  const chain = await connectChain({ endpoints: nodes.map(({ endpoint }) => endpoint), onStatus: (status) => void statuses.push(status), ...options });
  open.push(chain);
  return { chain, statuses };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

async function failureOf(work: Promise<unknown>): Promise<{ readonly code: string; readonly message: string }> {
  const error: unknown = await work.catch((failure: unknown) => failure);
  if (isChainError(error)) return error;
  throw error;
}

describe('networks', () => {
  it('have names, or are lists of endpoints', () => {
    expect(parseNetwork('finney')).toBe(NETWORKS.finney);
    expect(parseNetwork(' ws://a:1, wss://b ')).toEqual({ endpoints: ['ws://a:1', 'wss://b'] });
    expect(parseNetwork('ws://a:1,ws://a:1').endpoints).toEqual(['ws://a:1']);
    for (const text of ['', 'finny', 'http://a', 'ws://a,', 'toString', Array.from({ length: 17 }, (_, n) => `ws://a:${n + 1}`).join()]) expect(() => parseNetwork(text)).toThrow(expect.objectContaining({ code: 'bad-value' }));
  });

  it('are asked for in one way', async () => {
    expect((await failureOf(connectChain({}))).code).toBe('bad-value');
    expect((await failureOf(connectChain({ endpoint: 'ws://a', network: 'local' }))).code).toBe('bad-value');
    expect((await failureOf(connectChain({ network: 'finny' as 'finney' }))).message).toContain('finney, test, archive, lite, local');
  });
});

describe('endpoints of which none can be used', () => {
  it('are each named with what is wrong', async () => {
    const [other] = await startNodes(1);
    const failure = await failureOf(connectChain({ endpoints: ['ws://127.0.0.1:1', (other as ScriptedNode).endpoint], expectedGenesis: new Uint8Array(32) }));
    expect(failure.code).toBe('unreachable');
    expect(failure.message).toMatch(/ws:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
    expect(failure.message).toContain(`at ${(other as ScriptedNode).endpoint}, got 0x`);
    expect((await failureOf(connectChain({ endpoint: (other as ScriptedNode).endpoint, expectedGenesis: new Uint8Array(32) }))).code).toBe('wrong-chain');
  });
});

describe.skipIf(!HAS_METADATA)('a connection with several endpoints', () => {
  it('goes on with another when one is lost, and never with one of another chain', async () => {
    const [first, stranger, third] = (await startNodes(3)) as [ScriptedNode, ScriptedNode, ScriptedNode];
    stranger.answers.set('chain_getBlockHash', () => `0x${'7'.repeat(64)}`);
    const { chain, statuses } = await connect([first, stranger, third]);
    expect(chain.endpoint).toBe(first.endpoint);
    await first.close();
    await until(() => chain.isConnected() && chain.endpoint === third.endpoint);
    expect((await chain.finalisedHead()).number).toBe(0);
    expect(statuses.map(describeStatus)).toEqual([
      `connected to ${first.endpoint}`,
      expect.stringContaining(`lost ${first.endpoint}: the node closed the connection`),
      expect.stringContaining(`cannot use ${stranger.endpoint}: expected the chain with genesis`),
      `connected to ${third.endpoint}`,
    ]);
  });

  it('delivers every finalised block once and in order, also by a node that is behind', async () => {
    const [ahead, behind] = (await startNodes(2)) as [ScriptedNode, ScriptedNode];
    const { chain } = await connect([ahead, behind]);
    const seen: number[] = [];
    await watchBlocks(chain, ({ number }) => void seen.push(number));
    for (let n = 1; n <= 5; n++) ahead.seal(n * 12_000);
    await until(() => seen.length === 6);
    for (let n = 1; n <= 3; n++) behind.seal(n * 12_000);
    await ahead.close();
    await until(() => chain.isConnected() && chain.endpoint === behind.endpoint);
    for (let n = 4; n <= 8; n++) behind.seal(n * 12_000);
    await until(() => seen.length === 9);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('leaves a node whose finalised head falls behind the others’', async () => {
    const [stalled, fresh] = (await startNodes(2)) as [ScriptedNode, ScriptedNode];
    for (let n = 1; n <= 20; n++) fresh.seal(n * 12_000);
    const { chain, statuses } = await connect([stalled, fresh], { health: { checkMs: 20, stallMs: 40, maxLagBlocks: 5 } });
    await until(() => chain.endpoint === fresh.endpoint);
    expect(statuses.map(describeStatus)).toContain(`left ${stalled.endpoint}: it is 20 blocks behind ${fresh.endpoint}`);
    expect((await chain.finalisedHead()).number).toBe(20);
    // The one that was left is behind: there is nothing better to go to.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(chain.endpoint).toBe(fresh.endpoint);
  });

  it('leaves a node that does not answer', async () => {
    const [silent, other] = (await startNodes(2)) as [ScriptedNode, ScriptedNode];
    const { chain, statuses } = await connect([silent, other], { requestTimeoutMs: 2_000 });
    silent.answers.set('x', () => SILENCE);
    const failures = await Promise.all([1, 2, 3].map(() => failureOf(chain.request('x'))));
    expect(failures.map(({ code }) => code)).toContain('timeout');
    await until(() => chain.isConnected() && chain.endpoint === other.endpoint);
    expect(statuses.map(describeStatus)).toContain(`lost ${silent.endpoint}: 3 answers in a row were late`);
  });

  it('asks another node for state that one has forgotten', async () => {
    const [pruned, archive] = (await startNodes(2)) as [ScriptedNode, ScriptedNode];
    const { chain } = await connect([pruned, archive]);
    pruned.answers.set('state_getStorage', () => {
      throw { code: 4003, message: 'Client error: UnknownBlock: State already discarded for 0x01' };
    });
    archive.storage.set('0xaa', '0x1234');
    const { hash } = archive.seal(12_000);
    expect(await chain.request('state_getStorage', ['0xaa', hash])).toBe('0x1234');
    expect(chain.endpoint).toBe(pruned.endpoint);
    archive.answers.set('state_getStorage', () => {
      throw { code: 4003, message: 'Client error: UnknownBlock: State already discarded for 0x01' };
    });
    expect((await failureOf(chain.request('state_getStorage', ['0xaa', hash]))).code).toBe('state-unavailable');
  });

  it('leaves a node that has finalised another chain', async () => {
    const [first, forked] = (await startNodes(2)) as [ScriptedNode, ScriptedNode];
    const { chain, statuses } = await connect([first, forked]);
    const seen: number[] = [];
    await watchBlocks(chain, ({ number }) => void seen.push(number));
    forked.answers.set('chain_getHeader', () => ({ number: '0x1', parentHash: `0x${'9'.repeat(64)}`, stateRoot: '0x', extrinsicsRoot: '0x', digest: { logs: [] } }));
    forked.seal(12_000);
    first.cut();
    await until(() => statuses.some((status) => status.type === 'lost' && status.reason.includes('does not follow the finalised block 0')));
    first.seal(12_000);
    await until(() => seen.length === 2);
    expect(seen).toEqual([0, 1]);
  });

  it('tells the best block from the finalised one', async () => {
    const [node] = (await startNodes(1)) as [ScriptedNode];
    for (let n = 1; n <= 3; n++) node.seal(n * 12_000);
    node.answers.set('chain_getFinalizedHead', () => node.blocks[1]?.hash);
    const { chain } = await connect([node]);
    expect((await chain.finalisedHead()).number).toBe(1);
    expect((await chain.bestHead()).number).toBe(3);
    expect((await failureOf(readBlock(chain, 2))).code).toBe('unknown-block');
  });

  it('follows an upgrade of the runtime, and writes nothing', async () => {
    const spies = (['log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name).mockImplementation(() => {}));
    const [node] = (await startNodes(1)) as [ScriptedNode];
    const { chain, statuses } = await connect([node]);
    const before = chain.api;
    const call = createCall(chain, 'System', 'remark', ['0x01']);
    const version = (await chain.request<object>('state_getRuntimeVersion')) as { specVersion: number };
    node.answers.set('state_getRuntimeVersion', () => ({ ...version, specVersion: 394 }));
    node.notify('state_runtimeVersion', 'version', { ...version, specVersion: 394 });
    await until(() => chain.api !== before);
    expect(chain.api.runtimeVersion.specVersion.toNumber()).toBe(394);
    expect(statuses.map(describeStatus)).toContain('the chain was upgraded to spec version 394');
    expect(await failureOf(sendCall(chain, call, { signer: openKeypair('//Alice') }))).toMatchObject({ code: 'stale-call', context: { subject: 'system.remark' } });
    expect(node.submitted).toEqual([]);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });
});
