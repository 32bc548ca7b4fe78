/**
 * What a graph's values depend on. Nodes stand in the order in which they were appended, so each one's inputs come before it.
 *
 * @module
 */
import type { OnnxNode } from './onnx-encoder.ts';

interface Named {
  readonly name: string;
}

/** Names of all values that `outputs` depend on, themselves included; ONNX Runtime would run the other nodes, too. What is `given` needs nothing. */
export function neededFor(outputs: readonly Named[], nodes: readonly OnnxNode[], given: readonly Named[] = []): Set<string> {
  const known = new Set(given.map((value) => value.name));
  const needed = new Set(outputs.map((value) => value.name));
  for (const entry of nodes.toReversed()) {
    if (entry.outputs.some((name) => needed.has(name) && !known.has(name))) for (const name of entry.inputs) needed.add(name);
  }
  return needed;
}

/** Names of all values that depend on one of `names`, themselves included. */
export function dependentOn(names: Iterable<string>, nodes: readonly OnnxNode[]): Set<string> {
  const dependent = new Set(names);
  for (const entry of nodes) {
    if (entry.inputs.some((name) => dependent.has(name))) for (const name of entry.outputs) dependent.add(name);
  }
  return dependent;
}
