/**
 * JSON-RPC errors, with the codes and words of a Substrate node.
 * @module
 * @see substrate/client/rpc-api/src/author/error.rs, state/error.rs
 */
import { isLocalnetError } from '../errors.ts';
import { PoolRefusal } from '../pool.ts';
import { TransactionInvalid, type InvalidReason } from '../runtime/transaction-invalid.ts';

/** An error answer. */
export class RpcFailure extends Error {
  readonly code: number;
  readonly data: string | undefined;

  constructor(code: number, message: string, data?: string) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** Codes of the JSON-RPC specification, and of a Substrate node's server (`jsonrpsee`). */
export const RPC_CODES = { parse: -32700, request: -32600, method: -32601, params: -32602, internal: -32603, answerTooBig: -32008, batchTooBig: -32011 } as const;

/** Wrong parameters. */
export function badParams(expected: string): RpcFailure {
  return new RpcFailure(RPC_CODES.params, 'Invalid params', expected);
}

/** Any error as an answer; what is not foreseen becomes an internal error without details. */
export function toFailure(error: unknown): RpcFailure {
  if (error instanceof RpcFailure) return error;
  if (error instanceof TransactionInvalid) return invalidFailure(error.reason);
  if (error instanceof PoolRefusal) return refusalFailure(error);
  if (isLocalnetError(error, 'bad-scale')) return new RpcFailure(1001, `Extrinsic has invalid format: ${error.message}`);
  if (isLocalnetError(error) && CONTROL_CODES.has(error.code)) return badParams(error.message);
  process.emitWarning(`@connito/localnet failed to answer: ${error instanceof Error ? error.stack : String(error)}`);
  return new RpcFailure(RPC_CODES.internal, 'Internal error');
}

/** What a control was asked for cannot be. */
const CONTROL_CODES: ReadonlySet<string> = new Set(['bad-control', 'bad-snapshot', 'unknown-snapshot']);

const UNKNOWN_TEXTS: Readonly<Record<string, string>> = {
  CannotLookup: 'Could not lookup information required to validate the transaction',
  NoUnsignedValidator: 'Could not find an unsigned validator for the unsigned transaction',
};

const INVALID_TEXTS: Readonly<Record<string, string>> = {
  AncientBirthBlock: 'Transaction has an ancient birth block',
  BadProof: 'Transaction has a bad signature',
  BadSigner: 'Invalid signing address',
  Call: 'Transaction call is not expected',
  ExhaustsResources: 'Transaction would exhaust the block limits',
  Future: 'Transaction will be valid in the future',
  MandatoryValidation: 'Transaction dispatch is mandatory; transactions must not be validated.',
  Payment: 'Inability to pay some fees (e.g. account balance too low)',
  Stale: 'Transaction is outdated',
};

function invalidFailure(reason: InvalidReason): RpcFailure {
  if (typeof reason !== 'string') return new RpcFailure(1010, 'Invalid Transaction', `Custom error: ${reason.custom}`);
  const unknown = UNKNOWN_TEXTS[reason];
  return unknown === undefined ? new RpcFailure(1010, 'Invalid Transaction', INVALID_TEXTS[reason]) : new RpcFailure(1011, 'Unknown Transaction Validity', unknown);
}

function refusalFailure({ reason, hash }: PoolRefusal): RpcFailure {
  if (reason === 'already-imported') return new RpcFailure(1013, 'Transaction is already imported', `0x${hash}`);
  if (reason === 'full') return new RpcFailure(1016, 'Immediately Dropped', "The transaction couldn't enter the pool because of the limit");
  const data = 'The transaction has too low priority to replace another transaction already in the pool.';
  return new RpcFailure(1014, 'Priority is too low', data);
}
