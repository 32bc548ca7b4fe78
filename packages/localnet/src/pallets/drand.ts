/**
 * Pallet Drand: the randomness beacon.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const drand = {
  index: 26,
  path: 'pallet_drand::pallet',
  calls: {
    write_pulse: [0, { pulses_payload: 'PulsesPayload', signature: 'Option<MultiSignature>' }],
    set_beacon_config: [1, { config_payload: 'BeaconConfigurationPayload', signature: 'Option<MultiSignature>' }],
    set_oldest_stored_round: [2, { oldest_round: 'u64' }],
  },
  storage: {
    BeaconConfig: { value: 'BeaconConfiguration', default: '0x810183cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a030000002721e6648052db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e97180f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e60626c732d756e636861696e65642d67312d7266633933383020717569636b6e6574' },
    Pulses: { hashers: ['Blake2_128Concat'], keys: ['u64'], value: 'Pulse', optional: true },
    LastStoredRound: { value: 'u64', default: '0x0000000000000000' },
    OldestStoredRound: { value: 'u64', default: '0x0000000000000000' },
    NextUnsignedAt: { value: 'u32', default: '0x00000000' },
  },
  events: {
    BeaconConfigChanged: [0, []],
    NewPulse: [1, { rounds: 'Vec<u64>' }],
    SetOldestStoredRound: [2, ['u64']],
  },
  errors: [
    'NoneValue',
    'StorageOverflow',
    'DrandConnectionFailure',
    'UnverifiedPulse',
    'InvalidRoundNumber',
    'PulseVerificationError',
  ],
  constants: {
    UnsignedPriority: ['u64', '0x0000100000000000'],
    HttpFetchTimeout: ['u64', '0xe803000000000000'],
  },
} as const;
