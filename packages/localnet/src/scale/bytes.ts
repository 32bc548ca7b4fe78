/**
 * SCALE at the level of bytes: little-endian integers and compact integers, read strictly.
 * @module
 * @see https://docs.polkadot.com/polkadot-protocol/basics/data-encoding/
 */
import { LocalnetError } from '../errors.ts';
import { toHex } from '../hex.ts';

/** Deepest nesting of calls within calls (Substrate: `MAX_EXTRINSIC_DEPTH`). */
const MAX_DEPTH = 256;

/** Reads bytes from front to back. */
export class ScaleReader {
  readonly bytes: Uint8Array;
  offset = 0;
  depth = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  /** A copy of the next bytes. @throws bad-scale */
  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.bytes.slice(start, start + length);
  }

  /** The next bytes as hex. @throws bad-scale */
  hex(length: number): string {
    const start = this.#advance(length);
    return toHex(this.bytes.subarray(start, start + length));
  }

  /** Little-endian, 1, 2 or 4 bytes. @throws bad-scale */
  uint(size: 1 | 2 | 4): number {
    const at = this.#advance(size);
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  /** Little-endian, 8 or 16 bytes. @throws bad-scale */
  bigUint(size: 8 | 16): bigint {
    const at = this.#advance(size);
    const low = this.#view.getBigUint64(at, true);
    return size === 8 ? low : low | (this.#view.getBigUint64(at + 8, true) << 64n);
  }

  /** A compact integer in its shortest form. @throws bad-scale */
  compact(): bigint {
    const first = this.uint(1);
    const mode = first & 3;
    if (mode === 0) return BigInt(first >> 2);
    if (mode === 1) return this.#shortest(BigInt((first | (this.uint(1) << 8)) >> 2), 1n << 6n);
    if (mode === 2) return this.#shortest(BigInt((first | (this.uint(1) << 8) | (this.uint(2) << 16)) >>> 2), 1n << 14n);
    return this.#bigCompact((first >> 2) + 4);
  }

  /** A length that the rest of the input can hold, at one byte an item at least. @throws bad-scale */
  length(): number {
    const length = this.compact();
    if (length > BigInt(this.remaining)) throw badScale(`a length of at most ${this.remaining}`, `${length}`, this.offset);
    return Number(length);
  }

  /** Runs `decode` one level deeper. @throws bad-scale */
  nested<T>(decode: () => T): T {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw badScale(`at most ${MAX_DEPTH} levels`, 'more', this.offset);
    const value = decode();
    this.depth -= 1;
    return value;
  }

  /** @throws bad-scale when bytes are left */
  end(): void {
    if (this.remaining > 0) throw badScale('the end of the input', `${this.remaining} more bytes`, this.offset);
  }

  #advance(length: number): number {
    if (length > this.remaining) throw badScale(`${length} bytes`, `${this.remaining}`, this.offset);
    const start = this.offset;
    this.offset += length;
    return start;
  }

  #shortest(value: bigint, least: bigint): bigint {
    if (value < least) throw badScale('a compact integer in its shortest form', `${value} written long`, this.offset);
    return value;
  }

  #bigCompact(size: number): bigint {
    const bytes = this.take(size);
    let value = 0n;
    for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index] as number);
    const least = size === 4 ? 1n << 30n : 1n << BigInt(8 * (size - 1));
    return this.#shortest(value, least);
  }
}

/** Collects bytes. */
export class ScaleWriter {
  #bytes = new Uint8Array(64);
  #view: DataView = new DataView(this.#bytes.buffer);
  #length = 0;

  put(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Bytes that are given as hex. */
  hex(digits: string): this {
    this.#reserve(digits.length / 2);
    this.#length += Buffer.from(this.#bytes.buffer).write(digits, this.#length, 'hex');
    return this;
  }

  uint(value: number, size: 1 | 2 | 4): this {
    this.#reserve(size);
    for (let index = 0; index < size; index++) this.#bytes[this.#length++] = (value >>> (8 * index)) & 0xff;
    return this;
  }

  bigUint(value: bigint, size: number): this {
    this.#reserve(size);
    const whole = size - (size % 8);
    for (let index = 0; index < whole; index += 8) this.#view.setBigUint64(this.#length + index, BigInt.asUintN(64, value >> BigInt(8 * index)), true);
    for (let index = whole; index < size; index++) this.#bytes[this.#length + index] = Number((value >> BigInt(8 * index)) & 0xffn);
    this.#length += size;
    return this;
  }

  compact(value: bigint | number): this {
    const small = Number(value);
    if (small < 2 ** 6) return this.uint(small << 2, 1);
    if (small < 2 ** 14) return this.uint((small << 2) | 1, 2);
    if (small < 2 ** 30) return this.uint(small * 4 + 2, 4);
    const integer = BigInt(value);
    const size = Math.max(4, Math.ceil(integer.toString(16).length / 2));
    return this.uint(((size - 4) << 2) | 3, 1).bigUint(integer, size);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(extra: number): void {
    if (this.#length + extra <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + extra));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** The error of malformed SCALE. */
export function badScale(expected: string, came: string, offset: number): LocalnetError {
  return new LocalnetError('bad-scale', `SCALE: expected ${expected}, got ${came} at byte ${offset}.`, { context: { expected, came, offset } });
}
