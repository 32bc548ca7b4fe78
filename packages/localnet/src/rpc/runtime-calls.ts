/**
 * Runtime APIs by `state_call`.
 * @module
 */
import type { Block } from '../block.ts';
import { isLocalnetError } from '../errors.ts';
import type { NodeView } from '../node.ts';
import { callApi } from '../runtime-api/index.ts';
import { RpcFailure } from './failure.ts';

interface RuntimeCallRequest {
  readonly name: unknown;
  readonly data: Uint8Array;
  readonly block: Block;
}

/** Answers a runtime call with SCALE. @throws RpcFailure */
export function callRuntime(node: NodeView, { name, data, block }: RuntimeCallRequest): Uint8Array {
  try {
    const answer = typeof name === 'string' ? callApi(node, { name, data, block }) : undefined;
    if (answer !== undefined) return answer;
  } catch (error) {
    if (isLocalnetError(error, 'bad-scale')) throw new RpcFailure(4003, `Client error: Execution failed: Bad input data provided to ${String(name)}: ${error.message}`);
    throw error;
  }
  throw new RpcFailure(4003, `Client error: Execution failed: Other: Exported method ${typeof name === 'string' ? name.slice(0, 200) : JSON.stringify(name)?.slice(0, 200)} is not found`);
}
