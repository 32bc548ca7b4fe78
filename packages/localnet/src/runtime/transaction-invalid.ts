/**
 * Why no block may hold a transaction.
 * @module
 * @see `sp_runtime::transaction_validity`
 */

/** `InvalidTransaction` and `UnknownTransaction` of `sp_runtime`. */
export type InvalidReason =
  | 'AncientBirthBlock'
  | 'BadProof'
  | 'BadSigner'
  | 'Call'
  | 'CannotLookup'
  | 'ExhaustsResources'
  | 'Future'
  | 'MandatoryValidation'
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
