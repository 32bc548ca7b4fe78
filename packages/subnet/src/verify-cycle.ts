/**
 * Verifying a past cycle offline: what a cycle record says is derived again from bytes that are at hand, and compared.
 *
 * Needed are the record and the task manifest. Sheets show medians and participants. Snapshots of the phases, from the caller's journal, an archive node or storage proofs that it has
 * checked, show that those are the sheets and miners that stood on chain, that there was a quorum, and that a majority committed this record. What the given bytes cannot
 * show is named as `unchecked` and never passed over. The gate's outcome is a vote (DESIGN §3.4.6): it is checked as a vote, not measured again.
 *
 * @module
 */
import { isChainError, phaseWindow } from '@connito/chain';
import { decodeSheet, equalBytes, fromHex, isCommitRevealError, sha256, toHex, verifyPulse, type Sheet } from '@connito/commit-reveal';
import { medianScores } from '@connito/pol-scoring';
import { majorityRoot } from './canonical-version.ts';
import type { PhaseSnapshot, SnapshotPhase } from './chain-reader.ts';
import { encodeCycleRecord, parseCycleRecord, type CycleRecord } from './cycle-record.ts';
import { artifactOf, rankPaid } from './merge-cycle.ts';
import { beaconTimesOf } from './moment.ts';
import { matchesSheet, minersHashOf, quorumStake, sheetCandidates, totalStake, type CountedSheet } from './sheets.ts';
import { beaconOf, hashTaskManifest, parseTaskManifest, scheduleOf, type TaskManifest } from './task-manifest.ts';

/** What somebody has of a past cycle. */
export interface CycleEvidence {
  /** The record's bytes. */
  readonly record: Uint8Array;
  /** The task manifest's bytes. */
  readonly manifest: Uint8Array;
  /** Sheets, in any order; others than the record's do no harm. */
  readonly sheets?: Iterable<Uint8Array>;
  /** State at the ends of phases, of which the caller is sure: read from a node of its own, or proven (`openChainEvidence`). */
  readonly snapshots?: Partial<Readonly<Record<SnapshotPhase, PhaseSnapshot>>>;
}

/** What is checked, in this order. */
export type CycleCheckName = 'bytes' | 'task' | 'rounds' | 'signatures' | 'sheets' | 'medians' | 'participants' | 'version' | 'miners' | 'counted-sheets' | 'quorum' | 'majority';

/** One check; `detail` says what failed, or what is missing in order to check it. */
export interface CycleCheck {
  readonly name: CycleCheckName;
  readonly outcome: 'passed' | 'failed' | 'unchecked';
  readonly detail: string;
}

/** The record and how it fared. */
export interface CycleVerification {
  readonly record: CycleRecord;
  readonly checks: readonly CycleCheck[];
  /** Whether nothing failed. What was not checked stands in `checks`. */
  readonly isSound: boolean;
}

/**
 * Checks everything that the evidence can show.
 *
 * @throws SubnetError `invalid-record`, `invalid-manifest` for bytes that are none
 * @example verifyCycle({ record, manifest, sheets }).checks.filter(({ outcome }) => outcome === 'failed')
 */
export function verifyCycle(evidence: CycleEvidence): CycleVerification {
  const record = parseCycleRecord(evidence.record);
  const manifest = parseTaskManifest(evidence.manifest);
  const given = new Map([...(evidence.sheets ?? [])].map((bytes) => [toHex(sha256(bytes)), bytes]));
  const facts = { record, manifest, evidence, given, snapshots: evidence.snapshots ?? {} };
  const checks = Object.entries(CHECKS).map(([name, check]) => ({ name: name as CycleCheckName, ...outcomeOf(check, facts) }));
  return { record, checks, isSound: checks.every(({ outcome }) => outcome !== 'failed') };
}

interface Facts {
  readonly record: CycleRecord;
  readonly manifest: TaskManifest;
  readonly evidence: CycleEvidence;
  /** Sheets by hash. */
  readonly given: ReadonlyMap<string, Uint8Array>;
  readonly snapshots: NonNullable<CycleEvidence['snapshots']>;
}

/** Thrown by a check: what the record should have said, or what is missing. */
class Finding extends Error {
  readonly outcome: 'failed' | 'unchecked';

  constructor(outcome: 'failed' | 'unchecked', message: string) {
    super(message);
    this.outcome = outcome;
  }
}

function fail(message: string): never {
  throw new Finding('failed', message);
}

function missing(message: string): never {
  throw new Finding('unchecked', message);
}

/** A check returns what it has seen, or throws a {@link Finding}. */
type Check = (facts: Facts) => string;

function outcomeOf(check: Check, facts: Facts): Pick<CycleCheck, 'outcome' | 'detail'> {
  try {
    return { outcome: 'passed', detail: check(facts) };
  } catch (error) {
    if (error instanceof Finding) return { outcome: error.outcome, detail: error.message };
    // Addresses and sheets that are none: the record is at fault.
    if (isCommitRevealError(error) || isChainError(error)) return { outcome: 'failed', detail: error.message };
    throw error;
  }
}

const CHECKS: Readonly<Record<CycleCheckName, Check>> = {
  bytes({ record, evidence }) {
    if (!equalBytes(encodeCycleRecord(record), evidence.record)) fail('the bytes are not those that every validator would write of this record');
    return `SHA-256 ${toHex(sha256(evidence.record))}`;
  },
  task({ record, manifest, evidence }) {
    const taskHash = toHex(hashTaskManifest(evidence.manifest));
    if (record.taskHash !== taskHash) fail(`the record is of task ${record.taskHash}, the manifest given is ${taskHash}`);
    if (record.genesis !== manifest.genesis || record.netuid !== manifest.netuid) fail(`the record is of subnet ${record.netuid} of chain ${record.genesis}, the task of subnet ${manifest.netuid} of ${manifest.genesis}`);
    if (record.cycle >= manifest.cycles) fail(`the record is of cycle ${record.cycle}, the task has ${manifest.cycles}`);
    return `cycle ${record.cycle} of ${manifest.name}`;
  },
  rounds({ record, manifest }) {
    const { r1, r2 } = beaconTimesOf({ schedule: scheduleOf(manifest), beacon: beaconOf(manifest) }, record.cycle);
    const { pulses } = record;
    if (pulses.r1.round !== r1.round || pulses.r2.round !== r2.round) fail(`the schedule's rounds are ${r1.round} and ${r2.round}, the record has ${pulses.r1.round} and ${pulses.r2.round}`);
    return `R1 is ${r1.round}, R2 is ${r2.round}`;
  },
  signatures({ record, manifest }) {
    for (const [name, { round, signature }] of Object.entries(record.pulses)) {
      if (!verifyPulse(beaconOf(manifest), { round, signature: fromHex(signature) })) fail(`the signature of ${name} is not the beacon's of round ${round}`);
    }
    return "both are the beacon's";
  },
  sheets(facts) {
    return `${readSheets(facts).length} sheets speak of these miners and this base`;
  },
  medians(facts) {
    const medians = derivedMedians(facts);
    const { record } = facts;
    if (JSON.stringify(medians) !== JSON.stringify(record.medians)) fail(`the sheets' medians are ${listScores(medians)}, the record has ${listScores(record.medians)}`);
    return `${medians.length} medians derived again`;
  },
  participants(facts) {
    const { record, manifest } = facts;
    const expected = rankPaid(derivedMedians(facts)).slice(0, manifest.merge.participants).map(({ uid }) => uid);
    if (expected.join() !== record.participants.join()) fail(`the best by median are uids ${expected.join(', ') || 'none'}, the record has ${record.participants.join(', ') || 'none'}`);
    for (const uid of expected) if (record.miners.find((miner) => miner.uid === uid)?.artifact === null) fail(`uid ${uid} takes part without having committed an update`);
    return expected.length === 0 ? 'nobody has a positive median' : `uids ${expected.join(', ')}, best first`;
  },
  version({ record: { accepted, step, base, version, participants } }) {
    if (accepted !== (step !== 'none')) fail(`step ${step} and accepted = ${accepted} contradict each other`);
    if (accepted && participants.length === 0) fail('a version was accepted without participants');
    if (version.number !== base.number + (accepted ? 1 : 0)) fail(`version ${version.number} cannot follow version ${base.number} when accepted = ${accepted}`);
    if (accepted && version.root === base.root) fail('an accepted version has the root of its base');
    return accepted ? `version ${version.number} by the step "${step}"` : `version ${base.number} stays`;
  },
  miners(facts) {
    const { record, snapshots: { commit } } = facts;
    if (commit === undefined) missing('no snapshot of the end of the commit phase was given');
    assertBlock('commit', commit, facts);
    const expected = commit.neurons.map(({ uid, hotkey }) => ({ uid, hotkey, artifact: artifactOf(commit, record.cycle, uid) }));
    if (JSON.stringify(expected) !== JSON.stringify(record.miners)) fail('miners or their artifacts are not those at the end of the commit phase');
    return `${expected.length} neurons as on chain at block ${record.snapshots.commit.number}`;
  },
  'counted-sheets'(facts) {
    const { record, manifest, given, snapshots: { score } } = facts;
    if (score === undefined) missing('no snapshot of the end of the score phase was given');
    assertBlock('score', score, facts);
    const expected = { cycle: record.cycle, minersHash: minersHashOf(record.miners), baseRoot: fromHex(record.base.root) };
    const recorded = new Map(sheetsOf(record).map((sheet) => [sheet.hotkey, sheet]));
    const unknown: string[] = [];
    for (const { neuron, sha256: hash } of sheetCandidates(score, record.cycle)) {
      const counted = recorded.get(neuron.hotkey);
      recorded.delete(neuron.hotkey);
      if (counted !== undefined && (counted.sha256 !== hash || counted.stakeRao !== String(neuron.stakeRao))) fail(`the sheet of ${neuron.hotkey} is ${hash} with ${neuron.stakeRao} rao on chain, the record has ${counted.sha256} with ${counted.stakeRao}`);
      if (counted !== undefined) continue;
      const sheet = decodeOrNull(given.get(hash));
      if (sheet === undefined) unknown.push(neuron.hotkey);
      else if (sheet !== null && matchesSheet(sheet, neuron.hotkey, { ...expected, netuid: manifest.netuid })) fail(`the sheet of ${neuron.hotkey} counts, and is not in the record`);
    }
    for (const hotkey of recorded.keys()) fail(`${hotkey} had no sheet that could count at the end of the score phase`);
    // A validator counts what it can fetch: that somebody's sheet was not to be had cannot be told afterwards.
    return unknown.length === 0 ? 'exactly those that stood on chain' : `as on chain; left out and not given here: ${unknown.join(', ')}`;
  },
  quorum(facts) {
    const { record, snapshots: { score } } = facts;
    if (score === undefined) missing('no snapshot of the end of the score phase was given');
    assertBlock('score', score, facts);
    const [counted, needed] = [totalStake(weighed(record)), quorumStake(score, record.cycle)];
    if (counted * 2n <= needed) fail(`sheets with ${counted} of ${needed} rao counted, which is no majority: the cycle is void`);
    return `${counted} of ${needed} rao`;
  },
  majority({ record, manifest, evidence, snapshots: { publish } }) {
    if (publish === undefined) missing('no snapshot of the end of the publish phase was given');
    assertInTime('publish', publish, { record, manifest });
    const root = majorityRoot(weighed(record), publish, { cycle: record.cycle, taskHash: fromHex(record.taskHash) });
    if (root === undefined) fail('no root has the votes of more than half of the counted stake: the version stays');
    if (!equalBytes(root.recordHash, sha256(evidence.record))) fail(`the majority committed record ${toHex(root.recordHash)}`);
    if (toHex(root.mergedRoot) !== record.version.root || root.gateAccepted !== record.accepted) fail('the majority committed another root, or another vote, with this record');
    return 'more than half of the counted stake committed this record';
  },
};

/** The record's sheets, decoded and each found to speak of this cycle. */
function readSheets({ record, manifest, given }: Facts): readonly CountedSheet[] {
  const expected = { cycle: record.cycle, netuid: manifest.netuid, minersHash: minersHashOf(record.miners), baseRoot: fromHex(record.base.root) };
  return sheetsOf(record).map(({ hotkey, stakeRao, sha256: hash }) => {
    const bytes = given.get(hash) ?? missing(`the sheet ${hash} of ${hotkey} was not given`);
    const sheet = decodeSheet(bytes);
    if (!matchesSheet(sheet, hotkey, expected)) fail(`the sheet ${hash} is not of ${hotkey}, this cycle, these miners and this base`);
    return { hotkey, stakeRao: BigInt(stakeRao), sha256: hash, entries: sheet.entries };
  });
}

function derivedMedians(facts: Facts): CycleRecord['medians'] {
  const uids = new Set(facts.record.miners.map(({ uid }) => uid));
  return medianScores(readSheets(facts)).filter(({ uid }) => uids.has(uid));
}

/** A stake that counts twice would make a majority of a minority. */
function sheetsOf({ sheets }: CycleRecord): CycleRecord['sheets'] {
  if (new Set(sheets.map(({ hotkey }) => hotkey)).size < sheets.length) fail('a validator has two sheets in the record');
  return sheets;
}

/** Stakes of the record's sheets, with nothing of what they say. */
function weighed(record: CycleRecord): readonly Pick<CountedSheet, 'hotkey' | 'stakeRao'>[] {
  return sheetsOf(record).map(({ hotkey, stakeRao }) => ({ hotkey, stakeRao: BigInt(stakeRao) }));
}

/** Undefined where the bytes are not at hand, null where they are no sheet. */
function decodeOrNull(bytes: Uint8Array | undefined): Sheet | null | undefined {
  try {
    return bytes && decodeSheet(bytes);
  } catch (error) {
    if (isCommitRevealError(error)) return null;
    throw error;
  }
}

/** The record names the block, and the task the time. */
function assertBlock(phase: 'commit' | 'score', snapshot: PhaseSnapshot, facts: Facts): void {
  const [{ block }, recorded] = [snapshot, facts.record.snapshots[phase]];
  if (block.blockNumber !== recorded.number || block.blockHash.replace(/^0x/, '') !== recorded.hash) {
    fail(`the ${phase} phase ended with block ${block.blockNumber} (${block.blockHash}), the record has ${recorded.number} (${recorded.hash})`);
  }
  assertInTime(phase, snapshot, facts);
}

function assertInTime(phase: SnapshotPhase, { block }: PhaseSnapshot, { record, manifest }: Pick<Facts, 'record' | 'manifest'>): void {
  const { endMs } = phaseWindow(scheduleOf(manifest), record.cycle, phase);
  if (block.timestampMs >= endMs) fail(`block ${block.blockNumber} is stamped ${block.timestampMs}, the ${phase} phase was over at ${endMs}`);
}

function listScores(scores: CycleRecord['medians']): string {
  return scores.map(({ uid, score }) => `${uid}: ${score}`).join(', ') || 'none';
}
