/**
 * Runtime functions by name: inputs and output are encoded and decoded by the metadata (`state_call`).
 * @module
 */
import { u8aConcat } from '@polkadot/util';
import { fromHex, toHex } from '@connito/commit-reveal';
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import type { ApiMethod, ApiName } from './runtime-items.ts';
import type { Codec } from './storage.ts';

/** One function of the runtime. */
export interface RuntimeCall<A extends ApiName = ApiName> {
  readonly api: A;
  readonly method: ApiMethod<A>;
  readonly args?: readonly unknown[];
  /** A block hash; the newest finalised block by default. */
  readonly at?: string | undefined;
}

type Registry = Chain['api']['registry'];
type Apis = Registry['metadata']['apis'];
type Method = Apis[number]['methods'][number];

/** Whether the runtime has a function. */
export function hasRuntimeApi<A extends ApiName>(chain: Chain, api: A, method: ApiMethod<A>): boolean {
  return findMethod(chain, api, method) !== undefined;
}

/**
 * Calls a function of the runtime.
 * @throws unsupported, and as `Chain.request`
 */
export async function callRuntime<A extends ApiName>(chain: Chain, { api, method, args = [], at }: RuntimeCall<A>): Promise<Codec> {
  const subject = `${api}.${method}`;
  const found = findMethod(chain, api, method);
  if (found === undefined) throw new ChainError('unsupported', `the runtime at ${chain.endpoint} has no function ${subject}`, { endpoint: chain.endpoint, subject });
  const { registry } = chain.api;
  const input = u8aConcat(...[...found.inputs].map(({ type }, index) => registry.createType(registry.createLookupType(type), args[index]).toU8a()));
  const blockHash = at ?? (await chain.request<string>('chain_getFinalizedHead'));
  const answer = await chain.request<string>('state_call', [`${api}_${method}`, `0x${toHex(input)}`, blockHash]);
  return registry.createType(registry.createLookupType(found.output), fromHex(answer));
}

function findMethod(chain: Chain, api: string, method: string): Method | undefined {
  const found = [...chain.api.registry.metadata.apis].find(({ name }) => name.toString() === api);
  return found === undefined ? undefined : [...found.methods].find(({ name }) => name.toString() === method);
}
