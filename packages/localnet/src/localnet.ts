/**
 * Starting and ending a localnet.
 * @module
 */
import { cryptoWaitReady, decodeAddress, sr25519PairFromSeed, keyExtractSuri, keyFromPath, mnemonicToMiniSecret } from '@polkadot/util-crypto';
import { openBeacon } from './beacon.ts';
import { Chain } from './chain.ts';
import { openBlockStore, type BlockStore } from './disk.ts';
import { LocalnetError } from './errors.ts';
import { genesisState } from './genesis.ts';
import { blake2, toHex } from './hex.ts';
import { LocalNode } from './node.ts';
import type { EpochModel } from './runtime/execution.ts';
import { openServer } from './rpc/server.ts';

/** What a localnet is made from. The same seed, times and endowments give the same genesis hash, beacon and block times. */
export interface LocalnetOptions {
  /** Any text or bytes: the beacon's key comes from it. Not secret: who knows it can foretell the beacon. */
  readonly seed: string | Uint8Array;
  /** Address to listen on (127.0.0.1). */
  readonly host?: string;
  /** Port to listen on; 0, the default, takes any free one. */
  readonly port?: number;
  /** Timestamp of block 0 in Unix milliseconds, whole seconds (2026-01-01T00:00:00Z). */
  readonly genesisTimeMs?: number;
  /** Virtual time from block to block (12,000). */
  readonly blockTimeMs?: number;
  /** Wall-clock time between blocks; without it there are no empty blocks but by `waitFor` and `sealBlocks`. */
  readonly intervalMs?: number;
  /** Whether a transaction gets a block at once (yes); without `waitFor` only. */
  readonly instantSeal?: boolean;
  /** How many participants steer the time with `localnet_release`. */
  readonly waitFor?: number;
  /** Where blocks are kept; without it, in memory only. */
  readonly stateDirectory?: string;
  /** Balances in rao by ss58 address, besides and above those of the development accounts. */
  readonly endowments?: Readonly<Record<string, bigint>>;
  /** Balance of each development account (`//Alice` to `//Ferdie`) in rao (10 million TAO). */
  readonly developmentBalanceRao?: bigint;
  /** What `CommitRevealWeightsEnabled` is on new subnets: the chain's default (true), unless given. */
  readonly commitRevealWeights?: boolean;
  /** How epochs are scheduled: as on chain since spec 407 (`stateful`), or as clients of before compute it (`modulo`). */
  readonly epochModel?: EpochModel;
  /** Seconds from one beacon round to the next, in milliseconds (3,000). */
  readonly beaconPeriodMs?: number;
  /** How many blocks back state can be read (100,000). */
  readonly historyBlocks?: number;
}

/** A running localnet. */
export interface Localnet {
  /** `ws://host:port`. */
  readonly endpoint: string;
  readonly port: number;
  /** `0x…`. */
  readonly genesisHash: string;
  /** The newest block's number. */
  blockNumber(): number;
  /** Makes blocks at once, whatever steers the time otherwise. */
  sealBlocks(count: number): void;
  /** Ends the server, all timers and the store. */
  close(): Promise<void>;
}

/** 2026-01-01T00:00:00Z. */
const DEFAULT_GENESIS_TIME_MS = 1_767_225_600_000;
const DEVELOPMENT_ACCOUNTS = ['Alice', 'Bob', 'Charlie', 'Dave', 'Eve', 'Ferdie'];
/** The phrase of Substrate's development accounts (`sp_core::crypto::DEV_PHRASE`). */
const DEVELOPMENT_PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';

/**
 * Starts a development chain and its JSON-RPC server. `//Alice` is the sudo key.
 * @throws bad-option, port-in-use, listen-failed, bad-state, state-locked
 */
export async function startLocalnet(options: LocalnetOptions): Promise<Localnet> {
  await cryptoWaitReady();
  const checked = checkOptions(options);
  const chain = createChain(checked);
  const store = checked.stateDirectory === undefined ? undefined : openBlockStore(checked.stateDirectory, chain);
  if (store !== undefined) chain.sink = store;
  const node = new LocalNode(chain, { waitFor: checked.waitFor, intervalMs: checked.intervalMs, instantSeal: checked.instantSeal });
  try {
    return await serve(node, store, checked);
  } catch (error) {
    node.close();
    await store?.close();
    throw error;
  }
}

async function serve(node: LocalNode, store: BlockStore | undefined, { host, port }: CheckedOptions): Promise<Localnet> {
  const server = await openServer(node, { host, port });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    node.close();
    await server.close();
    await store?.close();
  };
  return {
    endpoint: `ws://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
    port: server.port,
    genesisHash: `0x${node.chain.genesisHash}`,
    blockNumber: () => node.chain.head.header.number,
    sealBlocks: (count) => {
      if (closing !== undefined) throw new LocalnetError('closed', 'This localnet has been closed; start another one.');
      for (let made = 0; made < count; made++) node.seal();
      node.producer.wake();
    },
    close: () => (closing ??= close()),
  };
}

type CheckedOptions = Required<Omit<LocalnetOptions, 'waitFor' | 'intervalMs' | 'stateDirectory' | 'commitRevealWeights' | 'seed'>> &
  Pick<LocalnetOptions, 'commitRevealWeights'> & {
    readonly seed: Uint8Array;
    readonly waitFor: number | undefined;
    readonly intervalMs: number | undefined;
    readonly stateDirectory: string | undefined;
  };

function createChain(options: CheckedOptions): Chain {
  const beacon = openBeacon({ seed: options.seed, genesisTimeMs: options.genesisTimeMs, periodMs: options.beaconPeriodMs });
  const genesis = genesisState({
    genesisTimeMs: options.genesisTimeMs,
    endowed: endowedAccounts(options),
    sudoKey: developmentAccount('Alice'),
    beaconConfig: beacon.config,
  });
  return new Chain({
    genesis,
    genesisTimeMs: options.genesisTimeMs,
    blockTimeMs: options.blockTimeMs,
    beacon,
    historyBlocks: options.historyBlocks,
    commitRevealDefault: options.commitRevealWeights,
    epochModel: options.epochModel,
  });
}

function checkOptions(options: LocalnetOptions): CheckedOptions {
  const { host = '127.0.0.1', port = 0, genesisTimeMs = DEFAULT_GENESIS_TIME_MS, blockTimeMs = 12_000, instantSeal = true } = options;
  const { endowments = {}, developmentBalanceRao = 10n ** 16n, beaconPeriodMs = 3_000, historyBlocks = 100_000, epochModel = 'stateful' } = options;
  const { waitFor, intervalMs, stateDirectory, commitRevealWeights } = options;
  assertInteger('port', port, { min: 0, max: 65_535 });
  assertInteger('genesisTimeMs', genesisTimeMs, { min: 0, max: 4_000_000_000_000, step: 1000 });
  assertInteger('blockTimeMs', blockTimeMs, { min: 1, max: 86_400_000 });
  assertInteger('beaconPeriodMs', beaconPeriodMs, { min: 1000, max: 86_400_000, step: 1000 });
  assertInteger('historyBlocks', historyBlocks, { min: 1, max: 0xffff_ffff });
  if (waitFor !== undefined) assertInteger('waitFor', waitFor, { min: 1, max: 4096 });
  if (intervalMs !== undefined) assertInteger('intervalMs', intervalMs, { min: 1, max: 86_400_000 });
  if (epochModel !== 'stateful' && epochModel !== 'modulo') throw new LocalnetError('bad-option', `epochModel must be stateful or modulo, got ${String(epochModel)}.`, { context: { epochModel: String(epochModel) } });
  const seed = typeof options.seed === 'string' ? new TextEncoder().encode(options.seed) : options.seed;
  const commitReveal = commitRevealWeights === undefined ? {} : { commitRevealWeights };
  return { host, port, genesisTimeMs, blockTimeMs, instantSeal, endowments, developmentBalanceRao, beaconPeriodMs, historyBlocks, epochModel, waitFor, intervalMs, stateDirectory, seed: blake2(seed), ...commitReveal };
}

function assertInteger(name: string, value: number, { min, max, step = 1 }: { min: number; max: number; step?: number }): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max && value % step === 0) return;
  const kind = step === 1 ? 'a whole number' : `a multiple of ${step}`;
  throw new LocalnetError('bad-option', `${name} must be ${kind} from ${min} to ${max}, got ${value}.`, { context: { name, value } });
}

function endowedAccounts({ endowments, developmentBalanceRao }: CheckedOptions): Map<string, bigint> {
  const accounts = new Map(DEVELOPMENT_ACCOUNTS.map((name) => [developmentAccount(name), developmentBalanceRao]));
  for (const [address, balanceRao] of Object.entries(endowments)) {
    if (balanceRao < 0n || balanceRao >= 1n << 63n) throw new LocalnetError('bad-option', `The endowment of ${address} must be a balance in rao below 2^63, got ${balanceRao}.`);
    accounts.set(accountOf(address), balanceRao);
  }
  return accounts;
}

function accountOf(address: string): string {
  try {
    return toHex(decodeAddress(address));
  } catch (cause) {
    throw new LocalnetError('bad-option', `endowments: expected an ss58 address, got ${address}.`, { context: { address }, cause });
  }
}

/** The sr25519 account of `//name`, hex. */
function developmentAccount(name: string): string {
  const { path } = keyExtractSuri(`${DEVELOPMENT_PHRASE}//${name}`);
  const pair = keyFromPath(sr25519PairFromSeed(mnemonicToMiniSecret(DEVELOPMENT_PHRASE)), path, 'sr25519');
  return toHex(pair.publicKey);
}

