import { createServer, connect as connectSocket, type AddressInfo, type Socket } from 'node:net';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { connectChain, createCall, isChainError, openKeypair, prepareCall, resumeCall, sendCall, watchBlocks, type Chain, type ConnectionStatus, type Keypair } from '@connito/chain';
import { afterEach, describe, expect, it } from 'vitest';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function startChain(): Promise<Localnet> {
  const localnet = await startLocalnet({ seed: 'under fire', port: 0, beaconPeriodMs: 86_400_000 });
  closers.push(() => localnet.close());
  return localnet;
}

async function connect(options: Parameters<typeof connectChain>[0]): Promise<Chain> {
  const chain = await connectChain(options);
  closers.push(() => chain.close());
  return chain;
}

/** mulberry32: the kills of a seed are the same in every run, as far as timing lets them. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Proxy {
  readonly endpoint: string;
  kills: number;
  /** How likely a piece of traffic ends its connection. */
  danger: number;
  isHalfOpen: boolean;
}

/** A TCP proxy that ends connections at random: before a request is passed on, after it was and before its answer, or in the middle of a piece. */
async function startProxy(target: string, random: () => number): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const proxy = { endpoint: '', kills: 0, danger: 0, isHalfOpen: false };
  const server = createServer((client) => {
    const node = connectSocket(Number(port), hostname);
    const kill = (): void => {
      proxy.kills++;
      client.destroy();
      node.destroy();
    };
    const pass = (from: Socket, to: Socket): void => {
      sockets.add(from);
      from.on('error', () => {}).on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (data) => {
        if (proxy.isHalfOpen) return;
        const chance = random();
        if (chance < proxy.danger / 3) return kill();
        to.write(chance < (2 * proxy.danger) / 3 ? data.subarray(0, data.length >> 1) : data);
        if (chance < proxy.danger) setTimeout(kill, 2 * random());
      });
    };
    pass(client, node);
    pass(node, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.endpoint = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return proxy;
}

/** What each remark of the chain is, and how often it is there. */
async function countRemarks(localnet: Localnet): Promise<Map<string, number>> {
  const chain = await connect({ endpoint: localnet.endpoint });
  const counts = new Map<string, number>();
  for (let number = 1; number <= localnet.blockNumber(); number++) {
    const hash = await chain.request<string>('chain_getBlockHash', [number]);
    const { block } = await chain.request<{ block: { extrinsics: string[] } }>('chain_getBlock', [hash]);
    for (const hex of block.extrinsics) {
      const [, remark] = /ca11([0-9a-f]{4})$/.exec(hex) ?? [];
      if (remark !== undefined) counts.set(remark, (counts.get(remark) ?? 0) + 1);
    }
  }
  return counts;
}

/** `disconnected` says that nothing was sent; anything else fails the test. */
async function sendWhenConnected(chain: Chain, n: number, signer: Keypair): Promise<void> {
  for (;;) {
    try {
      await sendCall(chain, remark(chain, n), { signer });
      return;
    } catch (error) {
      if (!isChainError(error, 'disconnected')) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const remark = (chain: Chain, n: number): ReturnType<typeof createCall> => createCall(chain, 'System', 'remark', [`0xca11${n.toString(16).padStart(4, '0')}`]);

/** The name of the call, before the extrinsic itself in the bytes of a prepared call. */
const SUBJECT = Buffer.from('system.remark').toString('hex');

describe('sending', () => {
  it('loses none of 200 calls and doubles none, whatever happens to the sockets', async () => {
    const seed = Number(process.env['CONNITO_SEED'] ?? 20_261_129);
    console.info(`kills at random with CONNITO_SEED=${seed}`);
    const random = randomOf(seed);
    const localnet = await startChain();
    const proxies = [await startProxy(localnet.endpoint, random), await startProxy(localnet.endpoint, random)];
    const chain = await connect({ endpoints: proxies.map(({ endpoint }) => endpoint), expectedGenesis: Buffer.from(localnet.genesisHash.replace('0x', ''), 'hex') });
    const used = new Set<string>();
    chain.onStatus((status) => used.add(`${status.type} ${status.endpoint}`));
    const blocks: number[] = [];
    await watchBlocks(chain, ({ number }) => void blocks.push(number));
    for (const proxy of proxies) proxy.danger = 0.015;
    const keys = ['//Alice', '//Bob', '//Charlie', '//Dave', '//Eve'].map((uri) => openKeypair(uri));
    // Four at once per key, one after the other in each.
    const workers = Array.from({ length: 20 }, async (_, worker) => {
      for (let n = worker; n < 200; n += 20) await sendWhenConnected(chain, n, keys[n % keys.length] as Keypair);
    });
    await Promise.all(workers);
    for (const proxy of proxies) proxy.danger = 0;
    const counts = await countRemarks(localnet);
    expect(counts.size).toBe(200);
    expect([...counts.values()].every((count) => count === 1)).toBe(true);
    expect(proxies.every(({ kills }) => kills > 3)).toBe(true);
    for (const { endpoint } of proxies) expect(used.has(`connected ${endpoint}`)).toBe(true);
    expect(blocks).toEqual(blocks.map((_, index) => (blocks[0] as number) + index));
  });

  it('finds out after a crash what became of a prepared call', async () => {
    const localnet = await startChain();
    const signer = openKeypair('//Alice');
    const first = await connect({ endpoint: localnet.endpoint });
    const prepared = await prepareCall(first, remark(first, 1), { signer });
    const unsent = await prepareCall(first, remark(first, 2), { signer });
    expect([prepared.nonce, unsent.nonce]).toEqual([0, 1]);
    // The process dies after it was sent, and before the outcome is known.
    await first.request('author_submitExtrinsic', [`0x${Buffer.from(prepared.bytes).toString('hex').split(SUBJECT)[1] as string}`]);
    await first.close();
    const second = await connect({ endpoint: localnet.endpoint });
    const inclusion = await resumeCall(second, prepared.bytes);
    expect(inclusion.extrinsicHash).toBe(prepared.extrinsicHash);
    expect((await resumeCall(second, prepared.bytes)).blockNumber).toBe(inclusion.blockNumber);
    await resumeCall(second, unsent.bytes);
    expect([...(await countRemarks(localnet))]).toEqual([
      ['0001', 1],
      ['0002', 1],
    ]);
  });

  it('tells that another process took the nonce', async () => {
    const localnet = await startChain();
    const signer = openKeypair('//Alice');
    const [one, other] = [await connect({ endpoint: localnet.endpoint }), await connect({ endpoint: localnet.endpoint })];
    const prepared = await prepareCall(one, remark(one, 1), { signer });
    await sendCall(other, remark(other, 2), { signer });
    const failure = await resumeCall(one, prepared.bytes).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'expired', context: { reason: 'nonce-taken' } });
    // Two processes that send at once get nonces of their own.
    await Promise.all([3, 4, 5, 6].map((n) => sendWhenConnected(n % 2 === 0 ? one : other, n, signer)));
    expect([...(await countRemarks(localnet)).keys()].toSorted()).toEqual(['0002', '0003', '0004', '0005', '0006']);
  });

  it('notices a connection that is half open, and goes on with the other endpoint', async () => {
    const localnet = await startChain();
    const proxies = [await startProxy(localnet.endpoint, () => 1), await startProxy(localnet.endpoint, () => 1)] as const;
    const statuses: ConnectionStatus[] = [];
    const chain = await connect({ endpoints: proxies.map(({ endpoint }) => endpoint), health: { pingMs: 500 }, timeoutMs: 3_000, onStatus: (status) => void statuses.push(status) });
    proxies[0].isHalfOpen = true;
    await sendWhenConnected(chain, 1, openKeypair('//Alice'));
    expect(chain.endpoint).toBe(proxies[1].endpoint);
    expect(statuses.some((status) => status.type === 'lost' && status.reason.includes('no sign of life'))).toBe(true);
  });
});
