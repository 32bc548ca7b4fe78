/**
 * Which calls a proxy of each type may make.
 * @module
 * @see runtime/src/lib.rs, `define_proxy_filters!` and `InstanceFilter for ProxyType`; limits in common/src/lib.rs (opentensor/subtensor 14bc6f9f9)
 */
import type { RuntimeCall, TypeOf } from '../scale/type-of.ts';
import type { CallFilter } from './execution.ts';

/** `Any`, `NonTransfer`, … */
export type ProxyType = TypeOf<'ProxyType'>['type'];

/** Rao of TAO or of alpha that a `SmallTransfer` proxy stays below. */
const SMALL_TRANSFER_LIMIT_RAO = 500_000_000n;

/** Whether a proxy of this type may make the call itself; what is nested in it is asked for when its turn comes. */
export function mayCall(type: ProxyType, call: RuntimeCall): boolean {
  return FILTERS[type](call);
}

/** Whether a proxy of this type may do all that one of the other may. */
export function isSuperset(type: ProxyType, other: ProxyType): boolean {
  if (type === other || type === 'Any') return true;
  if (other === 'Any') return false;
  if (type === 'NonTransfer') return other !== 'Transfer' && other !== 'SmallTransfer';
  return type === 'Transfer' && other === 'SmallTransfer';
}

/** `Pallet.call`, or `Pallet.*` for all calls of a pallet. */
function only(...names: readonly string[]): CallFilter {
  const set = new Set(names);
  return ({ pallet, call }) => set.has(`${pallet}.${call}`) || set.has(`${pallet}.*`);
}

function allBut(...names: readonly string[]): CallFilter {
  const denied = only(...names);
  return (call) => !denied(call);
}

function none(): boolean {
  return false;
}

const subtensor = (...calls: readonly string[]): string[] => calls.map((call) => `SubtensorModule.${call}`);
const adminUtils = (...calls: readonly string[]): string[] => calls.map((call) => `AdminUtils.${call}`);

const ANNOUNCED_COLDKEY_SWAP = subtensor('announce_coldkey_swap', 'swap_coldkey_announced', 'clear_coldkey_swap_announcement', 'dispute_coldkey_swap');
const COLDKEY_SWAP = [...subtensor('schedule_swap_coldkey', 'swap_coldkey'), ...ANNOUNCED_COLDKEY_SWAP];
const STAKING = subtensor(
  'add_stake',
  'add_stake_limit',
  'remove_stake',
  'remove_stake_limit',
  'remove_stake_full_limit',
  'unstake_all',
  'unstake_all_alpha',
  'swap_stake',
  'swap_stake_limit',
  'move_stake',
);
const HOTKEY_SWAP = subtensor('swap_hotkey', 'swap_hotkey_v2');
const isOwnerHotkeyCall = only(...adminUtils('sudo_set_sn_owner_hotkey', 'sudo_set_subnet_owner_hotkey'));
const isOwnerCall = only('AdminUtils.*', ...subtensor('set_subnet_identity', 'update_symbol'));

const FILTERS: Readonly<Record<ProxyType, CallFilter>> = {
  Any: () => true,
  NonTransfer: allBut('Balances.*', ...subtensor('transfer_stake'), ...COLDKEY_SWAP),
  NonFungible: allBut('Balances.*', ...STAKING, ...subtensor('transfer_stake', 'burned_register', 'root_register'), ...COLDKEY_SWAP, ...HOTKEY_SWAP),
  Transfer: only('Balances.transfer_keep_alive', 'Balances.transfer_allow_death', 'Balances.transfer_all', 'SubtensorModule.transfer_stake'),
  SmallTransfer: isSmallTransfer,
  Owner: (call) => isOwnerCall(call) && !isOwnerHotkeyCall(call),
  NonCritical: allBut('Sudo.*', ...subtensor('dissolve_network', 'root_register', 'burned_register'), ...ANNOUNCED_COLDKEY_SWAP),
  Triumvirate: none,
  Senate: none,
  Governance: none,
  Staking: only(...STAKING, ...subtensor('set_root_claim_type')),
  Registration: only(...subtensor('burned_register', 'register', 'register_limit')),
  RootWeights: none,
  ChildKeys: only(...subtensor('set_children', 'set_childkey_take')),
  SudoUncheckedSetCode: isUncheckedSetCode,
  SwapHotkey: only(...HOTKEY_SWAP),
  SubnetLeaseBeneficiary: only(
    'SubtensorModule.start_call',
    ...adminUtils(
      'sudo_set_serving_rate_limit',
      'sudo_set_min_difficulty',
      'sudo_set_max_difficulty',
      'sudo_set_weights_version_key',
      'sudo_set_adjustment_alpha',
      'sudo_set_immunity_period',
      'sudo_set_min_allowed_weights',
      'sudo_set_kappa',
      'sudo_set_rho',
      'sudo_set_activity_cutoff',
      'sudo_set_network_registration_allowed',
      'sudo_set_network_pow_registration_allowed',
      'sudo_set_max_burn',
      'sudo_set_bonds_moving_average',
      'sudo_set_bonds_penalty',
      'sudo_set_commit_reveal_weights_enabled',
      'sudo_set_liquid_alpha_enabled',
      'sudo_set_alpha_values',
      'sudo_set_commit_reveal_weights_interval',
      'sudo_set_toggle_transfer',
      'sudo_set_subnet_emission_enabled',
      'sudo_set_min_childkey_take_per_subnet',
    ),
  ),
  RootClaim: only('SubtensorModule.claim_root'),
};

function isSmallTransfer({ pallet, call, args }: RuntimeCall): boolean {
  const field = SMALL_TRANSFERS[`${pallet}.${call}`];
  return field !== undefined && (args[field] as bigint) < SMALL_TRANSFER_LIMIT_RAO;
}

/** Where the amount of a transfer stands. */
const SMALL_TRANSFERS: Readonly<Record<string, string>> = {
  'Balances.transfer_keep_alive': 'value',
  'Balances.transfer_allow_death': 'value',
  'SubtensorModule.transfer_stake': 'alpha_amount',
};

function isUncheckedSetCode({ pallet, call, args }: RuntimeCall): boolean {
  if (pallet !== 'Sudo' || call !== 'sudo_unchecked_weight') return false;
  const inner = args['call'] as RuntimeCall;
  return inner.pallet === 'System' && inner.call === 'set_code';
}
