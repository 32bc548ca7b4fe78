/**
 * Reverse-mode differentiation: walks a graph's tape backwards and appends the gradient of a loss.
 *
 * For each rule, newest first: `inputGradients = pullback(outputGradients)`; contributions to one value are added in the
 * order in which they arise, so the result has one defined rounding.
 *
 * @see Griewank and Walther, Evaluating Derivatives, 2nd ed., chapter 3 (vector-Jacobian products)
 * @module
 */
import { float, fixed, scalar, type Graph, type Value } from './graph.ts';

/**
 * Appends `∂loss/∂parameter` for each parameter.
 *
 * @param graph holds the tape; gets the gradient nodes
 * @param loss a scalar value
 * @param parameters trained inputs
 * @returns one value per parameter, in order and shape of the parameters; a zero constant where the loss does not depend on it
 */
export function differentiate(graph: Graph, loss: Value, parameters: readonly Value[]): Value[] {
  const gradients = new Map<string, Value>([[loss.name, scalar(graph, 1)]]);
  for (const rule of graph.tape.toReversed()) {
    const outputs = rule.outputs.map((value) => gradients.get(value.name));
    if (outputs.every((gradient) => gradient === undefined)) continue;
    for (const [index, gradient] of rule.pullback(outputs).entries()) {
      const target = rule.inputs[index];
      if (target !== undefined && gradient !== undefined && graph.isTracked(target)) accumulate(graph, gradients, target, gradient);
    }
  }
  return parameters.map((parameter) => gradients.get(parameter.name) ?? zeros(graph, parameter));
}

function accumulate(graph: Graph, gradients: Map<string, Value>, target: Value, gradient: Value): void {
  const sum = gradients.get(target.name);
  gradients.set(target.name, sum === undefined ? gradient : graph.node('Add', [sum, gradient], float(...target.shape)));
}

function zeros(graph: Graph, like: Value): Value {
  const sizes = like.shape.map(fixed);
  return graph.constant(new Float32Array(sizes.reduce((product, size) => product * size, 1)), sizes);
}
