/**
 * Pallet Sudo: calls with root origin by one key.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const sudo = {
  index: 12,
  path: 'pallet_sudo::pallet',
  calls: {
    sudo: [0, { call: 'RuntimeCall' }],
    sudo_unchecked_weight: [1, { call: 'RuntimeCall', weight: 'Weight' }],
    set_key: [2, { new: 'MultiAddress' }],
    sudo_as: [3, { who: 'MultiAddress', call: 'RuntimeCall' }],
    remove_key: [4, []],
  },
  storage: {
    Key: { value: 'AccountId', optional: true },
  },
  events: {
    Sudid: [0, { sudo_result: 'Result<(),DispatchError>' }],
    KeyChanged: [1, { old: 'Option<AccountId>', new: 'AccountId' }],
    KeyRemoved: [2, []],
    SudoAsDone: [3, { sudo_result: 'Result<(),DispatchError>' }],
  },
  errors: [
    'RequireSudo',
  ],
  constants: {
  },
} as const;
