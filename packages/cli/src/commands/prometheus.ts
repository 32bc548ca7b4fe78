/**
 * `connito prometheus`: show, serve.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { addCallOptions, runCall, type CallFlags } from '../chain-call.ts';
import type { CliContext } from '../context.ts';
import { addNetuidOption, hotkeyOfSigner } from '../hotkey-option.ts';
import { addNetworkOption, connectSubnet, type NetworkFlags } from '../network-options.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { printFacts } from '../print-table.ts';
import { addGroup } from '../program.ts';
import { addKeyFileOption, addWalletOptions, type SignerFlags } from '../wallet-options.ts';
import { addressText } from './axon.ts';

interface ShowFlags extends SignerFlags, NetworkFlags {
  readonly netuid: number;
  readonly hotkey?: string;
  readonly json?: true;
}

interface ServeFlags extends CallFlags {
  readonly netuid: number;
  readonly ip: string;
  readonly port: number;
  readonly endpointVersion: number;
}

/** Adds `connito prometheus`. */
export function registerPrometheus(program: Command, context: CliContext): void {
  const group = addGroup(program, 'prometheus', "Show and announce where a neuron's figures can be scraped.");
  const show = addNetuidOption(addNetworkOption(addKeyFileOption(addWalletOptions(group.command('show').description('Show the Prometheus endpoint of a hotkey. Needs no password.')))))
    .option('--hotkey <ss58>', "hotkey to look at (default: the wallet's)")
    .action((flags: ShowFlags) => runShow(flags, context));
  describeUse(show, ['connito prometheus show --netuid 1 --wallet-name validator', 'connito prometheus show --netuid 1 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --json']);
  const serve = addNetuidOption(addCallOptions(group.command('serve').description('Announce the Prometheus endpoint of a hotkey; the chain does not look whether it answers. Signed by the hotkey. Costs nothing.')))
    .requiredOption('--ip <address>', 'IPv4 or IPv6, reachable from outside')
    .addOption(new Option('--port <number>', 'its port').argParser(wholeNumber({ min: 1, max: 65_535 })).makeOptionMandatory())
    .addOption(new Option('--endpoint-version <number>', 'version of the software that answers').argParser(wholeNumber({ max: 4_294_967_295 })).default(0))
    .action((flags: ServeFlags) => runServe(flags, context));
  describeUse(serve, ['connito prometheus serve --netuid 1 --ip 203.0.113.7 --port 9100 --wallet-name validator', 'connito prometheus serve --netuid 1 --ip 2001:db8::1 --port 9100 --dry-run']);
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { readPrometheus } = await import('@connito/chain');
  const hotkey = await hotkeyOfSigner(flags, context);
  const chain = await connectSubnet(flags, context);
  try {
    const endpoint = await readPrometheus(chain, { netuid: flags.netuid, hotkey });
    if (flags.json) return context.printJson({ hotkey, endpoint: endpoint ?? null });
    if (endpoint === undefined) return context.print(`${hotkey} has announced no Prometheus endpoint on subnet ${flags.netuid}`);
    printFacts(
      [
        ['hotkey', hotkey],
        ['address', addressText(endpoint)],
        ['version', String(endpoint.version)],
        ['served', `in block ${endpoint.blockNumber}`],
      ],
      context,
    );
  } finally {
    await chain.close();
  }
}

async function runServe(flags: ServeFlags, context: CliContext): Promise<void> {
  const { planPrometheus, servePrometheus } = await import('@connito/chain');
  const { netuid, ip, port, endpointVersion: version } = flags;
  const options = { netuid, ip, port, version };
  await runCall(
    {
      role: 'hotkey',
      question: `Announce ${addressText(options)} for Prometheus on subnet ${netuid}`,
      asks: false,
      plan: (chain, account) => planPrometheus(chain, { ...options, account }),
      facts: () => [['address', addressText(options)]],
      send: async (chain, signer) => {
        const { endpoint, blockNumber, blockHash, extrinsicHash } = await servePrometheus(chain, { ...options, signer });
        return { endpoint, blockNumber, blockHash, extrinsicHash };
      },
      done: ({ blockNumber }) => `announced ${addressText(options)} in block ${String(blockNumber)}`,
    },
    flags,
    context,
  );
}
