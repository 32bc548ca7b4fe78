/**
 * A socket to a node that has been looked at: it speaks JSON-RPC, and it serves the chain that is wanted.
 * @module
 */
import { toHex } from '@connito/commit-reveal';
import { ChainError } from '../errors.ts';
import { RpcSocket, type SocketOptions } from './rpc-socket.ts';

/** A connection to one node. */
export interface NodeLink {
  readonly socket: RpcSocket;
  readonly endpoint: string;
  /** Hash of block 0, `0x` and 64 digits. */
  readonly genesis: string;
  /** `rpc_methods`. */
  readonly methods: ReadonlySet<string>;
  /** The highest block that this node is known to have finalised. */
  finalisedNumber: number;
}

/** Options of {@link openLink}. */
export interface LinkOptions extends SocketOptions {
  /** Refuses a node whose block 0 has another hash. 32 bytes. */
  readonly genesisHash: Uint8Array | undefined;
}

/** Connects to a node and looks at it. @throws unreachable, bad-node, wrong-chain */
export async function openLink(options: LinkOptions): Promise<NodeLink> {
  const { endpoint, timeoutMs, genesisHash } = options;
  const socket = await RpcSocket.open(options).catch((cause: Error) => {
    throw unreachable(endpoint, cause.message, cause);
  });
  try {
    const { genesis, methods } = await withDeadline(greet(socket), timeoutMs, () => badNode(endpoint, `no answer within ${timeoutMs / 1000} s`));
    assertGenesis(endpoint, genesis, genesisHash);
    return { socket, endpoint, genesis, methods, finalisedNumber: -1 };
  } catch (error) {
    socket.close('it was not taken');
    throw error;
  }
}

/** The newest block that the node has finalised. @throws as `RpcSocket.request` */
export async function readFinalisedNumber(link: NodeLink): Promise<number> {
  const hash = await link.socket.request('chain_getFinalizedHead', []);
  const header = (await link.socket.request('chain_getHeader', [hash])) as { readonly number: string } | null;
  if (header === null) throw badNode(link.endpoint, 'it has no header of its finalised head');
  link.finalisedNumber = Math.max(link.finalisedNumber, Number(header.number));
  return Number(header.number);
}

/** Something answers that is no node of Subtensor. */
export function badNode(endpoint: string, reason: string, cause?: unknown): ChainError {
  return new ChainError('bad-node', `${endpoint} answers, but not as a Subtensor node does: ${reason}`, { endpoint, reason }, cause);
}

/** Fails with `late()` when the work takes too long; the work itself goes on, unheard. */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number, late: () => ChainError): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}

async function greet(socket: RpcSocket): Promise<{ genesis: string; methods: ReadonlySet<string> }> {
  try {
    const [genesis, answer] = await Promise.all([socket.request('chain_getBlockHash', [0]), socket.request('rpc_methods', []) as Promise<{ methods?: unknown } | null>]);
    if (typeof genesis !== 'string' || !/^0x[0-9a-f]{64}$/.test(genesis)) throw badNode(socket.endpoint, 'it has no block 0');
    return { genesis, methods: new Set(Array.isArray(answer?.methods) ? answer.methods.map(String) : []) };
  } catch (cause) {
    throw cause instanceof ChainError ? cause : badNode(socket.endpoint, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function assertGenesis(endpoint: string, genesis: string, expected: Uint8Array | undefined): void {
  if (expected === undefined || genesis === `0x${toHex(expected)}`) return;
  throw new ChainError('wrong-chain', `expected the chain with genesis 0x${toHex(expected)} at ${endpoint}, got ${genesis}; check the endpoint`, {
    endpoint,
    expected: `0x${toHex(expected)}`,
    actual: genesis,
  });
}

function unreachable(endpoint: string, reason: string, cause?: unknown): ChainError {
  return new ChainError('unreachable', `cannot reach a node at ${endpoint}: ${reason}. Is it running, and is the address right?`, { endpoint, reason }, cause);
}
