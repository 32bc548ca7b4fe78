/** Standard normal numbers from a 32-byte seed, the same on every machine: SHA-256 in counter mode, Box–Muller. @module */
import { sha256 } from '@connito/commit-reveal';

/** Gives the next number at every call. */
export function createNormalStream(seed: Uint8Array): () => number {
  let words: DataView = new DataView(new ArrayBuffer(0));
  let offset = 0;
  let counter = 0;
  let spare: number | null = null;

  const uniform = (): number => {
    if (offset >= words.byteLength) {
      const block = sha256(seed, Uint8Array.of(counter, counter >>> 8, counter >>> 16, counter >>> 24));
      words = new DataView(block.buffer, block.byteOffset, block.byteLength);
      counter += 1;
      offset = 0;
    }
    offset += 4;
    return (words.getUint32(offset - 4, true) + 0.5) / 2 ** 32;
  };

  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
