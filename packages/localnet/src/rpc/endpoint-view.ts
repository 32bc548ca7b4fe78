/**
 * The node as the clients of one endpoint see it: the node itself, or what its faults make of it.
 * @module
 */
import type { Block } from '../block.ts';
import type { Chain } from '../chain.ts';
import type { Controls } from '../controls.ts';
import type { Faults } from '../faults.ts';
import type { BlockListener, LocalNode, NodeView } from '../node.ts';
import type { StatusListener, TransactionPool } from '../pool.ts';
import type { BlockProducer } from '../producer.ts';
import type { StateChanges } from '../state.ts';
import { blake2, toHex } from '../hex.ts';
import { decodeExtrinsic } from '../extrinsic.ts';
import { RpcFailure } from './failure.ts';

/** Where a stale endpoint stands, and what it has missed. */
interface Frozen {
  readonly head: Block;
  readonly finalized: Block;
  readonly missed: Map<string, Uint8Array | undefined>;
}

/** A node behind an endpoint with faults. */
export class EndpointView implements NodeView {
  readonly chain: Chain;
  readonly pool: TransactionPool;
  readonly producer: BlockProducer;
  readonly controls: Controls;
  readonly faults: Faults;
  readonly #node: LocalNode;
  readonly #best = new Set<BlockListener>();
  readonly #imported = new Set<(block: Block) => void>();
  readonly #final = new Set<(block: Block) => void>();
  readonly #stops: readonly (() => void)[];
  #frozen: Frozen | undefined;

  constructor({ node, controls, faults }: { readonly node: LocalNode; readonly controls: Controls; readonly faults: Faults }) {
    this.#node = node;
    this.controls = controls;
    this.faults = faults;
    this.chain = node.chain;
    this.pool = node.pool;
    this.producer = node.producer;
    this.#stops = [
      node.onBlock((block, changes) => this.#onBlock(block, changes)),
      node.onImported((block) => this.#unlessStale(this.#imported, block)),
      node.onFinalized((block) => this.#unlessStale(this.#final, block)),
    ];
  }

  /** Freezes or catches up, as the faults have it now. */
  follow(): void {
    const stale = this.faults.settings.stale === true;
    if (stale) this.#frozen ??= { head: this.#node.head, finalized: this.#node.finalized, missed: new Map() };
    else this.#catchUp();
  }

  get head(): Block {
    return this.#frozen?.head ?? this.#node.head;
  }

  get finalized(): Block {
    return this.#frozen?.finalized ?? this.#node.finalized;
  }

  get oldestStateBlock(): number {
    const keep = this.faults.settings.keepStateBlocks;
    return keep === undefined ? this.#node.oldestStateBlock : Math.max(this.#node.oldestStateBlock, this.head.header.number - keep);
  }

  block(id: number | string): Block | undefined {
    const block = this.#node.block(id);
    return block !== undefined && this.#frozen !== undefined && block.header.number > this.#frozen.head.header.number ? undefined : block;
  }

  openBlocks(): readonly Block[] {
    return this.#frozen === undefined ? this.#node.openBlocks() : this.#branch(this.#frozen);
  }

  submit(bytes: Uint8Array, listener?: StatusListener): string {
    const refusal = this.faults.settings.refuseSubmissions;
    if (refusal !== undefined) throw new RpcFailure(refusal.code, refusal.message, refusal.data);
    if (this.#frozen === undefined) return this.#node.submit(bytes, listener);
    this.chain.validate(decodeExtrinsic(bytes), bytes.length);
    listener?.('ready');
    return toHex(blake2(bytes));
  }

  onBlock(listener: BlockListener): () => void {
    return add(this.#best, listener);
  }

  onImported(listener: (block: Block) => void): () => void {
    return add(this.#imported, listener);
  }

  onFinalized(listener: (block: Block) => void): () => void {
    return add(this.#final, listener);
  }

  /** Hears of nothing any more. */
  close(): void {
    for (const stop of this.#stops) stop();
    for (const listeners of [this.#best, this.#imported, this.#final]) listeners.clear();
  }

  /** The blocks from the final one to the head, as far as the node still knows them. */
  #branch({ head, finalized }: Frozen): Block[] {
    const blocks: Block[] = [];
    for (let block: Block | undefined = head; block !== undefined && block.header.number > finalized.header.number; block = this.#node.block(block.header.parentHash)) blocks.unshift(block);
    return blocks;
  }

  #onBlock(block: Block, changes: StateChanges): void {
    if (this.#frozen === undefined) for (const listener of this.#best) listener(block, changes);
    else for (const [key, value] of changes) this.#frozen.missed.set(key, value);
  }

  #unlessStale(listeners: ReadonlySet<(block: Block) => void>, block: Block): void {
    if (this.#frozen === undefined) for (const listener of listeners) listener(block);
  }

  /** A node that has caught up tells of its newest blocks; those between it passes over, as Substrate does while it syncs. */
  #catchUp(): void {
    const frozen = this.#frozen;
    this.#frozen = undefined;
    if (frozen === undefined) return;
    if (frozen.head.hash !== this.head.hash) {
      for (const listener of this.#imported) listener(this.head);
      for (const listener of this.#best) listener(this.head, frozen.missed);
    }
    if (frozen.finalized.hash !== this.finalized.hash) for (const listener of this.#final) listener(this.finalized);
  }
}

function add<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
