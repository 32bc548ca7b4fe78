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
  readonly json?: true;
}

/** Adds `connito localnet`. */
export function registerLocalnet(program: Command, context: CliContext): void {
  const command = program
    .command('localnet')
    .description('Start an embedded development chain that speaks Subtensor\'s JSON-RPC, until Ctrl-C.')
    .option('-p, --port <port>', 'port on 127.0.0.1; 0 takes a free one', wholeNumber({ max: 65_535 }), 9944)
    .option('--seed <seed>', 'whole number from which genesis and beacon key are derived', '1')
    .option('--wait-for <participants>', 'virtual time: a phase ends only when so many participants have released it', wholeNumber({ min: 1, max: 4096 }))
    .option('--block-time <seconds>', 'chain time from block to block', decimalNumber({ min: 0.001, max: 86_400 }), 12)
    .option('--interval <seconds>', 'wall-clock time between empty blocks', decimalNumber({ min: 0.001, max: 86_400 }))
    .option('--state <directory>', 'keep the chain here and go on from it at the next start')
    .action((flags: LocalnetFlags) => run(flags, context));
  describeUse(command, ['connito localnet', 'connito localnet --port 0 --interval 1 --json', 'connito localnet --wait-for 7 --seed 42 --state ./chain'], 'print {endpoint, genesisHash} as one line of JSON when the chain is up');
}

async function run(_flags: LocalnetFlags, _context: CliContext): Promise<void> {
  await Promise.resolve();
}
