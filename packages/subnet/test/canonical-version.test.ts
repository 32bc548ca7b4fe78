import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openFileStore, type ArtifactStore } from '@connito/artifacts';
import { hotkeyToBytes, openKeypair, type Neuron } from '@connito/chain';
import { encodeSheet, fromHex, sha256, type ChainRecord } from '@connito/commit-reveal';
import { resolveVersion } from '../src/canonical-version.ts';
import { readPhaseSnapshot, type AuthoredRecord, type PhaseSnapshot } from '../src/chain-reader.ts';
import type { RoleContext } from '../src/context.ts';
import { encodeCycleRecord, type CycleRecord, type KnownVersion, type ModelVersion } from '../src/cycle-record.ts';
import { minersHashOf, quorumStake } from '../src/sheets.ts';
import { exampleManifest } from './example-manifest.ts';

vi.mock('../src/chain-reader.ts', async (importOriginal) => ({ ...(await importOriginal<object>()), readPhaseSnapshot: vi.fn<typeof readPhaseSnapshot>() }));

const base: ModelVersion = { number: 0, root: 'aa'.repeat(32), artifact: null };
const next: ModelVersion = { number: 1, root: 'bb'.repeat(32), artifact: { sha256: 'cc'.repeat(32), sizeBytes: 10 } };
const taskHash = new Uint8Array(32).fill(4);

const neuron = (uid: number, name: string, stakeRao: bigint, validatorPermit = true) => ({ uid, hotkey: openKeypair(name).hotkey, stakeRao, validatorPermit }) as Neuron;
const big = neuron(0, '//Alice', 60n);
const small = neuron(1, '//Bob', 40n);
const neurons = [big, small];

let directory = '';
let store: ArtifactStore;
let context: RoleContext;
/** What `readPhaseSnapshot` answers, by "cycle phase". */
let chain: Map<string, PhaseSnapshot>;
let asked: string[];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'connito-canonical-'));
  store = await openFileStore(join(directory, 'shared'));
  context = { store, ownStore: await openFileStore(join(directory, 'own')), manifest: exampleManifest, taskHash, ownerHotkey: 'nobody', versions: { base } } as unknown as RoleContext;
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  chain = new Map();
  asked = [];
  vi.mocked(readPhaseSnapshot).mockImplementation((_context, cycle, phase) => {
    const name = `${cycle} ${phase}`;
    asked.push(name);
    const found = chain.get(name) ?? snapshot([]);
    return Promise.resolve(found);
  });
});

function snapshot(authored: readonly AuthoredRecord[]): PhaseSnapshot {
  return { block: { blockHash: `0x${'00'.repeat(32)}`, blockNumber: 1, timestampMs: 1 }, neurons, authored };
}

async function sheetOf(author: Neuron, cycle: number): Promise<AuthoredRecord> {
  const { sha256: hash } = await store.put(encodeSheet({ hotkey: hotkeyToBytes(author.hotkey), netuid: exampleManifest.netuid, cycle, minersHash: minersHashOf(neurons), baseRoot: fromHex(base.root), entries: [] }));
  return { neuron: author, record: { kind: 'sheet', cycle, sheetSha256: fromHex(hash) } };
}

async function rootOf(author: Neuron, cycle: number, version = next): Promise<AuthoredRecord> {
  const record: CycleRecord = {
    format: 'connito/cycle-record/v1',
    genesis: exampleManifest.genesis,
    netuid: exampleManifest.netuid,
    cycle,
    taskHash: '04'.repeat(32),
    snapshots: { commit: { number: 1, hash: '00'.repeat(32) }, score: { number: 2, hash: '00'.repeat(32) } },
    pulses: { r1: { round: 1, signature: '00'.repeat(48) }, r2: { round: 2, signature: '00'.repeat(48) } },
    base,
    miners: [],
    sheets: [],
    medians: [],
    participants: [],
    step: 'manifest',
    accepted: true,
    version,
  };
  const bytes = encodeCycleRecord(record);
  await store.put(bytes);
  return { neuron: author, record: { kind: 'root', cycle, mergedRoot: fromHex(version.root), gateAccepted: true, taskHash, recordHash: sha256(bytes) } };
}

const standing = (author: Neuron, cycle: number): AuthoredRecord => ({ neuron: author, record: { kind: 'root', cycle } as ChainRecord });
const resolve = (cycle: number, known: KnownVersion | null = null) => resolveVersion(context, cycle, known);

describe('resolveVersion', () => {
  it('follows the majority of counted stake', async () => {
    chain.set('0 score', snapshot([await sheetOf(big, 0), await sheetOf(small, 0)]));
    chain.set('0 publish', snapshot([await rootOf(big, 0), await rootOf(small, 0, { ...next, root: 'dd'.repeat(32) })]));
    expect(await resolve(1)).toMatchObject({ version: next, record: { cycle: 0 } });
  });

  it('stays where a minority of those who worked lately is alone', async () => {
    chain.set('1 score', snapshot([standing(big, 0), await sheetOf(small, 1)]));
    chain.set('1 publish', snapshot([standing(big, 0), await rootOf(small, 1)]));
    expect(await resolve(2)).toEqual({ version: base, record: null });
  });

  it('goes on without who has been silent for longer than the quorum remembers', async () => {
    chain.set('4 score', snapshot([standing(big, 0), await sheetOf(small, 4)]));
    chain.set('4 publish', snapshot([standing(big, 0), await rootOf(small, 4)]));
    expect(await resolve(5)).toMatchObject({ version: next });
  });

  it('does not read what it knows already', async () => {
    expect(await resolve(9, { cycle: 8, version: next })).toEqual({ version: next, record: null });
    expect(new Set(asked.map((name) => name.split(' ')[0]))).toEqual(new Set(['8']));
  });
});

describe('quorumStake', () => {
  it('leaves out who has no permit, no record of the task, or an old one', () => {
    const without = neuron(2, '//Charlie', 1_000n, false);
    const authored = [standing(big, 5), standing(small, 1), standing(without, 5), { neuron: neuron(3, '//Dave', 7n), record: null }];
    expect(quorumStake({ authored }, 5)).toBe(60n);
  });
});
