/**
 * From a stranger's record on chain to an update that may be computed with, or to the code that says why not. Nothing of it is
 * trusted: not the record, not the artifact's size, header, names, values or salt.
 *
 * @module
 */
import { isArtifactError, type ArtifactStore } from '@connito/artifacts';
import { toHex, type ChainRecord, type SheetCodeName, type UpdateRecord } from '@connito/commit-reveal';
import { isMoeError, type ExpertWeights } from '@connito/moe-core';
import { checkUpdate } from '@connito/pol-scoring';
import { isSubnetError } from './error.ts';
import { genesisOf, type TaskManifest } from './task-manifest.ts';
import { decodeUpdate, opensCommitment, type DecodedUpdate, type UpdateFrame } from './update-artifact.ts';

/** Why there is no score; a row of commit-reveal's table of sheet codes. */
export type RefusalCode = Exclude<SheetCodeName, 'scored'>;

/** Whose update, for which cycle, and what it must fit. */
export interface UpdateToOpen {
  readonly store: Pick<ArtifactStore, 'getBytes'>;
  readonly manifest: TaskManifest;
  readonly cycle: number;
  readonly hotkey: string;
  /** The hotkey's record at the commit snapshot; null where its bytes are no record. */
  readonly record: ChainRecord | null;
  /** The weights that the update starts from: exactly these tensors are allowed. */
  readonly start: ExpertWeights;
}

/** An update that has passed every check but that of its worth. */
export interface OpenUpdate {
  readonly update: ExpertWeights;
  /** The artifact. */
  readonly bytes: Uint8Array;
}

/** Fetches and checks, cheapest first. What this validator itself fails at (its disk) is an abstention, so that one artifact never costs the others their scores. */
export async function openUpdate({ store, manifest, cycle, hotkey, record, start }: UpdateToOpen): Promise<OpenUpdate | { readonly code: RefusalCode }> {
  if (!record) return { code: 'malformed-record' };
  if (record.kind !== 'update' || record.cycle !== cycle) return { code: 'absent' };
  const bytes = await fetchArtifact(store, record, manifest.scoring.maxBytes);
  if (typeof bytes === 'string') return { code: bytes };
  const decoded = await decodeOrCode(bytes, { manifest, start });
  if (typeof decoded === 'string') return { code: decoded };
  const refused = checkUpdate({ update: decoded.update, allowed: start, maxNorm: manifest.scoring.maxUpdateNorm });
  if (refused) return { code: refused };
  const author = { genesis: genesisOf(manifest), netuid: manifest.netuid, cycle, hotkey };
  if (!opensCommitment(decoded, record, author)) return { code: 'commitment-mismatch' };
  return { update: decoded.update, bytes };
}

async function fetchArtifact(store: Pick<ArtifactStore, 'getBytes'>, { artifactSha256, sizeBytes }: UpdateRecord, maxBytes: number): Promise<Uint8Array | RefusalCode> {
  if (sizeBytes > maxBytes) return 'too-large';
  try {
    return await store.getBytes({ sha256: toHex(artifactSha256), sizeBytes, maxBytes });
  } catch (error) {
    if (isArtifactError(error, 'not-found') || isArtifactError(error, 'not-a-file')) return 'unfetchable';
    if (isArtifactError(error, 'hash-mismatch') || isArtifactError(error, 'size-mismatch') || isArtifactError(error, 'too-large')) return 'hash-mismatch';
    if (isArtifactError(error, 'io')) return 'validator-fault';
    throw error;
  }
}

async function decodeOrCode(bytes: Uint8Array, frame: UpdateFrame): Promise<DecodedUpdate | RefusalCode> {
  try {
    return await decodeUpdate(bytes, frame);
  } catch (error) {
    if (isMoeError(error, 'tensor-dtype-unexpected') || isMoeError(error, 'tensor-shape-unexpected')) return 'disallowed-tensor';
    // As in a float32 artifact: a tensor too many is not allowed, one too few makes it incomplete.
    if (isMoeError(error, 'experts-mismatch')) return frame.start.has(error.context.tensor) ? 'malformed' : 'disallowed-tensor';
    if (isMoeError(error) || isSubnetError(error, 'unexpected-encoding')) return 'malformed';
    throw error;
  }
}
