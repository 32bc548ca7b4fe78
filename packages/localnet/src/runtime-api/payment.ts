/**
 * TransactionPaymentApi and its twin for calls without an extrinsic: what a transaction costs.
 * @module
 * @see pallets/transaction-fee/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import { decodeExtrinsic } from '../extrinsic.ts';
import { dispatchInfo } from '../runtime/dispatch-info.ts';
import { feeOf, feeParts, weightFee } from '../runtime/fees.ts';
import { encodeScale } from '../scale/codec.ts';
import type { RuntimeCall, TypeOf } from '../scale/type-of.ts';
import type { ApiHandlers } from './context.ts';

interface Payable {
  readonly call: RuntimeCall;
  readonly lengthBytes: number;
  readonly tipRao: bigint;
  /** Whether nobody signed it: then nobody pays. */
  readonly isBare: boolean;
}

const ofWeightAndLength = {
  query_weight_to_fee: (_context: unknown, { weight }: { readonly weight: TypeOf<'Weight'> }): bigint => weightFee(weight),
  query_length_to_fee: (_context: unknown, { length }: { readonly length: number }): bigint => BigInt(length),
};

/** The API's methods. */
export const transactionPaymentApi: ApiHandlers<'TransactionPaymentApi'> = {
  query_info: (_context, { uxt }) => info(payable(uxt)),
  query_fee_details: (_context, { uxt }) => details(payable(uxt)),
  ...ofWeightAndLength,
};

/** The API's methods. */
export const transactionPaymentCallApi: ApiHandlers<'TransactionPaymentCallApi'> = {
  query_call_info: (_context, { call, len }) => info({ call, lengthBytes: len, tipRao: 0n, isBare: false }),
  query_call_fee_details: (_context, { call, len }) => details({ call, lengthBytes: len, tipRao: 0n, isBare: false }),
  ...ofWeightAndLength,
};

/** An extrinsic as the codec gives it: its bytes without the length in front. */
function payable(uxt: Uint8Array): Payable {
  const bytes = encodeScale('Vec<u8>', uxt);
  const { call, signed } = decodeExtrinsic(bytes);
  return { call, lengthBytes: bytes.length, tipRao: signed?.tip ?? 0n, isBare: signed === undefined };
}

function info({ call, lengthBytes, isBare }: Payable): TypeOf<'RuntimeDispatchInfo'> {
  const { weight, class: dispatchClass } = dispatchInfo(call);
  return { weight, class: dispatchClass, partial_fee: isBare ? 0n : feeOf(call, lengthBytes) };
}

function details({ call, lengthBytes, tipRao, isBare }: Payable): TypeOf<'FeeDetails'> {
  const parts = isBare ? undefined : feeParts(call, lengthBytes);
  const inclusion_fee = parts === undefined ? undefined : { base_fee: parts.baseRao, len_fee: parts.lengthRao, adjusted_weight_fee: parts.weightRao };
  return { inclusion_fee, tip: tipRao };
}
