/**
 * The canonical Merkle root of a set of tensors.
 *
 * ```
 * leaf = SHA-256("connito/tensor-root/leaf/v1" ‖ len(name):u64 ‖ name ‖ len(dtype):u64 ‖ dtype
 *                ‖ rank:u64 ‖ shape[0]:u64 ‖ … ‖ sizeBytes:u64 ‖ SHA-256(bytes):32)
 * node = SHA-256("connito/tensor-root/node/v1" ‖ left:32 ‖ right:32)
 * root = SHA-256("connito/tensor-root/root/v1" ‖ count:u64 ‖ tree:32)
 * ```
 *
 * Integers are little-endian; text is UTF-8. Leaves stand in ascending byte order of the name. A level's last node without a
 * partner moves up unchanged, which gives the tree of RFC 6962 §2.1; `count` fixes the shape of that tree, and the three domains
 * keep leaves, nodes and roots apart, so no second set of tensors has the same root. FORMAT.md is the specification in full.
 * @module
 * @see https://www.rfc-editor.org/rfc/rfc6962#section-2.1
 */
import { CommitRevealError } from './errors.ts';
import { compareBytes } from './hex.ts';
import { assertChunk } from './internal/blocks.ts';
import { assertBytes, assertLength, encodeText, joinBytes, u64 } from './internal/bytes.ts';
import { merkleRoot, proveMerkleLeaf, verifyMerkleProof, type MerkleProof, type MerkleRules } from './internal/merkle.ts';
import { createPortableSha256, sha256, type CreateSha256 } from './sha256.ts';

const LEAF_DOMAIN = new TextEncoder().encode('connito/tensor-root/leaf/v1');
const NODE_DOMAIN = new TextEncoder().encode('connito/tensor-root/node/v1');
const ROOT_DOMAIN = new TextEncoder().encode('connito/tensor-root/root/v1');
const RULES: MerkleRules = {
  hashNode: (left, right) => sha256(NODE_DOMAIN, left, right),
  hashRoot: (count, top) => sha256(ROOT_DOMAIN, u64('count', count), top),
};

/** What a leaf says about a tensor beside its bytes. */
export interface TensorHeader {
  /** Unique in the set. Not normalised: two spellings of one character are two names. */
  readonly name: string;
  /** The safetensors name of the element type, for example `BF16`. */
  readonly dtype: string;
  /** Empty for a scalar. */
  readonly shape: readonly number[];
}

/** A tensor with its bytes: little-endian, row-major. */
export interface HashableTensor extends TensorHeader {
  readonly data: Uint8Array;
}

/** Options of the functions that hash tensor bytes. */
export interface TensorRootOptions {
  /** Brings a faster SHA-256 (default: portable). */
  readonly createSha256?: CreateSha256;
}

/** Takes the bytes of one tensor in pieces of any size. */
export interface TensorStream {
  update(chunk: Uint8Array): void;
  /** Closes the tensor. @throws bad-stream when more or fewer bytes came than `sizeBytes` said */
  finish(): void;
}

/** That a tensor is under a root: which leaf in canonical order, of how many, and the partners from the bottom up. */
export type TensorProof = MerkleProof;

/** Collects tensors in any order, holding 32 bytes and the name of each. */
export interface TensorRootBuilder {
  add(tensor: HashableTensor): void;
  /** Begins a tensor whose bytes come in pieces. Several may be open at once. */
  open(header: TensorHeader & { readonly sizeBytes: number }): TensorStream;
  /** Adds a tensor whose SHA-256 is already known. */
  addDigest(header: TensorHeader & { readonly sizeBytes: number; readonly sha256: Uint8Array }): void;
  /** The root of all tensors so far. @throws no-tensors, bad-stream when a tensor is still open */
  root(): Uint8Array;
  /** The proof that a tensor is in {@link root}. @throws unknown-tensor */
  prove(name: string): TensorProof;
}

/**
 * The Merkle root of `tensors`, whatever their order.
 *
 * @returns 32 bytes
 * @throws no-tensors, duplicate-tensor, bad-text, bad-length (data that is no Uint8Array), out-of-range (a dimension that is no unsigned integer)
 * @example computeTensorRoot([{ name: 'w', dtype: 'F32', shape: [1], data: new Uint8Array(4) }])
 */
export function computeTensorRoot(tensors: Iterable<HashableTensor>, options: TensorRootOptions = {}): Uint8Array {
  const builder = createTensorRoot(options);
  for (const tensor of tensors) builder.add(tensor);
  return builder.root();
}

/**
 * A builder for tensors that come one after the other, or in pieces.
 * @throws duplicate-tensor, bad-text, bad-length, out-of-range, bad-stream from its methods
 */
export function createTensorRoot(options: TensorRootOptions = {}): TensorRootBuilder {
  const createSha256 = options.createSha256 ?? createPortableSha256;
  const leaves = new Map<string, Leaf>();
  let openStreams = 0;
  const reserve = (header: TensorHeader): Leaf => {
    if (leaves.has(header.name)) {
      throw new CommitRevealError('duplicate-tensor', `tensor ${JSON.stringify(header.name)} occurs twice; names must be unique`, { field: header.name });
    }
    const leaf = { key: encodeText('tensor name', header.name), hash: undefined };
    leaves.set(header.name, leaf);
    return leaf;
  };
  const addDigest: TensorRootBuilder['addDigest'] = (tensor) => {
    const hash = computeTensorLeaf(tensor);
    reserve(tensor).hash = hash;
  };
  return {
    addDigest,
    add(tensor) {
      const hash = createSha256();
      // Elements of another typed array would be counted as bytes.
      hash.update(assertBytes(`data of tensor ${JSON.stringify(tensor.name)}`, tensor.data));
      addDigest({ name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, sizeBytes: tensor.data.length, sha256: hash.digest() });
    },
    open(header) {
      encodeHeader(header);
      const leaf = reserve(header);
      openStreams++;
      return createStream(header, createSha256, (digest) => {
        leaf.hash = computeTensorLeaf({ ...header, sha256: digest });
        openStreams--;
      });
    },
    root() {
      return computeRootOfLeaves(sortedLeaves(leaves, openStreams));
    },
    prove(name) {
      return proveLeaf(leaves, openStreams, name);
    },
  };
}

/**
 * The leaf of one tensor whose bytes have the SHA-256 `sha256`.
 * @throws bad-length, bad-text, out-of-range
 */
export function computeTensorLeaf(tensor: TensorHeader & { readonly sizeBytes: number; readonly sha256: Uint8Array }): Uint8Array {
  assertLength('sha256', tensor.sha256, 32);
  return sha256(LEAF_DOMAIN, encodeHeader(tensor), tensor.sha256);
}

/**
 * Whether `leaf` (see {@link computeTensorLeaf}) stands under `root` where `proof` says.
 * Malformed proofs (index outside the tree, too few or too many siblings, or no hashes) are false, never an exception.
 */
export function verifyTensorProof(options: { readonly root: Uint8Array; readonly leaf: Uint8Array; readonly proof: TensorProof }): boolean {
  return verifyMerkleProof(RULES, options);
}

interface Leaf {
  readonly key: Uint8Array;
  hash: Uint8Array | undefined;
}

function encodeHeader(header: TensorHeader & { readonly sizeBytes: number }): Uint8Array {
  const name = encodeText('tensor name', header.name);
  const dtype = encodeText('dtype', header.dtype);
  const where = `of tensor ${JSON.stringify(header.name)}`;
  return joinBytes([
    u64('name length', name.length),
    name,
    u64('dtype length', dtype.length),
    dtype,
    u64('rank', header.shape.length),
    ...header.shape.map((size, axis) => u64(`shape[${axis}] ${where}`, size)),
    u64(`sizeBytes ${where}`, header.sizeBytes),
  ]);
}

function createStream(
  header: TensorHeader & { readonly sizeBytes: number },
  createSha256: CreateSha256,
  done: (digest: Uint8Array) => void,
): TensorStream {
  const hash = createSha256();
  let received = 0;
  let finished = false;
  const fail = (message: string): never => {
    throw new CommitRevealError('bad-stream', `tensor ${JSON.stringify(header.name)}: ${message}`, {
      field: header.name,
      expected: header.sizeBytes,
      actual: received,
    });
  };
  return {
    update(chunk) {
      assertChunk(chunk);
      if (finished) fail('bytes came after it was finished');
      received += chunk.length;
      if (received > header.sizeBytes) fail(`expected ${header.sizeBytes} bytes, got at least ${received}`);
      hash.update(chunk);
    },
    finish() {
      if (finished) fail('it was finished twice');
      if (received !== header.sizeBytes) fail(`expected ${header.sizeBytes} bytes, got ${received}`);
      finished = true;
      done(hash.digest());
    },
  };
}

function sortedLeaves(leaves: ReadonlyMap<string, Leaf>, openStreams: number): Uint8Array[] {
  if (openStreams > 0) throw new CommitRevealError('bad-stream', `${openStreams} tensors are still open; finish them before asking for the root`);
  return [...leaves.values()].sort((a, b) => compareBytes(a.key, b.key)).map((leaf) => leaf.hash as Uint8Array);
}

function proveLeaf(leaves: ReadonlyMap<string, Leaf>, openStreams: number, name: string): TensorProof {
  const wanted = leaves.get(name);
  if (wanted === undefined) throw new CommitRevealError('unknown-tensor', `no tensor ${JSON.stringify(name)} in this tree`, { field: name });
  const sorted = sortedLeaves(leaves, openStreams);
  return proveMerkleLeaf(RULES, sorted, sorted.indexOf(wanted.hash as Uint8Array));
}

function computeRootOfLeaves(leaves: Uint8Array[]): Uint8Array {
  if (leaves.length === 0) throw new CommitRevealError('no-tensors', 'a root needs at least one tensor, got none');
  return merkleRoot(RULES, leaves);
}
