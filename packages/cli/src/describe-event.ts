/**
 * A role's events as lines for people.
 *
 * @module
 */
import type { AgentEvent } from '@connito/subnet';

/** One line, or undefined for what would only make noise. */
export function describeEvent(event: AgentEvent): string | undefined {
  const where = 'cycle' in event ? `cycle ${event.cycle}: ` : '';
  const what = describe(event);
  return what && `${event.role} ${where}${what}`;
}

function describe(event: AgentEvent): string | undefined {
  switch (event.kind) {
    case 'moment':
      return event.missed ? `${event.moment} was missed` : undefined;
    case 'version':
      return `version ${event.version}, root ${event.root.slice(0, 12)}…`;
    case 'train-step':
      return event.step === event.steps || event.step % 10 === 0 ? `step ${event.step} of ${event.steps}, loss ${event.loss.toFixed(4)}` : undefined;
    case 'trained':
      return `update of ${event.sizeBytes} bytes after ${event.steps} steps, ${event.seconds.toFixed(1)} s`;
    case 'committed':
      return `committed in block ${event.blockNumber}`;
    case 'uploaded':
      return `uploaded ${event.sizeBytes} bytes, ${event.sha256.slice(0, 12)}…`;
    case 'scored':
      return `scored ${event.scores.map(({ uid, code, score }) => `${uid}: ${code === 'scored' ? score.toFixed(4) : code}`).join(', ')}`;
    case 'weights-set':
      return `weights ${event.weights.map(({ uid, weight }) => `${uid}: ${weight.toFixed(3)}`).join(', ')}`;
    case 'merged':
      return event.accepted ? `version ${event.version} by the ${event.step} step, gain ${event.target?.gain.toFixed(4)}` : `nothing accepted, version ${event.version} stays`;
    case 'root-committed':
      return `root ${event.root.slice(0, 12)}… committed`;
    case 'failed':
      return `${event.effect} failed (${event.code}): ${event.message}`;
    case 'notice':
      return event.message;
    case 'finished':
      return 'the task has ended';
  }
}
