/**
 * Pallet Proxy: accounts that call for others.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const proxy = {
  index: 16,
  path: 'pallet_subtensor_proxy::pallet',
  calls: {
    proxy: [0, { real: 'MultiAddress', force_proxy_type: 'Option<ProxyType>', call: 'RuntimeCall' }],
    add_proxy: [1, { delegate: 'MultiAddress', proxy_type: 'ProxyType', delay: 'u32' }],
    remove_proxy: [2, { delegate: 'MultiAddress', proxy_type: 'ProxyType', delay: 'u32' }],
    remove_proxies: [3, []],
    create_pure: [4, { proxy_type: 'ProxyType', delay: 'u32', index: 'u16' }],
    kill_pure: [5, { spawner: 'MultiAddress', proxy_type: 'ProxyType', index: 'u16', height: 'Compact<u32>', ext_index: 'Compact<u32>' }],
    announce: [6, { real: 'MultiAddress', call_hash: 'H256' }],
    remove_announcement: [7, { real: 'MultiAddress', call_hash: 'H256' }],
    reject_announcement: [8, { delegate: 'MultiAddress', call_hash: 'H256' }],
    proxy_announced: [9, { delegate: 'MultiAddress', real: 'MultiAddress', force_proxy_type: 'Option<ProxyType>', call: 'RuntimeCall' }],
    poke_deposit: [10, []],
    set_real_pays_fee: [11, { delegate: 'MultiAddress', pays_fee: 'bool' }],
  },
  storage: {
    Proxies: { hashers: ['Twox64Concat'], keys: ['AccountId'], value: '(BoundedVec<ProxyDefinition;20>,u64)', default: '0x000000000000000000' },
    Announcements: { hashers: ['Twox64Concat'], keys: ['AccountId'], value: '(BoundedVec<ProxyAnnouncement;75>,u64)', default: '0x000000000000000000' },
    // Emptied at the end of each block, so no client ever finds one.
    LastCallResult: { hashers: ['Twox64Concat'], keys: ['AccountId'], value: 'Result<(),DispatchError>', optional: true },
    RealPaysFee: { hashers: ['Twox64Concat', 'Twox64Concat'], keys: ['AccountId', 'AccountId'], value: '()', optional: true },
  },
  events: {
    ProxyExecuted: [0, { result: 'Result<(),DispatchError>' }],
    PureCreated: [1, { pure: 'AccountId', who: 'AccountId', proxy_type: 'ProxyType', disambiguation_index: 'u16' }],
    PureKilled: [2, { pure: 'AccountId', spawner: 'AccountId', proxy_type: 'ProxyType', disambiguation_index: 'u16' }],
    Announced: [3, { real: 'AccountId', proxy: 'AccountId', call_hash: 'H256' }],
    ProxyAdded: [4, { delegator: 'AccountId', delegatee: 'AccountId', proxy_type: 'ProxyType', delay: 'u32' }],
    ProxyRemoved: [5, { delegator: 'AccountId', delegatee: 'AccountId', proxy_type: 'ProxyType', delay: 'u32' }],
    DepositPoked: [6, { who: 'AccountId', kind: 'ProxyDepositKind', old_deposit: 'u64', new_deposit: 'u64' }],
    RealPaysFeeSet: [7, { real: 'AccountId', delegate: 'AccountId', pays_fee: 'bool' }],
  },
  errors: [
    'TooMany',
    'NotFound',
    'NotProxy',
    'Unproxyable',
    'Duplicate',
    'NoPermission',
    'Unannounced',
    'NoSelfProxy',
    'AnnouncementDepositInvariantViolated',
    'InvalidDerivedAccountId',
  ],
  constants: {
    ProxyDepositBase: ['u64', '0x0087930300000000'],
    ProxyDepositFactor: ['u64', '0x408af70100000000'],
    MaxProxies: ['u32', '0x14000000'],
    MaxPending: ['u32', '0x4b000000'],
    AnnouncementDepositBase: ['u64', '0x0051250200000000'],
    AnnouncementDepositFactor: ['u64', '0x00990d0400000000'],
  },
} as const;
