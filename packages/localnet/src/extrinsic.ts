/**
 * Extrinsics, version 4: bare (inherents) and signed with the chain's transaction extensions.
 *
 * Layout: compact length ‖ `0x04` ‖ call, or compact length ‖ `0x84` ‖ MultiAddress ‖ MultiSignature ‖ Era ‖ Compact nonce ‖
 * Compact tip ‖ metadata hash mode ‖ call. Signed is call ‖ the four extras ‖ spec version ‖ transaction version ‖ genesis hash ‖
 * hash of the era's first block ‖ Option of the metadata hash; of more than 256 bytes their BLAKE2b.
 * @module
 */
import { blake2, concatBytes, fromHex, toHex } from './hex.ts';
import { badScale, ScaleReader, ScaleWriter } from './scale/bytes.ts';
import { encodeScale, readScale } from './scale/codec.ts';
import type { Era, RuntimeCall, TypeOf } from './scale/type-of.ts';
import { recoverSecp256k1, verifyEd25519, verifySr25519 } from './substrate-crypto.ts';
import { runtimeVersion } from './version.ts';

/** What a signed extrinsic says besides its call. */
export interface SignedPart {
  readonly address: TypeOf<'MultiAddress'>;
  readonly signature: TypeOf<'MultiSignature'>;
  readonly era: Era;
  readonly nonce: number;
  readonly tip: bigint;
  /** Whether a hash of the metadata was signed, too; this chain has none to compare it with. */
  readonly hasMetadataHash: boolean;
}

/** A decoded extrinsic. */
export interface Extrinsic {
  readonly call: RuntimeCall;
  readonly signed?: SignedPart;
  /** Call and extras as they were sent: what, with the implicit parts, was signed. */
  readonly signedBytes: Uint8Array;
}

/** Decodes an extrinsic with its length prefix. @throws bad-scale */
export function decodeExtrinsic(bytes: Uint8Array): Extrinsic {
  const reader = new ScaleReader(bytes);
  const length = reader.length();
  if (length !== reader.remaining) throw badScale(`${length} bytes, as the prefix says`, `${reader.remaining}`, reader.offset);
  const version = reader.uint(1);
  if (version === 0x04) return finish(reader, undefined, reader.offset);
  if (version !== 0x84) throw badScale('an extrinsic of version 4, bare or signed', `0x${version.toString(16)}`, reader.offset - 1);
  const address = readScale('MultiAddress', reader);
  const signature = readScale('MultiSignature', reader);
  const extrasAt = reader.offset;
  const era = readScale('Era', reader);
  const nonce = readScale('Compact<u32>', reader);
  const tip = readScale('Compact<u64>', reader);
  const hasMetadataHash = readScale('Mode', reader).type === 'Enabled';
  return finish(reader, { address, signature, era, nonce, tip, hasMetadataHash }, extrasAt);
}

function finish(reader: ScaleReader, signed: SignedPart | undefined, extrasAt: number): Extrinsic {
  const callAt = reader.offset;
  const call = readScale('RuntimeCall', reader);
  reader.end();
  const signedBytes = concatBytes(reader.bytes.subarray(callAt), reader.bytes.subarray(extrasAt, callAt));
  return signed === undefined ? { call, signedBytes } : { call, signed, signedBytes };
}

/** Encodes a bare extrinsic with its length prefix. */
export function encodeBareExtrinsic(call: RuntimeCall): Uint8Array {
  const body = concatBytes(new Uint8Array([4]), encodeScale('RuntimeCall', call));
  return new ScaleWriter().compact(body.length).put(body).finish();
}

/** Whether the signature is the signer's, for the chain with `genesisHash` and an era that began with `birthHash` (hex). */
export function isSignatureValid({ signed, signedBytes }: Extrinsic, { genesisHash, birthHash }: { genesisHash: string; birthHash: string }): boolean {
  if (signed?.address.type !== 'Id') return false;
  const implicit = new ScaleWriter().uint(runtimeVersion.spec_version, 4).uint(runtimeVersion.transaction_version, 4);
  const payload = concatBytes(signedBytes, implicit.finish(), fromHex(genesisHash), fromHex(birthHash), new Uint8Array([0]));
  const message = payload.length > 256 ? blake2(payload) : payload;
  return verify(message, signed.signature, signed.address.value);
}

/** @see `sp_runtime::MultiSignature::verify`: an ECDSA account is the hash of the compressed public key */
function verify(message: Uint8Array, { type, value }: TypeOf<'MultiSignature'>, account: string): boolean {
  try {
    if (type === 'Ed25519') return verifyEd25519({ message, signature: value, publicKey: fromHex(account) });
    if (type === 'Sr25519') return verifySr25519({ message, signature: value, publicKey: fromHex(account) });
    return toHex(blake2(recoverSecp256k1(blake2(message), value.subarray(0, 64), value[64] as number))) === account;
  } catch {
    return false;
  }
}

/** The number of the block in which an era seen from `current` began. @see `sp_runtime::generic::Era::birth` */
export function eraBirth(era: Era, current: number): number {
  if (era.type === 'Immortal') return 0;
  return Math.floor((Math.max(current, era.phase) - era.phase) / era.period) * era.period + era.phase;
}
