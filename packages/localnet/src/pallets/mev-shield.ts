/**
 * Pallet MevShield, as clients read it: no author announces a key here, so nobody can encrypt a transaction to one.
 * Indices, names, hashers and types as in finney metadata of spec 393.
 * @module
 */
export const mevShield = {
  index: 30,
  path: 'pallet_shield::pallet',
  calls: {},
  storage: {
    CurrentKey: { value: 'BoundedVec<u8;2048>', optional: true },
    AuthorKeys: { hashers: ['Twox64Concat'], keys: ['AuraPublic'], value: 'BoundedVec<u8;2048>', optional: true },
    PendingKeyExpiresAt: { value: 'u32', optional: true },
    NextKeyExpiresAt: { value: 'u32', optional: true },
    PendingKey: { value: 'BoundedVec<u8;2048>', optional: true },
    NextKey: { value: 'BoundedVec<u8;2048>', optional: true },
  },
  events: {},
  errors: [],
  constants: {},
} as const;
