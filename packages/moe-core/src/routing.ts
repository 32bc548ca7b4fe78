/**
 * From router logits to the K experts of each token and their weights, for every family's {@link RoutingRule}.
 *
 * Experts are ranked by their logits, not by float32 probabilities: softmax and sigmoid are monotone, so the order is the same, but two different logits
 * whose scores round to the same float32 stay apart, and the choice does not depend on an `exp`. Only a selection bias, and sums over a group,
 * need the scores themselves.
 * @see https://github.com/huggingface/transformers/tree/v5.18.0/src/transformers/models (the `…TopKRouter` of each family; Llama4Router)
 * @module
 */
import { createPlainKernel } from './internal/routing-plain.ts';
import { assertRoutingRule, routingInvalid, type RoutingOptions, type RoutingRule } from './routing-rule.ts';

/** Chosen experts of T tokens. */
export interface Routing {
  /** `[T, K]`, by falling rank within a token. */
  readonly ids: Uint16Array;
  /** `[T, K]`, beside `ids`. */
  readonly weights: Float32Array;
}

/**
 * With x a token's logits, float32 throughout unless said otherwise:
 *
 * 1. scores `s = softmax(x)` or `sigmoid(x)`; what is ranked: `c = x`, or `c = s + selectionBias` where there is a bias;
 * 2. groups, where the rule has them: `g = max c`, or the sum of the two largest `c` (of the two largest `s` without a bias) of a group; the `kept` groups of
 *    largest g stay. Outside of them an expert is not ranked (`exclude`), or ranked with score 0 (`zero`: `c = −∞`, or 0 beside a bias; its softmax weight is 0 too);
 * 3. `ids` = the K experts of largest c;
 * 4. `weights = s[ids]`, without the bias; with `normalizeTopK` divided by `Σ s[ids] + 10^−20` (for softmax: `e^(x − max)` over the chosen in place of s); times `scale`.
 *
 * `exp` is a fixed float32 polynomial (within 1 unit in the last place, 0 below e^−87.3). Sums are float64, over all experts by id or over the chosen by rank;
 * quotient and scale are float64, rounded to float32 once: the same bits on every machine and from every kernel.
 *
 * Equal c (−0 equals 0): the lower id wins, of experts as of groups. −∞ is a masked expert: it comes after all others, with weight 0. NaN, +∞ and a
 * token whose logits are all −∞ are refused.
 * @param logits `[T, E]` row-major
 * @throws routing-invalid a rule or sizes that do not fit
 * @throws routing-not-finite naming token and expert
 * @example
 * const { ids, weights } = routeTokens(Float32Array.of(1, 3, 2), { experts: 3, expertsPerToken: 2, normalizeTopK: true });
 */
export function routeTokens(logits: Float32Array, rule: RoutingRule, options: RoutingOptions = {}): Routing {
  assertRoutingRule(rule, options);
  const tokens = countTokens(logits, rule);
  const ids = new Uint16Array(tokens * rule.expertsPerToken);
  const weights = new Float32Array(tokens * rule.expertsPerToken);
  createPlainKernel(rule, options).route({ logits, ids, weights, firstToken: 0 });
  return { ids, weights };
}

function countTokens(logits: Float32Array, { experts }: RoutingRule): number {
  if (logits.length % experts !== 0) throw routingInvalid('logits', `a multiple of ${experts} values, got ${logits.length}`);
  return logits.length / experts;
}
