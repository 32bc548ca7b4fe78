/**
 * The JSON-RPC methods that Subtensor's node adds: runtime APIs by names of their own, whose SCALE comes back as a list of bytes.
 * @module
 * @see pallets/subtensor/rpc/src/lib.rs, pallets/swap/rpc/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { NodeView } from '../node.ts';
import { concatBytes, fromHex } from '../hex.ts';
import { callApi } from '../runtime-api/index.ts';
import { decodeScale, encodeScale } from '../scale/codec.ts';
import { badParams } from './failure.ts';
import { accountParam, countParam, stateBlockParam } from './params.ts';

/** A parameter: a number of so many bits, an account (ss58 or 32 bytes as a list), a list of u16. */
type ParameterKind = 'u8' | 'u16' | 'account' | 'indexes';

/** What each method calls, and with what; a block's hash may follow. */
const CALLS: Readonly<Record<string, readonly [call: string, ...ParameterKind[]]>> = {
  delegateInfo_getDelegates: ['DelegateInfoRuntimeApi_get_delegates'],
  delegateInfo_getDelegate: ['DelegateInfoRuntimeApi_get_delegate', 'account'],
  delegateInfo_getDelegated: ['DelegateInfoRuntimeApi_get_delegated', 'account'],
  neuronInfo_getNeuronsLite: ['NeuronInfoRuntimeApi_get_neurons_lite', 'u16'],
  neuronInfo_getNeuronLite: ['NeuronInfoRuntimeApi_get_neuron_lite', 'u16', 'u16'],
  neuronInfo_getNeurons: ['NeuronInfoRuntimeApi_get_neurons', 'u16'],
  neuronInfo_getNeuron: ['NeuronInfoRuntimeApi_get_neuron', 'u16', 'u16'],
  subnetInfo_getSubnetInfo: ['SubnetInfoRuntimeApi_get_subnet_info', 'u16'],
  subnetInfo_getSubnetsInfo: ['SubnetInfoRuntimeApi_get_subnets_info'],
  subnetInfo_getSubnetInfo_v2: ['SubnetInfoRuntimeApi_get_subnet_info_v2', 'u16'],
  subnetInfo_getSubnetsInfo_v2: ['SubnetInfoRuntimeApi_get_subnets_info_v2'],
  subnetInfo_getSubnetHyperparams: ['SubnetInfoRuntimeApi_get_subnet_hyperparams', 'u16'],
  subnetInfo_getSubnetHyperparamsV2: ['SubnetInfoRuntimeApi_get_subnet_hyperparams_v2', 'u16'],
  subnetInfo_getAllDynamicInfo: ['SubnetInfoRuntimeApi_get_all_dynamic_info'],
  subnetInfo_getDynamicInfo: ['SubnetInfoRuntimeApi_get_dynamic_info', 'u16'],
  subnetInfo_getAllMetagraphs: ['SubnetInfoRuntimeApi_get_all_metagraphs'],
  subnetInfo_getMetagraph: ['SubnetInfoRuntimeApi_get_metagraph', 'u16'],
  subnetInfo_getAllMechagraphs: ['SubnetInfoRuntimeApi_get_all_mechagraphs'],
  subnetInfo_getMechagraph: ['SubnetInfoRuntimeApi_get_mechagraph', 'u16', 'u8'],
  subnetInfo_getSubnetState: ['SubnetInfoRuntimeApi_get_subnet_state', 'u16'],
  subnetInfo_getSelectiveMetagraph: ['SubnetInfoRuntimeApi_get_selective_metagraph', 'u16', 'indexes'],
  subnetInfo_getSelectiveMechagraph: ['SubnetInfoRuntimeApi_get_selective_mechagraph', 'u16', 'u8', 'indexes'],
  subnetInfo_getColdkeyAutoStakeHotkey: ['SubnetInfoRuntimeApi_get_coldkey_auto_stake_hotkey', 'account', 'u16'],
  subnetInfo_getSubnetAccountId: ['SubnetInfoRuntimeApi_get_subnet_account_id', 'u16'],
  stakeInfo_getColdkeyLock: ['StakeInfoRuntimeApi_get_coldkey_lock', 'account', 'u16'],
};

type Method = (node: NodeView, params: readonly unknown[]) => unknown;

/** The methods by name. */
export const subtensorMethods: Readonly<Record<string, Method>> = {
  ...Object.fromEntries(Object.entries(CALLS).map(([name, [call, ...kinds]]) => [name, bytesOf(call, kinds)] as const)),
  subnetInfo_getLockCost: (node, [at]) => Number(decodeScale('u64', answer(node, { call: 'SubnetRegistrationRuntimeApi_get_network_registration_cost', data: new Uint8Array(), at }))),
  subnetInfo_getSubnetToPrune: (node, [at]) => decodeScale('Option<u16>', answer(node, { call: 'SubnetInfoRuntimeApi_get_subnet_to_prune', data: new Uint8Array(), at })) ?? null,
};

function bytesOf(call: string, kinds: readonly ParameterKind[]): Method {
  return (node, params) => {
    const data = concatBytes(...kinds.map((kind, index) => encodeParameter(kind, params[index])));
    return [...answer(node, { call, data, at: params[kinds.length] })];
  };
}

function answer(node: NodeView, { call, data, at }: { call: string; data: Uint8Array; at: unknown }): Uint8Array {
  return callApi(node, { name: call, data, block: stateBlockParam(node, at) }) as Uint8Array;
}

function encodeParameter(kind: ParameterKind, value: unknown): Uint8Array {
  if (kind === 'u8') return encodeScale('u8', countParam(value, 'mecid', 0xff));
  if (kind === 'u16') return encodeScale('u16', countParam(value, 'netuid or uid', 0xffff));
  if (kind === 'indexes') return encodeScale('Vec<u16>', indexesParam(value));
  if (Array.isArray(value) && value.length === 32) return Uint8Array.from(value, (byte) => countParam(byte, 'account', 0xff));
  return fromHex(accountParam(value, 'account'));
}

/** There are 74 fields; a list may name each a few times. */
const MAX_INDEXES = 1024;

function indexesParam(value: unknown): number[] {
  if (!Array.isArray(value) || value.length > MAX_INDEXES) throw badParams(`metagraph_index: expected a list of at most ${MAX_INDEXES} indexes`);
  return value.map((index) => countParam(index, 'metagraph_index', 0xffff));
}
