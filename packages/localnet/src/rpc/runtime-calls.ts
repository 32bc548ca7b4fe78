/**
 * Runtime APIs by `state_call`.
 * @module
 */
import { apis } from '../pallets/apis.ts';
import type { Block } from '../block.ts';
import { decodeExtrinsic } from '../extrinsic.ts';
import { encodeMetadata, METADATA_VERSIONS, type MetadataVersion } from '../metadata.ts';
import type { LocalNode } from '../node.ts';
import { nextEpochBlock } from '../runtime/coinbase.ts';
import { dispatchInfo } from '../runtime/dispatch.ts';
import { Execution } from '../runtime/execution.ts';
import { networkLockCost } from '../runtime/subnets.ts';
import { feeOf } from '../runtime/validity.ts';
import { ScaleReader } from '../scale/bytes.ts';
import { encodeScale, readScale } from '../scale/codec.ts';
import type { TypeOf } from '../scale/type-of.ts';
import { StateOverlay } from '../state.ts';
import { runtimeVersion } from '../version.ts';
import { isLocalnetError } from '../errors.ts';
import { RpcFailure } from './failure.ts';

type Apis = typeof apis;
type MethodNames = { [A in keyof Apis]: `${A & string}_${keyof Apis[A]['methods'] & string}` }[keyof Apis];

interface RuntimeCallRequest {
  readonly name: unknown;
  readonly data: Uint8Array;
  readonly block: Block;
}

/** Answers a runtime call with SCALE. @throws RpcFailure */
export function callRuntime(node: LocalNode, { name, data, block }: RuntimeCallRequest): Uint8Array {
  const method = typeof name === 'string' && Object.hasOwn(functions, name) ? functions[name as MethodNames] : undefined;
  if (method === undefined) {
    throw new RpcFailure(4003, `Client error: Execution failed: Other: Exported method ${String(name)} is not found`);
  }
  try {
    const reader = new ScaleReader(data);
    const answer = method(node, block, reader);
    reader.end();
    return answer;
  } catch (error) {
    if (isLocalnetError(error, 'bad-scale')) throw new RpcFailure(4003, `Client error: Execution failed: Bad input data provided to ${String(name)}: ${error.message}`);
    throw error;
  }
}

type RuntimeFunction = (node: LocalNode, block: Block, input: ScaleReader) => Uint8Array;

const functions: Readonly<Record<MethodNames, RuntimeFunction>> = {
  Core_version: () => encodeScale('RuntimeVersion', runtimeVersion),
  Metadata_metadata: () => encodeScale('Vec<u8>', encodeMetadata(14)),
  Metadata_metadata_versions: () => encodeScale('Vec<u32>', METADATA_VERSIONS),
  Metadata_metadata_at_version: (_node, _block, input) => {
    const version = readScale('u32', input);
    const known = METADATA_VERSIONS.includes(version as MetadataVersion);
    return encodeScale('Option<Vec<u8>>', known ? encodeMetadata(version as MetadataVersion) : undefined);
  },
  AccountNonceApi_account_nonce: ({ chain }, { header }, input) => {
    const account = readScale('AccountId', input);
    return encodeScale('u32', chain.storageAt(header.number).System.Account.get(account).nonce);
  },
  TransactionPaymentApi_query_info: (_node, _block, input) => {
    const { call, feeRao } = payment(input);
    const { weight, class: dispatchClass } = dispatchInfo(call);
    return encodeScale('RuntimeDispatchInfo', { weight, class: dispatchClass, partial_fee: feeRao });
  },
  TransactionPaymentApi_query_fee_details: (_node, _block, input) => {
    const { feeRao, tip, length } = payment(input);
    const base = feeRao === 0n ? 0n : feeRao - BigInt(length);
    const inclusion_fee = feeRao === 0n ? undefined : { base_fee: base, len_fee: feeRao - base, adjusted_weight_fee: 0n };
    return encodeScale('FeeDetails', { inclusion_fee, tip });
  },
  SubnetInfoRuntimeApi_get_next_epoch_start_block: ({ chain }, { header }, input) =>
    encodeScale('Option<u64>', nextEpochBlock(chain.storageAt(header.number), readScale('u16', input))),
  SubnetRegistrationRuntimeApi_get_network_registration_cost: ({ chain }, { header, timestampMs }) => {
    const overlay = new StateOverlay(chain.history.at(header.number));
    return encodeScale('u64', networkLockCost(new Execution({ overlay, blockNumber: header.number, timestampMs })));
  },
};

function payment(input: ScaleReader): { call: TypeOf<'RuntimeCall'>; feeRao: bigint; tip: bigint; length: number } {
  const start = input.offset;
  readScale('Vec<u8>', input);
  const bytes = input.bytes.slice(start, input.offset);
  readScale('u32', input);
  const { call, signed } = decodeExtrinsic(bytes);
  return { call, feeRao: feeOf(call, bytes.length), tip: signed?.tip ?? 0n, length: bytes.length };
}
