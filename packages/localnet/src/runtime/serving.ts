/**
 * Serving: where a neuron's axon and its prometheus listen.
 * @module
 * @see pallets/subtensor/src/subnets/serving.rs (opentensor/subtensor 14bc6f9f9)
 */
import { ensure, ensureSigned, type ArgumentsOf, type CallHandlers, type Execution, type Origin } from './execution.ts';

type ServeAxon = ArgumentsOf<'SubtensorModule', 'serve_axon'>;
type ServePrometheus = ArgumentsOf<'SubtensorModule', 'serve_prometheus'>;

/** The pallet's calls on serving. */
export const servingCalls: Pick<CallHandlers<'SubtensorModule'>, 'serve_axon' | 'serve_axon_tls' | 'serve_prometheus'> = {
  serve_axon: serveAxon,
  serve_axon_tls: (execution, origin, { certificate, ...axon }) => {
    serveAxon(execution, origin, axon);
    const parsed = parseCertificate(certificate);
    if (parsed !== undefined) execution.storage.SubtensorModule.NeuronCertificates.set(axon.netuid, ensureSigned(origin), parsed);
  },
  serve_prometheus: (execution, origin, args) => {
    const hotkey = ensureSigned(origin);
    checkPrometheus(execution, hotkey, args);
    const { netuid, ...prometheus } = args;
    execution.storage.SubtensorModule.Prometheus.set(netuid, hotkey, { block: execution.block, ...prometheus });
    execution.deposit('SubtensorModule', 'PrometheusServed', [netuid, hotkey]);
  },
};

function serveAxon(execution: Execution, origin: Origin, args: ServeAxon): void {
  const hotkey = ensureSigned(origin);
  checkAxon(execution, hotkey, args);
  const { netuid, ...axon } = args;
  execution.storage.SubtensorModule.Axons.set(netuid, hotkey, { block: execution.block, ...axon });
  execution.deposit('SubtensorModule', 'AxonServed', [netuid, hotkey]);
}

/** The algorithm in one byte, then the key of at most 64; anything else is no certificate, and is left out. */
function parseCertificate(bytes: Uint8Array): { readonly algorithm: number; readonly public_key: Uint8Array } | undefined {
  const [algorithm] = bytes;
  return algorithm === undefined || bytes.length > 65 ? undefined : { algorithm, public_key: bytes.slice(1) };
}

/** The checks of `serve_axon`, in order; they also decide whether the transaction is valid at all. */
export function checkAxon(execution: Execution, hotkey: string, { netuid, ip, ip_type, port }: ServeAxon): void {
  const { Uids, Axons } = execution.storage.SubtensorModule;
  ensure(Uids.has(netuid, hotkey), 'SubtensorModule', 'HotKeyNotRegisteredInNetwork');
  ensure(ip_type === 4 || ip_type === 6, 'SubtensorModule', 'InvalidIpType');
  ensure(isValidAddress(ip_type, ip), 'SubtensorModule', 'InvalidIpAddress');
  ensureServingRate(execution, netuid, Axons.get(netuid, hotkey)?.block);
  ensure(port !== 0, 'SubtensorModule', 'InvalidPort');
}

/** The checks of `serve_prometheus`, in order: the address comes first, and 0 is none. */
export function checkPrometheus(execution: Execution, hotkey: string, { netuid, ip, ip_type, port }: ServePrometheus): void {
  const { Uids, Prometheus } = execution.storage.SubtensorModule;
  ensure(ip_type === 4 || ip_type === 6, 'SubtensorModule', 'InvalidIpType');
  ensure(ip !== 0n && isValidAddress(ip_type, ip), 'SubtensorModule', 'InvalidIpAddress');
  ensure(Uids.has(netuid, hotkey), 'SubtensorModule', 'HotKeyNotRegisteredInNetwork');
  ensureServingRate(execution, netuid, Prometheus.get(netuid, hotkey)?.block);
  ensure(port !== 0, 'SubtensorModule', 'InvalidPort');
}

function ensureServingRate(execution: Execution, netuid: number, last = 0n): void {
  const limit = execution.storage.SubtensorModule.ServingRateLimit.get(netuid);
  ensure(limit === 0n || last === 0n || execution.block - last >= limit, 'SubtensorModule', 'ServingRateLimitExceeded');
}

/** Neither loopback nor all ones; 0 is allowed. */
function isValidAddress(ipType: number, ip: bigint): boolean {
  if (ipType === 4) return ip < 0xffff_ffffn && ip !== 0x7f00_0001n;
  return ip !== (1n << 128n) - 1n && ip !== 1n;
}
