/**
 * `connito subnet`: list, show, metagraph, register, create, start; identity and hyperparameters have files of their own.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { RegistrationFigures } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags, type Fact } from '../chain-call.ts';
import { printable, type CliContext } from '../context.ts';
import { addNetuidOption, hotkeyOf } from '../hotkey-option.ts';
import { addNetworkOption, connectNetwork, type NetworkFlags } from '../network-options.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { printFacts, printTable } from '../print-table.ts';
import { addGroup } from '../program.ts';
import { formatAmount, formatFraction, taoAmount } from '../tao.ts';
import { registerHyperparameters } from './subnet-hyperparameters.ts';
import { registerIdentity } from './subnet-identity.ts';

interface ListFlags extends NetworkFlags {
  readonly json?: true;
}

interface ReadFlags extends ListFlags {
  readonly netuid: number;
  readonly mechanism?: number;
  readonly block?: number;
}

interface RegisterFlags extends CallFlags {
  readonly netuid: number;
  readonly hotkey?: string;
  readonly limit?: bigint;
}

interface CreateFlags extends CallFlags {
  readonly hotkey?: string;
  readonly limit?: bigint;
  readonly name?: string;
  readonly githubRepo?: string;
  readonly url?: string;
  readonly contact?: string;
  readonly description?: string;
}

interface NetuidCallFlags extends CallFlags {
  readonly netuid: number;
}

/** Adds `connito subnet`. */
export function registerSubnet(program: Command, context: CliContext): void {
  const group = addGroup(program, 'subnet', 'Look at, join, make and set up subnets.');
  describeUse(addNetworkOption(group.command('list').description('List all subnets with price, neurons and what a place costs.')).action((flags: ListFlags) => runList(flags, context)), ['connito subnet list --network finney', 'connito subnet list --json']);
  describeUse(addNetuidOption(addNetworkOption(group.command('show').description('Show a subnet: owner, pool, registration, epochs.'))).action((flags: ReadFlags) => runShow(flags, context)), ['connito subnet show --netuid 1', 'connito subnet show --netuid 102 --network finney --json']);
  registerMetagraph(group, context);
  registerRegister(group, context);
  registerCreate(group, context);
  describeUse(
    addNetuidOption(addCallOptions(group.command('start').description('Start a subnet: from then on it takes stake and is paid. Signed by its owner’s coldkey, once.'))).action((flags: NetuidCallFlags) => runStart(flags, context)),
    ['connito subnet start --netuid 1 --wallet-name owner', 'connito subnet start --netuid 1 --dry-run'],
  );
  registerIdentity(group, context);
  registerHyperparameters(group, context);
}

async function runList(flags: ListFlags, context: CliContext): Promise<void> {
  const { readSubnets } = await import('@connito/chain');
  const chain = await connectNetwork(flags, context);
  try {
    const subnets = await readSubnets(chain);
    if (flags.json) return context.printJson(subnets);
    const columns = [{ title: 'NETUID', align: 'right' as const }, { title: 'NAME' }, { title: 'PRICE', align: 'right' as const }, { title: 'NEURONS', align: 'right' as const }, { title: 'A PLACE', align: 'right' as const }, { title: 'TEMPO', align: 'right' as const }, { title: 'WEIGHTS', priority: 1 }, { title: 'STATE', priority: 1 }];
    printTable(
      columns,
      subnets.map((subnet) => [
        { text: String(subnet.netuid) },
        { text: printable(subnet.name, 32) || '–' },
        { text: formatAmount(subnet.alphaPriceRao) },
        { text: `${subnet.neurons}/${subnet.maxNeurons}` },
        { text: subnet.isRegistrationAllowed ? formatAmount(subnet.registrationPriceRao) : 'closed' },
        { text: String(subnet.tempoBlocks) },
        { text: subnet.isCommitReveal ? 'commit-reveal' : 'plain' },
        { text: subnet.netuid === 0 || subnet.isStarted ? '' : 'not started' },
      ]),
      context,
    );
  } finally {
    await chain.close();
  }
}

async function runShow(flags: ReadFlags, context: CliContext): Promise<void> {
  const { readAlphaPrice, readMetagraph, readRegistrationPrice } = await import('@connito/chain');
  const chain = await connectNetwork(flags, context);
  try {
    const { neurons, ...subnet } = await readMetagraph(chain, flags);
    const [price, alphaPriceRao] = await Promise.all([readRegistrationPrice(chain, { netuid: flags.netuid, at: subnet.blockHash }), readAlphaPrice(chain, { netuid: flags.netuid, at: subnet.blockHash })]);
    if (flags.json) return context.printJson({ ...subnet, neurons: neurons.length, alphaPriceRao, registration: price });
    printFacts(
      [
        ['name', printable(subnet.name) || '–'],
        ['owner', `${subnet.owner.coldkey}, hotkey ${subnet.owner.hotkey}`],
        ['neurons', `${neurons.length} of ${subnet.maxNeurons}, ${neurons.filter(({ validatorPermit }) => validatorPermit).length} with a permit (at most ${subnet.maxValidators})`],
        ['a place', subnet.isRegistrationAllowed ? `${formatAmount(price.priceRao)} TAO${price.halfLifeBlocks === undefined ? '' : `; halves in ${price.halfLifeBlocks} blocks, times ${price.increaseFactor?.toFixed(2)} with each registration`}` : 'closed'],
        ['alpha', `${formatAmount(alphaPriceRao)} TAO; pool ${formatAmount(subnet.taoInRao)} TAO, ${formatAmount(subnet.alphaInRao)} alpha`],
        ['epochs', `every ${subnet.tempoBlocks} blocks, next ${subnet.nextEpochBlock === undefined ? 'never' : `in block ${subnet.nextEpochBlock} (now ${subnet.blockNumber})`}`],
        ['weights', `${subnet.isCommitReveal ? `commit-reveal, ${subnet.revealPeriodEpochs} epoch(s)` : 'plain'}; one update in ${subnet.weightsRateLimitBlocks} blocks`],
        ['immunity', `${subnet.immunityBlocks} blocks`],
      ],
      context,
    );
  } finally {
    await chain.close();
  }
}

function registerMetagraph(group: Command, context: CliContext): void {
  const command = addNetuidOption(addNetworkOption(group.command('metagraph').description('Show all neurons of a subnet, now or at a block.')))
    .addOption(new Option('--mechanism <number>', 'mechanism of the subnet').argParser(wholeNumber({ max: 15 })).default(0))
    .addOption(new Option('--block <number>', 'as of this block; old ones need an archive node').argParser(wholeNumber({ max: 4_294_967_295 })))
    .action((flags: ReadFlags) => runMetagraph(flags, context));
  describeUse(command, ['connito subnet metagraph --netuid 1', 'connito subnet metagraph --netuid 102 --network archive --block 7000000 --json']);
}

async function runMetagraph(flags: ReadFlags, context: CliContext): Promise<void> {
  const { readMetagraph } = await import('@connito/chain');
  const chain = await connectNetwork(flags, context);
  try {
    const metagraph = await readMetagraph(chain, { netuid: flags.netuid, mechanism: flags.mechanism ?? 0, ...(flags.block === undefined ? {} : { at: flags.block }) });
    if (flags.json) return context.printJson(metagraph);
    context.print(`subnet ${metagraph.netuid} ${printable(metagraph.name)} at block ${metagraph.blockNumber}`);
    const right = { align: 'right' } as const;
    printTable(
      [{ title: 'UID', ...right }, { title: 'STAKE', ...right }, { title: 'INCENTIVE', ...right }, { title: 'DIVIDENDS', ...right }, { title: 'CONSENSUS', ...right, priority: 1 }, { title: 'VTRUST', ...right, priority: 3 }, { title: 'EMISSION', ...right }, { title: 'PERMIT' }, { title: 'UPDATED', ...right, priority: 4 }, { title: 'AXON', priority: 2 }, { title: 'HOTKEY', minWidth: 8 }],
      metagraph.neurons.map((neuron) => [
        { text: String(neuron.uid) },
        { text: formatAmount(neuron.stakeWeightRao) },
        { text: formatFraction(neuron.incentive) },
        { text: formatFraction(neuron.dividends) },
        { text: formatFraction(neuron.consensus) },
        { text: formatFraction(neuron.validatorTrust) },
        { text: formatAmount(neuron.emissionRao) },
        { text: neuron.validatorPermit ? 'yes' : '' },
        { text: String(neuron.lastUpdateBlock) },
        { text: neuron.axon === undefined ? '' : `${neuron.axon.ip}:${neuron.axon.port}` },
        { text: neuron.hotkey },
      ]),
      context,
    );
  } finally {
    await chain.close();
  }
}

function registerRegister(group: Command, context: CliContext): void {
  const command = addNetuidOption(addCallOptions(group.command('register').description('Register a hotkey on a subnet. The price is burned. Signed by the coldkey.')))
    .option('--hotkey <ss58>', "hotkey to register (default: the wallet's)")
    .addOption(new Option('--limit <tao>', 'pay no more than this').argParser(taoAmount()))
    .action((flags: RegisterFlags) => runRegister(flags, context));
  describeUse(command, ['connito subnet register --netuid 1 --wallet-name miner --limit 1.2', 'connito subnet register --netuid 1 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --dry-run']);
}

async function runRegister(flags: RegisterFlags, context: CliContext): Promise<void> {
  const { burnedRegister, planRegistration } = await import('@connito/chain');
  const options = { netuid: flags.netuid, hotkey: await hotkeyOf(flags, context), ...(flags.limit === undefined ? {} : { limitRao: flags.limit }) };
  await runCall(
    {
      role: 'coldkey',
      question: `Register ${options.hotkey} on subnet ${flags.netuid}`,
      asks: true,
      plan: (chain, account) => planRegistration(chain, { ...options, account }),
      facts: registrationFacts,
      send: async (chain, signer) => {
        const { uid, paidRao, blockNumber, blockHash, extrinsicHash } = await burnedRegister(chain, { ...options, signer });
        return { uid, paidRao, blockNumber, blockHash, extrinsicHash };
      },
      done: ({ uid, paidRao, blockNumber }) => `registered with uid ${String(uid)} in block ${String(blockNumber)} for ${formatAmount(paidRao as bigint)} TAO`,
    },
    flags,
    context,
  );
}

function registrationFacts({ priceRao, limitRao, neurons, maxNeurons, balanceRao, halfLifeBlocks, increaseFactor }: RegistrationFigures): Fact[] {
  return [
    ['price', `${formatAmount(priceRao)} TAO, burned${limitRao === priceRao ? '' : `; at most ${formatAmount(limitRao)}`}`],
    ['price moves', halfLifeBlocks === undefined ? 'at intervals' : `halves in ${halfLifeBlocks} blocks, times ${increaseFactor?.toFixed(2)} with each registration`],
    ['places', `${neurons} of ${maxNeurons} taken${neurons < maxNeurons ? '' : ': the neuron with the least emission goes'}`],
    ['balance', `${formatAmount(balanceRao)} TAO, then ${formatAmount(balanceRao - priceRao)} less the fee`],
  ];
}

function registerCreate(group: Command, context: CliContext): void {
  const command = addCallOptions(group.command('create').description('Make a subnet. The lock cost goes into its pool for good. Signed by the coldkey that will own it.'))
    .option('--hotkey <ss58>', "owner hotkey, gets uid 0 (default: the wallet's)")
    .addOption(new Option('--limit <tao>', 'lock no more than this').argParser(taoAmount()))
    .option('--name <text>', 'name of the subnet')
    .option('--github-repo <url>', 'its source')
    .option('--url <url>', 'its page')
    .option('--contact <text>', 'whom to write to')
    .option('--description <text>', 'what it does')
    .action((flags: CreateFlags) => runCreate(flags, context));
  describeUse(command, ['connito subnet create --wallet-name owner --name "My experts" --limit 1200', 'connito subnet create --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --dry-run']);
}

async function runCreate(flags: CreateFlags, context: CliContext): Promise<void> {
  const { planRegisterNetwork, registerNetwork } = await import('@connito/chain');
  const given = { name: flags.name, githubRepo: flags.githubRepo, url: flags.url, contact: flags.contact, description: flags.description };
  const identity = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const options = { hotkey: await hotkeyOf(flags, context), ...(Object.keys(identity).length === 0 ? {} : { identity }), ...(flags.limit === undefined ? {} : { limitRao: flags.limit }) };
  await runCall(
    {
      role: 'coldkey',
      question: 'Make a subnet',
      asks: true,
      plan: (chain, account) => planRegisterNetwork(chain, { ...options, account }),
      facts: ({ lockCostRao, balanceRao, subnetCount, subnetLimit, allowedFromBlock }) => [
        ['lock cost', `${formatAmount(lockCostRao)} TAO, for good; doubles with each subnet and falls again over two weeks`],
        ['balance', `${formatAmount(balanceRao)} TAO, then ${formatAmount(balanceRao - lockCostRao)} less the fee`],
        ['subnets', `${subnetCount} of ${subnetLimit}${subnetCount < subnetLimit ? '' : ': one has to make room'}`],
        ['possible', `from block ${allowedFromBlock} on`],
      ],
      send: async (chain, signer) => {
        const { netuid, blockNumber, blockHash, extrinsicHash } = await registerNetwork(chain, { ...options, signer });
        return { netuid, blockNumber, blockHash, extrinsicHash };
      },
      done: ({ netuid, blockNumber }) => `made subnet ${String(netuid)} in block ${String(blockNumber)}; \`connito subnet start --netuid ${String(netuid)}\` opens it`,
    },
    flags,
    context,
  );
}

async function runStart(flags: NetuidCallFlags, context: CliContext): Promise<void> {
  const { planStartCall, startCall } = await import('@connito/chain');
  await runCall(
    {
      role: 'coldkey',
      question: `Start subnet ${flags.netuid}`,
      asks: true,
      plan: (chain, account) => planStartCall(chain, { netuid: flags.netuid, account }),
      facts: ({ allowedFromBlock }) => [['possible', `from block ${allowedFromBlock} on`]],
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash } = await startCall(chain, { netuid: flags.netuid, signer });
        return { blockNumber, blockHash, extrinsicHash };
      },
      done: ({ blockNumber }) => `started in block ${String(blockNumber)}`,
    },
    flags,
    context,
  );
}
