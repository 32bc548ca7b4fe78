/**
 * JSON-RPC failures become coded errors here.
 *
 * Requests go straight to the socket: polkadot-js' decorated `api.rpc` writes every failure to stderr before it throws.
 * @module
 */
import { ChainError, isChainError } from '../errors.ts';
import { plainText } from './answer.ts';
import { AnswerLate, SocketLost, WrongAnswer } from './rpc-socket.ts';

/** Turns what a provider throws into a {@link ChainError}. */
export function wrapRpcError(error: unknown, subject: string, endpoint: string): ChainError {
  if (isChainError(error)) return error;
  const message = plainText(error instanceof Error ? error.message : String(error));
  const context = { endpoint, subject };
  if (error instanceof SocketLost) return new ChainError('disconnected', `lost the connection to ${endpoint} during ${subject} (${message}); it is being made anew`, context, error);
  if (error instanceof AnswerLate) return new ChainError('timeout', `${endpoint} did not answer ${subject}: ${message}`, context, error);
  if (error instanceof WrongAnswer) return new ChainError('bad-node', `${endpoint} gave ${message} (${subject}); use another node`, context, error);
  const rpcCode = rpcCodeOf(error);
  if (/State already discarded|UnknownBlock|state not available/i.test(message)) {
    return new ChainError('state-unavailable', `${endpoint} has no state of that block any more (${subject}); use an archive node`, { ...context, rpcCode: rpcCode ?? 0 }, error);
  }
  return new ChainError('rpc-failed', `${endpoint} refused ${subject}: ${message}`, rpcCode === undefined ? context : { ...context, rpcCode }, error);
}

/** The code of a JSON-RPC error, if it is one. */
export function rpcCodeOf(error: unknown): number | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

/** The data of a JSON-RPC error as text. */
export function rpcDataOf(error: unknown): string {
  const data = typeof error === 'object' && error !== null && 'data' in error ? error.data : undefined;
  return typeof data === 'string' ? data : data === undefined ? '' : JSON.stringify(data);
}
