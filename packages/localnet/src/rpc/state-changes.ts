/**
 * State over many keys or blocks at once: `state_queryStorage` and `state_getPairs`.
 * @module
 */
import type { Block } from '../block.ts';
import { prefixed } from '../hex.ts';
import type { NodeView } from '../node.ts';
import { badParams } from './failure.ts';
import { hexListParam, hexParam, stateBlockParam } from './params.ts';

/** Keys and blocks of one request. */
const MAX_KEYS = 10_000;
const MAX_BLOCKS = 10_000;

/** The methods by name. */
export const stateChangeMethods: Readonly<Record<string, (node: NodeView, params: readonly unknown[]) => unknown>> = {
  state_queryStorage: (node, [keyList, from, to]) => {
    const keys = hexListParam(keyList, 'keys', MAX_KEYS);
    const first = stateBlockParam(node, from);
    const last = stateBlockParam(node, to);
    const count = last.header.number - first.header.number + 1;
    if (count < 1 || count > MAX_BLOCKS) throw badParams(`fromBlock, toBlock: expected 1 to ${MAX_BLOCKS} blocks, the older one first`);
    const blocks = Array.from({ length: count }, (_, index) => node.block(first.header.number + index) as Block);
    return blocks.map((block, index) => changesAt(node, block, index === 0 ? keys : keys.filter((key) => hasChanged(node, key, block)))).filter(({ changes }, index) => index === 0 || changes.length > 0);
  },
  state_getPairs: (node, [prefix, at]) => {
    const { number } = stateBlockParam(node, at).header;
    return node.chain.history.keys(hexParam(prefix, 'prefix'), number, { count: MAX_KEYS }).map((key) => [prefixed(key), valueAt(node, key, number)]);
  },
};

function changesAt(node: NodeView, block: Block, keys: readonly string[]): { block: string; changes: (readonly [string, string | null])[] } {
  return { block: prefixed(block.hash), changes: keys.map((key) => [prefixed(key), valueAt(node, key, block.header.number)] as const) };
}

function hasChanged(node: NodeView, key: string, { header: { number } }: Block): boolean {
  return valueAt(node, key, number) !== valueAt(node, key, number - 1);
}

function valueAt(node: NodeView, key: string, number: number): string | null {
  const value = node.chain.history.get(key, number);
  return value === undefined ? null : prefixed(value);
}
