/**
 * What `miner run`, `validator run` and `owner run` have in common: their options, their key, their events on stdout.
 *
 * @module
 */
import type { Command } from 'commander';
import type { DeviceChoice } from '@connito/moe-engine';
import type { AgentEvent, RoleOptions } from '@connito/subnet';
import type { CliContext } from '../context.ts';
import { describeEvent } from '../describe-event.ts';
import { addDeviceOption } from '../engine-options.ts';
import { addNetworkOption, networkOf, type NetworkFlags } from '../network-options.ts';
import { wholeNumber } from '../options.ts';
import { addSignerOptions, openSigner, type SignerFlags } from '../wallet-options.ts';

/** Options of every role. */
export interface RoleFlags extends SignerFlags, NetworkFlags {
  readonly netuid: number;
  readonly state: string;
  readonly store: string;
  readonly device: DeviceChoice;
  readonly threads: number;
  readonly json?: true;
}

/** Adds the options of every role. */
export function addRoleOptions(command: Command): Command {
  return addNetworkOption(addDeviceOption(addSignerOptions(command)))
    .option('--netuid <netuid>', 'the subnet', wholeNumber({ min: 1, max: 65_535 }), 102)
    .requiredOption('--state <directory>', 'journal and own artifacts of this role; a directory for each hotkey and each task')
    .requiredOption('--store <directory>', 'the shared artifact store')
    .option('--threads <threads>', 'threads for computing', wholeNumber({ min: 1, max: 256 }), 1);
}

/** The role's options with its key read and its events going to stdout. */
export async function readRoleOptions(flags: RoleFlags, context: CliContext): Promise<RoleOptions> {
  return {
    endpoint: networkOf(flags, context),
    netuid: flags.netuid,
    keypair: await openSigner(flags, context, 'hotkey'),
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
