/**
 * Serving: where a neuron's axon listens.
 * @module
 * @see pallets/subtensor/src/subnets/serving.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, ensureSigned, type ArgumentsOf, type CallHandlers, type Execution } from './execution.ts';

type ServeAxon = ArgumentsOf<'SubtensorModule', 'serve_axon'>;

/** The pallet's calls on serving. */
export const servingCalls: Pick<CallHandlers<'SubtensorModule'>, 'serve_axon'> = {
  serve_axon: (execution, origin, args) => {
    const hotkey = ensureSigned(origin);
    checkAxon(execution, hotkey, args);
    const { netuid, ...axon } = args;
    execution.storage.SubtensorModule.Axons.set(netuid, hotkey, { block: execution.block, ...axon });
    execution.deposit('SubtensorModule', 'AxonServed', [netuid, hotkey]);
  },
};

/** The checks of `serve_axon`, in order; they also decide whether the transaction is valid at all. */
export function checkAxon(execution: Execution, hotkey: string, { netuid, ip, ip_type, port }: ServeAxon): void {
  const { Uids, Axons, ServingRateLimit } = execution.storage.SubtensorModule;
  ensure(Uids.has(netuid, hotkey), 'SubtensorModule', 'HotKeyNotRegisteredInNetwork');
  ensure(ip_type === 4 || ip_type === 6, 'SubtensorModule', 'InvalidIpType');
  ensure(isValidAddress(ip_type, ip), 'SubtensorModule', 'InvalidIpAddress');
  const limit = ServingRateLimit.get(netuid);
  const last = Axons.get(netuid, hotkey)?.block ?? 0n;
  ensure(limit === 0n || last === 0n || execution.block - last >= limit, 'SubtensorModule', 'ServingRateLimitExceeded');
  ensure(port !== 0, 'SubtensorModule', 'InvalidPort');
}

/** Neither loopback nor all ones; 0 is allowed. */
function isValidAddress(ipType: number, ip: bigint): boolean {
  if (ipType === 4) return ip < 0xffff_ffffn && ip !== 0x7f00_0001n;
  return ip !== (1n << 128n) - 1n && ip !== 1n;
}
