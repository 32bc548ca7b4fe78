/** The root from scratch, by the definition: an independent reading of it, slow and short. */
import { blake2AsU8a } from '@polkadot/util-crypto';

const compact = (value: number): number[] => (value < 64 ? [value << 2] : value < 16_384 ? [((value << 2) & 255) | 1, value >> 6] : [((value << 2) & 255) | 2, (value >> 6) & 255, (value >> 14) & 255, value >> 22]);
const nibblesOf = (hex: string): number[] => [...hex].map((digit) => Number.parseInt(digit, 16));
const hash = (bytes: readonly number[]): number[] => [...blake2AsU8a(Uint8Array.from(bytes), 256)];

function header(base: number, bits: number, count: number): number[] {
  const most = 2 ** bits - 1;
  if (count < most) return [base + count];
  const bytes = [base + most];
  let rest = count - most;
  for (; rest >= 255; rest -= 255) bytes.push(255);
  return [...bytes, rest];
}

function pack(nibbles: readonly number[]): number[] {
  const even = nibbles.length % 2 === 0 ? nibbles : [0, ...nibbles];
  return Array.from({ length: even.length / 2 }, (_, index) => 16 * (even[2 * index] as number) + (even[2 * index + 1] as number));
}

function encode(entries: readonly (readonly [readonly number[], Uint8Array])[], version: 0 | 1): number[] {
  const [first] = entries;
  if (first === undefined) return [0];
  let shared = 0;
  while (entries.every(([key]) => key.length > shared && key[shared] === first[0][shared])) shared++;
  const partial = first[0].slice(0, shared);
  const value = entries.find(([key]) => key.length === shared)?.[1];
  const isHashed = version === 1 && value !== undefined && value.length > 32;
  const held = value === undefined ? [] : isHashed ? hash([...value]) : [...compact(value.length), ...value];
  const below = Array.from({ length: 16 }, (_, nibble) => entries.filter(([key]) => key[shared] === nibble).map(([key, bytes]) => [key.slice(shared + 1), bytes] as const));
  if (below.every((group) => group.length === 0)) return [...(isHashed ? header(0x20, 5, shared) : header(0x40, 6, shared)), ...pack(partial), ...held];
  const bitmap = below.reduce((bits, group, index) => bits + (group.length > 0 ? 2 ** index : 0), 0);
  const children = below.flatMap((group) => {
    if (group.length === 0) return [];
    const child = encode(group, version);
    const reference = child.length < 32 ? child : hash(child);
    return [...compact(reference.length), ...reference];
  });
  const start = isHashed ? header(0x10, 4, shared) : header(value === undefined ? 0x80 : 0xc0, 6, shared);
  return [...start, ...pack(partial), bitmap & 255, bitmap >> 8, ...held, ...children];
}

export function naiveRoot(state: ReadonlyMap<string, Uint8Array>, version: 0 | 1): Uint8Array {
  return Uint8Array.from(hash(encode([...state].map(([key, value]) => [nibblesOf(key), value] as const), version)));
}

/** The Merkle value of the topmost node at or below a key, from the entries below it. */
export function naiveMerkleValue(state: ReadonlyMap<string, Uint8Array>, version: 0 | 1, key: string): Uint8Array | undefined {
  const below = (prefix: string): (readonly [string, Uint8Array])[] => [...state].filter(([name]) => name.startsWith(prefix));
  const group = below(key);
  if (group.length === 0) return undefined;
  for (let length = key.length - 1; length >= 0; length--) {
    if (below(key.slice(0, length)).length === group.length) continue;
    const bytes = encode(group.map(([name, value]) => [nibblesOf(name.slice(length + 1)), value] as const), version);
    return Uint8Array.from(bytes.length < 32 ? bytes : hash(bytes));
  }
  return naiveRoot(state, version);
}
