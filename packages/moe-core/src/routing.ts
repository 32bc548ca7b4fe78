/**
 * From router logits to the K experts of each token and their weights, as `Qwen3MoeTopKRouter` does: softmax over all experts, top-k,
 * optional division by the sum.
 *
 * Experts are ranked by their logits, not by float32 probabilities: the softmax is monotone, so the order is the same, but two
 * different logits whose probabilities round to the same float32 stay apart, and the choice does not depend on an `exp`.
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/qwen3_moe/modeling_qwen3_moe.py (Qwen3MoeTopKRouter)
 * @module
 */
import { MoeError } from './errors.ts';
import type { RoutingRule } from './routing-rule.ts';

/** Chosen experts of T tokens. */
export interface Routing {
  /** `[T, K]`, by falling logit within a token. */
  readonly ids: Uint16Array;
  /** `[T, K]`, beside `ids`. */
  readonly weights: Float32Array;
}

/**
 * `p = softmax(x)`, `ids = topK(x)`, `weights = p[ids]`, divided by `Σ p[ids]` where `normalizeTopK`.
 *
 * Sums and exponentials in float64 in expert order (over the chosen ones, in rank order, where normalised), rounded to float32 once.
 * Equal logits (−0 equals 0): the lower id wins. −∞ is a masked expert, with weight 0; NaN, +∞ and a token whose logits are all −∞
 * are refused.
 * @param logits `[T, E]` row-major
 * @throws routing-invalid sizes that do not fit
 * @throws routing-not-finite naming token and expert
 * @example
 * const { ids, weights } = routeTokens(Float32Array.of(1, 3, 2), { experts: 3, expertsPerToken: 2, normalizeTopK: true });
 */
export function routeTokens(logits: Float32Array, rule: RoutingRule): Routing {
  const { experts, expertsPerToken } = rule;
  assertRule(rule, logits.length);
  const tokens = logits.length / experts;
  const ids = new Uint16Array(tokens * expertsPerToken);
  const weights = new Float32Array(tokens * expertsPerToken);
  for (let token = 0; token < tokens; token++) {
    const row = logits.subarray(token * experts, (token + 1) * experts);
    assertRow(row, token);
    const from = token * expertsPerToken;
    const chosen = ids.subarray(from, from + expertsPerToken);
    selectTopK(row, chosen);
    weigh({ row, chosen, weights: weights.subarray(from, from + expertsPerToken), normalize: rule.normalizeTopK });
  }
  return { ids, weights };
}

/** Insertion into a short sorted list: K is small, and most experts fail the first comparison. */
function selectTopK(row: Float32Array, chosen: Uint16Array): void {
  const last = chosen.length - 1;
  for (let expert = 0; expert < row.length; expert++) {
    const logit = row[expert]!;
    const filled = Math.min(expert, chosen.length);
    // Strictly greater: an equal logit stays behind the lower id that is already there.
    if (filled === chosen.length && !(logit > row[chosen[last]!]!)) continue;
    let rank = Math.min(filled, last);
    while (rank > 0 && logit > row[chosen[rank - 1]!]!) {
      chosen[rank] = chosen[rank - 1]!;
      rank--;
    }
    chosen[rank] = expert;
  }
}

function weigh(token: { row: Float32Array; chosen: Uint16Array; weights: Float32Array; normalize: boolean }): void {
  const { row, chosen, weights } = token;
  const largest = row[chosen[0]!]!;
  let sum = 0;
  if (token.normalize) for (const expert of chosen) sum += Math.exp(row[expert]! - largest);
  else for (const logit of row) sum += Math.exp(logit - largest);
  for (let rank = 0; rank < chosen.length; rank++) weights[rank] = Math.exp(row[chosen[rank]!]! - largest) / sum;
}

function assertRow(row: Float32Array, token: number): void {
  let anyFinite = false;
  for (let expert = 0; expert < row.length; expert++) {
    const logit = row[expert]!;
    if (!(logit < Number.POSITIVE_INFINITY)) throw notFinite({ token, expert, found: String(logit) });
    if (logit > Number.NEGATIVE_INFINITY) anyFinite = true;
  }
  if (!anyFinite) throw notFinite({ token, expert: 0, found: 'all experts at -Infinity' });
}

function assertRule(rule: RoutingRule, length: number): void {
  const { experts, expertsPerToken } = rule;
  if (!Number.isInteger(experts) || experts < 1 || experts > 65_536) throw invalid('experts', `an integer from 1 to 65536, got ${experts}`);
  if (!Number.isInteger(expertsPerToken) || expertsPerToken < 1 || expertsPerToken > experts) {
    throw invalid('expertsPerToken', `an integer from 1 to ${experts}, got ${expertsPerToken}`);
  }
  if (length % experts !== 0) throw invalid('logits', `a multiple of ${experts} values, got ${length}`);
}

function invalid(field: string, expected: string): MoeError<'routing-invalid'> {
  return new MoeError('routing-invalid', { message: `routing, ${field}: expected ${expected}`, context: { field } });
}

function notFinite(at: { token: number; expert: number; found: string }): MoeError<'routing-not-finite'> {
  const { token, expert, found } = at;
  return new MoeError('routing-not-finite', {
    message: `the router's logits of token ${token} hold ${found} at expert ${expert}; the activations before it have overflowed`,
    context: { token, expert },
  });
}
