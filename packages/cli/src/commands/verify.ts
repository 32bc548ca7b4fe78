/**
 * `connito verify`: a past cycle, from its record and what stands in the artifact store; with evidence or a chain, from what stood on chain too.
 *
 * @module
 */
import { readFile, stat } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import type { ArtifactStore } from '@connito/artifacts';
import type { ChainEvidence, CycleCheck, CycleEvidence, CycleRecord, TaskManifest } from '@connito/subnet';
import { CliError } from '../cli-error.ts';
import { printable, wantsColor, type CliContext } from '../context.ts';
import { addNetworkOption, connectNetwork, type NetworkFlags } from '../network-options.ts';
import { describeUse } from '../options.ts';
import { createPaint, renderTable, type Cell } from '../terminal.ts';

interface VerifyFlags extends NetworkFlags {
  readonly store: string;
  readonly evidence?: string;
  readonly publishBlock?: string;
  readonly json?: true;
}

/** Adds `connito verify`. */
export function registerVerify(program: Command, context: CliContext): void {
  const command = addNetworkOption(
    program
      .command('verify')
      .description('Verify a past cycle: derive again what its record says, from the manifest and sheets in the store; what stood on chain from --evidence, without a connection, or from --network. Exits with 1 where a check fails; what cannot be checked is named.')
      .argument('<record>', "the record's SHA-256, as in a root on chain, or a file")
      .requiredOption('--store <directory>', 'the artifact store')
      .addOption(new Option('--evidence <index>', 'storage proofs that a validator kept: cycles/<n>/evidence.json of its state directory, or its SHA-256; the parts are in the store').conflicts('network'))
      .addOption(new Option('--publish-block <hash>', 'the block that the publish phase ended with, from a node or explorer that you trust: the record is older than that block and cannot name it')),
  ).action((record: string, flags: VerifyFlags) => verify(record, flags, context));
  describeUse(command, ['connito verify 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae --store artifacts/', 'connito verify record.json --store artifacts/ --evidence evidence.json', 'connito verify record.json --store artifacts/ --network archive']);
}

async function verify(place: string, flags: VerifyFlags, context: CliContext): Promise<void> {
  const { openFileStore } = await import('@connito/artifacts');
  const { MAX_MANIFEST_BYTES, MAX_RECORD_BYTES, parseCycleRecord, parseTaskManifest, verifyCycle } = await import('@connito/subnet');
  const store = await openFileStore(flags.store);
  const bytes = await readPlace(place, store, { maxBytes: MAX_RECORD_BYTES, what: 'A cycle record' });
  const record = parseCycleRecord(bytes);
  const manifest = await store.getBytes({ sha256: record.taskHash, maxBytes: MAX_MANIFEST_BYTES });
  const evidence = { record: bytes, manifest, sheets: await readSheets(record, store) };
  const kept = await readEvidence(flags, store);
  const snapshots = await gatherSnapshots(record, kept, { manifest: parseTaskManifest(manifest), store, flags, context });
  const { checks, isSound } = verifyCycle({ ...evidence, snapshots });
  if (flags.json) context.printJson({ cycle: record.cycle, isSound, checks, ...(kept ? { evidence: kept.phases } : {}) });
  else context.print([...render(checks, context), ...(kept ? describeEvidence(kept, flags) : [])].join('\n'));
  if (!isSound) throw new CliError('failed', `The record of cycle ${record.cycle} does not hold: ${checks.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name).join(', ')}`);
}

interface Expected {
  readonly maxBytes: number;
  readonly what: string;
}

/** A file, or what the store has under a SHA-256. */
async function readPlace(place: string, store: ArtifactStore, { maxBytes, what }: Expected): Promise<Uint8Array> {
  if (/^[0-9a-f]{64}$/.test(place)) return store.getBytes({ sha256: place, maxBytes });
  if ((await stat(place)).size > maxBytes) throw new CliError('data', `${what} has at most ${maxBytes} bytes, ${place} has more`);
  return readFile(place);
}

/** Those of the record that the store has. */
async function readSheets({ sheets }: CycleRecord, store: ArtifactStore): Promise<readonly Uint8Array[]> {
  const { SHEET_BYTES } = await import('@connito/commit-reveal');
  const found: Uint8Array[] = [];
  for (const { sha256 } of sheets) if (await store.has(sha256)) found.push(await store.getBytes({ sha256, maxBytes: SHEET_BYTES }));
  return found;
}

/** The index of evidence, from a file or the store. */
async function readEvidence({ evidence: place, publishBlock }: VerifyFlags, store: ArtifactStore): Promise<ChainEvidence | undefined> {
  if (publishBlock !== undefined && (place === undefined || !/^(0x)?[0-9a-f]{64}$/i.test(publishBlock))) throw new CliError('usage', '--publish-block takes the hash of a block, 64 hex digits, and goes with --evidence');
  if (place === undefined) return undefined;
  const { MAX_EVIDENCE_BYTES, parseChainEvidence } = await import('@connito/subnet');
  return parseChainEvidence(await readPlace(place, store, { maxBytes: MAX_EVIDENCE_BYTES, what: 'An index of evidence' }));
}

async function gatherSnapshots(record: CycleRecord, kept: ChainEvidence | undefined, question: SnapshotQuestion): Promise<NonNullable<CycleEvidence['snapshots']>> {
  const { flags, store } = question;
  if (kept === undefined) return flags.network === undefined ? {} : readSnapshots(record, question);
  const { openChainEvidence } = await import('@connito/subnet');
  return openChainEvidence(kept, { record, store, publishBlock: flags.publishBlock });
}

/** What the proofs do not prove, so that a person can look it up. */
function describeEvidence({ phases }: ChainEvidence, { publishBlock }: VerifyFlags): string[] {
  const runtimes = new Map(Object.values(phases).map(({ specVersion, metadata }) => [metadata.sha256, specVersion]));
  const decoded = [...runtimes].map(([sha256, specVersion]) => `State was decoded with metadata ${sha256}, given as that of runtime ${specVersion}.`);
  if (publishBlock !== undefined || phases.publish === undefined) return decoded;
  return [...decoded, `The evidence has block 0x${phases.publish.block} as the end of the publish phase: where a node or explorer has that block, give it as --publish-block to check the majority.`];
}

interface SnapshotQuestion {
  readonly manifest: TaskManifest;
  readonly store: ArtifactStore;
  readonly flags: VerifyFlags;
  readonly context: CliContext;
}

async function readSnapshots({ cycle }: CycleRecord, { manifest, flags, context }: SnapshotQuestion): Promise<NonNullable<CycleEvidence['snapshots']>> {
  const { beaconOf, readPhaseSnapshot, scheduleOf } = await import('@connito/subnet');
  const { toHex } = await import('@connito/commit-reveal');
  const chain = await connectNetwork(flags, context);
  try {
    if (toHex(chain.genesisHash) !== manifest.genesis) throw new CliError('network', `The record is of chain ${manifest.genesis}, this is ${toHex(chain.genesisHash)}: choose another --network`);
    const source = { chain, manifest, timetable: { schedule: scheduleOf(manifest), beacon: beaconOf(manifest) } };
    const [commit, score, publish] = [await readPhaseSnapshot(source, cycle, 'commit'), await readPhaseSnapshot(source, cycle, 'score'), await readPhaseSnapshot(source, cycle, 'publish')];
    return { commit, score, publish };
  } finally {
    await chain.close();
  }
}

function render(checks: readonly CycleCheck[], { stdout, env }: CliContext): string[] {
  const [width, paint] = [stdout.isTTY === true ? (stdout.columns ?? 100) : Infinity, createPaint(wantsColor(stdout, env))];
  const rows = checks.map(({ name, outcome, detail }): Cell[] => [{ text: name }, { text: outcome }, { text: printable(detail, 400) }]);
  return renderTable([{ title: 'CHECK' }, { title: 'OUTCOME' }, { title: 'SEEN', minWidth: 20 }], rows, width, paint);
}
