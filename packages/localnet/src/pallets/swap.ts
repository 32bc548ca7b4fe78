/**
 * Pallet Swap: the pools' fee and weights.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const swap = {
  index: 28,
  path: 'pallet_subtensor_swap::pallet::pallet',
  calls: {
    set_fee_rate: [0, { netuid: 'u16', rate: 'u16' }],
  },
  storage: {
    FeeRate: { hashers: ['Twox64Concat'], keys: ['u16'], value: 'u16', default: '0x2100' },
    AlphaSqrtPrice: { hashers: ['Twox64Concat'], keys: ['u16'], value: 'FixedU128', default: '0x00000000000000000000000000000000' },
    SwapBalancer: { hashers: ['Twox64Concat'], keys: ['u16'], value: 'Balancer', default: '0x0000b2d3595bf006' },
    PalSwapInitialized: { hashers: ['Twox64Concat'], keys: ['u16'], value: 'bool', default: '0x00' },
  },
  events: {
    FeeRateSet: [0, { netuid: 'u16', rate: 'u16' }],
  },
  errors: [
    'FeeRateTooHigh',
    'InsufficientInputAmount',
    'InsufficientLiquidity',
    'PriceLimitExceeded',
    'InsufficientBalance',
    'LiquidityNotFound',
    'InvalidTickRange',
    'MaxPositionsExceeded',
    'TooManySwapSteps',
    'InvalidLiquidityValue',
    'ReservesTooLow',
    'MechanismDoesNotExist',
    'UserLiquidityDisabled',
    'SubtokenDisabled',
    'ReservesOutOfBalance',
    'SwapInputTooLarge',
  ],
  constants: {
    MaxFeeRate: ['u16', '0x1027'],
    MinimumLiquidity: ['u64', '0xe803000000000000'],
  },
} as const;
