/**
 * Runtime APIs: version and methods, each `[inputs, output]`; called with `state_call` as `<Api>_<method>`.
 * As in finney metadata of spec 393, with what is new at 425 (see `test/departures.ts`).
 * @module
 */
export const apis = {
  Core: { version: 5, methods: { version: [{}, 'RuntimeVersion'] } },
  Metadata: {
    version: 2,
    methods: {
      metadata: [{}, 'OpaqueMetadata'],
      metadata_at_version: [{ version: 'u32' }, 'Option<OpaqueMetadata>'],
      metadata_versions: [{}, 'Vec<u32>'],
    },
  },
  TaggedTransactionQueue: {
    version: 3,
    methods: { validate_transaction: [{ source: 'TransactionSource', tx: 'FpUncheckedExtrinsic', block_hash: 'H256' }, 'Result<ValidTransaction,TransactionValidityError>'] },
  },
  AuraApi: { version: 1, methods: { slot_duration: [{}, 'SlotDuration'], authorities: [{}, 'Vec<AuraPublic>'] } },
  AccountNonceApi: { version: 1, methods: { account_nonce: [{ account: 'AccountId' }, 'u32'] } },
  TransactionPaymentApi: {
    version: 4,
    methods: {
      query_info: [{ uxt: 'FpUncheckedExtrinsic', len: 'u32' }, 'RuntimeDispatchInfo'],
      query_fee_details: [{ uxt: 'FpUncheckedExtrinsic', len: 'u32' }, 'FeeDetails'],
      query_weight_to_fee: [{ weight: 'Weight' }, 'u64'],
      query_length_to_fee: [{ length: 'u32' }, 'u64'],
    },
  },
  TransactionPaymentCallApi: {
    version: 3,
    methods: {
      query_call_info: [{ call: 'RuntimeCall', len: 'u32' }, 'RuntimeDispatchInfo'],
      query_call_fee_details: [{ call: 'RuntimeCall', len: 'u32' }, 'FeeDetails'],
      query_weight_to_fee: [{ weight: 'Weight' }, 'u64'],
      query_length_to_fee: [{ length: 'u32' }, 'u64'],
    },
  },
  DelegateInfoRuntimeApi: {
    version: 1,
    methods: {
      get_delegates: [{}, 'Vec<DelegateInfo>'],
      get_delegate: [{ delegate_account: 'AccountId' }, 'Option<DelegateInfo>'],
      get_delegated: [{ delegatee_account: 'AccountId' }, 'Vec<(DelegateInfo,(Compact<u16>,Compact<u64>))>'],
    },
  },
  NeuronInfoRuntimeApi: {
    version: 1,
    methods: {
      get_neurons: [{ netuid: 'u16' }, 'Vec<NeuronInfo>'],
      get_neuron: [{ netuid: 'u16', uid: 'u16' }, 'Option<NeuronInfo>'],
      get_neurons_lite: [{ netuid: 'u16' }, 'Vec<NeuronInfoLite>'],
      get_neuron_lite: [{ netuid: 'u16', uid: 'u16' }, 'Option<NeuronInfoLite>'],
    },
  },
  SubnetInfoRuntimeApi: {
    version: 2,
    methods: {
      get_subnet_info: [{ netuid: 'u16' }, 'Option<SubnetInfo>'],
      get_subnets_info: [{}, 'Vec<Option<SubnetInfo>>'],
      get_subnet_info_v2: [{ netuid: 'u16' }, 'Option<SubnetInfov2>'],
      get_subnets_info_v2: [{}, 'Vec<Option<SubnetInfov2>>'],
      get_subnet_hyperparams: [{ netuid: 'u16' }, 'Option<SubnetHyperparams>'],
      get_subnet_hyperparams_v2: [{ netuid: 'u16' }, 'Option<SubnetHyperparamsV2>'],
      get_subnet_hyperparams_v3: [{ netuid: 'u16' }, 'Option<Vec<HyperparamEntry>>'],
      get_all_dynamic_info: [{}, 'Vec<Option<DynamicInfo>>'],
      get_all_metagraphs: [{}, 'Vec<Option<Metagraph>>'],
      get_metagraph: [{ netuid: 'u16' }, 'Option<Metagraph>'],
      get_all_mechagraphs: [{}, 'Vec<Option<Metagraph>>'],
      get_mechagraph: [{ netuid: 'u16', mecid: 'u8' }, 'Option<Metagraph>'],
      get_dynamic_info: [{ netuid: 'u16' }, 'Option<DynamicInfo>'],
      get_subnet_state: [{ netuid: 'u16' }, 'Option<SubnetState>'],
      get_selective_metagraph: [{ netuid: 'u16', metagraph_indexes: 'Vec<u16>' }, 'Option<SelectiveMetagraph>'],
      get_coldkey_auto_stake_hotkey: [{ coldkey: 'AccountId', netuid: 'u16' }, 'Option<AccountId>'],
      get_selective_mechagraph: [{ netuid: 'u16', subid: 'u8', metagraph_indexes: 'Vec<u16>' }, 'Option<SelectiveMetagraph>'],
      get_subnet_to_prune: [{}, 'Option<u16>'],
      get_subnet_account_id: [{ netuid: 'u16' }, 'Option<AccountId>'],
      get_next_epoch_start_block: [{ netuid: 'u16' }, 'Option<u64>'],
    },
  },
  StakeInfoRuntimeApi: {
    version: 1,
    methods: {
      get_stake_info_for_coldkey: [{ coldkey_account: 'AccountId' }, 'Vec<StakeInfo>'],
      get_stake_info_for_coldkeys: [{ coldkey_accounts: 'Vec<AccountId>' }, 'Vec<(AccountId,Vec<StakeInfo>)>'],
      get_stake_info_for_hotkey_coldkey_netuid: [{ hotkey_account: 'AccountId', coldkey_account: 'AccountId', netuid: 'u16' }, 'Option<StakeInfo>'],
      get_stake_availability_for_coldkeys: [{ coldkey_accounts: 'Vec<AccountId>', netuids: 'Option<Vec<u16>>' }, 'BTreeMap<AccountId,BTreeMap<u16,StakeAvailability>>'],
      get_stake_fee: [
        { origin: 'Option<(AccountId,u16)>', origin_coldkey_account: 'AccountId', destination: 'Option<(AccountId,u16)>', destination_coldkey_account: 'AccountId', amount: 'u64' },
        'u64',
      ],
      get_coldkey_lock: [{ coldkey: 'AccountId', netuid: 'u16' }, 'Option<LockState>'],
      get_hotkey_conviction: [{ hotkey: 'AccountId', netuid: 'u16' }, 'FixedU128'],
      get_most_convicted_hotkey_on_subnet: [{ netuid: 'u16' }, 'Option<AccountId>'],
    },
  },
  SubnetRegistrationRuntimeApi: { version: 1, methods: { get_network_registration_cost: [{}, 'u64'] } },
  SwapRuntimeApi: {
    version: 1,
    methods: {
      current_alpha_price: [{ netuid: 'u16' }, 'u64'],
      current_alpha_price_all: [{}, 'Vec<SubnetPrice>'],
      sim_swap_tao_for_alpha: [{ netuid: 'u16', tao: 'u64' }, 'SimSwapResult'],
      sim_swap_alpha_for_tao: [{ netuid: 'u16', alpha: 'u64' }, 'SimSwapResult'],
    },
  },
} as const;

/** The description, as a type. */
export type Apis = typeof apis;
