import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_FRAME_BYTES, fromHex, openSealedBytes, openSealStream, portableFrameCipher, SEAL_HEADER_BYTES, sealBytes, sealedSizeBytes, sealStream, toHex } from '../src/index.ts';
import { nativeFrameCipher } from '../src/node.ts';
import { codeOf, codeOfAsync } from './code-of.ts';

const VECTORS = JSON.parse(readFileSync(new URL('./vectors/seal.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly { readonly key: string; readonly salt: string; readonly frameBytes: number; readonly text: string; readonly sealed: string }[];
};
const key = new Uint8Array(32).fill(7);
const FRAME = 1024;
const SEALED_FRAME = FRAME + 16;
const textOf = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >>> 8)) & 255);
const seal = (size: number) => sealBytes(textOf(size), { key, frameBytes: FRAME });
const open = (sealed: Uint8Array) => openSealedBytes(sealed, { key });
const join = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const ciphers = { portable: portableFrameCipher, native: nativeFrameCipher };

function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function gather(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(Uint8Array.from(part));
  return join(...parts);
}

/** The frames of a seal. */
function framesOf(sealed: Uint8Array): { readonly header: Uint8Array; readonly frames: readonly Uint8Array[] } {
  return { header: sealed.subarray(0, SEAL_HEADER_BYTES), frames: [...chunksOf(sealed.subarray(SEAL_HEADER_BYTES), [SEALED_FRAME])] };
}

describe('sealing', () => {
  it.each(VECTORS.cases)('makes and opens the bytes of the Python vector ($frameBytes)', ({ sealed, text, frameBytes, ...rest }) => {
    for (const cipher of Object.values(ciphers)) {
      const options = { key: fromHex(rest.key), salt: fromHex(rest.salt), frameBytes, cipher };
      expect(toHex(sealBytes(fromHex(text), options))).toBe(sealed);
      expect(toHex(openSealedBytes(fromHex(sealed), { key: options.key, cipher }))).toBe(text);
    }
  });

  it('is the same from streams in any pieces and from bytes, by either cipher', async () => {
    const salt = new Uint8Array(16).fill(3);
    const size = fc.oneof(fc.nat(5000), fc.constantFrom(0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 3 * FRAME));
    const pieces = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(size, pieces, fc.constantFrom('portable', 'native'), async (length, sizes, name) => {
        const text = textOf(length);
        const cipher = ciphers[name as keyof typeof ciphers];
        const sealed = sealBytes(text, { key, salt, frameBytes: FRAME });
        expect(await gather(sealStream(chunksOf(text, sizes), { key, salt, frameBytes: FRAME, cipher }))).toEqual(sealed);
        expect(sealed).toHaveLength(sealedSizeBytes(length, FRAME));
        expect(open(sealed)).toEqual(text);
        expect(await gather(openSealStream(chunksOf(sealed, sizes), { key, cipher }))).toEqual(text);
      }),
      { numRuns: 60 },
    );
  });

  it('never makes the same bytes twice unless the salt is given', () => {
    expect(seal(3)).not.toEqual(seal(3));
    expect(sealBytes(new Uint8Array(DEFAULT_FRAME_BYTES + 1), { key })).toHaveLength(sealedSizeBytes(DEFAULT_FRAME_BYTES + 1));
  });

  it('refuses every flipped byte', () => {
    const sealed = seal(1030);
    const codes = new Set<string>();
    for (let at = 0; at < sealed.length; at++) {
      const altered = Uint8Array.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ (1 << (at % 8));
      codes.add(codeOf(() => openSealedBytes(altered, { key, cipher: nativeFrameCipher })));
    }
    // A frame size of the header that another byte makes of it is allowed by chance; then the frames do not fit.
    expect([...codes].toSorted()).toEqual(['seal-altered', 'seal-header']);
  });

  it('tells truncation at every length', () => {
    const sealed = seal(2 * FRAME);
    for (let length = 0; length < sealed.length; length++) {
      const code = codeOf(() => openSealedBytes(sealed.subarray(0, length), { key, cipher: nativeFrameCipher }));
      expect(['seal-truncated', 'seal-altered']).toContain(code);
      const isBoundary = length < SEAL_HEADER_BYTES + 16 || (length - SEAL_HEADER_BYTES) % SEALED_FRAME === 0;
      expect(isBoundary ? code : 'seal-truncated').toBe('seal-truncated');
    }
  });

  it('tells frames that were dropped, moved, repeated, or come from another seal', () => {
    const { header, frames } = framesOf(seal(3 * FRAME + 5));
    const [a, b, c, last] = frames as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    expect(open(join(header, a, b, c, last))).toEqual(textOf(3 * FRAME + 5));
    expect(codeOf(() => open(join(header, b, c, last)))).toBe('seal-altered');
    expect(codeOf(() => open(join(header, a, c, last)))).toBe('seal-altered');
    expect(codeOf(() => open(join(header, a, b, c)))).toBe('seal-truncated');
    expect(codeOf(() => open(join(header, a, b)))).toBe('seal-truncated');
    expect(codeOf(() => open(join(header, b, a, c, last)))).toBe('seal-altered');
    expect(codeOf(() => open(join(header, a, a, b, c, last)))).toBe('seal-altered');
    expect(codeOf(() => open(join(header, a, b, c, last, last)))).toBe('seal-altered');
    expect(codeOf(() => open(join(header, a, b, c, framesOf(seal(3 * FRAME + 5)).frames[3] as Uint8Array)))).toBe('seal-altered');
    expect(codeOf(() => open(join(header, last)))).toBe('seal-altered');
    expect(codeOf(() => open(header))).toBe('seal-truncated');
  });

  it('tells what follows the end', () => {
    const whole = seal(2 * FRAME);
    expect(codeOf(() => open(join(whole, Uint8Array.of(0))))).toBe('seal-trailing');
    expect(codeOf(() => open(join(whole, new Uint8Array(40))))).toBe('seal-trailing');
    expect(codeOf(() => open(join(seal(5), Uint8Array.of(0))))).toBe('seal-altered');
  });

  it('accepts no empty frame behind a full one, even from who has the key', () => {
    const salt = new Uint8Array(16);
    const { header, frames } = framesOf(sealBytes(textOf(FRAME + 1), { key, salt, frameBytes: FRAME }));
    // What a sealer makes that closes with an empty frame: the first as "more follows", the second empty and last.
    let captured: readonly [Uint8Array, Uint8Array] | undefined;
    const spy = { ...portableFrameCipher, encrypt: (frameKey: Uint8Array, nonce: Uint8Array, text: Uint8Array) => ((captured = [frameKey, nonce]), portableFrameCipher.encrypt(frameKey, nonce, text)) };
    sealBytes(textOf(FRAME + 1), { key, salt, frameBytes: FRAME, cipher: spy });
    const [frameKey, nonce] = captured as unknown as readonly [Uint8Array, Uint8Array];
    const empty = portableFrameCipher.encrypt(frameKey, nonce, new Uint8Array(0));
    expect(codeOf(() => open(join(header, frames[0] as Uint8Array, empty)))).toBe('seal-truncated');
  });

  it('opens with no other key', () => {
    expect(codeOf(() => openSealedBytes(seal(10), { key: new Uint8Array(32) }))).toBe('seal-altered');
    expect(codeOf(() => openSealedBytes(seal(10), { key: new Uint8Array(31) }))).toBe('bad-length');
  });

  it('gives out no more than allowed, and nothing that is not authentic', async () => {
    const sealed = seal(4 * FRAME);
    expect(openSealedBytes(sealed, { key, maxBytes: 4 * FRAME })).toHaveLength(4 * FRAME);
    expect(codeOf(() => openSealedBytes(sealed, { key, maxBytes: 4 * FRAME - 1 }))).toBe('seal-too-large');
    sealed[SEAL_HEADER_BYTES + 2 * SEALED_FRAME] = (sealed[SEAL_HEADER_BYTES + 2 * SEALED_FRAME] ?? 0) ^ 1;
    let given = 0;
    const read = async () => {
      for await (const chunk of openSealStream(chunksOf(sealed, [100]), { key })) given += chunk.length;
    };
    expect(await codeOfAsync(read)).toBe('seal-altered');
    expect(given).toBe(2 * FRAME);
  });

  it('answers any bytes with a code', () => {
    const magic = new TextEncoder().encode('connito/seal/v1');
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array({ maxLength: 200 }), (hasMagic, noise) => {
        expect(codeOf(() => open(hasMagic ? join(magic, noise) : noise))).toMatch(/^seal-(header|truncated|altered)$/);
      }),
    );
  });

  it('refuses sizes, salts and headers that are none', () => {
    for (const frameBytes of [0, 512, 1000, 2 ** 21, Number.NaN]) expect(codeOf(() => sealBytes(new Uint8Array(1), { key, frameBytes }))).toBe('out-of-range');
    expect(codeOf(() => sealBytes(new Uint8Array(1), { key, salt: new Uint8Array(8) }))).toBe('bad-length');
    expect(codeOf(() => sealedSizeBytes(1, 3))).toBe('out-of-range');
    const sealed = seal(10);
    for (const log2 of [9, 21, 62, 255]) expect(codeOf(() => open(join(sealed.subarray(0, 15), Uint8Array.of(log2), sealed.subarray(16))))).toBe('seal-header');
  });
});
