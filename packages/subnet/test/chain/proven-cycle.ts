import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileStore, type ArtifactStore } from '@connito/artifacts';
import { addStake, burnedRegister, connectChain, hotkeyToBytes, openKeypair, phaseWindow, readNeurons, registerNetwork, setCommitment, startCall, type Chain, type Keypair } from '@connito/chain';
import { deriveBeaconKey, encodeRecord, encodeSheet, fromHex, sha256, signRound, toHex, type ChainRecord } from '@connito/commit-reveal';
import { startLocalnet } from '@connito/localnet';
import type { AgentReport } from '../../src/agent-event.ts';
import { keepChainEvidence } from '../../src/chain-evidence.ts';
import { readPhaseSnapshot, type PhaseSnapshot } from '../../src/chain-reader.ts';
import { encodeCycleRecord, type CycleRecord, type RecordedBlock } from '../../src/cycle-record.ts';
import { artifactOf } from '../../src/merge-cycle.ts';
import { beaconTimesOf } from '../../src/moment.ts';
import { minersHashOf } from '../../src/sheets.ts';
import { beaconOf, encodeTaskManifest, hashTaskManifest, scheduleOf, type TaskManifest } from '../../src/task-manifest.ts';
import { exampleManifest } from '../example-manifest.ts';

/** A cycle that was played on a localnet, which is gone; the store has manifest, sheets, record, and the evidence that a validator kept. */
export interface ProvenCycle {
  readonly directory: string;
  readonly storeDirectory: string;
  readonly store: ArtifactStore;
  readonly manifest: Uint8Array;
  readonly sheets: readonly Uint8Array[];
  readonly record: Uint8Array;
  readonly publishBlock: string;
  /** What the keeper has reported, also where it asked a node without proofs, and where its state directory is none. */
  readonly reports: readonly AgentReport[];
  /** Snapshots as a node gave them. */
  readonly read: Readonly<Record<'commit' | 'score' | 'publish', PhaseSnapshot>>;
  remove(): void;
}

const [owner, miner, ...validators] = ['//owner', '//miner', '//one', '//two'].map((uri) => openKeypair(uri)) as [Keypair, Keypair, Keypair, Keypair];
const alice = openKeypair('//Alice');
const PHASE_MS = 240_000;
const cycle = 0;

/** Plays cycle 0 of the example's task by hand: one update, two sheets, two roots. */
export async function playProvenCycle(seed: string): Promise<ProvenCycle> {
  const directory = mkdtempSync(join(tmpdir(), 'connito-evidence-'));
  const localnet = await startLocalnet({ seed, port: 0, instantSeal: true, intervalMs: 60_000, beaconPeriodMs: 86_400_000 });
  const chain = await connectChain({ endpoint: localnet.endpoint });
  try {
    return await play(chain, directory);
  } finally {
    await chain.close();
    await localnet.close();
  }
}

async function play(chain: Chain, directory: string): Promise<ProvenCycle> {
  const netuid = await openSubnet(chain);
  const key = deriveBeaconKey(new TextEncoder().encode('proven-cycle'));
  const manifest = await manifestFor(chain, netuid, toHex(key.publicKey));
  const timetable = { schedule: scheduleOf(manifest), beacon: beaconOf(manifest) };
  const storeDirectory = join(directory, 'store');
  const store = await openFileStore(storeDirectory);
  const manifestBytes = encodeTaskManifest(manifest);
  const taskHash = hashTaskManifest(manifestBytes);
  const commitAs = (signer: Keypair, record: ChainRecord): Promise<unknown> => setCommitment(chain, { netuid, fields: encodeRecord(record), signer });
  const endOf = async (phase: 'commit' | 'score' | 'publish'): Promise<PhaseSnapshot> => {
    while ((await chain.finalisedHead()).timestampMs < phaseWindow(timetable.schedule, cycle, phase).endMs) await chain.request('localnet_seal', [1]);
    return readPhaseSnapshot({ chain, manifest, timetable }, cycle, phase);
  };

  await commitAs(miner, { kind: 'update', cycle, commitment: new Uint8Array(32).fill(1), locator: '', artifactSha256: new Uint8Array(32).fill(2), sizeBytes: 77 });
  const commit = await endOf('commit');
  const sheets = validators.map(({ hotkey }) =>
    encodeSheet({ hotkey: hotkeyToBytes(hotkey), netuid, cycle, minersHash: minersHashOf(commit.neurons), baseRoot: fromHex(base.root), entries: commit.neurons.map((neuron) => (neuron.hotkey === miner.hotkey ? { score: 0.5 } : { code: 'absent' })) }),
  );
  for (const [index, validator] of validators.entries()) await commitAs(validator, { kind: 'sheet', cycle, sheetSha256: sha256(sheets[index] as Uint8Array) });
  const score = await endOf('score');
  const pulse = ({ round }: { readonly round: number }): CycleRecord['pulses']['r1'] => ({ round, signature: toHex(signRound(key.secretKey, round)) });
  const { r1, r2 } = beaconTimesOf(timetable, cycle);
  const uid = commit.neurons.findIndex(({ hotkey }) => hotkey === miner.hotkey);
  const record = encodeCycleRecord({
    format: 'connito/cycle-record/v1',
    genesis: manifest.genesis,
    netuid,
    cycle,
    taskHash: toHex(taskHash),
    snapshots: { commit: recorded(commit), score: recorded(score) },
    pulses: { r1: pulse(r1), r2: pulse(r2) },
    base,
    miners: commit.neurons.map((neuron) => ({ uid: neuron.uid, hotkey: neuron.hotkey, artifact: artifactOf(commit, cycle, neuron.uid) })),
    sheets: score.neurons.flatMap(({ hotkey, stakeRao }) => {
      const index = validators.findIndex((validator) => validator.hotkey === hotkey);
      return index < 0 ? [] : [{ hotkey, stakeRao: String(stakeRao), sha256: toHex(sha256(sheets[index] as Uint8Array)) }];
    }),
    medians: commit.neurons.map((neuron) => ({ uid: neuron.uid, score: neuron.uid === uid ? 0.5 : 0 })),
    participants: [uid],
    step: 'manifest',
    accepted: true,
    version: next,
  });
  const reports: AgentReport[] = [];
  const keeper = { chain, manifest, timetable, store, stateDirectory: directory, report: (report: AgentReport) => void reports.push(report) };
  await keepChainEvidence(keeper, cycle, ['commit', 'score']);
  for (const validator of validators) await commitAs(validator, { kind: 'root', cycle, mergedRoot: fromHex(next.root), gateAccepted: true, taskHash, recordHash: sha256(record) });
  const publish = await endOf('publish');
  await keepChainEvidence({ ...keeper, chain: { ...chain, hasMethod: () => false } }, cycle, ['publish']);
  await keepChainEvidence({ ...keeper, stateDirectory: join(directory, 'cycles', '0', 'evidence.json') }, cycle, ['publish']);
  await keepChainEvidence(keeper, cycle, ['publish']);
  for (const bytes of [manifestBytes, record, ...sheets]) await store.put(bytes);
  return { directory, storeDirectory, store, manifest: manifestBytes, sheets, record, publishBlock: publish.block.blockHash, reports, read: { commit, score, publish }, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

const base = { number: 0, root: 'aa'.repeat(32), artifact: null };
const next = { number: 1, root: 'bb'.repeat(32), artifact: { sha256: 'bc'.repeat(32), sizeBytes: 10 } };

function recorded({ block }: PhaseSnapshot): RecordedBlock {
  return { number: block.blockNumber, hash: block.blockHash.slice(2) };
}

async function openSubnet(chain: Chain): Promise<number> {
  const { netuid } = await registerNetwork(chain, { hotkey: owner.hotkey, signer: alice });
  await startCall(chain, { netuid, signer: alice });
  for (const { hotkey } of [miner, ...validators]) await burnedRegister(chain, { netuid, hotkey, signer: alice });
  for (const { hotkey } of validators) await addStake(chain, { netuid, hotkey, amountRao: 100_000_000_000n, tolerance: 'none', signer: alice });
  const permitted = async (): Promise<boolean> => (await readNeurons(chain, { netuid })).filter(({ validatorPermit, hotkey }) => validatorPermit && validators.some((validator) => validator.hotkey === hotkey)).length === validators.length;
  for (let n = 0; n < 100 && !(await permitted()); n += 1) await chain.request('localnet_seal', [10]);
  return netuid;
}

/** The commit phase begins with the next block. */
async function manifestFor(chain: Chain, netuid: number, publicKey: string): Promise<TaskManifest> {
  const { timestampMs } = await chain.finalisedHead();
  const schedule = { t0Ms: timestampMs - 2 * PHASE_MS, distributeMs: PHASE_MS, trainMs: PHASE_MS, commitMs: PHASE_MS, scoreMs: PHASE_MS, publishMs: PHASE_MS };
  return { ...exampleManifest, netuid, genesis: toHex(chain.genesisHash), schedule, beacon: { ...exampleManifest.beacon, publicKey } };
}
