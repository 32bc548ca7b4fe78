/**
 * `connito localnet`: the embedded development chain, until Ctrl-C.
 *
 * @module
 */
import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';

interface LocalnetFlags {
  readonly port: number;
  readonly seed: string;
  readonly waitFor?: number;
  readonly blockTime: number;
  readonly interval?: number;
  readonly state?: string;
  readonly commitRevealWeights?: true;
  readonly json?: true;
}

/** Wall-clock seconds between blocks where nothing else steers the time. */
const DEFAULT_INTERVAL = 1;

/** Adds `connito localnet`. */
export function registerLocalnet(program: Command, context: CliContext): void {
  const command = program
    .command('localnet')
    .description("Start an embedded development chain that speaks Subtensor's JSON-RPC, until Ctrl-C. //Alice is its sudo key; //Alice to //Ferdie have funds.")
    .option('-p, --port <port>', 'port on 127.0.0.1; 0 takes a free one', wholeNumber({ max: 65_535 }), 9944)
    .option('--seed <text>', "text that the beacon's key comes from", '1')
    .option('--wait-for <participants>', 'virtual time: go on only when so many participants have released it', wholeNumber({ min: 1, max: 4096 }))
    .option('--block-time <seconds>', 'chain time from block to block', decimalNumber({ min: 0.001, max: 86_400 }), 12)
    .option('--interval <seconds>', `wall-clock time between blocks (default: ${DEFAULT_INTERVAL}; none with --wait-for)`, decimalNumber({ min: 0.001, max: 86_400 }))
    .option('--state <directory>', 'keep the chain here and go on from it at the next start')
    .option('--commit-reveal-weights', 'new subnets ask for timelocked weights, as on finney; plain set_weights is then refused')
    .action((flags: LocalnetFlags) => run(flags, context));
  describeUse(command, ['connito localnet', 'connito localnet --port 0 --interval 0.5 --json', 'connito localnet --wait-for 7 --seed 42 --state ./chain'], 'print {endpoint, genesisHash} as one line of JSON when the chain is up');
}

async function run(flags: LocalnetFlags, { stdout, log, print, signal }: CliContext): Promise<void> {
  const { startLocalnet } = await import('@connito/localnet');
  const intervalSeconds = flags.interval ?? (flags.waitFor === undefined ? DEFAULT_INTERVAL : undefined);
  const localnet = await startLocalnet({
    port: flags.port,
    seed: flags.seed,
    blockTimeMs: Math.round(flags.blockTime * 1000),
    commitRevealWeights: flags.commitRevealWeights === true,
    ...(intervalSeconds === undefined ? {} : { intervalMs: Math.round(intervalSeconds * 1000) }),
    ...(flags.waitFor === undefined ? {} : { waitFor: flags.waitFor }),
    ...(flags.state === undefined ? {} : { stateDirectory: flags.state }),
  });
  try {
    const { endpoint, genesisHash } = localnet;
    if (flags.json) stdout.write(`${JSON.stringify({ endpoint, genesisHash })}\n`);
    else print(`${endpoint}  genesis ${genesisHash}`);
    if (!flags.json) log.info('Ctrl-C ends it');
    await aborted(signal);
  } finally {
    await localnet.close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
