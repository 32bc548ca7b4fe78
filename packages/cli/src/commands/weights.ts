/**
 * `connito weights`: show and simulate; setting them has a file of its own.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { Weight, WeightRow, YumaInput } from '@connito/chain';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { addNetworkOption, connectSubnet, type NetworkFlags } from '../network-options.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { printFacts, printTable } from '../print-table.ts';
import { addGroup } from '../program.ts';
import { formatAmount, formatFraction } from '../tao.ts';
import { addTargetOptions, weightList } from '../weight-options.ts';
import { registerWeightsSet } from './weights-set.ts';

interface ShowFlags extends NetworkFlags {
  readonly netuid: number;
  readonly mechanism: number;
  readonly uid?: number;
  readonly json?: true;
}

interface SimulateFlags extends ShowFlags {
  readonly weights?: readonly Weight[];
}

/** Adds `connito weights`. */
export function registerWeights(program: Command, context: CliContext): void {
  const group = addGroup(program, 'weights', 'Show and set weights, and see what an epoch would make of them.');
  registerShow(group, context);
  registerWeightsSet(group, context);
  registerSimulate(group, context);
}

function registerShow(group: Command, context: CliContext): void {
  const command = addTargetOptions(addNetworkOption(group.command('show').description('Show rows of weights, and how the subnet takes them.')))
    .addOption(new Option('--uid <number>', 'only the row of this validator').argParser(wholeNumber({ max: 65_535 })))
    .action((flags: ShowFlags) => runShow(flags, context));
  describeUse(command, ['connito weights show --netuid 1', 'connito weights show --netuid 1 --uid 4 --network finney --json']);
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { readHyperparameters, readWeights } = await import('@connito/chain');
  const chain = await connectSubnet(flags, context);
  try {
    const { netuid, mechanism } = flags;
    const names = ['commitRevealWeightsEnabled', 'commitRevealWeightsInterval', 'weightsSetRateLimit', 'weightsVersionKey', 'minAllowedWeights'] as const;
    const [settings, all] = await Promise.all([readHyperparameters(chain, { netuid, names }), readWeights(chain, { netuid, mechanism })]);
    const rows = [...all].filter(([uid]) => flags.uid === undefined || uid === flags.uid);
    if (flags.json) return context.printJson({ netuid, mechanism, settings, rows: rows.map(([uid, { uids, values }]) => ({ uid, uids, values })) });
    context.print(settings.commitRevealWeightsEnabled ? `taken timelocked, revealed after ${settings.commitRevealWeightsInterval} epoch(s)` : 'taken as they are');
    context.print(`one update in ${settings.weightsSetRateLimit} blocks, version key from ${settings.weightsVersionKey}, at least ${settings.minAllowedWeights} weights`);
    if (rows.length === 0) return context.print('no weights');
    printTable([{ title: 'UID', align: 'right' }, { title: 'WEIGHTS (of 65535, by uid)' }], rows.map(([uid, row]) => [{ text: String(uid) }, { text: row.uids.map((target, index) => `${target}:${row.values[index]}`).join(' ') }]), context);
  } finally {
    await chain.close();
  }
}

function registerSimulate(group: Command, context: CliContext): void {
  const command = addTargetOptions(addNetworkOption(group.command('simulate').description('What the next epoch would give: Yuma Consensus on the state of now, as it is or with other weights of one validator. Sends nothing, needs no key.')))
    .addOption(new Option('--uid <number>', 'with --weights: the validator whose weights they would be').argParser(wholeNumber({ max: 65_535 })))
    .addOption(new Option('--weights <list>', 'uid:weight with commas between').argParser(weightList))
    .action((flags: SimulateFlags) => runSimulate(flags, context));
  describeUse(command, ['connito weights simulate --netuid 1', 'connito weights simulate --netuid 1 --uid 4 --weights 0:0.2,3:0.8 --network finney']);
}

async function runSimulate(flags: SimulateFlags, context: CliContext): Promise<void> {
  if ((flags.uid === undefined) !== (flags.weights === undefined)) throw new CliError('usage', '--uid and --weights go together: whose weights would they be?');
  const { computeYuma, maxUpscale, normaliseWeights, readNeurons, readYumaInput } = await import('@connito/chain');
  const chain = await connectSubnet(flags, context);
  try {
    const head = await chain.finalisedHead();
    const [input, neurons] = await Promise.all([readYumaInput(chain, { ...flags, at: head.hash }), readNeurons(chain, { netuid: flags.netuid, at: head.hash })]);
    const hotkeys = neurons.map(({ hotkey }) => hotkey);
    const blockNumber = head.number;
    const now = computeYuma(input);
    const { uid, weights } = flags;
    if (uid !== undefined && uid >= hotkeys.length) throw new CliError('usage', `Subnet ${flags.netuid} has uids 0 to ${hotkeys.length - 1}, got ${uid}`);
    const sent = weights && normaliseWeights(weights);
    const then = sent === undefined || uid === undefined ? now : computeYuma(withRow(input, { uid, row: { uids: sent.uids, values: maxUpscale(sent.values) } }));
    const rows = hotkeys.map((hotkey, index) => ({ uid: index, hotkey, incentive: then.incentive[index] ?? 0, incentiveNow: now.incentive[index] ?? 0, dividends: then.dividends[index] ?? 0, dividendsNow: now.dividends[index] ?? 0, consensus: then.consensus[index] ?? 0, validatorPermit: then.validatorPermit[index] ?? false, emissionRao: then.emissionRao[index] ?? 0n }));
    if (flags.json) return context.printJson({ netuid: flags.netuid, mechanism: flags.mechanism, blockNumber, epochBlock: input.block, emissionRao: input.emissionRao, neurons: rows });
    printFacts([['state of', `block ${blockNumber}`], ['epoch in', `block ${input.block}`], ['to share', `${formatAmount(input.emissionRao)} alpha so far`]], context);
    printTable(
      [{ title: 'UID', align: 'right' }, { title: 'INCENTIVE' }, { title: 'DIVIDENDS' }, { title: 'CONSENSUS' }, { title: 'PERMIT' }, { title: 'EMISSION', align: 'right' }, { title: 'HOTKEY', priority: 1 }],
      rows.map((row) => [{ text: String(row.uid) }, { text: `${formatFraction(row.incentive)}${formatChange(row.incentive, row.incentiveNow)}` }, { text: `${formatFraction(row.dividends)}${formatChange(row.dividends, row.dividendsNow)}` }, { text: formatFraction(row.consensus) }, { text: row.validatorPermit ? 'yes' : '' }, { text: formatAmount(row.emissionRao) }, { text: row.hotkey }]),
      context,
    );
  } finally {
    await chain.close();
  }
}

/** The input as it would be if a hotkey's row were another, set in the epoch's own block. */
function withRow(input: YumaInput, { uid, row }: { readonly uid: number; readonly row: WeightRow }): YumaInput {
  const own = <T>(list: readonly T[], value: T): T[] => list.map((item, index) => (index === uid ? value : item));
  const pairs = row.uids.map((target, index) => [target, row.values[index] ?? 0] as const);
  return { ...input, weights: own(input.weights, pairs), lastUpdate: own(input.lastUpdate, input.block), ...(input.pendingCommitBlocks === undefined ? {} : { pendingCommitBlocks: own(input.pendingCommitBlocks, undefined) }) };
}

function formatChange(next: number, last: number): string {
  return next === last ? '' : ` (${next > last ? '+' : ''}${formatFraction(next - last)})`;
}
