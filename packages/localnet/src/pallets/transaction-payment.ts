/**
 * Pallet TransactionPayment: fees.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const transactionPayment = {
  index: 6,
  path: 'pallet_transaction_payment::pallet',
  calls: {
  },
  storage: {
    NextFeeMultiplier: { value: 'FeeMultiplier', default: '0x000064a7b3b6e00d0000000000000000' },
  },
  events: {
    TransactionFeePaid: [0, { who: 'AccountId', actual_fee: 'u64', tip: 'u64' }],
  },
  errors: [
  ],
  constants: {
    OperationalFeeMultiplier: ['u8', '0x05'],
  },
} as const;
