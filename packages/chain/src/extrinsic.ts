/**
 * Sending calls: signed once, included once, with a typed outcome.
 *
 * A call is signed with an era of 128 blocks, handed to the node, and looked for in every finalised block from then on. When the connection is lost,
 * the *same* bytes are handed over again: a signed extrinsic has one nonce and can be included only once, however often it is sent. When its era is
 * over without it, it can never be included any more, and only then is it safe for the caller to make another.
 * @module
 */
import { stringCamelCase } from '@polkadot/util';
import { followBlocks, readBlockAt, watchBlocks } from './block.ts';
import type { FinalisedBlock, Chain } from './connection.ts';
import { ChainError, isChainError } from './errors.ts';
import { readStorage, toArray, type Codec } from './internal/storage.ts';
import { isPassing, pause, persist, RETRY_PAUSE_MS } from './internal/persist.ts';
import { rpcCodeOf, rpcDataOf } from './internal/rpc.ts';
import type { Keypair } from './keypair.ts';

/** A call that is ready to be signed; it fits only the chain that it was made for. */
export type ChainCall = ReturnType<NonNullable<NonNullable<Chain['api']['tx'][string]>[string]>>;

/** How to send a call. */
export interface SendOptions {
  readonly signer: Keypair;
  /**
   * Gives up waiting for inclusion after this long, wall clock (default 15 min). The extrinsic may still be included later: see `extrinsicHash`
   * in the error's context.
   */
  readonly timeoutMs?: number;
}

/** An event that the extrinsic caused. */
export interface ChainEvent {
  readonly pallet: string;
  readonly name: string;
  /** Fields in order, as polkadot-js' JSON. */
  readonly data: readonly unknown[];
}

/** A call that was included in a finalised block and succeeded. */
export interface Inclusion {
  readonly blockHash: string;
  readonly blockNumber: number;
  readonly extrinsicHash: string;
  readonly extrinsicIndex: number;
  readonly events: readonly ChainEvent[];
}

/** Blocks that a signed extrinsic stays valid for: the Python SDK's default. */
export const ERA_BLOCKS = 128;

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
 * @throws rejected (the node did not take it: `context.reason`), dispatch-failed (`context.pallet`, `context.error`), expired, timeout, disconnected
 * (before it was sent), closed
 */
export async function sendCall(chain: Chain, call: ChainCall, options: SendOptions): Promise<Inclusion> {
  await followBlocks(chain);
  const signed = await submit(chain, call, options.signer);
  try {
    const place = await awaitInclusion(chain, signed, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    // It is on chain: a lost connection must not look as if it were not.
    return await persist(() => readOutcome(chain, signed, place));
  } finally {
    signed.release();
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

interface Signed {
  readonly hex: string;
  readonly hash: string;
  readonly subject: string;
  /** Whether the node's answer was lost. */
  readonly isUncertain: boolean;
  /** The block that was the finalised head when it was signed. */
  readonly birth: number;
  /** The last block that may have it. */
  readonly death: number;
  /** Frees its nonce. */
  release(): void;
}

/** Nonces in flight, so that several calls of one key can be under way at once. */
interface Lane {
  tail: Promise<unknown>;
  next: number;
  inFlight: number;
}
const lanes = new WeakMap<Chain, Map<string, Lane>>();

function laneOf(chain: Chain, hotkey: string): Lane {
  let ofChain = lanes.get(chain);
  if (ofChain === undefined) lanes.set(chain, (ofChain = new Map()));
  let lane = ofChain.get(hotkey);
  if (lane === undefined) ofChain.set(hotkey, (lane = { tail: Promise.resolve(), next: 0, inFlight: 0 }));
  return lane;
}

/** One after the other per key, from the choice of the nonce until the node has answered. */
function submit(chain: Chain, call: ChainCall, signer: Keypair): Promise<Signed> {
  const lane = laneOf(chain, signer.hotkey);
  const work = lane.tail.then(() => submitInLane(chain, call, signer, lane));
  lane.tail = work.catch(() => {});
  return work;
}

async function submitInLane(chain: Chain, call: ChainCall, signer: Keypair, lane: Lane): Promise<Signed> {
  const [head, onChain] = await Promise.all([chain.finalisedHead(), chain.request<number>('system_accountNextIndex', [signer.hotkey])]);
  // The node counts what is in its pool; a call that is between signing and pool is counted here.
  const nonce = lane.inFlight === 0 ? onChain : Math.max(onChain, lane.next);
  const signed = sign(chain, call, { signer, nonce, head });
  lane.inFlight++;
  lane.next = nonce + 1;
  let isReleased = false;
  const release = (): void => {
    if (!isReleased) lane.inFlight--;
    isReleased = true;
  };
  let isUncertain = false;
  try {
    await chain.request('author_submitExtrinsic', [signed.hex]);
  } catch (error) {
    // Lost while the answer was awaited: the node may have it, so it must be looked for like any other.
    if (!isPassing(error)) {
      release();
      throw rejection(error, signed.subject, chain.endpoint);
    }
    isUncertain = true;
  }
  return { ...signed, isUncertain, release };
}

function sign(chain: Chain, call: ChainCall, { signer, nonce, head }: { signer: Keypair; nonce: number; head: FinalisedBlock }): Omit<Signed, 'release' | 'isUncertain'> {
  const { api } = chain;
  const era = api.registry.createType('ExtrinsicEra', { current: head.number, period: ERA_BLOCKS });
  const extrinsic = call.sign(signer.pair, { era, blockHash: head.hash, genesisHash: api.genesisHash, nonce, runtimeVersion: api.runtimeVersion });
  const { section, method } = call.method;
  return { hex: extrinsic.toHex(), hash: extrinsic.hash.toHex(), subject: `${section}.${method}`, birth: head.number, death: head.number + ERA_BLOCKS };
}

interface Place {
  readonly block: FinalisedBlock;
  readonly index: number;
}

/** Looks through every finalised block after the birth. */
async function awaitInclusion(chain: Chain, signed: Signed, timeoutMs: number): Promise<Place> {
  const search = new Search(chain, signed);
  const timer = setTimeout(() => search.fail(tooLate(chain, signed, timeoutMs)), timeoutMs);
  // Already known, included or outdated: the search tells which.
  const resend = (): void => void chain.request('author_submitExtrinsic', [signed.hex]).catch(() => {});
  const stopResending = chain.onReconnect(resend);
  if (signed.isUncertain && chain.isConnected()) resend();
  const watching = watchBlocks(chain, ({ number }) => search.reach(number));
  watching.catch((error: unknown) => search.fail(error));
  try {
    return await search.result;
  } finally {
    clearTimeout(timer);
    stopResending();
    search.end();
    await watching.then((stop) => stop()).catch(() => {});
  }
}

class Search {
  readonly result: Promise<Place>;
  readonly #chain: Chain;
  readonly #signed: Signed;
  #resolve!: (place: Place) => void;
  #reject!: (error: unknown) => void;
  #next: number;
  #head = -1;
  #isRunning = false;
  #hasEnded = false;

  constructor(chain: Chain, signed: Signed) {
    this.#chain = chain;
    this.#signed = signed;
    this.#next = signed.birth + 1;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  reach(number: number): void {
    this.#head = Math.max(this.#head, number);
    if (!this.#isRunning) void this.#run();
  }

  fail(error: unknown): void {
    this.end();
    this.#reject(error);
  }

  end(): void {
    this.#hasEnded = true;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (!this.#hasEnded && this.#next <= this.#head) {
      try {
        await this.#look(this.#next);
        this.#next++;
      } catch (error) {
        if (isPassing(error)) await pause(RETRY_PAUSE_MS);
        else this.fail(error);
      }
    }
    this.#isRunning = false;
  }

  async #look(number: number): Promise<void> {
    const { hash, hex, subject, death } = this.#signed;
    if (number > death) {
      const context = { subject, blockNumber: death, extrinsicHash: hash };
      throw new ChainError('expired', `${subject} was in no block up to ${death}, the last that could have it; sending it again is safe`, context);
    }
    const { block, extrinsics } = await readBody(this.#chain, number);
    const index = extrinsics.indexOf(hex);
    if (index < 0) return;
    this.end();
    this.#resolve({ block, index });
  }
}

interface Body {
  readonly block: FinalisedBlock;
  readonly extrinsics: readonly string[];
}

/** The newest few, so that calls under way together do not ask for the same blocks each. */
const bodies = new WeakMap<Chain, Map<number, Promise<Body>>>();
const KEPT_BODIES = 8;

function readBody(chain: Chain, number: number): Promise<Body> {
  const kept = bodies.get(chain) ?? new Map<number, Promise<Body>>();
  bodies.set(chain, kept);
  const known = kept.get(number);
  if (known !== undefined) return known;
  const body = fetchBody(chain, number);
  kept.set(number, body);
  body.catch(() => kept.delete(number));
  for (const old of kept.keys()) if (kept.size > KEPT_BODIES) kept.delete(old);
  return body;
}

async function fetchBody(chain: Chain, number: number): Promise<Body> {
  const block = await readBlockAt(chain, number);
  const { block: body } = await chain.request<{ block: { extrinsics: string[] } }>('chain_getBlock', [block.hash]);
  return { block, extrinsics: body.extrinsics };
}

async function readOutcome(chain: Chain, signed: Signed, { block, index }: Place): Promise<Inclusion> {
  const [records] = await readStorage(chain, block.hash, [{ pallet: 'System', item: 'Events' }]);
  const own = toArray(records).map(toRecord).filter((record) => record.phase === index);
  for (const { event } of own) assertSuccess(chain, event, signed, block);
  const events = own.map(({ event }): ChainEvent => ({ pallet: palletName(chain, event), name: event.method, data: event.data.toJSON() as unknown[] }));
  return { blockHash: block.hash, blockNumber: block.number, extrinsicHash: signed.hash, extrinsicIndex: index, events };
}

/** The parts of polkadot-js' `EventRecord` that are used here; its types live in a package that this one does not import. */
interface EventCodec {
  readonly section: string;
  readonly method: string;
  readonly index: Uint8Array;
  readonly data: Codec & Iterable<Codec>;
}

function toRecord(codec: Codec): { readonly phase: number; readonly event: EventCodec } {
  const record = codec as unknown as { phase: { isApplyExtrinsic: boolean; asApplyExtrinsic: Codec }; event: EventCodec };
  return { phase: record.phase.isApplyExtrinsic ? Number(String(record.phase.asApplyExtrinsic)) : -1, event: record.event };
}

/** The name as the metadata writes it: `section` is camel case. */
function palletName(chain: Chain, event: EventCodec): string {
  const pallet = chain.api.registry.metadata.pallets.find(({ name }) => stringCamelCase(name.toString()) === event.section);
  return pallet === undefined ? event.section : pallet.name.toString();
}

function assertSuccess(chain: Chain, event: EventCodec, signed: Signed, block: FinalisedBlock): void {
  const failure = failureOf(event);
  if (failure === undefined) return;
  const { pallet, error } = describeDispatchError(chain, failure);
  throw new ChainError('dispatch-failed', `${signed.subject} failed in block ${block.number}: ${pallet}.${error}`, {
    subject: signed.subject,
    pallet,
    error,
    blockNumber: block.number,
    extrinsicHash: signed.hash,
  });
}

interface DispatchErrorCodec {
  readonly isModule: boolean;
  readonly asModule: Parameters<Chain['api']['registry']['findMetaError']>[0];
  readonly type: string;
}

/** The error of a failed extrinsic, or of a call that failed inside a successful `Sudo.sudo`. */
function failureOf(event: EventCodec): DispatchErrorCodec | undefined {
  const first = [...event.data][0] as unknown;
  if (event.section === 'system' && event.method === 'ExtrinsicFailed') return first as DispatchErrorCodec;
  if (event.section !== 'sudo' || !/^Sud(id|oAsDone)$/.test(event.method)) return undefined;
  const result = first as { readonly isErr: boolean; readonly asErr: DispatchErrorCodec };
  return result.isErr ? result.asErr : undefined;
}

function describeDispatchError(chain: Chain, failure: DispatchErrorCodec): { readonly pallet: string; readonly error: string } {
  if (!failure.isModule) return { pallet: 'System', error: failure.type };
  const { section, name } = chain.api.registry.findMetaError(failure.asModule);
  const pallet = chain.api.registry.metadata.pallets.find((candidate) => stringCamelCase(candidate.name.toString()) === section);
  return { pallet: pallet?.name.toString() ?? section, error: name };
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
function rejection(error: unknown, subject: string, endpoint: string): unknown {
  const cause = isChainError(error, 'rpc-failed') ? error.cause : undefined;
  if (cause === undefined) return error;
  const data = rpcDataOf(cause);
  const custom = /Custom error: (\d+)/.exec(data)?.[1];
  const reason = custom === undefined ? data || (cause as Error).message : (CUSTOM_ERRORS[Number(custom)] ?? `Custom error ${custom}`);
  return new ChainError('rejected', `the node did not take ${subject}: ${reason}`, { endpoint, subject, reason, rpcCode: rpcCodeOf(cause) ?? 0 }, cause);
}

function tooLate(chain: Chain, signed: Signed, timeoutMs: number): ChainError {
  return new ChainError('timeout', `${signed.subject} was not included within ${timeoutMs / 1000} s; it may still be, up to block ${signed.death} (extrinsic ${signed.hash})`, {
    endpoint: chain.endpoint,
    subject: signed.subject,
    blockNumber: signed.death,
    extrinsicHash: signed.hash,
  });
}
