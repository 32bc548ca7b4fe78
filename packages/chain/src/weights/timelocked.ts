/**
 * Timelocked weights (version 4): committed as a ciphertext that the chain opens by itself.
 * @see pallets/subtensor/src/coinbase/reveal_commits.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { encodeWeightsPayload, encryptTimelock, toHex } from '@connito/commit-reveal';
import type { Chain } from '../connection.ts';
import { readBeacon, readLastRound } from '../drand.ts';
import type { Inclusion, SendOptions } from '../extrinsic.ts';
import { hotkeyToBytes } from '../identifier.ts';
import { subtensorCall } from '../internal/own-call.ts';
import { createPlan, sendPlan, type Check, type Plan } from '../plan.ts';
import { normaliseWeights } from '../weight-vector.ts';
import { commonHandle, type TimelockedHandle } from './commit-handle.ts';
import type { WeightsFigures, WeightsOptions } from './plain.ts';
import { expectReveal, type ExpectedReveal } from './reveal-round.ts';
import { commitChecks, readWeightSettings, rowChecks, type WeightSettings } from './settings.ts';
import { readQueue } from './timelocked-queue.ts';

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

/** `Aura.SlotDuration` in milliseconds: 12 s on finney, 250 ms on fast development chains. */
function blockTime(chain: Chain): number {
  const slot = chain.api.consts['aura']?.['slotDuration'];
  return slot === undefined ? BLOCK_TIME_MS : Number(String(slot));
}
