/**
 * Routing in plain TypeScript: the definition that the WebAssembly kernel repeats bit for bit, and what runs where that cannot.
 * @module
 */
import type { RoutingOptions, RoutingRule } from '../routing/routing-rule.ts';
import { exp32, sigmoid32 } from './float32-exp.ts';
import { assertLogits, type RoutingBatch, type RoutingKernel } from './routing-kernel.ts';

/** In the denominator of normalised weights, as in DeepSeek's code: a token whose scores are all 0 gets weights 0, not NaN. */
export const NORMALIZER_FLOOR = 1e-20;

const { fround } = Math;

/** @param rule one that has passed `assertRoutingRule`, with its options */
export function createPlainKernel(rule: RoutingRule, options: RoutingOptions): RoutingKernel {
  const token = createToken(rule, options);
  const { experts, expertsPerToken } = rule;
  return {
    route({ logits, ids, weights, firstToken }: RoutingBatch): void {
      for (let index = 0; index * experts < logits.length; index++) {
        const row = logits.subarray(index * experts, (index + 1) * experts);
        const chosen = ids.subarray(index * expertsPerToken, (index + 1) * expertsPerToken);
        const largest = assertLogits(row, firstToken + index);
        choose(token, { row, largest, chosen });
        weigh(token, { row, largest, chosen, weights: weights.subarray(index * expertsPerToken, (index + 1) * expertsPerToken) });
      }
    },
  };
}

/** A rule with its defaults, and what one token needs while it is routed. */
interface TokenState {
  readonly rule: RoutingRule;
  readonly sigmoid: boolean;
  readonly bias: Float32Array | undefined;
  /** s and c, `[E]`; filled only where the rule needs them. */
  readonly scores: Float32Array;
  readonly ranked: Float32Array;
  readonly groupScores: Float32Array;
  readonly keptGroups: Uint16Array;
  /** 1 for a kept group. */
  readonly kept: Uint8Array;
}

function createToken(rule: RoutingRule, { selectionBias }: RoutingOptions): TokenState {
  return {
    rule,
    sigmoid: rule.scoring === 'sigmoid',
    bias: selectionBias,
    scores: new Float32Array(rule.experts),
    ranked: new Float32Array(rule.experts),
    groupScores: new Float32Array(rule.groups?.count ?? 0),
    keptGroups: new Uint16Array(rule.groups?.kept ?? 0),
    kept: new Uint8Array(rule.groups?.count ?? 0),
  };
}

interface Row {
  readonly row: Float32Array;
  readonly largest: number;
  readonly chosen: Uint16Array;
}

function choose(token: TokenState, { row, largest, chosen }: Row): void {
  const { rule, bias, scores, ranked } = token;
  const { groups } = rule;
  if (bias !== undefined || groups?.score === 'top2-sum') fillScores(token, row, largest);
  if (bias === undefined && groups === undefined) {
    insertRange(row, { from: 0, to: row.length, filled: 0 }, chosen);
    return;
  }
  if (bias === undefined) ranked.set(row);
  else row.forEach((logit, expert) => (ranked[expert] = logit === Number.NEGATIVE_INFINITY ? logit : scores[expert]! + bias[expert]!));
  if (groups === undefined) insertRange(ranked, { from: 0, to: row.length, filled: 0 }, chosen);
  else chooseWithinGroups(token, row, chosen);
}

function fillScores({ sigmoid, scores }: TokenState, row: Float32Array, largest: number): void {
  for (let expert = 0; expert < row.length; expert++) scores[expert] = sigmoid ? sigmoid32(row[expert]!) : exp32(fround(row[expert]! - largest));
  if (sigmoid) return;
  let sum = 0;
  for (const score of scores) sum += score;
  for (let expert = 0; expert < row.length; expert++) scores[expert] = scores[expert]! / sum;
}

function chooseWithinGroups(token: TokenState, row: Float32Array, chosen: Uint16Array): void {
  const { rule, bias, ranked, groupScores, keptGroups, kept } = token;
  const { count, outside } = rule.groups!;
  const size = rule.experts / count;
  for (let group = 0; group < count; group++) groupScores[group] = scoreGroup(token, row, { from: group * size, to: (group + 1) * size });
  insertRange(groupScores, { from: 0, to: count, filled: 0 }, keptGroups);
  kept.fill(0);
  for (const group of keptGroups) kept[group] = 1;
  let filled = 0;
  for (let group = 0; group < count; group++) {
    const range = { from: group * size, to: (group + 1) * size, filled };
    if (kept[group] === 0) {
      if (outside !== 'zero') continue;
      for (let expert = range.from; expert < range.to; expert++) {
        ranked[expert] = bias === undefined || row[expert] === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : 0;
      }
    }
    filled = insertRange(ranked, range, chosen);
  }
}

/** The largest c of a group, or the sum of the two largest; experts at −∞ do not count. */
function scoreGroup({ rule, bias, scores, ranked }: TokenState, row: Float32Array, { from, to }: { from: number; to: number }): number {
  const sums = rule.groups!.score === 'top2-sum';
  const values = sums && bias === undefined ? scores : ranked;
  let first = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  for (let expert = from; expert < to; expert++) {
    if (row[expert] === Number.NEGATIVE_INFINITY) continue;
    const value = values[expert]!;
    if (value > first) {
      second = first;
      first = value;
    } else if (value > second) second = value;
  }
  return sums && second > Number.NEGATIVE_INFINITY ? fround(first + second) : first;
}

/**
 * Insertion of `values[from … to)` into a short list of ids by falling value: K is small, and most experts fail the first comparison.
 * @returns how much of the list is filled
 */
function insertRange(values: Float32Array, { from, to, filled }: { from: number; to: number; filled: number }, list: Uint16Array): number {
  let length = filled;
  for (let id = from; id < to; id++) {
    const value = values[id]!;
    // Strictly greater: an equal value stays behind the lower id that is already there.
    if (length === list.length && !(value > values[list[length - 1]!]!)) continue;
    let rank = length === list.length ? length - 1 : length++;
    while (rank > 0 && value > values[list[rank - 1]!]!) {
      list[rank] = list[rank - 1]!;
      rank--;
    }
    list[rank] = id;
  }
  return length;
}

function weigh(token: TokenState, { row, largest, chosen, weights }: Row & { weights: Float32Array }): void {
  const { rule, sigmoid } = token;
  const { scale = 1, normalizeTopK } = rule;
  // Over the chosen alone, their own largest logit is what keeps e^(x − max) away from underflow: with a bias or groups it may be less than the token's.
  const reference = normalizeTopK && !sigmoid ? largestChosen(token, row, chosen) : largest;
  for (let rank = 0; rank < chosen.length; rank++) {
    const logit = row[chosen[rank]!]!;
    weights[rank] = isZeroed(token, chosen[rank]!) ? 0 : sigmoid ? sigmoid32(logit) : exp32(fround(logit - reference));
  }
  let denominator = normalizeTopK ? 0 : 1;
  if (normalizeTopK) for (const weight of weights) denominator += weight;
  else if (!sigmoid) denominator = sumOfExponentials(row, largest);
  if (normalizeTopK) denominator += NORMALIZER_FLOOR;
  for (let rank = 0; rank < weights.length; rank++) weights[rank] = (weights[rank]! / denominator) * scale;
}

function sumOfExponentials(row: Float32Array, largest: number): number {
  let sum = 0;
  for (let expert = 0; expert < row.length; expert++) sum += exp32(fround(row[expert]! - largest));
  return sum;
}

function largestChosen(token: TokenState, row: Float32Array, chosen: Uint16Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const expert of chosen) if (row[expert]! > largest && !isZeroed(token, expert)) largest = row[expert]!;
  return largest;
}

/** Outside of the kept groups a softmax score is 0 (DeepSeek-V2 masks the scores themselves), a sigmoid stays what it is (V3 masks what it ranks). */
function isZeroed({ rule, sigmoid, kept }: TokenState, expert: number): boolean {
  return rule.groups !== undefined && !sigmoid && kept[Math.floor((expert * rule.groups.count) / rule.experts)] === 0;
}
