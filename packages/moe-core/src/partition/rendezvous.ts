/**
 * Weighted rendezvous hashing: every key ranks the nodes by a number that depends on the key and that node only, so that a node that joins takes
 * keys and changes nothing else, and a node that leaves gives up its keys and changes nothing else.
 *
 * With `u = (n + ½) · 2^-52`, n the first 52 bits of the hash, a node's cost is `−ln(u) / capacity`; the lowest wins. Costs are exponentially distributed
 * with rate `capacity`, so a node wins with probability `capacity / Σ capacities`. The message that is hashed is `tag ‖ seed ‖ key ‖ node`, each with its length
 * before it (u32, little-endian), texts in UTF-8.
 *
 * `Math.log` may differ in the last bit between engines, and an assignment must not; the logarithm here is made of additions,
 * multiplications and divisions of float64 in a fixed order, which IEEE 754 defines to the bit.
 * @see https://en.wikipedia.org/wiki/Rendezvous_hashing#Weighted_rendezvous_hash
 * @module
 */
import { concatBytes } from '../internal/concat-bytes.ts';
import { MoeError } from '../errors.ts';
import { compareCodePoints } from '../internal/code-points.ts';

/** A cryptographic hash of at least 8 bytes that everybody computes alike: SHA-256 in Connito. This package has no dependencies, so it is passed in. */
export type HashFunction = (bytes: Uint8Array) => Uint8Array;

/** Something that keys are assigned to. */
export interface RendezvousNode {
  /** Unique, not empty. */
  readonly id: string;
  /** Share of the keys, relative to the others'; above 0. */
  readonly capacity: number;
}

/** What everybody must agree on. */
export interface Rendezvous {
  /** What the assignment is for; another tag is another, independent assignment. */
  readonly tag: string;
  /** Public randomness: of a beacon, of a cycle. */
  readonly seed: Uint8Array;
  readonly hash: HashFunction;
}

/** Ranks nodes for one key. */
export type KeyRanking = (key: string) => readonly RendezvousNode[];

/**
 * Prepares ranking: the first node for a key is its owner, the next ones are those it falls to in turn. Nothing depends on the order of
 * `nodes`; equal costs (2^-52 likely) go to the lower id in code point order.
 * @throws assignment-invalid
 * @example
 * const rank = createRanking({ tag: 'shards', seed, hash: sha256 }, [{ id: '5F…', capacity: 2 }, { id: '5G…', capacity: 1 }]);
 * const [owner, substitute] = rank('train-0007');
 */
export function createRanking(rendezvous: Rendezvous, nodes: readonly RendezvousNode[]): KeyRanking {
  assertNodes(nodes);
  const { hash } = rendezvous;
  const head = concatBytes([field(rendezvous.tag), field(rendezvous.seed)]);
  const encoded = nodes.map((node) => ({ node, bytes: field(node.id) }));
  return (key) => {
    const prefix = concatBytes([head, field(key)]);
    const costs = encoded.map(({ node, bytes }) => ({ node, cost: costOf(hash(concatBytes([prefix, bytes])), node.capacity) }));
    return costs.sort((a, b) => a.cost - b.cost || compareCodePoints(a.node.id, b.node.id)).map(({ node }) => node);
  };
}

/**
 * `−ln(x · 2^-53)` for odd x below 2^53, to about one unit in the last place, the same bits everywhere.
 *
 * `x = m · 2^e` with m between √½ and √2, `ln m = 2 atanh(s)`, `s = (m − 1) / (m + 1)`; |s| < 0.172, so eleven terms of the series reach 2^-53.
 */
export function negativeLog(x: number): number {
  const high = Math.floor(x / 2 ** 32);
  let exponent = high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(x);
  let mantissa = x / 2 ** exponent;
  if (mantissa > ROOT_2) {
    mantissa /= 2;
    exponent++;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let k = 21; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return (53 - exponent) * LN2 - 2 * s * sum;
}

/** The doubles nearest to ln 2 and √2, written out: the constants of `Math` are specified as "approximately" these. */
const LN2 = 0.6931471805599453;
const ROOT_2 = 1.4142135623730951;

function costOf(digest: Uint8Array, capacity: number): number {
  if (digest.length < 8) throw invalid('hash', `expected at least 8 bytes, got ${digest.length}`);
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  const n = view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12);
  return negativeLog(2 * n + 1) / capacity;
}

function assertNodes(nodes: readonly RendezvousNode[]): void {
  const ids = new Set<string>();
  for (const { id, capacity } of nodes) {
    if (id === '' || ids.has(id)) throw invalid('id', `expected ids that are unique and not empty, got "${id}" ${id === '' ? '' : 'twice'}`);
    if (!(capacity > 0 && Number.isFinite(capacity))) throw invalid('capacity', `expected a number above 0 for ${id}, got ${capacity}`);
    ids.add(id);
  }
}

function field(value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length, true);
  return concatBytes([length, bytes]);
}

function invalid(what: string, message: string): MoeError<'assignment-invalid'> {
  return new MoeError('assignment-invalid', { message: `assignment, ${what}: ${message}`, context: { field: what } });
}
