import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectChain, isChainError, watchBlocks, type Chain, type FinalisedBlock } from '../src/index.ts';
import { codeOf } from './code-of.ts';
import { HAS_METADATA, startScriptedNode, type ScriptedNode } from './scripted-node.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const GENESIS = `0x${(0xb10c).toString(16).padStart(64, '0')}`;
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const resource of open.splice(0).toReversed()) await resource.close();
  vi.restoreAllMocks();
});

async function startNode(port?: number): Promise<ScriptedNode> {
  const node = await startScriptedNode(port);
  open.push(node);
  node.seal(0);
  return node;
}

async function connect(node: ScriptedNode): Promise<Chain> {
  const chain = await connectChain({ endpoint: node.endpoint });
  open.push(chain);
  return chain;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

/** polkadot-js subscribes to the runtime's version after it is ready; a cut in the middle of that makes it write a line to stderr. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

describe('connecting', () => {
  it('says in one error that nothing is there, and writes nothing', async () => {
    const spies = (['log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name).mockImplementation(() => {}));
    const started = performance.now();
    const failure = await connectChain({ endpoint: 'ws://127.0.0.1:1' }).catch((error: unknown) => error);
    expect(isChainError(failure, 'unreachable')).toBe(true);
    expect((failure as Error).message).toContain('ws://127.0.0.1:1');
    expect(performance.now() - started).toBeLessThan(5_000);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  it('refuses what is no WebSocket URL', async () => {
    for (const endpoint of ['http://127.0.0.1:1', 'ws://', '', 'ws:// x']) expect(await codeOf(connectChain({ endpoint }))).toBe('bad-value');
  });

  it('gives up on a port that never answers', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await codeOf(connectChain({ endpoint, timeoutMs: 200 }))).toBe('unreachable');
    server.close();
  });

  it('tells a node from another service', async () => {
    const node = await startNode();
    node.answers.set('rpc_methods', () => {
      throw new Error('what?');
    });
    expect(await codeOf(connectChain({ endpoint: node.endpoint }))).toBe('bad-node');
    node.answers.delete('rpc_methods');
    node.answers.set('chain_getBlockHash', () => null);
    expect(await codeOf(connectChain({ endpoint: node.endpoint }))).toBe('bad-node');
  });
});

describe.skipIf(!HAS_METADATA)('a connection', () => {
  it('knows its chain and refuses another', async () => {
    const node = await startNode();
    const chain = await connect(node);
    expect(`0x${Buffer.from(chain.genesisHash).toString('hex')}`).toBe(GENESIS);
    expect(chain.hasMethod('rpc_methods')).toBe(true);
    expect(chain.hasMethod('localnet_release')).toBe(false);
    expect(await codeOf(connectChain({ endpoint: node.endpoint, expectedGenesis: new Uint8Array(32) }))).toBe('wrong-chain');
    const again = await connectChain({ endpoint: node.endpoint, expectedGenesis: chain.genesisHash });
    await again.close();
  });

  it('writes nothing while it connects, loses its node, and finds it again', async () => {
    const spies = (['log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name).mockImplementation(() => {}));
    const node = await startNode();
    const chain = await connect(node);
    let reconnections = 0;
    await settle();
    chain.onReconnect(() => reconnections++);
    node.cut();
    await until(() => reconnections === 1);
    await settle();
    node.cut();
    await until(() => reconnections === 2);
    expect((await chain.finalisedHead()).number).toBe(0);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  it('maps what nodes answer to codes', async () => {
    const node = await startNode();
    const chain = await connect(node);
    node.answers.set('x', () => {
      throw { code: -32000, message: 'no' };
    });
    const failure = await chain.request('x').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'rpc-failed', context: { subject: 'x', rpcCode: -32000, endpoint: node.endpoint } });
    expect(await codeOf(chain.request('state_getStorage', ['0x', `0x${'1'.repeat(64)}`]))).toBe('state-unavailable');
    node.cut();
    await until(() => !chain.isConnected());
    expect(await codeOf(chain.request('x'))).toBe('disconnected');
    await chain.close();
    await chain.close();
    expect(await codeOf(chain.request('x'))).toBe('closed');
  });

  it('keeps its subscription when a renewal is cut short', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const node = await startNode();
    const chain = await connect(node);
    const seen: number[] = [];
    await watchBlocks(chain, ({ number }) => void seen.push(number));
    let cuts = 0;
    node.answers.set('chain_subscribeFinalizedHeads', () => {
      if (++cuts <= 3) node.cut();
      else node.answers.delete('chain_subscribeFinalizedHeads');
      return 'renewed';
    });
    node.cut();
    await until(() => cuts === 4 && chain.isConnected());
    await settle();
    node.seal(12_000);
    await until(() => seen.includes(1));
    expect(seen).toEqual([0, 1]);
  });

  it('delivers every finalised block once and in order, whatever is lost', async () => {
    const node = await startNode();
    const chain = await connect(node);
    const seen: FinalisedBlock[] = [];
    const stop = await watchBlocks(chain, (block) => void seen.push(block));
    expect(seen.map(({ number }) => number)).toEqual([0]);
    node.seal(12_000);
    node.seal(24_000);
    await until(() => seen.length === 3);
    node.cut();
    for (let n = 3; n < 9; n++) node.seal(n * 12_000);
    await until(() => seen.length === 9);
    const late: number[] = [];
    await watchBlocks(chain, ({ number }) => void late.push(number));
    await stop();
    node.seal(108_000);
    await until(() => late.length === 2);
    expect(late).toEqual([8, 9]);
    expect(seen.map(({ number, timestampMs }) => [number, timestampMs])).toEqual(Array.from({ length: 9 }, (_, n) => [n, n * 12_000]));
  });
});
