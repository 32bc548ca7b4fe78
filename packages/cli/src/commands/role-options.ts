/**
 * What `miner run`, `validator run` and `owner run` have in common: their options, their key, their events on stdout.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { DeviceChoice } from '@connito/moe-engine';
import type { AgentEvent, RoleOptions } from '@connito/subnet';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { describeEvent } from '../describe-event.ts';
import { addDeviceOption } from '../engine-options.ts';
import { addNetworkOption, networkOf, type NetworkFlags } from '../network-options.ts';
import { wholeNumber } from '../options.ts';

/** Options of every role. */
export interface RoleFlags extends NetworkFlags {
  readonly netuid: number;
  readonly state: string;
  readonly store: string;
  readonly keyFile?: string;
  readonly device: DeviceChoice;
  readonly threads: number;
  readonly json?: true;
}

/** Where a key is looked for when there is no `--key-file`. */
const KEY_VARIABLE = 'CONNITO_KEY';

/** Adds the options of every role. */
export function addRoleOptions(command: Command): Command {
  return addNetworkOption(addDeviceOption(command))
    .option('--netuid <netuid>', 'the subnet', wholeNumber({ min: 1, max: 65_535 }), 102)
    .requiredOption('--state <directory>', 'journal and own artifacts of this role; one directory per hotkey')
    .requiredOption('--store <directory>', 'the shared artifact store')
    .option('--key-file <file>', `file with the hotkey's mnemonic or development URI such as //Alice; default: the variable ${KEY_VARIABLE}`)
    .option('--threads <threads>', 'threads for computing', wholeNumber({ min: 1, max: 256 }), 1);
}

/** The role's options with its key read and its events going to stdout. */
export async function readRoleOptions(flags: RoleFlags, context: CliContext): Promise<RoleOptions> {
  const { openKeypair } = await import('@connito/chain');
  return {
    endpoint: networkOf(flags, context),
    netuid: flags.netuid,
    keypair: openKeypair(await readKey(flags, context)),
    stateDirectory: flags.state,
    storeDirectory: flags.store,
    engine: { device: flags.device, threads: flags.threads },
    signal: context.signal,
    onEvent: (event) => printEvent(event, flags, context),
  };
}

function printEvent(event: AgentEvent, { json }: RoleFlags, context: CliContext): void {
  if (json) context.stdout.write(`${JSON.stringify(event)}\n`);
  else {
    const line = describeEvent(event);
    if (line !== undefined) context.log.info(line, { ...event });
  }
}

async function readKey({ keyFile }: RoleFlags, { env }: CliContext): Promise<string> {
  const key = (keyFile === undefined ? (env[KEY_VARIABLE] ?? '') : await readFile(keyFile, 'utf8')).trim();
  if (key !== '') return key;
  const place = keyFile === undefined ? `Neither --key-file nor ${KEY_VARIABLE} is set` : `${keyFile} is empty`;
  throw new CliError('usage', `${place}: the hotkey's mnemonic or a development URI such as //Alice is needed`);
}
