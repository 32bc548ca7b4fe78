/**
 * A signed call, and the bytes that it is kept as before it is sent.
 *
 * `"connito/call/v1" ‖ genesis:32 ‖ signer:32 ‖ nonce:u32le ‖ birth:u32le ‖ death:u32le ‖ length:u8 ‖ subject:utf8 ‖ extrinsic`
 * @module
 */
import { equalBytes, fromHex, toHex } from '@connito/commit-reveal';
import { u8aConcatStrict } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';
import type { Chain, FinalisedBlock } from '../connection.ts';
import { ChainError } from '../errors.ts';
import { hotkeyFromBytes, hotkeyToBytes, type Hotkey } from '../identifier.ts';
import type { Keypair } from '../keypair.ts';

/** A call that is ready to be signed; it fits only the chain that it was made for. */
export type ChainCall = ReturnType<NonNullable<NonNullable<Chain['api']['tx'][string]>[string]>>;

/** Blocks that a signed extrinsic stays valid for: the Python SDK's default. */
export const ERA_BLOCKS = 128;

/** A call that is signed and may have been sent. */
export interface SignedCall {
  /** `0x…` */
  readonly hex: string;
  readonly hash: string;
  /** For example `balances.transferKeepAlive`. */
  readonly subject: string;
  readonly signer: Hotkey;
  readonly nonce: number;
  /** The block that was the finalised head when it was signed. */
  readonly birth: number;
  /** The last block that may have it. */
  readonly death: number;
}

/** Signs a call for the blocks after `head`. */
export function signCall(chain: Chain, call: ChainCall, { signer, nonce, head }: { signer: Keypair; nonce: number; head: FinalisedBlock }): SignedCall {
  const { api } = chain;
  const { section, method } = call.method;
  const subject = `${section}.${method}`;
  // The upgraded runtime may read the same bytes as another call.
  if (call.registry !== api.registry) throw new ChainError('stale-call', `the runtime was upgraded after ${subject} was made; make it again`, { subject });
  const era = api.registry.createType('ExtrinsicEra', { current: head.number, period: ERA_BLOCKS });
  const extrinsic = call.sign(signer.pair, { era, blockHash: head.hash, genesisHash: api.genesisHash, nonce, runtimeVersion: api.runtimeVersion });
  return { hex: extrinsic.toHex(), hash: extrinsic.hash.toHex(), subject, signer: hotkeyFromBytes(hotkeyToBytes(signer.hotkey)), nonce, birth: head.number, death: head.number + ERA_BLOCKS };
}

const MAGIC = new TextEncoder().encode('connito/call/v1');
const FIXED_BYTES = MAGIC.length + 32 + 32 + 12 + 1;
/** An extrinsic fits into a block of 5 MiB. */
const MAX_BYTES = 5 * 1024 * 1024;

/** The bytes to keep. */
export function encodeSignedCall({ genesisHash }: Pick<Chain, 'genesisHash'>, { hex, subject, signer, nonce, birth, death }: SignedCall): Uint8Array {
  const numbers = new DataView(new ArrayBuffer(12));
  for (const [index, value] of [nonce, birth, death].entries()) numbers.setUint32(4 * index, value, true);
  const name = new TextEncoder().encode(subject).subarray(0, 255);
  return u8aConcatStrict([MAGIC, genesisHash, hotkeyToBytes(signer), new Uint8Array(numbers.buffer), Uint8Array.of(name.length), name, fromHex(hex)]);
}

/** Reads kept bytes. @throws bad-value; wrong-chain when they were signed for another */
export function decodeSignedCall({ genesisHash }: Pick<Chain, 'genesisHash'>, bytes: Uint8Array): SignedCall {
  const nameLength = bytes[FIXED_BYTES - 1] ?? 0;
  if (bytes.length <= FIXED_BYTES + nameLength || bytes.length > MAX_BYTES || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) {
    throw new ChainError('bad-value', `expected the bytes of a prepared call, got ${bytes.length} others`, { subject: 'prepared call', actual: bytes.length });
  }
  const at = (offset: number, length: number): Uint8Array => bytes.slice(MAGIC.length + offset, MAGIC.length + offset + length);
  if (!equalBytes(at(0, 32), genesisHash)) {
    throw new ChainError('wrong-chain', `the call was signed for the chain with genesis 0x${toHex(at(0, 32))}, this one is 0x${toHex(genesisHash)}`, { expected: `0x${toHex(at(0, 32))}`, actual: `0x${toHex(genesisHash)}` });
  }
  const numbers = new DataView(at(64, 12).buffer);
  const extrinsic = bytes.slice(FIXED_BYTES + nameLength);
  return {
    hex: `0x${toHex(extrinsic)}`,
    hash: blake2AsHex(extrinsic, 256),
    subject: new TextDecoder().decode(at(77, nameLength)),
    signer: hotkeyFromBytes(at(32, 32)),
    nonce: numbers.getUint32(0, true),
    birth: numbers.getUint32(4, true),
    death: numbers.getUint32(8, true),
  };
}
