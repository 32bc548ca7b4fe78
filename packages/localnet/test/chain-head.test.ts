import { TypeRegistry } from '@polkadot/types';
import type { Header } from '@polkadot/types/interfaces';
import { afterEach, describe, expect, it } from 'vitest';
import { hashHeader } from '../src/block.ts';
import { fromHex, toHex } from '../src/hex.ts';
import { openStorage } from '../src/runtime/storage.ts';
import { openBareNode, type BareClient, type BareNode, type Event, type NodeOptions } from './bare-node.ts';

const { System } = openStorage({ get: () => undefined });
const NUMBER = `0x${System.Number.key()}`;

let open: BareNode[] = [];
afterEach(() => {
  for (const node of open) node.close();
  open = [];
});

async function openNode(options: NodeOptions = {}): Promise<BareNode> {
  const node = await openBareNode(options);
  open.push(node);
  return node;
}

const hashAt = ({ node }: BareNode, number: number): string => `0x${node.block(number)?.hash}`;
const headOf = ({ node }: BareNode): string => `0x${node.head.hash}`;
const errorOf = (act: () => unknown): string => {
  try {
    return `no error: ${JSON.stringify(act())}`;
  } catch (error) {
    return (error as Error).message;
  }
};
const kinds = (events: readonly Event[]): string[] => events.map(({ event }) => event);

function follow(client: BareClient, withRuntime = false): { id: string; events: Event[] } {
  const id = client.ask<string>('chainHead_v1_follow', withRuntime);
  return { id, events: client.events(id) };
}

describe('chainHead_v1_follow', () => {
  it('tells the final blocks, then those that are not final, then the best one', async () => {
    const bare = await openNode({ finalityLagBlocks: 3 });
    bare.controls.seal(30);
    const { events } = follow(bare.client());
    expect(events[0]).toEqual({ event: 'initialized', finalizedBlockHashes: Array.from({ length: 16 }, (_, index) => hashAt(bare, 12 + index)) });
    expect(events.slice(1, 4)).toEqual([28, 29, 30].map((number) => ({ event: 'newBlock', blockHash: hashAt(bare, number), parentBlockHash: hashAt(bare, number - 1) })));
    expect(events.slice(4)).toEqual([{ event: 'bestBlockChanged', bestBlockHash: headOf(bare) }]);
  });

  it('has the runtime where that is asked for, in the words of the specification', async () => {
    const bare = await openNode();
    const { events } = follow(bare.client(), true);
    const apis = expect.objectContaining({ '0xdf6acb689907609b': 5, '0x37e397fc7c91f5e4': 2 }) as unknown;
    expect(events[0]).toMatchObject({ finalizedBlockRuntime: { type: 'valid', spec: { specName: 'node-subtensor', implName: 'node-subtensor', specVersion: 425, implVersion: 1, transactionVersion: 1, apis } } });
    bare.controls.seal(1);
    expect(events.slice(2)).toEqual([
      { event: 'newBlock', blockHash: headOf(bare), parentBlockHash: hashAt(bare, 0), newRuntime: null },
      { event: 'bestBlockChanged', bestBlockHash: headOf(bare) },
      { event: 'finalized', finalizedBlockHashes: [headOf(bare)], prunedBlockHashes: [] },
    ]);
  });

  it('tells a reorganisation: new blocks on a fork, the best one only at its end, and what is pruned once a block of the fork is final', async () => {
    const bare = await openNode({ finalityLagBlocks: 3 });
    bare.controls.seal(5);
    const { events } = follow(bare.client());
    const replaced = [4, 5].map((number) => hashAt(bare, number));
    events.length = 0;
    bare.controls.reorganize(2);
    expect(kinds(events)).toEqual(['newBlock', 'newBlock', 'newBlock', 'bestBlockChanged', 'finalized']);
    expect(events[0]).toMatchObject({ blockHash: hashAt(bare, 4), parentBlockHash: hashAt(bare, 3) });
    expect(events[3]).toMatchObject({ bestBlockHash: hashAt(bare, 6) });
    expect(events[4]).toMatchObject({ finalizedBlockHashes: [hashAt(bare, 3)], prunedBlockHashes: [] });
    events.length = 0;
    bare.controls.seal(1);
    expect(events.at(-1)).toEqual({ event: 'finalized', finalizedBlockHashes: [hashAt(bare, 4)], prunedBlockHashes: replaced });
  });

  it('tells forks to those who come later, too', async () => {
    const bare = await openNode({ finalityLagBlocks: 4 });
    bare.controls.seal(3);
    const replaced = [2, 3].map((number) => hashAt(bare, number));
    bare.controls.reorganize(2);
    const { events } = follow(bare.client());
    const told = events.filter(({ event }) => event === 'newBlock').map(({ blockHash }) => blockHash);
    expect(new Set(told)).toEqual(new Set([...replaced, ...[1, 2, 3, 4].map((number) => hashAt(bare, number))]));
    expect(events.at(-1)).toEqual({ event: 'bestBlockChanged', bestBlockHash: headOf(bare) });
  });

  it('stops where the chain goes another way than it can tell: a snapshot restored, an endpoint that was left behind', async () => {
    const bare = await openNode();
    bare.controls.seal(2);
    bare.controls.takeSnapshot('two');
    bare.controls.seal(2);
    const client = bare.client();
    const first = follow(client);
    bare.controls.restoreSnapshot('two');
    expect(first.events.at(-1)).toEqual({ event: 'stop' });
    expect(client.ask('chainHead_v1_header', first.id, headOf(bare))).toBeNull();
    const second = follow(client);
    bare.faults.set({ stale: true });
    bare.controls.seal(3);
    const third = follow(client);
    expect(third.events.at(-1)).toEqual({ event: 'bestBlockChanged', bestBlockHash: hashAt(bare, 2) });
    bare.faults.clear();
    for (const { events } of [second, third]) expect(kinds(events).filter((kind) => kind === 'stop')).toEqual(['stop']);
    bare.controls.seal(1);
    for (const { events } of [second, third]) expect(events.at(-1)).toEqual({ event: 'stop' });
  });

  it('has at most four subscriptions of a client, also within one message, and those that ended make room', async () => {
    const bare = await openNode();
    const client = bare.client();
    const answers = client.batch(...Array.from({ length: 6 }, () => ['chainHead_v1_follow', false] as const));
    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, undefined, undefined, undefined, -32_800, -32_800]);
    expect(client.ask('chainHead_v1_unfollow', answers[0]?.result)).toBeNull();
    expect(client.ask('chainHead_v1_unfollow', answers[0]?.result)).toBeNull();
    follow(client);
    expect(errorOf(() => follow(client))).toMatch(/^-32800/);
    bare.controls.seal(1);
    expect(kinds(client.events(String(answers[0]?.result)))).toEqual(['initialized', 'bestBlockChanged']);
    expect(errorOf(() => client.ask('chainHead_v1_follow', 'yes'))).toMatch(/^-32602/);
  });

  it('stops for a client that leaves too many final blocks pinned', async () => {
    const bare = await openNode();
    const idle = [follow(bare.client()), follow(bare.client())];
    const client = bare.client();
    const third = follow(client);
    for (let chunk = 0; chunk < 17; chunk++) {
      bare.controls.seal(256);
      client.ask('chainHead_v1_unpin', third.id, third.events.splice(0).flatMap((event) => (event.event === 'newBlock' ? [event['blockHash']] : [])));
    }
    for (const { events } of idle) {
      expect(events.at(-1)).toEqual({ event: 'stop' });
      expect(kinds(events).filter((kind) => kind === 'finalized')).toHaveLength(4096);
    }
    bare.controls.seal(1);
    expect(kinds(third.events)).toEqual(['newBlock', 'bestBlockChanged', 'finalized']);
  }, 60_000);
});

describe('pinned blocks', () => {
  it('can be asked for until they are unpinned, all at once or none', async () => {
    const bare = await openNode();
    bare.controls.seal(3);
    const client = bare.client();
    const { id } = follow(client);
    const [one, two, three] = [1, 2, 3].map((number) => hashAt(bare, number)) as [string, string, string];
    expect(errorOf(() => client.ask('chainHead_v1_unpin', id, [one, two, one]))).toMatch(/^-32804/);
    expect(errorOf(() => client.ask('chainHead_v1_unpin', id, [one, `0x${'1'.repeat(64)}`]))).toMatch(/^-32801/);
    expect(client.ask('chainHead_v1_header', id, one)).toMatch(/^0x/);
    expect(client.ask('chainHead_v1_unpin', id, [one, two])).toBeNull();
    expect(client.ask('chainHead_v1_unpin', id, three)).toBeNull();
    for (const hash of [one, two, three]) expect(errorOf(() => client.ask('chainHead_v1_header', id, hash))).toMatch(/^-32801/);
    expect(errorOf(() => client.ask('chainHead_v1_unpin', id, one))).toMatch(/^-32801/);
    expect(client.ask('chainHead_v1_unpin', 'unknown', one)).toBeNull();
    expect(errorOf(() => client.ask('chainHead_v1_unpin', id, ['0x12']))).toMatch(/^-32602/);
    expect(errorOf(() => client.ask('chainHead_v1_header', 5, one))).toMatch(/^-32602/);
  });

  it('belong to one subscription', async () => {
    const bare = await openNode();
    const client = bare.client();
    const [one, other] = [follow(client), follow(client)];
    client.ask('chainHead_v1_unpin', one.id, headOf(bare));
    expect(errorOf(() => client.ask('chainHead_v1_header', one.id, headOf(bare)))).toMatch(/^-32801/);
    expect(client.ask('chainHead_v1_header', other.id, headOf(bare))).toMatch(/^0x/);
    expect(bare.client().ask('chainHead_v1_header', other.id, headOf(bare))).toBeNull();
  });

  it('that the chain keeps no more end the subscription', async () => {
    const bare = await openNode({ keepBlocks: 5, historyBlocks: 5 });
    bare.controls.seal(1);
    const client = bare.client();
    const { id, events } = follow(client);
    const old = headOf(bare);
    bare.controls.seal(20);
    expect(client.ask('chainHead_v1_header', id, old)).toBeNull();
    expect(events.at(-1)).toEqual({ event: 'stop' });
    expect(client.ask('chainHead_v1_body', id, old)).toEqual({ result: 'limitReached' });
  });
});

describe('operations', () => {
  it('give a header and a body that decode and hash to what the block is', async () => {
    const bare = await openNode();
    bare.controls.seal(2);
    const client = bare.client();
    const { id } = follow(client);
    const header = new TypeRegistry().createType<Header>('Header', client.ask<string>('chainHead_v1_header', id, headOf(bare)));
    expect([header.hash.toHex(), header.number.toNumber(), header.parentHash.toHex()]).toEqual([headOf(bare), 2, hashAt(bare, 1)]);
    expect(`0x${hashHeader(bare.node.head.header)}`).toBe(headOf(bare));
    expect(client.operate('chainHead_v1_body', id, headOf(bare))).toMatchObject([{ event: 'operationBodyDone', value: bare.node.head.extrinsics.map((bytes) => `0x${toHex(bytes)}`) }]);
  });

  it('call the runtime at a block', async () => {
    const bare = await openNode();
    bare.controls.seal(2);
    const client = bare.client();
    const { id } = follow(client, true);
    const call = (name: string, input = '0x', hash = headOf(bare)): Event[] => client.operate('chainHead_v1_call', id, hash, name, input);
    expect(call('Metadata_metadata_versions')).toMatchObject([{ event: 'operationCallDone', output: '0x0c0e0000000f00000010000000' }]);
    expect(call('Nothing_here')).toMatchObject([{ event: 'operationError', error: expect.stringContaining('Nothing_here is not found') }]);
    expect(call('Metadata_metadata_at_version', '0x0f')).toMatchObject([{ event: 'operationError', error: expect.stringContaining('Bad input data') }]);
    expect(errorOf(() => call('Core_version', 'zz'))).toMatch(/^-32602/);
    expect(errorOf(() => client.ask('chainHead_v1_call', id, headOf(bare), 5, '0x'))).toMatch(/^-32602/);
    expect(errorOf(() => client.ask('chainHead_v1_call', follow(client).id, headOf(bare), 'Core_version', '0x'))).toMatch(/^-32802/);
  });

  it('read values and their hashes', async () => {
    const bare = await openNode();
    bare.controls.seal(2);
    const client = bare.client();
    const { id } = follow(client);
    const read = (hash: string): Event[] => client.operate('chainHead_v1_storage', id, hash, [{ key: NUMBER, type: 'value' }, { key: NUMBER, type: 'hash' }, { key: '0xdead', type: 'value' }], null);
    const hash = client.ask('state_getStorageHash', NUMBER, hashAt(bare, 1));
    expect(read(hashAt(bare, 1))).toMatchObject([{ event: 'operationStorageItems', items: [{ key: NUMBER, value: '0x01000000' }, { key: NUMBER, hash }] }, { event: 'operationStorageDone' }]);
    expect(read(headOf(bare))[0]).toMatchObject({ items: [{ value: '0x02000000' }, {}] });
    expect(kinds(client.operate('chainHead_v1_storage', id, headOf(bare), [{ key: '0xdead', type: 'descendantsValues' }], null))).toEqual(['operationStorageDone']);
    expect(kinds(client.operate('chainHead_v1_storage', id, headOf(bare), [{ key: NUMBER, type: 'value' }], '0x1234'))).toEqual(['operationStorageDone']);
  });

  it.each([[undefined], [[{ key: '0x', type: 'everything' }]], [[{ key: 5, type: 'value' }]], [[null]], [[{ key: '0x', type: 'value', paginationStartKey: '0x' }]], [Array.from({ length: 1025 }, () => ({ key: '0x', type: 'value' }))]])('refuse %j as queries', async (items) => {
    const bare = await openNode();
    const client = bare.client();
    expect(errorOf(() => client.ask('chainHead_v1_storage', follow(client).id, headOf(bare), items, null))).toMatch(/^-32602/);
  });

  it('give descendants page by page, and go on when asked to', async () => {
    const bare = await openNode();
    const entries = Array.from({ length: 2500 }, (_, index) => ({ key: `0xaaaa${index.toString(16).padStart(8, '0')}`, value: `0x${index.toString(16).padStart(4, '0')}` }));
    bare.controls.setStorage(entries);
    const client = bare.client();
    const { id, events } = follow(client);
    const { operationId } = client.ask<{ operationId: string }>('chainHead_v1_storage', id, headOf(bare), [{ key: '0xaaaa', type: 'descendantsValues' }, { key: NUMBER, type: 'value' }], null);
    bare.controls.setStorage(entries.map(({ key }) => ({ key, value: null })));
    client.ask('chainHead_v1_unpin', id, hashAt(bare, 1));
    const own = (): Event[] => events.filter((event) => event['operationId'] === operationId);
    for (let pages = 1; pages < 3; pages++) {
      expect(own().at(-1)?.event).toBe('operationWaitingForContinue');
      expect(client.ask('chainHead_v1_continue', id, operationId)).toBeNull();
    }
    expect(own().at(-1)?.event).toBe('operationStorageDone');
    expect(own().flatMap(({ items = [] }) => items as unknown[])).toEqual([...entries, { key: NUMBER, value: '0x01000000' }]);
    expect(client.ask('chainHead_v1_continue', id, operationId)).toBeNull();
    expect(client.ask('chainHead_v1_continue', 'unknown', operationId)).toBeNull();
  });

  it('are sixteen at once, items counted one by one; stopped ones make room', async () => {
    const bare = await openNode();
    bare.controls.setStorage(Array.from({ length: 1200 }, (_, index) => ({ key: `0xaaaa${index.toString(16).padStart(4, '0')}`, value: '0x00' })));
    const client = bare.client();
    const { id, events } = follow(client, true);
    const start = (count: number): { result: string; operationId: string; discardedItems: number } =>
      client.ask('chainHead_v1_storage', id, headOf(bare), Array.from({ length: count }, () => ({ key: '0xaaaa', type: 'descendantsHashes' })), null);
    const [first, second] = [start(10), start(10)];
    expect([first.discardedItems, second.discardedItems]).toEqual([0, 4]);
    for (const [method, ...params] of [['storage', [], null], ['body'], ['call', 'Core_version', '0x']]) expect(client.ask(`chainHead_v1_${method as string}`, id, headOf(bare), ...params)).toEqual({ result: 'limitReached' });
    events.length = 0;
    expect(client.ask('chainHead_v1_stopOperation', id, first.operationId)).toBeNull();
    client.ask('chainHead_v1_continue', id, first.operationId);
    expect(events).toEqual([]);
    expect(start(20)).toMatchObject({ result: 'started', discardedItems: 10 });
  });

  it('go on only after they have said that they wait', async () => {
    const bare = await openNode();
    const client = bare.client();
    const { id, events } = follow(client);
    const body = ['chainHead_v1_body', id, headOf(bare)] as const;
    const answers = client.batch(body, ['chainHead_v1_continue', id, '0'], body, ['chainHead_v1_stopOperation', id, '1']);
    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, -32_803, undefined, undefined]);
    expect(events.filter(({ event }) => event === 'operationBodyDone').map(({ operationId }) => operationId)).toEqual(['0']);
  });

  it('read the state of blocks that a reorganisation has replaced, and of the branch that took their place', async () => {
    const bare = await openNode({ finalityLagBlocks: 5 });
    const write = (value: string | null): void => void bare.controls.setStorage([{ key: '0xaaaa', value }, { key: '0xaa', value: '0x77' }]);
    write('0x01');
    bare.controls.setStorage([{ key: '0xaaab', value: '0x01' }]);
    const client = bare.client();
    const { id } = follow(client, true);
    write('0x02');
    bare.controls.setStorage([{ key: '0xaaaa', value: null }, { key: '0xaaac', value: '0x03' }]);
    const [three, four] = [3, 4].map((number) => hashAt(bare, number)) as [string, string];
    const merkle = (hash: string): unknown => client.operate('chainHead_v1_storage', id, hash, [{ key: '0xaa', type: 'closestDescendantMerkleValue' }], null)[0]?.['items'];
    const before = [three, four].map(merkle);
    bare.controls.reorganize(2);
    const pairs = (hash: string): unknown => client.operate('chainHead_v1_storage', id, hash, [{ key: '0xaa', type: 'descendantsValues' }], null)[0]?.['items'];
    expect(pairs(three)).toEqual([['0xaa', '0x77'], ['0xaaaa', '0x02'], ['0xaaab', '0x01']].map(([key, value]) => ({ key, value })));
    expect(pairs(four)).toEqual([['0xaa', '0x77'], ['0xaaab', '0x01'], ['0xaaac', '0x03']].map(([key, value]) => ({ key, value })));
    expect(pairs(headOf(bare))).toEqual([['0xaa', '0x77'], ['0xaaaa', '0x01'], ['0xaaab', '0x01']].map(([key, value]) => ({ key, value })));
    expect([three, four].map(merkle)).toEqual(before);
    expect(client.operate('chainHead_v1_call', id, four, 'AuraApi_slot_duration', '0x')).toMatchObject([{ event: 'operationCallDone' }]);
  });

  it('say that state is not accessible any more where it is not', async () => {
    const bare = await openNode({ historyBlocks: 3 });
    bare.controls.seal(1);
    const client = bare.client();
    const { id } = follow(client, true);
    const old = headOf(bare);
    bare.controls.seal(10);
    expect(kinds(client.operate('chainHead_v1_storage', id, old, [{ key: NUMBER, type: 'value' }], null))).toEqual(['operationInaccessible']);
    expect(kinds(client.operate('chainHead_v1_call', id, old, 'Core_version', '0x'))).toEqual(['operationInaccessible']);
    expect(kinds(client.operate('chainHead_v1_body', id, old))).toEqual(['operationBodyDone']);
  });
});

describe('closestDescendantMerkleValue', () => {
  it('is the root for what all keys begin with, and changes exactly with what stands below a key', async () => {
    const bare = await openNode();
    bare.controls.setStorage([{ key: '0xaa01', value: '0x01' }, { key: '0xaa0234', value: `0x${'02'.repeat(40)}` }, { key: '0xab', value: '0x03' }]);
    const client = bare.client();
    const { id } = follow(client);
    const values = (): (string | undefined)[] => {
      const keys = ['0x', '0xaa', '0xaa02', '0xab', '0xac'];
      const events = client.operate('chainHead_v1_storage', id, headOf(bare), keys.map((key) => ({ key, type: 'closestDescendantMerkleValue' })), null);
      const items = events[0]?.['items'] as { key: string; closestDescendantMerkleValue: string }[];
      return keys.map((key) => items.find((item) => item.key === key)?.closestDescendantMerkleValue);
    };
    const before = values();
    expect(before[0]).toBe(`0x${bare.node.head.header.stateRoot}`);
    expect(before[4]).toBeUndefined();
    bare.controls.setStorage([{ key: '0xaa01', value: '0x05' }]);
    const after = values();
    expect(after.map((value, index) => value === before[index])).toEqual([false, false, true, true, true]);
    expect(fromHex((after[1] as string).slice(2)).length).toBeLessThanOrEqual(32);
  });
});
