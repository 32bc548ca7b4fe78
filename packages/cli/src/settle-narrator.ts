/**
 * What `connito weights set --wait` says while it waits, and how to go on where it is stopped; on stderr, line by line.
 *
 * @module
 */
import type { SettleProgress, WeightsHandle } from '@connito/chain';
import type { CliContext } from './context.ts';

/** Says it. */
export interface SettleNarrator {
  /** A commit of an earlier run is followed. */
  resumed(handle: WeightsHandle): void;
  tell(progress: SettleProgress): void;
  /** How to go on. */
  stopped(): string;
}

type Waiting = Extract<SettleProgress, { kind: 'waiting' }>;

/** Between two lines that say nothing but how far it is. */
const PACE_MS = 30_000;

/** A narrator for one run. */
export function createSettleNarrator(flags: { readonly netuid: number; readonly handle?: string }, context: Pick<CliContext, 'stderr'>, now: () => number = () => performance.now()): SettleNarrator {
  const say = (text: string): void => void context.stderr.write(`${text}\n`);
  let last: { readonly text: string; readonly atMs: number } | undefined;
  let first: { readonly blockNumber: number; readonly atMs: number } | undefined;
  let under: { readonly handle: WeightsHandle; readonly waiting?: Waiting } | undefined;

  const waits = (waiting: Waiting): void => {
    under = { handle: waiting.handle, waiting };
    const atMs = now();
    first ??= { blockNumber: waiting.blockNumber, atMs };
    const text = waitingText(waiting);
    if (text === last?.text && atMs - last.atMs < PACE_MS) return;
    last = { text, atMs };
    say(`block ${waiting.blockNumber}: ${text}${paceText(waiting, { first, atMs })}`);
  };
  return {
    resumed: (handle) => {
      under = { handle };
      say(`going on with the ${handle.way} commit that ${String(flags.handle)} holds`);
    },
    tell: (progress) => {
      if (progress.kind === 'waiting') return waits(progress);
      if (progress.kind === 'committed') {
        under = { handle: progress.handle };
        return say(`committed (${progress.handle.way}) in block ${progress.blockNumber}${progress.attempt === 1 ? '' : `, attempt ${progress.attempt}`}`);
      }
      under = undefined;
      say(`the commit came to nothing: ${progress.outcome}`);
    },
    stopped: () => stoppedText(flags, under),
  };
}

function waitingText({ way, currentEpoch, revealEpoch, revealBlock, beacon }: Waiting): string {
  if (revealEpoch === undefined) return 'waiting for the commit to be seen on chain';
  const pulse = beacon === undefined ? '' : beacon.lastRound < beacon.round ? ` and the pulse of round ${beacon.round}` : `; the pulse of round ${beacon.round} is there`;
  if (revealBlock !== undefined) return `waiting for epoch ${revealEpoch}, from about block ${revealBlock} on${pulse}`;
  if (way === 'hashed') return currentEpoch > revealEpoch ? `epoch ${revealEpoch} is over` : `epoch ${revealEpoch} has begun: revealing`;
  return `epoch ${revealEpoch} has begun${pulse === '' || beacon === undefined || beacon.lastRound >= beacon.round ? pulse : `: waiting for the pulse of round ${beacon.round}, the chain has ${beacon.lastRound}`}`;
}

/** By the pace since the waiting began: a development chain's blocks come as they please. */
function paceText({ blockNumber, revealBlock }: Waiting, { first, atMs }: { readonly first: { readonly blockNumber: number; readonly atMs: number }; readonly atMs: number }): string {
  const blocks = blockNumber - first.blockNumber;
  if (revealBlock === undefined || blocks < 1) return '';
  const minutes = ((atMs - first.atMs) / blocks / 60_000) * Math.max(0, revealBlock - blockNumber);
  return minutes < 1 ? ', in less than a minute' : `, in about ${Math.round(minutes)} min at this pace`;
}

function stoppedText({ netuid, handle: path }: { readonly netuid: number; readonly handle?: string }, under: { readonly handle: WeightsHandle; readonly waiting?: Waiting } | undefined): string {
  if (under === undefined) return 'stopped; whether the commit is included is not known yet: look by `connito weights show` before setting weights again';
  const { handle, waiting } = under;
  const when = waiting?.revealEpoch === undefined ? ' in an epoch to come' : ` in epoch ${waiting.revealEpoch}${waiting.revealBlock === undefined ? ', which has begun' : `, from about block ${waiting.revealBlock} on`}`;
  const again = path === undefined ? `see it then by \`connito weights show --netuid ${netuid} --uid ${handle.uid}\`` : `the same command goes on from ${path}`;
  if (handle.way === 'hashed') return `stopped; the commit stands, and nobody but you can reveal it${when}: ${again}, and has to run then, or the weights are lost`;
  return `stopped; the commit stands, and the chain reveals it by itself${when}: ${again}`;
}
