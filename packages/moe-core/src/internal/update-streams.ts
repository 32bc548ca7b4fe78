/**
 * The two streams of a tensor in UPDATE-FORMAT.md, written in TypeScript.
 * @module
 */
import { chunkQuota, type CompressionRule } from '../updates/compressed-update-header.ts';
import { createBitWriter, flushBits, putBits, putGaps } from './bit-stream.ts';
import type { EncodedTensor, KeptElements } from './compression-kernel.ts';
import { chooseRiceParameter, countWidth, gapBits } from './gap-code.ts';
import { chooseLevels } from './value-levels.ts';

/** The index stream. @param at.kept how many elements there are in all, at.elements the size of the tensor */
export function encodeIndex({ gaps, counts }: KeptElements, rule: CompressionRule, at: { readonly kept: number; readonly elements: number }): Pick<EncodedTensor, 'index' | 'riceParameter'> {
  const { kept, elements } = at;
  const riceParameter = chooseRiceParameter(gaps, kept);
  const quotas = counts.map((_, chunk) => chunkQuota(rule, Math.min(rule.chunkSize, elements - chunk * rule.chunkSize)));
  const bits = counts.reduce((sum, count, chunk) => sum + (count === quotas[chunk] ? 1 : 1 + countWidth(quotas[chunk]!)), gapBits(gaps, kept, riceParameter));
  const writer = createBitWriter(Math.ceil(bits / 8));
  let next = 0;
  for (let chunk = 0; chunk < counts.length; chunk++) {
    const count = counts[chunk]!;
    if (count === quotas[chunk]) putBits(writer, 1, 1);
    else putBits(writer, count, 1 + countWidth(quotas[chunk]!));
    putGaps(writer, gaps, { from: next, to: next + count, r: riceParameter });
    next += count;
  }
  flushBits(writer);
  return { index: writer.bytes, riceParameter };
}

/** The value stream; leaves in the place of the values what is not sent of them. */
export function encodeValues(values: Float32Array, { valueBits }: CompressionRule): Pick<EncodedTensor, 'values' | 'levels'> {
  if (valueBits === 32) {
    const bytes = new Uint8Array(values.slice().buffer);
    values.fill(0);
    return { levels: new Float32Array(0), values: bytes };
  }
  const { levels, codes } = chooseLevels(values, 2 ** (valueBits - 1));
  const signBit = 1 << (valueBits - 1);
  const sent = new Float32Array(2 * signBit);
  levels.forEach((level, code) => ([sent[code], sent[code | signBit]] = [level, -level]));
  const bytes = new Uint8Array(Math.ceil((values.length * valueBits) / 8));
  let packed = 0;
  for (let i = 0, bit = 0; i < values.length; i++, bit += valueBits) {
    const value = values[i]!;
    // A number and not a branch: signs are random.
    const code = codes[i]! | (Number(value < 0) << (valueBits - 1));
    values[i] = value - sent[code]!;
    // The first code of a byte is on top. Each byte is written at every code and right at its last: to read it back would take three times as long.
    packed = (packed << valueBits) | code;
    bytes[bit >> 3] = packed;
  }
  if (bytes.length > 0) bytes[bytes.length - 1]! <<= 8 * bytes.length - valueBits * values.length;
  return { levels, values: bytes };
}
