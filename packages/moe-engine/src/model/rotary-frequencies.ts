/**
 * From a config's rope to radians per position, for every kind of rope that transformers names.
 *
 * Sums, quotients and powers are rounded to float32 where PyTorch computes on tensors, so that long rows do not drift from the reference: an angle is
 * position times frequency, and its error grows with the position.
 *
 * @see `modeling_rope_utils.py` of transformers 5.18 · Peng et al., YaRN, 2023 · Ding et al., LongRoPE, 2024
 * @module
 */
import type { Rope, Topology } from '@connito/moe-core';
import { MoeEngineError } from '../error.ts';

/** How a model turns its queries and keys. */
export interface RotaryFrequencies {
  /** Radians per position of each pair, `[D/2]`, falling. */
  readonly frequencies: Float32Array;
  /** Multiplies queries and keys as they are rotated. */
  readonly amplitude: number;
}

const { fround } = Math;

/** Frequencies for rows of S positions; `dynamic` and `longrope` depend on S. @throws {unsupported-model} a parameter is missing */
export function rotaryFrequencies(topology: Topology, sequenceLength: number): RotaryFrequencies {
  const { rope, maxPositions } = topology;
  const width = rotaryWidth(topology);
  const plain = (theta = rope.theta): Float32Array => periods(theta, width).map((period) => 1 / period);
  switch (rope.kind) {
    case 'default':
      return { frequencies: plain(), amplitude: 1 };
    case 'linear': {
      const factor = parameter(rope, 'factor');
      return { frequencies: plain().map((frequency) => frequency / factor), amplitude: 1 };
    }
    case 'dynamic':
      return { frequencies: plain(dynamicTheta(rope, { width, maxPositions, sequenceLength })), amplitude: 1 };
    case 'llama3':
      return { frequencies: plain().map((frequency) => stretchLowFrequency(rope, frequency)), amplitude: 1 };
    case 'yarn':
      return { frequencies: yarnFrequencies(rope, width), amplitude: yarnAmplitude(rope) };
    case 'longrope':
      return { frequencies: longFrequencies(rope, { width, sequenceLength }), amplitude: longAmplitude(rope, maxPositions) };
  }
}

/** YaRN's temperature: `0.1 · m · ln(factor) + 1`, and 1 where nothing is stretched. */
export function yarnTemperature(factor: number, m = 1): number {
  return factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1;
}

/** D: how much of a head rope turns. */
function rotaryWidth({ attention }: Topology): number {
  return attention.kind === 'latent' ? attention.ropeDim : attention.headDim;
}

/** `theta^(2i/D)`, `[D/2]`. */
function periods(theta: number, width: number): Float32Array {
  return Float32Array.from({ length: width / 2 }, (_, pair) => theta ** fround((2 * pair) / width));
}

interface DynamicRope {
  readonly width: number;
  readonly maxPositions: number;
  readonly sequenceLength: number;
}

/** Beyond the trained length theta grows by `(factor · S / max − (factor − 1))^(D / (D − 2))`. */
function dynamicTheta(rope: Rope, { width, maxPositions, sequenceLength }: DynamicRope): number {
  const factor = parameter(rope, 'factor');
  if (sequenceLength <= maxPositions) return rope.theta;
  const stretch = fround(fround(factor * sequenceLength) / maxPositions) - (factor - 1);
  return fround(rope.theta * fround(fround(stretch) ** (width / (width - 2))));
}

/** Wavelengths above `original / low` are stretched by the factor, those below `original / high` are kept, those between are mixed. */
function stretchLowFrequency(rope: Rope, frequency: number): number {
  const [factor, low, high] = [parameter(rope, 'factor'), parameter(rope, 'low_freq_factor'), parameter(rope, 'high_freq_factor')];
  const original = parameter(rope, 'original_max_position_embeddings');
  const wavelength = fround((2 * Math.PI) / frequency);
  if (wavelength > original / low) return frequency / factor;
  if (wavelength < original / high) return frequency;
  const share = fround(fround(fround(original / wavelength) - low) / (high - low));
  return fround(fround(fround(1 - share) * frequency) / factor) + fround(share * frequency);
}

/** Pairs that turn often within the trained length keep their frequency, those that turn rarely are stretched, those between are mixed. */
function yarnFrequencies(rope: Rope, width: number): Float32Array {
  const factor = parameter(rope, 'factor');
  const { low, high } = yarnRange(rope, width);
  return periods(rope.theta, width).map((period, pair) => {
    const kept = fround(1 - Math.min(1, Math.max(0, fround(fround(pair - low) / fround(high - low)))));
    const stretched = fround(1 / fround(factor * period));
    return fround(stretched * fround(1 - kept)) + fround(fround(1 / period) * kept);
  });
}

/** The pairs between which YaRN mixes: those that turn `beta_fast` and `beta_slow` times within the trained length. */
function yarnRange(rope: Rope, width: number): { readonly low: number; readonly high: number } {
  const original = parameter(rope, 'original_max_position_embeddings');
  const pairOf = (turns: number): number => (width * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(rope.theta));
  // transformers takes 0 for "not given" here.
  const [from, to] = [pairOf(optional(rope, 'beta_fast') || 32), pairOf(optional(rope, 'beta_slow') || 1)];
  const truncated = rope.parameters['truncate'] ?? true;
  const low = Math.max(truncated === true ? Math.floor(from) : from, 0);
  const high = Math.min(truncated === true ? Math.ceil(to) : to, width - 1);
  return { low, high: low === high ? high + 0.001 : high };
}

function yarnAmplitude(rope: Rope): number {
  const [given, factor] = [optional(rope, 'attention_factor'), parameter(rope, 'factor')];
  if (given !== undefined) return given;
  const [mscale, mscaleAll] = [optional(rope, 'mscale') ?? 0, optional(rope, 'mscale_all_dim') ?? 0];
  return mscale !== 0 && mscaleAll !== 0 ? yarnTemperature(factor, mscale) / yarnTemperature(factor, mscaleAll) : yarnTemperature(factor);
}

/** Each pair has its own factor, one for rows within the trained length and one for longer ones. */
function longFrequencies(rope: Rope, { width, sequenceLength }: { readonly width: number; readonly sequenceLength: number }): Float32Array {
  const name = sequenceLength > parameter(rope, 'original_max_position_embeddings') ? 'long_factor' : 'short_factor';
  const factors = rope.parameters[name];
  if (!Array.isArray(factors) || factors.length !== width / 2) throw missing(rope, `${name} of ${width / 2} numbers`);
  return periods(rope.theta, width).map((period, pair) => 1 / fround(fround(factors[pair] as number) * period));
}

function longAmplitude(rope: Rope, maxPositions: number): number {
  const original = parameter(rope, 'original_max_position_embeddings');
  const factor = optional(rope, 'factor') ?? maxPositions / original;
  return optional(rope, 'attention_factor') ?? (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original)));
}

function optional(rope: Rope, name: string): number | undefined {
  const value = rope.parameters[name];
  return typeof value === 'number' ? value : undefined;
}

function parameter(rope: Rope, name: string): number {
  const value = optional(rope, name);
  if (value !== undefined) return value;
  throw missing(rope, name);
}

function missing({ kind }: Rope, name: string): MoeEngineError {
  return new MoeEngineError('unsupported-model', `rope of type ${kind} needs ${name} in config.json's rope_parameters or rope_scaling`, { feature: `rope of type ${kind} without ${name}` });
}
