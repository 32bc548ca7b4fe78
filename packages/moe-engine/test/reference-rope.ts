/** Rope by the formulas of its papers, in float64. */
import type { Rope, Topology } from '@connito/moe-core';
import type { Vector } from './reference-arithmetic.ts';

/** Turns the pairs of `x` at a position; S positions are in the row. */
export function turn(topology: Topology, x: Vector, { position, sequenceLength }: { readonly position: number; readonly sequenceLength: number }): number[] {
  const { rope } = topology;
  const [half, out] = [x.length / 2, [...x]];
  for (let pair = 0; pair < half; pair++) {
    const [a, b] = rope.pairs === 'neighbours' ? [2 * pair, 2 * pair + 1] : [pair, pair + half];
    const angle = position * frequency(topology, { pair, width: x.length, sequenceLength });
    const [cosine, sine] = [amplitude(topology) * Math.cos(angle), amplitude(topology) * Math.sin(angle)];
    out[a] = x[a]! * cosine - x[b]! * sine;
    out[b] = x[b]! * cosine + x[a]! * sine;
  }
  return out;
}

function frequency({ rope, maxPositions }: Topology, { pair, width, sequenceLength }: { readonly pair: number; readonly width: number; readonly sequenceLength: number }): number {
  const plain = rope.theta ** (-(2 * pair) / width);
  const { factor = 1, original_max_position_embeddings: original = 0 } = rope.parameters as Record<string, number>;
  switch (rope.kind) {
    case 'default':
      return plain;
    case 'linear':
      return plain / factor;
    case 'dynamic': {
      const stretch = sequenceLength <= maxPositions ? 1 : (factor * sequenceLength) / maxPositions - (factor - 1);
      return (rope.theta * stretch ** (width / (width - 2))) ** (-(2 * pair) / width);
    }
    case 'llama3': {
      const { low_freq_factor: low, high_freq_factor: high } = rope.parameters as Record<string, number>;
      // How often a pair turns within the original length decides: rarely, it is stretched; often, it is kept.
      const turns = (original * plain) / (2 * Math.PI);
      const kept = Math.min(1, Math.max(0, (turns - low!) / (high! - low!)));
      return kept * plain + ((1 - kept) * plain) / factor;
    }
    case 'yarn': {
      const kept = 1 - yarnRamp(rope, { pair, width, original });
      return kept * plain + ((1 - kept) * plain) / factor;
    }
    case 'longrope': {
      const factors = rope.parameters[sequenceLength > original ? 'long_factor' : 'short_factor'] as readonly number[];
      return plain / factors[pair]!;
    }
  }
}

function yarnRamp({ theta, parameters }: Rope, { pair, width, original }: { readonly pair: number; readonly width: number; readonly original: number }): number {
  const { beta_fast: fast = 32, beta_slow: slow = 1, truncate = true } = parameters as Record<string, number>;
  const at = (turns: number): number => (width * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const low = Math.max(0, truncate ? Math.floor(at(fast)) : at(fast));
  const high = Math.min(width - 1, truncate ? Math.ceil(at(slow)) : at(slow));
  return Math.min(1, Math.max(0, (pair - low) / (high - low || 0.001)));
}

function amplitude({ rope, maxPositions }: Topology): number {
  const { factor, attention_factor: given, mscale, mscale_all_dim: all, original_max_position_embeddings: original } = rope.parameters as Record<string, number | undefined>;
  if (given !== undefined) return given;
  if (rope.kind === 'yarn') return mscale && all ? temperature(factor!, mscale) / temperature(factor!, all) : temperature(factor!, 1);
  const stretch = factor ?? maxPositions / original!;
  return rope.kind === 'longrope' && stretch > 1 ? Math.sqrt(1 + Math.log(stretch) / Math.log(original!)) : 1;
}

export function temperature(factor: number, m: number): number {
  return factor > 1 ? 0.1 * m * Math.log(factor) + 1 : 1;
}
