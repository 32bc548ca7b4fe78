/**
 * Handing a signed call to a node, and what the node's answer means for whether another may be signed in its place.
 * @module
 * @see sc-rpc-api's `author/error.rs` (polkadot-sdk) for the codes
 */
import type { Chain } from '../connection.ts';
import { ChainError, isChainError } from '../errors.ts';
import { isPassing } from './persist.ts';
import { rpcCodeOf, rpcDataOf } from './rpc.ts';
import type { SignedCall } from './signed-call.ts';

/**
 * `taken`: it is in the node's pool. `unknown`: it may be, or may come in later. `nonce-taken`: it was not taken, because its nonce is used by another; a new one can be signed.
 */
export type Submission = 'taken' | 'unknown' | 'nonce-taken';

/** The pool has these bytes already. */
const ALREADY_IMPORTED = 1013;
/** The pool had these bytes a short while ago: they are in a block, or were dropped. */
const TEMPORARILY_BANNED = 1012;
/** The pool has another extrinsic with this nonce. */
const PRIORITY_TOO_LOW = 1014;
/** The pool is full. */
const IMMEDIATELY_DROPPED = 1016;
const INVALID_TRANSACTION = 1010;

/** Hands it over once. @throws rejected (`context.reason`), closed */
export async function submit(chain: Chain, { hex, subject }: SignedCall): Promise<Submission> {
  try {
    await chain.request('author_submitExtrinsic', [hex]);
    return 'taken';
  } catch (error) {
    // Lost while the answer was awaited: the node may have it, so it must be looked for like any other.
    if (isPassing(error)) return 'unknown';
    const cause = isChainError(error, 'rpc-failed') ? error.cause : undefined;
    if (cause === undefined) throw error;
    return submissionOf(cause) ?? Promise.reject(rejection(cause, subject, chain.endpoint));
  }
}

function submissionOf(cause: unknown): Submission | undefined {
  const code = rpcCodeOf(cause);
  if (code === ALREADY_IMPORTED) return 'taken';
  if (code === TEMPORARILY_BANNED || code === IMMEDIATELY_DROPPED) return 'unknown';
  if (code === PRIORITY_TOO_LOW) return 'nonce-taken';
  return code === INVALID_TRANSACTION && /outdated|stale/i.test(rpcDataOf(cause)) ? 'nonce-taken' : undefined;
}

/**
 * Names of `CustomTransactionError`, by the number in "Custom error: N" of RPC error 1010.
 * @see pallets/subtensor/src/macros/errors of opentensor/subtensor, spec 425
 */
const CUSTOM_ERRORS: Readonly<Record<number, string>> = {
  0: 'ColdkeyInSwapSchedule',
  1: 'StakeAmountTooLow',
  2: 'BalanceTooLow',
  3: 'SubnetNotExists',
  4: 'HotkeyAccountDoesntExist',
  5: 'NotEnoughStakeToWithdraw',
  6: 'RateLimitExceeded',
  7: 'InsufficientLiquidity',
  8: 'SlippageTooHigh',
  9: 'TransferDisallowed',
  10: 'HotKeyNotRegisteredInNetwork',
  11: 'InvalidIpAddress',
  12: 'ServingRateLimitExceeded',
  13: 'InvalidPort',
  14: 'ZeroMaxAmount',
  15: 'InvalidRevealRound',
  16: 'CommitNotFound',
  17: 'CommitBlockNotInRevealRange',
  18: 'InputLengthsUnequal',
  19: 'UidNotFound',
  20: 'EvmKeyAssociateRateLimitExceeded',
  21: 'ColdkeySwapDisputed',
  22: 'InvalidRealAccount',
  23: 'FailedShieldedTxParsing',
  24: 'InvalidShieldedTxPubKeyHash',
  25: 'NonAssociatedColdKey',
  26: 'DelegateTakeTooLow',
  27: 'DelegateTakeTooHigh',
  255: 'BadRequest',
};

/** Why a node did not take an extrinsic: the name of Subtensor's custom error, or the node's own words. */
function rejection(cause: unknown, subject: string, endpoint: string): ChainError {
  const data = rpcDataOf(cause);
  const custom = /Custom error: (\d+)/.exec(data)?.[1];
  const reason = custom === undefined ? data || (cause as Error).message : (CUSTOM_ERRORS[Number(custom)] ?? `Custom error ${custom}`);
  return new ChainError('rejected', `the node did not take ${subject}: ${reason}`, { endpoint, subject, reason, rpcCode: rpcCodeOf(cause) ?? 0 }, cause);
}
