/**
 * TaggedTransactionQueue: whether a transaction is valid, as its nonces are seen by a pool.
 * @module
 * @see sp_runtime::transaction_validity
 */
import { decodeExtrinsic } from '../extrinsic.ts';
import { concatBytes, fromHex } from '../hex.ts';
import { isLocalnetError } from '../errors.ts';
import { TransactionInvalid, type InvalidReason } from '../runtime/transaction-invalid.ts';
import { encodeScale } from '../scale/codec.ts';
import type { TypeOf } from '../scale/type-of.ts';
import type { ApiContext, ApiHandlers } from './context.ts';

type ValidityError = TypeOf<'TransactionValidityError'>;

const LONGEST = (1n << 64n) - 1n;

/** The API's methods. */
export const transactionQueueApi: ApiHandlers<'TaggedTransactionQueue'> = {
  validate_transaction: (context, { tx }) => {
    try {
      return { type: 'Ok', value: validTransaction(context, encodeScale('Vec<u8>', tx)) };
    } catch (error) {
      return { type: 'Err', value: validityError(error) };
    }
  },
};

/** Valid for the block after the one that is asked; a signed one provides its signer's nonce, and requires the one before unless that is the account's. */
function validTransaction({ node, block, storage }: ApiContext, bytes: Uint8Array): TypeOf<'ValidTransaction'> {
  const valid = node.chain.validate(decodeExtrinsic(bytes), bytes.length, block);
  if (valid.type === 'unsigned') return { priority: valid.priority, requires: [], provides: [fromHex(valid.tag)], longevity: BigInt(valid.longevityBlocks), propagate: valid.propagates };
  const { signer, signed } = valid;
  const tag = (nonce: number): Uint8Array => concatBytes(fromHex(signer), encodeScale('u32', nonce));
  const requires = signed.nonce > storage.System.Account.get(signer).nonce ? [tag(signed.nonce - 1)] : [];
  const longevity = signed.era.type === 'Mortal' ? BigInt(signed.era.period) : LONGEST;
  return { priority: signed.tip, requires, provides: [tag(signed.nonce)], longevity, propagate: true };
}

function validityError(error: unknown): ValidityError {
  if (isLocalnetError(error, 'bad-scale')) return { type: 'Invalid', value: { type: 'Call' } };
  if (error instanceof TransactionInvalid) return invalid(error.reason);
  throw error;
}

function invalid(reason: InvalidReason): ValidityError {
  if (typeof reason !== 'string') return { type: 'Invalid', value: { type: 'Custom', value: reason.custom } };
  if (reason === 'CannotLookup' || reason === 'NoUnsignedValidator') return { type: 'Unknown', value: { type: reason } };
  return { type: 'Invalid', value: { type: reason } };
}
