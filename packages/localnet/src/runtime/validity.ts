/**
 * Whether a transaction may enter the pool and a block, checked as the chain's transaction extensions do, in their order.
 * @module
 * @see runtime/src/lib.rs (TransactionExtensions), pallets/subtensor/src/extensions/subtensor.rs (opentensor/subtensor 14bc6f9f9)
 */
import { eraBirth, isSignatureValid, type Extrinsic, type SignedPart } from '../extrinsic.ts';
import type { RuntimeCall } from '../scale/type-of.ts';
import { canPayInAlpha } from './alpha-fees.ts';
import { canPay } from './balances.ts';
import { dispatchInfo } from './dispatch-info.ts';
import { DispatchFailure, errorName, ZERO_ACCOUNT, type Execution } from './execution.ts';
import { feeOf, feePayer } from './fees.ts';
import { checkGuards } from './guards.ts';
import { TransactionInvalid } from './transaction-invalid.ts';
import { validateUnsigned, type ValidUnsigned } from './unsigned-validity.ts';

/** A valid transaction. */
export type ValidTransaction = ValidSigned | ValidUnsigned;

/** A valid transaction that somebody has signed. */
export interface ValidSigned {
  readonly type: 'signed';
  /** Hex. */
  readonly signer: string;
  readonly signed: SignedPart;
  readonly feeRao: bigint;
}

/**
 * Checks a transaction against the state before the next block, `execution` being that block. Nonces ahead of the account's pass:
 * the pool keeps them until their turn.
 * @throws TransactionInvalid
 */
export function validate(execution: Execution, extrinsic: Extrinsic, { genesisHash, lengthBytes }: { genesisHash: string; lengthBytes: number }): ValidTransaction {
  const { signed, call } = extrinsic;
  if (signed === undefined) {
    ensureNotMandatory(call);
    return validateUnsigned(execution, call);
  }
  if (signed.address.type !== 'Id' || signed.hasMetadataHash) throw new TransactionInvalid('CannotLookup');
  const signer = signed.address.value;
  if (!isSignatureValid(extrinsic, { genesisHash, birthHash: birthHash(execution, signed) })) throw new TransactionInvalid('BadProof');
  ensureNotMandatory(call);
  return { type: 'signed', signer, signed, feeRao: checkState(execution, { signer, signed, call, lengthBytes }) };
}

/** What must stand in each block is the author's. */
function ensureNotMandatory(call: RuntimeCall): void {
  if (dispatchInfo(call).class.type === 'Mandatory') throw new TransactionInvalid('MandatoryValidation');
}

/** A transaction with what its fee depends on. */
export interface SignedCall {
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
  if (!canPayFee(execution, { signer, call, feeRao: feeRao + signed.tip })) throw new TransactionInvalid('Payment');
  if (call.pallet === 'Sudo' && execution.storage.Sudo.Key.get() !== signer) throw new TransactionInvalid('BadSigner');
  checkSubtensor(execution, signer, call);
  return feeRao;
}

function canPayFee(execution: Execution, { signer, call, feeRao }: { readonly signer: string; readonly call: RuntimeCall; readonly feeRao: bigint }): boolean {
  const payer = feePayer(execution, signer, call);
  return feeRao === 0n || canPay(execution, payer, feeRao) || canPayInAlpha(execution, payer, { call, feeRao });
}

/** The hash of the block in which the era began. @throws TransactionInvalid when the chain has forgotten it */
function birthHash(execution: Execution, { era }: SignedPart): string {
  const hash = execution.storage.System.BlockHash.get(eraBirth(era, execution.blockNumber));
  if (hash === ZERO_ACCOUNT) throw new TransactionInvalid('AncientBirthBlock');
  return hash;
}

/** `SubtensorTransactionExtension`: errors that are known beforehand make the transaction invalid instead of failing it. */
function checkSubtensor(execution: Execution, signer: string, call: RuntimeCall): void {
  try {
    checkGuards(execution, signer, call);
  } catch (failure) {
    throw failure instanceof DispatchFailure ? new TransactionInvalid({ custom: customCode(errorName(failure.error)) }) : failure;
  }
}

function customCode(error: string): number {
  return (CUSTOM as Readonly<Record<string, number>>)[error] ?? BAD_REQUEST;
}

const BAD_REQUEST = 255;
/** `CustomTransactionError` by the error of the pallet that it stands for. */
const CUSTOM = {
  ColdkeySwapAnnounced: 0,
  AmountTooLow: 1,
  NotEnoughStakeToSetWeights: 1,
  NotEnoughBalanceToStake: 2,
  SubnetNotExists: 3,
  HotKeyAccountNotExists: 4,
  NotEnoughStakeToWithdraw: 5,
  CommittingWeightsTooFast: 6,
  SettingWeightsTooFast: 6,
  NetworkTxRateLimitExceeded: 6,
  InsufficientLiquidity: 7,
  SlippageTooHigh: 8,
  TransferDisallowed: 9,
  HotKeyNotRegisteredInNetwork: 10,
  InvalidIpAddress: 11,
  ServingRateLimitExceeded: 12,
  InvalidPort: 13,
  InvalidRevealRound: 15,
  NoWeightsCommitFound: 16,
  RevealTooEarly: 17,
  InputLengthsUnequal: 18,
  HotKeyNotRegisteredInSubNet: 19,
  ColdkeySwapDisputed: 21,
  NonAssociatedColdKey: 25,
  DelegateTakeTooLow: 26,
  DelegateTakeTooHigh: 27,
} as const;
