/**
 * What a hyperparameter has to fit to: other hyperparameters and counts of the subnet, as the chain compares them when one is set. Bounds that never move stand in the table.
 * @see pallets/admin-utils/src/lib.rs of opentensor/subtensor at 14bc6f9f9 (spec 425), and the setters of pallets/subtensor that it calls
 * @module
 */
import type { HyperparameterName, Hyperparameters, Integer } from './hyperparameter-table.ts';
import type { SubtensorItem } from './internal/runtime-items.ts';
import { subtensor, toBigInt, toBoolean, type Codec, type StorageQuery } from './internal/storage.ts';
import { formatTao, type Check } from './plan.ts';

interface Constraint<V> {
  /** Items that it is compared with: of the subnet, or of the whole chain. */
  readonly reads: readonly (SubtensorItem | { readonly network: SubtensorItem })[];
  /** In the chain's order; `stored` are the items, in theirs. */
  checks(value: V, stored: readonly bigint[]): Check[];
}

/** `MaxMechanismCount` times this is all that a subnet may have. */
const MAX_UIDS = 256n;
/** 1/40 of 65535, the least of both alpha values. */
const MIN_ALPHA = 1638;
const WHOLE = 65_535;

const CONSTRAINTS: { readonly [N in HyperparameterName]?: Constraint<Hyperparameters[N]> } = {
  minBurn: {
    reads: ['MaxBurn'],
    checks: (value, [max = 0n]) => [[BigInt(value) >= max, 'ValueNotInBounds', `it has to be below maxBurn, which is ${max} (${formatTao(max)})`]],
  },
  maxBurn: {
    reads: ['MinBurn'],
    checks: (value, [min = 0n]) => [[BigInt(value) <= min, 'ValueNotInBounds', `it has to be above minBurn, which is ${min} (${formatTao(min)})`]],
  },
  maxAllowedUids: {
    reads: ['MinAllowedUids', 'SubnetworkN', 'MechanismCountCurrent'],
    checks: (value, [min = 0n, count = 0n, mechanisms = 1n]) => [
      [BigInt(value) < min, 'MaxAllowedUidsLessThanMinAllowedUids', `it has to be at least minAllowedUids, which is ${min}`],
      [BigInt(value) < count, 'MaxAllowedUIdsLessThanCurrentUIds', `the subnet has ${count} neurons`],
      [BigInt(value) <= MAX_UIDS && BigInt(value) * mechanisms > MAX_UIDS, 'TooManyUIDsPerMechanism', `times mechanismCount, which is ${mechanisms}, it may be at most ${MAX_UIDS}`],
    ],
  },
  minAllowedUids: {
    reads: ['MaxAllowedUids', 'SubnetworkN'],
    checks: (value, [max = 0n, count = 0n]) => [
      [BigInt(value) >= max, 'MinAllowedUidsGreaterThanMaxAllowedUids', `it has to be below maxAllowedUids, which is ${max}`],
      [BigInt(value) >= count, 'MinAllowedUidsGreaterThanCurrentUids', `it has to be below the number of neurons, which is ${count}`],
    ],
  },
  maxAllowedValidators: {
    reads: ['MaxAllowedUids'],
    checks: (value, [max = 0n]) => [[BigInt(value) > max, 'MaxValidatorsLargerThanMaxUIds', `it may be at most maxAllowedUids, which is ${max}`]],
  },
  activityCutoff: {
    reads: [{ network: 'MinActivityCutoff' }],
    checks: (value, [min = 0n]) => [[BigInt(value) < min, 'ActivityCutoffTooLow', `the chain takes ${min} blocks and more`]],
  },
  commitRevealWeightsInterval: { reads: [], checks: (value) => [[BigInt(value) < 1n, 'RevealPeriodTooSmall', 'it has to be at least 1 epoch']] },
  alphaValues: {
    reads: ['LiquidAlphaOn'],
    checks: ([low, high], [isOn]) => [
      [isOn === 0n, 'LiquidAlphaDisabled', 'they can be set where liquidAlphaEnabled is true only'],
      [high < MIN_ALPHA, 'AlphaHighTooLow', `the high one has to be at least ${MIN_ALPHA}`],
      [low < MIN_ALPHA || low > high, 'AlphaLowOutOfRange', `the low one has to be at least ${MIN_ALPHA} and at most the high one`],
    ],
  },
  mechanismCount: {
    reads: [{ network: 'MaxMechanismCount' }, 'MaxAllowedUids'],
    checks: (value, [most = 0n, uids = 0n]) => [
      [BigInt(value) === 0n || BigInt(value) > most, 'InvalidValue', `the chain takes 1 to ${most}`],
      [BigInt(value) * uids > MAX_UIDS, 'TooManyUIDsPerMechanism', `times maxAllowedUids, which is ${uids}, it may be at most ${MAX_UIDS}`],
    ],
  },
  mechanismEmissionSplit: {
    reads: ['MechanismCountCurrent'],
    checks: (value, [count = 1n]) => {
      if (value === 'even') return [];
      const sum = value.reduce((total, part) => total + part, 0);
      return [
        [value.length === 0 || value.length > Number(count), 'InvalidValue', `the subnet has ${count} mechanisms, these are ${value.length} shares`],
        [sum !== WHOLE, 'InvalidValue', `the shares have to be ${WHOLE} together, they are ${sum}`],
      ];
    },
  },
  burnIncreaseMult: { reads: [], checks: (value) => [[value < 1 || value > 3, 'InvalidValue', `it can be set to 1 to 3, not to ${value}`]] },
  minChildkeyTake: {
    reads: [{ network: 'MinChildkeyTake' }, { network: 'MaxChildkeyTake' }],
    checks: (value: Integer, [min = 0n, max = 0n]) => [[BigInt(value) < min || BigInt(value) > max, 'InvalidValue', `the chain takes ${min} to ${max}`]],
  },
};

/** What has to be read to judge a value. */
export function constraintQueries(name: HyperparameterName, netuid: number): StorageQuery[] {
  return (CONSTRAINTS[name]?.reads ?? []).map((item) => (typeof item === 'string' ? subtensor(item, netuid) : subtensor(item.network)));
}

/** What a value does not fit to, by what {@link constraintQueries} found. A runtime that lacks one of the items does not compare with it: then the chain alone tells. */
export function constraintChecks<N extends HyperparameterName>(name: N, value: Hyperparameters[N], found: readonly (Codec | undefined)[]): Check[] {
  const constraint = CONSTRAINTS[name] as Constraint<Hyperparameters[N]> | undefined;
  if (constraint === undefined || found.includes(undefined)) return [];
  return constraint.checks(value, found.map((codec) => (codec?.toRawType() === 'bool' ? BigInt(toBoolean(codec)) : toBigInt(codec))));
}
