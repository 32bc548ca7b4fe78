/**
 * How much stake a validator's permit takes.
 *
 * At every epoch the `MaxAllowedValidators` hotkeys with the most stake weight get a permit, among those with at least `StakeThreshold`; the owner's
 * uid always has one. What is staked now counts from the next epoch on.
 * @module
 */
import { resolveBlock, type ReadOptions } from '../block.ts';
import type { Chain } from '../connection.ts';
import { ChainError } from '../errors.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { readPresent, readStorage, subtensor, toArray, toBigInt, toBoolean, toBytes, toNumber, type Codec } from '../internal/storage.ts';
import { epochStateOf, EPOCH_ITEMS, nextEpochBlock } from '../epoch-schedule.ts';
import { readSwapQuote } from './quote.ts';
import { readStakeWeights } from './stake-weight.ts';

/** How far a hotkey is from a permit. Weights in rao. */
export interface PermitNeed {
  readonly uid: number;
  readonly hasPermit: boolean;
  /** Whether it will have one after the next epoch, if nobody's stake changes. */
  readonly isQualified: boolean;
  readonly weightRao: bigint;
  /** Weight from which on there is a permit: above the last of those who have one, and at least the threshold. */
  readonly neededWeightRao: bigint;
  /** Alpha that is missing, in rao; 0 where none is. */
  readonly missingAlphaRao: bigint;
  /** About what TAO buys that alpha now, in rao, fee and slippage included; undefined where the pool cannot give so much. */
  readonly missingTaoRao: bigint | undefined;
  /** TAO that would do the same if it were staked on the root subnet, in rao. */
  readonly missingRootTaoRao: bigint;
  readonly nextEpochBlock: number | undefined;
}

const U64_MAX = (1n << 64n) - 1n;

/**
 * What a hotkey is missing for a permit.
 * @throws bad-address, bad-value, refused (`HotKeyNotRegisteredInSubNet`), and as `Chain.request`
 * @example const { missingTaoRao } = await readPermitNeed(chain, { netuid: 1, hotkey });
 */
export async function readPermitNeed(chain: Chain, options: { readonly netuid: number; readonly hotkey: string } & ReadOptions): Promise<PermitNeed> {
  const netuid = parseNetuid(options.netuid);
  const hotkey = parseHotkey(options.hotkey);
  const { hash, number } = await resolveBlock(chain, options.at);
  const state = await openState(chain, hash);
  const items = ['SubnetworkN', 'ValidatorPermit', 'MaxAllowedValidators', 'SubnetOwnerHotkey'] as const;
  const queries = [...items.map((item) => subtensor(item, netuid)), subtensor('Uids', netuid, hotkey), subtensor('StakeThreshold'), subtensor('TaoWeight'), ...EPOCH_ITEMS.map((item) => subtensor(item, netuid))];
  const values = await readPresent(state, queries);
  const [count, permits, places, owner, uidCodec, threshold, taoWeight] = values;
  if (uidCodec === undefined) {
    throw new ChainError('refused', `${hotkey} is not registered on subnet ${netuid}, and only neurons get permits`, { subject: 'ValidatorPermit', reason: 'HotKeyNotRegisteredInSubNet' });
  }
  const uid = toNumber(uidCodec);
  const keys = await readStorage(state, Array.from({ length: toNumber(count) }, (_, index) => subtensor('Keys', netuid, index)));
  const hotkeys = keys.map((key) => hotkeyFromBytes(toBytes(key as Codec)));
  const weights = (await readStakeWeights(chain, { netuid, hotkeys, at: hash })).map(({ weightRao }) => weightRao);
  const weightRao = weights[uid] ?? 0n;
  const others = weights.filter((_, index) => index !== uid);
  const neededWeightRao = neededWeight({ others, places: toNumber(places), thresholdRao: toBigInt(threshold) });
  const isOwner = owner !== undefined && hotkeyFromBytes(toBytes(owner)) === hotkey;
  const missingAlphaRao = isOwner || weightRao >= neededWeightRao ? 0n : neededWeightRao - weightRao;
  const epochs = epochStateOf(state, { netuid, blockNumber: number, values: values.slice(7) });
  return {
    uid,
    hasPermit: toBoolean(toArray(permits)[uid]),
    isQualified: missingAlphaRao === 0n,
    weightRao,
    neededWeightRao,
    missingAlphaRao,
    missingTaoRao: await priceOf(chain, { netuid, alphaRao: missingAlphaRao, at: hash }),
    missingRootTaoRao: toBigInt(taoWeight) === 0n ? 0n : ceilDivide(missingAlphaRao * U64_MAX, toBigInt(taoWeight)),
    nextEpochBlock: nextEpochBlock(epochs),
  };
}

/**
 * The least weight that is among the `places` largest: one rao more than the last of the others who would have a place, or the threshold. Ties are decided
 * by uid on chain, so equality is not counted on.
 */
export function neededWeight({ others, places, thresholdRao }: { readonly others: readonly bigint[]; readonly places: number; readonly thresholdRao: bigint }): bigint {
  // Who is below the threshold counts as nothing, and nothing gets no permit.
  const counted = others.filter((weight) => weight > 0n && weight >= thresholdRao).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  const last = places === 0 ? undefined : counted[places - 1];
  const least = last === undefined ? 1n : last + 1n;
  return least > thresholdRao ? least : thresholdRao;
}

/** TAO that buys so much alpha, found by halving: pools are monotonic. */
async function priceOf(chain: Chain, { netuid, alphaRao, at }: { readonly netuid: number; readonly alphaRao: bigint; readonly at: string }): Promise<bigint | undefined> {
  if (alphaRao === 0n) return 0n;
  const gives = async (amountRao: bigint): Promise<bigint> => (await readSwapQuote(chain, { netuid, direction: 'stake', amountRao, at })).outputRao;
  let high = 1_000_000n;
  for (let outputRao = await gives(high); outputRao < alphaRao; outputRao = await gives(high)) {
    // More than all TAO that will ever be.
    if (high > 21_000_000n * 1_000_000_000n) return undefined;
    high *= 4n;
  }
  let low = high / 4n;
  // To a thousandth: the pool moves more than that until it is bought.
  while (high - low > high / 1000n + 1n) {
    const middle = (low + high) / 2n;
    if ((await gives(middle)) < alphaRao) low = middle;
    else high = middle;
  }
  return high;
}

function ceilDivide(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
