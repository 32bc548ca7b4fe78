import { describe, expect, it } from 'vitest';
import { hotkeyToBytes, openKeypair, type Neuron } from '@connito/chain';
import { deriveBeaconKey, encodeSheet, fromHex, sha256, signRound, toHex, type ChainRecord, type SheetEntry } from '@connito/commit-reveal';
import type { PhaseSnapshot } from '../src/chain-reader.ts';
import { encodeCycleRecord, type CycleRecord } from '../src/cycle-record.ts';
import { beaconTimesOf } from '../src/moment.ts';
import { minersHashOf } from '../src/sheets.ts';
import { beaconOf, encodeTaskManifest, hashTaskManifest, scheduleOf, type TaskManifest } from '../src/task-manifest.ts';
import { verifyCycle, type CycleCheckName, type CycleEvidence } from '../src/verify-cycle.ts';
import { exampleManifest } from './example-manifest.ts';

const key = deriveBeaconKey(new TextEncoder().encode('verify'));
const manifest: TaskManifest = { ...exampleManifest, beacon: { ...exampleManifest.beacon, publicKey: toHex(key.publicKey) } };
const manifestBytes = encodeTaskManifest(manifest);
const taskHash = hashTaskManifest(manifestBytes);
const cycle = 1;
const { r1, r2 } = beaconTimesOf({ schedule: scheduleOf(manifest), beacon: beaconOf(manifest) }, cycle);
const base = { number: 4, root: 'aa'.repeat(32), artifact: { sha256: 'ab'.repeat(32), sizeBytes: 10 } };
const next = { number: 5, root: 'bb'.repeat(32), artifact: { sha256: 'bc'.repeat(32), sizeBytes: 10 } };

const neuron = (uid: number, name: string, stakeRao: bigint) => ({ uid, hotkey: openKeypair(name).hotkey, stakeRao, validatorPermit: stakeRao > 0n }) as Neuron;
const validators = [neuron(0, '//Alice', 30n), neuron(1, '//Bob', 30n), neuron(2, '//Charlie', 30n)];
const miners = [neuron(3, '//Dave', 0n), neuron(4, '//Eve', 0n), neuron(5, '//Ferdie', 0n)];
const neurons = [...validators, ...miners];
const entries = (...scores: readonly number[]): SheetEntry[] => [{ code: 'absent' }, { code: 'absent' }, { code: 'absent' }, ...scores.map((score) => ({ score }))];
const sheetOf = (author: Neuron, scores: readonly number[]) => encodeSheet({ hotkey: hotkeyToBytes(author.hotkey), netuid: manifest.netuid, cycle, minersHash: minersHashOf(neurons), baseRoot: fromHex(base.root), entries: entries(...scores) });
/** Medians of 0.5, 0.25 and 0 for uids 3 to 5; Charlie's sheet is the odd one. */
const sheets = [sheetOf(validators[0] as Neuron, [0.5, 0.25, 0]), sheetOf(validators[1] as Neuron, [0.5, 0.25, 0]), sheetOf(validators[2] as Neuron, [0, 1, 1])];
const block = (blockNumber: number) => ({ blockHash: `0x${String(blockNumber).padStart(64, '0')}`, blockNumber, timestampMs: 1 });
const recorded = (number: number) => ({ number, hash: String(number).padStart(64, '0') });
const artifactOf = (uid: number) => (uid < 3 || uid === 5 ? null : String(uid).repeat(64));

const record: CycleRecord = {
  format: 'connito/cycle-record/v1',
  genesis: manifest.genesis,
  netuid: manifest.netuid,
  cycle,
  taskHash: toHex(taskHash),
  snapshots: { commit: recorded(70), score: recorded(90) },
  pulses: { r1: { round: r1.round, signature: toHex(signRound(key.secretKey, r1.round)) }, r2: { round: r2.round, signature: toHex(signRound(key.secretKey, r2.round)) } },
  base,
  miners: neurons.map(({ uid, hotkey }) => ({ uid, hotkey, artifact: artifactOf(uid) })),
  sheets: validators.map(({ hotkey, stakeRao }, index) => ({ hotkey, stakeRao: String(stakeRao), sha256: toHex(sha256(sheets[index] as Uint8Array)) })),
  medians: [0, 1, 2].map((uid) => ({ uid, score: 0 })).concat([{ uid: 3, score: 0.5 }, { uid: 4, score: 0.25 }, { uid: 5, score: 0 }]),
  participants: [3, 4],
  step: 'manifest',
  accepted: true,
  version: next,
};

const author = (who: Neuron, written: ChainRecord) => ({ neuron: who, record: written });
const sheetRecords = validators.map((who, index) => author(who, { kind: 'sheet', cycle, sheetSha256: sha256(sheets[index] as Uint8Array) }));
const rootRecord = (value: CycleRecord): ChainRecord => ({ kind: 'root', cycle, mergedRoot: fromHex(value.version.root), gateAccepted: value.accepted, taskHash, recordHash: sha256(encodeCycleRecord(value)) });

function snapshotsOf(value: CycleRecord): Required<NonNullable<CycleEvidence['snapshots']>> {
  const updates = miners.filter(({ uid }) => artifactOf(uid) !== null).map((who) => author(who, { kind: 'update', cycle, commitment: new Uint8Array(32), locator: '', artifactSha256: fromHex(artifactOf(who.uid) as string), sizeBytes: 1 }));
  const commit: PhaseSnapshot = { block: block(70), neurons, authored: updates };
  return { commit, score: { block: block(90), neurons, authored: sheetRecords }, publish: { block: block(99), neurons, authored: validators.slice(0, 2).map((who) => author(who, rootRecord(value))) } };
}

interface Change {
  readonly record?: Partial<CycleRecord>;
  readonly evidence?: Partial<CycleEvidence>;
  readonly snapshots?: Partial<Required<NonNullable<CycleEvidence['snapshots']>>>;
}

/** The checks that fail when this is changed. */
function failing({ record: changes = {}, evidence = {}, snapshots = {} }: Change): readonly CycleCheckName[] {
  const value = { ...record, ...changes };
  const { checks, isSound } = verifyCycle({ record: encodeCycleRecord(value), manifest: manifestBytes, sheets, snapshots: { ...snapshotsOf(value), ...snapshots }, ...evidence });
  const names = checks.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name);
  expect(isSound).toBe(names.length === 0);
  return names;
}

const withFirst = <T>(list: readonly T[], change: Partial<T>): T[] => list.map((each, index) => (index === 0 ? { ...each, ...change } : each));

describe('verifying a cycle', () => {
  it('derives everything again from the bytes', () => {
    const { checks, isSound } = verifyCycle({ record: encodeCycleRecord(record), manifest: manifestBytes, sheets: sheets.toReversed(), snapshots: snapshotsOf(record) });
    expect(checks.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(checks.map(({ name }) => `${name} passed`));
    expect(isSound).toBe(true);
    expect(checks).toHaveLength(12);
  });

  it('names what it cannot check', () => {
    const outcomes = (evidence: Partial<CycleEvidence>) => verifyCycle({ record: encodeCycleRecord(record), manifest: manifestBytes, ...evidence }).checks.filter(({ outcome }) => outcome === 'unchecked').map(({ name }) => name);
    expect(outcomes({ sheets })).toEqual(['miners', 'counted-sheets', 'quorum', 'majority']);
    expect(outcomes({ snapshots: snapshotsOf(record) })).toEqual(['sheets', 'medians', 'participants']);
    expect(outcomes({ sheets: sheets.slice(1), snapshots: snapshotsOf(record) })).toEqual(['sheets', 'medians', 'participants']);
  });

  it.each<readonly [string, Change, readonly CycleCheckName[]]>([
    ['another encoding', { evidence: { record: new TextEncoder().encode(JSON.stringify(record)) } }, ['bytes', 'majority']],
    ['another task', { evidence: { manifest: encodeTaskManifest({ ...manifest, name: 'other' }) } }, ['task']],
    ['another subnet', { record: { netuid: 9 } }, ['task']],
    ['a cycle that the task has not', { record: { cycle: 2 } }, ['task', 'rounds', 'sheets', 'medians', 'participants', 'miners', 'counted-sheets', 'majority']],
    ['other rounds', { record: { pulses: { ...record.pulses, r1: record.pulses.r2 } } }, ['rounds']],
    ['a forged signature', { record: { pulses: { ...record.pulses, r2: { round: r2.round, signature: record.pulses.r1.signature } } } }, ['signatures']],
    ['a sheet of somebody else', { record: { sheets: withFirst(record.sheets, { sha256: record.sheets[1]?.sha256 ?? '' }) } }, ['sheets', 'medians', 'participants', 'counted-sheets']],
    ['a validator twice', { record: { sheets: [...record.sheets, ...record.sheets.slice(0, 1)] } }, ['sheets', 'medians', 'participants', 'counted-sheets', 'quorum', 'majority']],
    ['medians that the sheets do not give', { record: { medians: [...record.medians.slice(0, 5), { uid: 5, score: 1 }] } }, ['medians']],
    ['participants in another order', { record: { participants: [4, 3] } }, ['participants']],
    ['a participant too few', { record: { participants: [3] } }, ['participants']],
    ['a step without acceptance', { record: { accepted: false } }, ['version']],
    ['a version that skips one', { record: { version: { ...next, number: 6 } } }, ['version']],
    ['an accepted version that is its base', { record: { version: { ...next, root: base.root } } }, ['version']],
    ['miners that were not there', { snapshots: { commit: { block: block(70), neurons: neurons.slice(1), authored: [] } } }, ['miners']],
    ['another block', { record: { snapshots: { commit: recorded(71), score: recorded(91) } } }, ['miners', 'counted-sheets', 'quorum']],
    ['more stake than there was', { record: { sheets: withFirst(record.sheets, { stakeRao: '31' }) } }, ['counted-sheets']],
    ['a sheet that counts left out', { record: { sheets: record.sheets.slice(0, 2), medians: record.medians, participants: [3, 4] } }, ['counted-sheets']],
    ['a sheet that was never committed', { snapshots: { score: { block: block(90), neurons, authored: sheetRecords.slice(1) } } }, ['counted-sheets']],
    ['no majority of roots', { snapshots: { publish: { block: block(99), neurons, authored: [author(validators[0] as Neuron, rootRecord(record))] } } }, ['majority']],
    ['a majority for another record', { snapshots: { publish: snapshotsOf({ ...record, participants: [] }).publish } }, ['majority']],
    ['hotkeys that are none', { record: { miners: withFirst(record.miners, { hotkey: 'x'.repeat(48) }) } }, ['sheets', 'medians', 'participants', 'miners', 'counted-sheets']],
  ])('finds %s', (_what, change, names) => {
    expect(failing(change)).toEqual(names);
  });

  it('finds that there was no quorum', () => {
    const silent = neuron(6, '//One', 1_000n);
    const score = { block: block(90), neurons: [...neurons, silent], authored: [...sheetRecords, author(silent, { kind: 'sheet', cycle: cycle - 1, sheetSha256: new Uint8Array(32) })] };
    expect(failing({ snapshots: { score } })).toEqual(['quorum']);
  });

  it('throws for bytes that are no record or no manifest', () => {
    expect(() => verifyCycle({ record: new Uint8Array(3), manifest: manifestBytes })).toThrow(expect.objectContaining({ code: 'invalid-record' }));
    expect(() => verifyCycle({ record: encodeCycleRecord(record), manifest: new Uint8Array(3) })).toThrow(expect.objectContaining({ code: 'invalid-manifest' }));
  });
});
