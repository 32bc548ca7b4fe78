/**
 * Fees: for the extrinsic, for each of its bytes, and for the weight of its call; and who pays them.
 *
 * The weight of the transaction extensions is not paid for: the extrinsics of Subtensor (Frontier's) tell that of their call only.
 * @module
 * @see pallets/transaction-fee/src/lib.rs, runtime/src/transaction_payment_wrapper.rs (opentensor/subtensor 14bc6f9f9);
 * primitives/self-contained/src/checked_extrinsic.rs (opentensor/frontier); substrate/frame/transaction-payment
 */
import type { RuntimeCall } from '../scale/type-of.ts';
import { dispatchInfo, lighter, type Weight } from './dispatch-info.ts';
import { lookup, type Execution } from './execution.ts';

/** Rao for 10⁹ units of reference time (`Perbill` of `LinearWeightToFee`). */
const RAO_PER_BILLION = 500_000n;
const BILLION = 1_000_000_000n;
/** Finney's `System.BlockWeights`: of a block at most, and of each extrinsic besides its call. */
const MAX_BLOCK: Weight = { ref_time: 4_000_000_000_000n, proof_size: (1n << 64n) - 1n };
/** What every extrinsic weighs besides its call. */
export const BASE_EXTRINSIC: Weight = { ref_time: 108_157_000n, proof_size: 0n };

/** The parts of a fee, rao. */
export interface FeeParts {
  readonly baseRao: bigint;
  readonly lengthRao: bigint;
  readonly weightRao: bigint;
}

/** What weight costs, rounded to the nearest rao, halves down. */
export function weightFee(weight: Weight): bigint {
  const product = lighter(weight, MAX_BLOCK).ref_time * RAO_PER_BILLION;
  return product / BILLION + (product % BILLION > BILLION / 2n ? 1n : 0n);
}

/** The fee of an extrinsic by its parts, without tip; none where the call is free. `weight` is what the call turned out to weigh. */
export function feeParts(call: RuntimeCall, lengthBytes: number, weight?: Weight): FeeParts | undefined {
  const declared = dispatchInfo(call);
  if (declared.pays_fee.type === 'No') return undefined;
  const actual = weight === undefined ? declared.weight : lighter(weight, declared.weight);
  return { baseRao: weightFee(BASE_EXTRINSIC), lengthRao: BigInt(lengthBytes), weightRao: weightFee(actual) };
}

/** The fee of an extrinsic, without tip. */
export function feeOf(call: RuntimeCall, lengthBytes: number, weight?: Weight): bigint {
  const parts = feeParts(call, lengthBytes, weight);
  return parts === undefined ? 0n : parts.baseRao + parts.lengthRao + parts.weightRao;
}

/**
 * Who pays: the signer, or for calls through a proxy the account behind it, if it has said so (`set_real_pays_fee`); and so on for
 * a proxy within a proxy, or a batch of proxies of one account.
 */
export function feePayer(execution: Execution, signer: string, call: RuntimeCall): string {
  const real = payingReal(execution, signer, call);
  if (real === undefined) return signer;
  const inner = call.args['call'] as RuntimeCall;
  return payingReal(execution, real, inner) ?? payingRealOfBatch(execution, real, inner) ?? real;
}

function payingReal(execution: Execution, delegate: string, call: RuntimeCall): string | undefined {
  const real = realOf(call);
  return real !== undefined && execution.storage.Proxy.RealPaysFee.has(real, delegate) ? real : undefined;
}

/** The account behind a call through a proxy. */
function realOf({ pallet, call, args }: RuntimeCall): string | undefined {
  const isProxy = pallet === 'Proxy' && call === 'proxy';
  const address = args['real'] as Parameters<typeof lookup>[0];
  return isProxy && address.type === 'Id' ? lookup(address) : undefined;
}

function payingRealOfBatch(execution: Execution, delegate: string, { pallet, call, args }: RuntimeCall): string | undefined {
  if (pallet !== 'Utility' || !['batch', 'batch_all', 'force_batch'].includes(call)) return undefined;
  const [first, ...others] = args['calls'] as readonly RuntimeCall[];
  const real = first === undefined ? undefined : payingReal(execution, delegate, first);
  return others.every((other) => realOf(other) === real) ? real : undefined;
}
