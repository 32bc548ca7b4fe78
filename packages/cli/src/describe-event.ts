/**
 * A role's events as lines for people.
 *
 * @module
 */
import type { AgentEvent } from '@connito/subnet';
import { formatBytes } from './terminal.ts';

/** One line, or undefined for what would only make noise. */
export function describeEvent(event: AgentEvent): string | undefined {
  const where = 'cycle' in event ? `cycle ${event.cycle}: ` : '';
  const what = describe(event);
  return what && `${event.role} ${where}${what}`;
}

function describe(event: AgentEvent): string | undefined {
  switch (event.kind) {
    case 'waiting':
      return `no task on subnet ${event.netuid} yet, waiting for its owner`;
    case 'joined':
      return `task "${event.task}" of subnet ${event.netuid}: ${event.cycles} cycles of ${formatMinutes(event.cycleMs)}, cycle 0 begins at ${formatTime(event.startMs)} of chain time`;
    case 'moment':
      return event.missed && ROLE_MOMENTS[event.role].includes(event.moment) ? `came too late for the ${MOMENT_WORK[event.moment]}; it ended at ${formatTime(event.endsMs)} of chain time` : undefined;
    case 'version':
      return `starts from version ${event.version}, root ${event.root.slice(0, 12)}…`;
    case 'train-step':
      return event.step === event.steps || event.step % 10 === 0 ? `step ${event.step} of ${event.steps}, loss ${event.loss.toFixed(4)}` : undefined;
    case 'trained':
      return `made an update of ${formatBytes(event.sizeBytes)}${event.steps === 0 ? '' : ` in ${event.steps} steps`}, ${event.seconds.toFixed(1)} s`;
    case 'committed':
      return `committed the update in block ${event.blockNumber}`;
    case 'uploaded':
      return `uploaded ${UPLOADS[event.role]}, ${formatBytes(event.sizeBytes)}, ${event.sha256.slice(0, 12)}…`;
    case 'scored':
      return `scored ${event.scores.map(({ uid, code, score }) => `uid ${uid} ${code === 'scored' ? score.toFixed(4) : code}`).join(', ') || 'nobody'}`;
    case 'weights-set':
      return `${event.way === 'plain' ? 'set' : 'committed'} weights ${event.weights.map(({ uid, weight }) => `uid ${uid} ${(weight * 100).toFixed(1)} %`).join(', ') || 'for nobody'}`;
    case 'weights-settled':
      return event.outcome === 'set' ? undefined : `weights of cycle ${event.cycle}: ${event.outcome}`;
    case 'merged':
      return event.accepted ? `merged version ${event.version} by ${event.step}, gain ${event.target?.gain.toFixed(4)} nats per token` : `nothing accepted, version ${event.version} stays`;
    case 'root-committed':
      return `committed root ${event.root.slice(0, 12)}…`;
    case 'evidence-kept':
      return `keeps evidence of what stood on chain, ${event.sha256}`;
    case 'failed':
      return `${event.effect} failed (${event.code}): ${event.message}`;
    case 'notice':
      return event.message;
    case 'finished':
      return 'the task has ended';
  }
}

const UPLOADS: Readonly<Record<AgentEvent['role'], string>> = { owner: 'the held-out shard', miner: 'the update', validator: 'the score sheet' };

/** Moments at which a role has something to do; others it may miss. */
const ROLE_MOMENTS: Readonly<Record<AgentEvent['role'], readonly string[]>> = {
  owner: ['open'],
  miner: ['distribute', 'train', 'commit', 'upload'],
  validator: ['distribute', 'open', 'publish', 'reveal'],
};

/** What is done at a moment, as its absence is reported. */
const MOMENT_WORK: Readonly<Record<Extract<AgentEvent, { kind: 'moment' }>['moment'], string>> = {
  distribute: 'distribute phase',
  train: 'train phase',
  commit: 'commit phase',
  upload: 'upload',
  open: 'scoring',
  publish: 'publication of sheets',
  reveal: 'merge',
};

/** `2026-11-20 21:00:46` UTC. */
function formatTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function formatMinutes(durationMs: number): string {
  return `${Number((durationMs / 60_000).toFixed(1))} min`;
}
