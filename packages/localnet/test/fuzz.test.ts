import { connect as connectTcp, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ask } from './json-rpc.ts';
import { connect, pairOf, send, SLOW_BEACON, TAO, tx } from './support.ts';
import { startLocalnet, type Localnet } from '../src/index.ts';

/** Bytes that are sent: as many as CONNITO_FUZZ_BYTES says, a million with CONNITO_SLOW, enough to meet every method with every kind of parameter otherwise. */
const BYTES = Number(process.env['CONNITO_FUZZ_BYTES'] ?? (process.env['CONNITO_SLOW'] === undefined ? 150_000 : 1_000_000));
const SEED = Number(process.env['CONNITO_FUZZ_SEED'] ?? 1);

/** xorshift32: the same bytes for the same seed on every machine. */
function createRandom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const random = createRandom(SEED * 2_654_435_761);
const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
const hex = (length: number): string => `0x${Array.from({ length }, () => random(256).toString(16).padStart(2, '0')).join('')}`;
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';

/** A value of any type, near what a method expects or far from it. */
function value(depth = 0): unknown {
  const leaves = [null, true, false, net.genesisHash, `local${random(5)}`, 'value', 'descendantsValues', [{ key: '0x', type: 'descendantsHashes' }], 0, -1, 1.5, 1e308, 65_536, 2 ** 53, '', '0x', '0xzz', 'Tempo', 'SubtensorModule', 'interval', ALICE, '5FakeAddress', '__proto__', 'constructor', '\u0000\ud800', hex(random(80)), hex(32), 'x'.repeat(random(300))];
  if (depth > 2 || random(3) > 0) return pick(leaves);
  if (random(2) === 0) return Array.from({ length: random(4) }, () => value(depth + 1));
  const names = ['type', 'paginationStartKey', 'pallet', 'item', 'keys', 'value', 'key', 'oneIn', 'delayMs', 'skipPulses', 'dropTransactions', '__proto__', 'toString'];
  return Object.fromEntries(Array.from({ length: random(4) }, () => [pick(names), value(depth + 1)]));
}

/** Controls that would end the test rather than the chain: those that jump far, stop time or drop the line are asked with values that cannot work. */
const BARRED: ReadonlySet<string> = new Set(['localnet_jump', 'localnet_jumpToEpoch', 'localnet_seal', 'localnet_setTime', 'localnet_setFaults', 'localnet_setBlockMode', 'localnet_fund']);

function request(methods: readonly string[]): string {
  const method = pick(methods);
  const params = BARRED.has(method) ? [pick([null, 'x', -1, 1.5, {}, [], '0x'])] : Array.from({ length: random(5) }, () => value());
  const body = { jsonrpc: pick(['2.0', '2.0', '1.0', 5]), id: pick([1, 'a', null, {}, Number.POSITIVE_INFINITY]), method: random(20) === 0 ? value() : method, params: random(15) === 0 ? value() : params };
  return JSON.stringify(random(8) === 0 ? Array.from({ length: random(5) }, () => body) : body);
}

/** Text that is not what it should be. */
function damaged(text: string): string {
  const at = random(text.length + 1);
  switch (random(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + pick(['"', '{', '[', ',', '\\', '\u0000', '0x', 'e99', '}']) + text.slice(at);
    case 2:
      return pick(['[', '{"a":', '[[{"x":']).repeat(random(2000)) + text;
    case 3:
      return String.fromCharCode(...Array.from({ length: random(60) }, () => random(0x1_0000)));
    case 4:
      return `{"jsonrpc":"2.0","id":1,"method":"state_call","params":[${JSON.stringify(`SubnetInfoRuntimeApi_${pick(['get_metagraph', 'get_subnet_info', 'get_next_epoch_start_block', ''])}`)},"${hex(random(12))}"]}`;
    default:
      return `{"jsonrpc":"2.0","id":1,"method":"author_submitExtrinsic","params":["${pick(['0x', '0x1004', '0x4502840', hex(2)])}${hex(random(200)).slice(2)}"]}`;
  }
}

let net: Localnet;
const either = (): string => (random(3) === 0 ? damaged(request(methods)) : request(methods));
let methods: readonly string[];
beforeAll(async () => {
  net = await startLocalnet({ seed: 'fuzz', ...SLOW_BEACON, finalityLagBlocks: 3 });
  ({ methods } = (await ask(net.endpoint, 'rpc_methods')) as { methods: string[] });
});
afterAll(() => net.close());

async function heapAfterGc(): Promise<number> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  await new Promise((resolve) => setTimeout(resolve, 50));
  gc();
  return process.memoryUsage().heapUsed;
}

/** Sends texts until the bytes are used up; how many answers came. */
async function pour(budget: number, make: () => string): Promise<number> {
  let answers = 0;
  let socket: WebSocket | undefined;
  for (let sent = 0; sent < budget; ) {
    socket = socket?.readyState === WebSocket.OPEN ? socket : await openSocket(() => (answers += 1));
    const text = make();
    sent += Math.max(1, Buffer.byteLength(text));
    socket.send(text);
    if (random(40) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (random(200) === 0) socket.terminate();
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket?.terminate();
  return answers;
}

function openSocket(heard: () => void): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(net.endpoint);
    socket.on('message', heard);
    socket.on('error', reject);
    socket.once('open', () => resolve(socket));
  });
}

describe('fuzzed input', () => {
  it(`of ${BYTES} bytes neither ends the chain nor grows its memory`, async () => {
    const warnings: string[] = [];
    const warn = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', warn);
    expect(await pour(BYTES / 2, either)).toBeGreaterThan(20);
    await settle();
    const before = await heapAfterGc();
    expect(await pour(BYTES / 2, either)).toBeGreaterThan(20);
    await settle();
    expect((await heapAfterGc()) - before).toBeLessThan(16_000_000);
    process.off('warning', warn);
    expect(warnings.filter((text) => text.includes('@connito/localnet'))).toEqual([]);
    await stillWorks();
  }, 300_000 + BYTES / 10);

  it('in frames that are cut, too long, of reserved kinds, or never end leaves the chain as it is', async () => {
    const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    const bodies: readonly (string | Buffer)[] = [
      upgrade + '\u0081',
      Buffer.concat([Buffer.from(upgrade), Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])]),
      Buffer.concat([Buffer.from(upgrade), Buffer.from([0x83, 0x80, 0, 0, 0, 0])]),
      Buffer.concat([Buffer.from(upgrade), Buffer.from([0x81, 0xfe, 0x10, 0x00, 1, 2, 3, 4, 5, 6])]),
      Buffer.concat([Buffer.from(upgrade), Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x41])]),
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{"id":1',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n{',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{"id":1',
      'GET / HTTP/1.1\r\n',
      '\u0000\u0001\u0002',
      '',
    ];
    const sockets = await Promise.all([...bodies, ...bodies].map((body) => half(body)));
    await stillWorks();
    for (const socket of sockets) socket.destroy();
    await stillWorks();
  });

  it('nested without end is refused before it is parsed', async () => {
    for (const text of ['['.repeat(9_000_000), '{"a":'.repeat(1_800_000)]) {
      const answer = await fetch(net.endpoint.replace('ws', 'http'), { method: 'POST', body: text });
      expect(await answer.json()).toMatchObject({ error: { code: -32700 } });
    }
    expect((await fetch(net.endpoint.replace('ws', 'http'), { method: 'POST', body: 'x'.repeat(10 * 1024 * 1024 + 1) })).status).toBe(413);
  });
});

/** Faults and modes that the fuzz may have set are undone; the pool is emptied. */
async function settle(): Promise<void> {
  net.faults.clear();
  net.setBlockMode({ type: 'instant' });
  for (const name of Object.keys((await ask(net.endpoint, 'localnet_snapshots')) as object)) net.forgetSnapshot(name);
  net.sealBlocks(1);
}

function half(body: string | Buffer): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(net.port, '127.0.0.1', () => socket.write(body, () => resolve(socket)));
    socket.on('error', reject);
  }).then((socket) => (socket as Socket).removeAllListeners('error').on('error', () => undefined));
}

/** A real client connects, sends and is told. */
async function stillWorks(): Promise<void> {
  const api = await connect(net.endpoint);
  const { events } = await send(api, tx(api, 'balances', 'transferKeepAlive', pairOf('//Bob').address, TAO), pairOf('//Alice'), { nonce: -1 });
  expect(events).toContain('system.ExtrinsicSuccess');
  await api.disconnect();
}
