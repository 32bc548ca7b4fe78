/**
 * All subnets at one block, each in a line.
 * @module
 */
import type { ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { hotkeyFromBytes, parseNetuid, type Hotkey, type Netuid } from '../identifier.ts';
import { openState, type BlockState } from '../internal/block-state.ts';
import { callRuntime, hasRuntimeApi } from '../internal/runtime-api.ts';
import { fieldOf, readEntries, readPresent, subtensor, toArray, toBigInt, toBoolean, toBytes, toNumber, type Codec } from '../internal/storage.ts';
import { RAO } from '../staking/quote.ts';
import { decodeIdentity } from '../subnet.ts';

/** A subnet in a line. */
export interface SubnetSummary {
  readonly netuid: Netuid;
  /** From its identity; empty where it has none. */
  readonly name: string;
  readonly symbol: string;
  readonly owner: Hotkey;
  readonly neurons: number;
  readonly maxNeurons: number;
  readonly tempoBlocks: number;
  /** Whether it takes stake and is paid. */
  readonly isStarted: boolean;
  readonly isRegistrationAllowed: boolean;
  readonly registrationPriceRao: bigint;
  /** Rao of TAO for 1e9 rao of alpha: the runtime's price where it tells, else that of the reserves. */
  readonly alphaPriceRao: bigint;
  readonly taoInRao: bigint;
  readonly alphaInRao: bigint;
  readonly alphaOutRao: bigint;
  readonly isCommitReveal: boolean;
}

const ITEMS = [
  'SubnetIdentitiesV3',
  'TokenSymbol',
  'SubnetOwner',
  'SubnetworkN',
  'MaxAllowedUids',
  'Tempo',
  'SubtokenEnabled',
  'NetworkRegistrationAllowed',
  'Burn',
  'SubnetTAO',
  'SubnetAlphaIn',
  'SubnetAlphaOut',
  'CommitRevealWeightsEnabled',
  'SubnetMechanism',
] as const;

/** All subnets in order of netuid, the root subnet among them. @throws as `Chain.request` */
export async function readSubnets(chain: Chain, { at }: ReadOptions = {}): Promise<readonly SubnetSummary[]> {
  const state = await openState(chain, at);
  const [added, prices] = await Promise.all([readEntries(state, subtensor('NetworksAdded')), readPrices(state)]);
  // Identity hasher: the key is the netuid, u16 little-endian.
  const netuids = added.flatMap(({ key, value }) => (toBoolean(value) ? [(key[0] ?? 0) + 256 * (key[1] ?? 0)] : [])).sort((a, b) => a - b);
  const values = await readPresent(state, netuids.flatMap((netuid) => ITEMS.map((item) => subtensor(item, netuid))));
  return netuids.map((netuid, index) => summarise(netuid, values.slice(index * ITEMS.length, (index + 1) * ITEMS.length), prices));
}

function summarise(netuid: number, values: readonly (Codec | undefined)[], prices: ReadonlyMap<number, bigint>): SubnetSummary {
  const of = (name: (typeof ITEMS)[number]): Codec | undefined => values[ITEMS.indexOf(name)];
  const identity = of('SubnetIdentitiesV3');
  const [taoInRao, alphaInRao] = [toBigInt(of('SubnetTAO')), toBigInt(of('SubnetAlphaIn'))];
  const isStable = netuid === 0 || toNumber(of('SubnetMechanism')) === 0;
  const spot = isStable ? RAO : alphaInRao === 0n ? 0n : (taoInRao * RAO) / alphaInRao;
  return {
    netuid: parseNetuid(netuid),
    name: identity === undefined ? '' : decodeIdentity(identity).name,
    symbol: new TextDecoder().decode(toBytes(of('TokenSymbol') as Codec)),
    owner: hotkeyFromBytes(toBytes(of('SubnetOwner') as Codec)),
    neurons: toNumber(of('SubnetworkN')),
    maxNeurons: toNumber(of('MaxAllowedUids')),
    tempoBlocks: toNumber(of('Tempo')),
    isStarted: toBoolean(of('SubtokenEnabled')),
    isRegistrationAllowed: toBoolean(of('NetworkRegistrationAllowed')),
    registrationPriceRao: toBigInt(of('Burn')),
    alphaPriceRao: isStable ? RAO : (prices.get(netuid) ?? spot),
    taoInRao,
    alphaInRao,
    alphaOutRao: toBigInt(of('SubnetAlphaOut')),
    isCommitReveal: toBoolean(of('CommitRevealWeightsEnabled')),
  };
}

async function readPrices(state: BlockState): Promise<ReadonlyMap<number, bigint>> {
  if (!hasRuntimeApi(state, 'SwapRuntimeApi', 'current_alpha_price_all')) return new Map();
  const prices = await callRuntime(state, { api: 'SwapRuntimeApi', method: 'current_alpha_price_all' });
  return new Map(toArray(prices).map((row) => [toNumber(fieldOf(row, 'netuid')), toBigInt(fieldOf(row, 'price'))]));
}
