/**
 * Blocks of an older runtime, whose metadata is finney's with what an older one had differently: a wider type, other names, functions that are missing or returned bare bytes.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectChain, openKeypair, readCommitmentSpace, readEpochState, readEvents, readHyperparameters, readMetadata, readMetagraph, readNeurons, readSpecVersion, readStake, readTempo, type Chain } from '../src/index.ts';
import { codeOf } from './code-of.ts';
import { entryOf, HAS_METADATA, readMetadata as finneyMetadata, startScriptedNode, type ScriptedNode } from './scripted-node.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** twox128("System") ‖ twox128("LastRuntimeUpgrade") */
const LAST_UPGRADE = '0x26aa394eea5630e07c48ae0c9558cef7f9cce9c888469bb1a0dceaa129672ef8';
const OLD_SPEC = 218;
const NETUID = 3;
const ALICE = openKeypair('//Alice');

const text = (name: string): string => Buffer.from([name.length << 2, ...Buffer.from(name)]).toString('hex');

/** Replaces bytes that stand once in the metadata. */
function replaceOnce(metadata: string, from: string, to: string): string {
  const parts = metadata.split(from);
  if (parts.length !== 2) throw new Error(`${from} stands ${parts.length - 1} times in the metadata`);
  return parts.join(to);
}

function olderMetadata(): string {
  return [
    // Modifier, map, one hasher, key u16, value u16, default 360: the value as u32.
    [`${text('Tempo')}01010406a0a0086801`, `${text('Tempo')}01010406a0101068010000`],
    [`${text('Active')}01010406`, `${text('Actjve')}01010406`],
    [`${text('MaxSpace')}0100`, `${text('MinSpace')}0100`],
    [text('NetworkAdded'), text('NetworkBuilt')],
    [text('get_stake_info_for_hotkey_coldkey_netuid'), text('got_stake_info_for_hotkey_coldkey_netuid')],
    // One input netuid u16, and Vec<u8> for output.
    [`${text('get_metagraph')}04${text('netuid')}a06d0a`, `${text('get_metagraph')}04${text('netuid')}a038`],
  ].reduce((metadata, [from, to]) => replaceOnce(metadata, from as string, to as string), finneyMetadata());
}

/** Block 2 upgrades the runtime: its state is the old one's, its code the new one's. */
const UPGRADE = 2;

function seal(node: ScriptedNode, number: number): void {
  const spec = number > UPGRADE ? 393 : OLD_SPEC;
  node.storage.set(LAST_UPGRADE, `0x${Buffer.from([((spec & 63) << 2) | 1, spec >> 6]).toString('hex')}00`);
  if (number === UPGRADE) node.upgrade({ specVersion: 393 });
  node.seal(12_000 * number);
}

describe.skipIf(!HAS_METADATA)('reading blocks of an older runtime', () => {
  let node: ScriptedNode;
  /** Connected at the newest block. */
  let chain: Chain;
  /** Connected before the upgrade, of which it was not told. */
  let early: Chain;
  const metadataRequests = (): number => node.log.filter(({ params }) => params[0] === 'Metadata_metadata_at_version').length;
  const hash = (number: number): string => node.blocks[number]?.hash as string;

  beforeAll(async () => {
    node = await startScriptedNode();
    node.upgrade({ specVersion: OLD_SPEC, metadata: olderMetadata() });
    seal(node, 0);
    early = await connectChain({ endpoint: node.endpoint });
    const key = (pallet: string, item: string, ...args: unknown[]): string => entryOf(early, pallet, item).key(...args);
    node.storage.set(key('SubtensorModule', 'Tempo', NETUID), '0x70110100');
    node.storage.set(key('SubtensorModule', 'SubnetworkN', NETUID), '0x0100');
    node.storage.set(key('SubtensorModule', 'Keys', NETUID, 0), `0x${Buffer.from(ALICE.publicKey).toString('hex')}`);
    node.storage.set(key('SubtensorModule', 'NetworksAdded', NETUID), '0x01');
    node.storage.set(key('SubtensorModule', 'Actjve', NETUID), '0x0400');
    node.storage.set(key('SubtensorModule', 'TotalHotkeyAlpha', ALICE.hotkey, NETUID), '0x6400000000000000');
    for (const item of ['TotalHotkeyShares', 'Alpha']) node.storage.set(key('SubtensorModule', item, ...[ALICE.hotkey, item === 'Alpha' ? [ALICE.hotkey] : []].flat(), NETUID), `0x${'00'.repeat(8)}01${'00'.repeat(7)}`);
    // One record: extrinsic 1, pallet 7, event 0, two u16, no topics.
    node.storage.set(key('System', 'Events'), '0x04000100000007000300010000');
    node.runtime.set('StakeInfoRuntimeApi_get_stake_info_for_hotkey_coldkey_netuid', () => '0x00');
    seal(node, 1);
    seal(node, UPGRADE);
    // Migrated in the block after the upgrade.
    chain = await connectChain({ endpoint: node.endpoint });
    node.storage.set(entryOf(chain, 'SubtensorModule', 'Tempo').key(NETUID), '0x6801');
    node.storage.set(entryOf(chain, 'SubtensorModule', 'Active').key(NETUID), '0x0401');
    seal(node, 3);
    seal(node, 4);
  });
  afterAll(async () => {
    await Promise.all([chain.close(), early.close()]);
    await node.close();
  });

  it('decodes storage as the runtime wrote it that made the block', async () => {
    for (const of of [chain, early]) {
      expect(await Promise.all([1, 2, 3, 4].map((at) => readTempo(of, { netuid: NETUID, at })))).toEqual([70_000, 70_000, 360, 360]);
      expect(await readHyperparameters(of, { netuid: NETUID, names: ['tempo'], at: hash(1) })).toEqual({ tempo: 70_000n });
      expect((await readEpochState(of, { netuid: NETUID, at: 1 })).tempoBlocks).toBe(70_000);
      expect(await readTempo(of, { netuid: NETUID })).toBe(360);
    }
  });

  it('looks for items by the names of the block', async () => {
    for (const of of [chain, early]) {
      expect((await readNeurons(of, { netuid: NETUID, at: 1 })).map(({ hotkey, isActive }) => [hotkey, isActive])).toEqual([[ALICE.hotkey, false]]);
      expect((await readNeurons(of, { netuid: NETUID, at: 4 })).map(({ hotkey, isActive }) => [hotkey, isActive])).toEqual([[ALICE.hotkey, true]]);
    }
  });

  it('decodes events by the names of the block', async () => {
    const events = await Promise.all([1, 2, 3].map((at) => readEvents(chain, { at })));
    expect(events.map((list) => list.map(({ pallet, name }) => `${pallet}.${name}`))).toEqual([['SubtensorModule.NetworkBuilt'], ['SubtensorModule.NetworkBuilt'], ['SubtensorModule.NetworkAdded']]);
  });

  it('calls only functions that the code at the block has', async () => {
    // By shares, then by the function, which here says that there is none: also in the block of the upgrade.
    const stakes = [1, 2, 3].map((at) => readStake(chain, { netuid: NETUID, hotkey: ALICE.hotkey, coldkey: ALICE.hotkey, at }));
    expect(await Promise.all(stakes)).toEqual([100n, 0n, 0n]);
  });

  it('takes a function that returned bare bytes for none', async () => {
    expect((await readMetagraph(chain, { netuid: NETUID, at: 1 })).source).toBe('storage');
    expect(await codeOf(readMetagraph(chain, { netuid: NETUID, at: 4 }))).toBe('rpc-failed'); // asked, and this node does not answer it
  });

  it('asks once for the metadata of a runtime, and once for the runtime of a block', async () => {
    const fresh = await connectChain({ endpoint: node.endpoint });
    await fresh.finalisedHead();
    node.log.length = 0;
    await Promise.all([1, 2, 0, 1].map((at) => readTempo(fresh, { netuid: NETUID, at })));
    expect(metadataRequests()).toBe(1);
    node.log.length = 0;
    for (const at of [0, 1, 2].map(hash)) await readTempo(fresh, { netuid: NETUID, at });
    expect(node.log.map(({ method }) => method)).toEqual(['state_queryStorageAt', 'state_queryStorageAt', 'state_queryStorageAt']);
    await fresh.close();
  });

  it('keeps nothing of a question that failed', async () => {
    const fresh = await connectChain({ endpoint: node.endpoint });
    node.answers.set('state_getRuntimeVersion', () => {
      throw Object.assign(new Error('UnknownBlock: State already discarded'));
    });
    expect(await codeOf(readTempo(fresh, { netuid: NETUID, at: 1 }))).toBe('state-unavailable');
    node.answers.clear();
    expect(await readTempo(fresh, { netuid: NETUID, at: 1 })).toBe(70_000);
    await fresh.close();
  });

  it('reads runtimes that cannot say what metadata they have', async () => {
    const fresh = await connectChain({ endpoint: node.endpoint });
    node.runtime.set('Metadata_metadata_versions', () => {
      throw new Error('Exported method Metadata_metadata_versions is not found');
    });
    expect(await readTempo(fresh, { netuid: NETUID, at: 1 })).toBe(70_000);
    node.runtime.delete('Metadata_metadata_versions');
    await fresh.close();
  });

  it('gives the metadata of the runtime that made the block', async () => {
    const older = olderMetadata();
    const given = await Promise.all([1, UPGRADE, 3].map((at) => readMetadata(chain, { at })));
    expect(await Promise.all([1, UPGRADE, 3].map((at) => readSpecVersion(chain, { at })))).toEqual([OLD_SPEC, OLD_SPEC, 393]);
    // Not `toEqual`: a difference would be printed.
    expect(given.map((bytes) => Buffer.from(bytes).toString('hex')).map((hex) => [hex === older, hex === finneyMetadata()])).toEqual([[true, false], [true, false], [false, true]]);
  });

  it('names the runtime that lacks something', async () => {
    expect(await codeOf(readCommitmentSpace(chain, { netuid: NETUID, at: 1 }))).toBe('unsupported');
    await expect(readCommitmentSpace(chain, { netuid: NETUID, at: 1 })).rejects.toThrow(/\(spec 218\) has no storage Commitments\.MaxSpace/);
    expect((await readCommitmentSpace(chain, { netuid: NETUID, at: 4 })).maxSpaceBytes).toBe(3100);
  });
});
