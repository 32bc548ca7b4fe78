/**
 * The list of a file's chunk hashes, so that a download stops at the first wrong chunk, and chunks from several places can be checked one by one.
 *
 * ```
 * chunk hash = SHA-256("connito/chunks/leaf/v1" ‖ index:u64 ‖ bytes)
 * node       = SHA-256("connito/chunks/node/v1" ‖ left:32 ‖ right:32)
 * root       = SHA-256("connito/chunks/root/v1" ‖ chunkBytes:u32 ‖ sizeBytes:u64 ‖ count:u64 ‖ tree:32)
 * side file  = "connito/chunks/v1":17 ‖ chunkBytes:u32 ‖ sizeBytes:u64 ‖ hashes, 32 bytes each
 * ```
 *
 * All chunks have `chunkBytes` but the last, which has 1 to `chunkBytes`; an empty file has one empty chunk. The 32 bytes of the root say everything: who knows it
 * from the chain (a sealed update's `chunkRoot`) or from a signed manifest needs to trust nobody for the list. The tree is that of tensor roots.
 *
 * A tensor root needs no such list to be computed or checked, and is not changed by it: it is over decoded tensors, this is over a file as it travels.
 * @module
 */
import { CommitRevealError } from './errors.ts';
import { equalBytes } from './hex.ts';
import { createBlockCutter } from './internal/blocks.ts';
import { assertBytes, assertLength, assertUnsigned, joinBytes, readU32, readU64, u32, u64 } from './internal/bytes.ts';
import { merkleRoot, proveMerkleLeaf, verifyMerkleProof, type MerkleProof, type MerkleRules } from './internal/merkle.ts';
import { createPortableSha256, sha256, type CreateSha256 } from './sha256.ts';

/** Bytes of a chunk unless stated: 1 MiB. */
export const DEFAULT_CHUNK_BYTES = 1_048_576;
/** Smallest and largest chunk: powers of two between. The largest bounds what a verifier holds. */
export const CHUNK_BYTES_RANGE: readonly [number, number] = [1_024, 16_777_216];
/** Most chunks of a list: 1 TiB at 1 MiB each, a side file of 32 MiB. */
export const MAX_CHUNKS = 1_048_576;

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const LEAF_DOMAIN = encode('connito/chunks/leaf/v1');
const NODE_DOMAIN = encode('connito/chunks/node/v1');
const ROOT_DOMAIN = encode('connito/chunks/root/v1');
const MAGIC = encode('connito/chunks/v1');
const HEADER_BYTES = MAGIC.length + 12;

/** The size of a file and how it is cut. */
export interface ChunkShape {
  /** A power of two in {@link CHUNK_BYTES_RANGE}. */
  readonly chunkBytes: number;
  readonly sizeBytes: number;
}

/** The chunks of a file. */
export interface ChunkList extends ChunkShape {
  /** 32 bytes each, in order. */
  readonly hashes: readonly Uint8Array[];
}

/** That one chunk is under a root. */
export interface ChunkProof extends ChunkShape, MerkleProof {}

/** Options of {@link createChunkList}. */
export interface ChunkListOptions {
  /** Default {@link DEFAULT_CHUNK_BYTES}. */
  readonly chunkBytes?: number;
  /** Brings a faster SHA-256 (default: portable). */
  readonly createSha256?: CreateSha256;
}

/**
 * The list of a stream or of bytes given as one chunk. Holds one chunk.
 * @throws out-of-range
 * @example const list = await createChunkList(createReadStream(path), { createSha256 });
 */
export async function createChunkList(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: ChunkListOptions = {}): Promise<ChunkList> {
  const { chunkBytes = DEFAULT_CHUNK_BYTES, createSha256 = createPortableSha256 } = options;
  assertChunkBytes(chunkBytes);
  const cutter = createBlockCutter(chunkBytes);
  const hashes: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of source) {
    sizeBytes += part.length;
    for (const chunk of cutter.push(part)) hashes.push(hashChunk(createSha256, hashes.length, chunk));
  }
  hashes.push(hashChunk(createSha256, hashes.length, cutter.rest()));
  return assertList({ chunkBytes, sizeBytes, hashes });
}

/** The 32 bytes that stand for a list. @throws out-of-range, bad-length, chunk-list */
export function computeChunkRoot(list: ChunkList): Uint8Array {
  assertList(list);
  return merkleRoot(rulesOf(list), list.hashes);
}

/** The side file of a list. @throws out-of-range, bad-length, chunk-list */
export function encodeChunkList(list: ChunkList): Uint8Array {
  assertList(list);
  return joinBytes([MAGIC, u32('chunkBytes', list.chunkBytes), u64('sizeBytes', list.sizeBytes), ...list.hashes]);
}

/**
 * Reads a side file and checks it against the root that the caller trusts.
 * @throws chunk-list, chunk-root, out-of-range, bad-length (root)
 */
export function decodeChunkList(bytes: Uint8Array, root: Uint8Array): ChunkList {
  assertLength('root', root, 32);
  assertBytes('the chunk list', bytes);
  if (bytes.length < HEADER_BYTES || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw badList('"connito/chunks/v1" at the beginning', `${bytes.length} bytes of something else`);
  const shape = { chunkBytes: readU32(bytes, MAGIC.length), sizeBytes: readU64('sizeBytes', bytes, MAGIC.length + 4) };
  const count = countChunks(shape);
  if (bytes.length !== HEADER_BYTES + 32 * count) throw badList(`${HEADER_BYTES + 32 * count} bytes for ${count} chunks`, `${bytes.length}`);
  const list = { ...shape, hashes: Array.from({ length: count }, (_, i) => bytes.slice(HEADER_BYTES + 32 * i, HEADER_BYTES + 32 * (i + 1))) };
  if (equalBytes(computeChunkRoot(list), root)) return list;
  throw new CommitRevealError('chunk-root', 'this chunk list is not the one that was committed: its root is another; fetch it from somewhere else', { field: 'root' });
}

/** Whether chunk `index` of the list is `chunk`. The list must have come from {@link decodeChunkList} or be one's own. @throws out-of-range */
export function verifyChunk(list: ChunkList, { index, chunk, createSha256 = createPortableSha256 }: { readonly index: number; readonly chunk: Uint8Array; readonly createSha256?: CreateSha256 }): boolean {
  const expected = list.hashes[index];
  return expected !== undefined && chunk.length === chunkLength(list, index) && equalBytes(hashChunk(createSha256, index, chunk), expected);
}

/**
 * Passes a download on, chunk by chunk, each only once it has been checked; stops at the first that is wrong and fetches no more.
 * @throws chunk-mismatch (`context.field` names the chunk)
 * @throws bad-stream when the download ends too early or goes on behind its end
 * @example for await (const chunk of verifyChunks(response.body, list)) await file.write(chunk);
 */
export async function* verifyChunks(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, list: ChunkList, options: Pick<ChunkListOptions, 'createSha256'> = {}): AsyncGenerator<Uint8Array, void, undefined> {
  assertList(list);
  const cutter = createBlockCutter(list.chunkBytes);
  let index = 0;
  let received = 0;
  const check = (chunk: Uint8Array): Uint8Array => {
    if (!verifyChunk(list, { index, chunk, ...options })) {
      throw new CommitRevealError('chunk-mismatch', `chunk ${index} (bytes from ${index * list.chunkBytes} on) is not the one that was committed; fetch it from somewhere else`, { field: `chunk ${index}` });
    }
    index++;
    return chunk.slice();
  };
  for await (const part of source) {
    received += part.length;
    if (received > list.sizeBytes) throw wrongSize(list, `at least ${received}`);
    for (const chunk of cutter.push(part)) yield check(chunk);
  }
  // A whole last chunk is wrong in content, a partial one in length: say which.
  if (received < list.sizeBytes) throw wrongSize(list, received);
  yield check(cutter.rest());
}

/** The proof that chunk `index` is under the list's root, for who has not the list. @throws out-of-range, chunk-list */
export function proveChunk(list: ChunkList, index: number): ChunkProof {
  assertList(list);
  if (!Number.isSafeInteger(index) || index < 0 || index >= list.hashes.length) {
    throw new CommitRevealError('out-of-range', `expected a chunk from 0 to ${list.hashes.length - 1}, got ${String(index)}`, { field: 'index', actual: String(index) });
  }
  return { chunkBytes: list.chunkBytes, sizeBytes: list.sizeBytes, ...proveMerkleLeaf(rulesOf(list), list.hashes, index) };
}

/** Whether `chunk` is the one that `proof` speaks of, under `root`. Malformed proofs are false. */
export function verifyChunkProof({ root, chunk, proof }: { readonly root: Uint8Array; readonly chunk: Uint8Array; readonly proof: ChunkProof }): boolean {
  if (typeof proof !== 'object' || proof === null) return false;
  const { chunkBytes, sizeBytes, index, count } = proof;
  if (!isChunkBytes(chunkBytes) || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || count !== chunkCount(proof)) return false;
  if (!Number.isSafeInteger(index) || index < 0 || index >= count || chunk.length !== chunkLength(proof, index)) return false;
  return verifyMerkleProof(rulesOf(proof), { root, leaf: hashChunk(createPortableSha256, index, chunk), proof });
}

function hashChunk(createSha256: CreateSha256, index: number, chunk: Uint8Array): Uint8Array {
  const hash = createSha256();
  hash.update(LEAF_DOMAIN);
  hash.update(u64('index', index));
  hash.update(chunk);
  return hash.digest();
}

function rulesOf({ chunkBytes, sizeBytes }: ChunkShape): MerkleRules {
  return {
    hashNode: (left, right) => sha256(NODE_DOMAIN, left, right),
    hashRoot: (count, top) => sha256(ROOT_DOMAIN, u32('chunkBytes', chunkBytes), u64('sizeBytes', sizeBytes), u64('count', count), top),
  };
}

function chunkCount({ chunkBytes, sizeBytes }: ChunkShape): number {
  return Math.max(1, Math.ceil(sizeBytes / chunkBytes));
}

function chunkLength({ chunkBytes, sizeBytes }: ChunkShape, index: number): number {
  return Math.min(chunkBytes, sizeBytes - index * chunkBytes);
}

/** {@link chunkCount} of a shape that may be anything. */
function countChunks(shape: ChunkShape): number {
  assertChunkBytes(shape.chunkBytes);
  assertUnsigned('sizeBytes', shape.sizeBytes, 64);
  const count = chunkCount(shape);
  if (count > MAX_CHUNKS) throw new CommitRevealError('out-of-range', `expected at most ${MAX_CHUNKS} chunks, got ${count}; use larger ones`, { field: 'sizeBytes', expected: MAX_CHUNKS, actual: count });
  return count;
}

function assertList(list: ChunkList): ChunkList {
  const count = countChunks(list);
  if (list.hashes.length !== count) throw badList(`${count} hashes for ${list.sizeBytes} bytes`, `${list.hashes.length}`);
  for (const [index, hash] of list.hashes.entries()) assertLength(`hashes[${index}]`, hash, 32);
  return list;
}

function isChunkBytes(chunkBytes: number): boolean {
  const [min, max] = CHUNK_BYTES_RANGE;
  return Number.isSafeInteger(chunkBytes) && Number.isInteger(Math.log2(chunkBytes)) && chunkBytes >= min && chunkBytes <= max;
}

function assertChunkBytes(chunkBytes: number): void {
  if (isChunkBytes(chunkBytes)) return;
  const expected = `a power of two from ${CHUNK_BYTES_RANGE.join(' to ')}`;
  throw new CommitRevealError('out-of-range', `chunkBytes must be ${expected}, got ${String(chunkBytes)}`, { field: 'chunkBytes', expected, actual: String(chunkBytes) });
}

function wrongSize({ sizeBytes }: ChunkShape, actual: string | number): CommitRevealError {
  return new CommitRevealError('bad-stream', `expected ${sizeBytes} bytes, got ${actual}`, { expected: sizeBytes, actual });
}

function badList(expected: string, actual: string): CommitRevealError {
  return new CommitRevealError('chunk-list', `expected a chunk list with ${expected}, got ${actual}`, { expected, actual });
}
