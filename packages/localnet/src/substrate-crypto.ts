/**
 * Substrate's cryptography: schnorrkel, ed25519, libsecp256k1, BLAKE2b and xxHash as Rust has them, from the WebAssembly of `@polkadot/wasm-crypto`.
 *
 * Only its bytes are taken, and called as wasm-bindgen lays out: arguments are copied into its memory and freed by it; results of bytes come back as pointer and length
 * at {@link RESULT_AT}. The package's own bindings do the same, but load `@polkadot/util`: 130 modules, which take longer than all else before the first block.
 * @module
 * @see https://github.com/polkadot-js/wasm/blob/master/packages/wasm-crypto/src/bundle.ts
 */
import { randomFillSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { inflateSync } from 'node:zlib';

/** The part of `WebAssembly` that is used, typed here: lib ES2023 does not have it. */
interface WebAssemblyHost {
  readonly Module: { new (bytes: Uint8Array): object; imports(module: object): readonly { readonly name: string }[] };
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

interface WasmCrypto {
  readonly memory: { readonly buffer: ArrayBuffer };
  allocate(length: number): number;
  free(pointer: number, length: number): void;
  ext_bip39_validate(...phrase: Text): number;
  ext_bip39_to_mini_secret(result: number, ...phraseAndPassword: [...Text, ...Text]): void;
  ext_blake2b(result: number, ...rest: [...Bytes, ...Bytes, number]): void;
  ext_ed_verify(...signatureMessageAndKey: [...Bytes, ...Bytes, ...Bytes]): number;
  ext_secp_pub_compress(result: number, ...publicKey: Bytes): void;
  ext_secp_recover(result: number, ...rest: [...Bytes, ...Bytes, number]): void;
  ext_sr_derive_keypair_hard(result: number, ...pairAndChainCode: [...Bytes, ...Bytes]): void;
  ext_sr_derive_keypair_soft(result: number, ...pairAndChainCode: [...Bytes, ...Bytes]): void;
  ext_sr_from_seed(result: number, ...seed: Bytes): void;
  ext_sr_sign(result: number, ...keysAndMessage: [...Bytes, ...Bytes, ...Bytes]): void;
  ext_sr_verify(...signatureMessageAndKey: [...Bytes, ...Bytes, ...Bytes]): number;
  ext_twox(result: number, ...rest: [...Bytes, number]): void;
}

interface Allocator {
  readonly __wbindgen_malloc: WasmCrypto['allocate'];
  readonly __wbindgen_free: WasmCrypto['free'];
}

type Bytes = [pointer: number, length: number];
type Text = Bytes;

/** Where a result's pointer and length are written. */
const RESULT_AT = 8;
const NO_BYTES = new Uint8Array();

/** BLAKE2b with a digest of so many bytes. */
export function blake2b(bytes: Uint8Array, digestBytes: number): Uint8Array {
  return result((wasm) => wasm.ext_blake2b(RESULT_AT, ...copy(bytes), ...copy(NO_BYTES), digestBytes));
}

/** xxHash64 with the seeds 0, 1, …, one after the other. */
export function xxHash(bytes: Uint8Array, hashes: number): Uint8Array {
  return result((wasm) => wasm.ext_twox(RESULT_AT, ...copy(bytes), hashes));
}

/** Whether the signature of 64 bytes is that of the key of 32, in schnorrkel's context `substrate`. */
export function verifySr25519({ message, signature, publicKey }: SignedMessage): boolean {
  return call((wasm) => wasm.ext_sr_verify(...copy(signature), ...copy(message), ...copy(publicKey))) !== 0;
}

/** The same of ed25519. */
export function verifyEd25519({ message, signature, publicKey }: SignedMessage): boolean {
  return call((wasm) => wasm.ext_ed_verify(...copy(signature), ...copy(message), ...copy(publicKey))) !== 0;
}

/** A message with what should be its signature. */
export interface SignedMessage {
  readonly message: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** The compressed public key (33 bytes) of an ECDSA signature of 64 bytes and its recovery id. @throws where there is none */
export function recoverSecp256k1(hash: Uint8Array, signature: Uint8Array, recoveryId: number): Uint8Array {
  const publicKey = result((wasm) => wasm.ext_secp_recover(RESULT_AT, ...copy(hash), ...copy(signature), recoveryId));
  return result((wasm) => wasm.ext_secp_pub_compress(RESULT_AT, ...copy(publicKey)));
}

/** An sr25519 pair as schnorrkel writes it: the secret's 64 bytes, the public key's 32. */
export type Sr25519Pair = Uint8Array & { readonly __brand: 'Sr25519Pair' };

/** The sr25519 pair of a seed of 32 bytes (mini secret). */
export function sr25519Pair(seed: Uint8Array): Sr25519Pair {
  return result((wasm) => wasm.ext_sr_from_seed(RESULT_AT, ...copy(seed))) as Sr25519Pair;
}

/** The pair below a pair. @param chainCode - 32 bytes */
export function deriveSr25519(pair: Sr25519Pair, chainCode: Uint8Array, kind: 'hard' | 'soft'): Sr25519Pair {
  return result((wasm) => wasm[`ext_sr_derive_keypair_${kind}`](RESULT_AT, ...copy(pair), ...copy(chainCode))) as Sr25519Pair;
}

/** The public key of a pair. */
export function sr25519PublicKey(pair: Sr25519Pair): Uint8Array {
  return pair.slice(64);
}

/**
 * The same signature each time: schnorrkel derives its nonce from key and message, and mixes random bytes in, which are zeros here. It asks for them once in its
 * life, so each signature takes an instance of its own (half a millisecond).
 */
export function signSr25519(pair: Sr25519Pair, message: Uint8Array): Uint8Array {
  const others = instance;
  try {
    instance = open((bytes) => bytes.fill(0));
    return result((wasm) => wasm.ext_sr_sign(RESULT_AT, ...copy(pair.subarray(64)), ...copy(pair.subarray(0, 64)), ...copy(message)));
  } finally {
    instance = others;
  }
}

/** The seed of 32 bytes of a BIP-39 phrase in English; `undefined` for anything else. @see https://github.com/paritytech/substrate-bip39 */
export function seedOfPhrase(phrase: string, password: string): Uint8Array | undefined {
  const [words, secret] = [phrase, password].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array];
  if (call((wasm) => wasm.ext_bip39_validate(...copy(words))) === 0) return undefined;
  return result((wasm) => wasm.ext_bip39_to_mini_secret(RESULT_AT, ...copy(words), ...copy(secret)));
}

const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyHost }).WebAssembly;
let module: object | undefined;
let instance: WasmCrypto | undefined;
let view = NO_BYTES;

function open(fillRandomly: (bytes: Uint8Array) => void = randomFillSync): WasmCrypto {
  const compiled = (module ??= compile());
  // All that it asks for is a way to random bytes (of a softly derived secret's nonce): handles of objects, at which nobody looks, and the one call with a place for bytes.
  const answer = (_handle: number, pointer?: number, length?: number): number => {
    if (pointer !== undefined && length !== undefined) fillRandomly(memory(instance as WasmCrypto).subarray(pointer, pointer + length));
    return 0;
  };
  const wbg = Object.fromEntries(Module.imports(compiled).map(({ name }) => [name, answer]));
  const { __wbindgen_malloc: allocate, __wbindgen_free: free, ...exports } = new Instance(compiled, { wbg }).exports as WasmCrypto & Allocator;
  return { ...exports, allocate, free };
}

/** Not imported: as CommonJS its 220 KB would be searched for exports first, which takes ten times as long. */
function compile(): object {
  const { bytes } = createRequire(import.meta.url)('@polkadot/wasm-crypto-wasm/cjs/bytes') as { readonly bytes: string };
  return new Module(inflateSync(Buffer.from(bytes, 'base64')));
}

function call<T>(run: (wasm: WasmCrypto) => T): T {
  instance ??= open();
  try {
    return run(instance);
  } catch (error) {
    // It stops where it panics, with its arguments still in memory: the next call gets a new one.
    instance = undefined;
    throw error;
  }
}

function result(run: (wasm: WasmCrypto) => void): Uint8Array {
  return call((wasm) => {
    run(wasm);
    const [pointer, length] = new Uint32Array(wasm.memory.buffer, RESULT_AT, 2) as unknown as [number, number];
    const bytes = memory(wasm).slice(pointer, pointer + length);
    wasm.free(pointer, length);
    return bytes;
  });
}

function copy(bytes: Uint8Array): Bytes {
  const wasm = instance as WasmCrypto;
  const pointer = wasm.allocate(bytes.length);
  memory(wasm).set(bytes, pointer);
  return [pointer, bytes.length];
}

/** The view lasts until the memory grows. */
function memory(wasm: WasmCrypto): Uint8Array {
  if (view.buffer !== wasm.memory.buffer) view = new Uint8Array(wasm.memory.buffer);
  return view;
}
