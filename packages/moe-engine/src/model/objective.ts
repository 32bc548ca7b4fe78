/**
 * The scalar that training minimises: the weighted losses of the predicted tokens, and what keeps routers in order.
 *
 * @module
 */
import type { Graph, Value } from '../graph/graph.ts';
import { add, scale, weightedSum } from '../layers/elementwise.ts';
import { loadBalancingLoss, tokenShares } from '../layers/load-balancing.ts';
import { routerZLoss } from '../layers/router-z-loss.ts';
import type { Transformer } from './transformer.ts';

/** Coefficients of the auxiliary losses; one that is absent or 0 is left out of the graph. */
export interface AuxiliaryLosses {
  /** Of transformers' load-balancing loss (`router_aux_loss_coef`); balanced routing gives K. */
  readonly balance?: number | undefined;
  /** Whether its shares are those of all layers together, as transformers has it, or of each layer, the loss then being the layers' mean. `model` by default. */
  readonly balanceOver?: BalanceScope | undefined;
  /** Of the router z-loss. */
  readonly routerZ?: number | undefined;
}

/** What the load-balancing loss asks to be balanced. */
export type BalanceScope = 'model' | 'layer';

/** Scalars. */
export interface Objective {
  /** `Σ lossWeights ⊙ losses` */
  readonly loss: Value;
  /** Auxiliary losses that are on, before their coefficients: `auxiliaryLoss`, the load-balancing one, and `routerZLoss`. */
  readonly auxiliary: ReadonlyMap<string, Value>;
  /** What is differentiated: `loss + Σ coefficient · auxiliary`. */
  readonly total: Value;
}

/** What an objective is made of. */
export interface ObjectiveParts extends Pick<Transformer, 'losses' | 'routings'> {
  /** `[B·(S−1), 1]` */
  readonly lossWeights: Value;
  /** `int32 [B, S]`, where rows hold several documents. */
  readonly documents?: Value | undefined;
  readonly auxiliary?: AuxiliaryLosses | undefined;
}

/** Appends the objective of a decoder. Layers without experts, and padding, count nothing in auxiliary losses. */
export function trainingObjective(graph: Graph, { losses, routings, lossWeights, documents, auxiliary: coefficients = {} }: ObjectiveParts): Objective {
  const { balance = 0, balanceOver = 'model', routerZ = 0 } = coefficients;
  const layers = routings.map(({ routing }) => routing);
  const loss = weightedSum(graph, losses, lossWeights);
  const terms: { readonly name: string; readonly value: Value; readonly coefficient: number }[] = [];
  const shares = (): Value => tokenShares(graph, layers[0]!.logits, documents);
  if (balance !== 0 && layers.length > 0) {
    const groups = balanceOver === 'model' ? [layers] : layers.map((layer) => [layer]);
    const sum = groups.map((group) => loadBalancingLoss(graph, group, shares())).reduce((total, value) => add(graph, total, value));
    terms.push({ name: 'auxiliaryLoss', value: scale(graph, sum, 1 / groups.length), coefficient: balance });
  }
  if (routerZ !== 0 && layers.length > 0) terms.push({ name: 'routerZLoss', value: routerZLoss(graph, layers, shares()), coefficient: routerZ });
  const total = terms.reduce((sum, { value, coefficient }) => add(graph, sum, scale(graph, value, coefficient)), loss);
  return { loss, auxiliary: new Map(terms.map(({ name, value }) => [name, value])), total };
}
