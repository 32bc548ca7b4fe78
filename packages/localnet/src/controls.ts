/**
 * What a developer can do to the chain besides sending transactions: make time pass, change state, go back.
 *
 * Whatever changes state does so in a block of its own, so that the state at each block stays what it was when the block was told of.
 * @module
 */
import type { Pulse } from '@connito/commit-reveal';
import { accountOfAddress } from './accounts.ts';
import type { Block } from './block.ts';
import { DrandBeacon, type GivenPulse } from './drand-beacon.ts';
import { LocalnetError } from './errors.ts';
import { parseHex, toHex } from './hex.ts';
import type { LocalNode } from './node.ts';
import { palletList, type HasherName, type StorageDescription } from './pallets/index.ts';
import type { BlockMode } from './producer.ts';
import { mint } from './runtime/balances.ts';
import { nextEpochBlock } from './runtime/epoch-schedule.ts';
import type { Execution } from './runtime/execution.ts';
import { storageKey } from './runtime/storage.ts';
import { decodeScale, encodeScale } from './scale/codec.ts';
import { valueFromJson, valueToJson, type Json } from './scale/json.ts';
import { readSnapshotFile, writeSnapshotFile, type Snapshot } from './snapshot.ts';

/** How a jump treats the beacon. */
export interface JumpOptions {
  /** Whether rounds that are due are passed over for good instead of being signed and stored (no). Signing is what takes time. */
  readonly skipPulses?: boolean;
}

/** A storage item by its names, or a raw key (`0x…`). */
export type StorageEntry =
  | { readonly pallet: string; readonly item: string; readonly keys?: readonly unknown[] | undefined; readonly value: unknown }
  | { readonly key: string; readonly value: string | null };

/** Pulses that are given at a time at most: each takes 10 to 20 ms to verify. */
const MAX_GIVEN_PULSES = 1_000;
/** Blocks between which a long jump lets others have a turn. */
const CHUNK_BLOCKS = 256;
/** Blocks of one jump at most. */
export const MAX_JUMP_BLOCKS = 10_000_000;
/** After so many blocks an epoch has come, whatever the tempo (`MAX_TEMPO`), unless the subnet has none. */
const MAX_EPOCH_BLOCKS = 50_402;
/** Snapshots in memory at most. */
const MAX_SNAPSHOTS = 64;
/** Bytes of a raw storage key at most. */
const MAX_KEY_BYTES = 512;
/** How far ahead of the newest block the next may be stamped: a hundred years. */
const MAX_TRAVEL_MS = 100 * 365 * 86_400_000;

/** The controls of one node. */
export class Controls {
  readonly #node: LocalNode;
  readonly #snapshots = new Map<string, Snapshot>();

  constructor(node: LocalNode) {
    this.#node = node;
  }

  /** Makes blocks at once. */
  seal(count: number): void {
    this.#node.sealMany(count);
    this.#node.producer.wake();
  }

  /** How blocks come, from now on. @throws bad-control */
  setBlockMode(mode: BlockMode): void {
    const sound = ['instant', 'manual', 'interval'].includes(mode.type);
    if (!sound || (mode.type === 'interval' && !(Number.isSafeInteger(mode.intervalMs) && mode.intervalMs >= 1 && mode.intervalMs <= 86_400_000))) {
      throw new LocalnetError('bad-control', `A block mode is "instant", "manual", or "interval" with 1 to 86400000 ms, got ${JSON.stringify(mode).slice(0, 100)}.`);
    }
    this.#node.producer.mode = mode;
  }

  /** Makes `blocks` blocks; clients are answered meanwhile. @throws bad-control */
  async jump(blocks: number, { skipPulses = false }: JumpOptions = {}): Promise<Block> {
    if (!Number.isSafeInteger(blocks) || blocks < 1 || blocks > MAX_JUMP_BLOCKS) throw new LocalnetError('bad-control', `A jump is of 1 to ${MAX_JUMP_BLOCKS} blocks, got ${blocks}.`);
    return this.#node.producer.pause(async () => {
      for (let left = blocks; left > 0; left -= CHUNK_BLOCKS) {
        // The beacon is right again where the jump ends.
        const skipped = skipPulses ? Math.min(CHUNK_BLOCKS, left) - (left <= CHUNK_BLOCKS ? 1 : 0) : 0;
        this.#node.sealMany(skipped, { skipPulses });
        this.#node.sealMany(Math.min(CHUNK_BLOCKS, left) - skipped);
        await nextTurn();
      }
      return this.#node.head;
    });
  }

  /** Makes blocks until the subnet's next epoch has run, and returns its block. @throws bad-control where it has none */
  async jumpToEpoch(netuid: number, { skipPulses = false }: JumpOptions = {}): Promise<Block> {
    const { chain } = this.#node;
    const { NetworksAdded, Tempo } = chain.storageAt(chain.head.header.number).SubtensorModule;
    if (!NetworksAdded.get(netuid) || Tempo.get(netuid) === 0) throw new LocalnetError('bad-control', `Subnet ${netuid} has no epochs: ${NetworksAdded.get(netuid) ? 'its tempo is 0' : 'it does not exist'}.`, { context: { netuid } });
    const before = this.#lastEpoch(netuid);
    return this.#node.producer.pause(async () => {
      for (let made = 0; made < MAX_EPOCH_BLOCKS; ) {
        const blocks = this.#blocksToEpoch(netuid);
        this.#node.sealMany(blocks, { skipPulses });
        if (this.#lastEpoch(netuid) !== before) return this.#node.head;
        made += blocks;
        await nextTurn();
      }
      throw new LocalnetError('bad-control', `Subnet ${netuid} had no epoch in ${MAX_EPOCH_BLOCKS} blocks.`, { context: { netuid } });
    });
  }

  /** Stamps the next block with a time after the newest one's. The beacon follows, or is brought there in a block at once. @throws bad-control */
  setNextTime(timeMs: number, { skipPulses = false }: JumpOptions = {}): void {
    const { chain } = this.#node;
    const last = chain.head.timestampMs;
    if (!Number.isSafeInteger(timeMs) || timeMs <= last || timeMs > last + MAX_TRAVEL_MS) {
      throw new LocalnetError('bad-control', `The next block's time must be after the newest one's, ${last} (${new Date(last).toISOString()}), and at most a hundred years later, got ${timeMs}.`, { context: { timeMs, last } });
    }
    if (skipPulses) this.#node.seal(undefined, { timestampMs: timeMs, skipPulses });
    else chain.setNextTimestamp(timeMs);
  }

  /**
   * Takes in signatures of quicknet, all or none; how many pulses wait now. Each stands in the first block that is made after its round is due. Those that wait
   * are lost by a restart.
   * @throws bad-control where the chain follows its own beacon; for a signature that is not quicknet's; for rounds that the chain is past
   */
  async givePulses(pulses: readonly GivenPulse[]): Promise<number> {
    const { beacon } = this.#node.chain;
    if (!(beacon instanceof DrandBeacon)) throw new LocalnetError('bad-control', "This chain's beacon signs its rounds itself and takes no pulses. Start the chain with the beacon quicknet.");
    if (!this.#node.chain.followsBeacon) throw new LocalnetError('bad-control', "Root has set another beacon's key (Drand.set_beacon_config), so the chain takes no pulses of quicknet. Submit the other beacon's with Drand.write_pulse.");
    if (!Array.isArray(pulses) || pulses.length < 1 || pulses.length > MAX_GIVEN_PULSES) throw new LocalnetError('bad-control', `Pulses are given as a list of 1 to ${MAX_GIVEN_PULSES}, got ${Array.isArray(pulses) ? pulses.length : 'no list'}.`);
    const verified: Pulse[] = [];
    for (const [index, pulse] of pulses.entries()) {
      verified.push(beacon.verify(pulse, `pulses[${index}]`));
      await nextTurn();
    }
    const last = this.#lastStoredRound();
    const late = verified.find(({ round }) => round <= last);
    if (late !== undefined) throw new LocalnetError('bad-control', `Round ${late.round} comes too late: the chain has pulses up to round ${last}, and takes only later ones.`, { context: { round: late.round, last } });
    beacon.hold(verified);
    return beacon.waiting.length;
  }

  /** Gives an account new TAO, counted in both pallets' issuance, in a block of its own. @throws bad-control */
  fund(address: string, amountRao: bigint): Block {
    const account = accountOf(address);
    if (amountRao < 1n || amountRao >= 1n << 62n) throw new LocalnetError('bad-control', `An account is funded with 1 to 2^62 - 1 rao, got ${amountRao}.`);
    return this.#node.edit((execution) => fundAccount(execution, account, amountRao));
  }

  /** Writes or removes (`null`) storage in a block of its own. @throws bad-control */
  setStorage(entries: readonly StorageEntry[]): Block {
    const changes = entries.map((entry, index) => rawEntry(entry, `entries[${index}]`));
    return this.#node.edit(({ overlay }) => {
      for (const { key, value } of changes) overlay.set(key, value);
    });
  }

  /** A storage value as JSON, at the newest block: its default where it is not there. @throws bad-control */
  getStorage({ pallet, item, keys = [] }: { readonly pallet: string; readonly item: string; readonly keys?: readonly unknown[] }): Json {
    const { chain } = this.#node;
    const description = describe(pallet, item);
    const bytes = chain.history.get(keyOf({ pallet, item, keys }, description, 'keys'), chain.head.header.number) ?? (description.default === undefined ? undefined : parseHex(description.default));
    return bytes === undefined ? null : valueToJson(description.value, decodeScale(description.value, bytes));
  }

  /** Remembers the newest block and its state under a name. @throws bad-control */
  takeSnapshot(name: string): Snapshot {
    if (!/^[\w.-]{1,64}$/.test(name)) throw new LocalnetError('bad-control', `A snapshot's name has 1 to 64 letters, digits, dots, dashes and underscores, got ${JSON.stringify(name)?.slice(0, 80)}.`);
    if (this.#snapshots.size >= MAX_SNAPSHOTS && !this.#snapshots.has(name)) throw new LocalnetError('bad-control', `There are ${MAX_SNAPSHOTS} snapshots; forget one first.`);
    const snapshot = this.#node.chain.snapshot();
    this.#snapshots.set(name, snapshot);
    return snapshot;
  }

  /** The snapshots in memory by name, with their blocks. */
  get snapshots(): ReadonlyMap<string, Block> {
    return new Map([...this.#snapshots].map(([name, { head }]) => [name, head]));
  }

  /** Goes back, also over final blocks. The pool is emptied, and of given pulses those wait that did then. @throws unknown-snapshot */
  restoreSnapshot(name: string): Block {
    const snapshot = this.#snapshots.get(name);
    if (snapshot === undefined) throw new LocalnetError('unknown-snapshot', `There is no snapshot ${JSON.stringify(name)?.slice(0, 80)}. There are: ${[...this.#snapshots.keys()].join(', ') || 'none'}.`);
    this.#node.restore(snapshot);
    return this.#node.head;
  }

  /** Whether there was one of that name. */
  forgetSnapshot(name: string): boolean {
    return this.#snapshots.delete(name);
  }

  /** Writes the newest block and its state to a file. */
  saveSnapshot(path: string): void {
    writeSnapshotFile(path, this.#node.chain.snapshot());
  }

  /** Goes on from a file of a chain with the same genesis. @throws bad-snapshot, bad-control */
  loadSnapshot(path: string): Block {
    const snapshot = readSnapshotFile(path);
    const { genesisHash } = this.#node.chain;
    if (snapshot.genesis.hash !== genesisHash) {
      throw new LocalnetError('bad-control', `${path} is of another chain, with genesis 0x${snapshot.genesis.hash}; this one has 0x${genesisHash}. Start a localnet with forkFrom to go on from it.`, { context: { path } });
    }
    this.#node.restore(snapshot);
    return this.#node.head;
  }

  /** Replaces the newest blocks by a longer fork. @throws bad-control */
  reorganize(depth: number, { dropTransactions = false }: { readonly dropTransactions?: boolean } = {}): Block {
    if (!Number.isSafeInteger(depth) || depth < 1) throw new LocalnetError('bad-control', `A reorganisation has a depth of at least 1, got ${depth}.`);
    return this.#node.reorganize(depth, { drop: dropTransactions });
  }

  /** A chunk of blocks, none after the one in which the epoch is due. */
  #blocksToEpoch(netuid: number): number {
    const { chain } = this.#node;
    const { number } = chain.head.header;
    const due = Number(nextEpochBlock(chain.storageAt(number), netuid) ?? 0n) - number;
    return Math.min(CHUNK_BLOCKS, Math.max(1, due));
  }

  #lastStoredRound(): bigint {
    const { chain } = this.#node;
    return chain.storageAt(chain.head.header.number).Drand.LastStoredRound.get();
  }

  #lastEpoch(netuid: number): bigint {
    const { chain } = this.#node;
    return chain.storageAt(chain.head.header.number).SubtensorModule.LastMechansimStepBlock.get(netuid);
  }
}

/** Mints TAO, and counts it where the pallets count it. */
export function fundAccount(execution: Execution, account: string, amountRao: bigint): void {
  const before = execution.storage.Balances.TotalIssuance.get();
  mint(execution, account, amountRao);
  const { TotalIssuance } = execution.storage.SubtensorModule;
  TotalIssuance.set(TotalIssuance.get() + execution.storage.Balances.TotalIssuance.get() - before);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function accountOf(address: string): string {
  const account = accountOfAddress(address);
  if (account === undefined) throw new LocalnetError('bad-control', `Expected an ss58 address, got ${shown(address)}.`);
  return account;
}

/** The raw form of an entry. */
function rawEntry(entry: StorageEntry, where: string): { key: string; value: Uint8Array | undefined } {
  if ('key' in entry) {
    const [key, value] = [parseHex(entry.key), entry.value === null ? undefined : parseHex(entry.value)];
    if (key === undefined || key.length === 0 || key.length > MAX_KEY_BYTES || (entry.value !== null && value === undefined)) {
      throw new LocalnetError('bad-control', `${where}: expected a key of 1 to ${MAX_KEY_BYTES} bytes and a value, both as 0x and hex digits, or null to remove.`, { context: { where } });
    }
    return { key: toHex(key), value };
  }
  const description = describe(entry.pallet, entry.item);
  const key = keyOf(entry, description, `${where}.keys`);
  return { key, value: entry.value === null ? undefined : encodeScale(description.value, valueFromJson(description.value, entry.value, `${where}.value`) as never) };
}

function describe(pallet: string, item: string): StorageDescription {
  const storage = palletList.find(([name]) => name === pallet)?.[1].storage;
  const description = storage !== undefined && Object.hasOwn(storage, item) ? storage[item] : undefined;
  if (description === undefined) throw new LocalnetError('bad-control', `This chain has no storage item ${shown(pallet)}.${shown(item)}. Names are those of the metadata, such as SubtensorModule.Tempo.`);
  return description;
}

/** What came, in short; clients may send anything. */
function shown(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')).slice(0, 80);
}

function keyOf({ pallet, item, keys = [] }: { pallet: string; item: string; keys?: readonly unknown[] | undefined }, { hashers = [], keys: types = [] }: StorageDescription, where: string): string {
  if (!Array.isArray(keys) || keys.length !== types.length) throw new LocalnetError('bad-control', `${where}: ${pallet}.${item} has ${types.length} keys (${types.join(', ')}), got ${Array.isArray(keys) ? keys.length : 'none'}.`);
  return storageKey(pallet, item, types.map((type, index) => ({ hasher: hashers[index] as HasherName, bytes: encodeScale(type, valueFromJson(type, keys[index], `${where}[${index}]`) as never) })));
}
