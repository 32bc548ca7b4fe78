import { once } from 'node:events';
import * as fc from 'fast-check';
import { WebSocket } from 'ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, openWorld, pairOf, read, send, sudo, TAO, tx, type World } from './support.ts';
import { isLocalnetError, startLocalnet } from '../src/index.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

interface Answer {
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
  readonly method?: string;
  readonly params?: { readonly subscription: string; readonly result: unknown };
}

/** A client without a library: sends text, collects answers. */
async function openRaw(): Promise<{ socket: WebSocket; answers: (Answer | Answer[])[]; ask: (text: string) => Promise<Answer | Answer[]> }> {
  const socket = new WebSocket(world.net.endpoint);
  const answers: (Answer | Answer[])[] = [];
  socket.on('message', (data) => answers.push(JSON.parse(String(data)) as Answer));
  await once(socket, 'open');
  const ask = async (text: string): Promise<Answer | Answer[]> => {
    const next = once(socket, 'message');
    socket.send(text);
    const [data] = (await next) as [Buffer];
    return JSON.parse(String(data)) as Answer;
  };
  return { socket, answers, ask };
}

function request(method: string, params: unknown = [], id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

async function post(body: string): Promise<unknown> {
  const response = await fetch(world.net.endpoint.replace('ws:', 'http:'), { method: 'POST', body });
  return response.json();
}

describe('JSON-RPC', () => {
  it('answers batches, notifications with silence, and HTTP', async () => {
    const { socket, ask } = await openRaw();
    const batch = (await ask(`[${request('system_chain', [], 'a')},${request('nope', [], 7)},{"jsonrpc":"2.0","method":"system_chain"}]`)) as Answer[];
    expect(batch.map(({ id, error }) => [id, error?.code])).toEqual([
      ['a', undefined],
      [7, -32601],
    ]);
    expect(await post(request('system_chain'))).toMatchObject({ result: 'Connito Localnet' });
    expect(await post(request('chain_subscribeNewHeads'))).toMatchObject({ error: { code: -32601 } });
    socket.close();
  });

  it.each([
    ['{', -32700],
    ['[]', -32600],
    ['5', -32600],
    ['{"id":1}', -32600],
    ['{"id":1,"method":"system_chain","params":{}}', -32600],
    ['{"id":{},"method":"system_chain"}', -32600],
    [request('__proto__'), -32601],
    [request('constructor'), -32601],
    [request('state_getStorage', ['nonsense']), -32602],
    [request('state_getStorage', ['0xabc']), -32602],
    [request('state_getKeysPaged', ['0x', 100_000]), -32602],
    [request('state_getKeysPaged', ['0x', -1]), -32602],
    [request('system_accountNextIndex', ['5xyz']), -32602],
    [request('localnet_release', ['//Alice', 5]), -32602],
    [request('localnet_release', [5, 5]), -32602],
    [request('chain_getBlockHash', [1.5]), -32602],
    [request('state_call', ['Nope_nope', '0x']), 4003],
    [request('state_call', ['AccountNonceApi_account_nonce', '0x00']), 4003],
    [request('state_call', ['constructor', '0x']), 4003],
    [request('state_getStorage', ['0x00', `0x${'77'.repeat(32)}`]), 4003],
    [request('author_submitExtrinsic', ['0x']), 1001],
    [request('author_submitExtrinsic', ['0xffffffffff']), 1001],
    [request('author_submitAndWatchExtrinsic', ['0x280403']), 1001],
  ])('answers %s with code %i', async (text, code) => {
    const { socket, ask } = await openRaw();
    expect(((await ask(text)) as Answer).error?.code).toBe(code);
    socket.close();
  });

  it('survives whatever is sent to it', async () => {
    const { socket, ask } = await openRaw();
    const names = ((await ask(request('rpc_methods'))) as Answer).result as { methods: string[] };
    const calm = names.methods.filter((name) => name !== 'localnet_seal' && !name.includes('subscribe'));
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.uint8Array().map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`), fc.integer());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...calm), fc.array(value, { maxLength: 4 }), async (method, params) => {
        const answer = (await ask(request(method, params))) as Answer;
        expect(answer.error?.code).not.toBe(-32603);
      }),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        await ask(`${text} `);
      }),
      { numRuns: 100 },
    );
    socket.close();
    expect(await post(request('system_chain'))).toMatchObject({ result: 'Connito Localnet' });
  });

  it('cuts off a message that is too long, and goes on for others', async () => {
    const { socket } = await openRaw();
    socket.on('error', () => undefined);
    socket.send(Buffer.alloc(11 * 1024 * 1024, 0x20));
    await once(socket, 'close');
    expect(await post(request('system_chain'))).toMatchObject({ result: 'Connito Localnet' });
  });

  it('takes hex without 0x, as Python clients send it', async () => {
    const data = Buffer.from(pairOf('//Alice').publicKey).toString('hex');
    const nonce = (await post(request('state_call', ['AccountNonceApi_account_nonce', data, null]))) as Answer;
    expect(nonce.result).toMatch(/^0x[0-9a-f]{8}$/);
    expect(await post(request('state_call', ['SubnetInfoRuntimeApi_get_all_dynamic_info', '', null]))).toHaveProperty('result');
  });

  it('knows the names that the Python SDK uses', async () => {
    const methods = ((await post(request('rpc_methods'))) as { result: { methods: string[] } }).result.methods;
    for (const name of ['account_nextIndex', 'chain_getHead', 'state_getStorageAt', 'author_unwatchExtrinsic', 'state_queryStorageAt']) expect(methods).toContain(name);
    const head = (await post(request('chain_getHead'))) as { result: string };
    expect(head.result).toBe((await world.api.rpc.chain.getBlockHash()).toHex());
  });
});

describe('subscriptions', () => {
  it('sends new and finalized heads in order, without gaps', async () => {
    const seen: number[] = [];
    const stop = await world.api.rpc.chain.subscribeFinalizedHeads((header) => void seen.push(header.number.toNumber()));
    const from = world.net.blockNumber();
    world.net.sealBlocks(5);
    await expect.poll(() => seen.at(-1)).toBe(from + 5);
    expect(seen).toEqual(Array.from({ length: 6 }, (_, index) => from + index));
    stop();
    world.net.sealBlocks(1);
    await read(world.api, 'system', 'number');
    expect(seen.length).toBe(6);
  });

  it('sends a storage value when it changes, and only then', async () => {
    const seen: string[] = [];
    const stop = (await world.api.query['balances']?.['totalIssuance']?.((value: { toString(): string }) => void seen.push(value.toString()))) as unknown as () => void;
    world.net.sealBlocks(3);
    expect(await sudo(world.api, tx(world.api, 'balances', 'forceSetBalance', pairOf('//Ferdie').address, TAO))).toBeUndefined();
    await expect.poll(() => seen.length).toBeGreaterThan(1);
    expect(new Set(seen).size).toBe(seen.length);
    stop();
  });

  it('tells inBlock before finalized, and nothing after it is unwatched', async () => {
    const { socket, answers, ask } = await openRaw();
    const signed = await tx(world.api, 'system', 'remark', '0x00').signAsync(pairOf('//Alice'));
    const { result: id } = (await ask(request('author_submitAndWatchExtrinsic', [signed.toHex()]))) as Answer;
    await expect.poll(() => answers.length).toBe(4);
    const statuses = answers.slice(1).map((answer) => (answer as Answer).params?.result);
    const blockHash = (await world.api.rpc.chain.getBlockHash()).toHex();
    expect(statuses).toEqual(['ready', { inBlock: blockHash }, { finalized: blockHash }]);
    expect(((await ask(request('author_unwatchExtrinsic', [id]))) as Answer).result).toBe(true);
    expect(((await ask(request('author_unwatchExtrinsic', [id]))) as Answer).result).toBe(false);
    socket.close();
  });

  it('limits the subscriptions of one client', async () => {
    const { socket, answers } = await openRaw();
    for (let id = 0; id < 1030; id++) socket.send(request('state_subscribeRuntimeVersion', [], id));
    await expect.poll(() => answers.filter((answer) => (answer as Answer).error?.code === -32006).length).toBe(6);
    socket.close();
  });
});

describe('state at old blocks', () => {
  it('reads what was true after that block', async () => {
    const bob = pairOf('//Bob');
    const first = await send(world.api, tx(world.api, 'balances', 'transferKeepAlive', '5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT', 3n * TAO), bob);
    const second = await send(world.api, tx(world.api, 'balances', 'transferKeepAlive', '5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT', 4n * TAO), bob);
    const balanceAt = async (hash: string): Promise<unknown> => ((await read(world.api, 'system', 'account', ['5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT'], hash)) as { data: { free: number } }).data.free;
    expect(await balanceAt(first.blockHash)).toBe(3_000_000_000);
    expect(await balanceAt(second.blockHash)).toBe(7_000_000_000);
    expect(await balanceAt(world.net.genesisHash)).toBe(0);
    const events = (await read(world.api, 'system', 'events', [], first.blockHash)) as { event: { index: string } }[];
    expect(events.length).toBeGreaterThan(3);
  });

  it('pages keys at a block as they were then', async () => {
    const before = await world.api.rpc.chain.getBlockHash();
    const accountsAt = async (hash: string): Promise<number> => (await (await world.api.at(hash)).query['system']?.['account']?.entries())?.length ?? 0;
    const count = await accountsAt(before.toHex());
    await send(world.api, tx(world.api, 'balances', 'transferKeepAlive', pairOf('//NewOne').address, TAO), pairOf('//Bob'));
    expect(await accountsAt(before.toHex())).toBe(count);
    expect(await accountsAt((await world.api.rpc.chain.getBlockHash()).toHex())).toBe(count + 1);
    const prefix = world.api.query['system']?.['account']?.keyPrefix() as string;
    const keys = (await world.api.rpc.state.getKeysPaged(prefix, 3)).map((key) => key.toHex());
    const rest = (await world.api.rpc.state.getKeysPaged(prefix, 100, keys.at(-1))).map((key) => key.toHex());
    expect([...keys, ...rest]).toEqual([...new Set([...keys, ...rest])].sort());
    expect(keys.length + rest.length).toBe(count + 1);
  });

  it('refuses blocks whose state it has let go', async () => {
    const short = await openWorld({ historyBlocks: 10 });
    const old = await short.api.rpc.chain.getBlockHash();
    short.net.sealBlocks(20);
    expect(await failureOf(read(short.api, 'timestamp', 'now', [], old.toHex()))).toMatch(/4003.*State already discarded/);
    const recent = await short.api.rpc.chain.getBlockHash(12);
    expect(await read(short.api, 'timestamp', 'now', [], recent.toHex())).toBe(1_767_225_600_000 + 12 * 12_000);
    await short.close();
  });
});

describe('startLocalnet', () => {
  it('gives the same genesis for the same seed, another for another', async () => {
    const [a, b, c] = await Promise.all(['s', 's', 't'].map((seed) => startLocalnet({ seed })));
    expect(a?.genesisHash).toBe(b?.genesisHash);
    expect(a?.genesisHash).not.toBe(c?.genesisHash);
    await Promise.all([a, b, c].map((net) => net?.close()));
  });

  it('says so when the port is taken', async () => {
    const error: unknown = await startLocalnet({ seed: 's', port: world.net.port }).catch((caught: unknown) => caught);
    expect(isLocalnetError(error, 'port-in-use')).toBe(true);
    expect((error as Error).message).toContain('choose another port');
  });

  it('says so when it cannot listen', async () => {
    const error: unknown = await startLocalnet({ seed: 's', host: '203.0.113.1' }).catch((caught: unknown) => caught);
    expect(isLocalnetError(error, 'listen-failed')).toBe(true);
  });

  it.each([
    { port: -1 },
    { port: 1.5 },
    { blockTimeMs: 0 },
    { genesisTimeMs: 1500 },
    { beaconPeriodMs: 1 },
    { waitFor: 0 },
    { intervalMs: 0 },
    { historyBlocks: 0 },
    { endowments: { nonsense: 1n } },
    { endowments: { [`5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY`]: -1n } },
  ])('refuses %o', async (options) => {
    const error: unknown = await startLocalnet({ seed: 's', ...options }).catch((caught: unknown) => caught);
    expect(isLocalnetError(error, 'bad-option')).toBe(true);
  });

  it('endows accounts, makes blocks by the clock, and ends for good', async () => {
    const address = pairOf('//Given').address;
    const timed = await openWorld({ endowments: { [address]: 42n * TAO }, intervalMs: 40 });
    expect(((await read(timed.api, 'system', 'account', [address])) as { data: { free: number } }).data.free).toBe(42_000_000_000);
    await expect.poll(() => timed.net.blockNumber()).toBeGreaterThan(2);
    await timed.close();
    await timed.net.close();
    expect(() => timed.net.sealBlocks(1)).toThrow(/closed/);
  });
});
