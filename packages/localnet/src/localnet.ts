/**
 * Starting and ending a localnet.
 * @module
 */
import { trieReady } from '@connito/chain/trie';
import { QUICKNET } from '@connito/commit-reveal';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { accountOfAddress, accountOfUri, addressOf, DEVELOPMENT_ACCOUNTS } from './accounts.ts';
import { MAX_PULSES_PER_BLOCK, openBeacon, type ChainBeacon } from './beacon.ts';
import { reportBlock, type BlockReport } from './block-report.ts';
import { Chain, type ChainStart } from './chain.ts';
import { Controls, fundAccount, type JumpOptions, type StorageEntry } from './controls.ts';
import { DrandBeacon, type GivenPulse } from './drand-beacon.ts';
import type { ChainStore, StoredChain } from './disk.ts';
import { LocalnetError } from './errors.ts';
import type { Faults } from './faults.ts';
import { makeGenesis } from './genesis.ts';
import { blake2 } from './hex.ts';
import { LocalNode } from './node.ts';
import type { BlockMode } from './producer.ts';
import { PulseFeed } from './pulse-feed.ts';
import { openServer, type RpcServer } from './rpc/server.ts';
import { freeBalance } from './runtime/balances.ts';
import { restartRounds } from './runtime/drand.ts';
import type { EpochModel, Execution } from './runtime/execution.ts';
import type { Json } from './scale/json.ts';
import { readSnapshotFile, type Snapshot } from './snapshot.ts';

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
  /** Wall-clock time between blocks; without it there are no empty blocks but by `waitFor` and the controls. */
  readonly intervalMs?: number;
  /** Whether a transaction gets a block at once (yes); without `waitFor` only. */
  readonly instantSeal?: boolean;
  /** Blocks so far behind the newest one are final (0: each at once). Those that are not can be replaced by `reorganize`. */
  readonly finalityLagBlocks?: number;
  /** How many participants steer the time with `localnet_release`. */
  readonly waitFor?: number;
  /** Where the chain is kept; without it, in memory only. */
  readonly stateDirectory?: string;
  /** A snapshot file or the state directory of another localnet, from whose newest block a new chain goes on. A state directory that already has a chain goes on with its own. */
  readonly forkFrom?: string;
  /** Where clients may save and load snapshot files by name (`snapshots` in the state directory). */
  readonly snapshotDirectory?: string;
  /** Balances in rao by ss58 address, besides and above those of the development accounts. */
  readonly endowments?: Readonly<Record<string, bigint>>;
  /** Balance of each development account (`//Alice` to `//Ferdie`) in rao (1 million TAO, as the chain's own localnet gives; more than 21 million in all would end emission). */
  readonly developmentBalanceRao?: bigint;
  /** What `CommitRevealWeightsEnabled` is on new subnets: the chain's default (true), unless given. */
  readonly commitRevealWeights?: boolean;
  /** How epochs are scheduled: as on chain since spec 407 (`stateful`), or as clients of before compute it (`modulo`). */
  readonly epochModel?: EpochModel;
  /**
   * What the chain's `Drand` pallet follows: a beacon of its own that signs each round when the chain's time has reached it (`built-in`), or drand's quicknet as mainnet
   * does, whose pulses are given by `givePulses` or fetched.
   */
  readonly beacon?: 'built-in' | 'quicknet';
  /** HTTP endpoints of drand that quicknet's pulses are fetched from (none: there are those that are given). `DRAND_ENDPOINTS` of `@connito/commit-reveal` are the public ones. */
  readonly drandEndpoints?: readonly string[];
  /** Seconds from one round of the built-in beacon to the next, in milliseconds (3,000). */
  readonly beaconPeriodMs?: number;
  /** `wall`: a block is stamped with the clock on the wall where that is later than a block time after the one before; `virtual`, the default, never looks at it. */
  readonly clock?: 'virtual' | 'wall';
  /** Hears what goes wrong without ending anything, such as drand not answering (`process.emitWarning`). */
  readonly onNotice?: (message: string) => void;
  /** How many blocks back state can be read (in memory 10,000, in a directory 100,000). */
  readonly historyBlocks?: number;
  /** How many blocks are kept at all (in memory 10,000, and no fewer than `historyBlocks`; in a directory all). */
  readonly keepBlocks?: number;
}

/** One more address that the chain is served at, with faults of its own. */
export interface LocalnetEndpoint {
  /** `ws://host:port`. */
  readonly endpoint: string;
  readonly port: number;
  /** What goes wrong for clients of this endpoint. */
  readonly faults: Faults;
  close(): Promise<void>;
}

/** A running localnet. */
export interface Localnet extends LocalnetEndpoint {
  /** `0x…`. */
  readonly genesisHash: string;
  /** Accounts that have funds in genesis, with their secret URIs. */
  readonly accounts: readonly { readonly uri: string; readonly address: string }[];
  /** The newest block's number. */
  blockNumber(): number;
  /** The newest final block's number. */
  finalizedNumber(): number;
  /** The newest block's timestamp. */
  timestampMs(): number;
  /** Makes blocks at once, whatever steers the time otherwise. */
  sealBlocks(count: number): void;
  /** Makes blocks, many thousands a second where nothing happens in them; the newest block's number. @throws bad-control */
  jump(blocks: number, options?: JumpOptions): Promise<number>;
  /** Makes blocks until the subnet's next epoch has run; its block's number. @throws bad-control */
  jumpToEpoch(netuid: number, options?: JumpOptions): Promise<number>;
  /** Stamps the next block with a later time. @throws bad-control */
  setNextTime(timeMs: number, options?: JumpOptions): void;
  /** Takes in signatures of quicknet, verified, where the chain follows it; how many pulses wait for their blocks. @throws bad-control */
  givePulses(pulses: readonly GivenPulse[]): Promise<number>;
  /** How blocks come from now on. @throws bad-control */
  setBlockMode(mode: BlockMode): void;
  /** Gives an account new TAO, in a block of its own. @throws bad-control */
  fund(address: string, amountRao: bigint): void;
  /** Writes or removes storage, in a block of its own. @throws bad-control */
  setStorage(entries: readonly StorageEntry[]): void;
  /** A storage value as JSON, at the newest block. @throws bad-control */
  getStorage(item: { readonly pallet: string; readonly item: string; readonly keys?: readonly unknown[] }): Json;
  /** Remembers the newest block and its state under a name. @throws bad-control */
  takeSnapshot(name: string): void;
  /** Goes back to a snapshot, also over final blocks. @throws unknown-snapshot */
  restoreSnapshot(name: string): void;
  /** Forgets a snapshot; whether there was one. */
  forgetSnapshot(name: string): boolean;
  /** Writes the newest block and its state to a file. */
  saveSnapshot(path: string): void;
  /** Goes on from a snapshot file of this chain. @throws bad-snapshot, bad-control */
  loadSnapshot(path: string): void;
  /** Replaces the newest blocks, which must not be final, by a fork that is one block longer. @throws bad-control */
  reorganize(depth: number, options?: { readonly dropTransactions?: boolean }): void;
  /** Brings the chain into the state that the text of a scenario file describes; what it did, a line each. @throws bad-scenario */
  runScenario(text: string): Promise<readonly string[]>;
  /** Hears of each new best block, decoded, until the returned function is called. */
  onBlock(listener: (report: BlockReport) => void): () => void;
  /** Serves the chain at one more address. @throws port-in-use, listen-failed */
  openEndpoint(options?: { readonly host?: string; readonly port?: number }): Promise<LocalnetEndpoint>;
  /** Ends the servers, all timers and the store. */
  close(): Promise<void>;
}

/** 2026-01-01T00:00:00Z. */
const DEFAULT_GENESIS_TIME_MS = 1_767_225_600_000;
/** So many blocks and their states are kept where nothing is said: in memory an empty one takes 2 KB. */
const KEPT_BLOCKS = { inMemory: 10_000, onDisk: 100_000 } as const;
const SUDO_URI = '//Alice';

/**
 * Starts a development chain and its JSON-RPC server. `//Alice` is the sudo key.
 * @throws bad-option, port-in-use, listen-failed, bad-state, state-locked
 */
export async function startLocalnet(options: LocalnetOptions): Promise<Localnet> {
  await trieReady;
  const checked = checkOptions(options);
  const beacon = beaconOf(checked);
  const { start, isFork } = await openStart(checked, beacon);
  const store = 'store' in start ? start.store : undefined;
  try {
    const chain = openChain(start, checked, beacon);
    const node = new LocalNode(chain, { waitFor: checked.waitFor, mode: checked.mode });
    if (isFork) node.edit((execution) => adapt(execution, checked, beacon));
    const feed = beacon instanceof DrandBeacon ? followDrand(node, beacon, checked) : undefined;
    return await serve({ node, store, feed }, checked);
  } catch (error) {
    await store?.close();
    throw error;
  }
}

function beaconOf({ beacon, seed, genesisTimeMs, beaconPeriodMs, drandEndpoints }: CheckedOptions): ChainBeacon {
  if (beacon === 'quicknet') return new DrandBeacon({ seed, isFetched: drandEndpoints.length > 0 });
  return openBeacon({ seed, genesisTimeMs, periodMs: beaconPeriodMs });
}

/** What was written waits no more; where there are endpoints, the rounds of the next blocks are fetched. */
function followDrand(node: LocalNode, beacon: DrandBeacon, { drandEndpoints: endpoints, onNotice: notice }: CheckedOptions): PulseFeed | undefined {
  const lastStored = (number: number): bigint => node.chain.storageAt(number).Drand.LastStoredRound.get();
  node.onFinalized(({ header }) => beacon.forget(lastStored(header.number)));
  if (endpoints.length === 0) return undefined;
  const wanted = (): { first: number; last: number } => {
    if (!node.chain.followsBeacon) return { first: 1, last: 0 };
    const due = beacon.lastRoundAt(node.chain.nextTimestampMs);
    const known = Math.max(Number(lastStored(node.head.header.number)), beacon.waiting.at(-1)?.round ?? 0);
    // As the pallet's worker, which begins with the newest round where there is none yet.
    const first = known === 0 ? Math.max(1, due) : known + 1;
    return { first, last: Math.min(due, first + MAX_PULSES_PER_BLOCK - 1) };
  };
  const feed = new PulseFeed({ beacon: QUICKNET, endpoints, fetch, wanted, deliver: (pulse) => beacon.hold([pulse]), notice });
  node.onBlock(() => feed.wake());
  feed.wake();
  return feed;
}

/** The chain of the state directory, or a new one: from genesis, or from where another stands. */
async function openStart(options: CheckedOptions, beacon: ChainBeacon): Promise<{ start: ChainStart; isFork: boolean }> {
  const { stateDirectory, forkFrom } = options;
  const store = stateDirectory === undefined ? undefined : (await import('./disk.ts')).openChainStore(stateDirectory);
  try {
    const stored = store?.chain();
    if (store !== undefined && stored !== undefined) {
      checkStored(stored, options, beacon);
      return { start: { store, stored }, isFork: false };
    }
    const snapshot = forkFrom === undefined ? genesisOf(options, beacon) : { ...(await readFork(forkFrom)), blockTimeMs: options.blockTimeMs };
    const isFork = forkFrom !== undefined;
    store?.reset(snapshot, { forked: isFork });
    beacon.resetWaiting(snapshot.waitingPulses ?? []);
    return { start: store === undefined ? { snapshot } : { store, stored: store.chain() as StoredChain }, isFork };
  } catch (error) {
    await store?.close();
    throw error;
  }
}

async function readFork(path: string): Promise<Snapshot> {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isDirectory ? (await import('./disk.ts')).readStateDirectory(path) : readSnapshotFile(path);
}

/** A directory that was made from genesis has the genesis of its options; one that was forked has another's. */
function checkStored({ genesis, blockTimeMs, forked }: StoredChain, options: CheckedOptions, beacon: ChainBeacon): void {
  const expected = { genesisHash: forked ? genesis.hash : genesisOf(options, beacon).genesis.hash, blockTimeMs: options.blockTimeMs };
  const found = { genesisHash: genesis.hash, blockTimeMs };
  for (const key of ['genesisHash', 'blockTimeMs'] as const) {
    if (found[key] === expected[key]) continue;
    const message = `${options.stateDirectory} holds another chain: its ${key} is ${found[key]}, and with these options it would be ${expected[key]}. Start it with the options that it was made with, or choose another directory.`;
    throw new LocalnetError('bad-state', message, { context: { path: options.stateDirectory, key, found: found[key], expected: expected[key] } });
  }
}

function openChain(start: ChainStart, options: CheckedOptions, beacon: ChainBeacon): Chain {
  const { historyBlocks, finalityLagBlocks, commitRevealWeights, epochModel, clock } = options;
  const keepBlocks = options.keepBlocks ?? (options.stateDirectory === undefined ? Math.max(historyBlocks, KEPT_BLOCKS.inMemory) : undefined);
  return new Chain({ start, beacon, historyBlocks, keepBlocks, finalityLagBlocks, commitRevealDefault: commitRevealWeights, epochModel, clock });
}

function genesisOf(options: CheckedOptions, beacon: ChainBeacon): Snapshot {
  return makeGenesis({
    genesisTimeMs: options.genesisTimeMs,
    blockTimeMs: options.blockTimeMs,
    endowed: endowedAccounts(options),
    sudoKey: accountOfUri(SUDO_URI) as string,
    beaconConfig: beacon.config,
  });
}

/** Makes a forked chain that of its options: beacon, funds of those who should have them, sudo key. */
function adapt(execution: Execution, options: CheckedOptions, beacon: ChainBeacon): void {
  const { Drand, Sudo } = execution.storage;
  Sudo.Key.set(accountOfUri(SUDO_URI) as string);
  if (Buffer.compare(Drand.BeaconConfig.get().public_key, beacon.config.public_key) !== 0 || Drand.BeaconConfig.get().period !== beacon.config.period) {
    Drand.BeaconConfig.set(beacon.config);
    restartRounds(execution, beacon.lastRoundAt(execution.timestampMs));
  }
  for (const [account, balanceRao] of endowedAccounts(options)) {
    const missing = balanceRao - freeBalance(execution, account);
    if (missing > 0n) fundAccount(execution, account, missing);
  }
}

interface RunningNode {
  readonly node: LocalNode;
  readonly store: ChainStore | undefined;
  readonly feed: PulseFeed | undefined;
}

async function serve({ node, store, feed }: RunningNode, options: CheckedOptions): Promise<Localnet> {
  const { host, port, snapshotDirectory } = options;
  const controls = new Controls(node);
  const open = (address: { host: string; port: number }): Promise<RpcServer> => openServer({ node, controls, snapshotDirectory, ...address });
  const servers = [await open({ host, port }).catch(async (error: unknown) => {
    node.close();
    await feed?.close();
    throw error;
  })];
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    node.close();
    await feed?.close();
    await Promise.all(servers.map((server) => server.close()));
    await store?.close();
  };
  const alive = <A extends readonly unknown[], R>(run: (...args: A) => R) => (...args: A): R => {
    if (closing !== undefined) throw new LocalnetError('closed', 'This localnet has been closed; start another one.');
    return run(...args);
  };
  return {
    ...endpointOf(servers[0] as RpcServer, host),
    ...controlsOf(node, controls, alive),
    genesisHash: `0x${node.chain.genesisHash}`,
    accounts: DEVELOPMENT_ACCOUNTS.map((uri) => ({ uri, address: addressOf(accountOfUri(uri) as string) })),
    openEndpoint: alive(async ({ host: at = host, port: on = 0 } = {}) => {
      const server = await open({ host: at, port: on });
      servers.push(server);
      return { ...endpointOf(server, at), close: () => server.close() };
    }),
    close: () => (closing ??= close()),
  };
}

function endpointOf({ port, faults }: RpcServer, host: string): Omit<LocalnetEndpoint, 'close'> {
  return { endpoint: `ws://${host.includes(':') ? `[${host}]` : host}:${port}`, port, faults };
}

type Alive = <A extends readonly unknown[], R>(run: (...args: A) => R) => (...args: A) => R;
type ControlsOfLocalnet = Omit<Localnet, keyof LocalnetEndpoint | 'genesisHash' | 'accounts' | 'openEndpoint' | 'close'>;

function controlsOf(node: LocalNode, controls: Controls, alive: Alive): ControlsOfLocalnet {
  return {
    blockNumber: () => node.head.header.number,
    finalizedNumber: () => node.finalized.header.number,
    timestampMs: () => node.head.timestampMs,
    sealBlocks: alive((count: number) => controls.seal(count)),
    jump: alive(async (blocks: number, options?: JumpOptions) => (await controls.jump(blocks, options)).header.number),
    jumpToEpoch: alive(async (netuid: number, options?: JumpOptions) => (await controls.jumpToEpoch(netuid, options)).header.number),
    setNextTime: alive((timeMs: number, options?: JumpOptions) => controls.setNextTime(timeMs, options)),
    givePulses: alive((pulses: readonly GivenPulse[]) => controls.givePulses(pulses)),
    setBlockMode: alive((mode: BlockMode) => controls.setBlockMode(mode)),
    fund: alive((address: string, amountRao: bigint) => void controls.fund(address, amountRao)),
    setStorage: alive((entries: readonly StorageEntry[]) => void controls.setStorage(entries)),
    getStorage: alive((item: Parameters<Controls['getStorage']>[0]) => controls.getStorage(item)),
    takeSnapshot: alive((name: string) => void controls.takeSnapshot(name)),
    restoreSnapshot: alive((name: string) => void controls.restoreSnapshot(name)),
    forgetSnapshot: alive((name: string) => controls.forgetSnapshot(name)),
    saveSnapshot: alive((path: string) => controls.saveSnapshot(path)),
    loadSnapshot: alive((path: string) => void controls.loadSnapshot(path)),
    reorganize: alive((depth: number, options?: { readonly dropTransactions?: boolean }) => void controls.reorganize(depth, options)),
    runScenario: alive(async (text: string) => {
      const [{ parseScenario }, { runScenario }] = await Promise.all([import('./scenario/schema.ts'), import('./scenario/run.ts')]);
      return runScenario(parseScenario(text), { node, controls });
    }),
    onBlock: alive((listener: (report: BlockReport) => void) => node.onBlock((block) => listener(reportBlock(node.chain, block)))),
  };
}

type Optional = 'waitFor' | 'intervalMs' | 'instantSeal' | 'stateDirectory' | 'forkFrom' | 'snapshotDirectory' | 'commitRevealWeights' | 'keepBlocks' | 'seed';
type CheckedOptions = Required<Omit<LocalnetOptions, Optional>> &
  Pick<LocalnetOptions, 'commitRevealWeights' | 'keepBlocks' | 'forkFrom' | 'stateDirectory'> & {
    readonly seed: Uint8Array;
    readonly waitFor: number | undefined;
    readonly mode: BlockMode;
    readonly snapshotDirectory: string | undefined;
  };

function checkOptions(options: LocalnetOptions): CheckedOptions {
  const { host = '127.0.0.1', port = 0, genesisTimeMs = DEFAULT_GENESIS_TIME_MS, blockTimeMs = 12_000, finalityLagBlocks = 0 } = options;
  const { endowments = {}, developmentBalanceRao = 10n ** 15n, beaconPeriodMs = 3_000, epochModel = 'stateful' } = options;
  const historyBlocks = options.historyBlocks ?? KEPT_BLOCKS[options.stateDirectory === undefined ? 'inMemory' : 'onDisk'];
  const { seed, waitFor, stateDirectory, snapshotDirectory = stateDirectory === undefined ? undefined : join(stateDirectory, 'snapshots') } = options;
  const counts = { port, genesisTimeMs, blockTimeMs, finalityLagBlocks, beaconPeriodMs, historyBlocks, waitFor, intervalMs: options.intervalMs, keepBlocks: options.keepBlocks };
  for (const [name, value] of Object.entries(counts)) if (value !== undefined) assertInteger(name, value, LIMITS[name as keyof typeof counts]);
  const checked = { host, port, genesisTimeMs, blockTimeMs, finalityLagBlocks, endowments, developmentBalanceRao, beaconPeriodMs, historyBlocks, epochModel, waitFor, snapshotDirectory };
  if (epochModel !== 'stateful' && epochModel !== 'modulo') throw new LocalnetError('bad-option', `epochModel must be stateful or modulo, got ${String(epochModel)}.`, { context: { epochModel: String(epochModel) } });
  const { commitRevealWeights, keepBlocks, forkFrom } = options;
  return {
    ...checked,
    ...checkBeacon(options),
    mode: modeOf(options),
    seed: blake2(typeof seed === 'string' ? new TextEncoder().encode(seed) : seed),
    ...(commitRevealWeights === undefined ? {} : { commitRevealWeights }),
    ...(keepBlocks === undefined ? {} : { keepBlocks }),
    ...(forkFrom === undefined ? {} : { forkFrom }),
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
  };
}

type BeaconOptions = Pick<CheckedOptions, 'beacon' | 'drandEndpoints' | 'clock' | 'onNotice'>;

function checkBeacon({ beacon = 'built-in', drandEndpoints = [], clock = 'virtual', beaconPeriodMs, onNotice = (message) => process.emitWarning(message) }: LocalnetOptions): BeaconOptions {
  if (beacon !== 'built-in' && beacon !== 'quicknet') throw refuse(`beacon must be built-in or quicknet, got ${String(beacon)}.`);
  if (clock !== 'virtual' && clock !== 'wall') throw refuse(`clock must be virtual or wall, got ${String(clock)}.`);
  if (beacon === 'built-in' && drandEndpoints.length > 0) throw refuse('drandEndpoints are asked for the pulses of quicknet only: set beacon to quicknet too.');
  if (beacon === 'quicknet' && (beaconPeriodMs ?? QUICKNET.periodMs) !== QUICKNET.periodMs) throw refuse(`beaconPeriodMs is for the built-in beacon; quicknet has a round each ${QUICKNET.periodMs} ms.`);
  for (const endpoint of drandEndpoints) {
    if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) continue;
    throw refuse(`drandEndpoints must be http(s) URLs such as https://api.drand.sh, got ${endpoint}.`);
  }
  return { beacon, drandEndpoints, clock, onNotice };
}

function refuse(message: string): LocalnetError {
  return new LocalnetError('bad-option', message);
}

function modeOf({ intervalMs, instantSeal: instant = true }: LocalnetOptions): BlockMode {
  if (intervalMs !== undefined) return { type: 'interval', intervalMs, instant };
  return { type: instant ? 'instant' : 'manual' };
}

const LIMITS = {
  port: { min: 0, max: 65_535 },
  genesisTimeMs: { min: 0, max: 4_000_000_000_000, step: 1000 },
  blockTimeMs: { min: 1, max: 86_400_000 },
  finalityLagBlocks: { min: 0, max: 10_000 },
  beaconPeriodMs: { min: 1000, max: 86_400_000, step: 1000 },
  historyBlocks: { min: 1, max: 0xffff_ffff },
  keepBlocks: { min: 1, max: 0xffff_ffff },
  waitFor: { min: 1, max: 4096 },
  intervalMs: { min: 1, max: 86_400_000 },
} as const;

function assertInteger(name: string, value: number, { min, max, step = 1 }: { min: number; max: number; step?: number }): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max && value % step === 0) return;
  const kind = step === 1 ? 'a whole number' : `a multiple of ${step}`;
  throw new LocalnetError('bad-option', `${name} must be ${kind} from ${min} to ${max}, got ${value}.`, { context: { name, value } });
}

function endowedAccounts({ endowments, developmentBalanceRao }: CheckedOptions): Map<string, bigint> {
  const accounts = new Map(DEVELOPMENT_ACCOUNTS.map((uri) => [accountOfUri(uri) as string, developmentBalanceRao]));
  for (const [address, balanceRao] of Object.entries(endowments)) {
    if (balanceRao < 0n || balanceRao >= 1n << 63n) throw new LocalnetError('bad-option', `The endowment of ${address} must be a balance in rao below 2^63, got ${balanceRao}.`);
    const account = accountOfAddress(address);
    if (account === undefined) throw new LocalnetError('bad-option', `endowments: expected an ss58 address, got ${address}.`, { context: { address } });
    accounts.set(account, balanceRao);
  }
  return accounts;
}
