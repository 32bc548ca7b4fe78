/**
 * What runtime APIs tell of all neurons of a subnet at once, one entry per uid. `pruning_score`, `trust` and `rank` are empty, as on chain since it no
 * longer computes them.
 * @module
 * @see pallets/subtensor/src/rpc_info/metagraph.rs, show_subnet.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { TypeOf } from '../scale/type-of.ts';
import type { ApiContext } from './context.ts';
import { stakeWeights } from './stake-weights.ts';

type SubnetState = TypeOf<'SubnetState'>;

/** What a metagraph and a subnet's state have in common. */
export type NeuronVectors = Omit<SubnetState, 'netuid' | 'emission_history'>;

/** The neurons of a subnet that exists. */
export function neuronVectors(context: ApiContext, netuid: number): NeuronVectors {
  const { subtensor } = context;
  const hotkeys = context.hotkeys(netuid);
  return {
    hotkeys,
    coldkeys: hotkeys.map((hotkey) => subtensor.Owner.get(hotkey)),
    active: subtensor.Active.get(netuid),
    validator_permit: subtensor.ValidatorPermit.get(netuid),
    pruning_score: [],
    last_update: subtensor.LastUpdate.get(netuid),
    emission: subtensor.Emission.get(netuid),
    dividends: subtensor.Dividends.get(netuid),
    incentives: subtensor.Incentive.get(netuid),
    consensus: subtensor.Consensus.get(netuid),
    trust: [],
    rank: [],
    block_at_registration: hotkeys.map((_, uid) => subtensor.BlockAtRegistration.get(netuid, uid)),
    ...stakeWeights(context, netuid),
  };
}
