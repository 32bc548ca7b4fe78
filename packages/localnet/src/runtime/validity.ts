/**
 * Whether a transaction may enter the pool and a block, checked as the chain's transaction extensions do, in their order.
 * @module
 * @see runtime/src/lib.rs (TransactionExtensions), pallets/subtensor/src/extensions/subtensor.rs (opentensor/subtensor 14bc6f9f9)
 */
import { eraBirth, isSignatureValid, type Extrinsic, type SignedPart } from '../extrinsic.ts';
import type { RuntimeCall } from '../scale/type-of.ts';
import { canPay } from './balances.ts';
import { dispatchInfo } from './dispatch.ts';
import { DispatchFailure, errorName, ZERO_ACCOUNT, type ArgumentsOf, type Execution } from './execution.ts';
import { checkAxon } from './serving.ts';
import { passesNetworkRateLimit } from './subnets.ts';
import { hasWeightsStake, passesWeightsRateLimit } from './weights.ts';

/** `InvalidTransaction` and `UnknownTransaction` of `sp_runtime`. */
export type InvalidReason =
  | 'AncientBirthBlock'
  | 'BadProof'
  | 'BadSigner'
  | 'CannotLookup'
  | 'ExhaustsResources'
  | 'NoUnsignedValidator'
  | 'Payment'
  | 'Stale'
  | { readonly custom: number };

/** A transaction that no block may hold. */
export class TransactionInvalid extends Error {
  readonly reason: InvalidReason;

  constructor(reason: InvalidReason) {
    super(typeof reason === 'string' ? reason : `Custom(${reason.custom})`);
    this.reason = reason;
  }
}

/** A valid transaction. */
export interface ValidTransaction {
  /** Hex. */
  readonly signer: string;
  readonly signed: SignedPart;
  readonly feeRao: bigint;
}

/** Fee of a call that pays: a fixed part, and one rao per byte (the chain's `LengthToFee`). */
const BASE_FEE_RAO = 125_000n;

/** The fee of an extrinsic, without tip. */
export function feeOf(call: RuntimeCall, lengthBytes: number): bigint {
  return dispatchInfo(call).pays_fee.type === 'No' ? 0n : BASE_FEE_RAO + BigInt(lengthBytes);
}

/**
 * Checks a transaction against the state before the next block, `execution` being that block. Nonces ahead of the account's pass:
 * the pool keeps them until their turn.
 * @throws TransactionInvalid
 */
export function validate(execution: Execution, extrinsic: Extrinsic, { genesisHash, lengthBytes }: { genesisHash: string; lengthBytes: number }): ValidTransaction {
  const { signed, call } = extrinsic;
  if (signed === undefined) throw new TransactionInvalid('NoUnsignedValidator');
  if (signed.address.type !== 'Id' || signed.hasMetadataHash) throw new TransactionInvalid('CannotLookup');
  const signer = signed.address.value;
  if (!isSignatureValid(extrinsic, { genesisHash, birthHash: birthHash(execution, signed) })) throw new TransactionInvalid('BadProof');
  return { signer, signed, feeRao: checkState(execution, { signer, signed, call, lengthBytes }) };
}

interface SignedCall {
  readonly signer: string;
  readonly signed: SignedPart;
  readonly call: RuntimeCall;
  readonly lengthBytes: number;
}

/** The checks that depend on state: again when the transaction's turn comes. Returns the fee. @throws TransactionInvalid */
export function checkState(execution: Execution, { signer, signed, call, lengthBytes }: SignedCall): bigint {
  if (signer === ZERO_ACCOUNT) throw new TransactionInvalid('BadSigner');
  const account = execution.storage.System.Account.get(signer);
  const paysFee = dispatchInfo(call).pays_fee.type === 'Yes';
  if (paysFee && account.providers === 0 && account.sufficients === 0) throw new TransactionInvalid('Payment');
  if (signed.nonce < account.nonce) throw new TransactionInvalid('Stale');
  const feeRao = feeOf(call, lengthBytes);
  if (feeRao + signed.tip > 0n && !canPay(execution, signer, feeRao + signed.tip)) throw new TransactionInvalid('Payment');
  if (call.pallet === 'Sudo' && execution.storage.Sudo.Key.get() !== signer) throw new TransactionInvalid('BadSigner');
  checkSubtensor(execution, signer, call);
  return feeRao;
}

/** The hash of the block in which the era began. @throws TransactionInvalid when the chain has forgotten it */
function birthHash(execution: Execution, { era }: SignedPart): string {
  const hash = execution.storage.System.BlockHash.get(eraBirth(era, execution.blockNumber));
  if (hash === ZERO_ACCOUNT) throw new TransactionInvalid('AncientBirthBlock');
  return hash;
}

/** `SubtensorTransactionExtension`: errors that are known beforehand make the transaction invalid instead of failing it. */
function checkSubtensor(execution: Execution, signer: string, call: RuntimeCall): void {
  if (call.pallet !== 'SubtensorModule') return;
  if (call.call === 'set_weights' || call.call === 'set_mechanism_weights') checkWeightsCall(execution, signer, call);
  if (call.call === 'register_network' && !passesNetworkRateLimit(execution)) throw new TransactionInvalid({ custom: CUSTOM.NetworkTxRateLimitExceeded });
  if (call.call !== 'serve_axon') return;
  try {
    checkAxon(execution, signer, call.args as ArgumentsOf<'SubtensorModule', 'serve_axon'>);
  } catch (failure) {
    throw failure instanceof DispatchFailure ? new TransactionInvalid({ custom: customCode(errorName(failure.error)) }) : failure;
  }
}

function checkWeightsCall(execution: Execution, signer: string, call: RuntimeCall): void {
  const { netuid, mecid = 0 } = call.args as { netuid: number; mecid?: number };
  if (!hasWeightsStake(execution, signer, netuid)) throw new TransactionInvalid({ custom: CUSTOM.NotEnoughStakeToSetWeights });
  const { Uids, CommitRevealWeightsEnabled } = execution.storage.SubtensorModule;
  const uid = Uids.get(netuid, signer);
  if (uid === undefined || CommitRevealWeightsEnabled.get(netuid)) return;
  if (!passesWeightsRateLimit(execution, { netuid, mechanism: mecid, uid })) throw new TransactionInvalid({ custom: CUSTOM.SettingWeightsTooFast });
}

function customCode(error: string): number {
  return (CUSTOM as Readonly<Record<string, number>>)[error] ?? BAD_REQUEST;
}

const BAD_REQUEST = 255;
/** `CustomTransactionError` by the error of the pallet that it stands for. */
const CUSTOM = {
  NotEnoughStakeToSetWeights: 1,
  SettingWeightsTooFast: 6,
  NetworkTxRateLimitExceeded: 6,
  HotKeyNotRegisteredInNetwork: 10,
  InvalidIpAddress: 11,
  ServingRateLimitExceeded: 12,
  InvalidPort: 13,
} as const;
