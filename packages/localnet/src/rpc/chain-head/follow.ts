/**
 * `chainHead_v1_follow`: one client's view of the head of the chain, told block by block, with the blocks that it has pinned.
 *
 * Whatever the node tells is checked against what the client has been told. What does not follow from that — a snapshot that was restored, an endpoint that
 * had been left behind — ends the subscription with `stop`, and the client begins anew, as on a real node after a gap.
 * @module
 * @see https://paritytech.github.io/json-rpc-interface-spec/api/chainHead_v1_follow.html
 */
import { prefixed } from '../../hex.ts';
import type { Block } from '../../block.ts';
import type { NodeView } from '../../node.ts';
import { runtimeVersion } from '../../version.ts';
import { RpcFailure } from '../failure.ts';
import { Operations } from './operations.ts';

/** Final blocks that `initialized` tells of (16, as polkadot-sdk has it: about a minute and a half of a real chain). */
const INITIAL_BLOCKS = 16;
/** Pinned blocks that are final or pruned, after which a client has fallen too far behind (polkadot-sdk: 512; here blocks can come much faster). */
export const MAX_PINNED_BLOCKS = 4096;

/** The code for a block that is not pinned. */
const INVALID_BLOCK = -32_801;
const DUPLICATE_HASHES = -32_804;

/** Where events go; `end` ends the subscription. */
export interface FollowSink {
  readonly send: (event: object) => void;
  readonly end: () => void;
}

/** One subscription. */
export class Follow {
  readonly withRuntime: boolean;
  readonly operations: Operations;
  readonly #node: NodeView;
  readonly #pinned = new Set<string>();
  /** Parents of the blocks that were told of and are not final, by hash, parents first. */
  readonly #open = new Map<string, string>();
  #finalized = '';
  #sink: FollowSink | undefined;
  #stops: readonly (() => void)[] = [];

  constructor(node: NodeView, { withRuntime }: { readonly withRuntime: boolean }) {
    this.#node = node;
    this.withRuntime = withRuntime;
    this.operations = new Operations((event) => this.#sink?.send(event));
  }

  /** Tells where the chain stands, and from now on what happens to it. */
  begin(sink: FollowSink): void {
    this.#sink = sink;
    const final = newestFinal(this.#node);
    this.#finalized = (final.at(-1) as Block).hash;
    for (const { hash } of final) this.#pinned.add(hash);
    const runtime = this.withRuntime ? { finalizedBlockRuntime: runtimeJson() } : {};
    sink.send({ event: 'initialized', finalizedBlockHashes: final.map(({ hash }) => prefixed(hash)), ...runtime });
    for (const block of this.#node.openBlocks()) if (this.#isKnown(block.header.parentHash)) this.#tell(block);
    this.#onBest(this.#node.head);
    if (this.#sink === undefined) return;
    this.#stops = [
      this.#node.onImported((block) => this.#onImported(block)),
      this.#node.onBlock((block) => this.#onBest(block)),
      this.#node.onFinalized((block) => this.#onFinalized(block)),
    ];
  }

  /** Ends it without a word. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#sink = undefined;
    this.#pinned.clear();
    this.#open.clear();
    this.operations.close();
  }

  /** A pinned block; `undefined`, and the end of the subscription, where the chain keeps it no more. @throws RpcFailure (-32801) */
  block(hash: string): Block | undefined {
    if (!this.#pinned.has(hash)) throw new RpcFailure(INVALID_BLOCK, 'Invalid block hash', `0x${hash} is not pinned`);
    const block = this.#node.block(hash);
    if (block === undefined) this.#stop();
    return block;
  }

  /** Unpins all of the blocks, or none. @throws RpcFailure (-32801, -32804) */
  unpin(hashes: readonly string[]): void {
    if (new Set(hashes).size !== hashes.length) throw new RpcFailure(DUPLICATE_HASHES, 'Received duplicate hashes for the chainHead_unpin method');
    const missing = hashes.find((hash) => !this.#pinned.has(hash));
    if (missing !== undefined) throw new RpcFailure(INVALID_BLOCK, 'Invalid block hash', `0x${missing} is not pinned`);
    for (const hash of hashes) this.#pinned.delete(hash);
  }

  #isKnown(hash: string): boolean {
    return hash === this.#finalized || this.#open.has(hash);
  }

  #tell({ hash, header }: Block): void {
    this.#open.set(hash, header.parentHash);
    this.#pinned.add(hash);
    const runtime = this.withRuntime ? { newRuntime: null } : {};
    this.#sink?.send({ event: 'newBlock', blockHash: prefixed(hash), parentBlockHash: prefixed(header.parentHash), ...runtime });
  }

  #onImported(block: Block): void {
    if (this.#isKnown(block.hash) || !this.#isKnown(block.header.parentHash)) return this.#stop();
    this.#tell(block);
  }

  #onBest({ hash }: Block): void {
    if (!this.#isKnown(hash)) return this.#stop();
    this.#sink?.send({ event: 'bestBlockChanged', bestBlockHash: prefixed(hash) });
  }

  #onFinalized({ hash }: Block): void {
    if (hash === this.#finalized) return;
    const path = this.#pathTo(hash);
    if (path === undefined) return this.#stop();
    const pruned = this.#prunedBy(path);
    for (const gone of [...path, ...pruned]) this.#open.delete(gone);
    this.#finalized = hash;
    this.#sink?.send({ event: 'finalized', finalizedBlockHashes: path.map(prefixed), prunedBlockHashes: pruned.map(prefixed) });
    if (this.#pinned.size - this.#open.size > MAX_PINNED_BLOCKS) this.#stop();
  }

  /** The blocks after the final one that end with `hash`; `undefined` where they do not begin there. */
  #pathTo(hash: string): string[] | undefined {
    const path: string[] = [];
    for (let at: string | undefined = hash; at !== this.#finalized; at = this.#open.get(at)) {
      if (at === undefined) return undefined;
      path.unshift(at);
    }
    return path;
  }

  /** What stands neither on a path nor after its end. */
  #prunedBy(path: readonly string[]): string[] {
    const onPath = new Set(path);
    const kept = new Set(path.slice(-1));
    const pruned: string[] = [];
    for (const [hash, parent] of this.#open) {
      if (onPath.has(hash)) continue;
      if (kept.has(parent)) kept.add(hash);
      else pruned.push(hash);
    }
    return pruned;
  }

  #stop(): void {
    const sink = this.#sink;
    this.close();
    sink?.send({ event: 'stop' });
    sink?.end();
  }
}

function newestFinal(node: NodeView): Block[] {
  const blocks = [node.finalized];
  for (let block = node.finalized; blocks.length < INITIAL_BLOCKS && block.header.number > 0; blocks.unshift(block)) {
    const parent = node.block(block.header.parentHash);
    if (parent === undefined) break;
    block = parent;
  }
  return blocks;
}

/** The runtime, which never changes, as JSON. */
function runtimeJson(): object {
  const { spec_name, impl_name, spec_version, impl_version, transaction_version, apis } = runtimeVersion;
  const spec = {
    specName: spec_name,
    implName: impl_name,
    specVersion: spec_version,
    implVersion: impl_version,
    transactionVersion: transaction_version,
    apis: Object.fromEntries(apis.map(([id, version]) => [prefixed(id), version])),
  };
  return { type: 'valid', spec };
}
