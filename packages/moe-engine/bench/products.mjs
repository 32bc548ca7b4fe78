/**
 * The matrix products that one step needs, counted from the model and its routing, whoever computes them.
 *
 * Counted as needed: a gradient with respect to an activation above the lowest trained layer, there for the trained experts only, and with respect to
 * a weight where it is trained. Attention counts as full squares, as half of it is masked but computed.
 * @module
 */

/**
 * @param topology a qwen3_moe topology
 * @param batch `{ batchSize, sequenceLength }`
 * @param rowsOf layer → rows of each expert in this batch
 * @param trained layer → trained experts; absent for an evaluation
 * @returns `{ m, k, n, transA?, transB?, batch? }` each: `[m, k] · [k, n]`, `batch` times
 */
export function productsOfStep(topology, { batchSize, sequenceLength }, { rowsOf, trained }) {
  const { hiddenSize, vocabularySize, expertWidth, expertsPerLayer, attention, layers } = topology;
  const tokens = batchSize * sequenceLength;
  const lowest = trained === undefined ? layers : Math.min(...trained.keys());
  const products = [];
  const linear = (rows, inputs, outputs, { backward = false, weight = false } = {}) => {
    if (rows === 0) return;
    products.push({ m: rows, k: inputs, n: outputs, transB: true });
    if (backward) products.push({ m: rows, k: outputs, n: inputs });
    if (weight) products.push({ m: outputs, k: rows, n: inputs, transA: true });
  };
  for (let layer = 0; layer < layers; layer++) {
    const backward = layer > lowest;
    const { heads, keyValueHeads, headDim } = attention;
    linear(tokens, hiddenSize, heads * headDim, { backward });
    linear(tokens, hiddenSize, keyValueHeads * headDim, { backward });
    linear(tokens, hiddenSize, keyValueHeads * headDim, { backward });
    linear(tokens, heads * headDim, hiddenSize, { backward });
    const square = { batch: batchSize * heads, m: sequenceLength };
    const scores = { ...square, k: headDim, n: sequenceLength, transB: true };
    const mixed = { ...square, k: sequenceLength, n: headDim };
    products.push(scores, mixed);
    if (backward) products.push(scores, mixed, { ...mixed, transA: true }, { ...mixed, transA: true });
    linear(tokens, hiddenSize, expertsPerLayer, { backward });
    for (const [expert, rows] of rowsOf.get(layer).entries()) {
      const weight = trained?.get(layer)?.includes(expert) === true;
      linear(rows, hiddenSize, expertWidth, { backward, weight });
      linear(rows, hiddenSize, expertWidth, { backward, weight });
      linear(rows, expertWidth, hiddenSize, { backward: backward || weight, weight });
    }
  }
  linear(batchSize * (sequenceLength - 1), hiddenSize, vocabularySize, { backward: trained !== undefined });
  return products;
}

/** Floating-point operations, a multiplication and an addition counted as two. */
export function operations(products) {
  return products.reduce((sum, { m, k, n, batch = 1 }) => sum + 2 * batch * m * k * n, 0);
}
