import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openFileStore } from '@connito/artifacts';
import { beaconTimes } from '@connito/chain';
import { deriveBeaconKey, signRound, toHex } from '@connito/commit-reveal';
import { beaconOf, encodeCycleRecord, encodeTaskManifest, scheduleOf, type CycleRecord, type TaskManifest } from '@connito/subnet';
import { exampleManifest } from '../../subnet/test/example-manifest.ts';
import { playProvenCycle, type ProvenCycle } from '../../subnet/test/chain/proven-cycle.ts';
import { connito } from './run-connito.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const key = deriveBeaconKey(new TextEncoder().encode('verify'));
const manifest: TaskManifest = { ...exampleManifest, beacon: { ...exampleManifest.beacon, publicKey: toHex(key.publicKey) } };
const directory = mkdtempSync(join(tmpdir(), 'connito-verify-'));
const store = ['--store', join(directory, 'store')];
let good = '';
let forged = '';

const pulse = (round: number) => ({ round, signature: toHex(signRound(key.secretKey, round)) });

/** A cycle in which nobody took part. */
function emptyRecord(taskHash: string): CycleRecord {
  const { r1, r2 } = beaconTimes(scheduleOf(manifest), beaconOf(manifest), 0);
  const base = { number: 0, root: 'aa'.repeat(32), artifact: null };
  const block = { number: 1, hash: '00'.repeat(32) };
  return { format: 'connito/cycle-record/v1', genesis: manifest.genesis, netuid: manifest.netuid, cycle: 0, taskHash, snapshots: { commit: block, score: block }, pulses: { r1: pulse(r1.round), r2: pulse(r2.round) }, base, miners: [], sheets: [], medians: [], participants: [], step: 'none', accepted: false, version: base };
}

beforeAll(async () => {
  const files = await openFileStore(join(directory, 'store'));
  const { sha256 } = await files.put(encodeTaskManifest(manifest));
  const record = emptyRecord(sha256);
  good = (await files.put(encodeCycleRecord(record))).sha256;
  forged = join(directory, 'forged.json');
  writeFileSync(forged, encodeCycleRecord({ ...record, pulses: { ...record.pulses, r2: record.pulses.r1 }, participants: [4] }));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('connito verify', () => {
  it('passes a record that holds, and names what it could not see', async () => {
    const { code, stdout, stderr } = await connito(['verify', good, ...store]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^CHECK +OUTCOME +SEEN/);
    expect(stdout).toMatch(/^signatures +passed/m);
    expect(stdout).toMatch(/^majority +unchecked +no snapshot of the end of the publish phase was given/m);
  });

  it('fails a record that does not, check by check', async () => {
    const { code, stdout, stderr } = await connito(['verify', forged, ...store, '--json']);
    expect([code, stderr]).toEqual([1, 'connito: The record of cycle 0 does not hold: rounds, participants\n']);
    expect(JSON.parse(stdout)).toMatchObject({ cycle: 0, isSound: false, checks: expect.arrayContaining([expect.objectContaining({ name: 'rounds', outcome: 'failed' })]) as unknown });
  });

  it('says what is missing', async () => {
    writeFileSync(join(directory, 'garbage'), 'no record');
    expect(await connito(['verify', join(directory, 'garbage'), ...store])).toMatchObject({ code: 3, stdout: '', stderr: expect.stringMatching(/no cycle record/) as unknown });
    expect(await connito(['verify', 'ab'.repeat(32), ...store])).toMatchObject({ code: 3, stdout: '' });
    expect(await connito(['verify', good, ...store, '--network', 'ws://127.0.0.1:1'])).toMatchObject({ code: 4, stdout: '' });
  });
});

describe('connito verify --evidence', () => {
  let played: ProvenCycle;
  beforeAll(async () => {
    played = await playProvenCycle('cli evidence');
    writeFileSync(join(played.directory, 'record'), played.record);
  }, 120_000);
  afterAll(() => played.remove());
  const verify = (...more: readonly string[]) => connito(['verify', join(played.directory, 'record'), '--store', played.storeDirectory, ...more]);

  it('passes every check without a chain', async () => {
    const index = join(played.directory, 'cycles', '0', 'evidence.json');
    const { code, stdout, stderr } = await verify('--evidence', index, '--publish-block', played.publishBlock);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.match(/^\S+ +passed/gm)).toHaveLength(12);
    expect(stdout).toMatch(/State was decoded with metadata [0-9a-f]{64}/);
  });

  it('says which block to look up', async () => {
    const kept = played.reports.findLast((report) => report.kind === 'evidence-kept');
    const { code, stdout } = await verify('--evidence', kept?.kind === 'evidence-kept' ? kept.sha256 : '');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^quorum +passed/m);
    expect(stdout).toMatch(/^majority +unchecked/m);
    expect(stdout).toContain(`block ${played.publishBlock} as the end of the publish phase`);
  });

  it('refuses what is no evidence, another block, and both sources at once', async () => {
    const index = join(played.directory, 'cycles', '0', 'evidence.json');
    expect(await verify('--evidence', join(played.directory, 'record'))).toMatchObject({ code: 3, stderr: expect.stringMatching(/no index of chain evidence/) as unknown });
    expect(await verify('--evidence', index, '--publish-block', 'ab'.repeat(32))).toMatchObject({ code: 3, stderr: expect.stringMatching(/end of the publish phase: .*expected the header of block/) as unknown });
    expect(await verify('--evidence', index, '--network', 'local')).toMatchObject({ code: 2 });
    expect(await verify('--publish-block', played.publishBlock)).toMatchObject({ code: 2 });
  });
});
