/**
 * Pallet Crowdloan, as clients read it: there are none, and none can be created here.
 * Indices, names, hashers and types as in finney metadata of spec 393.
 * @module
 */
export const crowdloan = {
  index: 27,
  path: 'pallet_crowdloan::pallet',
  calls: {},
  storage: {
    Crowdloans: { hashers: ['Twox64Concat'], keys: ['u32'], value: 'CrowdloanInfo', optional: true },
    NextCrowdloanId: { value: 'u32', default: '0x00000000' },
    CurrentCrowdloanId: { value: 'u32', optional: true },
    Contributions: { hashers: ['Twox64Concat', 'Identity'], keys: ['u32', 'AccountId'], value: 'u64', optional: true },
  },
  events: {},
  errors: [],
  constants: {
    PalletId: ['PalletId', '0x62742f636c6f616e'],
    MinimumDeposit: ['u64', '0x00e40b5402000000'],
    AbsoluteMinimumContribution: ['u64', '0x00e1f50500000000'],
    MinimumBlockDuration: ['u32', '0xe0c40000'],
    MaximumBlockDuration: ['u32', '0x80970600'],
    RefundContributorsLimit: ['u32', '0x32000000'],
    MaxContributors: ['u32', '0xf4010000'],
  },
} as const;
