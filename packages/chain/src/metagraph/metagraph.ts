/**
 * The metagraph: a subnet with all its neurons at one block, in two requests side by side where the runtime has a function for it, otherwise in a few by storage.
 * @see pallets/subtensor/src/rpc_info/metagraph.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { decodeAxon, type Axon } from '../axon.ts';
import { resolveBlock, type ReadOptions } from '../block.ts';
import type { Chain, FinalisedBlock } from '../connection.ts';
import { epochStateOf, EPOCH_ITEMS, nextEpochBlock } from '../epoch-schedule.ts';
import { ChainError } from '../errors.ts';
import { hotkeyFromBytes, parseNetuid, type Hotkey, type Netuid } from '../identifier.ts';
import { openState, type BlockState } from '../internal/block-state.ts';
import { callRuntime, hasRuntimeApi } from '../internal/runtime-api.ts';
import { fieldOf, readPresent, readStorage, subtensor, toArray, toBigInt, toBoolean, toBytes, toNumber, type Codec } from '../internal/storage.ts';
import { neuronsIn, type Neuron } from '../neuron.ts';
import { unwrap } from '../staking/position.ts';
import { readStakeWeights } from '../staking/stake-weight.ts';
import { decodeIdentity, type SubnetIdentity, type SubnetOwner } from '../subnet.ts';
import { parseUnsigned } from '../unsigned.ts';
import { storageIndex } from '../weights/settings.ts';

/** One neuron. Fractions are u16: 65535 is one. */
export interface MetagraphNeuron extends Omit<Neuron, 'stakeRao'> {
  /** Where it answers; undefined where it has served nothing. */
  readonly axon: Axon | undefined;
  /** Alpha that counts for it, after child and parent keys, in rao. */
  readonly alphaStakeRao: bigint;
  /** TAO on the root subnet that counts for it, after child and parent keys, in rao. */
  readonly rootStakeRao: bigint;
  /** What permits and votes go by: alpha and weighted TAO, in rao. */
  readonly stakeWeightRao: bigint;
}

/** A subnet with its neurons. */
export interface Metagraph {
  readonly netuid: Netuid;
  readonly mechanism: number;
  readonly blockNumber: number;
  readonly blockHash: string;
  /** From its identity; empty where it has none. */
  readonly name: string;
  readonly symbol: string;
  readonly identity: SubnetIdentity | undefined;
  readonly owner: SubnetOwner;
  readonly registeredBlock: number;
  readonly tempoBlocks: number;
  /** Block of the last epoch. */
  readonly lastEpochBlock: number;
  /** Undefined where the subnet has no epochs. */
  readonly nextEpochBlock: number | undefined;
  /** TAO in the pool, in rao. */
  readonly taoInRao: bigint;
  /** Alpha in the pool, in rao. */
  readonly alphaInRao: bigint;
  /** Alpha outside of the pool, in rao. */
  readonly alphaOutRao: bigint;
  readonly maxNeurons: number;
  readonly maxValidators: number;
  readonly isRegistrationAllowed: boolean;
  readonly registrationPriceRao: bigint;
  readonly immunityBlocks: number;
  readonly weightsVersionKey: bigint;
  readonly weightsRateLimitBlocks: number;
  readonly minAllowedWeights: number;
  readonly isCommitReveal: boolean;
  readonly revealPeriodEpochs: number;
  /** In order of uid. */
  readonly neurons: readonly MetagraphNeuron[];
  /** Where the figures come from. */
  readonly source: 'runtime' | 'storage';
}

/** Which metagraph. */
export interface MetagraphQuery extends ReadOptions {
  readonly netuid: number;
  /** Default 0, the first: incentives and last updates are those of the mechanism. */
  readonly mechanism?: number;
  /** Which way to go (default: the runtime's function where there is one). */
  readonly source?: 'runtime' | 'storage';
}

/** What the runtime's function leaves out. */
const ALSO = ['ValidatorTrust', 'StakeWeight', 'SubnetOwnerHotkey'] as const;

/**
 * A subnet and its neurons at one block.
 * @throws bad-value (no such subnet or mechanism), unsupported, state-unavailable, unknown-block, and as `Chain.request`
 * @example const { neurons } = await readMetagraph(chain, { netuid: 1 });
 */
export async function readMetagraph(chain: Chain, query: MetagraphQuery): Promise<Metagraph> {
  const netuid = parseNetuid(query.netuid);
  const mechanism = parseUnsigned('mechanism', query.mechanism ?? 0, 8);
  const block = await resolveBlock(chain, query.at);
  const state = await openState(chain, block.hash);
  const isThere = hasRuntimeApi(state, 'SubnetInfoRuntimeApi', mechanism === 0 ? 'get_metagraph' : 'get_mechagraph');
  const target = { netuid, mechanism, block, state };
  return isThere && query.source !== 'storage' ? byRuntime(chain, target) : byStorage(chain, target);
}

interface Target {
  readonly netuid: Netuid;
  readonly mechanism: number;
  readonly block: Pick<FinalisedBlock, 'hash' | 'number'>;
  /** Of the block. */
  readonly state: BlockState;
}

async function byRuntime(chain: Chain, { netuid, mechanism, block, state }: Target): Promise<Metagraph> {
  const call = mechanism === 0 ? ({ method: 'get_metagraph', args: [netuid] } as const) : ({ method: 'get_mechagraph', args: [netuid, mechanism] } as const);
  const [answer, values] = await Promise.all([
    callRuntime(state, { api: 'SubnetInfoRuntimeApi', ...call }),
    readPresent(state, [...ALSO, ...EPOCH_ITEMS].map((item) => subtensor(item, netuid))),
  ]);
  const graph = unwrap(answer);
  if (graph === undefined) throw noSubnet(chain, netuid, mechanism);
  const [trust, weight, , ...epoch] = values;
  const identity = unwrap(fieldOf(graph, 'identity'));
  const number = (name: string): number => toNumber(fieldOf(graph, name));
  return {
    netuid,
    mechanism,
    blockNumber: block.number,
    blockHash: block.hash,
    name: textOf(fieldOf(graph, 'name')),
    symbol: textOf(fieldOf(graph, 'symbol')),
    identity: identity && decodeIdentity(identity),
    owner: { hotkey: keyOf(fieldOf(graph, 'owner_hotkey')), coldkey: keyOf(fieldOf(graph, 'owner_coldkey')) },
    registeredBlock: number('network_registered_at'),
    tempoBlocks: number('tempo'),
    lastEpochBlock: number('last_step'),
    nextEpochBlock: nextEpochBlock(epochStateOf(state, { netuid, blockNumber: block.number, values: epoch })),
    taoInRao: toBigInt(fieldOf(graph, 'tao_in')),
    alphaInRao: toBigInt(fieldOf(graph, 'alpha_in')),
    alphaOutRao: toBigInt(fieldOf(graph, 'alpha_out')),
    maxNeurons: number('max_uids'),
    maxValidators: number('max_validators'),
    isRegistrationAllowed: toBoolean(fieldOf(graph, 'registration_allowed')),
    registrationPriceRao: toBigInt(fieldOf(graph, 'burn')),
    immunityBlocks: number('immunity_period'),
    weightsVersionKey: toBigInt(fieldOf(graph, 'weights_version')),
    weightsRateLimitBlocks: number('weights_rate_limit'),
    minAllowedWeights: number('min_allowed_weights'),
    isCommitReveal: toBoolean(fieldOf(graph, 'commit_reveal_weights_enabled')),
    revealPeriodEpochs: number('commit_reveal_period'),
    neurons: decodeNeurons(graph, toArray(trust), toArray(weight)),
    source: 'runtime',
  };
}

function decodeNeurons(graph: Codec, trust: readonly Codec[], weight: readonly Codec[]): MetagraphNeuron[] {
  const names = ['coldkeys', 'axons', 'active', 'validator_permit', 'last_update', 'emission', 'dividends', 'incentives', 'consensus', 'block_at_registration', 'alpha_stake', 'tao_stake', 'total_stake'] as const;
  const lists = new Map(names.map((name) => [name, toArray(fieldOf(graph, name))]));
  return toArray(fieldOf(graph, 'hotkeys')).map((hotkey, uid) => {
    const of = (name: (typeof names)[number]): Codec | undefined => lists.get(name)?.[uid];
    return {
      uid,
      hotkey: keyOf(hotkey),
      coldkey: keyOf(of('coldkeys') as Codec),
      axon: servedAxon(of('axons')),
      stakeWeight: toNumber(weight[uid]),
      isActive: toBoolean(of('active')),
      validatorPermit: toBoolean(of('validator_permit')),
      incentive: toNumber(of('incentives')),
      dividends: toNumber(of('dividends')),
      consensus: toNumber(of('consensus')),
      validatorTrust: toNumber(trust[uid]),
      emissionRao: toBigInt(of('emission')),
      lastUpdateBlock: toNumber(of('last_update')),
      registeredBlock: toNumber(of('block_at_registration')),
      alphaStakeRao: toBigInt(of('alpha_stake')),
      rootStakeRao: toBigInt(of('tao_stake')),
      stakeWeightRao: toBigInt(of('total_stake')),
    };
  });
}

const STORED = [
  'NetworksAdded',
  'SubnetOwner',
  'SubnetOwnerHotkey',
  'SubnetIdentitiesV3',
  'TokenSymbol',
  'NetworkRegisteredAt',
  'LastMechansimStepBlock',
  'SubnetTAO',
  'SubnetAlphaIn',
  'SubnetAlphaOut',
  'MaxAllowedUids',
  'MaxAllowedValidators',
  'NetworkRegistrationAllowed',
  'Burn',
  'ImmunityPeriod',
  'WeightsVersionKey',
  'WeightsSetRateLimit',
  'MinAllowedWeights',
  'CommitRevealWeightsEnabled',
  'RevealPeriodEpochs',
  'MechanismCountCurrent',
] as const;

async function byStorage(chain: Chain, target: Target): Promise<Metagraph> {
  const { netuid, mechanism, block, state } = target;
  const [values, neurons] = await Promise.all([readPresent(state, [...STORED, ...EPOCH_ITEMS].map((item) => subtensor(item, netuid))), storedNeurons(chain, target)]);
  const of = (name: (typeof STORED)[number]): Codec | undefined => values[STORED.indexOf(name)];
  const mechanisms = of('MechanismCountCurrent');
  if (!toBoolean(of('NetworksAdded')) || mechanism >= (mechanisms === undefined ? 1 : toNumber(mechanisms))) throw noSubnet(chain, netuid, mechanism);
  const epochs = epochStateOf(state, { netuid, blockNumber: block.number, values: values.slice(STORED.length) });
  const stored = of('SubnetIdentitiesV3');
  const identity = stored && decodeIdentity(stored);
  return {
    netuid,
    mechanism,
    blockNumber: block.number,
    blockHash: block.hash,
    name: identity?.name ?? '',
    symbol: new TextDecoder().decode(toBytes(of('TokenSymbol') as Codec)),
    identity,
    owner: { hotkey: keyOf(of('SubnetOwnerHotkey') as Codec), coldkey: keyOf(of('SubnetOwner') as Codec) },
    registeredBlock: toNumber(of('NetworkRegisteredAt')),
    tempoBlocks: epochs.tempoBlocks,
    lastEpochBlock: toNumber(of('LastMechansimStepBlock')),
    nextEpochBlock: nextEpochBlock(epochs),
    taoInRao: toBigInt(of('SubnetTAO')),
    alphaInRao: toBigInt(of('SubnetAlphaIn')),
    alphaOutRao: toBigInt(of('SubnetAlphaOut')),
    maxNeurons: toNumber(of('MaxAllowedUids')),
    maxValidators: toNumber(of('MaxAllowedValidators')),
    isRegistrationAllowed: toBoolean(of('NetworkRegistrationAllowed')),
    registrationPriceRao: toBigInt(of('Burn')),
    immunityBlocks: toNumber(of('ImmunityPeriod')),
    weightsVersionKey: toBigInt(of('WeightsVersionKey')),
    weightsRateLimitBlocks: toNumber(of('WeightsSetRateLimit')),
    minAllowedWeights: toNumber(of('MinAllowedWeights')),
    isCommitReveal: toBoolean(of('CommitRevealWeightsEnabled')),
    revealPeriodEpochs: toNumber(of('RevealPeriodEpochs')),
    neurons,
    source: 'storage',
  };
}

async function storedNeurons(chain: Chain, { netuid, mechanism, state }: Target): Promise<MetagraphNeuron[]> {
  const index = storageIndex({ netuid, mechanism });
  const neurons = await neuronsIn(state, netuid);
  const hotkeys = neurons.map(({ hotkey }) => hotkey);
  const [weights, values] = await Promise.all([
    readStakeWeights(chain, { netuid, hotkeys, at: state.hash }),
    readStorage(state, [subtensor('Incentive', index), subtensor('LastUpdate', index), ...hotkeys.map((hotkey) => subtensor('Axons', netuid, hotkey))]),
  ]);
  const [incentives, updates] = values.slice(0, 2).map(toArray) as [Codec[], Codec[]];
  return neurons.map(({ stakeRao: _stake, ...neuron }, uid) => {
    const { alphaRao, rootTaoRao, weightRao } = weights[uid] ?? { alphaRao: 0n, rootTaoRao: 0n, weightRao: 0n };
    const own = { incentive: toNumber(incentives[uid]), lastUpdateBlock: toNumber(updates[uid]) };
    return { ...neuron, ...own, axon: servedAxon(values[2 + uid]), alphaStakeRao: alphaRao, rootStakeRao: rootTaoRao, stakeWeightRao: weightRao };
  });
}

/** The runtime's function fills in an axon of zeros where there is none. */
function servedAxon(codec: Codec | undefined): Axon | undefined {
  const axon = codec === undefined ? undefined : decodeAxon(codec);
  return axon === undefined || axon.port === 0 ? undefined : axon;
}

function keyOf(codec: Codec): Hotkey {
  return hotkeyFromBytes(toBytes(codec));
}

/** `Vec<Compact<u8>>`: the runtime's way to write a text here. */
function textOf(codec: Codec): string {
  return new TextDecoder().decode(Uint8Array.from(toArray(codec).map(toNumber)));
}

function noSubnet(chain: Chain, netuid: number, mechanism: number): ChainError {
  return new ChainError('bad-value', `there is no subnet ${netuid}${mechanism === 0 ? '' : ` with a mechanism ${mechanism}`} at ${chain.endpoint}`, { subject: 'netuid', actual: netuid, endpoint: chain.endpoint });
}
