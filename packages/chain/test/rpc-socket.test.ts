import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { RpcError, RpcSocket, WrongAnswer } from '../src/internal/rpc-socket.ts';
import { wrapRpcError } from '../src/internal/rpc.ts';

/** What the other side sends when something comes: raw text. */
let respond: (request: { readonly id: number; readonly method: string }) => readonly string[];
let server: WebSocketServer;
let socket: RpcSocket;

beforeEach(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (client) => client.on('message', (data) => respond(JSON.parse(String(data)) as { id: number; method: string }).forEach((text) => client.send(text))));
  socket = await RpcSocket.open({ endpoint: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, timeoutMs: 5_000, requestTimeoutMs: 5_000, pingMs: 60_000 });
});
afterEach(async () => {
  socket.close('the test is over');
  await new Promise((resolve) => server.close(resolve));
});

const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
const notify = (value: number): string => `{"jsonrpc":"2.0","method":"x","params":{"subscription":"s","result":${value}}}`;
const caught = (method: string): Promise<unknown> => socket.request(method, []).catch((error: unknown) => error);

describe('a socket whose other side is hostile', () => {
  it.each([
    ['a text', '"boom"'],
    ['a number', '7'],
    ['nested deeply', `{"code":-32000,"message":${deep},"data":${deep}}`],
    ['long, with control characters', `{"code":-32000,"message":"\\u001b[2Jgone ${'x'.repeat(100_000)}","data":"\\u0000${'y'.repeat(100_000)}"}`],
    ['with a code that is none', '{"code":{},"message":null}'],
  ])('tells an error that is %s as a line', async (_, error) => {
    respond = ({ id }) => [`{"jsonrpc":"2.0","id":${id},"error":${error}}`];
    const failure = await caught('system_chain');
    expect(failure).toBeInstanceOf(RpcError);
    const { message } = wrapRpcError(failure, 'system_chain', 'ws://there');
    expect(message.length).toBeLessThan(1_200);
    expect(message).not.toMatch(/\p{Cc}/u);
  });

  it('takes no answer of another kind, and none that is nested deeply, for a known request', async () => {
    for (const result of ['null', '7', '"text"', '{}', '[]', deep]) {
      respond = ({ id }) => [`{"jsonrpc":"2.0","id":${id},"result":${result}}`];
      expect(await caught('chain_getFinalizedHead')).toBeInstanceOf(WrongAnswer);
    }
    expect(socket.isOpen).toBe(true);
  });

  it('passes over notifications of subscriptions that are no number and no name', async () => {
    respond = ({ id }) => [`{"jsonrpc":"2.0","method":"x","params":{"subscription":${deep},"result":1}}`, '{"params":null}', '[]', `{"jsonrpc":"2.0","id":${id},"result":"ok"}`];
    expect(await socket.request('system_chain', [])).toBe('ok');
    respond = ({ id }) => [`{"jsonrpc":"2.0","id":${id},"result":${deep}}`];
    await expect(socket.subscribe('author_submitAndWatchExtrinsic', [], () => {})).rejects.toBeInstanceOf(WrongAnswer);
  });

  it('keeps early notifications only while a subscription is asked for, and few', async () => {
    const values: unknown[] = [];
    respond = ({ id }) => [...Array.from({ length: 100 }, (_, value) => notify(value)), `{"jsonrpc":"2.0","id":${id},"result":"ok"}`];
    await socket.request('system_chain', []);
    respond = ({ id }) => [notify(-1), ...Array.from({ length: 100 }, (_, value) => notify(value)), `{"jsonrpc":"2.0","id":${id},"result":"s"}`, notify(1000)];
    await socket.subscribe('x', [], (value) => values.push(value));
    respond = ({ id }) => [`{"jsonrpc":"2.0","id":${id},"result":"ok"}`];
    await socket.request('system_chain', []);
    expect(values).toEqual([-1, ...Array.from({ length: 63 }, (_, value) => value), 1000]);
  });

  it('ends with a message that is no JSON', async () => {
    const reasons: string[] = [];
    socket.onLost((reason) => reasons.push(reason));
    respond = () => ['{'];
    await caught('system_chain');
    expect(reasons).toEqual(['it sent something that is no JSON-RPC message']);
  });
});
