/**
 * What routers are trained with besides the model's loss: balance losses as three references define them, the z-loss, and the bias rule that stands in for
 * a loss in DeepSeek-V3. Values, without coefficients and gradients.
 *
 * With f[e] the share of tokens that chose expert e and P[e] its mean probability, all balance losses are multiples of `E · Σ f[e] P[e]`; they differ in
 * what is averaged over, and by the factor K: balanced routing gives K in transformers and Switch, 1 in DeepSeek.
 *
 * Probabilities are float32 of the routing's own `exp`, sums float64 in the order of tokens; the z-loss uses the engine's `Math.log`.
 * @module
 */
import { exp32, sigmoid32 } from '../internal/float32-exp.ts';
import { assertLogits } from '../internal/routing-kernel.ts';
import { routeTokens } from './routing.ts';
import { assertRoutingRule, routingInvalid, type RoutingRule } from './routing-rule.ts';

/** A layer's tokens and what was chosen for them. */
export interface RoutedLogits {
  /** `[T, E]` */
  readonly logits: Float32Array;
  /** `[T, K]` */
  readonly ids: Uint16Array;
}

/**
 * transformers' `load_balancing_loss_func`: `E · Σ_e f[e] · P[e]` over the tokens of all layers together, chosen by softmax and top K whatever the family's own rule
 * is. Balanced routing gives K.
 * @param layers logits of each layer, `[T, E]`
 * @param options.attentionMask `[T]`, the same for all layers: what a token counts, usually 1, and 0 for padding
 * @throws routing-invalid sizes that do not fit, or no token that counts
 * @throws routing-not-finite as `routeTokens`
 * @see https://github.com/huggingface/transformers/blob/v5.18.0/src/transformers/models/mixtral/modeling_mixtral.py (load_balancing_loss_func)
 * @example
 * const loss = 0.001 * loadBalancingLoss(layers, { experts: 128, expertsPerToken: 8 });
 */
export function loadBalancingLoss(
  layers: readonly Float32Array[],
  options: { readonly experts: number; readonly expertsPerToken: number; readonly attentionMask?: ArrayLike<number> | undefined },
): number {
  const { experts, expertsPerToken, attentionMask } = options;
  const rule: RoutingRule = { experts, expertsPerToken, normalizeTopK: true };
  assertRoutingRule(rule);
  const sums = emptySums(experts);
  for (const logits of layers) {
    const { ids } = routeTokens(logits, rule);
    if (attentionMask !== undefined && attentionMask.length !== logits.length / experts) {
      throw routingInvalid('attentionMask', `${logits.length / experts} values, one for each token, got ${attentionMask.length}`);
    }
    addTokens(sums, { logits, ids }, { rule, from: 0, to: logits.length / experts, mask: attentionMask });
  }
  if (!(sums.tokens > 0)) throw routingInvalid(attentionMask === undefined ? 'layers' : 'attentionMask', 'at least one token that counts, got none');
  return balanceOf(sums);
}

/**
 * Switch Transformer's loss, as `E² · mean(f · P)` of every sequence, then their mean. Balanced routing gives K (1 with Switch's own K).
 * @see https://arxiv.org/abs/2101.03961 (equations 4 to 6)
 * @throws routing-invalid
 * @throws routing-not-finite
 */
export function switchBalanceLoss(routed: RoutedLogits, options: BalanceOptions): number {
  return meanOverSequences(routed, options);
}

/**
 * DeepSeek's sequence-wise loss (`seq_aux` of V2; equation 17 of V3, where sigmoid scores are divided by their sum): {@link switchBalanceLoss} over K.
 * Balanced routing gives 1. V2 without `seq_aux` is the same with all tokens as one sequence.
 * @see https://arxiv.org/abs/2412.19437 (2.1.2)
 * @throws routing-invalid
 * @throws routing-not-finite
 */
export function sequenceBalanceLoss(routed: RoutedLogits, options: BalanceOptions): number {
  return meanOverSequences(routed, options) / options.rule.expertsPerToken;
}

export interface BalanceOptions {
  /** E, K and the scoring; choosing is done already. */
  readonly rule: RoutingRule;
  /** Tokens of a sequence, a divisor of T; all of them by default. */
  readonly sequenceLength?: number | undefined;
}

/**
 * `mean_t (ln Σ_e e^x[t, e])²`: keeps logits small.
 * @param logits `[T, E]`
 * @see https://arxiv.org/abs/2202.08906 (equation 5)
 * @throws routing-invalid
 * @throws routing-not-finite
 */
export function routerZLoss(logits: Float32Array, experts: number): number {
  const tokens = countTokens(logits, experts);
  let sum = 0;
  for (let token = 0; token < tokens; token++) {
    const row = logits.subarray(token * experts, (token + 1) * experts);
    const largest = assertLogits(row, token);
    let total = 0;
    for (const logit of row) total += exp32(Math.fround(logit - largest));
    sum += (largest + Math.log(total)) ** 2;
  }
  return sum / tokens;
}

/**
 * DeepSeek-V3's balancing without a loss: `bias + rate · sign(mean load − load)`, in float32. An expert at the mean keeps its bias.
 * Some trainers also subtract the mean of the step; this is the rule as published.
 * @param bias `[E]`; the result is a new array
 * @param options.load assignments of each expert since the last step, `[E]`, of all data-parallel ranks together
 * @param options.rate γ, 0.001 in V3
 * @throws routing-invalid
 * @see https://arxiv.org/abs/2408.15664
 * @example
 * bias = updateSelectionBias(bias, { load: countLoad(ids, experts), rate: 0.001 });
 */
export function updateSelectionBias(bias: Float32Array, options: { readonly load: ArrayLike<number>; readonly rate: number }): Float32Array {
  const { load, rate } = options;
  if (load.length !== bias.length) throw routingInvalid('load', `${bias.length} counts, got ${load.length}`);
  if (!Number.isFinite(rate)) throw routingInvalid('rate', `a finite number, got ${rate}`);
  let total = 0;
  for (let expert = 0; expert < load.length; expert++) {
    if (!(load[expert]! >= 0)) throw routingInvalid('load', `counts from 0 on, got ${load[expert]} for expert ${expert}`);
    total += load[expert]!;
  }
  // E · load against the total is exact for counts; a mean would be rounded.
  return bias.map((value, expert) => value + Math.fround(rate) * Math.sign(total - load.length * load[expert]!));
}

interface BalanceSums {
  /** Sum of what tokens count. */
  tokens: number;
  readonly load: Float64Array;
  readonly probabilities: Float64Array;
}

function emptySums(experts: number): BalanceSums {
  return { tokens: 0, load: new Float64Array(experts), probabilities: new Float64Array(experts) };
}

function addTokens(
  sums: BalanceSums,
  { logits, ids }: RoutedLogits,
  { rule, from, to, mask }: { rule: RoutingRule; from: number; to: number; mask?: ArrayLike<number> | undefined },
): void {
  const { experts, expertsPerToken } = rule;
  const probabilities = new Float32Array(experts);
  for (let token = from; token < to; token++) {
    const counts = mask === undefined ? 1 : mask[token]!;
    if (!(counts >= 0)) throw routingInvalid('attentionMask', `values from 0 on, got ${counts} at ${token}`);
    fillProbabilities(probabilities, { rule, row: logits.subarray(token * experts, (token + 1) * experts), token });
    sums.tokens += counts;
    for (let expert = 0; expert < experts; expert++) sums.probabilities[expert]! += counts * probabilities[expert]!;
    for (let i = token * expertsPerToken; i < (token + 1) * expertsPerToken; i++) sums.load[ids[i]!]! += counts;
  }
}

/** Scores over their sum: softmax, or V3's normalised sigmoid (all 0 where every score is). */
function fillProbabilities(probabilities: Float32Array, { rule, row, token }: { rule: RoutingRule; row: Float32Array; token: number }): void {
  const largest = assertLogits(row, token);
  let total = 0;
  for (let expert = 0; expert < row.length; expert++) {
    const score = rule.scoring === 'sigmoid' ? sigmoid32(row[expert]!) : exp32(Math.fround(row[expert]! - largest));
    probabilities[expert] = score;
    total += score;
  }
  if (total > 0) for (let expert = 0; expert < row.length; expert++) probabilities[expert] = probabilities[expert]! / total;
}

function balanceOf({ tokens, load, probabilities }: BalanceSums): number {
  let sum = 0;
  for (let expert = 0; expert < load.length; expert++) sum += (load[expert]! / tokens) * (probabilities[expert]! / tokens);
  return load.length * sum;
}

function meanOverSequences(routed: RoutedLogits, { rule, sequenceLength }: BalanceOptions): number {
  const { experts, expertsPerToken } = rule;
  const tokens = countTokens(routed.logits, experts);
  const length = sequenceLength ?? tokens;
  if (!Number.isInteger(length) || length < 1 || tokens % length !== 0) throw routingInvalid('sequenceLength', `a divisor of ${tokens} tokens, got ${length}`);
  if (routed.ids.length !== tokens * expertsPerToken) throw routingInvalid('ids', `${tokens * expertsPerToken} ids, got ${routed.ids.length}`);
  const stray = routed.ids.findIndex((id) => id >= experts);
  if (stray >= 0) throw routingInvalid('ids', `expert ids below ${experts}, got ${routed.ids[stray]} at ${stray}`);
  let sum = 0;
  for (let from = 0; from < tokens; from += length) {
    const sums = emptySums(experts);
    addTokens(sums, routed, { rule, from, to: from + length });
    sum += balanceOf(sums);
  }
  return sum / (tokens / length);
}

function countTokens(logits: Float32Array, experts: number): number {
  if (!Number.isInteger(experts) || experts < 1 || logits.length % experts !== 0) throw routingInvalid('logits', `a multiple of ${experts} values, got ${logits.length}`);
  if (logits.length === 0) throw routingInvalid('logits', 'at least one token, got none');
  return logits.length / experts;
}
