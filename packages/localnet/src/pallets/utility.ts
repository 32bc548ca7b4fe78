/**
 * Pallet Utility: batches of calls, and calls in another's name.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const utility = {
  index: 11,
  path: 'pallet_subtensor_utility::pallet',
  calls: {
    batch: [0, { calls: 'Vec<RuntimeCall>' }],
    as_derivative: [1, { index: 'u16', call: 'RuntimeCall' }],
    batch_all: [2, { calls: 'Vec<RuntimeCall>' }],
    dispatch_as: [3, { as_origin: 'OriginCaller', call: 'RuntimeCall' }],
    force_batch: [4, { calls: 'Vec<RuntimeCall>' }],
    with_weight: [5, { call: 'RuntimeCall', weight: 'Weight' }],
    if_else: [6, { main: 'RuntimeCall', fallback: 'RuntimeCall' }],
    dispatch_as_fallible: [7, { as_origin: 'OriginCaller', call: 'RuntimeCall' }],
  },
  storage: {
  },
  events: {
    BatchInterrupted: [0, { index: 'u32', error: 'DispatchError' }],
    BatchCompleted: [1, []],
    BatchCompletedWithErrors: [2, []],
    ItemCompleted: [3, []],
    ItemFailed: [4, { error: 'DispatchError' }],
    DispatchedAs: [5, { result: 'Result<(),DispatchError>' }],
    IfElseMainSuccess: [6, []],
    IfElseFallbackCalled: [7, { main_error: 'DispatchError' }],
  },
  errors: [
    'TooManyCalls',
    'InvalidDerivedAccount',
  ],
  constants: {
    batched_calls_limit: ['u32', '0xaa2a0000'],
  },
} as const;
