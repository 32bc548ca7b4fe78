/** Clients that mean harm, or are merely broken: what they can make the chain keep in memory is bounded, and everybody else is served. */
import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startLocalnet, type Localnet } from '../src/index.ts';
import { apis } from '../src/pallets/apis.ts';
import { openServer } from '../src/rpc/server.ts';
import { openBareNode, type BareClient, type BareNode } from './bare-node.ts';
import { ask, openLine } from './json-rpc.ts';
import { signedRemark } from './offline-signer.ts';
import { failureOf, SLOW_BEACON } from './support.ts';

const MIB = 1024 * 1024;
const UPGRADE = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

let net: Localnet;
beforeAll(async () => {
  net = await startLocalnet({ seed: 'hostile', ...SLOW_BEACON });
});
afterAll(() => net.close());

/** A frame of a client: `first` has the flags and the kind; a mask of zeros leaves the payload as it is. */
function frame(first: number, payload: string): Buffer {
  const bytes = Buffer.from(payload);
  const length = bytes.length < 126 ? Buffer.from([0x80 | bytes.length]) : Buffer.from([0x80 | 126, bytes.length >> 8, bytes.length & 255]);
  return Buffer.concat([Buffer.from([first]), length, Buffer.alloc(4), bytes]);
}

interface RawClient {
  readonly socket: Socket;
  /** All that came so far. */
  text(): string;
  readonly ended: Promise<void>;
}

/** A WebSocket by hand, which answers no ping. */
async function openRaw(port: number): Promise<RawClient> {
  const socket = connectTcp(port, '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  socket.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(UPGRADE);
  const text = (): string => Buffer.concat(parts).toString('latin1');
  await expect.poll(text).toContain('101 Switching Protocols');
  return { socket, text, ended };
}

const batchOf = (count: number, method: string, params: readonly unknown[] = []): string => JSON.stringify(Array.from({ length: count }, (_, id) => ({ jsonrpc: '2.0', id, method, params })));
const post = async (body: string): Promise<unknown> => (await fetch(net.endpoint.replace('ws', 'http'), { method: 'POST', body })).json();

describe('answers', () => {
  it('of a batch that come to more than 15 MiB are refused together, as soon as that is known', async () => {
    expect(await post(batchOf(1000, 'state_getMetadata'))).toEqual({ jsonrpc: '2.0', error: { code: -32011, message: 'The batch response was too large', data: 'Exceeded max limit of 15728640' }, id: null });
    const line = await openLine(net.endpoint);
    line.socket.send(batchOf(1000, 'state_getMetadata'));
    await expect.poll(() => line.heard.at(-1)).toMatchObject({ error: { code: -32011 } });
    expect(await line.ask('system_chain')).toBe('Connito Localnet');
    line.close();
    expect(await post(batchOf(1000, 'system_chain'))).toHaveLength(1000);
  });

  it('of more than 15 MiB are refused singly', async () => {
    net.takeSnapshot('before');
    net.setStorage([{ key: '0xab01', value: `0x${'00'.repeat(8 * MIB)}` }]);
    expect(await post(JSON.stringify([{ id: 'x', method: 'state_getStorage', params: ['0xab01'] }, { id: 'y', method: 'state_getStorageSize', params: ['0xab01'] }]))).toEqual([
      { jsonrpc: '2.0', error: { code: -32008, message: 'Response is too big', data: 'Exceeded max limit of 15728640' }, id: 'x' },
      { jsonrpc: '2.0', result: 8 * MIB, id: 'y' },
    ]);
    expect(await failureOf(ask(net.endpoint, 'author_submitExtrinsic', `0x${'ff'.repeat(4.5 * MIB)}`))).toMatch(/^1001 .*at most 4194304 bytes/);
    net.restoreSnapshot('before');
    net.forgetSnapshot('before');
  });

  it('have the id of the request, however long it is', async () => {
    const id = 'i'.repeat(4 * MIB);
    expect(await post(JSON.stringify({ id, method: 'system_chain' }))).toEqual({ jsonrpc: '2.0', result: 'Connito Localnet', id });
  });

  it('about 10,000 keys are given, about more not', async () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `0x${index.toString(16).padStart(64, '0')}`);
    const [{ changes }] = (await ask(net.endpoint, 'state_queryStorageAt', keys)) as [{ changes: unknown[] }];
    expect(changes).toHaveLength(10_000);
    expect(await failureOf(ask(net.endpoint, 'state_queryStorageAt', [...keys, '0x00']))).toMatch(/-32602.*at most 10000/);
  });
});

describe('a client that does not read', () => {
  it('is cut off, whatever it has subscribed to, and the others hear on', async () => {
    const [line, deaf] = [await openLine(net.endpoint), await openRaw(net.port)];
    deaf.socket.pause();
    deaf.socket.write(frame(0x81, batchOf(512, 'chain_subscribeAllHeads')));
    deaf.socket.write(frame(0x81, batchOf(512, 'chain_subscribeNewHeads')));
    await line.ask('chain_subscribeNewHeads');
    const before = process.memoryUsage().external;
    for (let made = 0; made < 400; made += 50) await net.jump(50);
    expect(process.memoryUsage().external - before).toBeLessThan(80 * MIB);
    await expect.poll(() => line.heard.filter(({ method }) => method === 'chain_newHead').length).toBeGreaterThan(400);
    deaf.socket.resume();
    await deaf.ended;
    line.close();
  });
});

describe('frames', () => {
  it('may be of one byte each, but not more than 16,384 for a message', async () => {
    const request = '{"id":1,"method":"system_chain"}';
    const client = await openRaw(net.port);
    const frames = [...request].map((character, index) => frame((index === 0 ? 1 : 0) | (index === request.length - 1 ? 0x80 : 0), character));
    client.socket.write(Buffer.concat(frames));
    await expect.poll(client.text).toContain('Connito Localnet');
    client.socket.write(Buffer.concat([frame(1, '['), ...Array.from({ length: 17_000 }, () => frame(0, ' '))]));
    await client.ended;
  });

  it.each([['compressed', 0xc1], ['of a kind that is reserved', 0x83], ['that go on with nothing', 0x80]])('%s end the connection', async (_name, first) => {
    const client = await openRaw(net.port);
    client.socket.write(frame(first, '{}'));
    await client.ended;
    expect(await ask(net.endpoint, 'system_chain')).toBe('Connito Localnet');
  });
});

const failure = (act: () => unknown): string => {
  try {
    act();
    return 'none';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a bare node', () => {
  let bare: BareNode;
  let client: BareClient;
  beforeAll(async () => {
    bare = await openBareNode();
    client = bare.client();
  });
  afterEach(() => bare.controls.seal(1));
  afterAll(() => bare.close());
  it('lets a client go that has not answered three pings, and keeps one that has', async () => {
    const server = await openServer({ node: bare.node, controls: bare.controls, host: '127.0.0.1', port: 0, snapshotDirectory: undefined, pingIntervalMs: 25 });
    const alive = new WebSocket(`ws://127.0.0.1:${server.port}`);
    await new Promise((resolve) => alive.once('open', resolve));
    const silent = await openRaw(server.port);
    await silent.ended;
    expect(alive.readyState).toBe(WebSocket.OPEN);
    alive.terminate();
    await server.close();
  });

  it('refuses every beginning of a transaction, and every one with a byte more', () => {
    const whole = signedRemark(bare);
    for (let length = 0; length < whole.length - 2; length++) {
      const text = whole.slice(0, 2 + length);
      expect(failure(() => client.ask('author_submitExtrinsic', text))).toMatch(/^(1001|-32602) /);
    }
    expect(failure(() => client.ask('author_submitExtrinsic', `${whole}00`))).toMatch(/^1001 /);
    expect(bare.node.pool.size).toBe(0);
    expect(client.ask('author_submitExtrinsic', whole)).toMatch(/^0x/);
  });

  it('answers every runtime API with anything in place of its parameters', () => {
    const warnings: unknown[] = [];
    const warn = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', warn);
    for (const [api, { methods }] of Object.entries(apis)) {
      for (const method of Object.keys(methods)) {
        for (const length of [0, 1, 2, 3, 4, 33, 40, 64, 200]) {
          for (const bytes of [Buffer.alloc(length), Buffer.alloc(length, 0xff), randomBytes(length)]) {
            expect(failure(() => client.ask('state_call', `${api}_${method}`, `0x${bytes.toString('hex')}`))).toMatch(/^(none|4003 .*|1001 .*|-32602 .*)$/);
          }
        }
      }
    }
    process.off('warning', warn);
    expect(warnings).toEqual([]);
  });
});
