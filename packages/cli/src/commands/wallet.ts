/**
 * `connito wallet`: btcli wallets on disk.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { KeyState, Wallet } from '@connito/chain/node';
import { wantsColor, type CliContext } from '../context.ts';
import { addNetworkOption, connectNetwork, type NetworkFlags } from '../network-options.ts';
import { describeUse } from '../options.ts';
import { printTable } from '../print-table.ts';
import { addGroup } from '../program.ts';
import { createPaint, type Cell } from '../terminal.ts';
import { addKeyFileOption, addressOf, addWalletOptions, openWalletOf, walletPathOf, type SignerFlags, type WalletFlags } from '../wallet-options.ts';
import { registerWalletCreate } from './wallet-create.ts';
import { registerWalletRegen } from './wallet-regen.ts';
import { registerWalletSign } from './wallet-sign.ts';
import { registerWalletTransfer } from './wallet-transfer.ts';

interface ShowFlags extends WalletFlags {
  readonly json?: true;
}

interface BalanceFlags extends ShowFlags, SignerFlags, NetworkFlags {
  readonly address?: string;
}

/** A key with its name, for tables and JSON. */
interface NamedKey {
  readonly name: string;
  readonly state: KeyState;
}

/** Adds `connito wallet`. */
export function registerWallet(program: Command, context: CliContext): void {
  const group = addGroup(program, 'wallet', 'Make, look at and use wallets, in files that btcli shares.');
  registerList(group, context);
  registerShow(group, context);
  registerWalletCreate(group, context);
  registerWalletRegen(group, context);
  registerBalance(group, context);
  registerWalletTransfer(group, context);
  registerWalletSign(group, context);
}

function registerList(group: Command, context: CliContext): void {
  const command = group
    .command('list')
    .description('List wallets and their hotkeys with addresses. Needs no password.')
    .option('--wallet-path <directory>', 'directory of wallets (default: BT_WALLET_PATH or ~/.bittensor/wallets)')
    .action((flags: ShowFlags) => runList(flags, context));
  describeUse(command, ['connito wallet list', 'connito wallet list --wallet-path ./wallets --json']);
}

async function runList(flags: ShowFlags, context: CliContext): Promise<void> {
  const { listWallets, walletsDirectory } = await import('@connito/chain/node');
  const path = walletPathOf(flags, context.env);
  const wallets = [];
  for (const { name, hotkeys } of await listWallets(path)) {
    const keys = await keysOf({ ...flags, walletName: name }, hotkeys, context);
    wallets.push({ name, coldkey: keys[0]?.state.address, hotkeys: keys.slice(1).map(({ name: hotkey, state }) => ({ name: hotkey, address: state.address })) });
  }
  if (flags.json) return context.printJson({ path: walletsDirectory(path), wallets });
  if (wallets.length === 0) return context.print(`no wallets in ${walletsDirectory(path)}: \`connito wallet create\` makes one`);
  const rows = wallets.flatMap(({ name, coldkey, hotkeys }) => [[name, '', coldkey ?? '–'], ...hotkeys.map((hotkey) => ['', hotkey.name, hotkey.address ?? '–'])]);
  printTable([{ title: 'WALLET' }, { title: 'HOTKEY' }, { title: 'ADDRESS' }], rows.map((row) => row.map((text) => ({ text }))), context);
}

function registerShow(group: Command, context: CliContext): void {
  const command = addWalletOptions(group.command('show').description("Show a wallet's keys: address, encryption, file mode, and what is wrong. Needs no password. All hotkeys, or the one of --wallet-hotkey.")).action((flags: ShowFlags) => runShow(flags, context));
  describeUse(command, ['connito wallet show', 'connito wallet show --wallet-name miner -H first --json']);
}

async function runShow(flags: ShowFlags, context: CliContext): Promise<void> {
  const { listWallets } = await import('@connito/chain/node');
  const wallet = await openWalletOf(flags, context);
  const listing = (await listWallets(walletPathOf(flags, context.env))).find(({ name }) => name === wallet.name);
  // Says what is missing where there is nothing at all.
  if (listing === undefined) await wallet.address('coldkey');
  const keys = await keysOf({ ...flags, walletName: wallet.name }, flags.walletHotkey === undefined ? (listing?.hotkeys ?? []) : [wallet.hotkey], context);
  if (flags.json) return context.printJson({ name: wallet.name, directory: wallet.directory, keys: keys.map(describeKey) });
  const paint = createPaint(wantsColor(context.stdout, context.env));
  const rows = keys.map(({ name, state }): Cell[] => [{ text: state.role === 'coldkey' ? 'coldkey' : `hotkey ${name}` }, { text: state.address ?? 'unknown' }, { text: protectionOf(state), paint: state.encryption === 'nacl' ? paint.good : paint.dim }, { text: modeOf(state.mode) ?? '' }]);
  context.print(wallet.directory);
  printTable([{ title: 'KEY' }, { title: 'ADDRESS' }, { title: 'FILE' }, { title: 'MODE', priority: 1 }], rows, context);
  for (const { state } of keys) for (const warning of state.warnings) context.log.warn(warning);
}

function registerBalance(group: Command, context: CliContext): void {
  const command = addNetworkOption(addKeyFileOption(addWalletOptions(group.command('balance').description("Show the free balance of a wallet's coldkey, or of any address. Needs no password."))))
    .addOption(new Option('--address <ss58>', 'an address instead of a wallet or key').conflicts(['walletName', 'walletHotkey', 'keyFile']))
    .action((flags: BalanceFlags) => runBalance(flags, context));
  describeUse(command, ['connito wallet balance --wallet-name owner --network finney', 'connito wallet balance --address 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --json']);
}

async function runBalance(flags: BalanceFlags, context: CliContext): Promise<void> {
  const { formatTao, parseHotkey, readBalance } = await import('@connito/chain');
  const address = flags.address === undefined ? ((await addressOf(flags, context, 'coldkey')) ?? (await (await openWalletOf(flags, context)).address('coldkey'))) : parseHotkey(flags.address);
  const chain = await connectNetwork(flags, context);
  try {
    const freeRao = await readBalance(chain, { account: address });
    if (flags.json) context.printJson({ address, freeRao });
    else context.print(`${address}  ${formatTao(freeRao)} free`);
  } finally {
    await chain.close();
  }
}

async function keysOf(flags: WalletFlags, hotkeys: readonly string[], context: CliContext): Promise<NamedKey[]> {
  const open = (walletHotkey?: string): Promise<Wallet> => openWalletOf({ ...flags, ...(walletHotkey === undefined ? {} : { walletHotkey }) }, context);
  const keys: NamedKey[] = [{ name: 'coldkey', state: await (await open()).inspect('coldkey') }];
  for (const name of hotkeys) keys.push({ name, state: await (await open(name)).inspect('hotkey') });
  return keys;
}

function describeKey({ name, state: { role, address, encryption, mode, paths, warnings } }: NamedKey): Record<string, unknown> {
  return { role, name, address: address ?? null, encryption: encryption ?? null, mode: modeOf(mode) ?? null, path: paths.secret, publicPath: paths.public, warnings };
}

function protectionOf({ encryption }: KeyState): string {
  if (encryption === undefined) return 'address only';
  return encryption === 'none' ? 'plain' : `encrypted (${encryption})`;
}

function modeOf(mode: number | undefined): string | undefined {
  return mode === undefined ? undefined : `0${mode.toString(8)}`;
}
