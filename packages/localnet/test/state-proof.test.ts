import { MAX_PROOF_NODES, verifyReadProof, createTrie, orderedTrieRoot, trieRoot, updateTrie } from '@connito/chain/trie';
import { WsProvider } from '@polkadot/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../src/hex.ts';
import { openStorage } from '../src/runtime/storage.ts';
import { StateHistory } from '../src/state.ts';
import { StateTries } from '../src/state-tries.ts';
import { failureOf, openWorld, pairOf, send, tx, type World } from './support.ts';

let world: World;
let provider: WsProvider;
beforeAll(async () => {
  world = await openWorld({ historyBlocks: 150 });
  provider = new WsProvider(world.net.endpoint, 100);
  await provider.isReady;
});
afterAll(async () => {
  await provider.disconnect();
  await world.close();
});

const request = <T>(method: string, ...params: unknown[]): Promise<T> => provider.send<T>(method, params);
const bytes = (hex: string): Uint8Array => fromHex(hex.slice(2));

interface Header {
  readonly stateRoot: string;
  readonly extrinsicsRoot: string;
}

async function prove(keys: readonly string[], at: string): Promise<(string | null)[]> {
  const [header, { at: block, proof }] = await Promise.all([request<Header>('chain_getHeader', at), request<{ at: string; proof: string[] }>('state_getReadProof', keys, at)]);
  expect(block).toBe(at);
  const values = verifyReadProof({ stateRoot: bytes(header.stateRoot), proof: proof.map(bytes), keys: keys.map(bytes) });
  return values.map((value) => (value === undefined ? null : `0x${toHex(value)}`));
}

describe('the roots of a header', () => {
  it('are those of the whole state and of the extrinsics', async () => {
    const { api } = world;
    const { blockHash } = await send(api, tx(api, 'balances', 'transferKeepAlive', pairOf('//New').address, 5_000_000_000n), pairOf('//Alice'));
    const { block } = await request<{ block: { header: Header; extrinsics: string[] } }>('chain_getBlock', blockHash);
    expect(block.header.extrinsicsRoot).toBe(`0x${toHex(orderedTrieRoot(block.extrinsics.map(bytes), 0))}`);
    const keys = await request<string[]>('state_getKeysPaged', '0x', 1000, null, blockHash);
    expect(keys.length).toBeGreaterThan(20);
    const [{ changes }] = await request<[{ changes: [string, string][] }]>('state_queryStorageAt', keys, blockHash);
    const trie = updateTrie(createTrie(1), changes.map(([key, value]) => [key.slice(2), bytes(value)]));
    expect(block.header.stateRoot).toBe(`0x${toHex(trieRoot(trie))}`);
  });
});

describe('state_getReadProof', () => {
  it('proves values and that there are none, at the head and at blocks long past', async () => {
    const { api, net } = world;
    const { blockHash: early } = await send(api, tx(api, 'balances', 'transferKeepAlive', pairOf('//Early').address, 7_000_000_000n), pairOf('//Alice'));
    const { System } = openStorage({ get: () => undefined });
    const account = (uri: string): string => `0x${System.Account.key(toHex(pairOf(uri).publicKey))}`;
    const keys = [account('//Early'), account('//Later'), account('//Alice'), '0xdead'];
    net.sealBlocks(100);
    const { blockHash: late } = await send(api, tx(api, 'balances', 'transferKeepAlive', pairOf('//Later').address, 7_000_000_000n), pairOf('//Alice'));
    for (const at of [early, late]) {
      const [{ changes }] = await request<[{ changes: [string, string | null][] }]>('state_queryStorageAt', keys, at);
      expect(await prove(keys, at)).toEqual(changes.map(([, value]) => value));
    }
    expect((await prove(keys, early))[1]).toBeNull();
    expect((await prove(keys, late))[1]).not.toBeNull();
    expect((await api.rpc.state.getReadProof([account('//Early')], late)).proof.length).toBeGreaterThan(2);
  });

  it('refuses what is no list of keys, and blocks that are unknown or forgotten', async () => {
    const { net } = world;
    expect(await failureOf(request('state_getReadProof', 'x'))).toContain('keys');
    expect(await failureOf(request('state_getReadProof', ['0x1']))).toContain('keys');
    expect(await failureOf(request('state_getReadProof', ['0x01'], `0x${'1'.repeat(64)}`))).toContain('UnknownBlock');
    const first = await request<string>('chain_getBlockHash', 1);
    net.sealBlocks(151);
    expect(await failureOf(request('state_getReadProof', ['0x01'], first))).toContain('State already discarded');
  });
});

describe('the tries of a chain', () => {
  it('prove from blocks that are no longer kept as from those that are', () => {
    const history = new StateHistory({ windowBlocks: 500 });
    const tries = new StateTries(history, -1);
    const proofs: Uint8Array[][] = [];
    for (let block = 0; block < 200; block++) {
      const changes = new Map([0, 1, 2].map((n) => [toHex(Uint8Array.of(block % 17, (block * 7 + n) % 11)), (block + n) % 5 === 0 ? undefined : new Uint8Array(30 + n).fill(block)] as const));
      const root = tries.rootAfter(changes);
      history.apply(block, changes);
      tries.apply(block, changes);
      expect(tries.rootAt(block)).toBe(root);
      proofs.push(tries.prove(block, ['0303', '0104']));
    }
    expect(proofs.every((proof) => proof.length < MAX_PROOF_NODES)).toBe(true);
    for (let block = 0; block < 200; block += 13) expect(tries.prove(block, ['0303', '0104'])).toEqual(proofs[block]);
  });
});
