/**
 * `connito localnet`: the embedded development chain, until Ctrl-C.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { Option, type Command } from 'commander';
import type { BlockMode, EpochModel, Localnet, LocalnetOptions } from '@connito/localnet';
import { wantsColor, type CliContext } from '../context.ts';
import { renderBanner, type BannerFacts } from '../localnet/banner.ts';
import { openJsonView, openTerminalView } from '../localnet/block-view.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';
import { createPaint } from '../terminal.ts';

interface LocalnetFlags {
  readonly port: number;
  readonly host?: string;
  readonly seed: string;
  readonly waitFor?: number;
  readonly blockTime: number;
  readonly interval?: number;
  readonly mode?: BlockMode['type'];
  readonly beacon: 'built-in' | 'quicknet';
  readonly beaconPeriod: number;
  readonly drandUrl?: readonly string[];
  readonly drand: boolean;
  readonly clock?: 'virtual' | 'wall';
  readonly epochModel: EpochModel;
  readonly finalityLag: number;
  readonly history?: number;
  readonly keepBlocks?: number;
  readonly state?: string;
  readonly fork?: string;
  readonly script?: string;
  readonly commitRevealWeights?: true;
  readonly quiet?: true;
  readonly json?: true;
}

/** Wall-clock seconds between blocks where nothing else steers the time. */
const DEFAULT_INTERVAL = 1;
const SUDO_URI = '//Alice';
/** V8 lets a small heap grow fourfold before it looks through all of it: in a jump over thousands of blocks that is 100 MB of old blocks. At 30 % the process stays below 150 MB, and takes no longer. */
const COLLECT_SOONER = '--heap-growing-percent=30';

/** Adds `connito localnet`. */
export function registerLocalnet(program: Command, context: CliContext): void {
  const seconds = decimalNumber({ min: 0.001, max: 86_400 });
  const command = program
    .command('localnet')
    .description("Start an embedded development chain that speaks Subtensor's JSON-RPC, until Ctrl-C. //Alice is its sudo key; //Alice to //Ferdie have funds.")
    .option('-p, --port <port>', 'port; 0 takes a free one', wholeNumber({ max: 65_535 }), 9944)
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--seed <text>', "text that the beacon's key comes from", '1')
    .option('--wait-for <participants>', 'virtual time: go on only when so many participants have released it', wholeNumber({ min: 1, max: 4096 }))
    .option('--block-time <seconds>', 'chain time from block to block', seconds, 12)
    .option('--interval <seconds>', `wall-clock time between blocks (default: ${DEFAULT_INTERVAL}; the block time with --clock wall; none with --wait-for)`, seconds)
    .addOption(new Option('--mode <mode>', 'when blocks come: by the clock, at once for each transaction, or only on request').choices(['interval', 'instant', 'manual']))
    .addOption(new Option('--beacon <beacon>', "what the Drand pallet follows: a beacon of the chain's own, or drand's quicknet, to which Bittensor's SDK seals weights").choices(['built-in', 'quicknet']).default('built-in'))
    .option('--drand-url <url...>', "with --beacon quicknet: drand's HTTP endpoints to fetch pulses from (default: those of the League of Entropy)")
    .option('--no-drand', 'with --beacon quicknet: fetch nothing; pulses come by localnet_givePulses or --script')
    .addOption(new Option('--clock <clock>', "time of the blocks: the chain's own, or not behind the wall clock (default: virtual; wall where pulses are fetched)").choices(['virtual', 'wall']))
    .option('--beacon-period <seconds>', 'chain time from one round of the built-in beacon to the next', wholeNumber({ min: 1, max: 86_400 }), 3)
    .addOption(new Option('--epoch-model <model>', 'schedule of epochs: as on chain since spec 407, or as clients of before compute it').choices(['stateful', 'modulo']).default('stateful'))
    .option('--finality-lag <blocks>', 'blocks so far behind the newest are final; the others can be replaced (localnet_reorg)', wholeNumber({ max: 10_000 }), 0)
    .option('--history <blocks>', 'blocks back at which state can be read (default: 10000 in memory, 100000 in a directory)', wholeNumber({ min: 1, max: 0xffff_ffff }))
    .option('--keep-blocks <blocks>', 'blocks that are kept at all (default: 10000 in memory, all in a directory)', wholeNumber({ min: 1, max: 0xffff_ffff }))
    .option('--state <directory>', 'keep the chain here and go on from it at the next start')
    .option('--fork <path>', 'go on from a snapshot file or from the state directory of another localnet')
    .option('--script <file>', 'seed accounts, subnets, neurons, stake and weights from this file (JSON with comments; see examples/subnet.jsonc of @connito/localnet)')
    .option('--commit-reveal-weights', 'new subnets ask for timelocked weights, as on finney; plain set_weights is then refused')
    .option('-q, --quiet', 'do not show blocks')
    .action((flags: LocalnetFlags) => run(flags, context));
  describeUse(
    command,
    ['connito localnet', 'connito localnet --script subnet.jsonc', 'connito localnet --port 0 --interval 0.5 --json', 'connito localnet --state ./chain --finality-lag 3', 'connito localnet --wait-for 7 --seed 42 --state ./chain', 'connito localnet --beacon quicknet --block-time 0.25'],
    'print lines of JSON: {endpoint, genesisHash} when the chain is up, then one for each block',
  );
}

async function run(flags: LocalnetFlags, context: CliContext): Promise<void> {
  setFlagsFromString(COLLECT_SOONER);
  const { startLocalnet } = await import('@connito/localnet');
  const script = flags.script === undefined ? undefined : await readFile(flags.script, 'utf8');
  const localnet = await startLocalnet({ ...optionsOf(flags), ...(await beaconOptions(flags, context)) });
  try {
    const report = script === undefined ? [] : await localnet.runScenario(script);
    const lines = flags.json === true || context.stdout.isTTY !== true;
    if (lines) context.stdout.write(`${JSON.stringify({ endpoint: localnet.endpoint, genesisHash: localnet.genesisHash })}\n`);
    else context.print(bannerOf(flags, { localnet, report, context }));
    if (flags.json !== true) context.log.info('Ctrl-C ends it');
    if (flags.quiet !== true) showBlocks(localnet, lines ? openJsonView(context) : openTerminalView(context));
    // A client that waits for a block should not have to wait for the clock as well.
    if (flags.waitFor === undefined && intervalOf(flags) !== undefined && localnet.blockNumber() === 0) localnet.sealBlocks(1);
    await aborted(context.signal);
  } finally {
    await localnet.close();
  }
}

function showBlocks(localnet: Localnet, view: ReturnType<typeof openJsonView>): void {
  localnet.onBlock((block) => view.show(block));
}

function optionsOf(flags: LocalnetFlags): LocalnetOptions {
  const intervalMs = intervalOf(flags);
  const given = { host: flags.host, waitFor: flags.waitFor, intervalMs, stateDirectory: flags.state, forkFrom: flags.fork, historyBlocks: flags.history, keepBlocks: flags.keepBlocks };
  return {
    port: flags.port,
    seed: flags.seed,
    blockTimeMs: Math.round(flags.blockTime * 1000),
    epochModel: flags.epochModel,
    finalityLagBlocks: flags.finalityLag,
    clock: clockOf(flags),
    instantSeal: flags.mode === undefined ? clockOf(flags) === 'virtual' : flags.mode !== 'manual',
    commitRevealWeights: flags.commitRevealWeights === true,
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<LocalnetOptions>),
  };
}

async function beaconOptions(flags: LocalnetFlags, { log }: CliContext): Promise<Partial<LocalnetOptions>> {
  const { beacon, beaconPeriod, drandUrl } = flags;
  if (beacon === 'built-in') return { beacon, beaconPeriodMs: beaconPeriod * 1000, drandEndpoints: drandUrl ?? [] };
  const { DRAND_ENDPOINTS } = await import('@connito/commit-reveal');
  return { beacon, drandEndpoints: fetches(flags) ? (drandUrl ?? DRAND_ENDPOINTS) : [], onNotice: (message) => log.warn(message) };
}

function fetches({ beacon, drand }: LocalnetFlags): boolean {
  return beacon === 'quicknet' && drand;
}

/** Rounds are fetched as the clock on the wall reaches them, so the chain keeps to it. */
function clockOf(flags: LocalnetFlags): 'virtual' | 'wall' {
  return flags.clock ?? (fetches(flags) && flags.waitFor === undefined ? 'wall' : 'virtual');
}

function intervalOf(flags: LocalnetFlags): number | undefined {
  const { interval, waitFor, mode, blockTime } = flags;
  if (mode === 'instant' || mode === 'manual') return undefined;
  const seconds = interval ?? (waitFor !== undefined ? undefined : clockOf(flags) === 'wall' ? blockTime : DEFAULT_INTERVAL);
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}

function bannerOf(flags: LocalnetFlags, { localnet, report, context: { stdout, env } }: { readonly localnet: Localnet; readonly report: readonly string[]; readonly context: CliContext }): string {
  const facts: BannerFacts = {
    endpoint: localnet.endpoint,
    genesisHash: localnet.genesisHash,
    blockNumber: localnet.blockNumber(),
    seed: flags.seed,
    blocks: `${blocksInWords(flags)}, ${flags.blockTime} s of chain time each${flags.finalityLag > 0 ? `, final ${flags.finalityLag} later` : ''}`,
    accounts: localnet.accounts.map(({ uri, address }) => ({ uri, address, balanceTao: balanceOf(localnet, address) })),
    sudo: SUDO_URI,
    beacon: beaconInWords(flags),
    state: flags.state,
    script: report,
  };
  return renderBanner(facts, { width: Math.max(20, (stdout.columns ?? 80) - 1), paint: createPaint(wantsColor(stdout, env)) }).join('\n');
}

function beaconInWords(flags: LocalnetFlags): string {
  if (flags.beacon === 'built-in') return `one round each ${flags.beaconPeriod} s of chain time, scheme of quicknet`;
  return `drand quicknet, pulses ${fetches(flags) ? 'fetched' : 'as given (localnet_givePulses)'}`;
}

function blocksInWords(flags: LocalnetFlags): string {
  const intervalMs = intervalOf(flags);
  if (flags.waitFor !== undefined) return `when ${flags.waitFor} participants have nothing to do before them`;
  if (intervalMs !== undefined) return `every ${intervalMs / 1000} s${clockOf(flags) === 'wall' ? ' by the clock on the wall' : ' and for each transaction'}`;
  return flags.mode === 'manual' ? 'on request (localnet_seal)' : 'for each transaction';
}

/** Whole TAO with thin groups. */
function balanceOf(localnet: Localnet, address: string): string {
  const { data } = localnet.getStorage({ pallet: 'System', item: 'Account', keys: [address] }) as { readonly data: { readonly free: number | string } };
  return (BigInt(data.free) / 1_000_000_000n).toLocaleString('en-US');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
