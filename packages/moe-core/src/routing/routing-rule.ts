/**
 * How a family's router turns logits into experts and weights, as data: what `routeTokens` takes and `parseTopology` gives.
 * @module
 */
import { MoeError } from '../errors.ts';

/** A routing rule. With x the logits `[T, E]`: scores `s = scoring(x)`, experts by rank, weights from the scores of the chosen ones. */
export interface RoutingRule {
  /** E, at most 65,536 */
  readonly experts: number;
  /** K, from 1 to E, and to the experts of the kept groups where others are excluded */
  readonly expertsPerToken: number;
  /** `softmax` over all E (default), or `sigmoid` of each logit. A softmax over the chosen K alone is `softmax` with `normalizeTopK`. */
  readonly scoring?: 'softmax' | 'sigmoid' | undefined;
  /** Divide the K weights of a token by their sum. */
  readonly normalizeTopK: boolean;
  /** What the weights are multiplied with last (`routed_scaling_factor`); 1 by default. */
  readonly scale?: number | undefined;
  /** Choose groups of experts first, then experts within them; none by default. */
  readonly groups?: RoutingGroups | undefined;
}

/** DeepSeek's group-limited choice: experts are cut into `count` equal runs of ids, and only the best `kept` of these take part. */
export interface RoutingGroups {
  readonly count: number;
  readonly kept: number;
  /**
   * A group's score: its `max` (DeepSeek-V2), or the sum of its best two scores, selection bias included (`top2-sum`, DeepSeek-V3).
   * Masked experts do not count; a group that has no others comes last.
   */
  readonly score: 'max' | 'top2-sum';
  /**
   * What becomes of experts outside of the kept groups: `exclude` (−∞, never chosen; the default, and what DeepSeek's own code does now), or `zero`, as older
   * versions of transformers did, where an expert outside can win over a negative biased score inside.
   */
  readonly outside?: 'exclude' | 'zero' | undefined;
}

/** What a DeepSeek-V3 layer adds to its rule. */
export interface RoutingOptions {
  /** `e_score_correction_bias`, `[E]`, at most 10^38 in magnitude: added to the scores that choose, not to those that weigh. */
  readonly selectionBias?: Float32Array | undefined;
}

/** Beyond it a sum of two biased scores could overflow. */
const LARGEST_BIAS = 1e38;

/** @throws routing-invalid naming the field, where a rule, or the bias beside it, cannot be followed */
export function assertRoutingRule(rule: RoutingRule, options: RoutingOptions = {}): void {
  const { experts, expertsPerToken, scoring = 'softmax', scale = 1, groups } = rule;
  assertInteger('experts', experts, 65_536);
  assertInteger('expertsPerToken', expertsPerToken, experts);
  if (scoring !== 'softmax' && scoring !== 'sigmoid') throw routingInvalid('scoring', `softmax or sigmoid, got ${String(scoring)}`);
  if (!Number.isFinite(scale)) throw routingInvalid('scale', `a finite number, got ${scale}`);
  if (groups !== undefined) assertGroups(rule, groups);
  if (options.selectionBias !== undefined) assertBias(options.selectionBias, experts);
}

/** The error for a field of a rule, or of a call, that does not fit. */
export function routingInvalid(field: string, expected: string): MoeError<'routing-invalid'> {
  return new MoeError('routing-invalid', { message: `routing, ${field}: expected ${expected}`, context: { field } });
}

function assertGroups({ experts, expertsPerToken }: RoutingRule, { count, kept, score, outside = 'exclude' }: RoutingGroups): void {
  assertInteger('groups.count', count, experts);
  if (experts % count !== 0) throw routingInvalid('groups.count', `a divisor of ${experts}, got ${count}`);
  assertInteger('groups.kept', kept, count);
  if (score !== 'max' && score !== 'top2-sum') throw routingInvalid('groups.score', `max or top2-sum, got ${String(score)}`);
  const size = experts / count;
  if (score === 'top2-sum' && size < 2) throw routingInvalid('groups.count', `groups of at least 2 experts for top2-sum, got ${count} of ${size}`);
  if (outside !== 'exclude' && outside !== 'zero') throw routingInvalid('groups.outside', `exclude or zero, got ${String(outside)}`);
  if (outside === 'exclude' && expertsPerToken > kept * size) {
    throw routingInvalid('expertsPerToken', `at most the ${kept * size} experts of ${kept} groups, got ${expertsPerToken}`);
  }
}

function assertBias(bias: Float32Array, experts: number): void {
  if (bias.length !== experts) throw routingInvalid('selectionBias', `${experts} values, got ${bias.length}`);
  const bad = bias.findIndex((value) => !(Math.abs(value) <= LARGEST_BIAS));
  if (bad >= 0) throw routingInvalid('selectionBias', `values up to ${LARGEST_BIAS} in magnitude, got ${bias[bad]} for expert ${bad}`);
}

function assertInteger(field: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) throw routingInvalid(field, `an integer from 1 to ${most}, got ${value}`);
}
