/**
 * Runtime functions by name: inputs and output are encoded and decoded by the metadata of the block (`state_call`).
 * @module
 */
import { u8aConcat } from '@polkadot/util';
import { fromHex, toHex } from '@connito/commit-reveal';
import { ChainError } from '../errors.ts';
import { decodeAnswer } from './answer.ts';
import type { BlockState } from './block-state.ts';
import { findMethod, type Codec } from './runtime.ts';
import type { ApiMethod, ApiName } from './runtime-items.ts';

/** One function of the runtime. */
export interface RuntimeCall<A extends ApiName = ApiName> {
  readonly api: A;
  readonly method: ApiMethod<A>;
  readonly args?: readonly unknown[];
}

/** Whether the runtime has a function. */
export function hasRuntimeApi<A extends ApiName>({ code }: BlockState, api: A, method: ApiMethod<A>): boolean {
  return findMethod(code, api, method) !== undefined;
}

/**
 * Calls a function of the runtime.
 * @throws unsupported, and as `Chain.request`
 */
export async function callRuntime<A extends ApiName>({ code, endpoint, hash, request }: BlockState, { api, method, args = [] }: RuntimeCall<A>): Promise<Codec> {
  const subject = `${api}.${method}`;
  const found = findMethod(code, api, method);
  if (found === undefined) throw new ChainError('unsupported', `the runtime at ${endpoint} (${code.name}) has no function ${subject}`, { endpoint, subject });
  const { registry } = code;
  const input = u8aConcat(...[...found.inputs].map(({ type }, index) => registry.createType(registry.createLookupType(type), args[index]).toU8a()));
  const answer = await request<string>('state_call', [`${api}_${method}`, `0x${toHex(input)}`, hash]);
  return decodeAnswer({ endpoint, subject }, () => registry.createType(registry.createLookupType(found.output), fromHex(answer)));
}
