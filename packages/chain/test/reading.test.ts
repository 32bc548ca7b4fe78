import { toHex } from '@connito/commit-reveal';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  findSnapshot,
  hotkeyFromBytes,
  openKeypair,
  readBeacon,
  readBlock,
  readCommitments,
  readCommitmentSpace,
  readHyperparameters,
  readNeurons,
  readPulse,
  readSnapshot,
  assertSubnet,
  readSubnetOwner,
  readUid,
  readWeightRow,
  readWeights,
  releaseUntil,
  type Chain,
} from '../src/index.ts';
import { codeOf } from './code-of.ts';
import { entryOf, HAS_METADATA, openScriptedChain, u64Hex, type ScriptedNode } from './scripted-node.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const NETUID = 3;
const ALICE = openKeypair('//Alice');
const BOB = openKeypair('//Bob');
const CAROL = openKeypair('//Charlie');

const u16 = (value: number): string => Buffer.from([value & 255, value >> 8]).toString('hex');
const u16s = (...values: number[]): string => `0x${Buffer.from([values.length * 4]).toString('hex')}${values.map(u16).join('')}`;
const u64s = (...values: number[]): string => `0x${Buffer.from([values.length * 4]).toString('hex')}${values.map((value) => u64Hex(value).slice(2)).join('')}`;
const bools = (...values: boolean[]): string => `0x${Buffer.from([values.length * 4, ...values.map(Number)]).toString('hex')}`;
const raw = (...bytes: number[]): string => Buffer.from([bytes.length + 1, ...bytes]).toString('hex');

describe.skipIf(!HAS_METADATA)('reading a subnet by the real metadata', () => {
  let node: ScriptedNode;
  let chain: Chain;

  beforeAll(async () => {
    ({ node, chain } = await openScriptedChain());
    const set = (pallet: string, item: string, args: unknown[], value: string): void => {
      node.storage.set(entryOf(chain, pallet, item).key(...args), value);
    };
    const subtensor = (item: string, args: unknown[], value: string): void => set('subtensorModule', item, args, value);
    subtensor('networksAdded', [NETUID], '0x01');
    subtensor('subnetOwner', [NETUID], `0x${toHex(CAROL.publicKey)}`);
    subtensor('subnetOwnerHotkey', [NETUID], `0x${toHex(ALICE.publicKey)}`);
    subtensor('subnetworkN', [NETUID], `0x${u16(2)}`);
    subtensor('tempo', [NETUID], `0x${u16(10)}`);
    for (const [uid, key] of [ALICE, BOB].entries()) {
      subtensor('keys', [NETUID, uid], `0x${toHex(key.publicKey)}`);
      subtensor('uids', [NETUID, key.hotkey], `0x${u16(uid)}`);
      subtensor('blockAtRegistration', [NETUID, uid], u64Hex(uid + 5));
      subtensor('owner', [key.hotkey], `0x${toHex(CAROL.publicKey)}`);
    }
    subtensor('totalHotkeyAlpha', [BOB.hotkey, NETUID], u64Hex(2n ** 63n + 1n));
    subtensor('stakeWeight', [NETUID], u16s(0, 65535));
    subtensor('incentive', [NETUID], u16s(65535, 0));
    subtensor('validatorPermit', [NETUID], bools(false, true));
    subtensor('active', [NETUID], bools(true, true));
    subtensor('lastUpdate', [NETUID], u64s(5, 9));
    subtensor('emission', [NETUID], u64s(41, 42));
    subtensor('weights', [NETUID, 1], `0x08${u16(0)}${u16(65535)}${u16(1)}${u16(7)}`);
    set('commitments', 'commitmentOf', [NETUID, BOB.hotkey], `0x${'00'.repeat(8)}0c00000008${raw(1, 2, 3)}${raw()}`);
    set('commitments', 'commitmentOf', [NETUID, CAROL.hotkey], `0x${'00'.repeat(8)}0d00000008${raw(1)}87`);
    set('commitments', 'commitmentOf', [NETUID + 1, BOB.hotkey], `0x${'00'.repeat(8)}0c00000004${raw(9)}`);
    set('drand', 'pulses', [1000], `${u64Hex(1000)}80${'11'.repeat(32)}c0${'22'.repeat(48)}`);
    node.seal(12_000);
    node.storage.clear();
    for (const timestampMs of [24_000, 36_000, 72_000, 72_001, 96_000]) node.seal(timestampMs);
  });
  afterAll(async () => {
    await chain.close();
    await node.close();
  });
  const at = (): string => node.blocks[1]?.hash as string;

  it('reads neurons in three requests at one block', async () => {
    node.requests.clear();
    const neurons = await readNeurons(chain, { netuid: NETUID, at: at() });
    expect(neurons).toEqual([
      { uid: 0, hotkey: ALICE.hotkey, coldkey: CAROL.hotkey, stakeRao: 0n, stakeWeight: 0, isActive: true, validatorPermit: false, incentive: 65535, dividends: 0, consensus: 0, validatorTrust: 0, emissionRao: 41n, lastUpdateBlock: 5, registeredBlock: 5 },
      { uid: 1, hotkey: BOB.hotkey, coldkey: CAROL.hotkey, stakeRao: 2n ** 63n + 1n, stakeWeight: 65535, isActive: true, validatorPermit: true, incentive: 0, dividends: 0, consensus: 0, validatorTrust: 0, emissionRao: 42n, lastUpdateBlock: 9, registeredBlock: 6 },
    ]);
    // polkadot-js subscribes to the runtime's version at some moment of its own.
    node.requests.delete('state_subscribeRuntimeVersion');
    // And once for each block, which runtime it is of.
    expect(Object.fromEntries(node.requests)).toEqual({ state_queryStorageAt: 3, state_getRuntimeVersion: 1, state_getStorage: 1 });
    node.requests.clear();
    await readNeurons(chain, { netuid: NETUID, at: at() });
    expect(Object.fromEntries(node.requests)).toEqual({ state_queryStorageAt: 3 });
    expect(await readNeurons(chain, { netuid: NETUID })).toEqual([]);
    expect(await codeOf(readNeurons(chain, { netuid: 65536 }))).toBe('bad-value');
  });

  it('reads one uid, the owner, weights and hyperparameters', async () => {
    expect(await readUid(chain, { netuid: NETUID, hotkey: BOB.hotkey, at: at() })).toBe(1);
    expect(await readUid(chain, { netuid: NETUID, hotkey: CAROL.hotkey, at: at() })).toBeUndefined();
    expect(await readSubnetOwner(chain, { netuid: NETUID, at: at() })).toEqual({ hotkey: ALICE.hotkey, coldkey: CAROL.hotkey });
    expect(await codeOf(readSubnetOwner(chain, { netuid: 9, at: at() }))).toBe('bad-value');
    await assertSubnet(chain, { netuid: NETUID, at: at() });
    expect(await codeOf(assertSubnet(chain, { netuid: 9, at: at() }))).toBe('bad-value');
    expect(await readWeights(chain, { netuid: NETUID, at: at() })).toEqual(new Map([[1, { uids: [0, 1], values: [65535, 7] }]]));
    expect(await readWeightRow(chain, { netuid: NETUID, uid: 0, at: at() })).toEqual({ uids: [], values: [] });
    // Defaults come from the metadata where the chain holds nothing.
    const names = ['tempo', 'commitRevealWeightsEnabled', 'weightsSetRateLimit', 'kappa', 'stakeThreshold'] as const;
    expect(await readHyperparameters(chain, { netuid: NETUID, names, at: at() })).toEqual({ tempo: 10n, commitRevealWeightsEnabled: true, weightsSetRateLimit: 100n, kappa: 32767n, stakeThreshold: 0n });
    expect(await readCommitmentSpace(chain, { netuid: NETUID, at: at() })).toEqual({ maxSpaceBytes: 3100, tempoBlocks: 10 });
  });

  it('reads commitments of one subnet, whatever they hold', async () => {
    const commitments = await readCommitments(chain, { netuid: NETUID, at: at() });
    expect(commitments).toEqual(
      new Map([
        [
          hotkeyFromBytes(BOB.publicKey),
          {
            blockNumber: 12,
            fields: [Uint8Array.of(1, 2, 3), new Uint8Array(0)],
            contents: [
              { kind: 'raw', bytes: Uint8Array.of(1, 2, 3) },
              { kind: 'raw', bytes: new Uint8Array(0) },
            ],
          },
        ],
        [hotkeyFromBytes(CAROL.publicKey), { blockNumber: 13, fields: [], contents: [{ kind: 'raw', bytes: Uint8Array.of(1) }, { kind: 'reset-bonds' }] }],
      ]),
    );
  });

  it('reads pulses and the beacon', async () => {
    expect(await readPulse(chain, { round: 1000, at: at() })).toEqual({ round: 1000, randomness: new Uint8Array(32).fill(0x11), signature: new Uint8Array(48).fill(0x22) });
    expect(await readPulse(chain, { round: 1001, at: at() })).toBeUndefined();
    expect(await codeOf(readPulse(chain, { round: 0 }))).toBe('bad-value');
    // The default of Drand.BeaconConfig is quicknet.
    const beacon = await readBeacon(chain);
    expect([toHex(beacon.publicKey).slice(0, 8), beacon.genesisTimeMs, beacon.periodMs]).toEqual(['83cf0f28', 1_692_803_367_000, 3_000]);
  });

  it('finds the last block before a time, with skipped slots and at every edge', async () => {
    const stamps = [0, 12_000, 24_000, 36_000, 72_000, 72_001, 96_000];
    for (const beforeMs of [1, 11_999, 12_000, 12_001, 24_000, 36_001, 71_999, 72_000, 72_001, 72_002, 95_999, 96_000]) {
      const expected = stamps.findLastIndex((stamp) => stamp < beforeMs);
      expect([beforeMs, (await findSnapshot(chain, { beforeMs })).blockNumber]).toEqual([beforeMs, expected]);
    }
    expect(await codeOf(findSnapshot(chain, { beforeMs: 96_001 }))).toBe('not-yet');
    expect(await codeOf(findSnapshot(chain, { beforeMs: 0 }))).toBe('unknown-block');
    const snapshot = await readSnapshot(chain, { netuid: NETUID, beforeMs: 24_000 });
    expect([snapshot.block, snapshot.neurons.length, snapshot.commitments.size]).toEqual([{ blockHash: at(), blockNumber: 1, timestampMs: 12_000 }, 2, 2]);
    expect(await codeOf(readBlock(chain, 7))).toBe('unknown-block');
    expect((await readBlock(chain, 4)).timestampMs).toBe(72_000);
  });

  it('lets go of virtual time only where there is such a thing', async () => {
    await releaseUntil(chain, { participant: BOB.hotkey, timeMs: 5 });
    expect(node.requests.get('localnet_release')).toBeUndefined();
    expect(await codeOf(releaseUntil(chain, { participant: 'x', timeMs: 5 }))).toBe('bad-address');
    expect(await codeOf(releaseUntil(chain, { participant: BOB.hotkey, timeMs: 0.5 }))).toBe('bad-value');
  });
});
