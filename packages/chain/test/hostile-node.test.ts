import { toHex } from '@connito/commit-reveal';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  connectChain,
  createCall,
  createMnemonic,
  findSnapshot,
  isChainError,
  openKeypair,
  planAxon,
  planCommitment,
  readBalance,
  readBeacon,
  readBlock,
  readCommitments,
  readEvents,
  readHyperparameters,
  readMetadata,
  readMetagraph,
  readNeurons,
  readSnapshot,
  readStakes,
  readWeights,
  readWeightSettings,
  resumeCall,
  sendCall,
  verifyReadProof,
  verifySnapshot,
  watchBlocks,
  watchMetagraph,
  type Chain,
  type ChainError,
} from '../src/index.ts';
import { openWallet } from '../src/node/index.ts';
import { entryOf, HAS_METADATA, startScriptedNode, u64Hex, type ScriptedNode } from './scripted-node.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const NETUID = 3;
const [ALICE, BOB] = ['//Alice', '//Bob'].map((uri) => openKeypair(uri)) as [ReturnType<typeof openKeypair>, ReturnType<typeof openKeypair>];

async function failureOf(work: Promise<unknown>): Promise<ChainError | undefined> {
  try {
    await work;
  } catch (error) {
    if (isChainError(error)) return error;
    throw error;
  }
  return undefined;
}

/** As from JavaScript. */
const any = (value: unknown): never => value as never;

async function codeOf(work: () => unknown): Promise<string | undefined> {
  return (await failureOf((async () => work())()))?.code;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

/** JSON that no node gives, and bytes that no runtime writes. */
const WRONG: readonly unknown[] = [
  null, true, -1, 1e300, '', 'text', '0xzz', '0x1', `0x${'ff'.repeat(70)}`, [], [null], [[]], {}, { changes: null }, [{ changes: [['0x00']] }], [{ changes: [null] }],
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
];
const METHODS = ['chain_getBlockHash', 'chain_getFinalizedHead', 'chain_getHeader', 'state_call', 'state_getKeysPaged', 'state_getMetadata', 'state_getRuntimeVersion', 'state_getStorage', 'state_queryStorageAt'];

const READERS: Readonly<Record<string, (chain: Chain) => Promise<unknown>>> = {
  bestHead: (chain) => chain.bestHead(),
  readBalance: (chain) => readBalance(chain, { account: ALICE.hotkey }),
  readBeacon: (chain) => readBeacon(chain),
  readBlock: (chain) => readBlock(chain, 1),
  readCommitments: (chain) => readCommitments(chain, { netuid: NETUID }),
  readEvents: (chain) => readEvents(chain, { at: 1 }),
  readHyperparameters: (chain) => readHyperparameters(chain, { netuid: NETUID }),
  readMetadata: (chain) => readMetadata(chain),
  readMetagraph: (chain) => readMetagraph(chain, { netuid: NETUID, source: 'storage' }),
  readNeurons: (chain) => readNeurons(chain, { netuid: NETUID }),
  readSnapshot: (chain) => readSnapshot(chain, { netuid: NETUID, beforeMs: 12_000 }),
  readStakes: (chain) => readStakes(chain, { coldkey: ALICE.hotkey }),
  readWeightSettings: (chain) => readWeightSettings(chain, { netuid: NETUID, hotkey: BOB.hotkey }),
  readWeights: (chain) => readWeights(chain, { netuid: NETUID }),
};

describe.skipIf(!HAS_METADATA)('a node that answers with something else', () => {
  let node: ScriptedNode;
  let chain: Chain;
  beforeAll(async () => {
    node = await startScriptedNode();
    node.seal(0);
    chain = await connectChain({ endpoint: node.endpoint, requestTimeoutMs: 5_000 });
    node.answers.set('chain_subscribeFinalizedHeads', () => 'heads');
    const set = (pallet: string, item: string, args: readonly unknown[], value: string): void => void node.storage.set(entryOf(chain, pallet, item).key(...args), value);
    set('subtensorModule', 'networksAdded', [NETUID], '0x01');
    set('subtensorModule', 'subnetworkN', [NETUID], '0x0200');
    for (const [uid, key] of [ALICE, BOB].entries()) set('subtensorModule', 'keys', [NETUID, uid], `0x${toHex(key.publicKey)}`);
    node.runtime.set('StakeInfoRuntimeApi_get_stake_info_for_coldkey', () => '0x00');
    set('commitments', 'commitmentOf', [NETUID, BOB.hotkey], `0x${'00'.repeat(8)}0c0000000402ff`);
    node.seal(12_000);
  });
  afterAll(async () => {
    await chain.close();
    await node.close();
  });

  it('is told by a code, by every reader', async () => {
    const readers = Object.keys(READERS);
    for (const name of readers) expect([name, (await failureOf((READERS[name] as (typeof READERS)[string])(chain)))?.message]).toEqual([name, undefined]);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...readers), fc.constantFrom(...METHODS), fc.constantFrom(...WRONG), async (name, method, wrong) => {
        node.answers.set(method, () => wrong);
        try {
          await failureOf((READERS[name] as (typeof READERS)[string])(chain));
        } finally {
          node.answers.delete(method);
        }
        expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      }),
      { numRuns: 400 },
    );
  });

  it('is told which answer was wrong', async () => {
    node.answers.set('state_queryStorageAt', () => [{ changes: [['0x00', 7]] }]);
    expect(await failureOf(readNeurons(chain, { netuid: NETUID }))).toMatchObject({ code: 'bad-node', context: { subject: 'state_queryStorageAt', endpoint: node.endpoint } });
    node.answers.set('state_queryStorageAt', () => []);
    expect(await failureOf(readNeurons(chain, { netuid: NETUID }))).toMatchObject({ code: 'bad-node' });
    // Too short for an AccountId32.
    node.answers.set('state_queryStorageAt', ([keys]) => [{ changes: (keys as string[]).map((key) => [key, '0x0100']) }]);
    expect(await failureOf(readNeurons(chain, { netuid: NETUID }))).toMatchObject({ code: 'bad-node', context: { subject: 'subtensorModule.keys' } });
    node.answers.delete('state_queryStorageAt');
  });

  it('cannot go on giving keys for ever', async () => {
    const prefix = entryOf(chain, 'commitments', 'commitmentOf').keyPrefix(NETUID);
    const page = Array.from({ length: 1000 }, (_, index) => `${prefix}${index.toString(16).padStart(8, '0')}`);
    for (const keys of [page, page.toReversed(), page.map((key) => `0x00${key.slice(4)}`)]) {
      node.answers.set('state_getKeysPaged', () => keys);
      expect(await failureOf(readCommitments(chain, { netuid: NETUID }))).toMatchObject({ code: 'bad-node', context: { subject: 'state_getKeysPaged' } });
    }
    node.answers.delete('state_getKeysPaged');
  });

  it('does not end the watching of a subnet by an error or by nonsense', async () => {
    const changes: number[] = [];
    const stop = await watchMetagraph(chain, { netuid: NETUID, source: 'storage' }, ({ metagraph }) => changes.push(metagraph.blockNumber));
    const asked = (): number => node.requests.get('state_queryStorageAt') ?? 0;
    for (const answer of [() => { throw new Error('Client error: Execution failed'); }, () => 'nonsense', () => []]) {
      const before = asked();
      node.answers.set('state_queryStorageAt', answer);
      node.seal(50_000);
      await until(() => asked() > before);
      node.answers.delete('state_queryStorageAt');
    }
    node.storage.set(entryOf(chain, 'subtensorModule', 'incentive').key(NETUID), '0x080100ffff');
    const { number } = node.seal(60_000);
    await until(() => changes.at(-1) === number);
    await stop();
  });

  it('ends the connection, and no more than that, by a notification that is none', async () => {
    const lost: string[] = [];
    const forget = chain.onStatus((status) => status.type === 'lost' && lost.push(status.reason));
    const seen: number[] = [];
    const stop = await watchBlocks(chain, ({ number }) => seen.push(number));
    for (const wrong of [null, { number: 'text' }, { number: `0x${'f'.repeat(9)}`, parentHash: `0x${'0'.repeat(64)}` }]) {
      const before = lost.length;
      node.notify('chain_finalizedHead', 'heads', wrong);
      await until(() => lost.length > before && chain.isConnected());
      expect(lost.at(-1)).toContain('chain_subscribeFinalizedHeads');
      const { number } = node.seal(100_000 + before);
      await until(() => seen.at(-1) === number);
    }
    await stop();
    forget();
  });
});

describe.skipIf(!HAS_METADATA)('a hotkey that commits what it likes', () => {
  it('does not keep the others from being read', async () => {
    const node = await startScriptedNode();
    node.seal(0);
    const chain = await connectChain({ endpoint: node.endpoint });
    const commit = (hotkey: string, fields: string): void => void node.storage.set(entryOf(chain, 'commitments', 'commitmentOf').key(NETUID, hotkey), `0x${'00'.repeat(8)}0c00000004${fields}`);
    const timelocked = (round: bigint): string => chain.api.registry.createType('PalletCommitmentsCommitmentInfo', { fields: [{ TimelockEncrypted: { encrypted: '0x01', revealRound: round } }] }).toHex().slice(4);
    commit(ALICE.hotkey, timelocked(2n ** 64n - 1n));
    commit(BOB.hotkey, timelocked(2n ** 53n - 1n));
    node.seal(12_000);
    const commitments = await readCommitments(chain, { netuid: NETUID });
    const never = { kind: 'timelocked', ciphertext: Uint8Array.of(1), round: Number.MAX_SAFE_INTEGER };
    expect([ALICE, BOB].map(({ hotkey }) => commitments.get(hotkey)?.contents)).toEqual([[never], [never]]);
    expect(u64Hex(2n ** 64n - 1n)).toBe(`0x${'ff'.repeat(8)}`);
    await chain.close();
    await node.close();
  });
});

describe.skipIf(!HAS_METADATA)('a caller without types', () => {
  let node: ScriptedNode;
  let chain: Chain;
  beforeAll(async () => {
    node = await startScriptedNode();
    node.seal(0);
    chain = await connectChain({ endpoint: node.endpoint, health: { pingMs: undefined } as unknown as { pingMs: number } });
  });
  afterAll(async () => {
    await chain.close();
    await node.close();
  });

  it.each([Number.POSITIVE_INFINITY, Number.NaN, 0, -1, 2 ** 31])('cannot wait for %d ms, and nothing is sent', async (durationMs) => {
    const call = createCall(chain, 'System', 'remark', ['0x00']);
    for (const options of [{ timeoutMs: durationMs }, { requestTimeoutMs: durationMs }, { health: { pingMs: durationMs } }, { health: { checkMs: durationMs } }]) {
      expect(await codeOf(() => connectChain({ endpoint: node.endpoint, ...options }))).toBe('bad-value');
    }
    expect(await codeOf(() => sendCall(chain, call, { signer: ALICE, timeoutMs: durationMs }))).toBe('bad-value');
    expect(await codeOf(() => resumeCall(chain, new Uint8Array(), { timeoutMs: durationMs }))).toBe('bad-value');
    expect(node.submitted).toEqual([]);
  });

  it('is told what is no hash, no time, no name, no bytes and no scheme', async () => {
    const wrong: readonly (() => unknown)[] = [
      () => connectChain({ endpoint: node.endpoint, expectedGenesis: any('0x00') }),
      () => findSnapshot(chain, { beforeMs: Number.NaN }),
      () => createMnemonic(any(13)),
      () => planCommitment(chain, { netuid: NETUID, account: ALICE.hotkey, fields: [any({ kind: 'raw' })] }),
      () => planCommitment(chain, { netuid: NETUID, account: ALICE.hotkey, fields: [{ kind: 'unknown', type: 'Raw999' }] }),
      () => planAxon(chain, { netuid: NETUID, account: ALICE.hotkey, ip: any(7), port: 1 }),
      () => openWallet({ name: any(7) }),
      () => verifySnapshot(any('text'), { blockHash: '0x', netuid: NETUID, metadata: new Uint8Array() }),
      () => verifyReadProof({ stateRoot: new Uint8Array(32), proof: [any('0x00')], keys: [] }),
      () => verifyReadProof({ stateRoot: new Uint8Array(32), proof: [], keys: [any('0x00')] }),
    ];
    for (const work of wrong) expect([String(work), await codeOf(work)]).toEqual([String(work), 'bad-value']);
    expect(await codeOf(() => openKeypair('//Alice', any('ecdsa')))).toBe('bad-key');
    expect(createMnemonic(24).split(' ').length).toBe(24);
  });
});
