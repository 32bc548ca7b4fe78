/**
 * The name of a subnet: that of its identity. The chain's list of names for subnets without one is mainnet's history and not kept here.
 * @module
 * @see pallets/subtensor/src/subnets/symbols.rs:472 (`get_name_for_subnet`, opentensor/subtensor 14bc6f9f9)
 */
import { ROOT_NETUID } from '../runtime/stake-weight.ts';
import type { ApiContext } from './context.ts';

/** A subnet's name as UTF-8; `root`, or `unknown` where it has none. */
export function subnetName({ subtensor }: ApiContext, netuid: number): Uint8Array {
  const own = subtensor.SubnetIdentitiesV3.get(netuid)?.subnet_name;
  if (own !== undefined && own.length > 0) return own;
  return new TextEncoder().encode(netuid === ROOT_NETUID ? 'root' : 'unknown');
}
