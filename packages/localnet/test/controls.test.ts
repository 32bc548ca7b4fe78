import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './json-rpc.ts';
import { failureOf, makeSubnet, openWorld, pairOf, read, send, SLOW_BEACON, TAO, tx, type World } from './support.ts';
import { isLocalnetError, startLocalnet } from '../src/index.ts';

const root = mkdtempSync(join(tmpdir(), 'connito-controls-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const codeOf = (run: () => unknown): Promise<unknown> => Promise.resolve().then(run).then(() => 'no error', (error: unknown) => (isLocalnetError(error) ? error.code : error));

describe('time', () => {
  it('passes by blocks, many at once, with the beacon or without', async () => {
    const net = await startLocalnet({ seed: 'test' });
    const start = net.timestampMs();
    expect(await net.jump(20)).toBe(20);
    expect(net.timestampMs()).toBe(start + 20 * 12_000);
    expect(net.getStorage({ pallet: 'Drand', item: 'LastStoredRound' })).toBe(20 * 4 + 1);
    expect(await net.jump(500, { skipPulses: true })).toBe(520);
    const last = 520 * 4 + 1;
    expect(net.getStorage({ pallet: 'Drand', item: 'LastStoredRound' })).toBe(last);
    expect(net.getStorage({ pallet: 'Drand', item: 'Pulses', keys: [300] })).toBeNull();
    expect(net.getStorage({ pallet: 'Drand', item: 'Pulses', keys: [last] })).toMatchObject({ round: last });
    expect(net.getStorage({ pallet: 'Drand', item: 'Pulses', keys: [40] })).toMatchObject({ round: 40 });
    expect(await codeOf(() => net.jump(0))).toBe('bad-control');
    expect(await codeOf(() => net.jump(1.5))).toBe('bad-control');
    await net.close();
  });

  it('travels forward, and the beacon follows', async () => {
    const net = await startLocalnet({ seed: 'test' });
    const day = net.timestampMs() + 86_400_000;
    net.setNextTime(day);
    net.sealBlocks(1);
    expect(net.timestampMs()).toBe(day);
    expect(net.getStorage({ pallet: 'Timestamp', item: 'Now' })).toBe(day);
    expect(net.getStorage({ pallet: 'Drand', item: 'LastStoredRound' })).toBe(50);
    net.sealBlocks(1);
    expect(net.timestampMs()).toBe(day + 12_000);
    net.setNextTime(day + 86_400_000, { skipPulses: true });
    expect(net.timestampMs()).toBe(day + 86_400_000);
    net.sealBlocks(1);
    const due = (2 * 86_400_000 + 12_000) / 3000 + 1;
    expect(net.getStorage({ pallet: 'Drand', item: 'LastStoredRound' })).toBe(due);
    expect(await codeOf(() => net.setNextTime(net.timestampMs()))).toBe('bad-control');
    expect(await codeOf(() => net.setNextTime(Number.MAX_SAFE_INTEGER))).toBe('bad-control');
    await net.close();
  });

  it('lets a century pass without remembering its pulses', async () => {
    const net = await startLocalnet({ seed: 'test' });
    net.sealBlocks(2);
    net.setNextTime(net.timestampMs() + 50 * 365 * 86_400_000, { skipPulses: true });
    net.sealBlocks(1);
    const last = net.getStorage({ pallet: 'Drand', item: 'LastStoredRound' }) as number;
    expect(last).toBeGreaterThan(500_000_000);
    expect(net.getStorage({ pallet: 'Drand', item: 'Pulses', keys: [1] })).toBeNull();
    expect(net.getStorage({ pallet: 'Drand', item: 'OldestStoredRound' })).toBe(last - 216_000 + 1);
    await net.close();
  });

  it('goes to the next epoch of a subnet, and no further', async () => {
    const { net, api, close } = await openWorld();
    const netuid = await makeSubnet(api);
    const index = (): unknown => net.getStorage({ pallet: 'SubtensorModule', item: 'SubnetEpochIndex', keys: [netuid] });
    const before = Number(index());
    const block = await net.jumpToEpoch(netuid);
    expect(net.blockNumber()).toBe(block);
    expect(index()).toBe(before + 1);
    expect(net.getStorage({ pallet: 'SubtensorModule', item: 'LastMechansimStepBlock', keys: [netuid] })).toBe(block);
    expect(await ask(net.endpoint, 'localnet_jumpToEpoch', netuid, { skipPulses: true })).toMatchObject({ blockNumber: net.blockNumber() });
    expect(index()).toBe(before + 2);
    expect(await codeOf(() => net.jumpToEpoch(77))).toBe('bad-control');
    await close();
  });

  it('makes blocks at once, by the clock, or on request, as one says while it runs', async () => {
    const { net, api, close } = await openWorld({ instantSeal: false });
    const transfer = (): Promise<unknown> => send(api, tx(api, 'balances', 'transferKeepAlive', pairOf('//Bob').address, TAO), pairOf('//Alice'));
    let done = false;
    const first = transfer().then(() => (done = true));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([done, net.blockNumber()]).toEqual([false, 0]);
    net.setBlockMode({ type: 'instant' });
    await first;
    expect(net.blockNumber()).toBe(1);
    expect(await ask(net.endpoint, 'localnet_setBlockMode', 'interval', 20)).toEqual({ type: 'interval', intervalMs: 20 });
    while (net.blockNumber() < 4) await new Promise((resolve) => setTimeout(resolve, 20));
    await ask(net.endpoint, 'localnet_setBlockMode', 'manual');
    const stopped = net.blockNumber();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(net.blockNumber()).toBe(stopped);
    expect(await failureOf(ask(net.endpoint, 'localnet_setBlockMode', 'sometimes'))).toMatch(/-32602.*block mode/);
    expect(await failureOf(ask(net.endpoint, 'localnet_setBlockMode', 'interval', 0))).toMatch(/-32602/);
    await close();
  });
});

describe('state', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());

  it('funds an account, and both issuances know of it', async () => {
    const { net, api } = world;
    const issuances = async (): Promise<bigint[]> => Promise.all([['balances', 'totalIssuance'], ['subtensorModule', 'totalIssuance']].map(async ([pallet = '', item = '']) => BigInt((await read(api, pallet, item)) as number)));
    const before = await issuances();
    net.fund(pairOf('//Rich').address, 5n * TAO);
    await ask(net.endpoint, 'localnet_fund', pairOf('//Rich').address, String(2n * TAO));
    expect(((await read(api, 'system', 'account', [pairOf('//Rich').address])) as { data: { free: number } }).data.free).toBe(7_000_000_000);
    expect(await issuances()).toEqual(before.map((amount) => amount + 7n * TAO));
    expect(await codeOf(() => net.fund('nobody', 1n))).toBe('bad-control');
    expect(await codeOf(() => net.fund(pairOf('//Rich').address, 0n))).toBe('bad-control');
    expect(await failureOf(ask(net.endpoint, 'localnet_fund', pairOf('//Rich').address, '-1'))).toMatch(/-32602/);
  });

  it('sets and removes storage by name, and clients hear of it', async () => {
    const { net, api } = world;
    const heard: number[] = [];
    const stop = (await api.query['subtensorModule']?.['tempo']?.(5, (value: { toNumber(): number }) => heard.push(value.toNumber()))) as unknown as () => void;
    const block = net.blockNumber();
    net.setStorage([
      { pallet: 'SubtensorModule', item: 'Tempo', keys: [5], value: 42 },
      { pallet: 'SubtensorModule', item: 'Axons', keys: [5, pairOf('//Bob').address], value: { block: 1, version: 2, ip: '16909060', port: 80, ip_type: 4, protocol: 0, placeholder1: 0, placeholder2: 0 } },
      { pallet: 'SubtensorModule', item: 'TokenSymbol', keys: [5], value: 'τ' },
    ]);
    expect(net.blockNumber()).toBe(block + 1);
    expect(await read(api, 'subtensorModule', 'tempo', [5])).toBe(42);
    expect(await read(api, 'subtensorModule', 'axons', [5, pairOf('//Bob').address])).toMatchObject({ ip: 16_909_060, port: 80 });
    expect(Buffer.from(String(await read(api, 'subtensorModule', 'tokenSymbol', [5])).slice(2), 'hex').toString()).toBe('τ');
    expect(await ask(net.endpoint, 'localnet_getStorage', { pallet: 'SubtensorModule', item: 'Tempo', keys: [5] })).toBe(42);
    await ask(net.endpoint, 'localnet_setStorage', [{ pallet: 'SubtensorModule', item: 'Tempo', keys: [5], value: null }]);
    expect(await read(api, 'subtensorModule', 'tempo', [5])).not.toBe(42);
    while (heard.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(heard.slice(1, 2)).toEqual([42]);
    stop();
  });

  it('sets and removes raw keys', async () => {
    const { net } = world;
    await ask(net.endpoint, 'localnet_setStorage', [{ key: '0xabcd', value: '0x0102' }]);
    expect(await ask(net.endpoint, 'state_getStorage', '0xabcd')).toBe('0x0102');
    net.setStorage([{ key: '0xabcd', value: null }]);
    expect(await ask(net.endpoint, 'state_getStorage', '0xabcd')).toBeNull();
  });

  it.each([
    [{ pallet: 'Nope', item: 'Tempo', value: 1 }, /no storage item Nope.Tempo/],
    [{ pallet: 'SubtensorModule', item: 'toString', value: 1 }, /no storage item/],
    [{ pallet: 'SubtensorModule', item: 'Tempo', keys: [], value: 1 }, /1 keys \(u16\), got 0/],
    [{ pallet: 'SubtensorModule', item: 'Tempo', keys: [1], value: 65_536 }, /entries\[0\]\.value: expected a whole number from 0 to 65535, got 65536/],
    [{ pallet: 'SubtensorModule', item: 'Tempo', keys: ['x'], value: 1 }, /keys\[0\]/],
    [{ pallet: 'System', item: 'Account', keys: [5], value: null }, /ss58/],
    [{ pallet: 'System', item: 'Account', keys: ['5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'], value: { nonce: 1 } }, /value\.consumers/],
    [{ pallet: 'SubtensorModule', item: 'RecycleOrBurn', keys: [1], value: 'Maybe' }, /one of Burn, Recycle/],
    [{ key: '0x', value: '0x00' }, /1 to 512 bytes/],
    [{ key: 'ab', value: '0x00' }, /0x and hex/],
    [{ key: '0xab', value: 5 }, /0x and hex/],
  ])('refuses %j, saying what is wrong', async (entry, message) => {
    const block = world.net.blockNumber();
    expect(await failureOf(ask(world.net.endpoint, 'localnet_setStorage', [entry]))).toMatch(message);
    expect(world.net.blockNumber()).toBe(block);
  });
});

describe('snapshots', () => {
  it('are gone back to, in memory and on disk, also where the chain has gone another way since', async () => {
    for (const stateDirectory of [undefined, join(root, 'snapshots')]) {
      const { net, api, close } = await openWorld(stateDirectory === undefined ? {} : { stateDirectory });
      const free = async (): Promise<number> => ((await read(api, 'system', 'account', [pairOf('//Heir').address])) as { data: { free: number } }).data.free;
      net.fund(pairOf('//Heir').address, TAO);
      net.takeSnapshot('one');
      const one = await ask(net.endpoint, 'chain_getBlockHash');
      net.fund(pairOf('//Heir').address, TAO);
      net.sealBlocks(3);
      await ask(net.endpoint, 'localnet_snapshot', 'two');
      const two = await ask(net.endpoint, 'chain_getBlockHash');
      expect(await ask(net.endpoint, 'localnet_restore', 'one')).toMatchObject({ blockNumber: 1, blockHash: one });
      expect([await free(), net.blockNumber(), net.finalizedNumber()]).toEqual([1_000_000_000, 1, 1]);
      await send(api, tx(api, 'balances', 'transferKeepAlive', pairOf('//Heir').address, 3n * TAO), pairOf('//Alice'));
      expect(await free()).toBe(4_000_000_000);
      net.restoreSnapshot('two');
      expect([await free(), await ask(net.endpoint, 'chain_getBlockHash')]).toEqual([2_000_000_000, two]);
      expect(await ask(net.endpoint, 'chain_getBlockHash', 0)).toBe(net.genesisHash);
      await send(api, tx(api, 'balances', 'transferKeepAlive', pairOf('//Heir').address, TAO), pairOf('//Alice'));
      expect(Object.keys((await ask(net.endpoint, 'localnet_snapshots')) as object)).toEqual(['one', 'two']);
      expect([net.forgetSnapshot('one'), net.forgetSnapshot('one')]).toEqual([true, false]);
      expect(await codeOf(() => net.restoreSnapshot('one'))).toBe('unknown-snapshot');
      expect(await codeOf(() => net.takeSnapshot('../x'))).toBe('bad-control');
      const [number, hash] = [net.blockNumber(), await ask(net.endpoint, 'chain_getBlockHash')];
      await close();
      if (stateDirectory === undefined) continue;
      const again = await startLocalnet({ seed: 'test', ...SLOW_BEACON, stateDirectory });
      expect([again.blockNumber(), await ask(again.endpoint, 'chain_getBlockHash')]).toEqual([number, hash]);
      await again.close();
    }
  });

  it('go to a file and come back, and a torn or changed file is refused', async () => {
    const net = await startLocalnet({ seed: 'test', ...SLOW_BEACON, snapshotDirectory: root });
    net.fund(pairOf('//Heir').address, TAO);
    const path = join(root, 'kept.json');
    expect(await ask(net.endpoint, 'localnet_saveSnapshot', 'kept')).toEqual({ path });
    const hash = await ask(net.endpoint, 'chain_getBlockHash');
    net.sealBlocks(5);
    expect(await ask(net.endpoint, 'localnet_loadSnapshot', 'kept')).toMatchObject({ blockHash: hash });
    const text = readFileSync(path, 'utf8');
    const bad = join(root, 'bad.json');
    for (let cut = 0; cut < 40; cut++) {
      writeFileSync(bad, text.slice(0, Math.floor((text.length * cut) / 40)));
      expect(await codeOf(() => net.loadSnapshot(bad))).toBe('bad-snapshot');
    }
    writeFileSync(bad, text.replace(/"0x00ca9a3b00000000"|0x01/, '"0x02"'));
    expect(await codeOf(() => net.loadSnapshot(bad))).toBe('bad-snapshot');
    writeFileSync(bad, '[]');
    expect(await codeOf(() => net.loadSnapshot(bad))).toBe('bad-snapshot');
    expect(await codeOf(() => net.loadSnapshot(join(root, 'missing.json')))).toBe('bad-snapshot');
    expect(net.blockNumber()).toBe(1);
    for (const name of ['../kept', '/etc/passwd', '.hidden', '']) expect(await failureOf(ask(net.endpoint, 'localnet_saveSnapshot', name))).toMatch(/-32602/);
    const other = await startLocalnet({ seed: 'other', ...SLOW_BEACON });
    expect(await codeOf(() => other.loadSnapshot(path))).toBe('bad-control');
    expect(await failureOf(ask(other.endpoint, 'localnet_saveSnapshot', 'x'))).toMatch(/snapshotDirectory/);
    await Promise.all([net.close(), other.close()]);
  });
});

describe('a fork', () => {
  it('goes on from a file or from a directory, in use or not, with other options', async () => {
    const stateDirectory = join(root, 'origin');
    const { net, api, close } = await openWorld({ stateDirectory });
    const netuid = await makeSubnet(api);
    const path = join(root, 'fork.json');
    net.saveSnapshot(path);
    for (const forkFrom of [path, stateDirectory]) {
      const fork = await openWorld({ seed: 'another', forkFrom, beaconPeriodMs: 3000, blockTimeMs: 6000, endowments: { [pairOf('//Guest').address]: 9n * TAO } });
      expect(fork.net.genesisHash).toBe(net.genesisHash);
      expect(fork.net.blockNumber()).toBe(net.blockNumber() + 1);
      expect(await read(fork.api, 'subtensorModule', 'networksAdded', [netuid])).toBe(true);
      expect(((await read(fork.api, 'system', 'account', [pairOf('//Guest').address])) as { data: { free: number } }).data.free).toBe(9_000_000_000);
      const before = fork.net.timestampMs();
      fork.net.sealBlocks(2);
      expect(fork.net.timestampMs()).toBe(before + 12_000);
      const round = fork.net.getStorage({ pallet: 'Drand', item: 'LastStoredRound' });
      expect(fork.net.getStorage({ pallet: 'Drand', item: 'Pulses', keys: [round] })).toMatchObject({ round });
      await send(fork.api, tx(fork.api, 'balances', 'transferKeepAlive', pairOf('//Bob').address, TAO), pairOf('//Alice'));
      expect(await ask(fork.net.endpoint, 'chain_getBlockHash', 1)).toBeNull();
      await fork.close();
    }
    await close();
  });

  it('is kept in a directory of its own, and goes on there at the next start', async () => {
    const origin = await startLocalnet({ seed: 'test', ...SLOW_BEACON });
    origin.sealBlocks(4);
    const [path, stateDirectory] = [join(root, 'origin.json'), join(root, 'forked')];
    origin.saveSnapshot(path);
    await origin.close();
    const numbers: number[] = [];
    for (const forkFrom of [path, path, undefined]) {
      const fork = await startLocalnet({ seed: 'other', ...SLOW_BEACON, stateDirectory, ...(forkFrom === undefined ? {} : { forkFrom }) });
      numbers.push(fork.blockNumber());
      fork.sealBlocks(1);
      await fork.close();
    }
    expect(numbers).toEqual([5, 6, 7]);
    expect(await codeOf(() => startLocalnet({ seed: 'x', forkFrom: join(root, 'nothing') }))).toBe('bad-snapshot');
    expect(await codeOf(() => startLocalnet({ seed: 'x', forkFrom: root }))).toBe('bad-state');
  });
});

describe('determinism', () => {
  it('the same seed and script give the same hashes in two processes', async () => {
    const script = `import { startLocalnet } from '@connito/localnet';
      const net = await startLocalnet({ seed: 'same', finalityLagBlocks: 3, beaconPeriodMs: 12000 });
      await net.jump(5);
      net.fund('5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', 5n);
      net.setNextTime(net.timestampMs() + 3600000);
      net.setStorage([{ pallet: 'SubtensorModule', item: 'Tempo', keys: [1], value: 7 }]);
      net.takeSnapshot('a');
      await net.jump(40, { skipPulses: true });
      net.reorganize(2);
      const hashes = [];
      const ask = async (n) => (await (await fetch(net.endpoint.replace('ws', 'http'), { method: 'POST', body: JSON.stringify({ id: 1, method: 'chain_getBlockHash', params: [n] }) })).json()).result;
      for (let n = 0; n <= net.blockNumber(); n++) hashes.push(await ask(n));
      console.log(JSON.stringify(hashes)); await net.close();`;
    const run = (): Promise<string> => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: new URL('..', import.meta.url) }).then(({ stdout }) => stdout);
    const [one, two] = await Promise.all([run(), run()]);
    expect((JSON.parse(one) as string[]).length).toBe(49);
    expect(two).toBe(one);
  });
});
