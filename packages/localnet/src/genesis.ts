/**
 * The state before block 1.
 * @module
 */
import { extrinsicsRootOf, hashHeader, type Block, type Header } from './block.ts';
import { blake2, concatBytes } from './hex.ts';
import { encodeMetadata } from './metadata.ts';
import { encodeScale } from './scale/codec.ts';
import { Execution } from './runtime/execution.ts';
import { mint } from './runtime/balances.ts';
import type { Snapshot } from './snapshot.ts';
import { stateRootOf } from './state-tries.ts';
import { StateOverlay, type StateChanges } from './state.ts';
import type { TypeOf } from './scale/type-of.ts';
import { runtimeVersion } from './version.ts';

/** What genesis is made from. */
export interface GenesisOptions {
  readonly genesisTimeMs: number;
  /** Balances in rao by account (hex). */
  readonly endowed: ReadonlyMap<string, bigint>;
  /** Hex. */
  readonly sudoKey: string;
  readonly beaconConfig: TypeOf<'BeaconConfiguration'>;
  /** Which the metadata tells. */
  readonly blockTimeMs?: number;
}

/** Block 0 and its state. */
export function makeGenesis(options: GenesisOptions & { readonly blockTimeMs: number }): Snapshot {
  const state = genesisState(options);
  const header: Header = { parentHash: ZERO_HASH, number: 0, stateRoot: stateRootOf(state), extrinsicsRoot: extrinsicsRootOf([]) };
  const genesis: Block = { hash: hashHeader(header), header, extrinsics: [], timestampMs: options.genesisTimeMs };
  return { genesis, parent: undefined, head: genesis, blockTimeMs: options.blockTimeMs, state: state as ReadonlyMap<string, Uint8Array> };
}

/** The changes from nothing to genesis. */
export function genesisState({ genesisTimeMs, endowed, sudoKey, beaconConfig, blockTimeMs }: GenesisOptions): StateChanges {
  const overlay = new StateOverlay({ get: () => undefined });
  const execution = new Execution({ overlay, blockNumber: 0, timestampMs: genesisTimeMs });
  const { storage } = execution;
  for (const [account, balanceRao] of endowed) mint(execution, account, balanceRao);
  storage.Sudo.Key.set(sudoKey);
  storage.Timestamp.Now.set(BigInt(genesisTimeMs));
  storage.Drand.BeaconConfig.set(beaconConfig);
  storage.System.LastRuntimeUpgrade.set({ spec_version: runtimeVersion.spec_version, spec_name: runtimeVersion.spec_name });
  storage.SubtensorModule.TotalIssuance.set(storage.Balances.TotalIssuance.get());
  createRoot(execution);
  overlay.set(RUNTIME_CODE_KEY, concatBytes(encodeScale('RuntimeVersion', runtimeVersion), blake2(encodeMetadata(16, blockTimeMs))));
  return overlay.changes();
}

const ZERO_HASH = '0'.repeat(64);

/**
 * `:code`, which clients watch for upgrades; there is no WebAssembly here, so the version stands in for it, and the hash of the metadata:
 * clients keep metadata on disk by genesis hash and version, and would use an older release's.
 */
const RUNTIME_CODE_KEY = Buffer.from(':code').toString('hex');

/** The root network (netuid 0), which the genesis of the pallet creates. */
function createRoot({ storage: { SubtensorModule: subtensor } }: Execution): void {
  subtensor.NetworksAdded.set(0, true);
  subtensor.TotalNetworks.set(1);
  subtensor.SubtokenEnabled.set(0, true);
  subtensor.MaxAllowedUids.set(0, 64);
  subtensor.MaxAllowedValidators.set(0, 64);
  subtensor.MinAllowedWeights.set(0, 0);
  subtensor.NetworkRegistrationAllowed.set(0, true);
  subtensor.Tempo.set(0, 100);
}
