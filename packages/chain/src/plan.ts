/**
 * Plans: a call with all that is known about it before it is sent. The functions that send make one first, refuse what the chain would refuse, and
 * only then sign; who wants to show a price before asking for a key makes the plan alone.
 * @module
 */
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { sendCall, type ChainCall, type Inclusion, type SendOptions } from './extrinsic.ts';
import { readFee } from './fee.ts';
import { parseHotkey, type Hotkey } from './identifier.ts';

/** Why the chain would refuse a call. */
export interface Refusal {
  /** Name of the chain's error. */
  readonly reason: string;
  /** The same for people, with the figures. */
  readonly text: string;
}

/** A call that is ready to be signed. `F`: the figures that it was judged by. */
export interface Plan<F extends object = object> {
  readonly call: ChainCall;
  /** The address that must sign it. */
  readonly account: Hotkey;
  readonly figures: F;
  /** Why the chain would refuse it in the next block; undefined when nothing speaks against it. */
  readonly refusal: Refusal | undefined;
  /** The fee for inclusion in rao; 0 for calls that the chain takes for nothing. */
  readonly feeRao: bigint;
}

/** One thing that the chain would look at: whether it is wrong, the name of its error, and the same for people. */
export type Check = readonly [isRefused: boolean, reason: string, text: string];

/** The first check that fails: list them in the chain's order. */
export function refusalOf(checks: readonly Check[]): Refusal | undefined {
  const hit = checks.find(([isRefused]) => isRefused);
  return hit === undefined ? undefined : { reason: hit[1], text: hit[2] };
}

/** What {@link createPlan} needs. */
export interface PlanParts<F extends object> {
  readonly call: ChainCall;
  readonly account: string;
  readonly figures: F;
  /** In the chain's order. A function where they depend on the fee. */
  readonly checks: readonly Check[] | ((feeRao: bigint) => readonly Check[]);
  /** Whether the chain takes the call for nothing (default false). */
  readonly isFree?: boolean;
}

/** Puts a plan together and asks for the fee. @throws bad-address, and as `Chain.request` */
export async function createPlan<F extends object>(chain: Chain, { call, account, figures, checks, isFree }: PlanParts<F>): Promise<Plan<F>> {
  const address = parseHotkey(account);
  const feeRao = isFree === true ? 0n : await readFee(chain, { call, account: address });
  return { call, account: address, figures, refusal: refusalOf(typeof checks === 'function' ? checks(feeRao) : checks), feeRao };
}

/**
 * Sends what was planned.
 * @throws refused (`context.reason`: the chain's name for it), bad-value when `signer` is not the plan's account, and as `sendCall`
 */
export async function sendPlan(chain: Chain, plan: Plan, options: SendOptions): Promise<Inclusion> {
  const { section, method } = plan.call.method;
  const subject = `${section}.${method}`;
  if (options.signer.hotkey !== plan.account) {
    throw new ChainError('bad-value', `${subject} was planned for ${plan.account}, but ${options.signer.hotkey} signs`, { subject, expected: plan.account, actual: options.signer.hotkey });
  }
  if (plan.refusal !== undefined) {
    const { reason, text } = plan.refusal;
    throw new ChainError('refused', `${subject} was not sent: ${text} (${reason})`, { subject, reason });
  }
  return sendCall(chain, plan.call, options);
}

/** Whether an account can pay an amount and the fee. */
export function affordable({ freeRao, amountRao, feeRao }: { readonly freeRao: bigint; readonly amountRao: bigint; readonly feeRao: bigint }): boolean {
  return freeRao >= amountRao + feeRao;
}

/** Rao as TAO, for messages: `1.5 TAO`. */
export function formatTao(rao: bigint): string {
  const sign = rao < 0n ? '-' : '';
  const digits = String(rao < 0n ? -rao : rao).padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${sign}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`} TAO`;
}
