import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { deriveBeaconKey, fetchPulse, MAX_RESPONSE_BYTES, pulseRandomness, signRound, toHex, type FetchPulseOptions } from '../src/index.ts';
import { codeOfAsync } from './code-of.ts';

const KEY = deriveBeaconKey(new TextEncoder().encode('http'));
const BEACON = { publicKey: KEY.publicKey, genesisTimeMs: 1_700_000_000_000, periodMs: 3_000, chainHash: 'ab'.repeat(32) };
const signature = signRound(KEY.secretKey, 9);
const answer = { round: 9, signature: toHex(signature), randomness: toHex(pulseRandomness(signature)) };
const PULSE = { round: 9, signature, randomness: pulseRandomness(signature) };
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server that answers as told, and how often it was asked. */
async function serve(respond: (response: ServerResponse, path: string) => void): Promise<{ readonly endpoint: string; asked: number }> {
  const server = createServer((request, response) => {
    state.asked++;
    respond(response, request.url ?? '');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const state = { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: 0 };
  return state;
}
const json = (value: unknown) => (response: ServerResponse) => void response.end(JSON.stringify(value));
const honest = json(answer);
const stall = (): void => undefined;
const drip = (response: ServerResponse): void => void response.write('{"round":9,');
const ask = (endpoints: readonly string[], options: Partial<FetchPulseOptions> = {}) => fetchPulse({ beacon: BEACON, round: 9, fetch, endpoints, timeoutMs: 30_000, hedgeAfterMs: 50, ...options });

/** Everything that an endpoint can do wrong, with what is said of it. */
const FAULTS: readonly (readonly [string, (response: ServerResponse) => void, RegExp])[] = [
  ['stalls', stall, /no answer within 300 ms/],
  ['stalls half way', drip, /did not end within 300 ms/],
  ['sends garbage', (response) => void response.end('<html>'), /no pulse in JSON/],
  ['sends bytes that are no text', (response) => void response.end(Buffer.of(255, 254)), /no pulse in JSON/],
  ['sends JSON of something else', json(null), /no pulse in JSON/],
  ['sends a signature that is no hex', json({ ...answer, signature: 'zz' }), /no pulse in JSON/],
  ['sends too much', (response) => void response.end('x'.repeat(MAX_RESPONSE_BYTES + 1)), /more than 4096 bytes/],
  ['sends another round', json({ ...answer, round: 8 }), /round 8/],
  ['sends another signature as this round', json({ round: 9, signature: toHex(signRound(KEY.secretKey, 8)) }), /not the beacon's/],
  ['sends no point', json({ round: 9, signature: '00'.repeat(48) }), /not the beacon's/],
  ['sends other randomness', json({ ...answer, randomness: '00'.repeat(32) }), /not the beacon's/],
  ['has no such round', (response) => void response.writeHead(404).end(), /no such round \(HTTP 404\)/],
  ['fails', (response) => void response.writeHead(500).end(), /HTTP 500/],
  ['redirects', (response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), /redirect/],
  ['hangs up', (response) => void response.destroy(), /other side closed|socket/],
];

describe('fetching a pulse', () => {
  it('asks the path of drand and verifies what comes', async () => {
    let path = '';
    const server = await serve((response, url) => {
      path = url;
      honest(response);
    });
    expect(await ask([`${server.endpoint}/`])).toEqual(PULSE);
    expect(path).toBe(`/${BEACON.chainHash}/public/9`);
  });

  it.each(FAULTS)('is not harmed by an endpoint that %s', async (_, respond) => {
    const [bad, good] = [await serve(respond), await serve(honest)];
    expect(await ask([bad.endpoint, good.endpoint])).toEqual(PULSE);
  });

  it.each(FAULTS)('names an endpoint that %s when there is no other', async (what, respond, reason) => {
    const { endpoint } = await serve(respond);
    // Only those that never end are waited for.
    await expect(ask([endpoint], what.startsWith('stalls') ? { timeoutMs: 300 } : {})).rejects.toMatchObject({ code: 'beacon-unreachable', message: expect.stringMatching(reason) as string });
  });

  it('names every endpoint when all fail, and when the round is due', async () => {
    const [a, b] = [await serve((response) => void response.writeHead(404).end()), await serve(json({ ...answer, round: 1 }))];
    const closed = 'http://127.0.0.1:1';
    const error = await ask([a.endpoint, closed, b.endpoint]).catch((caught: unknown) => caught as Error);
    expect((error as Error).message).toContain(`${a.endpoint}: it has no such round`);
    expect((error as Error).message).toContain(`${closed}: `);
    expect((error as Error).message).toContain(`${b.endpoint}: it answered with round 1`);
    expect((error as Error).message).toContain('due 2023-11-14T22:13:44.000Z');
  });

  it('asks the next only when one fails or is slow, and takes the first good answer', async () => {
    const [first, second] = [await serve(honest), await serve(honest)];
    await ask([first.endpoint, second.endpoint], { hedgeAfterMs: 5_000 });
    expect([first.asked, second.asked]).toEqual([1, 0]);
    const slow = await serve((response) => void setTimeout(() => honest(response), 150));
    expect(await ask([slow.endpoint, (await serve(stall)).endpoint])).toEqual(PULSE);
  });

  it('stops at once when aborted, with the reason given', async () => {
    const { endpoint } = await serve(stall);
    const reason = new Error('enough');
    await expect(ask([endpoint, endpoint], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    setTimeout(() => abort.abort(reason), 30);
    await expect(ask([endpoint, endpoint], { signal: abort.signal, timeoutMs: 60_000, hedgeAfterMs: 60_000 })).rejects.toBe(reason);
  });

  it('refuses endpoints, rounds and beacons that are none', async () => {
    for (const endpoint of ['api.drand.sh', 'file:///etc/passwd', 'https://user:pass@api.drand.sh', 'https://:pass@api.drand.sh', 'https://api.drand.sh/?a=1']) expect(await codeOfAsync(() => ask([endpoint]))).toBe('bad-endpoint');
    expect(await codeOfAsync(() => ask([]))).toBe('beacon-unreachable');
    expect(await codeOfAsync(() => ask(['http://127.0.0.1:1'], { round: 0 }))).toBe('out-of-range');
    expect(await codeOfAsync(() => ask(['http://127.0.0.1:1'], { beacon: { ...BEACON, chainHash: '../..' } }))).toBe('bad-beacon');
  });

  it('refuses durations that no timer takes', async () => {
    for (const durationMs of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      expect(await codeOfAsync(() => ask(['http://127.0.0.1:1'], { timeoutMs: durationMs }))).toBe('out-of-range');
      expect(await codeOfAsync(() => ask(['http://127.0.0.1:1'], { hedgeAfterMs: durationMs }))).toBe('out-of-range');
    }
  });

  it('does not wait for a fetch, or a body, that heeds no signal', async () => {
    const never = new Promise<never>(() => {});
    const endless = { [Symbol.asyncIterator]: () => ({ next: () => never }) };
    for (const deaf of [() => never, async () => ({ status: 200, body: endless })]) {
      await expect(ask(['http://127.0.0.1:1'], { fetch: deaf, timeoutMs: 50 })).rejects.toMatchObject({ code: 'beacon-unreachable', message: expect.stringContaining('within 50 ms') as string });
    }
  });

  it('tells what a fetch rejects with, whatever it is', async () => {
    await expect(ask(['http://127.0.0.1:1'], { fetch: () => Promise.reject(null as unknown as Error) })).rejects.toMatchObject({ code: 'beacon-unreachable', message: expect.stringContaining('null') as string });
  });
});
