/**
 * NeuronInfoRuntimeApi: neurons one by one, with their weights and bonds or without.
 *
 * `rank` and `trust` are 0 and `pruning_score` is 65,535, as on chain since it no longer computes them.
 * @module
 * @see pallets/subtensor/src/rpc_info/neuron_info.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { TypeOf } from '../scale/type-of.ts';
import type { ApiContext, ApiHandlers } from './context.ts';

const NO_AXON: TypeOf<'AxonInfo'> = { block: 0n, version: 0, ip: 0n, port: 0, ip_type: 0, protocol: 0, placeholder1: 0, placeholder2: 0 };
const NO_PROMETHEUS: TypeOf<'PrometheusInfo'> = { block: 0n, version: 0, ip: 0n, port: 0, ip_type: 0 };
const NO_PRUNING_SCORE = 65_535;

/** The axon of a hotkey, or one of zeros. */
export function axonOf({ subtensor }: ApiContext, netuid: number, hotkey: string): TypeOf<'AxonInfo'> {
  return subtensor.Axons.get(netuid, hotkey) ?? NO_AXON;
}

/** The API's methods. */
export const neuronInfoApi: ApiHandlers<'NeuronInfoRuntimeApi'> = {
  get_neurons: (context, { netuid }) => uids(context, netuid).map((uid) => neuron(context, netuid, uid)),
  get_neuron: (context, { netuid, uid }) => (uids(context, netuid).includes(uid) ? neuron(context, netuid, uid) : undefined),
  get_neurons_lite: (context, { netuid }) => uids(context, netuid).map((uid) => neuronLite(context, netuid, uid)),
  get_neuron_lite: (context, { netuid, uid }) => (uids(context, netuid).includes(uid) ? neuronLite(context, netuid, uid) : undefined),
};

function uids(context: ApiContext, netuid: number): number[] {
  return context.exists(netuid) ? context.hotkeys(netuid).map((_, uid) => uid) : [];
}

function neuron(context: ApiContext, netuid: number, uid: number): TypeOf<'NeuronInfo'> {
  const { Weights, Bonds } = context.subtensor;
  const weights = Weights.get(netuid, uid).filter(([, weight]) => weight > 0);
  const bonds = Bonds.get(netuid, uid).filter(([, bond]) => bond > 0);
  return { ...neuronLite(context, netuid, uid), weights, bonds };
}

function neuronLite(context: ApiContext, netuid: number, uid: number): TypeOf<'NeuronInfoLite'> {
  const { subtensor } = context;
  const hotkey = subtensor.Keys.get(netuid, uid);
  const coldkey = subtensor.Owner.get(hotkey);
  return {
    hotkey,
    coldkey,
    uid,
    netuid,
    active: subtensor.Active.get(netuid)[uid] ?? false,
    axon_info: axonOf(context, netuid, hotkey),
    prometheus_info: subtensor.Prometheus.get(netuid, hotkey) ?? NO_PROMETHEUS,
    stake: [[coldkey, subtensor.TotalHotkeyAlpha.get(hotkey, netuid)]],
    rank: 0,
    emission: subtensor.Emission.get(netuid)[uid] ?? 0n,
    incentive: subtensor.Incentive.get(netuid)[uid] ?? 0,
    consensus: subtensor.Consensus.get(netuid)[uid] ?? 0,
    trust: 0,
    validator_trust: subtensor.ValidatorTrust.get(netuid)[uid] ?? 0,
    dividends: subtensor.Dividends.get(netuid)[uid] ?? 0,
    last_update: subtensor.LastUpdate.get(netuid)[uid] ?? 0n,
    validator_permit: subtensor.ValidatorPermit.get(netuid)[uid] ?? false,
    pruning_score: NO_PRUNING_SCORE,
  };
}
