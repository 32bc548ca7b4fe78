/** Reading the stored vectors; `*.py` beside them made them. */
import { readFileSync } from 'node:fs';

export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8')) as T;
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

export function float32FromBase64(text: string): Float32Array {
  return new Float32Array(fromBase64(text).buffer);
}
