/**
 * `payment_*`: what a transaction costs, as JSON.
 * @module
 * @see substrate/frame/transaction-payment/rpc/src/lib.rs
 */
import { isLocalnetError } from '../errors.ts';
import type { NodeView } from '../node.ts';
import { transactionPaymentApi } from '../runtime-api/payment.ts';
import { ApiContext } from '../runtime-api/context.ts';
import { decodeScale } from '../scale/codec.ts';
import { RpcFailure } from './failure.ts';
import { bytesParam, stateBlockParam } from './params.ts';

/** The methods by name. */
export const paymentMethods: Readonly<Record<string, (node: NodeView, params: readonly unknown[]) => unknown>> = {
  payment_queryInfo: (node, params) => {
    const { weight, class: dispatchClass, partial_fee } = transactionPaymentApi.query_info(...payable(node, params));
    const { ref_time, proof_size } = weight;
    return { weight: { ref_time: Number(ref_time), proof_size: Number(proof_size) }, class: dispatchClass.type.toLowerCase(), partialFee: partial_fee.toString() };
  },
  payment_queryFeeDetails: (node, params) => {
    const { inclusion_fee: fee } = transactionPaymentApi.query_fee_details(...payable(node, params));
    if (fee === undefined) return { inclusionFee: null };
    return { inclusionFee: { baseFee: hexNumber(fee.base_fee), lenFee: hexNumber(fee.len_fee), adjustedWeightFee: hexNumber(fee.adjusted_weight_fee) } };
  },
};

function payable(node: NodeView, [extrinsic, at]: readonly unknown[]): [ApiContext, { uxt: Uint8Array; len: number }] {
  const bytes = bytesParam(extrinsic, 'extrinsic');
  const context = new ApiContext(node, stateBlockParam(node, at));
  try {
    return [context, { uxt: decodeScale('Vec<u8>', bytes), len: bytes.length }];
  } catch (error) {
    if (isLocalnetError(error, 'bad-scale')) throw new RpcFailure(1, 'Unable to query dispatch info.', error.message);
    throw error;
  }
}

function hexNumber(value: bigint): string {
  return `0x${value.toString(16)}`;
}
