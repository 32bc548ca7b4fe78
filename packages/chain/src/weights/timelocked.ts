/**
 * Timelocked weights (version 4): committed as a ciphertext that the chain opens by itself, and what became of a commit.
 * @see pallets/subtensor/src/coinbase/reveal_commits.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { encodeWeightsPayload, encryptTimelock, toHex } from '@connito/commit-reveal';
import { readBlockAt, watchBlocks } from '../block.ts';
import type { Chain, FinalisedBlock } from '../connection.ts';
import { readBeacon, readLastRound } from '../drand.ts';
import { epochIndexAt, epochStateOf, EPOCH_ITEMS } from '../epoch-schedule.ts';
import { isChainError } from '../errors.ts';
import { readEvents } from '../event.ts';
import { ERA_BLOCKS, type Inclusion, type SendOptions } from '../extrinsic.ts';
import { hotkeyFromBytes, hotkeyToBytes, parseHotkey } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { subtensorCall } from '../internal/own-call.ts';
import { persist } from '../internal/persist.ts';
import { readEntries, readPresent, readStorage, subtensor, toArray, toBytes, toNumber, type Codec } from '../internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from '../plan.ts';
import { normaliseWeights, type WeightRow } from '../weight-vector.ts';
import { assertHandle, commonHandle, type TimelockedHandle } from './commit-handle.ts';
import { storedRow, type WeightsFigures, type WeightsOptions } from './plain.ts';
import { expectReveal, type ExpectedReveal } from './reveal-round.ts';
import { isSameRow, readWeightRow } from './row.ts';
import { commitChecks, readWeightSettings, rowChecks, storageIndex, type WeightSettings } from './settings.ts';

/** Subtensor's time between blocks. */
const BLOCK_TIME_MS = 12_000;
/** `MAX_CRV3_COMMIT_SIZE_BYTES`. */
export const MAX_TIMELOCKED_WEIGHTS_BYTES = 5000;
/** Commits of one hotkey that may wait in one epoch. */
const MAX_UNREVEALED = 10;

/** Options of {@link planTimelockedWeights}. */
export interface TimelockedWeightsOptions extends WeightsOptions {
  /** Default: the chain's own if its metadata tells (`Aura.SlotDuration`), otherwise 12 s. */
  readonly blockTimeMs?: number;
}

/** What timelocked weights are judged by. */
export interface TimelockedFigures extends WeightsFigures {
  readonly expected: ExpectedReveal;
  readonly handle: TimelockedHandle;
}

/** A commit that was included. */
export interface TimelockedCommitted extends Inclusion {
  readonly way: 'timelocked';
  readonly handle: TimelockedHandle;
  readonly expected: ExpectedReveal;
}

/** Timelocked weights, sealed, with what speaks against them. @throws bad-address, bad-value, unsupported (a chain without beacon), and as `Chain.request` */
export async function planTimelockedWeights(chain: Chain, options: TimelockedWeightsOptions & { readonly account: string }): Promise<Plan<TimelockedFigures>> {
  return planTimelocked(chain, await readWeightSettings(chain, { ...options, hotkey: options.account }), options);
}

/** As {@link planTimelockedWeights}, where the settings are known. */
export async function planTimelocked(chain: Chain, settings: WeightSettings, options: TimelockedWeightsOptions): Promise<Plan<TimelockedFigures>> {
  const sent = normaliseWeights(options.weights);
  const versionKey = BigInt(options.versionKey ?? 0);
  const { netuid, mechanism, index, hotkey, block } = settings;
  const version = settings.commitRevealVersion ?? 0;
  const [beacon, lastRound] = await Promise.all([readBeacon(chain, { at: block.hash }), readLastRound(chain, { at: block.hash })]);
  const blockTimeMs = options.blockTimeMs ?? blockTime(chain);
  const expected = expectReveal({ state: settings.epoch, periodEpochs: settings.revealPeriodEpochs, beacon, nowMs: block.timestampMs, blockTimeMs });
  const plaintext = encodeWeightsPayload({ hotkey: hotkeyToBytes(hotkey), uids: sent.uids, values: sent.values, versionKey });
  const ciphertext = encryptTimelock({ publicKey: beacon.publicKey, round: expected.round, plaintext });
  const tail = [`0x${toHex(ciphertext)}`, expected.round, version];
  const call = mechanism === 0 ? subtensorCall(chain, 'commit_timelocked_weights', [netuid, ...tail]) : subtensorCall(chain, 'commit_timelocked_mechanism_weights', [netuid, mechanism, ...tail]);
  const waiting = (await readQueue(chain, { index, epoch: expected.commitEpoch, at: block.hash })).filter((entry) => entry.hotkey === hotkey).length;
  const checks: Check[] = [
    ...commitChecks(settings),
    [version !== 4, 'IncorrectCommitRevealVersion', `the chain takes commits of version ${version}, this package makes version 4`],
    [waiting >= MAX_UNREVEALED, 'TooManyUnrevealedCommits', `${waiting} commits of this epoch wait already, the chain keeps ${MAX_UNREVEALED}`],
    [ciphertext.length > MAX_TIMELOCKED_WEIGHTS_BYTES, 'BadRequest', `the commit has ${ciphertext.length} bytes, the chain takes ${MAX_TIMELOCKED_WEIGHTS_BYTES}`],
    [expected.round < lastRound, 'InvalidRevealRound', `round ${expected.round} is over, the chain has round ${lastRound}: is the block time of ${blockTimeMs} ms right?`],
    // The chain says so only when it reveals, and drops the commit: too late.
    ...rowChecks(settings, sent, versionKey),
  ];
  const handle: TimelockedHandle = { ...commonHandle(chain, settings, { sent, versionKey }), way: 'timelocked', ciphertext: toHex(ciphertext), round: expected.round };
  return createPlan(chain, { call, account: hotkey, figures: { settings, sent, expected, handle }, checks, isFree: true });
}

/**
 * Commits timelocked weights. They are set once {@link followTimelockedWeights} says `revealed-equal`.
 *
 * The round is that of Bittensor's own clients for the head's state and time, see `expectReveal`.
 * @throws bad-value, unsupported, refused (`CommitRevealDisabled`, `CommittingWeightsTooFast`, `IncorrectCommitRevealVersion`, `TooManyUnrevealedCommits`,
 * `InvalidRevealRound`, and those of `setPlainWeights`), and as `sendCall`
 */
export async function commitTimelockedWeights(chain: Chain, options: TimelockedWeightsOptions & SendOptions): Promise<TimelockedCommitted> {
  return sendTimelocked(chain, await planTimelockedWeights(chain, { ...options, account: options.signer.hotkey }), options);
}

/** Sends what {@link planTimelocked} made. */
export async function sendTimelocked(chain: Chain, plan: Plan<TimelockedFigures>, options: SendOptions): Promise<TimelockedCommitted> {
  const { handle, expected } = plan.figures;
  return { ...(await sendPlan(chain, plan, options)), way: 'timelocked', handle, expected };
}

/** What became of timelocked weights. */
export type TimelockedOutcome =
  /** The chain has revealed them, and held the row that was sent. They count as set. */
  | 'revealed-equal'
  /** The chain has revealed something of this hotkey, and held another row. */
  | 'revealed-other'
  /** A later commit of the same hotkey was revealed in the same block. */
  | 'replaced'
  /** No pulse of the round came while the chain would have revealed. */
  | 'expired'
  /** The chain took the commit away and revealed nothing: it could not open it, or refused what was inside. */
  | 'undecryptable'
  /** It was in no block that could have it. */
  | 'never-included'
  /** It is gone, the row is another, and the state of the block that would tell is forgotten. */
  | 'unknown';

/** How timelocked weights ended. */
export interface TimelockedResult {
  readonly outcome: TimelockedOutcome;
  /** The block that it happened in; the newest one where that is not known. */
  readonly blockNumber: number;
  readonly blockHash: string;
  /** The hotkey's row after that block. */
  readonly row: WeightRow;
}

/**
 * Waits until timelocked weights have come to their end, from wherever they are: the handle is enough, also in another process and later.
 * @throws wrong-chain, closed; lost connections are waited out
 */
export async function followTimelockedWeights(chain: Chain, handle: TimelockedHandle): Promise<TimelockedResult> {
  assertHandle(chain, handle);
  let stop: (() => Promise<void>) | undefined;
  try {
    return await new Promise<TimelockedResult>((resolve, reject) => {
      const follower = new Follower(chain, handle, { resolve, reject });
      watchBlocks(chain, (block) => follower.reach(block)).then((end) => (stop = end), reject);
    });
  } finally {
    await stop?.();
  }
}

interface Ends {
  resolve(result: TimelockedResult): void;
  reject(error: unknown): void;
}

/** Looks at one block at a time, always the newest. */
class Follower {
  readonly #chain: Chain;
  readonly #handle: TimelockedHandle;
  readonly #ends: Ends;
  #next: FinalisedBlock | undefined;
  #isLooking = false;
  /** A block that had the commit. */
  #present: FinalisedBlock | undefined;
  #scannedTo: number;
  /** Whether the node has forgotten the state of a block that could have had it. */
  #hasGap = false;

  constructor(chain: Chain, handle: TimelockedHandle, ends: Ends) {
    this.#chain = chain;
    this.#handle = handle;
    this.#ends = ends;
    this.#scannedTo = handle.afterBlock;
  }

  reach(block: FinalisedBlock): void {
    this.#next = block;
    if (!this.#isLooking) void this.#look();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#next !== undefined) {
        const block = this.#next;
        this.#next = undefined;
        const result = await persist(() => this.#examine(block));
        if (result !== undefined) return this.#ends.resolve(result);
      }
      this.#isLooking = false;
    } catch (error) {
      this.#ends.reject(error);
    }
  }

  async #examine(block: FinalisedBlock): Promise<TimelockedResult | undefined> {
    if (await isWaiting(this.#chain, this.#handle, block.hash)) {
      this.#present = block;
      return undefined;
    }
    this.#present ??= await this.#scan(block);
    if (this.#present !== undefined) return judge(this.#chain, this.#handle, { present: this.#present, absent: block });
    if (block.number <= this.#handle.afterBlock + ERA_BLOCKS) return undefined;
    return this.#hasGap ? judgeUnseen(this.#chain, this.#handle, block) : { ...(await judgeUnseen(this.#chain, this.#handle, block)), outcome: 'never-included' };
  }

  /** The first block before `head` that has the commit: it came within 128 blocks of its making, and then waited for an epoch at least. */
  async #scan(head: FinalisedBlock): Promise<FinalisedBlock | undefined> {
    const last = Math.min(head.number - 1, this.#handle.afterBlock + ERA_BLOCKS);
    for (; this.#scannedTo < last; this.#scannedTo++) {
      const block = await this.#readWaiting(this.#scannedTo + 1);
      if (block !== undefined) return block;
    }
    return undefined;
  }

  async #readWaiting(number: number): Promise<FinalisedBlock | undefined> {
    try {
      const block = await readBlockAt(this.#chain, number);
      return (await isWaiting(this.#chain, this.#handle, block.hash)) ? block : undefined;
    } catch (error) {
      if (!isChainError(error, 'state-unavailable')) throw error;
      this.#hasGap = true;
      return undefined;
    }
  }
}

interface QueueEntry {
  readonly hotkey: string;
  readonly ciphertext: Uint8Array;
}

async function readQueue(chain: Chain, { index, epoch, at }: { readonly index: number; readonly epoch: number; readonly at: string }): Promise<readonly QueueEntry[]> {
  const [queue] = await readStorage(await openState(chain, at), [subtensor('TimelockedWeightCommits', index, epoch)]);
  return toArray(queue).map(decodeEntry);
}

function decodeEntry(entry: Codec): QueueEntry {
  const [account, , ciphertext] = toArray(entry) as [Codec, Codec, Codec];
  return { hotkey: hotkeyFromBytes(toBytes(account)), ciphertext: toBytes(ciphertext) };
}

/** All commits that wait, of every epoch. */
async function readWaiting(chain: Chain, handle: TimelockedHandle, at: string): Promise<readonly QueueEntry[]> {
  const entries = await readEntries(await openState(chain, at), subtensor('TimelockedWeightCommits', storageIndex(handle)));
  return entries.flatMap(({ value }) => toArray(value).map(decodeEntry));
}

async function isWaiting(chain: Chain, handle: TimelockedHandle, at: string): Promise<boolean> {
  return (await readWaiting(chain, handle, at)).some((entry) => isOwn(entry, handle));
}

function isOwn(entry: QueueEntry, { hotkey, ciphertext }: TimelockedHandle): boolean {
  return entry.hotkey === parseHotkey(hotkey) && toHex(entry.ciphertext) === ciphertext;
}

/** Presence ends once: the block that ended it is found by halving. */
async function judge(chain: Chain, handle: TimelockedHandle, { present, absent }: { present: FinalisedBlock; absent: FinalisedBlock }): Promise<TimelockedResult> {
  try {
    let [low, high] = [present, absent];
    while (high.number - low.number > 1) {
      const middle = await readBlockAt(chain, (low.number + high.number) >>> 1);
      if (await isWaiting(chain, handle, middle.hash)) low = middle;
      else high = middle;
    }
    return await judgeEnd(chain, handle, { before: low, end: high });
  } catch (error) {
    if (isChainError(error, 'state-unavailable')) return judgeUnseen(chain, handle, absent);
    throw error;
  }
}

async function judgeEnd(chain: Chain, handle: TimelockedHandle, { before, end }: { before: FinalisedBlock; end: FinalisedBlock }): Promise<TimelockedResult> {
  const [events, queue, row, isPast] = await Promise.all([readEvents(chain, { at: end.hash }), readWaiting(chain, handle, before.hash), rowAt(chain, handle, end.hash), isPastReveal(chain, handle, { before, end })]);
  const result = (outcome: TimelockedOutcome): TimelockedResult => ({ outcome, blockNumber: end.number, blockHash: end.hash, row });
  const isRevealed = events.some(({ pallet, name, data }) => pallet === 'SubtensorModule' && name === 'TimelockedWeightsRevealed' && Number(data[0]) === storageIndex(handle) && data[1] === handle.hotkey);
  if (!isRevealed) return result(isPast ? 'expired' : 'undecryptable');
  if (isSameRow(row, storedRow(handle))) return result('revealed-equal');
  const place = queue.findIndex((entry) => isOwn(entry, handle));
  return result(queue.slice(place + 1).some((entry) => entry.hotkey === handle.hotkey) ? 'replaced' : 'revealed-other');
}

/** Whether the epoch that would have revealed was over, so that the chain threw away what had waited in vain. */
async function isPastReveal(chain: Chain, handle: TimelockedHandle, { before, end }: { before: FinalisedBlock; end: FinalisedBlock }): Promise<boolean> {
  const state = await openState(chain, before.hash);
  const entries = await readEntries(state, subtensor('TimelockedWeightCommits', storageIndex(handle)));
  // Twox64Concat: eight bytes of hash, then the epoch, u64 little-endian.
  const own = entries.find(({ value }) => toArray(value).some((entry) => isOwn(decodeEntry(entry), handle)));
  if (own === undefined) return false;
  const epoch = Number(new DataView(Uint8Array.from(own.key).buffer).getBigUint64(8, true));
  const values = await readPresent(state, [...EPOCH_ITEMS.map((item) => subtensor(item, handle.netuid)), subtensor('RevealPeriodEpochs', handle.netuid)]);
  const epochs = epochStateOf(state, { netuid: handle.netuid, blockNumber: before.number, values });
  return epochIndexAt(epochs, end.number) > epoch + toNumber(values.at(-1));
}

/** By the row alone. */
async function judgeUnseen(chain: Chain, handle: TimelockedHandle, block: FinalisedBlock): Promise<TimelockedResult> {
  const row = await rowAt(chain, handle, block.hash);
  return { outcome: isSameRow(row, storedRow(handle)) ? 'revealed-equal' : 'unknown', blockNumber: block.number, blockHash: block.hash, row };
}

function rowAt(chain: Chain, { netuid, mechanism, uid }: TimelockedHandle, at: string): Promise<WeightRow> {
  return readWeightRow(chain, { netuid, mechanism, uid, at });
}

/** `Aura.SlotDuration` in milliseconds: 12 s on finney, 250 ms on fast development chains. */
function blockTime(chain: Chain): number {
  const slot = chain.api.consts['aura']?.['slotDuration'];
  return slot === undefined ? BLOCK_TIME_MS : Number(String(slot));
}

