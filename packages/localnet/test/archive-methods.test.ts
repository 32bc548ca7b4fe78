import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashHeader } from '../src/block.ts';
import { blake2, fromHex, toHex } from '../src/hex.ts';
import { openStorage } from '../src/runtime/storage.ts';
import { openBareNode, type BareClient, type BareNode, type Event } from './bare-node.ts';
import { until } from './json-rpc.ts';

const NUMBER = `0x${openStorage({ get: () => undefined }).System.Number.key()}`;
const UNKNOWN = `0x${'1'.repeat(64)}`;

let bare: BareNode;
let client: BareClient;
beforeEach(async () => {
  bare = await openBareNode({ finalityLagBlocks: 3, historyBlocks: 20 });
  client = bare.client();
});
afterEach(() => bare.close());

const hashAt = (number: number): string => `0x${bare.node.block(number)?.hash}`;
const errorOf = (act: () => unknown): string => {
  try {
    return `no error: ${JSON.stringify(act())}`;
  } catch (error) {
    return (error as Error).message;
  }
};

const call = (hash: string, name: unknown, input: unknown): unknown => client.ask('archive_v1_call', hash, name, input);
const write = (entries: Readonly<Record<string, string | null>>): void => void bare.controls.setStorage(Object.entries(entries).map(([key, value]) => ({ key, value })));
const difference = (key: string, type: string, value?: string): object => ({ event: 'storageDiff', key, type, ...(value === undefined ? {} : { value }) });
const many = (from: number, to: number, value: string | null): Record<string, string | null> => Object.fromEntries(Array.from({ length: to - from }, (_, index) => [`0xaaaa${(from + index).toString(16).padStart(8, '0')}`, value]));

/** All events of a subscription, once it has ended. */
async function pour(method: string, ...params: readonly unknown[]): Promise<Event[]> {
  const events = client.events(client.ask<string>(method, ...params));
  await until(() => /(Done|Error)$/.test(events.at(-1)?.event ?? ''));
  return events;
}

describe('blocks of archive_v1', () => {
  it('are found by height, and above the final one on every fork', () => {
    bare.controls.seal(6);
    const [final, replaced] = [hashAt(3), hashAt(6)];
    bare.controls.reorganize(1);
    expect(client.ask('archive_v1_genesisHash')).toBe(hashAt(0));
    expect(client.ask('archive_v1_finalizedHeight')).toBe(4);
    expect(client.ask('archive_v1_hashByHeight', 3)).toEqual([final]);
    expect(new Set(client.ask<string[]>('archive_v1_hashByHeight', 6))).toEqual(new Set([replaced, hashAt(6)]));
    expect(client.ask('archive_v1_hashByHeight', 9)).toEqual([]);
    expect(errorOf(() => client.ask('archive_v1_hashByHeight', '3'))).toMatch(/^-32602/);
  });

  it('have a header and a body, also long after their state is gone', () => {
    bare.controls.seal(50);
    const block = bare.node.block(2);
    expect(client.ask('archive_v1_header', hashAt(2))).toMatch(new RegExp(`^0x${block?.header.parentHash}`));
    expect(`0x${toHex(blake2(fromHex(client.ask<string>('archive_v1_header', hashAt(2)).slice(2))))}`).toBe(hashAt(2));
    expect(hashHeader(bare.node.head.header)).toBe(bare.node.head.hash);
    expect(client.ask('archive_v1_body', hashAt(2))).toEqual(block?.extrinsics.map((bytes) => `0x${toHex(bytes)}`));
    expect(client.ask('archive_v1_header', UNKNOWN)).toBeNull();
    expect(client.ask('archive_v1_body', UNKNOWN)).toBeNull();
    expect(errorOf(() => client.ask('archive_v1_header', '0x12'))).toMatch(/^-32602/);
  });
});

describe('archive_v1_call', () => {
  it('gives what a call returns, or why it did not', () => {
    bare.controls.seal(30);
    expect(call(hashAt(20), 'AuraApi_slot_duration', '0x')).toEqual({ success: true, value: '0xe02e000000000000' });
    expect(call(hashAt(20), 'No_such', '0x')).toMatchObject({ success: false, error: expect.stringContaining('No_such is not found') });
    expect(call(hashAt(2), 'AuraApi_slot_duration', '0x')).toEqual({ success: false, error: 'State already discarded' });
    expect(call(UNKNOWN, 'AuraApi_slot_duration', '0x')).toBeNull();
    for (const [name, input] of [[5, '0x'], ['AuraApi_slot_duration', 'x']]) expect(errorOf(() => call(hashAt(20), name, input))).toMatch(/^-32602/);
  });
});

describe('archive_v1_storage', () => {
  it('gives items one by one, from many pages', async () => {
    const entries = Array.from({ length: 2300 }, (_, index) => ({ key: `0xaaaa${index.toString(16).padStart(8, '0')}`, value: `0x${index.toString(16).padStart(4, '0')}` }));
    bare.controls.setStorage(entries);
    bare.controls.seal(2);
    const events = await pour('archive_v1_storage', hashAt(1), [{ key: '0xaaaa', type: 'descendantsValues', paginationStartKey: entries[99]?.key }, { key: NUMBER, type: 'value' }, { key: NUMBER, type: 'closestDescendantMerkleValue' }]);
    const merkle = { event: 'storage', key: NUMBER, closestDescendantMerkleValue: expect.stringMatching(/^0x/) };
    expect(events).toEqual([...entries.slice(100).map((entry) => ({ event: 'storage', ...entry })), { event: 'storage', key: NUMBER, value: '0x01000000' }, merkle, { event: 'storageDone' }]);
  });

  it('ends with an error where there is no block or no state, and without items in child tries', async () => {
    bare.controls.seal(30);
    expect(await pour('archive_v1_storage', UNKNOWN, [])).toEqual([{ event: 'storageError', error: 'There is no such block' }]);
    expect(await pour('archive_v1_storage', hashAt(2), [{ key: NUMBER, type: 'value' }])).toEqual([{ event: 'storageError', error: 'State already discarded' }]);
    expect(await pour('archive_v1_storage', hashAt(30), [{ key: NUMBER, type: 'value' }], '0xab')).toEqual([{ event: 'storageDone' }]);
    expect(errorOf(() => client.ask('archive_v1_storage', hashAt(30), [{ key: NUMBER, type: 'hash', paginationStartKey: '0x01' }]))).toMatch(/^-32602/);
  });

  it('stops when it is told to', async () => {
    bare.controls.setStorage(Array.from({ length: 2300 }, (_, index) => ({ key: `0xaaaa${index.toString(16).padStart(8, '0')}`, value: '0x00' })));
    const id = client.ask<string>('archive_v1_storage', hashAt(1), [{ key: '0xaaaa', type: 'descendantsHashes' }]);
    expect(client.ask('archive_v1_stopStorage', id)).toBeNull();
    expect(client.ask('archive_v1_stopStorage', id)).toBeNull();
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.events(id)).toHaveLength(1000);
  });
});

describe('archive_v1_storageDiff', () => {
  it('gives what was added, modified and deleted, since the parent or any ancestor', async () => {
    write({ '0xaa01': '0x01', '0xaa02': '0x02', '0xaa03': '0x03', '0xbb': '0x01' });
    write({ '0xaa02': '0x22', '0xaa03': null, '0xaa04': '0x04', '0xbb': '0x02' });
    write({ '0xaa04': null });
    const diff = (number: number, previous?: number): Promise<Event[]> => pour('archive_v1_storageDiff', hashAt(number), [{ key: '0xaa', returnType: 'value' }], previous === undefined ? undefined : hashAt(previous));
    expect(await diff(2)).toEqual([difference('0xaa02', 'modified', '0x22'), difference('0xaa03', 'deleted'), difference('0xaa04', 'added', '0x04'), { event: 'storageDiffDone' }]);
    expect(await diff(3, 1)).toEqual([difference('0xaa02', 'modified', '0x22'), difference('0xaa03', 'deleted'), { event: 'storageDiffDone' }]);
    expect(await diff(3, 3)).toEqual([{ event: 'storageDiffDone' }]);
    const all = await pour('archive_v1_storageDiff', hashAt(3));
    expect(all.map(({ key }) => key)).toContain(NUMBER);
    const hashed = await pour('archive_v1_storageDiff', hashAt(2), [{ key: '0xbb', returnType: 'hash' }]);
    expect(hashed[0]).toEqual({ event: 'storageDiff', key: '0xbb', type: 'modified', hash: `0x${toHex(blake2(Uint8Array.of(2)))}` });
  });

  it('compares long lists page by page', async () => {
    write(many(0, 2500, '0x00'));
    write({ ...many(0, 1200, null), ...many(2000, 4000, '0x01') });
    const events = await pour('archive_v1_storageDiff', hashAt(2), [{ key: '0xaaaa', returnType: 'value' }]);
    const counts = ['deleted', 'modified', 'added'].map((type) => events.filter((event) => event['type'] === type).length);
    expect(counts).toEqual([1200, 500, 1500]);
  });

  it('goes from a fork to its ancestor, and from no block to one that is not', async () => {
    bare.controls.seal(1);
    write({ '0xaa': '0x01' });
    const fork = hashAt(2);
    bare.controls.reorganize(1);
    const items = [{ key: '0xaa', returnType: 'value' }];
    expect(await pour('archive_v1_storageDiff', fork, items, hashAt(1))).toMatchObject([{ key: '0xaa', type: 'added' }, { event: 'storageDiffDone' }]);
    for (const [hash, previous] of [[fork, hashAt(2)], [hashAt(3), fork], [hashAt(1), hashAt(2)]]) {
      expect(await pour('archive_v1_storageDiff', hash, items, previous)).toEqual([{ event: 'storageDiffError', error: 'previousHash is not an ancestor of hash' }]);
    }
    expect(await pour('archive_v1_storageDiff', hashAt(0), items)).toMatchObject([{ event: 'storageDiffError' }]);
    expect(await pour('archive_v1_storageDiff', hashAt(1), [{ returnType: 'value', childTrieKey: '0x12' }])).toEqual([{ event: 'storageDiffDone' }]);
    expect(errorOf(() => client.ask('archive_v1_storageDiff', hashAt(1), [{ returnType: 'size' }]))).toMatch(/^-32602/);
  });
});
