/**
 * What a routing kernel is: checked sizes in, chosen experts out. There are two, with the same bits.
 * @module
 */
import { MoeError } from '../errors.ts';

export interface RoutingKernel {
  route(batch: RoutingBatch): void;
}

/** Tokens to route: logits `[T, E]`, and where the result goes, `[T, K]`. */
export interface RoutingBatch {
  readonly logits: Float32Array;
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
  /** What the batch's first token is called in errors. */
  readonly firstToken: number;
}

/**
 * Refuses the first logit of a token that is NaN or +∞, or the token whose logits are all −∞; says nothing of other tokens.
 * @returns the largest logit
 * @throws routing-not-finite
 */
export function assertLogits(row: Float32Array, token: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let expert = 0; expert < row.length; expert++) {
    const logit = row[expert]!;
    if (!(logit < Number.POSITIVE_INFINITY)) throw notFinite({ token, expert, found: String(logit) });
    if (logit > largest) largest = logit;
  }
  if (largest === Number.NEGATIVE_INFINITY) throw notFinite({ token, expert: 0, found: 'all experts at -Infinity' });
  return largest;
}

function notFinite(at: { token: number; expert: number; found: string }): MoeError<'routing-not-finite'> {
  const { token, expert, found } = at;
  return new MoeError('routing-not-finite', {
    message: `the router's logits of token ${token} hold ${found} at expert ${expert}; the activations before it have overflowed`,
    context: { token, expert },
  });
}
