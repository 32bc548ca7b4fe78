/**
 * Runtime APIs: version and methods, each `[inputs, output]`; called with `state_call` as `<Api>_<method>`.
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
  AccountNonceApi: { version: 1, methods: { account_nonce: [{ account: 'AccountId' }, 'u32'] } },
  TransactionPaymentApi: {
    version: 4,
    methods: {
      query_info: [{ uxt: 'FpUncheckedExtrinsic', len: 'u32' }, 'RuntimeDispatchInfo'],
      query_fee_details: [{ uxt: 'FpUncheckedExtrinsic', len: 'u32' }, 'FeeDetails'],
    },
  },
  SubnetInfoRuntimeApi: {
    version: 1,
    methods: { get_next_epoch_start_block: [{ netuid: 'u16' }, 'Option<u64>'] },
  },
  SubnetRegistrationRuntimeApi: { version: 1, methods: { get_network_registration_cost: [{}, 'u64'] } },
} as const;
