/**
 * How a router uses its experts: load, and entropies of load and of probabilities. Counts are exact and add up over batches; entropies are float64 in the
 * order of ids and tokens, with the engine's `Math.log`, so their last digits may differ between engines. They describe; nothing may be decided by their bits.
 * @module
 */
import { exp32 } from '../internal/float32-exp.ts';
import { assertLogits } from '../internal/routing-kernel.ts';
import { routingInvalid } from './routing-rule.ts';

/**
 * Assignments of each expert, `[E]`; sums to `T · K`. Counts of several batches add up.
 * @param ids `[T, K]`, any K
 * @throws routing-invalid an id of no expert
 * @example
 * const load = countLoad(routeTokens(logits, rule).ids, rule.experts);
 * const effectiveExperts = Math.exp(entropyOf(load));
 */
export function countLoad(ids: Uint16Array, experts: number): Float64Array {
  if (!Number.isInteger(experts) || experts < 1 || experts > 65_536) throw routingInvalid('experts', `an integer from 1 to 65536, got ${experts}`);
  const load = new Float64Array(experts);
  for (let i = 0; i < ids.length; i++) {
    if (ids[i]! >= experts) throw routingInvalid('ids', `expert ids below ${experts}, got ${ids[i]} at ${i}`);
    load[ids[i]!]! += 1;
  }
  return load;
}

/**
 * `H = −Σ p ln p` of `p = masses / Σ masses`, in nats: ln E where all are equal, 0 where one has everything, or where there is nothing. `e^H` is the
 * effective number of experts.
 * @param masses not negative: loads, probabilities, scores
 * @throws routing-invalid a mass that is negative or not finite
 */
export function entropyOf(masses: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < masses.length; i++) {
    if (!(masses[i]! >= 0 && masses[i]! < Number.POSITIVE_INFINITY)) throw routingInvalid('masses', `finite masses from 0 on, got ${masses[i]} at ${i}`);
    total += masses[i]!;
  }
  let entropy = 0;
  for (let i = 0; i < masses.length; i++) {
    const share = masses[i]! / total;
    if (share > 0) entropy -= share * Math.log(share);
  }
  return entropy;
}

/**
 * The mean over tokens of the entropy of `softmax(x)`, in nats: near ln E a router is undecided, near 0 it is certain. 0 for no tokens.
 * @param logits `[T, E]` row-major
 * @throws routing-invalid sizes that do not fit
 * @throws routing-not-finite as `routeTokens`
 */
export function meanRouterEntropy(logits: Float32Array, experts: number): number {
  if (!Number.isInteger(experts) || experts < 1 || logits.length % experts !== 0) throw routingInvalid('experts', `a divisor of ${logits.length} logits, got ${experts}`);
  const tokens = logits.length / experts;
  let sum = 0;
  for (let token = 0; token < tokens; token++) sum += rowEntropy(logits.subarray(token * experts, (token + 1) * experts), token);
  return tokens === 0 ? 0 : sum / tokens;
}

/** With d = x − max and Z = Σ e^d: `H = ln Z − Σ e^d d / Z`. */
function rowEntropy(row: Float32Array, token: number): number {
  const largest = assertLogits(row, token);
  let total = 0;
  let weighted = 0;
  for (const logit of row) {
    const distance = Math.fround(logit - largest);
    const exponential = exp32(distance);
    total += exponential;
    if (exponential > 0) weighted += exponential * distance;
  }
  return Math.log(total) - weighted / total;
}
