/**
 * What the chain looks at before it takes weights, read at one block, and its checks in its order.
 * @see `internal_set_weights` and the commits in pallets/subtensor/src/subnets/weights.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { resolveBlock, type BlockAt, type ReadOptions } from '../block.ts';
import { readTimestamp, type Chain, type FinalisedBlock } from '../connection.ts';
import { epochStateOf, EPOCH_ITEMS, type EpochState } from '../epoch-schedule.ts';
import { hotkeyFromBytes, parseHotkey, parseNetuid, type Hotkey, type Netuid } from '../identifier.ts';
import { openState } from '../internal/block-state.ts';
import { hasSubtensorCall } from '../internal/own-call.ts';
import { readPresent, subtensor, toArray, toBigInt, toBoolean, toBytes, toNumber } from '../internal/storage.ts';
import { formatTao, type Check } from '../plan.ts';
import { readStakeWeights } from '../staking/stake-weight.ts';
import { parseUnsigned } from '../unsigned.ts';
import { maxUpscale, type WeightRow } from '../weight-vector.ts';

/** Subnets at most; the storage index of mechanism m is `m · 4096 + netuid`. */
const SUBNETS = 4096;

/** Whose weights, where. */
export interface WeightTarget {
  readonly netuid: number;
  /** Default 0, the first. */
  readonly mechanism?: number;
  readonly hotkey: string;
}

/** The settings of a subnet and the standing of a hotkey in it, after one block. */
export interface WeightSettings {
  readonly block: FinalisedBlock;
  readonly netuid: Netuid;
  readonly mechanism: number;
  /** `mechanism · 4096 + netuid`. */
  readonly index: number;
  readonly hotkey: Hotkey;
  /** Undefined where the hotkey is not registered. */
  readonly uid: number | undefined;
  readonly isOwner: boolean;
  readonly hasPermit: boolean;
  readonly neurons: number;
  readonly mechanisms: number;
  readonly isCommitReveal: boolean;
  /** `CommitRevealWeightsVersion`; undefined on runtimes before there was one. */
  readonly commitRevealVersion: number | undefined;
  readonly revealPeriodEpochs: number;
  readonly versionKey: bigint;
  readonly minAllowedWeights: number;
  /** Of 65535; 65535 is no limit. */
  readonly maxWeight: number;
  readonly rateLimitBlocks: number;
  /** Block of the last weights or commit, or of the registration; 0: none. */
  readonly lastUpdateBlock: number;
  readonly stakeThresholdRao: bigint;
  /** Undefined where there is no threshold to compare it with. */
  readonly stakeWeightRao: bigint | undefined;
  readonly epoch: EpochState;
}

const ITEMS = [
  'SubnetworkN',
  'CommitRevealWeightsEnabled',
  'WeightsVersionKey',
  'MinAllowedWeights',
  'MaxWeightsLimit',
  'WeightsSetRateLimit',
  'ValidatorPermit',
  'SubnetOwnerHotkey',
  'RevealPeriodEpochs',
  'MechanismCountCurrent',
  ...EPOCH_ITEMS,
] as const;

/** The storage index of a mechanism's weights, commits and last updates. */
export function storageIndex({ netuid, mechanism = 0 }: Pick<WeightTarget, 'netuid' | 'mechanism'>): number {
  return parseUnsigned('mechanism', mechanism, 8) * SUBNETS + parseNetuid(netuid);
}

/** Reads what decides how a hotkey sets weights, and whether it may. @throws bad-address, bad-value, and as `Chain.request` */
export async function readWeightSettings(chain: Chain, target: WeightTarget & ReadOptions): Promise<WeightSettings> {
  const netuid = parseNetuid(target.netuid);
  const mechanism = parseUnsigned('mechanism', target.mechanism ?? 0, 8);
  const hotkey = parseHotkey(target.hotkey);
  const index = storageIndex({ netuid, mechanism });
  const block = await readStampedBlock(chain, target.at);
  const state = await openState(chain, block.hash);
  const queries = [...ITEMS.map((item) => subtensor(item, netuid)), subtensor('LastUpdate', index), subtensor('Uids', netuid, hotkey), subtensor('StakeThreshold'), subtensor('CommitRevealWeightsVersion')];
  const values = await readPresent(state, queries);
  const [neurons, commitReveal, versionKey, minAllowed, maxWeight, rateLimit, permits, owner, period, mechanisms] = values;
  const [lastUpdate, uidCodec, threshold, version] = values.slice(ITEMS.length);
  const uid = uidCodec === undefined ? undefined : toNumber(uidCodec);
  const stakeThresholdRao = toBigInt(threshold);
  const stakeWeightRao = stakeThresholdRao === 0n ? undefined : (await readStakeWeights(chain, { netuid, hotkeys: [hotkey], at: block.hash }))[0]?.weightRao;
  return {
    block,
    netuid,
    mechanism,
    index,
    hotkey,
    uid,
    isOwner: owner !== undefined && hotkeyFromBytes(toBytes(owner)) === hotkey,
    hasPermit: uid !== undefined && toBoolean(toArray(permits)[uid]),
    neurons: toNumber(neurons),
    mechanisms: mechanisms === undefined ? 1 : toNumber(mechanisms),
    isCommitReveal: toBoolean(commitReveal),
    commitRevealVersion: version === undefined ? undefined : toNumber(version),
    revealPeriodEpochs: toNumber(period),
    versionKey: toBigInt(versionKey),
    minAllowedWeights: toNumber(minAllowed),
    maxWeight: maxWeight === undefined ? 65_535 : toNumber(maxWeight),
    rateLimitBlocks: toNumber(rateLimit),
    lastUpdateBlock: uid === undefined ? 0 : toNumber(toArray(lastUpdate)[uid]),
    stakeThresholdRao,
    stakeWeightRao,
    epoch: epochStateOf(state, { netuid, blockNumber: block.number, values: values.slice(ITEMS.length - EPOCH_ITEMS.length, ITEMS.length) }),
  };
}

async function readStampedBlock(chain: Chain, at: BlockAt | undefined): Promise<FinalisedBlock> {
  if (at === undefined) return chain.finalisedHead();
  const { hash, number } = await resolveBlock(chain, at);
  return { hash, number, timestampMs: await readTimestamp(chain, hash) };
}

/** How weights come on chain: as they are, hashed first and shown later, or timelocked and shown by the chain itself. */
export type WeightsWay = 'plain' | 'hashed' | 'timelocked';

/** The way that a subnet's settings ask for. */
export function wayOf(chain: Chain, { isCommitReveal, commitRevealVersion }: WeightSettings): WeightsWay {
  if (!isCommitReveal) return 'plain';
  // Version 4 is the payload with the hotkey; earlier ones, which lacked it, are left to hashes.
  return commitRevealVersion !== undefined && commitRevealVersion >= 4 && hasSubtensorCall(chain, 'commit_timelocked_weights') ? 'timelocked' : 'hashed';
}

/** What the chain looks at in weights themselves, when they are set and when they are revealed. */
export function rowChecks(settings: WeightSettings, row: WeightRow, versionKey: bigint): Check[] {
  const { netuid, mechanism, mechanisms, neurons, uid, stakeThresholdRao, stakeWeightRao, isOwner, minAllowedWeights } = settings;
  const isSelfWeight = row.uids.length === 1 && row.uids[0] === uid;
  return [
    [netuid === 0, 'CanNotSetRootNetworkWeights', 'the root subnet has no weights'],
    [mechanism >= mechanisms, 'MechanismDoesNotExist', `subnet ${netuid} has mechanisms 0 to ${mechanisms - 1}`],
    [row.uids.length > neurons && uid !== undefined, 'UidsLengthExceedUidsInSubNet', `${row.uids.length} weights for ${neurons} neurons`],
    [uid === undefined, 'HotKeyNotRegisteredInSubNet', 'the hotkey is not registered on this subnet'],
    [row.uids.length === 0, 'NoWeights', 'every weight is zero, and the chain takes no empty row'],
    [
      stakeWeightRao !== undefined && stakeWeightRao < stakeThresholdRao && !isOwner,
      'NotEnoughStakeToSetWeights',
      `the hotkey's stake weight is ${formatTao(stakeWeightRao ?? 0n)}, ${formatTao(stakeThresholdRao)} are needed`,
    ],
    [settings.versionKey !== 0n && versionKey < settings.versionKey, 'IncorrectWeightVersionKey', `the version key must be at least ${settings.versionKey}, got ${versionKey}`],
    [!settings.hasPermit && !isOwner && !isSelfWeight, 'NeuronNoValidatorPermit', 'the hotkey has no validator permit; permits are given at the end of an epoch, by stake'],
    [row.uids.some((target) => target >= neurons), 'UidVecContainInvalidOne', `the subnet has uids 0 to ${neurons - 1}`],
    [!isSelfWeight && row.uids.length < Math.min(minAllowedWeights, neurons), 'WeightVecLengthIsLow', `at least ${minAllowedWeights} weights are needed, got ${row.uids.length}`],
    [!isSelfWeight && isTooUneven(row, settings.maxWeight), 'MaxWeightExceeded', `no weight may be more than ${settings.maxWeight} of 65535 of the sum`],
  ];
}

/** That the hotkey's last weights or commit are long enough ago, in the next block. */
export function rateCheck({ block, lastUpdateBlock, rateLimitBlocks }: WeightSettings, reason: string): Check {
  const since = block.number + 1 - lastUpdateBlock;
  return [lastUpdateBlock !== 0 && since < rateLimitBlocks, reason, `${since} blocks since the last update, the subnet asks for ${rateLimitBlocks}`];
}

/** What the chain looks at in a commit, whatever is in it. */
export function commitChecks(settings: WeightSettings): Check[] {
  const { netuid, mechanism, mechanisms, isCommitReveal, uid } = settings;
  return [
    [mechanism >= mechanisms, 'MechanismDoesNotExist', `subnet ${netuid} has mechanisms 0 to ${mechanisms - 1}`],
    [!isCommitReveal, 'CommitRevealDisabled', 'the subnet takes weights as they are'],
    [uid === undefined, 'HotKeyNotRegisteredInSubNet', 'the hotkey is not registered on this subnet'],
    rateCheck(settings, 'CommittingWeightsTooFast'),
  ];
}

/** `check_vec_max_limited`, on runtimes that still have a limit. */
function isTooUneven({ values }: WeightRow, limit: number): boolean {
  if (limit === 65_535) return false;
  const upscaled = maxUpscale(values);
  const sum = upscaled.reduce((total, value) => total + value, 0);
  return sum > 0 && Math.max(...upscaled) / sum > limit / 65_535;
}
