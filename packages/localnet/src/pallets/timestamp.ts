/**
 * Pallet Timestamp: the virtual time of the newest block, in Unix milliseconds.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const timestamp = {
  index: 2,
  path: 'pallet_timestamp::pallet',
  calls: {
    set: [0, { now: 'Compact<u64>' }],
  },
  storage: {
    Now: { value: 'u64', default: '0x0000000000000000' },
    DidUpdate: { value: 'bool', default: '0x00' },
  },
  events: {
  },
  errors: [
  ],
  constants: {
    MinimumPeriod: ['u64', '0x7017000000000000'],
  },
} as const;
