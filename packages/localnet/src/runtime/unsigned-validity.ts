/**
 * Transactions that nobody signed: of those the pool takes the beacon's, which carry the signature of some sr25519 key (whose, nobody asks) in their payload.
 * @module
 * @see pallets/drand/src/lib.rs, `validate_unsigned` (opentensor/subtensor 14bc6f9f9)
 */
import { blake2, concatBytes, toHex } from '../hex.ts';
import { pallets } from '../pallets/index.ts';
import { encodeScale } from '../scale/codec.ts';
import type { RuntimeCall, TypeOf } from '../scale/type-of.ts';
import { verifySr25519 } from '../substrate-crypto.ts';
import type { ArgumentsOf, Execution } from './execution.ts';
import { TransactionInvalid } from './transaction-invalid.ts';

/** How a pool is to treat an unsigned transaction. */
export interface ValidUnsigned {
  readonly type: 'unsigned';
  /** Hex. A pool holds one transaction that provides it. */
  readonly tag: string;
  readonly priority: bigint;
  /** For so many blocks after the newest one. */
  readonly longevityBlocks: number;
  readonly propagates: boolean;
}

type PulseArguments = ArgumentsOf<'Drand', 'write_pulse'>;
type ConfigArguments = ArgumentsOf<'Drand', 'set_beacon_config'>;

const U64_MAX: bigint = (1n << 64n) - 1n;
/** Blocks that they can wait for. */
const LONGEVITY = { pulse: 3, config: 1 } as const;

/** Checks an unsigned transaction for the block of `execution`. @throws TransactionInvalid */
export function validateUnsigned(execution: Execution, call: RuntimeCall): ValidUnsigned {
  if (isCall(call, 'write_pulse')) ensureSignature('PulsesPayload', (call.args as PulseArguments).pulses_payload, call.args as PulseArguments);
  if (isCall(call, 'set_beacon_config')) ensureSignature('BeaconConfigurationPayload', (call.args as ConfigArguments).config_payload, call.args as ConfigArguments);
  return checkUnsigned(execution, call);
}

/** What depends on the state: again when the transaction's turn comes. @throws TransactionInvalid */
export function checkUnsigned(execution: Execution, call: RuntimeCall): ValidUnsigned {
  if (call.pallet !== 'Drand') throw new TransactionInvalid('NoUnsignedValidator');
  if (isCall(call, 'write_pulse')) return checkPulse(execution, (call.args as PulseArguments).pulses_payload);
  // The pool takes it, and root's origin, which it has not, is asked for when it is carried out.
  if (isCall(call, 'set_beacon_config')) return checkConfig(execution, (call.args as ConfigArguments).config_payload);
  throw new TransactionInvalid('Call');
}

function isCall({ pallet, call }: RuntimeCall, name: string): boolean {
  return pallet === 'Drand' && call === name;
}

function ensureSignature<T extends 'PulsesPayload' | 'BeaconConfigurationPayload'>(type: T, payload: TypeOf<T>, { signature }: Pick<PulseArguments, 'signature'>): void {
  if (signature === undefined) throw new TransactionInvalid('BadSigner');
  const signer = (payload as { readonly public: TypeOf<'MultiSigner'> }).public;
  const isRight = signer.type === 'Sr25519' && signature.type === 'Sr25519' && verifySr25519({ message: encodeScale(type, payload), signature: signature.value, publicKey: signer.value });
  if (!isRight) throw new TransactionInvalid('BadProof');
}

/** One pulse each; the earlier its round, the more urgent. */
function checkPulse(execution: Execution, { block_number, pulses }: PulseArguments['pulses_payload']): ValidUnsigned {
  const { NextUnsignedAt, LastStoredRound } = execution.storage.Drand;
  if (execution.blockNumber < block_number) throw new TransactionInvalid('Future');
  const [pulse, second] = pulses;
  if (pulse === undefined || second !== undefined) throw new TransactionInvalid('Call');
  if (NextUnsignedAt.get() > execution.blockNumber || pulse.round <= LastStoredRound.get()) throw new TransactionInvalid('Stale');
  const priority = unsignedPriority() + (U64_MAX - pulse.round);
  const tag = tagOf(new TextEncoder().encode('drand'), encodeScale('u64', pulse.round));
  return { type: 'unsigned', tag, priority: priority > U64_MAX ? U64_MAX : priority, longevityBlocks: LONGEVITY.pulse, propagates: false };
}

function checkConfig(execution: Execution, { block_number, public: signer }: ConfigArguments['config_payload']): ValidUnsigned {
  const nextAt = execution.storage.Drand.NextUnsignedAt.get();
  if (execution.blockNumber < block_number) throw new TransactionInvalid('Future');
  if (nextAt > block_number) throw new TransactionInvalid('Stale');
  const tag = tagOf(encodeScale('u32', nextAt), encodeScale('Vec<u8>', encodeScale('MultiSigner', signer)));
  return { type: 'unsigned', tag, priority: unsignedPriority(), longevityBlocks: LONGEVITY.config, propagates: true };
}

function unsignedPriority(): bigint {
  return new DataView(Uint8Array.from(Buffer.from(pallets.Drand.constants.UnsignedPriority[1].slice(2), 'hex')).buffer).getBigUint64(0, true);
}

/** `ValidTransaction::with_tag_prefix`: the prefix and the hash of what was provided. */
function tagOf(...provided: readonly Uint8Array[]): string {
  return toHex(concatBytes(encodeScale('Text', 'DrandOffchainWorker'), blake2(concatBytes(...provided))));
}
