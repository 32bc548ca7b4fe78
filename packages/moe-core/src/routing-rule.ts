/**
 * How a family's router turns logits into experts and weights, as data: what `routeTokens` takes and `parseTopology` gives.
 * @module
 */

/** A routing rule. With x the logits `[T, E]`: scores `s = scoring(x)`, experts by rank, weights from the scores of the chosen ones. */
export interface RoutingRule {
  /** E, at most 65,536 */
  readonly experts: number;
  /** K, from 1 to E */
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
  /** A group's score: its `max` (DeepSeek-V2), or the sum of its best two scores, selection bias included (`top2-sum`, DeepSeek-V3). */
  readonly score: 'max' | 'top2-sum';
  /**
   * What becomes of experts outside of the kept groups: `exclude` (−∞, never chosen; the default, and what DeepSeek's own code does now), or `zero`, as older
   * versions of transformers did, where an expert outside can win over a negative biased score inside.
   */
  readonly outside?: 'exclude' | 'zero' | undefined;
}
