/**
 * What a call costs in fees, before it is sent.
 * @module
 */
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { ERA_BLOCKS, type ChainCall } from './extrinsic.ts';
import { parseHotkey } from './identifier.ts';
import { openState } from './internal/block-state.ts';
import { callRuntime } from './internal/runtime-api.ts';
import { fieldOf, toBigInt } from './internal/storage.ts';

/**
 * The fee in rao that the runtime would take from `account` for `call` as it stands (`TransactionPaymentApi.query_info`). Calls that turn out not to pay, such as
 * weights, axons and commitments, are 0 here only where the runtime says so ahead. Of the length that a call of a new account has: every byte is a rao, and a nonce from 64 on takes one more, from 16,384 on three.
 * @throws bad-address, unsupported, and as `Chain.request`
 * @example await readFee(chain, { call: createCall(chain, 'SubtensorModule', 'start_call', [1]), account });
 */
export async function readFee(chain: Chain, { call, account, at }: { readonly call: ChainCall; readonly account: string } & ReadOptions): Promise<bigint> {
  const { api } = chain;
  // A copy: a made-up signature of the right length is put on it.
  const extrinsic = api.tx(call.method as unknown as Parameters<typeof api.tx>[0]).signFake(parseHotkey(account), {
    blockHash: api.genesisHash,
    era: api.registry.createType('ExtrinsicEra', { current: 0, period: ERA_BLOCKS }),
    genesisHash: api.genesisHash,
    nonce: 0,
    runtimeVersion: api.runtimeVersion,
  });
  const bytes = extrinsic.toU8a();
  const info = await callRuntime(await openState(chain, at), { api: 'TransactionPaymentApi', method: 'query_info', args: [extrinsic.toHex(true), bytes.length] });
  return toBigInt(fieldOf(info, 'partial_fee'));
}
