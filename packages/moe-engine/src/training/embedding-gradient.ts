/**
 * The gradient of the embedding, added up from those of the embedded tokens, one token after the other.
 *
 * @module
 */

/** What {@link addEmbeddedRows} adds. */
export interface EmbeddedRows {
  /** `[T, H]`, the gradient of each position's (mean) row. */
  readonly rows: Float32Array;
  /** `[T, s]` */
  readonly tokens: Int32Array;
  /** s */
  readonly bag: number;
  /** H */
  readonly width: number;
}

/** `gradient[tokens[t, j]] += rows[t] / s` for each t, then each j: float32 sums in the order of the tokens, so the same bits every time. `gradient` — `[V, H]`. */
export function addEmbeddedRows(gradient: Float32Array, { rows, tokens, bag, width }: EmbeddedRows): void {
  const share = 1 / bag;
  for (let index = 0; index < tokens.length; index++) {
    const [to, from] = [tokens[index]! * width, Math.floor(index / bag) * width];
    for (let column = 0; column < width; column++) gradient[to + column]! += rows[from + column]! * share;
  }
}
