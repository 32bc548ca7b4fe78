/**
 * Metagraphs: all of a subnet in one answer, or the fields that a client names by their index.
 *
 * `subnet_emission` and `pending_root_emission` are 0 and `pruning_score`, `trust` and `rank` are empty, as on chain since it no longer
 * computes them.
 * @module
 * @see pallets/subtensor/src/rpc_info/metagraph.rs (opentensor/subtensor 14bc6f9f9)
 */
import { selectiveMetagraph } from '../pallets/api-types.ts';
import { encodeScale } from '../scale/codec.ts';
import type { TypeOf } from '../scale/type-of.ts';
import { mechanismIndex } from '../runtime/subnet-lookup.ts';
import type { ApiContext, ApiHandlers } from './context.ts';
import { hyperparametersOf } from './hyperparameters.ts';
import { axonOf } from './neurons.ts';
import { neuronVectors } from './neuron-vectors.ts';
import { subnetName } from './subnet-name.ts';

type Metagraph = TypeOf<'Metagraph'>;
type SelectiveMetagraph = TypeOf<'SelectiveMetagraph'>;

type MetagraphMethods =
  | 'get_all_metagraphs'
  | 'get_metagraph'
  | 'get_all_mechagraphs'
  | 'get_mechagraph'
  | 'get_selective_metagraph'
  | 'get_selective_mechagraph';

/** The API's methods on metagraphs. */
export const metagraphApi: Pick<ApiHandlers<'SubnetInfoRuntimeApi'>, MetagraphMethods> = {
  get_all_metagraphs: (context) => context.netuids().map((netuid) => metagraph(context, netuid)),
  get_metagraph: (context, { netuid }) => metagraph(context, netuid),
  get_all_mechagraphs: (context) =>
    context.netuids().flatMap((netuid) => Array.from({ length: context.subtensor.MechanismCountCurrent.get(netuid) }, (_, mechanism) => mechagraph(context, netuid, mechanism))),
  get_mechagraph: (context, { netuid, mecid }) => mechagraph(context, netuid, mecid),
  get_selective_metagraph: (context, { netuid, metagraph_indexes }) => {
    if (!context.exists(netuid)) return undefined;
    const fields = select(context, metagraph(context, netuid) as Metagraph, metagraph_indexes);
    // The chain leaves the netuid at 0 unless it is asked for.
    return { ...fields, netuid: metagraph_indexes.includes(0) ? netuid : 0 };
  },
  get_selective_mechagraph: (context, { netuid, subid, metagraph_indexes }) => {
    if (!context.exists(netuid)) return undefined;
    return { ...select(context, { ...(metagraph(context, netuid) as Metagraph), ...mechanismFigures(context, netuid, subid) }, metagraph_indexes), netuid };
  },
};

function mechagraph(context: ApiContext, netuid: number, mechanism: number): Metagraph | undefined {
  const whole = mechanism < context.subtensor.MechanismCountCurrent.get(netuid) ? metagraph(context, netuid) : undefined;
  return whole && { ...whole, netuid: mechanismIndex(netuid, mechanism), ...mechanismFigures(context, netuid, mechanism) };
}

/** What each mechanism has of its own. */
function mechanismFigures({ subtensor }: ApiContext, netuid: number, mechanism: number): Pick<Metagraph, 'last_update' | 'incentives'> {
  const index = mechanismIndex(netuid, mechanism);
  return { last_update: subtensor.LastUpdate.get(index), incentives: subtensor.Incentive.get(index) };
}

function metagraph(context: ApiContext, netuid: number): Metagraph | undefined {
  if (!context.exists(netuid)) return undefined;
  return { ...subnetFields(context, netuid), ...hyperparameterFields(context, netuid), ...neuronFields(context, netuid) };
}

type SubnetField = 'netuid' | 'name' | 'symbol' | 'identity' | 'network_registered_at' | 'owner_hotkey' | 'owner_coldkey' | 'block' | 'tempo' | 'last_step' | 'blocks_since_last_step' | PoolField;
type PoolField =
  | 'subnet_emission'
  | 'alpha_in'
  | 'alpha_out'
  | 'tao_in'
  | 'alpha_out_emission'
  | 'alpha_in_emission'
  | 'tao_in_emission'
  | 'pending_alpha_emission'
  | 'pending_root_emission'
  | 'subnet_volume'
  | 'moving_price';

function subnetFields(context: ApiContext, netuid: number): Pick<Metagraph, SubnetField> {
  const { subtensor, block } = context;
  const lastStep = subtensor.LastMechansimStepBlock.get(netuid);
  return {
    netuid,
    name: [...subnetName(context, netuid)],
    symbol: [...subtensor.TokenSymbol.get(netuid)],
    identity: subtensor.SubnetIdentitiesV3.get(netuid),
    network_registered_at: subtensor.NetworkRegisteredAt.get(netuid),
    owner_hotkey: subtensor.SubnetOwnerHotkey.get(netuid),
    owner_coldkey: subtensor.SubnetOwner.get(netuid),
    block: BigInt(block.header.number),
    tempo: subtensor.Tempo.get(netuid),
    last_step: lastStep,
    blocks_since_last_step: BigInt(block.header.number) - lastStep,
    ...poolFields(context, netuid),
  };
}

/** What stands in a subnet's pool, and what an epoch will distribute; in rao. */
export function poolFields({ subtensor }: ApiContext, netuid: number): Pick<Metagraph, PoolField> {
  return {
    subnet_emission: 0n,
    alpha_in: subtensor.SubnetAlphaIn.get(netuid),
    alpha_out: subtensor.SubnetAlphaOut.get(netuid),
    tao_in: subtensor.SubnetTAO.get(netuid),
    alpha_out_emission: subtensor.SubnetAlphaOutEmission.get(netuid),
    alpha_in_emission: subtensor.SubnetAlphaInEmission.get(netuid),
    tao_in_emission: subtensor.SubnetTaoInEmission.get(netuid),
    pending_alpha_emission: subtensor.PendingValidatorEmission.get(netuid) + subtensor.PendingServerEmission.get(netuid),
    pending_root_emission: 0n,
    subnet_volume: subtensor.SubnetVolume.get(netuid),
    moving_price: subtensor.SubnetMovingPrice.get(netuid),
  };
}

type HyperparameterField = keyof ReturnType<typeof hyperparametersOf> & keyof Metagraph;

function hyperparameterFields(context: ApiContext, netuid: number): Pick<Metagraph, HyperparameterField | 'num_uids' | 'max_uids' | 'burn' | 'pow_registration_allowed'> {
  const { subtensor } = context;
  return {
    ...hyperparametersOf(context, netuid),
    num_uids: subtensor.SubnetworkN.get(netuid),
    max_uids: subtensor.MaxAllowedUids.get(netuid),
    burn: subtensor.Burn.get(netuid),
    pow_registration_allowed: subtensor.NetworkPowRegistrationAllowed.get(netuid),
  };
}

type NeuronField = Exclude<keyof Metagraph, SubnetField | HyperparameterField | 'num_uids' | 'max_uids' | 'burn' | 'pow_registration_allowed'>;

function neuronFields(context: ApiContext, netuid: number): Pick<Metagraph, NeuronField> {
  const { subtensor } = context;
  const vectors = neuronVectors(context, netuid);
  const { hotkeys, coldkeys } = vectors;
  return {
    ...vectors,
    identities: coldkeys.map((coldkey) => subtensor.IdentitiesV2.get(coldkey)),
    axons: hotkeys.map((hotkey) => axonOf(context, netuid, hotkey)),
    tao_dividends_per_hotkey: hotkeys.map((hotkey) => [hotkey, 0n] as const),
    alpha_dividends_per_hotkey: hotkeys.map((hotkey) => [hotkey, subtensor.AlphaDividendsPerSubnet.get(netuid, hotkey)] as const),
  };
}

const FIELDS = Object.keys(selectiveMetagraph.struct) as readonly (keyof SelectiveMetagraph)[];

/** Only the fields that the indexes name; an index that there is not names none. */
function select(context: ApiContext, whole: Metagraph, indexes: readonly number[]): Omit<SelectiveMetagraph, 'netuid'> {
  const named = [...new Set(indexes)].map((index) => FIELDS[index]).filter((field) => field !== undefined && field !== 'netuid');
  return Object.fromEntries(named.map((field) => [field, selected(context, whole, field as keyof SelectiveMetagraph)])) as unknown as Omit<SelectiveMetagraph, 'netuid'>;
}

function selected(context: ApiContext, whole: Metagraph, field: keyof SelectiveMetagraph): unknown {
  if (field === 'validators') return validators(context, whole);
  if (field === 'commitments') return commitments(context, whole.netuid);
  return field === 'identity' ? { value: whole.identity } : whole[field as keyof Metagraph];
}

/** Uids with a permit and more stake than the threshold, by ascending stake. */
function validators({ subtensor }: ApiContext, { validator_permit: permits, total_stake: stakes, hotkeys }: Metagraph): number[] {
  const threshold = subtensor.StakeThreshold.get();
  return hotkeys
    .map((_, uid) => ({ uid, stake: stakes[uid] as bigint }))
    .filter(({ uid, stake }) => permits[uid] === true && stake > threshold)
    .sort((a, b) => (a.stake < b.stake ? -1 : a.stake > b.stake ? 1 : a.uid - b.uid))
    .map(({ uid }) => uid);
}

/** What each hotkey has committed, as the bytes of its registration. */
function commitments(context: ApiContext, netuid: number): (readonly [string, readonly number[]])[] {
  const { CommitmentOf } = context.storage.Commitments;
  const accounts = context.keysOf('Commitments', 'CommitmentOf').filter(([id]) => id === netuid).map(([, account]) => account as string);
  return accounts.map((account) => [account, [...encodeScale('Option<CommitmentRegistration>', CommitmentOf.get(netuid, account)).subarray(1)]] as const);
}
