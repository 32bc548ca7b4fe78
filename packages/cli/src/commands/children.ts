/**
 * `connito children`: show, set, revoke.
 *
 * @module
 */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ChildKey, PendingChildren } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags } from '../chain-call.ts';
import type { CliContext } from '../context.ts';
import { addNetuidOption, hotkeyOf } from '../hotkey-option.ts';
import { addNetworkOption, connectSubnet, type NetworkFlags } from '../network-options.ts';
import { describeUse } from '../options.ts';
import { printTable } from '../print-table.ts';
import { addGroup } from '../program.ts';
import { addWalletOptions, type WalletFlags } from '../wallet-options.ts';

interface ShowFlags extends WalletFlags, NetworkFlags {
  readonly netuid: number;
  readonly hotkey?: string;
  readonly json?: true;
}

interface ChangeFlags extends CallFlags {
  readonly netuid: number;
  readonly hotkey?: string;
  readonly child: readonly ChildKey[];
}

/** The whole, of which the chain counts proportions. */
const WHOLE = (1n << 64n) - 1n;

/** Adds `connito children`. */
export function registerChildren(program: Command, context: CliContext): void {
  const group = addGroup(program, 'children', "Show and set child keys: hotkeys that a hotkey's stake weight is lent to.");
  const show = parentOption(addNetworkOption(addWalletOptions(group.command('show').description('Show the child keys of a hotkey that count now, their parts, and those that were set and count from a later block on. Needs no password.')))).action((flags: ShowFlags) => runShow(flags, context));
  describeUse(show, ['connito children show --netuid 1 --wallet-name validator', 'connito children show --netuid 1 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --json']);
  const set = parentOption(addCallOptions(group.command('set').description("Replace a hotkey's child keys on a subnet. Counts after the chain's cool-down, about a day. Signed by the hotkey's coldkey.")))
    .addOption(new Option('--child <ss58:part>', 'a child key and its part of the stake weight, from 0 to 1; can be given again, up to five times').argParser(collectChild).makeOptionMandatory())
    .action((flags: ChangeFlags) => runChange(flags, context, flags.child));
  describeUse(set, ['connito children set --netuid 1 --child 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty:0.5 --wallet-name validator', 'connito children set --netuid 1 --child 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty:1 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --dry-run']);
  const revoke = parentOption(addCallOptions(group.command('revoke').description("Take all child keys of a hotkey on a subnet back. Counts after the chain's cool-down. Signed by the hotkey's coldkey."))).action((flags: ChangeFlags) => runChange(flags, context, []));
  describeUse(revoke, ['connito children revoke --netuid 1 --wallet-name validator', 'connito children revoke --netuid 1 --hotkey 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --dry-run']);
}

function parentOption(command: Command): Command {
  return addNetuidOption(command).option('--hotkey <ss58>', "the parent (default: the wallet's hotkey)");
}

function collectChild(text: string, all: readonly ChildKey[] = []): ChildKey[] {
  const [, hotkey, whole, fraction = ''] = /^([1-9A-HJ-NP-Za-km-z]{40,60}):([01])(?:\.(\d{1,18}))?$/.exec(text) ?? [];
  const scaled = BigInt(`${whole ?? 2}${fraction.padEnd(18, '0')}`);
  if (hotkey === undefined || scaled > 10n ** 18n || scaled === 0n) throw new InvalidArgumentError('Expected a hotkey and its part, more than 0 and at most 1, such as 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty:0.5.');
  // Rounded down, so that parts which are one together are not more than the whole.
  return [...all, { hotkey, proportion: (scaled * WHOLE) / 10n ** 18n }];
}

function partText(proportion: bigint): string {
  return `${(Number((proportion * 1_000_000n + WHOLE / 2n) / WHOLE) / 10_000).toFixed(2)} %`;
}

function listText(children: readonly ChildKey[]): string {
  return children.length === 0 ? 'none' : children.map(({ hotkey, proportion }) => `${hotkey} ${partText(proportion)}`).join(', ');
}

function pendingText({ coolDownBlock, effectiveBlock }: Pick<PendingChildren, 'coolDownBlock' | 'effectiveBlock'>): string {
  return effectiveBlock === undefined ? `never: the subnet has no epochs (cool-down until block ${coolDownBlock})` : `with the epoch in block ${effectiveBlock}, the first after the cool-down, which lasts until block ${coolDownBlock}`;
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { readChildren, readPendingChildren } = await import('@connito/chain');
  const hotkey = await hotkeyOf(flags, context);
  const chain = await connectSubnet(flags, context);
  try {
    const query = { netuid: flags.netuid, hotkey, at: (await chain.finalisedHead()).hash };
    const [children, pending] = await Promise.all([readChildren(chain, query), readPendingChildren(chain, query)]);
    if (flags.json) return context.printJson({ hotkey, netuid: flags.netuid, children, pending: pending ?? null });
    if (children.length === 0) context.print(`${hotkey} has no child keys on subnet ${flags.netuid}`);
    else printChildren('CHILD', children, context);
    if (pending === undefined) return;
    context.print(`${pending.children.length === 0 ? 'all are taken back' : 'instead of these'} ${pendingText(pending)}`);
    if (pending.children.length > 0) printChildren('PENDING', pending.children, context);
  } finally {
    await chain.close();
  }
}

function printChildren(title: string, children: readonly ChildKey[], context: CliContext): void {
  printTable([{ title }, { title: 'PART', align: 'right' }], children.map((child) => [{ text: child.hotkey }, { text: partText(child.proportion) }]), context);
}

async function runChange(flags: ChangeFlags, context: CliContext, children: readonly ChildKey[]): Promise<void> {
  const { planChildren, readPendingChildren, setChildren } = await import('@connito/chain');
  const options = { netuid: flags.netuid, hotkey: await hotkeyOf(flags, context), children };
  await runCall(
    {
      role: 'coldkey',
      question: children.length === 0 ? `Take back all child keys of ${options.hotkey} on subnet ${flags.netuid}` : `Lend stake weight of ${options.hotkey} on subnet ${flags.netuid} to ${children.length} child key(s)`,
      asks: true,
      plan: (chain, account) => planChildren(chain, { ...options, account }),
      facts: (figures) => [
        ['now', listText(figures.children)],
        ...(figures.pending === undefined ? [] : [['replaces', `${listText(figures.pending.children)}, pending`] as const]),
        ['then', listText(children)],
        ['counts', figures.effectiveBlock === undefined ? 'never: the subnet has no epochs' : `from about block ${figures.effectiveBlock} on`],
      ],
      send: async (chain, signer) => {
        const { blockNumber, blockHash, extrinsicHash } = await setChildren(chain, { ...options, signer });
        const pending = await readPendingChildren(chain, { netuid: options.netuid, hotkey: options.hotkey, at: blockHash });
        return { blockNumber, blockHash, extrinsicHash, pending: pending ?? null };
      },
      done: ({ blockNumber, pending }) => `taken in block ${String(blockNumber)}; counts ${pending === null ? 'at once' : pendingText(pending as PendingChildren)}`,
    },
    flags,
    context,
  );
}
