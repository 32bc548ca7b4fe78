/**
 * What is said about losses of rows.
 *
 * @module
 */

/** Figures of one model. All but perplexity and bits in nats per token; what is not finite is null in JSON. */
export interface Measured {
  /** Mean over rows. */
  readonly loss: number;
  /** Of that mean, over rows; absent for a single row and where a loss is not finite. */
  readonly standardError?: number;
  /** `exp(loss)` */
  readonly perplexity: number;
  /** `loss · tokens per byte / ln 2`, of text. */
  readonly bitsPerByte?: number;
  /** Mean of base minus candidate over rows; positive is better. Absent for the base. */
  readonly gain?: number;
  /** Standard error of the gain, of row by row differences: what makes a row hard cancels. */
  readonly gainError?: number;
  /** Of each row. */
  readonly losses: readonly number[];
}

/** What {@link measureLosses} takes. */
export interface LossInputs {
  /** `[N]`, N ≥ 1 */
  readonly losses: Float64Array;
  /** `[N]`, to compare with. */
  readonly base: Float64Array | undefined;
  readonly tokensPerByte: number | undefined;
}

/** Computes the figures of one model. */
export async function measureLosses({ losses, base, tokensPerByte }: LossInputs): Promise<Measured> {
  const { mean: loss, standardError } = await estimate(losses);
  const gains = base && (await estimate(base.map((value, row) => value - losses[row]!)));
  return {
    loss,
    ...(standardError === undefined ? {} : { standardError }),
    perplexity: Math.exp(loss),
    ...(tokensPerByte === undefined ? {} : { bitsPerByte: (loss * tokensPerByte) / Math.LN2 }),
    ...(gains === undefined ? {} : { gain: gains.mean }),
    ...(gains?.standardError === undefined ? {} : { gainError: gains.standardError }),
    losses: [...losses],
  };
}

async function estimate(values: Float64Array): Promise<{ readonly mean: number; readonly standardError?: number }> {
  if (values.length < 2 || !values.every(Number.isFinite)) return { mean: values.reduce((sum, value) => sum + value, 0) / values.length };
  const { estimateMean } = await import('@connito/pol-scoring');
  return estimateMean(values, 0.99);
}
