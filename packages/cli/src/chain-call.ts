/**
 * Calls to the chain: shown with what they cost, asked for, sent. With `--dry-run` the encoded call is printed instead, and no key is needed.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { Chain, Keypair, Plan } from '@connito/chain';
import type { KeyRole } from '@connito/chain/node';
import { CliError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { addNetworkOption, connectNetwork, type NetworkFlags } from './network-options.ts';
import { printFacts } from './print-table.ts';
import { promptYes } from './prompt.ts';
import { formatAmount } from './tao.ts';
import { addressOf, addSignerOptions, KEY_VARIABLE, openSigner, type SignerFlags } from './wallet-options.ts';

/** Options of a command that sends a call. */
export interface CallFlags extends SignerFlags, NetworkFlags {
  readonly yes?: true;
  readonly dryRun?: true;
  readonly as?: string;
  readonly json?: true;
}

/** A line about a call: what it costs, what is left. */
export type Fact = readonly [name: string, value: string];

/** One call, from its plan to its result. */
export interface ChainCommand<F extends object> {
  /** Which key of a wallet signs. */
  readonly role: KeyRole;
  /** What is about to be done, as a question: `Register 5F… on subnet 1`. */
  readonly question: string;
  /** Whether to ask before sending; what only says something and costs nothing is sent at once. */
  readonly asks: boolean;
  plan(chain: Chain, account: string): Promise<Plan<F>>;
  facts(figures: F): readonly Fact[];
  /** Sends it, having looked again; gives what is printed as JSON. */
  send(chain: Chain, signer: Keypair): Promise<Record<string, unknown>>;
  /** The result in one line. */
  done(result: Record<string, unknown>): string;
  /** What is said where Ctrl-C ends the waiting for it. */
  stopped?(): string;
}

/** Who a call is planned for where nobody was named: the account of 32 zero bytes, which nobody has the key of. */
const NOBODY = '5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM';

/** Adds the options of every command that sends a call. */
export function addCallOptions(command: Command): Command {
  return addSignerOptions(addNetworkOption(command))
    .option('-y, --yes', 'do not ask before sending')
    .option('--dry-run', 'print the encoded call and what it would cost; sends nothing and needs no key')
    .addOption(new Option('--as <ss58>', 'with --dry-run: the address that would sign').implies({ dryRun: true }));
}

/** Plans, shows, asks, sends. */
export async function runCall<F extends object>(command: ChainCommand<F>, flags: CallFlags, context: CliContext): Promise<void> {
  const chain = await connectNetwork(flags, context);
  try {
    if (flags.dryRun) return await showPlan(command, flags, { chain, context });
    const signer = await openSigner(flags, context, command.role);
    const plan = await command.plan(chain, signer.hotkey);
    refuse(plan);
    await confirm(command, plan, { flags, context });
    const result = await untilStopped(command.send(chain, signer), command, context);
    if (flags.json) context.printJson(result);
    else context.print(command.done(result));
  } finally {
    await chain.close();
  }
}

/** The result, unless Ctrl-C comes first: what was handed over cannot be taken back, so that is said. */
async function untilStopped<T>(work: Promise<T>, { stopped }: Pick<ChainCommand<object>, 'stopped'>, { signal, stderr }: CliContext): Promise<T> {
  const done = new AbortController();
  const stop = new Promise<never>((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true, signal: done.signal });
  });
  try {
    return await Promise.race([work, stop]);
  } catch (error) {
    if (signal.aborted) stderr.write(`${stopped?.() ?? 'stopped; the call may still be included: look before sending it again'}\n`);
    throw error;
  } finally {
    done.abort();
    work.catch(() => {});
  }
}

/** The refusal of a plan as the error that sending it would be. */
function refuse({ refusal }: Plan): void {
  if (refusal !== undefined) throw new CliError('failed', `Nothing was sent: ${refusal.text} (${refusal.reason})`, { reason: refusal.reason });
}

async function confirm<F extends object>(command: ChainCommand<F>, plan: Plan<F>, { flags, context }: { readonly flags: CallFlags; readonly context: CliContext }): Promise<void> {
  if (!command.asks || flags.yes) return;
  for (const [name, value] of factsOf(command, plan)) context.stderr.write(`${name}: ${value}\n`);
  const isSure = await promptYes(`${command.question}?`, { instead: 'repeat with --yes to send it, or with --dry-run to see it' }, context);
  if (!isSure) throw new CliError('interrupted', 'Nothing was sent');
}

async function showPlan<F extends object>(command: ChainCommand<F>, flags: CallFlags, { chain, context }: { readonly chain: Chain; readonly context: CliContext }): Promise<void> {
  const account = flags.as === undefined ? await addressOf(flags, context, command.role) : (await import('@connito/chain')).parseHotkey(flags.as);
  const plan = await command.plan(chain, account ?? NOBODY);
  const { method } = plan.call;
  const { args } = method.toHuman() as { args: unknown };
  const call = { pallet: method.section, name: method.method, args, hex: method.toHex() };
  const refusal = account === undefined ? undefined : plan.refusal;
  if (flags.json) return context.printJson({ dryRun: true, account: account ?? null, call, feeRao: plan.feeRao, refusal: refusal ?? null, figures: plan.figures });
  context.print(`${call.hex}`);
  context.print(JSON.stringify({ pallet: call.pallet, name: call.name, args }, null, 2));
  printFacts(factsOf(command, plan), context);
  if (account === undefined) context.print(`not judged: no signer was named (--as, --wallet-name, --key-file or the variable ${KEY_VARIABLE})`);
  else context.print(refusal === undefined ? 'the chain would take it in the next block' : `the chain would refuse it: ${refusal.text} (${refusal.reason})`);
}

function factsOf<F extends object>(command: ChainCommand<F>, { figures, feeRao, account }: Plan<F>): readonly Fact[] {
  return [...command.facts(figures), ['fee', feeRao === 0n ? 'none' : `${formatAmount(feeRao)} TAO`], ['signed by', account === NOBODY ? 'nobody yet' : account]];
}
