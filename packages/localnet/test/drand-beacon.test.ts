/** A chain that follows drand's quicknet: pulses given, fetched, missing, late; and a commit that the Python SDK's library sealed, opened by a real pulse. */
import { deriveBeaconKey, pulseRandomness, QUICKNET, roundTimeMs, signRound, toHex } from '@connito/commit-reveal';
import { blake2AsU8a } from '@polkadot/util-crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startLocalnet, type Localnet, type LocalnetOptions } from '../src/index.ts';
import { PulseFeed, type PulseFeedOptions } from '../src/pulse-feed.ts';
import { ask } from './json-rpc.ts';
import { makeSubnet, openWorld, pairOf, read, send, sudo, TAO, tx, type World } from './support.ts';

/** Made by `vectors/quicknet-commit.py` with the Python SDK's library. */
const VECTOR = JSON.parse(readFileSync(new URL('vectors/quicknet-commit.json', import.meta.url), 'utf8')) as {
  readonly hotkey: string;
  readonly uids: readonly number[];
  readonly values: readonly number[];
  readonly round: number;
  readonly signature: string;
  readonly commit: string;
};
const PULSE = { round: VECTOR.round, signature: VECTOR.signature };
const DUE_MS = roundTimeMs(QUICKNET, PULSE.round);
const BLOCK_MS = 12_000;

let toClose: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(toClose.map((one) => one.close()));
  toClose = [];
});

async function open(options: Partial<LocalnetOptions> = {}): Promise<Localnet> {
  const net = await startLocalnet({ seed: 'test', beacon: 'quicknet', genesisTimeMs: DUE_MS - 3 * BLOCK_MS, ...options });
  toClose.push(net);
  return net;
}
const stored = (net: Localnet): unknown => net.getStorage({ pallet: 'Drand', item: 'LastStoredRound' });
const pulseOf = (net: Localnet, round: number): unknown => net.getStorage({ pallet: 'Drand', item: 'Pulses', keys: [round] });

describe('pulses of quicknet that are given', () => {
  it('stand in the first block whose time has reached them, with the key of mainnet', async () => {
    const net = await open();
    expect(net.getStorage({ pallet: 'Drand', item: 'BeaconConfig' })).toMatchObject({ public_key: `0x${toHex(QUICKNET.publicKey)}`, period: 3, genesis_time: QUICKNET.genesisTimeMs / 1000, hash: `0x${QUICKNET.chainHash}` });
    expect(await net.givePulses([PULSE])).toBe(1);
    net.sealBlocks(2);
    expect([stored(net), pulseOf(net, 1000)]).toEqual([0, null]);
    net.sealBlocks(1);
    expect(stored(net)).toBe(1000);
    const signature = new Uint8Array(Buffer.from(PULSE.signature, 'hex'));
    expect(pulseOf(net, 1000)).toEqual({ round: 1000, signature: `0x${PULSE.signature}`, randomness: `0x${toHex(pulseRandomness(signature))}` });
    expect(net.getStorage({ pallet: 'Drand', item: 'OldestStoredRound' })).toBe(1000);
    net.sealBlocks(2);
    expect(stored(net)).toBe(1000);
  });

  it('are verified, and refused all together', async () => {
    const net = await open();
    const other = toHex(signRound(deriveBeaconKey(new Uint8Array(32)).secretKey, 1001));
    const refused = [
      [{ ...PULSE, round: 1001 }, /signature of quicknet for round 1001/],
      [{ round: 1001, signature: other }, /signature of quicknet for round 1001/],
      [{ ...PULSE, randomness: '00'.repeat(32) }, /or the randomness is not its SHA-256/],
      [{ ...PULSE, randomness: '00' }, /as drand answers it/],
      [{ ...PULSE, signature: `${PULSE.signature}00` }, /as drand answers it/],
      [{ ...PULSE, signature: 7 }, /as drand answers it/],
      [{ ...PULSE, round: 0 }, /as drand answers it/],
      [null, /as drand answers it/],
    ] as const;
    for (const [pulse, message] of refused) await expect(net.givePulses([PULSE, pulse as never])).rejects.toMatchObject({ code: 'bad-control', message: expect.stringMatching(message) as string });
    for (const pulses of [[], Array.from({ length: 1001 }, () => PULSE), 'none']) await expect(net.givePulses(pulses as never)).rejects.toMatchObject({ code: 'bad-control' });
    net.sealBlocks(5);
    expect(stored(net)).toBe(0);
  });

  it('are refused once the chain is past them, and by a chain with a beacon of its own', async () => {
    const net = await open();
    await net.givePulses([{ ...PULSE, signature: `0x${PULSE.signature}` }]);
    net.sealBlocks(3);
    await expect(net.givePulses([PULSE])).rejects.toThrow(/Round 1000 comes too late/);
    const own = await startLocalnet({ seed: 'test', beaconPeriodMs: 86_400_000 });
    toClose.push(own);
    await expect(own.givePulses([PULSE])).rejects.toThrow(/signs its rounds itself/);
  });

  it('come by JSON-RPC as drand answers them, and by a scenario', async () => {
    const net = await open();
    const answer = { ...PULSE, randomness: toHex(pulseRandomness(new Uint8Array(Buffer.from(PULSE.signature, 'hex')))) };
    expect(await ask(net.endpoint, 'localnet_givePulses', answer)).toEqual({ waitingPulses: 1 });
    expect(await ask(net.endpoint, 'localnet_givePulses', [answer])).toEqual({ waitingPulses: 1 });
    await expect(ask(net.endpoint, 'localnet_givePulses')).rejects.toThrow(/-32602.*as drand answers it/);
    const scripted = await open();
    const scenario = JSON.stringify({ pulses: [answer], blocks: 3 });
    expect(await scripted.runScenario(scenario)).toEqual(['pulses: 1']);
    expect(stored(scripted)).toBe(1000);
    expect(await scripted.runScenario(JSON.stringify({ pulses: [answer] }))).toEqual([]);
    await expect(scripted.runScenario(JSON.stringify({ pulses: [{ round: 1001, signature: answer.signature }] }))).rejects.toMatchObject({ code: 'bad-scenario' });
  });

  it('wait as they did when a snapshot was taken, once it is restored or loaded', async () => {
    const net = await open();
    const path = `${process.env['TMPDIR'] ?? '/tmp'}/connito-waiting-${process.pid}.json`;
    net.takeSnapshot('none');
    await net.givePulses([PULSE]);
    net.takeSnapshot('one');
    net.saveSnapshot(path);
    net.restoreSnapshot('none');
    net.sealBlocks(4);
    expect(stored(net)).toBe(0);
    net.restoreSnapshot('one');
    net.sealBlocks(4);
    expect(stored(net)).toBe(1000);
    net.restoreSnapshot('none');
    net.loadSnapshot(path);
    net.sealBlocks(4);
    expect(stored(net)).toBe(1000);
    const fork = await open({ forkFrom: path });
    fork.sealBlocks(3);
    expect(stored(fork)).toBe(1000);
  });

  it.each([[[[1000, '0x00']]], [[[0, `0x${PULSE.signature}`]]], [[[7, `0x${PULSE.signature}`], [7, `0x${PULSE.signature}`]]], [{}], [[null]]])('are refused in a snapshot file that was made with others: %j', async (waitingPulses) => {
    const net = await open();
    const path = `${process.env['TMPDIR'] ?? '/tmp'}/connito-bad-waiting-${process.pid}.json`;
    net.saveSnapshot(path);
    const { format, checksum: _checksum, ...content } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const { blockTimeMs, genesis, parent, head, state } = content;
    const checksum = `0x${toHex(blake2AsU8a(JSON.stringify([blockTimeMs, genesis, parent, head, state, waitingPulses])))}`;
    writeFileSync(path, JSON.stringify({ format, checksum, ...content, waitingPulses }));
    expect(() => net.loadSnapshot(path)).toThrow(/waitingPulses are/);
  });

  it('are written again in a fork that replaces their block', async () => {
    const net = await open({ finalityLagBlocks: 3 });
    await net.givePulses([PULSE]);
    net.sealBlocks(3);
    net.reorganize(2);
    expect(stored(net)).toBe(1000);
    net.reorganize(3);
    expect(stored(net)).toBe(1000);
  });

  it('go on from a chain with another beacon', async () => {
    const from = await open();
    await from.givePulses([PULSE]);
    from.sealBlocks(3);
    const path = `${process.env['TMPDIR'] ?? '/tmp'}/connito-drand-${process.pid}.json`;
    from.saveSnapshot(path);
    const own = await startLocalnet({ seed: 'own', forkFrom: path });
    toClose.push(own);
    own.sealBlocks(1);
    expect(pulseOf(own, 1000)).toBeNull();
    own.saveSnapshot(path);
    const back = await open({ forkFrom: path });
    expect([stored(back), back.getStorage({ pallet: 'Drand', item: 'OldestStoredRound' })]).toEqual([0, 0]);
    await back.givePulses([PULSE]);
    back.sealBlocks(1);
    expect(stored(back)).toBe(1000);
  });

  it.each([
    { beacon: 'drand' },
    { beacon: 'quicknet', beaconPeriodMs: 6_000 },
    { drandEndpoints: ['https://api.drand.sh'], beacon: 'built-in' },
    { drandEndpoints: ['api.drand.sh'] },
    { drandEndpoints: ['file:///etc/passwd'] },
    { clock: 'mine' },
  ])('refuses options that cannot be: %o', async (options) => {
    await expect(open(options as Partial<LocalnetOptions>)).rejects.toMatchObject({ code: 'bad-option' });
  });
});

const coldkey = '//Bob';

/** A subnet on which //Bob has a permit, and the SDK's commit of its hotkey stands in the first block after an epoch. */
async function openCommitted(): Promise<{ world: World; netuid: number }> {
  const world = await openWorld({ beacon: 'quicknet', beaconPeriodMs: 3_000, genesisTimeMs: DUE_MS - 100 * BLOCK_MS });
  toClose.push(world);
  const { api, net } = world;
  const netuid = await makeSubnet(api);
  const hotkey = pairOf('//Bob//hotkey');
  await send(api, tx(api, 'subtensorModule', 'burnedRegister', netuid, hotkey.address), pairOf(coldkey));
  await send(api, tx(api, 'subtensorModule', 'addStake', hotkey.address, netuid, 100n * TAO), pairOf(coldkey));
  expect(await sudo(api, tx(api, 'adminUtils', 'sudoSetCommitRevealWeightsEnabled', netuid, true))).toBeUndefined();
  expect(await sudo(api, tx(api, 'adminUtils', 'sudoSetTempo', netuid, 10))).toBeUndefined();
  await net.jumpToEpoch(netuid);
  const commit = tx(api, 'subtensorModule', 'commitTimelockedMechanismWeights', netuid, 0, `0x${VECTOR.commit}`, VECTOR.round, 4);
  expect((await send(api, commit, hotkey)).error).toBeUndefined();
  return { world, netuid };
}
const commitsOf = async ({ api }: World, netuid: number): Promise<number | undefined> => (await api.query['subtensorModule']?.['timelockedWeightCommits']?.entries(netuid))?.length;
const weightsOf = ({ api }: World, netuid: number): Promise<unknown> => read(api, 'subtensorModule', 'weights', [netuid, 1]);

describe("weights that the Python SDK's library sealed to quicknet", () => {
  it('are revealed in the next epoch, once the pulse is there', async () => {
    const { world, netuid } = await openCommitted();
    expect(VECTOR.hotkey).toBe(pairOf('//Bob//hotkey').address);
    await world.net.jumpToEpoch(netuid);
    world.net.sealBlocks(3);
    expect([await commitsOf(world, netuid), await weightsOf(world, netuid)]).toEqual([1, []]);
    world.net.setNextTime(DUE_MS);
    await world.net.givePulses([PULSE]);
    world.net.sealBlocks(1);
    expect([stored(world.net), await weightsOf(world, netuid)]).toEqual([1000, []]);
    world.net.sealBlocks(1);
    expect(await weightsOf(world, netuid)).toEqual(VECTOR.uids.map((uid, index) => [uid, VECTOR.values[index]]));
    expect(await commitsOf(world, netuid)).toBe(0);
  });

  it('are dropped with their epoch where the pulse is missing, and stay so when it comes', async () => {
    const { world, netuid } = await openCommitted();
    await world.net.jumpToEpoch(netuid);
    expect(await commitsOf(world, netuid)).toBe(1);
    await world.net.jumpToEpoch(netuid);
    world.net.sealBlocks(1);
    expect(await commitsOf(world, netuid)).toBe(0);
    world.net.setNextTime(DUE_MS);
    await world.net.givePulses([PULSE]);
    await world.net.jumpToEpoch(netuid);
    expect([stored(world.net), await weightsOf(world, netuid)]).toEqual([1000, []]);
  });
});

const KEY = deriveBeaconKey(new TextEncoder().encode('feed'));
const OURS = { publicKey: KEY.publicKey, genesisTimeMs: 1_700_000_000_000, periodMs: 3_000, chainHash: 'ab'.repeat(32) };

/** Signatures take a while to make and verify. */
const PATIENT = { timeout: 20_000 } as const;

/** An HTTP server that answers as told, and the rounds that it was asked for. */
async function serve(respond: (round: number, response: ServerResponse) => void): Promise<{ endpoint: string; asked: number[] }> {
  const asked: number[] = [];
  const server: Server = createServer((request, response) => {
    const round = Number(request.url?.split('/').at(-1));
    asked.push(round);
    respond(round, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  toClose.push({ close: () => (server.closeAllConnections(), server.close()) });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
const answer = (round: number, response: ServerResponse): void => void response.end(JSON.stringify({ round, signature: toHex(signRound(KEY.secretKey, round)) }));

/** A feed of rounds 1 to `last`, what it delivered and said. */
function feedOf(endpoint: string, last: number, options: Partial<PulseFeedOptions> = {}): { feed: PulseFeed; rounds: number[]; notices: string[] } {
  const [rounds, notices]: [number[], string[]] = [[], []];
  const wanted = (): { first: number; last: number } => ({ first: rounds.length + 1, last });
  const feed = new PulseFeed({ beacon: OURS, endpoints: [endpoint], fetch, wanted, deliver: ({ round }) => rounds.push(round), notice: (message) => notices.push(message), retryMs: 20, ...options });
  toClose.push(feed);
  return { feed, rounds, notices };
}

describe('pulses that are fetched', () => {
  it('come in order, each asked for once', async () => {
    const server = await serve((round, response) => void setTimeout(() => answer(round, response), round % 3));
    const { feed, rounds, notices } = feedOf(server.endpoint, 10);
    feed.wake();
    feed.wake();
    await expect.poll(() => rounds, PATIENT).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
    expect(server.asked.toSorted((a, b) => a - b)).toEqual(rounds);
    expect(notices).toEqual([]);
  });

  it('come late where the network was away, with one notice of each', async () => {
    let isAway = true;
    const server = await serve((round, response) => (isAway && round > 2 ? void response.writeHead(503).end() : answer(round, response)));
    const { feed, rounds, notices } = feedOf(server.endpoint, 5);
    feed.wake();
    await expect.poll(() => server.asked.filter((round) => round === 3).length, PATIENT).toBeGreaterThan(4);
    expect([rounds, notices]).toEqual([[1, 2], [expect.stringMatching(/do not come.*round 3.*HTTP 503/)]]);
    isAway = false;
    await expect.poll(() => rounds, PATIENT).toEqual([1, 2, 3, 4, 5]);
    await expect.poll(() => notices, PATIENT).toEqual([expect.any(String), expect.stringContaining('come again, from round 3 on')]);
  });

  it('are not asked for before the clock on the wall has reached them', async () => {
    const server = await serve(answer);
    const { feed, rounds } = feedOf(server.endpoint, 5, { beacon: { ...OURS, genesisTimeMs: Math.ceil(Date.now() / 1000) * 1000 - 3_000 } });
    feed.wake();
    await expect.poll(() => rounds.length, PATIENT).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(rounds.length).toBeLessThan(3);
  });

  it('stop when the feed is closed, also in the middle of an answer', async () => {
    const server = await serve(() => undefined);
    const { feed, rounds, notices } = feedOf(server.endpoint, 5);
    feed.wake();
    await expect.poll(() => server.asked.length, PATIENT).toBeGreaterThan(0);
    await feed.close();
    feed.wake();
    expect([rounds, notices]).toEqual([[], []]);
  });

  it('are written by a chain that follows quicknet, while it goes on without those that do not come', async () => {
    const server = await serve((round, response) => (round === 1000 ? void response.end(JSON.stringify(PULSE)) : void response.writeHead(404).end()));
    const notices: string[] = [];
    const net = await open({ genesisTimeMs: DUE_MS - BLOCK_MS, drandEndpoints: [server.endpoint], onNotice: (message) => notices.push(message) });
    await expect.poll(() => server.asked, PATIENT).toContain(1000);
    await expect.poll(() => (net.sealBlocks(1), stored(net)), PATIENT).toBe(1000);
    net.sealBlocks(5);
    await expect.poll(() => notices, PATIENT).toEqual([expect.stringMatching(/do not come.*round 1001/)]);
    expect(stored(net)).toBe(1000);
    const offline = await open({ drandEndpoints: ['http://127.0.0.1:1'], onNotice: (message) => notices.push(message) });
    await expect.poll(() => notices.length, PATIENT).toBe(2);
    offline.sealBlocks(2);
    expect(stored(offline)).toBe(0);
  });
});

describe('the clock', () => {
  it('stamps blocks with the time on the wall where that is later', async () => {
    const before = Date.now();
    const net = await open({ clock: 'wall' });
    net.sealBlocks(1);
    expect(net.timestampMs()).toBeGreaterThanOrEqual(before);
    expect(net.timestampMs()).toBeLessThanOrEqual(Date.now());
    const first = net.timestampMs();
    net.sealBlocks(1);
    expect(net.timestampMs()).toBe(first + BLOCK_MS);
  });
});
