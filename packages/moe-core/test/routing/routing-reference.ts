import type { RoutingRule } from '../../src/index.ts';

/** What one token of {@link referenceRouting} comes to, in float64. */
export interface ReferenceToken {
  readonly ids: readonly number[];
  /** The least gap between two ranks, or group scores, whose order decides something; in units of float32 rounding of the larger one. */
  readonly margin: number;
}

/** A rule followed in float64 by full sorts: slow, and written apart from the package, to say how clear each choice is. */
export function referenceToken(logits: readonly number[], rule: RoutingRule, bias?: Float32Array): ReferenceToken {
  const largest = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  const scores = logits.map((logit) => (rule.scoring === 'sigmoid' ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit - largest) / sum));
  let ranks = logits.map((logit, expert) => (bias === undefined || logit === -Infinity ? logit : scores[expert]! + bias[expert]!));
  let margin = Infinity;
  if (rule.groups !== undefined) {
    const { count, kept, score, outside } = rule.groups;
    const size = rule.experts / count;
    const values = score === 'top2-sum' && bias === undefined ? scores : ranks;
    const groupScores = Array.from({ length: count }, (_, group) => {
      const best = values.filter((_value, expert) => Math.floor(expert / size) === group && logits[expert] !== -Infinity).sort((a, b) => b - a);
      return score === 'top2-sum' && best.length > 1 ? best[0]! + best[1]! : (best[0] ?? -Infinity);
    });
    const order = sortFalling(groupScores);
    margin = gap(groupScores, order, kept - 1);
    const keptGroups = new Set(order.slice(0, kept));
    ranks = ranks.map((rank, expert) => {
      if (keptGroups.has(Math.floor(expert / size))) return rank;
      return outside === 'zero' ? (bias === undefined || logits[expert] === -Infinity ? -Infinity : 0) : NaN;
    });
  }
  const order = sortFalling(ranks).filter((expert) => !Number.isNaN(ranks[expert]));
  for (let place = 0; place < rule.expertsPerToken; place++) margin = Math.min(margin, gap(ranks, order, place));
  return { ids: order.slice(0, rule.expertsPerToken), margin };
}

function sortFalling(values: readonly number[]): number[] {
  return values.map((_, index) => index).sort((a, b) => (values[a] === values[b] ? a - b : values[b]! > values[a]! ? 1 : -1));
}

function gap(values: readonly number[], order: readonly number[], place: number): number {
  const next = order[place + 1];
  if (next === undefined || Number.isNaN(values[next])) return Infinity;
  const [a, b] = [values[order[place]!]!, values[next]!];
  // Equal on both sides without rounding, or both masked: the lower id, whatever computes it.
  if (a === b) return Infinity;
  return Math.abs(a - b) / (Math.max(Math.abs(a), Math.abs(b), 2 ** -10) * 2 ** -23);
}
