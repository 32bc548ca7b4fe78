/**
 * Pallet Balances: transfers of TAO (9 decimals, rao).
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const balances = {
  index: 5,
  path: 'pallet_balances::pallet',
  calls: {
    transfer_allow_death: [0, { dest: 'MultiAddress', value: 'Compact<u64>' }],
    force_transfer: [2, { source: 'MultiAddress', dest: 'MultiAddress', value: 'Compact<u64>' }],
    transfer_keep_alive: [3, { dest: 'MultiAddress', value: 'Compact<u64>' }],
    transfer_all: [4, { dest: 'MultiAddress', keep_alive: 'bool' }],
    force_unreserve: [5, { who: 'MultiAddress', amount: 'u64' }],
    upgrade_accounts: [6, { who: 'Vec<AccountId>' }],
    force_set_balance: [8, { who: 'MultiAddress', new_free: 'Compact<u64>' }],
    force_adjust_total_issuance: [9, { direction: 'AdjustmentDirection', delta: 'Compact<u64>' }],
    burn: [10, { value: 'Compact<u64>', keep_alive: 'bool' }],
  },
  storage: {
    TotalIssuance: { value: 'u64', default: '0x0000000000000000' },
    InactiveIssuance: { value: 'u64', default: '0x0000000000000000' },
    // Always empty: balances are in System.Account, and nothing here locks, holds or freezes them, or reserves under a name.
    Account: { hashers: ['Blake2_128Concat'], keys: ['AccountId'], value: 'AccountData', default: '0x00000000000000000000000000000000000000000000000000000000000000000000000000000080' },
    Locks: { hashers: ['Blake2_128Concat'], keys: ['AccountId'], value: 'BalanceLocks', default: '0x00' },
    Reserves: { hashers: ['Blake2_128Concat'], keys: ['AccountId'], value: 'BoundedVec<ReserveData;50>', default: '0x00' },
    Holds: { hashers: ['Blake2_128Concat'], keys: ['AccountId'], value: 'BoundedVec<HeldAmount;5>', default: '0x00' },
    Freezes: { hashers: ['Blake2_128Concat'], keys: ['AccountId'], value: 'BoundedVec<FrozenAmount;50>', default: '0x00' },
  },
  events: {
    Endowed: [0, { account: 'AccountId', free_balance: 'u64' }],
    DustLost: [1, { account: 'AccountId', amount: 'u64' }],
    Transfer: [2, { from: 'AccountId', to: 'AccountId', amount: 'u64' }],
    BalanceSet: [3, { who: 'AccountId', free: 'u64' }],
    Reserved: [4, { who: 'AccountId', amount: 'u64' }],
    Unreserved: [5, { who: 'AccountId', amount: 'u64' }],
    Deposit: [7, { who: 'AccountId', amount: 'u64' }],
    Withdraw: [8, { who: 'AccountId', amount: 'u64' }],
    Burned: [11, { who: 'AccountId', amount: 'u64' }],
    Issued: [15, { amount: 'u64' }],
    TotalIssuanceForced: [21, { old: 'u64', new: 'u64' }],
  },
  errors: [
    'VestingBalance',
    'LiquidityRestrictions',
    'InsufficientBalance',
    'ExistentialDeposit',
    'Expendability',
    'ExistingVestingSchedule',
    'DeadAccount',
    'TooManyReserves',
    'TooManyHolds',
    'TooManyFreezes',
    'IssuanceDeactivated',
    'DeltaZero',
  ],
  constants: {
    ExistentialDeposit: ['u64', '0xf401000000000000'],
    MaxLocks: ['u32', '0x32000000'],
    MaxReserves: ['u32', '0x32000000'],
    MaxFreezes: ['u32', '0x32000000'],
  },
} as const;
