/**
 * Pallet Utility: batches of calls.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const utility = {
  index: 11,
  path: 'pallet_subtensor_utility::pallet',
  calls: {
    batch: [0, { calls: 'Vec<RuntimeCall>' }],
    batch_all: [2, { calls: 'Vec<RuntimeCall>' }],
    force_batch: [4, { calls: 'Vec<RuntimeCall>' }],
  },
  storage: {
  },
  events: {
    BatchInterrupted: [0, { index: 'u32', error: 'DispatchError' }],
    BatchCompleted: [1, []],
    BatchCompletedWithErrors: [2, []],
    ItemCompleted: [3, []],
    ItemFailed: [4, { error: 'DispatchError' }],
  },
  errors: [
    'TooManyCalls',
    'InvalidDerivedAccount',
  ],
  constants: {
    batched_calls_limit: ['u32', '0xaa2a0000'],
  },
} as const;
