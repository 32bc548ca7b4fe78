/**
 * What a cycle is scored on: a seed that nobody knows before every commitment is fixed and everybody can recompute after (DESIGN §3.3),
 * and the rows that it draws.
 *
 * @module
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { PolError, assertWhole } from './error.ts';

const SEED_DOMAIN = 'connito/pol-seed/v1';
const DRAW_DOMAIN = 'connito/pol-draw/v1';

/** Words of 32 bits in a block of the draw's stream. */
const WORDS_PER_BLOCK = 8;

/** What the seed is made of. */
export interface PolSeedPreimage {
  /** Genesis hash of the chain, 32 bytes. */
  readonly genesis: Uint8Array;
  /** u16 */
  readonly netuid: number;
  /** u32 */
  readonly cycle: number;
  /** Randomness of the beacon's round R1, 32 bytes. */
  readonly randomness: Uint8Array;
}

/**
 * `SHA-256("connito/pol-seed/v1" ‖ genesis:32 ‖ netuid:u16le ‖ cycle:u32le ‖ randomness:32)`
 *
 * @returns 32 bytes
 * @throws {PolError} `invalid-option`
 */
export function derivePolSeed({ genesis, netuid, cycle, randomness }: PolSeedPreimage): Uint8Array {
  assertBytes32('genesis', genesis);
  assertBytes32('randomness', randomness);
  assertWhole('netuid', netuid, 0, 0xffff);
  assertWhole('cycle', cycle, 0, 0xffff_ffff);
  const numbers = new DataView(new ArrayBuffer(6));
  numbers.setUint16(0, netuid, true);
  numbers.setUint32(2, cycle, true);
  return sha256.create().update(utf8(SEED_DOMAIN)).update(genesis).update(new Uint8Array(numbers.buffer)).update(randomness).digest();
}

/** A draw without replacement. */
export interface RowDraw {
  /** 32 bytes of {@link derivePolSeed}. */
  readonly seed: Uint8Array;
  /** Separates draws of one seed: `score`, `gate`, `general`; at most 255 bytes of UTF-8. */
  readonly label: string;
  /** Rows to draw from: 0 … population − 1. */
  readonly population: number;
  /** Rows to draw. */
  readonly count: number;
  /** Rows that must not be drawn, of an earlier draw for instance. */
  readonly exclude?: Iterable<number>;
}

/**
 * Draws rows, every one that is left equally likely at each turn.
 *
 * Block k of the stream is `SHA-256("connito/pol-draw/v1" ‖ seed:32 ‖ length:u8 ‖ label:utf8 ‖ k:u32le)`, eight u32le words. A word at or above the largest
 * multiple of `population` in 2^32 is skipped, so that `word mod population` has no bias; so is a row that is excluded or was drawn before.
 *
 * @returns distinct rows in the order drawn
 * @throws {PolError} `invalid-option`, `too-few-rows` where fewer than `count` rows are left
 */
export function drawRows({ seed, label, population, count, exclude = [] }: RowDraw): number[] {
  assertBytes32('seed', seed);
  assertWhole('population', population, 0, 0xffff_ffff);
  assertWhole('count', count, 0, 0xffff_ffff);
  const taken = new Set(exclude);
  for (const row of taken) assertWhole('exclude', row, 0, population - 1);
  if (count > population - taken.size) {
    throw new PolError('too-few-rows', `expected at least ${count} rows to draw from for "${label}", got ${population - taken.size}`, { expected: count, actual: population - taken.size });
  }
  const limit = 2 ** 32 - (2 ** 32 % population);
  const words = streamWords(seed, label);
  const drawn: number[] = [];
  while (drawn.length < count) {
    const word = words();
    if (word >= limit || taken.has(word % population)) continue;
    taken.add(word % population);
    drawn.push(word % population);
  }
  return drawn;
}

function streamWords(seed: Uint8Array, label: string): () => number {
  const name = utf8(label);
  if (name.length > 255) throw new PolError('invalid-option', `expected a label of at most 255 bytes, got ${name.length}`, { option: 'label', actual: name.length });
  const prefix = sha256.create().update(utf8(DRAW_DOMAIN)).update(seed).update(Uint8Array.of(name.length)).update(name);
  const counter = new DataView(new ArrayBuffer(4));
  let block = new DataView(new ArrayBuffer(0));
  let next = WORDS_PER_BLOCK;
  let blocks = 0;
  return () => {
    if (next === WORDS_PER_BLOCK) {
      counter.setUint32(0, blocks++, true);
      block = new DataView(prefix.clone().update(new Uint8Array(counter.buffer)).digest().buffer);
      next = 0;
    }
    return block.getUint32(4 * next++, true);
  };
}

function assertBytes32(option: string, bytes: Uint8Array): void {
  if (bytes instanceof Uint8Array && bytes.length === 32) return;
  throw new PolError('invalid-option', `expected ${option} to be 32 bytes, got ${String(bytes?.length)}`, { option });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
