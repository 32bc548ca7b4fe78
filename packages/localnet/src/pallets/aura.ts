/**
 * Pallet Aura: here only the length of a slot, which clients take for the block time. No authorities: there is no consensus.
 * @module
 */
export const aura = {
  index: 3,
  path: 'pallet_aura::pallet',
  calls: {},
  storage: {},
  events: {},
  errors: [],
  constants: {
    SlotDuration: ['u64', '0xe02e000000000000'],
  },
} as const;
