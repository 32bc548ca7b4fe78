/**
 * The one error class of this package.
 *
 * Codes are append-only: programs match on them, people read the message.
 * @module
 */

/** What went wrong. Append-only. */
export type ChainErrorCode =
  /** No connection to the endpoint could be made. */
  | 'unreachable'
  /** The connection was lost while an answer was awaited. */
  | 'disconnected'
  /** No answer, or no inclusion, within the time given. */
  | 'timeout'
  /** The chain object was closed. */
  | 'closed'
  /** Something answers at the endpoint that is no Substrate node, or as none does. */
  | 'bad-node'
  /** The node serves another chain than the one that was asked for. */
  | 'wrong-chain'
  /** The runtime lacks a call, a storage item or an RPC method. */
  | 'unsupported'
  /** The node answered with an error. */
  | 'rpc-failed'
  /** The node has forgotten the state of that block; an archive node has it. */
  | 'state-unavailable'
  /** No such block. */
  | 'unknown-block'
  /** No finalised block at or after the time asked for exists yet. */
  | 'not-yet'
  /** Not an ss58 address of 32 bytes. */
  | 'bad-address'
  /** Not a secret URI, mnemonic or seed. */
  | 'bad-key'
  /** An argument is out of its range. */
  | 'bad-value'
  /** The schedule of the cycle contradicts itself, the beacon or the pallet's limits. */
  | 'bad-schedule'
  /** The chain would refuse the call; it was not sent. */
  | 'refused'
  /** The node did not take the extrinsic into its pool. */
  | 'rejected'
  /** The extrinsic was included and failed. */
  | 'dispatch-failed'
  /** The extrinsic can never be included any more: its era is over. Sending another is safe. */
  | 'expired'
  /** The call succeeded, but the chain does not hold what was written. */
  | 'read-back'
  /** The call succeeded, but an event that it always emits is missing. */
  | 'missing-event'
  /** A storage proof does not show what it should. */
  | 'bad-proof'
  /** The runtime was upgraded between the making of a call and its signing. */
  | 'stale-call'
  /** A wallet or one of its keyfiles is not there. */
  | 'no-keyfile'
  /** Not a keyfile, or one that contradicts itself. */
  | 'bad-keyfile'
  /** A keyfile of a kind that is not opened here: an old encryption, an unknown kind of key. */
  | 'unsupported-keyfile'
  /** The keyfile has an address and no secret. */
  | 'no-secret'
  /** The keyfile is encrypted and no password came. */
  | 'password-needed'
  /** The password does not open the keyfile. */
  | 'wrong-password'
  /** Others can read a secret, or it is no plain file. */
  | 'unsafe-keyfile'
  /** A keyfile stands there already. */
  | 'keyfile-exists';

/** What an error can tell beside its message; which members are set depends on the code. */
export interface ChainErrorContext {
  readonly endpoint?: string;
  /** RPC method, storage item or call. */
  readonly subject?: string;
  /** Pallet of a failed dispatch. */
  readonly pallet?: string;
  /** Name of the dispatch error, for example `NotEnoughBalanceToStake`. */
  readonly error?: string;
  /** Why the chain would refuse or did reject, by the name of its error where it has one. */
  readonly reason?: string;
  /** Code of the JSON-RPC error. */
  readonly rpcCode?: number;
  readonly expected?: string | number;
  readonly actual?: string | number;
  readonly blockNumber?: number;
  readonly extrinsicHash?: string;
  /** The keyfile. */
  readonly path?: string;
}

const BRAND: symbol = Symbol.for('@connito/chain/error');

/** Thrown by every function of this package. */
export class ChainError extends Error {
  override readonly name = 'ChainError';
  readonly code: ChainErrorCode;
  readonly context: ChainErrorContext;

  constructor(code: ChainErrorCode, message: string, context: ChainErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.context = Object.freeze({ ...context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Whether `error` is a {@link ChainError}, and, if `code` is given, one with that code.
 * Works across copies of this package, unlike `instanceof`.
 */
export function isChainError(error: unknown, code?: ChainErrorCode): error is ChainError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as ChainError).code === code;
}
