/**
 * What a node's answers look like: checked as they arrive, so that whoever reads them meets no other kind of value than it is written for.
 *
 * Only the form is looked at. What a node says within it is believed, but for proofs (`trie/read-proof.ts`).
 * @module
 */
import { ChainError, isChainError } from '../errors.ts';

type Shape = (value: unknown) => boolean;

/** A block's hash. */
const isHash: Shape = (value) => typeof value === 'string' && /^0x[\da-f]{64}$/.test(value);
const isBytes: Shape = (value) => typeof value === 'string' && value.length % 2 === 0 && /^0x[\da-f]*$/i.test(value);
const isU32: Shape = (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
const orNull = (shape: Shape): Shape => (value) => value === null || shape(value);
const listOf = (shape: Shape): Shape => (value) => Array.isArray(value) && value.every(shape);
const isPair = (first: Shape, second: Shape): Shape => (value) => Array.isArray(value) && value.length === 2 && first(value[0]) && second(value[1]);
const isRecord = (shapes: Readonly<Record<string, Shape>>): Shape => (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.entries(shapes).every(([name, shape]) => shape(Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined));

const isHeader: Shape = isRecord({ number: (value) => typeof value === 'string' && /^0x[\da-f]{1,8}$/i.test(value), parentHash: isHash });
const isVersion: Shape = isRecord({ specVersion: isU32 });

/** Results of the requests that this package makes, and of subscriptions by the request that begins them. */
const SHAPES: Readonly<Record<string, { readonly answer?: Shape; readonly notification?: Shape }>> = {
  chain_getBlock: { answer: orNull(isRecord({ block: isRecord({ extrinsics: listOf(isBytes) }) })) },
  chain_getBlockHash: { answer: orNull(isHash) },
  chain_getFinalizedHead: { answer: isHash },
  chain_getHeader: { answer: orNull(isHeader) },
  chain_subscribeFinalizedHeads: { notification: isHeader },
  state_call: { answer: isBytes },
  state_getKeysPaged: { answer: listOf(isBytes) },
  state_getMetadata: { answer: isBytes },
  state_getReadProof: { answer: isRecord({ proof: listOf(isBytes) }) },
  state_getRuntimeVersion: { answer: isVersion },
  state_getStorage: { answer: orNull(isBytes) },
  state_queryStorageAt: { answer: listOf(isRecord({ changes: listOf(isPair(isBytes, orNull(isBytes))) })) },
  state_subscribeRuntimeVersion: { notification: isVersion },
  system_accountNextIndex: { answer: isU32 },
};

/** Whether the answer to a request has the form that it must have; unknown requests may be answered with anything. */
export function isAnswer(method: string, value: unknown): boolean {
  return SHAPES[method]?.answer?.(value) ?? true;
}

/** Whether a notification of the subscription that `method` began has the form that it must have. */
export function isNotification(method: string, value: unknown): boolean {
  return SHAPES[method]?.notification?.(value) ?? true;
}

/** Reads what a node has answered. @throws bad-node where it cannot be read; a {@link ChainError} passes as it is */
export function decodeAnswer<T>({ endpoint, subject }: { readonly endpoint: string; readonly subject: string }, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (isChainError(cause)) throw cause;
    throw new ChainError('bad-node', `${endpoint} answered ${subject} with what its runtime's metadata does not describe: ${firstLine(cause)}`, { endpoint, subject }, cause);
  }
}

/** Longest text of others that goes into a message. */
const MAX_TEXT = 500;

/** Somebody else's text as it may stand in a message, on a terminal and in a log: on one line, and no longer than fits there. */
export function plainText(text: string): string {
  const line = text.slice(0, MAX_TEXT + 1).replaceAll(/\p{Cc}+/gu, ' ');
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
}

function firstLine(cause: unknown): string {
  return plainText(cause instanceof Error ? cause.message : String(cause));
}
