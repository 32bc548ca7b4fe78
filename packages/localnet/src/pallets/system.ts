/**
 * Pallet System: accounts, block facts and the events of the newest block.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const system = {
  index: 0,
  path: 'frame_system::pallet',
  calls: {
    remark: [0, { remark: 'Vec<u8>' }],
    remark_with_event: [7, { remark: 'Vec<u8>' }],
  },
  storage: {
    Account: { hashers: ['Blake2_128Concat'], keys: ['AccountId'], value: 'AccountInfo', default: '0x0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000080' },
    ExtrinsicCount: { value: 'u32', optional: true },
    BlockHash: { hashers: ['Twox64Concat'], keys: ['u32'], value: 'H256', default: '0x0000000000000000000000000000000000000000000000000000000000000000' },
    Number: { value: 'u32', default: '0x00000000' },
    ParentHash: { value: 'H256', default: '0x0000000000000000000000000000000000000000000000000000000000000000' },
    Digest: { value: 'Digest', default: '0x00' },
    Events: { value: 'Vec<EventRecord>', default: '0x00' },
    EventCount: { value: 'u32', default: '0x00000000' },
    LastRuntimeUpgrade: { value: 'LastRuntimeUpgradeInfo', optional: true },
  },
  events: {
    ExtrinsicSuccess: [0, { dispatch_info: 'DispatchEventInfo' }],
    ExtrinsicFailed: [1, { dispatch_error: 'DispatchError', dispatch_info: 'DispatchEventInfo' }],
    NewAccount: [3, { account: 'AccountId' }],
    KilledAccount: [4, { account: 'AccountId' }],
    Remarked: [5, { sender: 'AccountId', hash: 'H256' }],
  },
  errors: [
    'InvalidSpecName',
    'SpecVersionNeedsToIncrease',
    'FailedToExtractRuntimeVersion',
    'NonDefaultComposite',
    'NonZeroRefCount',
    'CallFiltered',
    'MultiBlockMigrationsOngoing',
    'NothingAuthorized',
    'Unauthorized',
  ],
  constants: {
    BlockWeights: ['BlockWeights', '0xc2a0e766000b00409452a30313ffffffffffffffff2261c91900010bb837a1555d021366666666666666a6010b0030ef7dba0213ffffffffffffffbf0100002261c91900010bb847462a46031366666666666666e6010b00409452a30313ffffffffffffffff01070010a5d4e81300000000000000402261c91900000000'],
    BlockLength: ['BlockLength', '0x000078000000a0000000a000'],
    BlockHashCount: ['u32', '0x60090000'],
    DbWeight: ['RuntimeDbWeight', '0x40787d010000000000e1f50500000000'],
    SS58Prefix: ['u16', '0x2a00'],
  },
} as const;
