/**
 * `connito weights set`: in the way that the subnet asks for, and with `--wait` until the chain holds the row.
 *
 * @module
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Option, type Command } from 'commander';
import type { Chain, Keypair, Weight, WeightsHandle, WeightsPlan } from '@connito/chain';
import { addCallOptions, runCall, type CallFlags } from '../chain-call.ts';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { describeUse, wholeNumber } from '../options.ts';
import { createSettleNarrator, type SettleNarrator } from '../settle-narrator.ts';
import { addTargetOptions, weightList } from '../weight-options.ts';

interface SetFlags extends CallFlags {
  readonly netuid: number;
  readonly mechanism: number;
  readonly weights: readonly Weight[];
  readonly versionKey: number;
  readonly wait?: true;
  readonly handle?: string;
}

/** Adds `connito weights set`. */
export function registerWeightsSet(group: Command, context: CliContext): void {
  const command = addTargetOptions(addCallOptions(group.command('set').description('Set weights in the way that the subnet asks for: plain, by hash, or timelocked. Signed by the hotkey. Costs nothing.')))
    .addOption(new Option('--weights <list>', 'uid:weight with commas between, of any scale').argParser(weightList).makeOptionMandatory())
    .addOption(new Option('--version-key <number>', "at least the subnet's").argParser(wholeNumber()).default(0))
    .option('--wait', 'stay until the chain holds the row: through reveals, and committing again what came to nothing')
    .option('--handle <file>', 'keeps the commit until its row is set, so that the same command with --wait goes on after a stop; needed where weights are committed by hash')
    .action((flags: SetFlags) => runSet(flags, context));
  describeUse(command, ['connito weights set --netuid 1 --weights 0:0.2,3:0.8 --wallet-name validator', 'connito weights set --netuid 1 --weights 3:1 --wallet-name validator --wait --handle weights.json', 'connito weights set --netuid 1 --weights 3:1 --dry-run --json']);
}

async function runSet(flags: SetFlags, context: CliContext): Promise<void> {
  const { planWeights, setWeights } = await import('@connito/chain');
  const { netuid, mechanism, weights, versionKey } = flags;
  const options = { netuid, mechanism, weights, versionKey };
  const onHandle = (next: WeightsHandle): Promise<void> | undefined => (flags.handle === undefined ? undefined : keepHandle(flags.handle, next));
  const narrator = createSettleNarrator(flags, context);
  let way: WeightsPlan['way'] | undefined;
  await runCall(
    {
      role: 'hotkey',
      question: `Set weights on subnet ${netuid}`,
      asks: false,
      plan: async (chain, account) => {
        const plan = await planWeights(chain, { ...options, account });
        way = plan.way;
        if (way === 'hashed' && flags.handle === undefined && !flags.dryRun) throw new CliError('usage', `Subnet ${netuid} takes weights by hash, and only who has the salt can reveal them: say by --handle where to keep it, and add --wait to reveal them in time`);
        return plan;
      },
      facts: ({ settings, sent }) => [
        ['way', way ?? ''],
        ['row', sent.uids.map((uid, index) => `${uid}:${sent.values[index]}`).join(' ')],
        ['rate limit', `${settings.rateLimitBlocks} blocks, last update in block ${settings.lastUpdateBlock}`],
      ],
      send: async (chain, signer) => {
        if (flags.wait === true) return { way, ...(await settle({ chain, signer, flags, context, narrator })) };
        const { events: _events, ...sent } = await setWeights(chain, { ...options, signer, onHandle });
        return sent as unknown as Record<string, unknown>;
      },
      stopped: () => narrator.stopped(),
      done: ({ blockNumber, row, way: used }) => (row === undefined ? `committed (${String(used)}) in block ${String(blockNumber)}; ${used === 'hashed' ? `nobody but you can reveal it: repeat with --wait --handle ${String(flags.handle)}` : 'set once the chain has revealed it (--wait stays for it)'}` : `set in block ${String(blockNumber)}`),
    },
    flags,
    context,
  );
}

interface Settling {
  readonly chain: Chain;
  readonly signer: Keypair;
  readonly flags: SetFlags;
  readonly context: CliContext;
  readonly narrator: SettleNarrator;
}

/** Waits; what was kept is let go once the row is set, so that the same command sets it anew. */
async function settle({ chain, signer, flags, context, narrator }: Settling): Promise<Record<string, unknown>> {
  const { settleWeights } = await import('@connito/chain');
  const { netuid, mechanism, weights, versionKey, handle: path } = flags;
  const handle = path === undefined ? undefined : await readHandle(path);
  if (handle !== undefined) narrator.resumed(handle);
  const settled = await settleWeights(chain, {
    netuid,
    mechanism,
    weights,
    versionKey,
    signer,
    signal: context.signal,
    ...(handle === undefined ? {} : { handle }),
    onHandle: (next) => (path === undefined ? undefined : keepHandle(path, next)),
    onProgress: (progress) => narrator.tell(progress),
  });
  if (path !== undefined) await rm(path, { force: true });
  return { ...settled };
}

async function readHandle(path: string): Promise<WeightsHandle | undefined> {
  const { parseWeightsHandle } = await import('@connito/chain');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)));
  if (text === undefined) return undefined;
  try {
    return parseWeightsHandle(JSON.parse(text));
  } catch (cause) {
    throw new CliError('data', `${path} holds no weights that are under way: delete it to begin anew`, { path }, { cause });
  }
}

/** In one step, and for nobody else's eyes: by hash it is what the weights are hidden by. */
async function keepHandle(path: string, handle: WeightsHandle): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, `${JSON.stringify(handle)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
