/**
 * Weights set as they are, on subnets without commit-reveal.
 * @module
 */
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import type { Inclusion, SendOptions } from '../extrinsic.ts';
import { subtensorCall } from '../internal/own-call.ts';
import { persist } from '../internal/persist.ts';
import { createPlan, sendPlan, type Check, type Plan } from '../plan.ts';
import { maxUpscale, normaliseWeights, type Weight, type WeightRow } from '../weight-vector.ts';
import { isSameRow, readWeightRow } from './row.ts';
import { rateCheck, readWeightSettings, rowChecks, type WeightSettings } from './settings.ts';

/** What to set. */
export interface WeightsOptions {
  readonly netuid: number;
  /** Default 0, the first. */
  readonly mechanism?: number;
  /** Of any scale; zeros need not be there. */
  readonly weights: readonly Weight[];
  /** At least the subnet's `WeightsVersionKey` (default 0). */
  readonly versionKey?: number | bigint;
}

/** Options of {@link setPlainWeights}. */
export interface SetWeightsOptions extends WeightsOptions, SendOptions {}

/** Weights that the chain holds. */
export interface WeightsSet extends Inclusion {
  readonly uid: number;
  /** The row as stored. */
  readonly row: WeightRow;
}

/** What weights are judged by: the subnet's settings and what is sent. */
export interface WeightsFigures {
  readonly settings: WeightSettings;
  readonly sent: WeightRow;
}

/** Weights as they are, with what speaks against them. @throws bad-address, bad-value, and as `Chain.request` */
export async function planPlainWeights(chain: Chain, options: WeightsOptions & { readonly account: string }): Promise<Plan<WeightsFigures>> {
  const settings = await readWeightSettings(chain, { ...options, hotkey: options.account });
  return planPlain(chain, settings, options);
}

/** As {@link planPlainWeights}, where the settings are known. */
export async function planPlain(chain: Chain, settings: WeightSettings, options: WeightsOptions): Promise<Plan<WeightsFigures>> {
  const sent = normaliseWeights(options.weights);
  const versionKey = BigInt(options.versionKey ?? 0);
  const { netuid, mechanism, isCommitReveal } = settings;
  const tail = [sent.uids, sent.values, versionKey];
  const call = mechanism === 0 ? subtensorCall(chain, 'set_weights', [netuid, ...tail]) : subtensorCall(chain, 'set_mechanism_weights', [netuid, mechanism, ...tail]);
  const checks: Check[] = [
    [isCommitReveal, 'CommitRevealEnabled', 'the subnet takes weights by commit and reveal only'],
    ...rowChecks(settings, sent, versionKey),
    rateCheck(settings, 'SettingWeightsTooFast'),
  ];
  return createPlan(chain, { call, account: settings.hotkey, figures: { settings, sent }, checks: inChainOrder(checks), isFree: true });
}

/**
 * Sets weights as they are, waits for a finalised block with them, and reads the row back.
 *
 * What the chain would refuse is not sent: see `context.reason` of `refused`, the name of the chain's error.
 * @throws bad-value, refused (`NoWeights`, `HotKeyNotRegisteredInSubNet`, `CommitRevealEnabled`, `MechanismDoesNotExist`, `NotEnoughStakeToSetWeights`,
 * `IncorrectWeightVersionKey`, `SettingWeightsTooFast`, `NeuronNoValidatorPermit`, `UidVecContainInvalidOne`, `WeightVecLengthIsLow`, `MaxWeightExceeded`),
 * read-back, and as `sendCall`
 */
export async function setPlainWeights(chain: Chain, options: SetWeightsOptions): Promise<WeightsSet> {
  return sendPlain(chain, await planPlainWeights(chain, { ...options, account: options.signer.hotkey }), options);
}

/** Sends what {@link planPlain} made. */
export async function sendPlain(chain: Chain, plan: Plan<WeightsFigures>, options: SendOptions): Promise<WeightsSet> {
  const { settings, sent } = plan.figures;
  const { netuid, mechanism } = settings;
  const inclusion = await sendPlan(chain, plan, options);
  // Registered: the plan would have been refused.
  return readBackWeights(chain, { netuid, mechanism, uid: settings.uid as number, inclusion, sent, verb: 'sent' });
}

/** What the block of an inclusion should hold. */
interface WrittenWeights {
  readonly netuid: number;
  readonly mechanism: number;
  readonly uid: number;
  readonly inclusion: Inclusion;
  readonly sent: WeightRow;
  readonly verb: 'sent' | 'revealed';
}

/** @throws read-back where the block holds another row */
export async function readBackWeights(chain: Chain, { netuid, mechanism, uid, inclusion, sent, verb }: WrittenWeights): Promise<WeightsSet> {
  const row = await persist(() => readWeightRow(chain, { netuid, mechanism, uid, at: inclusion.blockHash }));
  if (isSameRow(row, storedRow(sent))) return { ...inclusion, uid, row };
  throw new ChainError('read-back', `block ${inclusion.blockNumber} holds other weights than were ${verb}; does a second process use this key?`, {
    subject: 'SubtensorModule.Weights',
    blockNumber: inclusion.blockNumber,
    extrinsicHash: inclusion.extrinsicHash,
  });
}

/** What the chain stores for a row that is sent. */
export function storedRow(sent: WeightRow): WeightRow {
  return { uids: sent.uids, values: maxUpscale(sent.values) };
}

/** The chain asks who one is before it says that commits are wanted, and for the time before the permit. */
function inChainOrder(checks: readonly Check[]): Check[] {
  const order = ['CanNotSetRootNetworkWeights', 'MechanismDoesNotExist', 'UidsLengthExceedUidsInSubNet', 'HotKeyNotRegisteredInSubNet', 'NoWeights', 'CommitRevealEnabled', 'NotEnoughStakeToSetWeights', 'IncorrectWeightVersionKey', 'SettingWeightsTooFast'];
  const rank = (reason: string): number => (order.includes(reason) ? order.indexOf(reason) : order.length);
  return [...checks].sort(([, a], [, b]) => rank(a) - rank(b));
}
