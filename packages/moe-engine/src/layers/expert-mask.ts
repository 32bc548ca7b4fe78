/**
 * Routing among some of a layer's experts.
 *
 * @module
 */
import { fixed, float, type Graph, type Value } from '../graph/graph.ts';

/**
 * Logits with −∞ for experts that are not `present`: a softmax or sigmoid gives them 0, top-k takes them last.
 *
 * Rule: `dlogits = g`, which is zero for the masked ones, whose probabilities are constant.
 *
 * @param logits `[T, E]`
 */
export function maskLogits(graph: Graph, logits: Value, present: readonly number[]): Value {
  const experts = fixed(logits.shape[1]);
  if (present.length === experts) return logits;
  const mask = new Float32Array(experts).fill(-Infinity);
  for (const expert of present) mask[expert] = 0;
  const out = graph.node('Add', [logits, graph.constant(mask, [1, experts])], float(...logits.shape));
  graph.differentiable({ inputs: [logits], outputs: [out], pullback: ([g]) => [g] });
  return out;
}
