/**
 * Snapshots that anybody can check without a node: header, storage proof, and the same readers run over what the proof shows.
 *
 * Kept as `"connito/snapshot/v1" ‖ netuid:u16le ‖ header ‖ count:u32le ‖ nodes`, where header and nodes have their length (u32le) before them. The header is SCALE as in the chain, so its
 * BLAKE2b-256 is the block's hash, and names the state root that the nodes belong to. Whoever checks has to know that hash, and the runtime's metadata to read values with.
 * @module
 */
import { compactFromU8a, u8aConcatStrict, u8aToHex } from '@polkadot/util';
import { fromHex, toHex } from '@connito/commit-reveal';
import { resolveHash, type ReadOptions } from './block.ts';
import { commitmentsIn } from './commitment.ts';
import { readTimestamp, type Chain } from './connection.ts';
import { ChainError, isChainError } from './errors.ts';
import { parseNetuid } from './identifier.ts';
import { decodeAnswer } from './internal/answer.ts';
import { findMaker, openState, readMakerVersion, type BlockState } from './internal/block-state.ts';
import { runtimeOfMetadata, type Runtime } from './internal/runtime.ts';
import { neuronsIn } from './neuron.ts';
import { findSnapshot, type Snapshot } from './snapshot.ts';
import { hashNode } from './trie/hash.ts';
import { MAX_PROOF_BYTES, MAX_PROOF_NODES, openReadProof } from './trie/read-proof.ts';

/** A snapshot and what proves it. Its commitments are those of registered hotkeys. */
export interface ProvenSnapshot {
  readonly snapshot: Snapshot;
  /** For {@link verifySnapshot}: about 1.5 kB a neuron. */
  readonly bytes: Uint8Array;
}

/** What a check needs besides the bytes. */
export interface SnapshotTrust {
  /** Of the block that the snapshot must be of: `0x` and 64 hex digits. */
  readonly blockHash: string;
  readonly netuid: number;
  /** Of the runtime at that block, as {@link readMetadata} gives it. */
  readonly metadata: Uint8Array;
}

/** Keys in one request of a proof: an answer of half a megabyte. */
const KEYS_PER_PROOF = 1_000;
/** Longest header: its digest holds a seal and a few consensus messages. */
const MAX_HEADER_BYTES = 65_536;
const MAGIC = new TextEncoder().encode('connito/snapshot/v1');

/** The metadata of the runtime that made a block, for {@link verifySnapshot}. @throws as `Chain.request` */
export async function readMetadata(chain: Chain, { at }: ReadOptions = {}): Promise<Uint8Array> {
  return fromHex(await chain.request<string>('state_getMetadata', [await findMaker(chain, await resolveHash(chain, at))]));
}

/** The spec version of the runtime that made a block, whose metadata {@link readMetadata} gives. @throws as `Chain.request` */
export async function readSpecVersion(chain: Chain, { at }: ReadOptions = {}): Promise<number> {
  return readMakerVersion(chain, await resolveHash(chain, at));
}

/**
 * The snapshot before a moment with its proof, which has been checked.
 * @throws unsupported (the node gives no proofs), bad-proof, and as `readSnapshot`
 */
export async function readProvenSnapshot(chain: Chain, { netuid, beforeMs }: { readonly netuid: number; readonly beforeMs: number }): Promise<ProvenSnapshot> {
  if (!chain.hasMethod('state_getReadProof')) throw new ChainError('unsupported', `${chain.endpoint} gives no storage proofs (state_getReadProof)`, { endpoint: chain.endpoint, subject: 'state_getReadProof' });
  const { blockHash } = await findSnapshot(chain, { beforeMs });
  const keys = new Set<string>();
  const state = await openState(chain, blockHash);
  await readThrough(recordingState(state, keys), netuid);
  const answer = await chain.request('chain_getHeader', [blockHash]);
  const header = decodeAnswer({ endpoint: chain.endpoint, subject: 'chain_getHeader' }, () => chain.api.registry.createType('Header', answer).toU8a());
  const proof = { netuid: parseNetuid(netuid), header, nodes: await fetchNodes(chain, blockHash, [...keys]) };
  return { snapshot: await checkProof(proof, { blockHash, runtime: state.runtime }), bytes: encode(proof) };
}

/**
 * Checks a kept snapshot and reads it, without a connection.
 * @throws bad-value (no bytes, no metadata)
 * @throws bad-proof (`context.reason`): `malformed`, `other-block`, `other-subnet`, `other-runtime`, and as `verifyReadProof`
 * @example const { neurons, commitments } = await verifySnapshot(bytes, { blockHash, netuid, metadata });
 */
export async function verifySnapshot(bytes: Uint8Array, { blockHash, netuid, metadata }: SnapshotTrust): Promise<Snapshot> {
  if (!(bytes instanceof Uint8Array)) throw new ChainError('bad-value', `expected the bytes of a snapshot (a Uint8Array), got ${typeof bytes}`, { subject: 'bytes' });
  const proof = decode(bytes);
  if (proof.netuid !== netuid) throw badProof('other-subnet', `a snapshot of subnet ${netuid}`, `one of ${proof.netuid}`);
  return checkProof(proof, { blockHash, runtime: runtimeOfMetadata(metadata, 'the given metadata') });
}

interface SnapshotProof {
  readonly netuid: number;
  readonly header: Uint8Array;
  readonly nodes: readonly Uint8Array[];
}

async function checkProof({ netuid, header, nodes }: SnapshotProof, { blockHash, runtime }: { readonly blockHash: string; readonly runtime: Runtime }): Promise<Snapshot> {
  const hash = u8aToHex(hashNode(header));
  if (hash !== blockHash.toLowerCase()) throw badProof('other-block', `the header of block ${blockHash}`, `that of ${hash}`);
  const { number, stateRoot } = parseHeader(header);
  const proof = openReadProof({ stateRoot, proof: nodes });
  const state = storageState({ endpoint: 'a proof', hash: blockHash, runtime }, async (keys) => keys.map((key) => toValue(proof.read(fromHex(key)))));
  const { timestampMs, neurons, commitments } = await readThrough(state, netuid).catch(rethrowUndecodable);
  proof.assertAllUsed();
  return { block: { blockHash, blockNumber: number, timestampMs }, neurons, commitments };
}

/** What is proven and cannot be read was written by another runtime than the one whose metadata was given. */
function rethrowUndecodable(cause: unknown): never {
  if (!isChainError(cause, 'bad-node')) throw cause;
  throw new ChainError('bad-proof', `the snapshot does not hold: the given metadata does not describe its values (${cause.context.subject}); it is of another runtime`, { reason: 'other-runtime', subject: cause.context.subject ?? '' }, cause);
}

/** The same reads when a proof is made and when it is checked: so a check finds every key that it asks for proven, or fails. */
async function readThrough(state: BlockState, netuid: number): Promise<Omit<Snapshot, 'block'> & { readonly timestampMs: number }> {
  const timestampMs = await readTimestamp(state, state.hash);
  const neurons = await neuronsIn(state, netuid);
  const commitments = await commitmentsIn(state, { netuid, hotkeys: neurons.map(({ hotkey }) => hotkey) });
  return { timestampMs, neurons, commitments };
}

/** A state of which only storage can be read, by `read`. */
function storageState(of: Pick<BlockState, 'endpoint' | 'hash' | 'runtime'>, read: (keys: readonly string[]) => Promise<readonly (string | null)[]>): BlockState {
  const request = async (method: string, [asked]: readonly unknown[] = []): Promise<unknown> => {
    if (method === 'state_getStorage') return (await read([asked as string]))[0];
    if (method !== 'state_queryStorageAt') throw new ChainError('unsupported', `a proven snapshot is read from storage alone, not by ${method}`, { subject: method });
    const keys = asked as readonly string[];
    const values = await read(keys);
    return [{ block: of.hash, changes: keys.map((key, index) => [key, values[index]]) }];
  };
  return { ...of, code: of.runtime, request: request as BlockState['request'] };
}

function recordingState(state: BlockState, keys: Set<string>): BlockState {
  return storageState(state, async (asked) => {
    for (const key of asked) keys.add(key);
    const sets = await state.request<{ changes: [string, string | null][] }[]>('state_queryStorageAt', [asked, state.hash]);
    const values = new Map(sets.flatMap(({ changes }) => changes));
    return asked.map((key) => values.get(key) ?? null);
  });
}

function toValue(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : `0x${toHex(bytes)}`;
}

async function fetchNodes(chain: Chain, at: string, keys: readonly string[]): Promise<Uint8Array[]> {
  const nodes = new Set<string>();
  for (let start = 0; start < keys.length; start += KEYS_PER_PROOF) {
    const { proof } = await chain.request<{ proof: string[] }>('state_getReadProof', [keys.slice(start, start + KEYS_PER_PROOF), at]);
    for (const node of proof) nodes.add(node);
  }
  return [...nodes].map((node) => fromHex(node));
}

/** `parentHash:32 ‖ number:compact ‖ stateRoot:32 ‖ …` */
function parseHeader(header: Uint8Array): { readonly number: number; readonly stateRoot: Uint8Array } {
  if (header.length < 98) throw badProof('malformed', 'a header of at least 98 bytes', `${header.length}`);
  const [length, number] = compactFromU8a(header.subarray(32));
  return { number: number.toNumber(), stateRoot: header.slice(32 + length, 64 + length) };
}

function encode({ netuid, header, nodes }: SnapshotProof): Uint8Array {
  return u8aConcatStrict([MAGIC, u32(netuid).subarray(0, 2), u32(header.length), header, u32(nodes.length), ...nodes.flatMap((node) => [u32(node.length), node])]);
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function decode(bytes: Uint8Array): SnapshotProof {
  if (bytes.length > MAX_PROOF_BYTES + 4 * MAX_PROOF_NODES + MAX_HEADER_BYTES) throw badProof('too-large', `at most ${MAX_PROOF_BYTES} bytes`, `${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  const take = (length: number, most = bytes.length): Uint8Array => {
    if (length > most || offset + length > bytes.length) throw badProof('malformed', `at most ${Math.min(most, bytes.length - offset)} bytes at byte ${offset}`, `${length}`);
    offset += length;
    return bytes.slice(offset - length, offset);
  };
  const number = (size: 2 | 4): number => {
    take(size);
    return size === 2 ? view.getUint16(offset - 2, true) : view.getUint32(offset - 4, true);
  };
  if (toHex(take(MAGIC.length)) !== toHex(MAGIC)) throw badProof('malformed', 'a snapshot of version 1', 'other bytes');
  const netuid = number(2);
  const header = take(number(4), MAX_HEADER_BYTES);
  const count = number(4);
  if (count > MAX_PROOF_NODES) throw badProof('too-many-nodes', `at most ${MAX_PROOF_NODES} nodes`, `${count}`);
  const nodes = Array.from({ length: count }, () => take(number(4)));
  if (offset !== bytes.length) throw badProof('malformed', 'the end of the snapshot', `${bytes.length - offset} more bytes`);
  return { netuid, header, nodes };
}

function badProof(reason: string, expected: string, actual: string): ChainError {
  return new ChainError('bad-proof', `the snapshot does not hold: expected ${expected}, got ${actual}`, { reason, expected, actual });
}
