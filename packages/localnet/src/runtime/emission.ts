/**
 * What a block emits: TAO into pools by the moving price of their alpha, and alpha into what the next epoch pays out.
 * @module
 * @see pallets/subtensor/src/coinbase/run_coinbase.rs, subnet_emissions.rs, block_emission.rs (opentensor/subtensor 14bc6f9f9)
 */
import { div64, mul32, mul64, ONE_64, saturatingSub, u16Fraction, div32 } from '../fixed.ts';
import { mint } from './balances.ts';
import type { Execution } from './execution.ts';
import { alphaPrice, hasCurve, MAX_PRICE_RAO, notePool, prepareLiquidity, swapTaoForAlpha } from './pools.ts';
import { ROOT_NETUID, taoWeight } from './stake-weight.ts';
import { subnetAccount } from './subnet-lookup.ts';

/** There will never be more TAO, nor more alpha of a subnet. */
const MAX_SUPPLY_RAO = 21_000_000_000_000_000n;
const FIRST_EMISSION_RAO = 1_000_000_000n;

/** Emission per block: 1 as long as less than half of the supply is out, half of it until three quarters are, and so on. In rao. */
export function emissionAt(issuanceRao: bigint): bigint {
  if (issuanceRao >= MAX_SUPPLY_RAO) return 0n;
  let halvings = 0n;
  while (MAX_SUPPLY_RAO >= (MAX_SUPPLY_RAO - issuanceRao) << (halvings + 1n)) halvings += 1n;
  return FIRST_EMISSION_RAO >> halvings;
}

/** Alpha of a subnet, in the pool and outside. */
export function alphaIssuance(execution: Execution, netuid: number): bigint {
  const { SubnetAlphaIn, SubnetAlphaOut } = execution.storage.SubtensorModule;
  return SubnetAlphaIn.get(netuid) + SubnetAlphaOut.get(netuid);
}

/** Subnets that have been started and can be registered on. */
export function emittingSubnets(execution: Execution, subnets: readonly number[]): number[] {
  const { FirstEmissionBlockNumber, SubtokenEnabled, NetworkRegistrationAllowed } = execution.storage.SubtensorModule;
  return subnets.filter((netuid) => FirstEmissionBlockNumber.get(netuid) !== undefined && SubtokenEnabled.get(netuid) && NetworkRegistrationAllowed.get(netuid));
}

/** A block's emission into all subnets that emit. */
export function emit(execution: Execution, subnets: readonly number[]): void {
  const { SubnetRootSellTao, TotalIssuance, BlockEmission } = execution.storage.SubtensorModule;
  const emission = emissionAt(TotalIssuance.get());
  if (BlockEmission.get() !== emission) BlockEmission.set(emission);
  SubnetRootSellTao.clear();
  const emitting = emittingSubnets(execution, subnets);
  const rootSells = sum(emitting.map((netuid) => movingPrice(execution, netuid))) > ONE_64;
  const shares = taoShares(execution, emitting, emission);
  const terms = emitting.map((netuid, index) => termsOf(execution, netuid, shares[index] as bigint));
  for (const term of terms) injectLiquidity(execution, term);
  for (const { netuid, alphaOut } of terms) accrue(execution, netuid, { alphaOut, rootSells });
}

/** Each subnet's TAO, U96F32: by moving price, less where miners' incentive is burnt, none where root has not enabled it. */
function taoShares(execution: Execution, emitting: readonly number[], emissionRao: bigint): bigint[] {
  const { MinerBurned, SubnetEmissionEnabled } = execution.storage.SubtensorModule;
  const prices = emitting.map((netuid) => movingPrice(execution, netuid));
  const priceSum = sum(prices);
  const priceShares = prices.map((price) => div64(price, priceSum));
  const kept = emitting.map((netuid, index) => mul64(priceShares[index] as bigint, saturatingSub(ONE_64, MinerBurned.get(netuid).bits << 32n)));
  const keptSum = sum(kept);
  const shares = keptSum > 0n ? kept.map((share) => div64(share, keptSum)) : priceShares;
  const enabled = emitting.map((netuid) => SubnetEmissionEnabled.get(netuid));
  const enabledSum = sum(shares.filter((_, index) => enabled[index] === true));
  const final = enabled.every(Boolean) ? shares : shares.map((share, index) => (enabled[index] === true ? div64(share, enabledSum) : 0n));
  return final.map((share) => mul64(emissionRao << 64n, share) >> 32n);
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

/** The moving price of a subnet's alpha in TAO, U64F64. */
export function movingPrice(execution: Execution, netuid: number): bigint {
  if (netuid === ROOT_NETUID || !hasCurve(execution, netuid)) return ONE_64;
  return execution.storage.SubtensorModule.SubnetMovingPrice.get(netuid).bits << 32n;
}

/** What goes into a subnet, U96F32: TAO and alpha into its pool, TAO that buys alpha, alpha to be paid out. */
interface EmissionTerms {
  readonly netuid: number;
  readonly taoIn: bigint;
  readonly alphaIn: bigint;
  readonly excessTao: bigint;
  readonly alphaOut: bigint;
}

/** Alpha goes in at the pool's price, no more than root's part of the emission; what TAO that leaves buys alpha. */
function termsOf(execution: Execution, netuid: number, tao: bigint): EmissionTerms {
  const alphaOut = emissionAt(alphaIssuance(execution, netuid)) << 32n;
  const price = alphaPrice(execution, netuid) >> 32n;
  const wanted = div32(tao, price);
  const cap = mul32(rootProportion(execution, netuid), alphaOut);
  const alphaIn = wanted > cap ? cap : wanted;
  const taoIn = wanted > cap ? mul32(alphaIn, price) : tao;
  return { netuid, taoIn, alphaIn, excessTao: saturatingSub(tao, taoIn), alphaOut };
}

/** Root's part: its weighed TAO against that and the subnet's alpha, U96F32. */
export function rootProportion(execution: Execution, netuid: number): bigint {
  const rootTao = mul32(execution.storage.SubtensorModule.SubnetTAO.get(ROOT_NETUID) << 32n, taoWeight(execution));
  return div32(rootTao, rootTao + (alphaIssuance(execution, netuid) << 32n));
}

function injectLiquidity(execution: Execution, { netuid, taoIn, alphaIn, excessTao }: EmissionTerms): void {
  const subtensor = execution.storage.SubtensorModule;
  const wanted = { taoRao: taoIn >> 32n, alphaRao: alphaIn >> 32n };
  const added = prepareLiquidity(execution, netuid, wanted) ? wanted : { taoRao: 0n, alphaRao: 0n };
  buyExcess(execution, netuid, excessTao >> 32n);
  putIfOther(subtensor.SubnetAlphaInEmission, netuid, added.alphaRao);
  putIfOther(subtensor.SubnetTaoInEmission, netuid, added.taoRao);
  if (added.alphaRao > 0n) subtensor.SubnetAlphaIn.set(netuid, subtensor.SubnetAlphaIn.get(netuid) + added.alphaRao);
  if (added.taoRao === 0n) return;
  issueTao(execution, subnetAccount(netuid), added.taoRao);
  subtensor.SubnetTAO.set(netuid, subtensor.SubnetTAO.get(netuid) + added.taoRao);
  subtensor.TotalStake.set(subtensor.TotalStake.get() + added.taoRao);
  recordProtocolFlow(execution, netuid, added.taoRao);
  notePool(execution, netuid);
}

/** TAO that no alpha goes with buys alpha from the pool, which the protocol keeps. */
function buyExcess(execution: Execution, netuid: number, taoRao: bigint): void {
  const { SubnetExcessTao, SubnetProtocolAlpha } = execution.storage.SubtensorModule;
  putIfOther(SubnetExcessTao, netuid, 0n);
  if (taoRao === 0n) return;
  issueTao(execution, subnetAccount(netuid), taoRao);
  execution.attempt(() => {
    const { paidIn, paidOut } = swapTaoForAlpha(execution, netuid, { amount: taoRao, limitRao: MAX_PRICE_RAO, dropFees: true });
    SubnetProtocolAlpha.set(netuid, SubnetProtocolAlpha.get(netuid) + paidOut);
    SubnetExcessTao.set(netuid, paidIn);
    recordProtocolFlow(execution, netuid, paidIn);
  });
}

/** TAO that did not exist before. */
function issueTao(execution: Execution, account: string, amountRao: bigint): void {
  const { TotalIssuance } = execution.storage.SubtensorModule;
  mint(execution, account, amountRao);
  TotalIssuance.set(TotalIssuance.get() + amountRao);
}

function recordProtocolFlow(execution: Execution, netuid: number, taoRao: bigint): void {
  const { SubnetProtocolFlow } = execution.storage.SubtensorModule;
  SubnetProtocolFlow.set(netuid, SubnetProtocolFlow.get(netuid) + taoRao);
}

/** A block's alpha: the owner's cut, then half to miners, half to validators, of which root's part is set aside or recycled. */
function accrue(execution: Execution, netuid: number, { alphaOut, rootSells }: { alphaOut: bigint; rootSells: boolean }): void {
  const subtensor = execution.storage.SubtensorModule;
  putIfOther(subtensor.SubnetAlphaOutEmission, netuid, alphaOut >> 32n);
  subtensor.SubnetAlphaOut.set(netuid, subtensor.SubnetAlphaOut.get(netuid) + (alphaOut >> 32n));
  const ownerCut = subtensor.OwnerCutEnabled.get(netuid) ? mul32(alphaOut, u16Fraction(subtensor.SubnetOwnerCut.get())) : 0n;
  const rest = alphaOut - ownerCut;
  const half = rest >> 1n;
  const root = mul32(rootProportion(execution, netuid), rest) >> 1n;
  add(subtensor.PendingOwnerCut, netuid, ownerCut >> 32n);
  add(subtensor.PendingServerEmission, netuid, half >> 32n);
  add(subtensor.PendingValidatorEmission, netuid, saturatingSub(rest - half, root) >> 32n);
  if (rootSells) add(subtensor.PendingRootAlphaDivs, netuid, root >> 32n);
  else recycleAlpha(execution, netuid, root >> 32n);
}

/** Alpha that comes out of issuance again. */
export function recycleAlpha(execution: Execution, netuid: number, amount: bigint): void {
  const { SubnetAlphaOut } = execution.storage.SubtensorModule;
  if (amount > 0n) SubnetAlphaOut.set(netuid, saturatingSub(SubnetAlphaOut.get(netuid), amount));
}

type NetuidAmounts = Execution['storage']['SubtensorModule']['PendingOwnerCut'];

function add(item: NetuidAmounts, netuid: number, amount: bigint): void {
  if (amount > 0n) item.set(netuid, item.get(netuid) + amount);
}

/** Figures that stay the same from block to block are not written again. */
function putIfOther(item: NetuidAmounts, netuid: number, amount: bigint): void {
  if (item.get(netuid) !== amount) item.set(netuid, amount);
}

/** After the block's emission: the moving price goes a little towards the price, at most 1, faster the longer the subnet runs. */
export function updateMovingPrices(execution: Execution, subnets: readonly number[]): void {
  const { FirstEmissionBlockNumber, EMAPriceHalvingBlocks, SubnetMovingAlpha, SubnetMovingPrice, RootProp } = execution.storage.SubtensorModule;
  for (const netuid of emittingSubnets(execution, subnets)) {
    const since = saturatingSub(execution.block, (FirstEmissionBlockNumber.get(netuid) ?? 1n) - 1n);
    const ramp = div64(since << 64n, (since + EMAPriceHalvingBlocks.get(netuid)) << 64n);
    const alpha = mul64(SubnetMovingAlpha.get().bits << 32n, ramp);
    const price = alphaPrice(execution, netuid);
    const next = mul64(alpha, price < ONE_64 ? price : ONE_64) + mul64(saturatingSub(ONE_64, alpha), movingPrice(execution, netuid));
    const bits = next >> 32n;
    if (SubnetMovingPrice.get(netuid).bits !== bits) SubnetMovingPrice.set(netuid, { bits });
    const proportion = rootProportion(execution, netuid);
    if (RootProp.get(netuid).bits !== proportion) RootProp.set(netuid, { bits: proportion });
  }
}
