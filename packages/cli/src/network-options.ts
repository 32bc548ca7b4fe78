/**
 * Which chain a command talks to: `--network`, or the variables that the Python SDK reads.
 *
 * @module
 */
import type { Command } from 'commander';
import type { Chain } from '@connito/chain';
import type { CliContext } from './context.ts';

/** What {@link addNetworkOption} adds. */
export interface NetworkFlags {
  readonly network?: string;
}

/** Of a command that looks at one subnet, or at none in particular. */
export interface SubnetFlags extends NetworkFlags {
  readonly netuid?: number | undefined;
}

/** Adds `--network`. */
export function addNetworkOption(command: Command): Command {
  return command.option('--network <network>', 'finney, test, archive, lite, local, or WebSocket endpoints with commas between; default: BT_SUBTENSOR_CHAIN_ENDPOINT, BT_SUBTENSOR_NETWORK, local');
}

/** The network that was asked for, as `parseNetwork` takes it. */
export function networkOf({ network }: NetworkFlags, { env }: Pick<CliContext, 'env'>): string {
  return [network, env['BT_SUBTENSOR_CHAIN_ENDPOINT'], env['BT_SUBTENSOR_NETWORK']].find((place) => place !== undefined && place !== '') ?? 'local';
}

/** Connects to it; what happens to the connection afterwards is logged. Close it. @throws ChainError as `connectChain` and `parseNetwork` */
export async function connectNetwork(flags: NetworkFlags, context: CliContext): Promise<Chain> {
  const { connectChain, describeStatus, parseNetwork } = await import('@connito/chain');
  const chain = await connectChain({ network: parseNetwork(networkOf(flags, context)) });
  chain.onStatus((status) => context.log.warn(describeStatus(status), { ...status }));
  return chain;
}

/** The same, to look at a subnet that is there: of one that is not, storage would give defaults as if they were its own. @throws ChainError also `bad-value` where it is not */
export async function connectSubnet(flags: SubnetFlags, context: CliContext): Promise<Chain> {
  const { assertSubnet } = await import('@connito/chain');
  const chain = await connectNetwork(flags, context);
  if (flags.netuid === undefined) return chain;
  try {
    await assertSubnet(chain, { netuid: flags.netuid });
    return chain;
  } catch (error) {
    await chain.close();
    throw error;
  }
}
