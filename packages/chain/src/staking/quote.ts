/**
 * What a swap between TAO and a subnet's alpha would give: the runtime's own simulation where it has one, otherwise the constant product of the pool.
 * @module
 */
import type { ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { parseNetuid } from '../identifier.ts';
import { openState, type BlockState } from '../internal/block-state.ts';
import { callRuntime, hasRuntimeApi } from '../internal/runtime-api.ts';
import { fieldOf, readPresent, readStorage, subtensor, toBigInt, toNumber, type StorageQuery } from '../internal/storage.ts';

/** TAO goes into the pool, or alpha does. */
export type SwapDirection = 'stake' | 'unstake';

/** Options of {@link readSwapQuote}. */
export interface SwapQuoteOptions extends ReadOptions {
  readonly netuid: number;
  readonly direction: SwapDirection;
  /** Rao of TAO to stake, or rao of alpha to unstake. */
  readonly amountRao: bigint;
}

/** What a swap would give at one block. */
export interface SwapQuote {
  readonly inputRao: bigint;
  /** Rao of alpha for staked TAO, or rao of TAO for alpha. */
  readonly outputRao: bigint;
  /** Kept by the pool, in the unit of the input. */
  readonly feeRao: bigint;
  /** Before the swap: rao of TAO for 1e9 rao of alpha. */
  readonly priceRao: bigint;
  /** After the swap, as a pool of constant product has it; the chain compares it with the limit. */
  readonly priceAfterRao: bigint;
  /** How much worse the average price is than the one before, fee included: 0.01 is one per cent. */
  readonly slippage: number;
  /** Whether the runtime simulated it. Otherwise it is computed from the pool's reserves, and the runtime may differ by what its pool does beyond them. */
  readonly isSimulated: boolean;
}

/** 1e9 rao are one TAO, and one alpha. */
export const RAO = 1_000_000_000n;

/** `DefaultMinStake`: `SubtensorInitialMinStake` in runtime/src/lib.rs of opentensor/subtensor at 14bc6f9f9. */
export const MIN_STAKE_RAO = 2_000_000n;

/**
 * The price of a subnet's alpha: rao of TAO for 1e9 rao of alpha. 1e9 on the root subnet.
 * @throws bad-value, and as `Chain.request`
 */
export async function readAlphaPrice(chain: Chain, { netuid, at }: { readonly netuid: number } & ReadOptions): Promise<bigint> {
  return priceIn(await openState(chain, at), parseNetuid(netuid));
}

async function priceIn(state: BlockState, id: number): Promise<bigint> {
  const [mechanism, tao, alpha] = await readStorage(state, poolQueries(id));
  if (id === 0 || toNumber(mechanism) === 0) return RAO;
  if (hasRuntimeApi(state, 'SwapRuntimeApi', 'current_alpha_price')) return toBigInt(await callRuntime(state, { api: 'SwapRuntimeApi', method: 'current_alpha_price', args: [id] }));
  return spotPrice(toBigInt(tao), toBigInt(alpha));
}

/** What a swap would give. @throws bad-value, and as `Chain.request` */
export async function readSwapQuote(chain: Chain, { netuid, direction, amountRao, at }: SwapQuoteOptions): Promise<SwapQuote> {
  const id = parseNetuid(netuid);
  const state = await openState(chain, at);
  const [mechanism, tao, alpha, rate] = await readPresent(state, [...poolQueries(id), { pallet: 'Swap', item: 'FeeRate', args: [id] }]);
  if (id === 0 || toNumber(mechanism) === 0) return { inputRao: amountRao, outputRao: amountRao, feeRao: 0n, priceRao: RAO, priceAfterRao: RAO, slippage: 0, isSimulated: true };
  const priceRao = await priceIn(state, id);
  const simulated = await simulate(state, { netuid: id, direction, amountRao });
  const pool = { taoRao: toBigInt(tao), alphaRao: toBigInt(alpha), feeRate: rate === undefined ? 0n : toBigInt(rate) };
  const { outputRao, feeRao } = simulated ?? constantProduct(pool, direction, amountRao);
  const swap = { direction, outputRao, priceRao };
  const slippage = 1 - ratio({ ...swap, inputRao: amountRao });
  const moved = ratio({ ...swap, inputRao: amountRao - feeRao });
  const priceAfterRao = scalePrice(priceRao, direction === 'stake' ? 1 / moved ** 2 : moved ** 2);
  return { inputRao: amountRao, outputRao, feeRao, priceRao, priceAfterRao, slippage, isSimulated: simulated !== undefined };
}

/**
 * The limit price of a swap that may be `tolerance` worse than the price now: what `add_stake_limit` and `remove_stake_limit` take.
 * @example limitPrice({ priceRao: 50_000_000n, direction: 'stake', tolerance: 0.005 }) // 50_250_000n
 */
export function limitPrice({ priceRao, direction, tolerance }: { readonly priceRao: bigint; readonly direction: SwapDirection; readonly tolerance: number }): bigint {
  const parts = BigInt(Math.round(tolerance * 1e9));
  const factor = direction === 'stake' ? RAO + parts : RAO - parts < 0n ? 0n : RAO - parts;
  const product = priceRao * factor;
  // Rounded so that the limit is never wider than asked for.
  return direction === 'stake' ? product / RAO : (product + RAO - 1n) / RAO;
}

function poolQueries(netuid: number): StorageQuery[] {
  return [subtensor('SubnetMechanism', netuid), subtensor('SubnetTAO', netuid), subtensor('SubnetAlphaIn', netuid)];
}

async function simulate(state: BlockState, { netuid, direction, amountRao }: SwapQuoteOptions): Promise<{ outputRao: bigint; feeRao: bigint } | undefined> {
  const method = direction === 'stake' ? 'sim_swap_tao_for_alpha' : 'sim_swap_alpha_for_tao';
  if (!hasRuntimeApi(state, 'SwapRuntimeApi', method)) return undefined;
  const result = await callRuntime(state, { api: 'SwapRuntimeApi', method, args: [netuid, amountRao] });
  const [output, fee] = direction === 'stake' ? ['alpha_amount', 'tao_fee'] : ['tao_amount', 'alpha_fee'];
  return { outputRao: toBigInt(fieldOf(result, output as string)), feeRao: toBigInt(fieldOf(result, fee as string)) };
}

interface Pool {
  readonly taoRao: bigint;
  readonly alphaRao: bigint;
  /** Of 65535. */
  readonly feeRate: bigint;
}

function constantProduct({ taoRao, alphaRao, feeRate }: Pool, direction: SwapDirection, amountRao: bigint): { outputRao: bigint; feeRao: bigint } {
  const feeRao = (amountRao * feeRate) / 65535n;
  const input = amountRao - feeRao;
  const [into, out] = direction === 'stake' ? [taoRao, alphaRao] : [alphaRao, taoRao];
  return { outputRao: into + input === 0n ? 0n : (out * input) / (into + input), feeRao };
}

function spotPrice(taoRao: bigint, alphaRao: bigint): bigint {
  return alphaRao === 0n ? 0n : (taoRao * RAO) / alphaRao;
}

interface Swapped {
  readonly direction: SwapDirection;
  readonly inputRao: bigint;
  readonly outputRao: bigint;
  readonly priceRao: bigint;
}

/** What came out, of what would at the price before: at most 1. In a pool of constant product its square is what the price falls or rises by. */
function ratio({ direction, inputRao, outputRao, priceRao }: Swapped): number {
  const ideal = direction === 'stake' ? (priceRao === 0n ? 0n : (inputRao * RAO) / priceRao) : (inputRao * priceRao) / RAO;
  return ideal === 0n ? 1 : Math.min(1, Number(outputRao) / Number(ideal));
}

/** A pool that is empty has no price. */
function scalePrice(priceRao: bigint, factor: number): bigint {
  const scaled = Number(priceRao) * factor;
  return Number.isFinite(scaled) && scaled < 2 ** 64 ? BigInt(Math.round(scaled)) : (1n << 64n) - 1n;
}
