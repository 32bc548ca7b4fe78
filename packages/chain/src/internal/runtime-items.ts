/**
 * Every storage item, call, event and runtime function that this package uses, with the types that finney's metadata (spec 393) gives them.
 *
 * The functions that read and build take their names from here, so that what is used and is not listed does not compile; the conformance tests go
 * through these tables and compare each line with real metadata. What only later runtimes have stands in tables of its own, with types as in
 * opentensor/subtensor at 14bc6f9f9 (spec 425).
 * @module
 */

/** Hashers and keys, then the value; `?` where a missing entry has no default. */
export const STORAGE = {
  System: {
    Events: 'Vec<FrameSystemEventRecord>',
    Account: 'Blake2_128Concat AccountId32 -> FrameSystemAccountInfo',
  },
  Timestamp: { Now: 'u64' },
  Sudo: { Key: 'AccountId32?' },
  SubtensorModule: {
    // Neurons.
    SubnetworkN: 'Identity u16 -> u16',
    Keys: 'Identity+Identity (u16,u16) -> AccountId32',
    Uids: 'Identity+Blake2_128Concat (u16,AccountId32) -> u16?',
    Owner: 'Blake2_128Concat AccountId32 -> AccountId32',
    BlockAtRegistration: 'Identity+Identity (u16,u16) -> u64',
    Active: 'Identity u16 -> Vec<bool>',
    ValidatorPermit: 'Identity u16 -> Vec<bool>',
    StakeWeight: 'Identity u16 -> Vec<u16>',
    Incentive: 'Identity u16 -> Vec<u16>',
    Dividends: 'Identity u16 -> Vec<u16>',
    Consensus: 'Identity u16 -> Vec<u16>',
    ValidatorTrust: 'Identity u16 -> Vec<u16>',
    Emission: 'Identity u16 -> Vec<u64>',
    LastUpdate: 'Identity u16 -> Vec<u64>',
    Axons: 'Identity+Blake2_128Concat (u16,AccountId32) -> PalletSubtensorAxonInfo?',
    Prometheus: 'Identity+Blake2_128Concat (u16,AccountId32) -> PalletSubtensorPrometheusInfo?',
    NeuronCertificates: 'Identity+Blake2_128Concat (u16,AccountId32) -> PalletSubtensorNeuronCertificate?',
    ImmunityPeriod: 'Identity u16 -> u16',
    // Registration.
    NetworkRegistrationAllowed: 'Identity u16 -> bool',
    MaxAllowedUids: 'Identity u16 -> u16',
    MinAllowedUids: 'Identity u16 -> u16',
    Burn: 'Identity u16 -> u64',
    MinBurn: 'Identity u16 -> u64',
    MaxBurn: 'Identity u16 -> u64',
    MaxRegistrationsPerBlock: 'Identity u16 -> u16',
    RegistrationsThisBlock: 'Identity u16 -> u16',
    RegistrationsThisInterval: 'Identity u16 -> u16',
    TargetRegistrationsPerInterval: 'Identity u16 -> u16',
    // Stake.
    TotalHotkeyAlpha: 'Blake2_128Concat+Identity (AccountId32,u16) -> u64',
    TotalHotkeyShares: 'Blake2_128Concat+Identity (AccountId32,u16) -> {"bits":"u128"}',
    Alpha: 'Blake2_128Concat+Blake2_128Concat+Identity (AccountId32,AccountId32,u16) -> {"bits":"u128"}',
    StakingHotkeys: 'Blake2_128Concat AccountId32 -> Vec<AccountId32>',
    ParentKeys: 'Blake2_128Concat+Identity (AccountId32,u16) -> Vec<(u64,AccountId32)>',
    ChildKeys: 'Blake2_128Concat+Identity (AccountId32,u16) -> Vec<(u64,AccountId32)>',
    PendingChildKeys: 'Identity+Blake2_128Concat (u16,AccountId32) -> (Vec<(u64,AccountId32)>,u64)',
    PendingChildKeyCooldown: 'u64',
    TaoWeight: 'u64',
    StakeThreshold: 'u64',
    MaxAllowedValidators: 'Identity u16 -> u16',
    SubtokenEnabled: 'Identity u16 -> bool',
    TransferToggle: 'Identity u16 -> bool',
    SubnetMechanism: 'Identity u16 -> u16',
    SubnetTAO: 'Identity u16 -> u64',
    SubnetAlphaIn: 'Identity u16 -> u64',
    SubnetAlphaOut: 'Identity u16 -> u64',
    Delegates: 'Blake2_128Concat AccountId32 -> u16',
    MinDelegateTake: 'u16',
    MaxDelegateTake: 'u16',
    TxDelegateTakeRateLimit: 'u64',
    ChildkeyTake: 'Blake2_128Concat+Identity (AccountId32,u16) -> u16',
    MinChildkeyTake: 'u16',
    MaxChildkeyTake: 'u16',
    TxChildkeyTakeRateLimit: 'u64',
    // Subnets.
    NetworksAdded: 'Identity u16 -> bool',
    TotalNetworks: 'u16',
    SubnetLimit: 'u16',
    SubnetOwner: 'Identity u16 -> AccountId32',
    SubnetOwnerHotkey: 'Identity u16 -> AccountId32',
    SubnetIdentitiesV3: 'Blake2_128Concat u16 -> PalletSubtensorSubnetIdentityV3?',
    TokenSymbol: 'Identity u16 -> Bytes',
    NetworkRegisteredAt: 'Identity u16 -> u64',
    NetworkRegistrationStartBlock: 'u64',
    NetworkRateLimit: 'u64',
    NetworkLastLockCost: 'u64',
    NetworkMinLockCost: 'u64',
    NetworkLockReductionInterval: 'u64',
    LastRateLimitedBlock: 'Identity PalletSubtensorRateLimitKey -> u64',
    TransactionKeyLastBlock: 'Blake2_128Concat+Identity+Identity (AccountId32,u16,u16) -> u64',
    StartCallDelay: 'u64',
    FirstEmissionBlockNumber: 'Identity u16 -> u64?',
    AdminFreezeWindow: 'u16',
    OwnerHyperparamRateLimit: 'u16',
    WeightsVersionKeyRateLimit: 'u64',
    // Hyperparameters that no other part reads.
    ServingRateLimit: 'Identity u16 -> u64',
    Rho: 'Identity u16 -> u16',
    Kappa: 'Identity u16 -> u16',
    ActivityCutoff: 'Identity u16 -> u16',
    MinActivityCutoff: 'u16',
    MinDifficulty: 'Identity u16 -> u64',
    MaxDifficulty: 'Identity u16 -> u64',
    AdjustmentAlpha: 'Identity u16 -> u64',
    AdjustmentInterval: 'Identity u16 -> u16',
    BondsMovingAverage: 'Identity u16 -> u64',
    BondsPenalty: 'Identity u16 -> u16',
    BondsResetOn: 'Identity u16 -> bool',
    LiquidAlphaOn: 'Blake2_128Concat u16 -> bool',
    AlphaValues: 'Identity u16 -> (u16,u16)',
    AlphaSigmoidSteepness: 'Identity u16 -> i16',
    Yuma3On: 'Blake2_128Concat u16 -> bool',
    RecycleOrBurn: 'Identity u16 -> PalletSubtensorRecycleOrBurnEnum',
    ImmuneOwnerUidsLimit: 'Identity u16 -> u16',
    MinNonImmuneUids: 'Identity u16 -> u16',
    SubnetOwnerCut: 'u16',
    MechanismCountCurrent: 'Twox64Concat u16 -> u8',
    MaxMechanismCount: 'u8',
    MechanismEmissionSplit: 'Twox64Concat u16 -> Vec<u16>?',
    // Epochs.
    Tempo: 'Identity u16 -> u16',
    BlocksSinceLastStep: 'Identity u16 -> u64',
    LastMechansimStepBlock: 'Identity u16 -> u64',
    PendingServerEmission: 'Identity u16 -> u64',
    PendingValidatorEmission: 'Identity u16 -> u64',
    PendingRootAlphaDivs: 'Identity u16 -> u64',
    // Weights.
    Weights: 'Identity+Identity (u16,u16) -> Vec<(u16,u16)>',
    Bonds: 'Identity+Identity (u16,u16) -> Vec<(u16,u16)>',
    WeightsVersionKey: 'Identity u16 -> u64',
    WeightsSetRateLimit: 'Identity u16 -> u64',
    MinAllowedWeights: 'Identity u16 -> u16',
    MaxWeightsLimit: 'Identity u16 -> u16',
    CommitRevealWeightsEnabled: 'Identity u16 -> bool',
    CommitRevealWeightsVersion: 'u16',
    RevealPeriodEpochs: 'Twox64Concat u16 -> u64',
    WeightCommits: 'Twox64Concat+Twox64Concat (u16,AccountId32) -> Vec<(H256,u64,u64,u64)>?',
    TimelockedWeightCommits: 'Twox64Concat+Twox64Concat (u16,u64) -> Vec<(AccountId32,u64,Bytes,u64)>',
  },
  Commitments: {
    CommitmentOf: 'Identity+Twox64Concat (u16,AccountId32) -> PalletCommitmentsRegistration?',
    RevealedCommitments: 'Identity+Twox64Concat (u16,AccountId32) -> Vec<(Bytes,u64)>?',
    UsedSpaceOf: 'Identity+Twox64Concat (u16,AccountId32) -> PalletCommitmentsUsageTracker?',
    MaxSpace: 'u32',
  },
  Drand: {
    Pulses: 'Blake2_128Concat u64 -> PalletDrandPulse?',
    BeaconConfig: 'PalletDrandBeaconConfiguration',
    LastStoredRound: 'u64',
  },
  Swap: { FeeRate: 'Twox64Concat u16 -> u16' },
} as const;

/** Items of later runtimes. Whoever reads one asks first whether it is there. */
export const LATER_STORAGE = {
  SubtensorModule: {
    LastEpochBlock: 'Identity u16 -> u64',
    PendingEpochAt: 'Identity u16 -> u64',
    SubnetEpochIndex: 'Identity u16 -> u64',
    ActivityCutoffFactorMilli: 'Identity u16 -> u32',
    BurnHalfLife: 'Identity u16 -> u16',
    BurnIncreaseMult: 'Identity u16 -> {"bits":"u128"}',
    OwnerCutEnabled: 'Identity u16 -> bool',
    SubnetEmissionEnabled: 'Identity u16 -> bool',
    MinChildkeyTakePerSubnet: 'Identity u16 -> u16',
  },
} as const;

/** Arguments by name. */
export const CALLS = {
  SubtensorModule: {
    register_network: 'hotkey: AccountId32',
    register_network_with_identity: 'hotkey: AccountId32, identity: Option<PalletSubtensorSubnetIdentityV3>',
    set_subnet_identity: 'netuid: u16, subnetName: Bytes, githubRepo: Bytes, subnetContact: Bytes, subnetUrl: Bytes, discord: Bytes, description: Bytes, logoUrl: Bytes, additional: Bytes',
    update_symbol: 'netuid: u16, symbol: Bytes',
    start_call: 'netuid: u16',
    burned_register: 'netuid: u16, hotkey: AccountId32',
    root_register: 'hotkey: AccountId32',
    serve_axon: 'netuid: u16, version: u32, ip: u128, port: u16, ipType: u8, protocol: u8, placeholder1: u8, placeholder2: u8',
    serve_axon_tls: 'netuid: u16, version: u32, ip: u128, port: u16, ipType: u8, protocol: u8, placeholder1: u8, placeholder2: u8, certificate: Bytes',
    serve_prometheus: 'netuid: u16, version: u32, ip: u128, port: u16, ipType: u8',
    add_stake: 'hotkey: AccountId32, netuid: u16, amountStaked: u64',
    add_stake_limit: 'hotkey: AccountId32, netuid: u16, amountStaked: u64, limitPrice: u64, allowPartial: bool',
    remove_stake: 'hotkey: AccountId32, netuid: u16, amountUnstaked: u64',
    remove_stake_limit: 'hotkey: AccountId32, netuid: u16, amountUnstaked: u64, limitPrice: u64, allowPartial: bool',
    remove_stake_full_limit: 'hotkey: AccountId32, netuid: u16, limitPrice: Option<u64>',
    unstake_all: 'hotkey: AccountId32',
    unstake_all_alpha: 'hotkey: AccountId32',
    move_stake: 'originHotkey: AccountId32, destinationHotkey: AccountId32, originNetuid: u16, destinationNetuid: u16, alphaAmount: u64',
    transfer_stake: 'destinationColdkey: AccountId32, hotkey: AccountId32, originNetuid: u16, destinationNetuid: u16, alphaAmount: u64',
    swap_stake: 'hotkey: AccountId32, originNetuid: u16, destinationNetuid: u16, alphaAmount: u64',
    swap_stake_limit: 'hotkey: AccountId32, originNetuid: u16, destinationNetuid: u16, alphaAmount: u64, limitPrice: u64, allowPartial: bool',
    set_children: 'hotkey: AccountId32, netuid: u16, children: Vec<(u64,AccountId32)>',
    set_childkey_take: 'hotkey: AccountId32, netuid: u16, take: u16',
    increase_take: 'hotkey: AccountId32, take: u16',
    decrease_take: 'hotkey: AccountId32, take: u16',
    set_weights: 'netuid: u16, dests: Vec<u16>, weights: Vec<u16>, versionKey: u64',
    set_mechanism_weights: 'netuid: u16, mecid: u8, dests: Vec<u16>, weights: Vec<u16>, versionKey: u64',
    commit_weights: 'netuid: u16, commitHash: H256',
    commit_mechanism_weights: 'netuid: u16, mecid: u8, commitHash: H256',
    reveal_weights: 'netuid: u16, uids: Vec<u16>, values: Vec<u16>, salt: Vec<u16>, versionKey: u64',
    reveal_mechanism_weights: 'netuid: u16, mecid: u8, uids: Vec<u16>, values: Vec<u16>, salt: Vec<u16>, versionKey: u64',
    commit_timelocked_weights: 'netuid: u16, commit: Bytes, revealRound: u64, commitRevealVersion: u16',
    commit_timelocked_mechanism_weights: 'netuid: u16, mecid: u8, commit: Bytes, revealRound: u64, commitRevealVersion: u16',
  },
  Balances: {
    transfer_keep_alive: 'dest: MultiAddress, value: Compact<u64>',
    transfer_allow_death: 'dest: MultiAddress, value: Compact<u64>',
    transfer_all: 'dest: MultiAddress, keepAlive: bool',
  },
  Commitments: { set_commitment: 'netuid: u16, info: PalletCommitmentsCommitmentInfo' },
  Sudo: { sudo: 'call: Call' },
} as const;

/** Calls of later runtimes. Whoever sends one asks first whether it is there. */
export const LATER_CALLS = {
  SubtensorModule: {
    register_limit: 'netuid: u16, hotkey: AccountId32, limitPrice: u64',
    set_tempo: 'netuid: u16, tempo: u16',
    set_activity_cutoff_factor: 'netuid: u16, factorMilli: u32',
    trigger_epoch: 'netuid: u16',
  },
} as const;

/** Fields of the events that are looked for. */
export const EVENTS = {
  SubtensorModule: {
    NetworkAdded: 'u16, u16',
    NeuronRegistered: 'u16, u16, AccountId32',
    StakeAdded: 'AccountId32, AccountId32, u64, u64, u16, u64',
    StakeRemoved: 'AccountId32, AccountId32, u64, u64, u16, u64',
    TimelockedWeightsRevealed: 'u16, AccountId32',
  },
  Balances: { Transfer: 'AccountId32, AccountId32, u64' },
} as const;

/** Runtime functions: inputs, then the output. */
export const RUNTIME_APIS = {
  TransactionPaymentApi: { query_info: 'uxt: Bytes, len: u32 -> PalletTransactionPaymentRuntimeDispatchInfo' },
  SubnetRegistrationRuntimeApi: { get_network_registration_cost: '-> u64' },
  SubnetInfoRuntimeApi: {
    get_metagraph: 'netuid: u16 -> Option<PalletSubtensorRpcInfoMetagraph>',
    get_subnet_state: 'netuid: u16 -> Option<PalletSubtensorRpcInfoShowSubnetSubnetState>',
    get_mechagraph: 'netuid: u16, mecid: u8 -> Option<PalletSubtensorRpcInfoMetagraph>',
  },
  StakeInfoRuntimeApi: {
    get_stake_info_for_coldkey: 'coldkey_account: AccountId32 -> Vec<PalletSubtensorRpcInfoStakeInfo>',
    get_stake_info_for_hotkey_coldkey_netuid: 'hotkey_account: AccountId32, coldkey_account: AccountId32, netuid: u16 -> Option<PalletSubtensorRpcInfoStakeInfo>',
  },
  SwapRuntimeApi: {
    current_alpha_price: 'netuid: u16 -> u64',
    current_alpha_price_all: '-> Vec<PalletSubtensorSwapRuntimeApiSubnetPrice>',
    sim_swap_tao_for_alpha: 'netuid: u16, tao: u64 -> PalletSubtensorSwapRuntimeApiSimSwapResult',
    sim_swap_alpha_for_tao: 'netuid: u16, alpha: u64 -> PalletSubtensorSwapRuntimeApiSimSwapResult',
  },
} as const;

/** Runtime functions of later runtimes. */
export const LATER_RUNTIME_APIS = {
  SubnetInfoRuntimeApi: { get_next_epoch_start_block: 'netuid: u16 -> Option<u64>' },
} as const;

type PalletsOf<A, B> = keyof A | keyof B;
type NamesOf<A, B, P> = (P extends keyof A ? keyof A[P] : never) | (P extends keyof B ? keyof B[P] : never);
type Named<A, B> = { readonly [P in PalletsOf<A, B>]: { readonly pallet: P; readonly item: NamesOf<A, B, P> } }[PalletsOf<A, B>];

/** A storage item by its names. */
export type StorageItem = Named<typeof STORAGE, typeof LATER_STORAGE>;
/** Items of SubtensorModule. */
export type SubtensorItem = NamesOf<typeof STORAGE, typeof LATER_STORAGE, 'SubtensorModule'>;
/** Pallets that calls are sent to. */
export type CallPallet = PalletsOf<typeof CALLS, typeof LATER_CALLS>;
/** Calls of a pallet. */
export type CallName<P extends CallPallet> = NamesOf<typeof CALLS, typeof LATER_CALLS, P> & string;
/** Names of runtime APIs. */
export type ApiName = PalletsOf<typeof RUNTIME_APIS, typeof LATER_RUNTIME_APIS>;
/** Functions of a runtime API. */
export type ApiMethod<A extends ApiName> = NamesOf<typeof RUNTIME_APIS, typeof LATER_RUNTIME_APIS, A> & string;
