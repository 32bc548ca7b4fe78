/**
 * Sealing: an artifact encrypted in frames, so that it can be written and read as a stream and no part of it can be cut, moved or repeated.
 *
 * ```
 * header = "connito/seal/v1":15 ‖ log2(frameBytes):u8 ‖ salt:16                     key' = SHA-256("connito/seal-key/v1" ‖ key:32 ‖ header)
 * frame i = AES-256-GCM(key', nonce = i:u64 ‖ 0:3 ‖ last:u8, text_i)                 tag of 16 bytes last, no associated data
 * ```
 *
 * All frames but the last hold exactly `frameBytes` of text; the last holds 1 to `frameBytes`, or none where the whole text is empty, so one text has one
 * sequence of frames. The counter in the nonce fixes the order, `last` the end, the header the key. This is the STREAM construction of Hoang, Reyhanitabar,
 * Rogaway and Vizár; what an opener gives out is authentic at once, and that it is complete is known when it ends without an error.
 *
 * The data key belongs to one artifact; with a fresh salt (the default) a key used twice does no harm either. On chain it lies in a timelock (`sealed-record.ts`).
 * @module
 * @see https://eprint.iacr.org/2015/189 section 7
 */
import { gcm } from '@noble/ciphers/aes.js';
import { randomBytes as systemRandomBytes } from '@noble/hashes/utils.js';
import { CommitRevealError } from './errors.ts';
import { equalBytes } from './hex.ts';
import { assertChunk, createBlockCutter, type BlockCutter } from './internal/blocks.ts';
import { assertBytes, assertLength, assertUnsigned, concatBytes, joinBytes } from './internal/bytes.ts';
import { sha256 } from './sha256.ts';

/** AES-256-GCM, one call for one frame, so that a caller can bring a faster one (`./node` has OpenSSL's). */
export interface FrameCipher {
  /** Ciphertext with its 16-byte tag last. */
  encrypt(key: Uint8Array, nonce: Uint8Array, text: Uint8Array): Uint8Array;
  /** The text, or undefined where the tag is wrong. */
  decrypt(key: Uint8Array, nonce: Uint8Array, frame: Uint8Array): Uint8Array | undefined;
}

/** Bytes before the first frame. */
export const SEAL_HEADER_BYTES = 32;
/** What a frame is longer than its text. */
export const SEAL_TAG_BYTES = 16;
/** Text bytes of a frame unless stated. */
export const DEFAULT_FRAME_BYTES = 65_536;
/** Smallest and largest frame: powers of two between. The largest bounds the memory that a hostile header can ask for. */
export const FRAME_BYTES_RANGE: readonly [number, number] = [1_024, 1_048_576];

const MAGIC = new TextEncoder().encode('connito/seal/v1');
const KEY_DOMAIN = new TextEncoder().encode('connito/seal-key/v1');
const SALT_BYTES = 16;

/** Options of sealing. */
export interface SealOptions {
  /** The data key: 32 secret random bytes. */
  readonly key: Uint8Array;
  /** 16 bytes, written in the clear; random unless given. Give it only to make the same bytes again from the same text. */
  readonly salt?: Uint8Array;
  /** A power of two in {@link FRAME_BYTES_RANGE} (default {@link DEFAULT_FRAME_BYTES}). */
  readonly frameBytes?: number;
  /** Default: portable. */
  readonly cipher?: FrameCipher;
}

/** Options of opening. */
export interface OpenSealOptions {
  readonly key: Uint8Array;
  /** Most bytes of text to give out (default: no limit; memory is bounded by a frame either way). */
  readonly maxBytes?: number;
  readonly cipher?: FrameCipher;
}

/** The portable AES-256-GCM, of `@noble/ciphers`. */
export const portableFrameCipher: FrameCipher = {
  encrypt: (key, nonce, text) => gcm(key, nonce).encrypt(text),
  decrypt(key, nonce, frame) {
    try {
      return gcm(key, nonce).decrypt(frame);
    } catch {
      // The library tells a wrong tag by a plain Error; frames have been checked to be long enough before.
      return undefined;
    }
  },
};

/** How long `textBytes` are when sealed. @throws out-of-range */
export function sealedSizeBytes(textBytes: number, frameBytes: number = DEFAULT_FRAME_BYTES): number {
  assertUnsigned('textBytes', textBytes, 64);
  assertFrameBytes(frameBytes);
  return SEAL_HEADER_BYTES + textBytes + SEAL_TAG_BYTES * Math.max(1, Math.ceil(textBytes / frameBytes));
}

/**
 * Seals a stream. Holds one frame.
 * @throws bad-length, out-of-range (frameBytes), bad-stream (chunks that are no bytes)
 * @example for await (const bytes of sealStream(createReadStream(path), { key })) …
 */
export async function* sealStream(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: SealOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const sealer = createSealer(options);
  yield sealer.header;
  for await (const chunk of source) yield* sealer.push(chunk);
  yield sealer.finish();
}

/** Seals bytes. @throws bad-length, out-of-range (frameBytes) */
export function sealBytes(text: Uint8Array, options: SealOptions): Uint8Array {
  const sealer = createSealer(options);
  return joinBytes([sealer.header, ...sealer.push(assertBytes('text', text)), sealer.finish()]);
}

/**
 * Opens a stream. Every chunk that it gives is authentic and in its place; that nothing is missing is certain only once it has ended without an error,
 * so act on the whole.
 * @throws seal-header when the beginning is not this format's
 * @throws seal-altered when a frame is not the one that was sealed there with this key: altered, moved, repeated, or another key
 * @throws seal-truncated, seal-trailing when the end is not where it was sealed
 * @throws seal-too-large when more than `maxBytes` come
 * @throws bad-length (key), out-of-range (maxBytes), bad-stream (chunks that are no bytes)
 */
export async function* openSealStream(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: OpenSealOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const opener = createOpener(options);
  for await (const chunk of source) yield* opener.push(chunk);
  yield opener.finish();
}

/** Opens bytes. @throws as {@link openSealStream} */
export function openSealedBytes(sealed: Uint8Array, options: OpenSealOptions): Uint8Array {
  const opener = createOpener(options);
  const frames = [...opener.push(assertBytes('sealed', sealed))];
  return joinBytes([...frames, opener.finish()]);
}

interface Frames {
  push(chunk: Uint8Array): Generator<Uint8Array, void, undefined>;
  finish(): Uint8Array;
}

function createSealer(options: SealOptions): Frames & { readonly header: Uint8Array } {
  const { cipher = portableFrameCipher, frameBytes = DEFAULT_FRAME_BYTES, salt = systemRandomBytes(SALT_BYTES) } = options;
  assertFrameBytes(frameBytes);
  const header = concatBytes(MAGIC, Uint8Array.of(Math.log2(frameBytes)), assertLength('salt', salt, SALT_BYTES));
  const key = deriveFrameKey(options.key, header);
  const cutter = createBlockCutter(frameBytes);
  let index = 0;
  return {
    header,
    *push(chunk) {
      for (const text of cutter.push(chunk)) yield cipher.encrypt(key, frameNonce(index++, false), text);
    },
    finish: () => cipher.encrypt(key, frameNonce(index, true), cutter.rest()),
  };
}

function createOpener(options: OpenSealOptions): Frames {
  const { maxBytes = Infinity } = options;
  // NaN compares with nothing: it would be no limit at all.
  if (!(maxBytes >= 0)) throw new CommitRevealError('out-of-range', `maxBytes must be at least 0, got ${String(maxBytes)}`, { field: 'maxBytes', expected: '>= 0', actual: String(maxBytes) });
  assertLength('key', options.key, 32);
  const head = createBlockCutter(SEAL_HEADER_BYTES);
  let frames: { readonly cutter: BlockCutter; readonly decrypt: FrameDecrypt } | undefined;
  let given = 0;
  const count = (text: Uint8Array): Uint8Array => {
    given += text.length;
    if (given > maxBytes) throw new CommitRevealError('seal-too-large', `expected at most ${maxBytes} bytes in this seal, got more`, { expected: maxBytes, actual: given });
    return text;
  };
  return {
    *push(chunk) {
      assertChunk(chunk);
      let rest = chunk;
      if (frames === undefined) {
        const missing = SEAL_HEADER_BYTES - head.rest().length;
        // Never more than the header is pushed, so this gives nothing out and only fills.
        head.push(chunk.subarray(0, missing)).next();
        if (chunk.length < missing) return;
        rest = chunk.subarray(missing);
        frames = openHeader(head.rest(), options);
      }
      for (const frame of frames.cutter.push(rest)) yield count(frames.decrypt(frame, false));
    },
    finish() {
      if (frames === undefined) throw truncated(`expected a header of ${SEAL_HEADER_BYTES} bytes, got ${head.rest().length}`);
      return count(frames.decrypt(frames.cutter.rest(), true));
    },
  };
}

type FrameDecrypt = (frame: Uint8Array, isLast: boolean) => Uint8Array;

function openHeader(header: Uint8Array, { key, cipher = portableFrameCipher }: OpenSealOptions): { readonly cutter: BlockCutter; readonly decrypt: FrameDecrypt } {
  const frameBytes = 2 ** (header[MAGIC.length] ?? 0);
  if (!equalBytes(header.subarray(0, MAGIC.length), MAGIC) || !isFrameBytes(frameBytes)) {
    throw new CommitRevealError('seal-header', `expected a seal of Connito: "connito/seal/v1" and frames of ${FRAME_BYTES_RANGE.join(' to ')} bytes; these bytes are something else, or a newer version`, { field: 'header' });
  }
  return { cutter: createBlockCutter(frameBytes + SEAL_TAG_BYTES), decrypt: createFrameDecrypt(deriveFrameKey(key, header), cipher) };
}

function createFrameDecrypt(key: Uint8Array, cipher: FrameCipher): FrameDecrypt {
  let index = 0;
  return (frame, isLast) => {
    const isEmpty = frame.length === SEAL_TAG_BYTES;
    // A text that ends with a full frame has no empty frame behind it.
    if (frame.length < SEAL_TAG_BYTES || (isEmpty && index > 0)) throw truncated(`frame ${index} has ${frame.length} bytes`);
    const text = cipher.decrypt(key, frameNonce(index, isLast), frame);
    if (text === undefined) throw wrongFrame(index, isLast, cipher.decrypt(key, frameNonce(index, !isLast), frame) !== undefined);
    index++;
    return text;
  };
}

function frameNonce(index: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(0, BigInt(index), true);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

function deriveFrameKey(key: Uint8Array, header: Uint8Array): Uint8Array {
  return sha256(KEY_DOMAIN, assertLength('key', key, 32), header);
}

function isFrameBytes(frameBytes: number): boolean {
  const [min, max] = FRAME_BYTES_RANGE;
  return Number.isSafeInteger(frameBytes) && Number.isInteger(Math.log2(frameBytes)) && frameBytes >= min && frameBytes <= max;
}

function assertFrameBytes(frameBytes: number): void {
  if (isFrameBytes(frameBytes)) return;
  const expected = `a power of two from ${FRAME_BYTES_RANGE.join(' to ')}`;
  throw new CommitRevealError('out-of-range', `frameBytes must be ${expected}, got ${String(frameBytes)}`, { field: 'frameBytes', expected, actual: String(frameBytes) });
}

function truncated(what: string): CommitRevealError {
  return new CommitRevealError('seal-truncated', `the seal ends too early: ${what}; fetch it again`);
}

function wrongFrame(index: number, isLast: boolean, isOtherwiseSound: boolean): CommitRevealError {
  if (!isOtherwiseSound) {
    return new CommitRevealError('seal-altered', `frame ${index} is not what was sealed there: another key, or it was altered, moved or repeated`, { field: `frame ${index}` });
  }
  return isLast ? truncated(`frame ${index} is whole, but not the last`) : new CommitRevealError('seal-trailing', `bytes follow frame ${index}, which was sealed as the last`, { field: `frame ${index}` });
}
