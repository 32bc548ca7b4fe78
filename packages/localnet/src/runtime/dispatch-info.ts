/**
 * What a call weighs, its class, and whether there is a fee: what the runtime declares of it before it is dispatched.
 * @module
 * @see the `#[pallet::weight(…)]` of each call: pallets/* (opentensor/subtensor 14bc6f9f9), Substrate's balances, multisig, sudo
 */
import { encodeScale } from '../scale/codec.ts';
import type { RuntimeCall, TypeOf } from '../scale/type-of.ts';
import { BENCHMARKED_WEIGHTS, FREE_CALLS, OPERATIONAL_CALLS } from './benchmarked-weights.ts';

/** Picoseconds of reference time, and bytes of proof. */
export type Weight = TypeOf<'Weight'>;

const NO_WEIGHT: Weight = { ref_time: 0n, proof_size: 0n };
/** One read and one write of the account that a call within is made for. */
const ACCOUNT_ACCESS: Weight = { ref_time: 125_000_000n, proof_size: 0n };
const BATCHES: ReadonlySet<string> = new Set(['Utility.batch', 'Utility.batch_all', 'Utility.force_batch']);
/** Calls whose class is that of the call within. */
const CLASS_OF_INNER: ReadonlySet<string> = new Set(['Sudo.sudo', 'Sudo.sudo_unchecked_weight', 'Sudo.sudo_as', 'Multisig.as_multi_threshold_1']);
const MANDATORY_CALLS: ReadonlySet<string> = new Set(['Timestamp.set']);

/** Class, weight and whether there is a fee. */
export function dispatchInfo(call: RuntimeCall): TypeOf<'DispatchEventInfo'> {
  return { weight: weightOf(call), class: { type: classOf(call) }, pays_fee: { type: paysFee(call) ? 'Yes' : 'No' } };
}

/** A batch pays if one of its calls does, a proxy if its call does. */
function paysFee(call: RuntimeCall): boolean {
  const name = nameOf(call);
  if (name === 'Proxy.proxy') return paysFee(innerOf(call));
  return BATCHES.has(name) ? callsOf(call).some(paysFee) : !FREE_CALLS.has(name);
}

function classOf(call: RuntimeCall): TypeOf<'DispatchClass'>['type'] {
  const name = nameOf(call);
  if (CLASS_OF_INNER.has(name)) return classOf(innerOf(call));
  if (MANDATORY_CALLS.has(name)) return 'Mandatory';
  return OPERATIONAL_CALLS.has(name) ? 'Operational' : 'Normal';
}

/** What the call is said to weigh, with all that is in it. */
export function weightOf(call: RuntimeCall): Weight {
  const name = nameOf(call);
  const formula = (FORMULAS as Readonly<Record<string, (call: RuntimeCall) => Weight>>)[name];
  return formula === undefined ? benchmarked(name as keyof typeof BENCHMARKED_WEIGHTS) : formula(call);
}

/** Weights that are not one benchmark without parameters. */
const FORMULAS = {
  'System.remark': ({ args }) => benchmarked('System.remark', sizeOf(args['remark'])),
  'System.remark_with_event': ({ args }) => benchmarked('System.remark_with_event', sizeOf(args['remark'])),
  'Balances.upgrade_accounts': ({ args }) => benchmarked('Balances.upgrade_accounts', sizeOf(args['who'])),
  'Balances.force_set_balance': () => heaviest(benchmarked('Balances.force_set_balance_creating'), benchmarked('Balances.force_set_balance_killing')),
  'Balances.burn': ({ args }) => benchmarked(args['keep_alive'] === true ? 'Balances.burn_keep_alive' : 'Balances.burn_allow_death'),
  'Utility.batch': batchWeight,
  'Utility.batch_all': batchWeight,
  'Utility.force_batch': batchWeight,
  'Utility.as_derivative': (call) => sum(derivativeOverhead(), weightOf(innerOf(call))),
  'Utility.dispatch_as': (call) => sum(benchmarked('Utility.dispatch_as'), weightOf(innerOf(call))),
  'Utility.dispatch_as_fallible': (call) => sum(benchmarked('Utility.dispatch_as_fallible'), weightOf(innerOf(call))),
  'Utility.with_weight': ({ args }) => args['weight'] as Weight,
  'Utility.if_else': ({ args }) => sum(benchmarked('Utility.if_else'), weightOf(args['main'] as RuntimeCall), weightOf(args['fallback'] as RuntimeCall)),
  'Sudo.sudo': (call) => sum(benchmarked('Sudo.sudo'), weightOf(innerOf(call))),
  'Sudo.sudo_as': (call) => sum(benchmarked('Sudo.sudo_as'), weightOf(innerOf(call))),
  'Sudo.sudo_unchecked_weight': ({ args }) => args['weight'] as Weight,
  'Proxy.proxy': (call) => sum(benchmarked('Proxy.proxy'), ACCOUNT_ACCESS, weightOf(innerOf(call))),
  'Proxy.proxy_announced': (call) => sum(benchmarked('Proxy.proxy_announced'), ACCOUNT_ACCESS, weightOf(innerOf(call))),
  'Multisig.as_multi_threshold_1': (call) => sum(benchmarked('Multisig.as_multi_threshold_1', callSize(call)), ACCOUNT_ACCESS, weightOf(innerOf(call))),
  'Multisig.as_multi': (call) => sum(heaviest(...(['create', 'approve', 'complete'] as const).map((step) => multisigOverhead(step, call))), call.args['max_weight'] as Weight),
  'Multisig.approve_as_multi': (call) => sum(heaviest(...(['create', 'approve'] as const).map((step) => approvalOverhead(step, call))), call.args['max_weight'] as Weight),
  'Multisig.cancel_as_multi': ({ args }) => benchmarked('Multisig.cancel_as_multi', sizeOf(args['other_signatories'])),
  'Multisig.poke_deposit': ({ args }) => benchmarked('Multisig.poke_deposit', sizeOf(args['other_signatories'])),
} as const satisfies Readonly<Record<string, (call: RuntimeCall) => Weight>>;

function batchWeight(call: RuntimeCall): Weight {
  return sum(batchOverhead(call.call as 'batch', callsOf(call).length), ...callsOf(call).map(weightOf));
}

/** What a batch weighs besides `count` calls. */
export function batchOverhead(kind: 'batch' | 'batch_all' | 'force_batch', count: number): Weight {
  return benchmarked(`Utility.${kind}`, count);
}

/** What `as_derivative` weighs besides its call. */
export function derivativeOverhead(): Weight {
  return sum(benchmarked('Utility.as_derivative'), ACCOUNT_ACCESS);
}

/** What `as_multi` weighs that opens, approves or completes, besides its call. */
export function multisigOverhead(step: 'create' | 'approve' | 'complete', call: RuntimeCall): Weight {
  return benchmarked(`Multisig.as_multi_${step}`, sizeOf(call.args['other_signatories']), callSize(call));
}

/** What `approve_as_multi` weighs that opens or approves. */
function approvalOverhead(step: 'create' | 'approve', { args }: RuntimeCall): Weight {
  return benchmarked(`Multisig.approve_as_multi_${step}`, sizeOf(args['other_signatories']));
}

/** A benchmark, with so many units of each of its parameters. */
export function benchmarked(name: keyof typeof BENCHMARKED_WEIGHTS, ...units: readonly number[]): Weight {
  const [refTime, proofSize, ...slopes] = BENCHMARKED_WEIGHTS[name] as readonly number[];
  const parts = units.map((count, index): Weight => ({ ref_time: BigInt(slopes[2 * index] ?? 0) * BigInt(count), proof_size: BigInt(slopes[2 * index + 1] ?? 0) * BigInt(count) }));
  return sum({ ref_time: BigInt(refTime ?? 0), proof_size: BigInt(proofSize ?? 0) }, ...parts);
}

/** All of them together. */
export function sum(...weights: readonly Weight[]): Weight {
  return weights.reduce((total, { ref_time, proof_size }) => ({ ref_time: saturate(total.ref_time + ref_time), proof_size: saturate(total.proof_size + proof_size) }), NO_WEIGHT);
}

/** The lower of each part. */
export function lighter(a: Weight, b: Weight): Weight {
  return { ref_time: a.ref_time < b.ref_time ? a.ref_time : b.ref_time, proof_size: a.proof_size < b.proof_size ? a.proof_size : b.proof_size };
}

/** The higher of each part. */
function heaviest(...weights: readonly Weight[]): Weight {
  return weights.reduce((a, b) => ({ ref_time: a.ref_time > b.ref_time ? a.ref_time : b.ref_time, proof_size: a.proof_size > b.proof_size ? a.proof_size : b.proof_size }));
}

const U64_MAX: bigint = (1n << 64n) - 1n;

function saturate(value: bigint): bigint {
  return value > U64_MAX ? U64_MAX : value;
}

function nameOf({ pallet, call }: RuntimeCall): string {
  return `${pallet}.${call}`;
}

function innerOf({ args }: RuntimeCall): RuntimeCall {
  return args['call'] as RuntimeCall;
}

function callsOf({ args }: RuntimeCall): readonly RuntimeCall[] {
  return args['calls'] as readonly RuntimeCall[];
}

/** Bytes of the call within. */
function callSize(call: RuntimeCall): number {
  return encodeScale('RuntimeCall', innerOf(call)).length;
}

function sizeOf(list: unknown): number {
  return (list as { readonly length: number }).length;
}
