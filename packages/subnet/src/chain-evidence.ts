/**
 * Chain evidence: what stood on chain at the ends of a cycle's phases, kept so that it can be checked when no node remembers it.
 *
 * A small index names the proven snapshots and the runtime's metadata by hash; these lie in the artifact store, metadata once for all cycles of a runtime. The index holds nothing of its
 * keeper's, and is not part of the record. A record names the blocks of its commit and score snapshots. The publish phase ends after the record was written, so the hash of that block has to be
 * known from elsewhere (any node or explorer still has it). Metadata says how state is decoded and is proven by nothing: whoever doubts its hash compares it with a node's.
 *
 * @module
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isArtifactError, type ArtifactStore } from '@connito/artifacts';
import { isChainError, phaseWindow, readMetadata, readProvenSnapshot, readSpecVersion, verifySnapshot } from '@connito/chain';
import { isMoeError } from '@connito/moe-core';
import { writeFileAtomic } from '@connito/moe-core/node';
import { z } from 'zod';
import { phaseSnapshotOf, type PhaseSnapshot, type SnapshotPhase } from './chain-reader.ts';
import type { RoleContext } from './context.ts';
import type { CycleRecord } from './cycle-record.ts';
import { isSubnetError, SubnetError } from './error.ts';

/** An index larger than this is refused: it needs about a kilobyte. */
export const MAX_EVIDENCE_BYTES = 65_536;
/** A snapshot or metadata larger than this is refused. Bittensor's have about half a megabyte. */
const MAX_PART_BYTES = 33_554_432;

/** Bytes in the artifact store. */
export interface StoredPart {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** One phase's end. */
export interface PhaseEvidence {
  /** The block's hash, hex without 0x. */
  readonly block: string;
  readonly specVersion: number;
  /** As `readProvenSnapshot` makes it. */
  readonly snapshot: StoredPart;
  /** Of the runtime of `specVersion`. */
  readonly metadata: StoredPart;
}

/** The index of a cycle's evidence. */
export interface ChainEvidence {
  readonly format: 'connito/chain-evidence/v1';
  readonly genesis: string;
  readonly netuid: number;
  readonly cycle: number;
  readonly phases: Readonly<Partial<Record<SnapshotPhase, PhaseEvidence>>>;
}

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const part = z.strictObject({ sha256: hash, sizeBytes: z.int().positive().max(MAX_PART_BYTES) });
const phaseEvidence = z.strictObject({ block: hash, specVersion: z.int().nonnegative(), snapshot: part, metadata: part });
const evidenceSchema = z.strictObject({
  format: z.literal('connito/chain-evidence/v1'),
  genesis: hash,
  netuid: z.int().nonnegative(),
  cycle: z.int().nonnegative(),
  phases: z.strictObject({ commit: phaseEvidence.exactOptional(), score: phaseEvidence.exactOptional(), publish: phaseEvidence.exactOptional() }),
});

/** The index's canonical bytes. */
export function encodeChainEvidence(evidence: ChainEvidence): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(evidenceSchema.parse(evidence))}\n`);
}

/**
 * Parses an index that came from another party.
 *
 * @throws SubnetError `invalid-evidence`
 */
export function parseChainEvidence(bytes: Uint8Array): ChainEvidence {
  if (bytes.length > MAX_EVIDENCE_BYTES) throw new SubnetError('invalid-evidence', `An index of chain evidence has at most ${MAX_EVIDENCE_BYTES} bytes, this one ${bytes.length}`, { reason: 'malformed' });
  try {
    return evidenceSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new SubnetError('invalid-evidence', "These bytes are no index of chain evidence: give the evidence.json of a validator's cycle, or its SHA-256", { reason: 'malformed' }, { cause });
  }
}

/** What evidence is checked against. */
export interface EvidenceTrust {
  readonly record: Pick<CycleRecord, 'genesis' | 'netuid' | 'cycle' | 'snapshots'>;
  /** Has the parts. */
  readonly store: Pick<ArtifactStore, 'getBytes'>;
  /** The hash of the block that the publish phase ended with (hex, with or without 0x), from a source that the caller trusts. Without it the publish phase's evidence is left closed. */
  readonly publishBlock?: string | undefined;
}

/**
 * Checks a cycle's evidence against the blocks that its record names, without a connection, and reads it.
 *
 * @throws SubnetError `invalid-evidence` (`context.reason`): `other-cycle`, `bad-metadata`, and the reasons of `verifySnapshot`; ArtifactError where the store has not these bytes
 * @example verifyCycle({ record: bytes, manifest, sheets, snapshots: await openChainEvidence(evidence, { record, store }) })
 */
export async function openChainEvidence({ genesis, netuid, cycle, phases }: ChainEvidence, { record, store, publishBlock }: EvidenceTrust): Promise<Partial<Readonly<Record<SnapshotPhase, PhaseSnapshot>>>> {
  if (genesis !== record.genesis || netuid !== record.netuid || cycle !== record.cycle) {
    throw new SubnetError('invalid-evidence', `The evidence is of cycle ${cycle} of subnet ${netuid} of chain ${genesis}, the record of cycle ${record.cycle} of subnet ${record.netuid} of ${record.genesis}`, { reason: 'other-cycle' });
  }
  const blocks = { commit: record.snapshots.commit.hash, score: record.snapshots.score.hash, publish: publishBlock?.replace(/^0x/, '').toLowerCase() };
  const opened: Partial<Record<SnapshotPhase, PhaseSnapshot>> = {};
  for (const phase of ['commit', 'score', 'publish'] as const) {
    const [kept, block] = [phases[phase], blocks[phase]];
    if (kept !== undefined && block !== undefined) opened[phase] = await openPhase(phase, kept, { store, blockHash: `0x${block}`, netuid });
  }
  return opened;
}

interface PhaseTrust {
  readonly store: EvidenceTrust['store'];
  readonly blockHash: string;
  readonly netuid: number;
}

async function openPhase(phase: SnapshotPhase, kept: PhaseEvidence, { store, blockHash, netuid }: PhaseTrust): Promise<PhaseSnapshot> {
  const [bytes, metadata] = [await fetchPart(store, kept.snapshot), await fetchPart(store, kept.metadata)];
  try {
    return phaseSnapshotOf(await verifySnapshot(bytes, { blockHash, netuid, metadata }));
  } catch (cause) {
    // A proof that holds and cannot be read is read with the wrong metadata; polkadot-js has errors of its own for that.
    const reason = isChainError(cause, 'bad-proof') ? cause.context.reason : 'bad-metadata';
    throw new SubnetError('invalid-evidence', `The evidence of the end of the ${phase} phase: ${messageOf(cause)}`, { phase, reason }, { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function fetchPart(store: EvidenceTrust['store'], { sha256, sizeBytes }: StoredPart): Promise<Uint8Array> {
  return store.getBytes({ sha256, sizeBytes, maxBytes: MAX_PART_BYTES });
}

type KeeperContext = Pick<RoleContext, 'chain' | 'manifest' | 'timetable' | 'store' | 'stateDirectory' | 'report'>;

/**
 * Adds phases that have ended to a cycle's evidence: parts and index go to the store, the index also to `cycles/<cycle>/evidence.json` of the state directory. May be repeated. What a node
 * does not prove, or a store does not take, is reported and costs nothing else.
 */
export async function keepChainEvidence(context: KeeperContext, cycle: number, phases: readonly SnapshotPhase[]): Promise<void> {
  const { manifest, report, stateDirectory, store } = context;
  const path = join(stateDirectory, 'cycles', String(cycle), 'evidence.json');
  try {
    const before = (await readKept(path)) ?? { format: 'connito/chain-evidence/v1', genesis: manifest.genesis, netuid: manifest.netuid, cycle, phases: {} };
    let kept = before.phases;
    for (const phase of phases) kept = { ...kept, [phase]: await provePhase(context, { cycle, phase, known: Object.values(kept) }) };
    const bytes = encodeChainEvidence({ ...before, phases: kept });
    const { sha256 } = await store.put(bytes);
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, bytes);
    report({ kind: 'evidence-kept', cycle, sha256 });
  } catch (error) {
    if (!isOutside(error)) throw error;
    report({ kind: 'notice', message: `cycle ${cycle}: no evidence of the end of ${phases.join(' and ')} was kept (${messageOf(error)}); the cycle goes on, others can verify it from an archive node` });
  }
}

/** The node's, the store's or the disk's fault; anything else is a mistake of ours. */
function isOutside(error: unknown): boolean {
  return isChainError(error) || isArtifactError(error) || isMoeError(error) || isSubnetError(error, 'invalid-evidence') || (error instanceof Error && 'syscall' in error);
}

interface PhaseToProve {
  readonly cycle: number;
  readonly phase: SnapshotPhase;
  /** Their metadata need not be asked for again. */
  readonly known: readonly PhaseEvidence[];
}

async function provePhase({ chain, manifest, timetable, store }: KeeperContext, { cycle, phase, known }: PhaseToProve): Promise<PhaseEvidence> {
  const { endMs } = phaseWindow(timetable.schedule, cycle, phase);
  const { snapshot, bytes } = await readProvenSnapshot(chain, { netuid: manifest.netuid, beforeMs: endMs });
  const { blockHash } = snapshot.block;
  const specVersion = await readSpecVersion(chain, { at: blockHash });
  const metadata = known.find((other) => other.specVersion === specVersion)?.metadata ?? (await putPart(store, await readMetadata(chain, { at: blockHash })));
  return { block: blockHash.replace(/^0x/, ''), specVersion, snapshot: await putPart(store, bytes), metadata };
}

async function putPart(store: ArtifactStore, bytes: Uint8Array): Promise<StoredPart> {
  const { sha256, sizeBytes } = await store.put(bytes);
  return { sha256, sizeBytes };
}

async function readKept(path: string): Promise<ChainEvidence | undefined> {
  try {
    return parseChainEvidence(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
