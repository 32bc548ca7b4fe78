/**
 * What runtime APIs read: the state after one block, and its keys.
 * @module
 */
import type { Block } from '../block.ts';
import type { NodeView } from '../node.ts';
import { pallets, type PalletDescription, type PalletName, type Pallets } from '../pallets/index.ts';
import type { Apis } from '../pallets/apis.ts';
import { fromHex } from '../hex.ts';
import { Execution } from '../runtime/execution.ts';
import { storagePrefix, type Storage } from '../runtime/storage.ts';
import { ScaleReader } from '../scale/bytes.ts';
import { readScale } from '../scale/codec.ts';
import type { TypeOf } from '../scale/type-of.ts';
import { StateOverlay, type BlockState } from '../state.ts';

/** Bytes that a hasher puts before the key. */
const HASH_BYTES = { Identity: 0, Twox64Concat: 8, Blake2_128Concat: 16 } as const;

/** One runtime call. */
export class ApiContext {
  readonly node: NodeView;
  readonly block: Block;
  /** The state after the block, as the runtime's functions want it. Nothing that is written to it stays. */
  readonly execution: Execution;
  readonly #state: BlockState;

  /** @param block - one whose state is known */
  constructor(node: NodeView, block: Block) {
    this.node = node;
    this.block = block;
    this.#state = node.chain.stateOf(block) as BlockState;
    const overlay = new StateOverlay(this.#state);
    this.execution = new Execution({ overlay, blockNumber: block.header.number, timestampMs: block.timestampMs });
  }

  get storage(): Storage {
    return this.execution.storage;
  }

  /** Items of SubtensorModule. */
  get subtensor(): Storage['SubtensorModule'] {
    return this.execution.storage.SubtensorModule;
  }

  /** The keys under which a map has entries, in the order of storage. */
  keysOf<P extends PalletName, I extends keyof Pallets[P]['storage'] & string>(pallet: P, item: I): readonly (readonly unknown[])[] {
    const { hashers = [], keys: types = [] } = (pallets[pallet] as PalletDescription).storage[item] ?? {};
    const found = this.#state.keys(storagePrefix(pallet, item));
    return found.map((key) => {
      const reader = new ScaleReader(fromHex(key.slice(64)));
      return types.map((type, index) => {
        reader.take(HASH_BYTES[hashers[index] as keyof typeof HASH_BYTES]);
        return readScale(type, reader);
      });
    });
  }

  /** All netuids, root included, in the order of storage. */
  netuids(): number[] {
    return this.keysOf('SubtensorModule', 'NetworksAdded').map(([netuid]) => netuid as number);
  }

  /** Whether the subnet exists (root does). */
  exists(netuid: number): boolean {
    return this.subtensor.NetworksAdded.get(netuid);
  }

  /** Hotkeys by uid. */
  hotkeys(netuid: number): string[] {
    return Array.from({ length: this.subtensor.SubnetworkN.get(netuid) }, (_, uid) => this.subtensor.Keys.get(netuid, uid));
  }
}

/** The inputs of a method by name. */
export type InputsOf<M> = M extends readonly [infer I, string] ? { readonly [K in keyof I]: I[K] extends string ? TypeOf<I[K]> : never } : never;
/** What a method answers. */
export type OutputOf<M> = M extends readonly [unknown, infer O extends string] ? TypeOf<O> : never;

/** One function per method of an API. */
export type ApiHandlers<A extends keyof Apis> = {
  readonly [M in keyof Apis[A]['methods']]: (context: ApiContext, inputs: InputsOf<Apis[A]['methods'][M]>) => OutputOf<Apis[A]['methods'][M]>;
};
