/**
 * Pallet Multisig: accounts for which several must call together.
 * Indices, names, hashers and types as in finney metadata of spec 393.
 * @module
 */
export const multisig = {
  index: 13,
  path: 'pallet_multisig::pallet',
  calls: {
    as_multi_threshold_1: [0, { other_signatories: 'Vec<AccountId>', call: 'RuntimeCall' }],
    as_multi: [1, { threshold: 'u16', other_signatories: 'Vec<AccountId>', maybe_timepoint: 'Option<MultisigTimepoint>', call: 'RuntimeCall', max_weight: 'Weight' }],
    approve_as_multi: [2, { threshold: 'u16', other_signatories: 'Vec<AccountId>', maybe_timepoint: 'Option<MultisigTimepoint>', call_hash: '[u8;32]', max_weight: 'Weight' }],
    cancel_as_multi: [3, { threshold: 'u16', other_signatories: 'Vec<AccountId>', timepoint: 'MultisigTimepoint', call_hash: '[u8;32]' }],
    poke_deposit: [4, { threshold: 'u16', other_signatories: 'Vec<AccountId>', call_hash: '[u8;32]' }],
  },
  storage: {
    Multisigs: { hashers: ['Twox64Concat', 'Blake2_128Concat'], keys: ['AccountId', '[u8;32]'], value: 'MultisigOperation', optional: true },
  },
  events: {
    NewMultisig: [0, { approving: 'AccountId', multisig: 'AccountId', call_hash: '[u8;32]' }],
    MultisigApproval: [1, { approving: 'AccountId', timepoint: 'MultisigTimepoint', multisig: 'AccountId', call_hash: '[u8;32]' }],
    MultisigExecuted: [2, { approving: 'AccountId', timepoint: 'MultisigTimepoint', multisig: 'AccountId', call_hash: '[u8;32]', result: 'Result<(),DispatchError>' }],
    MultisigCancelled: [3, { cancelling: 'AccountId', timepoint: 'MultisigTimepoint', multisig: 'AccountId', call_hash: '[u8;32]' }],
    DepositPoked: [4, { who: 'AccountId', call_hash: '[u8;32]', old_deposit: 'u64', new_deposit: 'u64' }],
  },
  errors: [
    'MinimumThreshold',
    'AlreadyApproved',
    'NoApprovalsNeeded',
    'TooFewSignatories',
    'TooManySignatories',
    'SignatoriesOutOfOrder',
    'SenderInSignatories',
    'NotFound',
    'NotOwner',
    'NoTimepoint',
    'WrongTimepoint',
    'UnexpectedTimepoint',
    'MaxWeightTooLow',
    'AlreadyStored',
  ],
  constants: {
    DepositBase: ['u64', '0x0029de0700000000'],
    DepositFactor: ['u64', '0x0048e80100000000'],
    MaxSignatories: ['u32', '0x64000000'],
  },
} as const;
