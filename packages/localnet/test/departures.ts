/**
 * Where the description departs from the finney metadata of spec 393, and on whose authority. Every entry must be in use.
 * Sources: opentensor/subtensor at 14bc6f9f9 (spec 425), files under pallets/subtensor/src unless said otherwise.
 */
export const DEPARTURES: Readonly<Record<string, string>> = {
  'SubtensorModule call register_limit': 'macros/dispatches.rs:2491, call index 134, new after 393',
  'SubtensorModule storage LastEpochBlock': 'lib.rs:1834, stateful epoch schedule from spec 407',
  'SubtensorModule storage PendingEpochAt': 'lib.rs:1840, stateful epoch schedule from spec 407',
  'SubtensorModule storage SubnetEpochIndex': 'lib.rs:1846, stateful epoch schedule from spec 407',
  'SubtensorModule storage ActivityCutoffFactorMilli': 'lib.rs:1852, default 13889 (INITIAL_ACTIVITY_CUTOFF_FACTOR_MILLI)',
  'SubtensorModule storage MaxEpochsPerBlock': 'lib.rs:2161; default 2 (runtime/src/lib.rs, SubtensorMaxEpochsPerBlock)',
  'SubtensorModule storage OwnerCutEnabled': 'lib.rs:1762, default true',
  'SubtensorModule storage SubnetEmissionEnabled': 'lib.rs:1364, default true',
  'SubtensorModule storage BurnHalfLife': 'lib.rs:2687, default 360',
  'SubtensorModule storage BurnIncreaseMult': 'lib.rs:2692, U64F64, default 1.26',
  'SubtensorModule error RegistrationPriceLimitExceeded':
    'macros/errors.rs: index 134 at 425, where PrecisionLoss is gone; 135 here, behind the list of 393 (clients decode errors by name)',
  'System constant Version': 'the version says 425, and lists the runtime APIs that this chain has',
  'SubtensorModule storage MinChildkeyTakePerSubnet': 'lib.rs:1189, default 0',
  'SubtensorModule storage OwnerCutAutoLockEnabled': 'lib.rs:1607, default false',
  'SubnetInfoRuntimeApi api get_next_epoch_start_block': 'pallets/subtensor/runtime-api/src/lib.rs, new after 393',
  'SubnetInfoRuntimeApi api get_subnet_account_id': 'pallets/subtensor/runtime-api/src/lib.rs, new after 393',
  'SubnetInfoRuntimeApi api get_subnet_hyperparams_v3': 'pallets/subtensor/runtime-api/src/lib.rs, rpc_info/subnet_info.rs:128, new after 393',
  'StakeInfoRuntimeApi api get_stake_availability_for_coldkeys': 'pallets/subtensor/runtime-api/src/lib.rs, rpc_info/stake_info.rs:27, new after 393',
  'StakeInfoRuntimeApi api get_coldkey_lock': 'pallets/subtensor/runtime-api/src/lib.rs, staking/lock.rs:17, new after 393',
  'StakeInfoRuntimeApi api get_hotkey_conviction': 'pallets/subtensor/runtime-api/src/lib.rs, new after 393',
  'StakeInfoRuntimeApi api get_most_convicted_hotkey_on_subnet': 'pallets/subtensor/runtime-api/src/lib.rs, new after 393',
};

/** Fields whose type is another one at 425, by how a type's structure is written: what stands here, and what stands in finney's. */
export const FIELD_DEPARTURES: readonly (readonly [ours: string, finney: string, source: string])[] = [
  ['activity_cutoff: Compact<u64>', 'activity_cutoff: Compact<u16>', 'rpc_info/subnet_info.rs:72, metagraph.rs:56: u64 since the cutoff is a multiple of the tempo'],
  ['activity_cutoff: Option{None=0() | Some=1(Compact<u64>)}', 'activity_cutoff: Option{None=0() | Some=1(Compact<u16>)}', 'rpc_info/metagraph.rs, SelectiveMetagraph'],
];
