/**
 * Pallet AdminUtils: setters of hyperparameters, for subnet owners and root.
 * Indices, names, hashers and types as in finney metadata of spec 393; departures are listed, with their sources, in `test/departures.ts`.
 * @module
 */
export const adminUtils = {
  index: 19,
  path: 'pallet_admin_utils::pallet',
  calls: {
    sudo_set_serving_rate_limit: [3, { netuid: 'u16', serving_rate_limit: 'u64' }],
    sudo_set_weights_version_key: [6, { netuid: 'u16', weights_version_key: 'u64' }],
    sudo_set_weights_set_rate_limit: [7, { netuid: 'u16', weights_set_rate_limit: 'u64' }],
    sudo_set_immunity_period: [13, { netuid: 'u16', immunity_period: 'u16' }],
    sudo_set_min_allowed_weights: [14, { netuid: 'u16', min_allowed_weights: 'u16' }],
    sudo_set_max_allowed_uids: [15, { netuid: 'u16', max_allowed_uids: 'u16' }],
    sudo_set_kappa: [16, { netuid: 'u16', kappa: 'u16' }],
    sudo_set_activity_cutoff: [18, { netuid: 'u16', activity_cutoff: 'u16' }],
    sudo_set_network_registration_allowed: [19, { netuid: 'u16', registration_allowed: 'bool' }],
    sudo_set_min_burn: [22, { netuid: 'u16', min_burn: 'u64' }],
    sudo_set_max_burn: [23, { netuid: 'u16', max_burn: 'u64' }],
    sudo_set_max_allowed_validators: [25, { netuid: 'u16', max_allowed_validators: 'u16' }],
    sudo_set_bonds_moving_average: [26, { netuid: 'u16', bonds_moving_average: 'u64' }],
    sudo_set_subnet_owner_cut: [28, { subnet_owner_cut: 'u16' }],
    sudo_set_network_rate_limit: [29, { rate_limit: 'u64' }],
    sudo_set_tempo: [30, { netuid: 'u16', tempo: 'u16' }],
    sudo_set_network_min_lock_cost: [36, { lock_cost: 'u64' }],
    sudo_set_subnet_limit: [37, { max_subnets: 'u16' }],
    sudo_set_stake_threshold: [42, { min_stake: 'u64' }],
    sudo_set_commit_reveal_weights_enabled: [49, { netuid: 'u16', enabled: 'bool' }],
    sudo_set_commit_reveal_weights_interval: [57, { netuid: 'u16', interval: 'u64' }],
    sudo_set_subtoken_enabled: [66, { netuid: 'u16', subtoken_enabled: 'bool' }],
    sudo_set_admin_freeze_window: [74, { window: 'u16' }],
    sudo_set_owner_hparam_rate_limit: [75, { epochs: 'u16' }],
    sudo_set_start_call_delay: [85, { delay: 'u64' }],
  },
  storage: {
  },
  events: {
  },
  errors: [
    'SubnetDoesNotExist',
    'MaxValidatorsLargerThanMaxUIds',
    'MaxAllowedUIdsLessThanCurrentUIds',
    'BondsMovingAverageMaxReached',
    'NegativeSigmoidSteepness',
    'ValueNotInBounds',
    'MinAllowedUidsGreaterThanCurrentUids',
    'MinAllowedUidsGreaterThanMaxAllowedUids',
    'MaxAllowedUidsLessThanMinAllowedUids',
    'MaxAllowedUidsGreaterThanDefaultMaxAllowedUids',
    'InvalidValue',
  ],
  constants: {
  },
} as const;
