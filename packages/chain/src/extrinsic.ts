/**
 * Sending calls: signed once, included once, with a typed outcome.
 *
 * A call is signed with an era of 128 blocks, handed to the node, and looked for in every finalised block from then on. When the connection is lost,
 * the *same* bytes are handed over again: a signed extrinsic has one nonce and can be included only once, however often it is sent. When its era is
 * over without it, it can never be included any more, and only then is it safe for the caller to make another.
 * @module
 */
import { stringCamelCase } from '@polkadot/util';
import { followBlocks } from './block.ts';
import type { Chain } from './connection.ts';
import { ChainError, isChainError } from './errors.ts';
import { awaitInclusion } from './internal/inclusion-search.ts';
import { nonceLane } from './internal/nonce-lane.ts';
import { readOutcome, type Inclusion } from './internal/outcome.ts';
import { pause, persist, RETRY_PAUSE_MS } from './internal/persist.ts';
import { decodeSignedCall, encodeSignedCall, signCall, type ChainCall, type SignedCall } from './internal/signed-call.ts';
import { submit, type Submission } from './internal/submission.ts';
import type { Keypair } from './keypair.ts';
import { parseDuration } from './unsigned.ts';

export { ERA_BLOCKS } from './internal/signed-call.ts';
export type { ChainCall } from './internal/signed-call.ts';
export type { ChainEvent, Inclusion } from './internal/outcome.ts';

/** How to send a call. */
export interface SendOptions {
  readonly signer: Keypair;
  /**
   * Gives up waiting for inclusion after this long, wall clock (default 15 min; at most 2^31 - 1). The extrinsic may still be included later: see `extrinsicHash`
   * in the error's context.
   */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 900_000;

/**
 * A call by its names in the metadata.
 * @throws unsupported when the runtime has no such call; bad-value when the arguments do not fit its types
 * @example createCall(chain, 'SubtensorModule', 'burned_register', [1, hotkey])
 */
export function createCall(chain: Chain, pallet: string, name: string, args: readonly unknown[]): ChainCall {
  const call = chain.api.tx[stringCamelCase(pallet)]?.[stringCamelCase(name)];
  const subject = `${pallet}.${name}`;
  if (call === undefined) throw new ChainError('unsupported', `the runtime at ${chain.endpoint} has no call ${subject}`, { endpoint: chain.endpoint, subject });
  try {
    return call(...args);
  } catch (cause) {
    throw new ChainError('bad-value', `the arguments do not fit ${subject}: ${cause instanceof Error ? cause.message : String(cause)}`, { subject }, cause);
  }
}

/** Whether the runtime has a call. */
export function hasCall(chain: Chain, pallet: string, name: string): boolean {
  return chain.api.tx[stringCamelCase(pallet)]?.[stringCamelCase(name)] !== undefined;
}

/**
 * Signs and sends a call and waits until a finalised block has it.
 *
 * @throws rejected (the node did not take it: `context.reason`), dispatch-failed (`context.pallet`, `context.error`), expired, timeout, stale-call, disconnected
 * (before it was sent), closed, bad-value (`timeoutMs`)
 */
export async function sendCall(chain: Chain, call: ChainCall, options: SendOptions): Promise<Inclusion> {
  const timeoutMs = timeoutOf(options);
  await followBlocks(chain);
  const lane = nonceLane(chain, options.signer.hotkey);
  const { signed, submission } = await lane.run(() => signAndSubmit(chain, call, options.signer));
  try {
    return await finish(chain, signed, { submission, timeoutMs });
  } finally {
    lane.release(signed.nonce);
  }
}

/** A call that was signed and not sent. */
export interface PreparedCall {
  /** For {@link resumeCall}, to be kept before the call is sent. Not secret, but whoever has them can have the call executed once. */
  readonly bytes: Uint8Array;
  readonly extrinsicHash: string;
  readonly nonce: number;
  /** After this block it can never be included any more. */
  readonly lastBlock: number;
}

/**
 * Signs a call so that it can be kept before it is sent: a process that is killed in between finds out from the bytes, with {@link resumeCall}, whether the call was included, and never
 * makes a second one. Later calls of the key wait behind it until it is resumed.
 * @throws stale-call, disconnected, timeout, closed
 * @example const { bytes } = await prepareCall(chain, call, { signer }); await journal.append(bytes); await resumeCall(chain, bytes);
 */
export async function prepareCall(chain: Chain, call: ChainCall, { signer }: Pick<SendOptions, 'signer'>): Promise<PreparedCall> {
  const signed = await nonceLane(chain, signer.hotkey).run(() => signNext(chain, call, signer));
  return { bytes: encodeSignedCall(chain, signed), extrinsicHash: signed.hash, nonce: signed.nonce, lastBlock: signed.death };
}

/**
 * Sends a prepared call, or finds out what became of it: the same bytes as often as it is called, in this process or a later one.
 *
 * @throws bad-value (other bytes), wrong-chain, and as {@link sendCall}: `expired` when it was not included and can never be
 */
export async function resumeCall(chain: Chain, bytes: Uint8Array, options: Pick<SendOptions, 'timeoutMs'> = {}): Promise<Inclusion> {
  const timeoutMs = timeoutOf(options);
  const signed = decodeSignedCall(chain, bytes);
  await followBlocks(chain);
  try {
    // Whether it was sent before is not known: even a refusal may only say that it stands in a block.
    const submission = await submit(chain, signed).catch((error: unknown): Submission | Promise<never> => (isChainError(error, 'rejected') ? 'unknown' : Promise.reject(error as Error)));
    return await finish(chain, signed, { submission, timeoutMs });
  } finally {
    nonceLane(chain, signed.signer).release(signed.nonce);
  }
}

/** Wraps a call in `Sudo.sudo`: the signer must be the chain's sudo key. */
export function sudo(chain: Chain, call: ChainCall): ChainCall {
  return createCall(chain, 'Sudo', 'sudo', [call.method]);
}

/**
 * The data of an event that a successful call must have caused.
 * @throws missing-event
 */
export function findEvent(inclusion: Inclusion, pallet: string, name: string): readonly unknown[] {
  const event = inclusion.events.find((candidate) => candidate.pallet === pallet && candidate.name === name);
  if (event !== undefined) return event.data;
  throw new ChainError('missing-event', `the call succeeded in block ${inclusion.blockNumber}, but caused no event ${pallet}.${name}; this runtime differs`, {
    subject: `${pallet}.${name}`,
    blockNumber: inclusion.blockNumber,
    extrinsicHash: inclusion.extrinsicHash,
  });
}

/** Looked at before anything is signed: what is sent and not waited for would look as if it could be sent again. @throws bad-value */
function timeoutOf({ timeoutMs = DEFAULT_TIMEOUT_MS }: Pick<SendOptions, 'timeoutMs'>): number {
  return parseDuration('timeoutMs', timeoutMs);
}

async function finish(chain: Chain, signed: SignedCall, { submission, timeoutMs }: { readonly submission: Submission; readonly timeoutMs: number }): Promise<Inclusion> {
  const place = await awaitInclusion(chain, signed, { submission, timeoutMs });
  // It is on chain: a lost connection must not look as if it were not.
  return persist(() => readOutcome(chain, signed, place));
}

/** How often another nonce is tried while other processes with the same key take them. */
const MAX_NONCES = 5;

/** From the choice of the nonce until the node has answered. Another nonce is chosen only where the node said that it did not take the call. */
async function signAndSubmit(chain: Chain, call: ChainCall, signer: Keypair): Promise<{ readonly signed: SignedCall; readonly submission: Submission }> {
  for (let attempt = 1; ; attempt++) {
    const signed = await signNext(chain, call, signer);
    try {
      const submission = await submit(chain, signed);
      if (submission !== 'nonce-taken') return { signed, submission };
    } catch (error) {
      nonceLane(chain, signer.hotkey).release(signed.nonce);
      throw error;
    }
    nonceLane(chain, signer.hotkey).release(signed.nonce);
    if (attempt === MAX_NONCES) throw nonceTaken(chain, signed);
    await pause(RETRY_PAUSE_MS);
  }
}

/** Signs with the next nonce, which is taken until it is released. */
async function signNext(chain: Chain, call: ChainCall, signer: Keypair): Promise<SignedCall> {
  const [head, onChain] = await Promise.all([chain.finalisedHead(), chain.request<number>('system_accountNextIndex', [signer.hotkey])]);
  const lane = nonceLane(chain, signer.hotkey);
  const nonce = lane.take(onChain);
  try {
    return signCall(chain, call, { signer, nonce, head });
  } catch (error) {
    lane.release(nonce);
    throw error;
  }
}

function nonceTaken(chain: Chain, { subject, signer, nonce }: SignedCall): ChainError {
  const message = `the node did not take ${subject}: ${MAX_NONCES} nonces in a row, up to ${nonce}, were used by other calls of ${signer}; does a second process use this key?`;
  return new ChainError('rejected', message, { endpoint: chain.endpoint, subject, reason: 'nonce-taken' });
}
