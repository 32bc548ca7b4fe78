/**
 * Calls of pallet SubtensorModule.
 * Indices, names and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const subtensorCalls = {
  set_weights: [0, { netuid: 'u16', dests: 'Vec<u16>', weights: 'Vec<u16>', version_key: 'u64' }],
  set_mechanism_weights: [119, { netuid: 'u16', mecid: 'u8', dests: 'Vec<u16>', weights: 'Vec<u16>', version_key: 'u64' }],
  batch_set_weights: [80, { netuids: 'Vec<Compact<u16>>', weights: 'Vec<Vec<(Compact<u16>,Compact<u16>)>>', version_keys: 'Vec<Compact<u64>>' }],
  commit_weights: [96, { netuid: 'u16', commit_hash: 'H256' }],
  commit_mechanism_weights: [115, { netuid: 'u16', mecid: 'u8', commit_hash: 'H256' }],
  batch_commit_weights: [100, { netuids: 'Vec<Compact<u16>>', commit_hashes: 'Vec<H256>' }],
  reveal_weights: [97, { netuid: 'u16', uids: 'Vec<u16>', values: 'Vec<u16>', salt: 'Vec<u16>', version_key: 'u64' }],
  reveal_mechanism_weights: [116, { netuid: 'u16', mecid: 'u8', uids: 'Vec<u16>', values: 'Vec<u16>', salt: 'Vec<u16>', version_key: 'u64' }],
  commit_crv3_mechanism_weights: [117, { netuid: 'u16', mecid: 'u8', commit: 'BoundedVec<u8;5000>', reveal_round: 'u64' }],
  batch_reveal_weights: [98, { netuid: 'u16', uids_list: 'Vec<Vec<u16>>', values_list: 'Vec<Vec<u16>>', salts_list: 'Vec<Vec<u16>>', version_keys: 'Vec<u64>' }],
  add_stake: [2, { hotkey: 'AccountId', netuid: 'u16', amount_staked: 'u64' }],
  remove_stake: [3, { hotkey: 'AccountId', netuid: 'u16', amount_unstaked: 'u64' }],
  serve_axon: [4, { netuid: 'u16', version: 'u32', ip: 'u128', port: 'u16', ip_type: 'u8', protocol: 'u8', placeholder1: 'u8', placeholder2: 'u8' }],
  burned_register: [7, { netuid: 'u16', hotkey: 'AccountId' }],
  register_network: [59, { hotkey: 'AccountId' }],
  start_call: [92, { netuid: 'u16' }],
  commit_timelocked_weights: [113, { netuid: 'u16', commit: 'BoundedVec<u8;5000>', reveal_round: 'u64', commit_reveal_version: 'u16' }],
  commit_timelocked_mechanism_weights: [118, { netuid: 'u16', mecid: 'u8', commit: 'BoundedVec<u8;5000>', reveal_round: 'u64', commit_reveal_version: 'u16' }],
  register_limit: [134, { netuid: 'u16', hotkey: 'AccountId', limit_price: 'u64' }],
} as const;
