/**
 * `connito axon`: show, serve.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { addCallOptions, runCall, type CallFlags } from '../chain-call.ts';
import type { CliContext } from '../context.ts';
import { addNetuidOption, hotkeyOfSigner } from '../hotkey-option.ts';
import { addNetworkOption, connectSubnet, type NetworkFlags } from '../network-options.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { printFacts } from '../print-table.ts';
import { addGroup } from '../program.ts';
import { addKeyFileOption, addWalletOptions, type SignerFlags } from '../wallet-options.ts';

interface ShowFlags extends SignerFlags, NetworkFlags {
  readonly netuid: number;
  readonly hotkey?: string;
  readonly json?: true;
}

interface ServeFlags extends CallFlags {
  readonly netuid: number;
  readonly ip: string;
  readonly port: number;
  readonly axonVersion: number;
  readonly certificate?: string;
}

/** Adds `connito axon`. */
export function registerAxon(program: Command, context: CliContext): void {
  const group = addGroup(program, 'axon', 'Show and announce where a neuron answers.');
  const show = addNetuidOption(addNetworkOption(addKeyFileOption(addWalletOptions(group.command('show').description('Show where a hotkey answers, and its certificate. Needs no password.')))))
    .option('--hotkey <ss58>', "hotkey to look at (default: the wallet's)")
    .action((flags: ShowFlags) => runShow(flags, context));
  describeUse(show, ['connito axon show --netuid 1 --wallet-name miner', 'connito axon show --netuid 1 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --json']);
  const serve = addNetuidOption(addCallOptions(group.command('serve').description('Announce where a hotkey answers; the chain does not look whether it does. Signed by the hotkey. Costs nothing.')))
    .requiredOption('--ip <address>', 'IPv4 or IPv6, reachable from outside')
    .addOption(new Option('--port <number>', 'its port').argParser(wholeNumber({ min: 1, max: 65_535 })).makeOptionMandatory())
    .addOption(new Option('--axon-version <number>', 'version of the software that answers').argParser(wholeNumber({ max: 4_294_967_295 })).default(0))
    .option('--certificate <file>', 'public key for TLS: a byte for the algorithm, then up to 64 of the key')
    .action((flags: ServeFlags) => runServe(flags, context));
  describeUse(serve, ['connito axon serve --netuid 1 --ip 203.0.113.7 --port 8091 --wallet-name miner', 'connito axon serve --netuid 1 --ip 2001:db8::1 --port 8091 --dry-run']);
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { readAxon, readCertificate } = await import('@connito/chain');
  const hotkey = await hotkeyOfSigner(flags, context);
  const chain = await connectSubnet(flags, context);
  try {
    const at = (await chain.finalisedHead()).hash;
    const query = { netuid: flags.netuid, hotkey, at };
    const [axon, certificate] = await Promise.all([readAxon(chain, query), readCertificate(chain, query)]);
    if (flags.json) return context.printJson({ hotkey, axon: axon ?? null, certificate: certificate ?? null });
    if (axon === undefined) return context.print(`${hotkey} has announced nothing on subnet ${flags.netuid}`);
    printFacts(
      [
        ['hotkey', hotkey],
        ['address', addressText(axon)],
        ['version', String(axon.version)],
        ['protocol', String(axon.protocol)],
        ['served', `in block ${axon.blockNumber}`],
        ['certificate', certificate === undefined ? 'none' : Buffer.from(certificate).toString('hex')],
      ],
      context,
    );
  } finally {
    await chain.close();
  }
}

async function runServe(flags: ServeFlags, context: CliContext): Promise<void> {
  const { planAxon, serveAxon } = await import('@connito/chain');
  const { netuid, ip, port, axonVersion: version } = flags;
  const options = { netuid, ip, port, version, ...(flags.certificate === undefined ? {} : { certificate: Uint8Array.from(await readFile(flags.certificate)) }) };
  await runCall(
    {
      role: 'hotkey',
      question: `Announce ${addressText(options)} on subnet ${netuid}`,
      asks: false,
      plan: (chain, account) => planAxon(chain, { ...options, account }),
      facts: () => [['address', addressText(options)]],
      send: async (chain, signer) => {
        const { axon, blockNumber, blockHash, extrinsicHash } = await serveAxon(chain, { ...options, signer });
        return { axon, blockNumber, blockHash, extrinsicHash };
      },
      done: ({ blockNumber }) => `announced ${addressText(options)} in block ${String(blockNumber)}`,
    },
    flags,
    context,
  );
}

/** As in a URL. */
export function addressText({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
