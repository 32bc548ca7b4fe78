/**
 * Pallet Commitments: small records that hotkeys publish.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const commitments = {
  index: 18,
  path: 'pallet_commitments::pallet',
  calls: {
    set_commitment: [0, { netuid: 'u16', info: 'CommitmentInfo' }],
    set_max_space: [2, { new_limit: 'u32' }],
  },
  storage: {
    TimelockedIndex: { value: 'BTreeSet<(u16,AccountId)>', default: '0x00' },
    CommitmentOf: { hashers: ['Identity', 'Twox64Concat'], keys: ['u16', 'AccountId'], value: 'CommitmentRegistration', optional: true },
    LastCommitment: { hashers: ['Identity', 'Twox64Concat'], keys: ['u16', 'AccountId'], value: 'u32', optional: true },
    LastBondsReset: { hashers: ['Identity', 'Twox64Concat'], keys: ['u16', 'AccountId'], value: 'u32', optional: true },
    RevealedCommitments: { hashers: ['Identity', 'Twox64Concat'], keys: ['u16', 'AccountId'], value: 'Vec<(Vec<u8>,u64)>', optional: true },
    UsedSpaceOf: { hashers: ['Identity', 'Twox64Concat'], keys: ['u16', 'AccountId'], value: 'UsageTracker', optional: true },
    MaxSpace: { value: 'u32', default: '0x1c0c0000' },
  },
  events: {
    Commitment: [0, { netuid: 'u16', who: 'AccountId' }],
    TimelockCommitment: [1, { netuid: 'u16', who: 'AccountId', reveal_round: 'u64' }],
    CommitmentRevealed: [2, { netuid: 'u16', who: 'AccountId' }],
  },
  errors: [
    'TooManyFieldsInCommitmentInfo',
    'AccountNotAllowedCommit',
    'SpaceLimitExceeded',
    'UnexpectedUnreserveLeftover',
  ],
  constants: {
    MaxFields: ['u32', '0x03000000'],
    InitialDeposit: ['u64', '0x0000000000000000'],
    FieldDeposit: ['u64', '0x0000000000000000'],
  },
} as const;
