import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileStore, type ArtifactStore } from '@connito/artifacts';
import { openKeypair } from '@connito/chain';
import { fromHex } from '@connito/commit-reveal';
import { createUpdateCompressor, type ExpertWeights } from '@connito/moe-core';
import type { AgentReport } from '../src/agent-event.ts';
import type { RoleContext } from '../src/context.ts';
import { executeMinerEffect } from '../src/miner-effects.ts';
import { openUpdate } from '../src/open-update.ts';
import { compressWithResidual, residualDirectory } from '../src/residual.ts';
import { beaconOf, genesisOf, scheduleOf } from '../src/task-manifest.ts';
import { commitmentFor, decodeUpdate } from '../src/update-artifact.ts';
import type { TopKUpdateRules } from '../src/update-rules.ts';
import { exampleManifest } from './example-manifest.ts';

const rules: TopKUpdateRules = { encoding: 'top-k', chunkSize: 8, keep: 2, valueBits: 2, decay: 0.95 };
const manifest = { ...exampleManifest, update: rules };
/** Another update for every cycle. */
const updateOf = (cycle: number, size = 20): ExpertWeights => new Map([['w', { shape: [size], data: Float32Array.from({ length: size }, (_, i) => Math.sin(1 + i * (cycle + 1)) / 4) }]]);

let stateDirectory = '';
let reports: AgentReport[] = [];
let task = new Uint8Array(32);
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'connito-residual-'));
  reports = [];
  task = new Uint8Array(32);
});
afterEach(() => rmSync(stateDirectory, { recursive: true, force: true }));

const context = () => ({ stateDirectory, taskHash: task, report: (report: AgentReport) => void reports.push(report) });
const compress = (cycle: number, update = updateOf(cycle)) => compressWithResidual(context(), rules, { cycle, update });
const kept = () => readdirSync(residualDirectory({ stateDirectory })).toSorted();
const decode = async (bytes: Uint8Array) => (await decodeUpdate(bytes, { manifest, start: updateOf(0) })).update;

/** What one compressor without interruption sends in cycle after cycle. */
function sendAll(cycles: readonly number[]): Promise<ExpertWeights>[] {
  const compressor = createUpdateCompressor(rules);
  return cycles.map((cycle) => decode(compressor.compress(updateOf(cycle))));
}

describe('compressWithResidual', () => {
  it('carries over what was not sent, across cycles and gaps', async () => {
    const cycles = [0, 1, 4];
    const sent = [];
    for (const cycle of cycles) sent.push(await decode((await compress(cycle)).bytes));
    expect(sent).toEqual(await Promise.all(sendAll(cycles)));
    expect(kept()).toEqual(['1.safetensors', '4.safetensors']);
    expect(reports).toEqual([]);
  });

  it('comes to the same artifact again after an interruption', async () => {
    await compress(0);
    await compress(1);
    const first = await compress(2);
    expect(await compress(2)).toEqual(first);
    // Killed before its own residual was written: the same values under another salt.
    rmSync(join(residualDirectory({ stateDirectory }), '2.safetensors'));
    const again = await compress(2);
    expect(again.updateRoot).toEqual(first.updateRoot);
    expect(await decode(again.bytes)).toEqual(await decode(first.bytes));
  });

  it.each<[string, () => void, number?]>([
    ['torn', () => writeFileSync(join(residualDirectory({ stateDirectory }), '0.safetensors'), 'torn')],
    ['damaged in a value', () => flipLastByte(join(residualDirectory({ stateDirectory }), '0.safetensors'))],
    ['of another task', () => void (task = new Uint8Array(32).fill(1))],
    ['of other shapes', () => {}, 21],
  ])('starts without a residual that is %s, and says so', async (_what, spoil, size = 20) => {
    await compress(0);
    spoil();
    const update = updateOf(1, size);
    const { bytes } = await compress(1, update);
    const { update: sent } = await decodeUpdate(bytes, { manifest, start: update });
    const fresh = await decodeUpdate(createUpdateCompressor(rules).compress(update), { manifest, start: update });
    expect(sent).toEqual(fresh.update);
    expect(reports).toEqual([{ kind: 'notice', message: expect.stringContaining('residual of cycle 0 is left out') as string }]);
  });

  it('does not take a salt over that was public in another task', async () => {
    const { salt } = await compress(0);
    task = new Uint8Array(32).fill(1);
    expect((await compress(0)).salt).not.toEqual(salt);
  });
});

describe('a cycle with compressed updates', () => {
  it('is opened by who reads the manifest', async () => {
    const [store, ownStore]: ArtifactStore[] = [await openFileStore(join(stateDirectory, 'shared')), await openFileStore(join(stateDirectory, 'own'))];
    const start = updateOf(7);
    const { hotkey } = openKeypair('//Bob');
    const timetable = { schedule: scheduleOf(manifest), beacon: beaconOf(manifest) };
    const chain = { finalisedHead: () => Promise.resolve({ number: 1, hash: '0x', timestampMs: 0 }) };
    const version = { number: 0, root: 'aa'.repeat(32), artifact: null };
    const miner = { ...context(), chain, timetable, manifest, store, ownStore, versions: { load: () => Promise.resolve({ version, weights: start, velocity: null }) } } as unknown as RoleContext;
    const strategy = () => Promise.resolve({ update: updateOf(0), steps: 1, loss: 1 });
    const event = await executeMinerEffect(miner, strategy, { kind: 'train', cycle: 0, version });
    if (event.kind !== 'trained' || !event.update) throw new TypeError('nothing was trained');
    const { update } = event;
    await executeMinerEffect(miner, strategy, { kind: 'upload', cycle: 0, update });
    const commitment = commitmentFor({ genesis: genesisOf(manifest), netuid: manifest.netuid, cycle: 0, hotkey }, { salt: fromHex(update.salt), updateRoot: fromHex(update.updateRoot) });
    const record = { kind: 'update', cycle: 0, commitment, locator: '', artifactSha256: fromHex(update.sha256), sizeBytes: update.sizeBytes } as const;
    const opened = await openUpdate({ store: store!, manifest, cycle: 0, hotkey, record, start });
    expect('update' in opened && opened.update).toEqual(await sendAll([0])[0]);
    expect(await executeMinerEffect(miner, strategy, { kind: 'train', cycle: 0, version })).toEqual(event);
  });
});

function flipLastByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
}
