/**
 * Collects what the roles told, for the report.
 *
 * @module
 */
import type { AgentEvent } from '@connito/subnet';

/** One role's event with its author's name in the demo and the wall-clock time of its arrival. */
export interface LoggedEvent {
  readonly name: string;
  readonly event: AgentEvent;
  readonly atMs: number;
}

/** The events of one kind, in order of arrival. */
export function eventsOfKind<K extends AgentEvent['kind']>(log: readonly LoggedEvent[], kind: K): (LoggedEvent & { readonly event: Extract<AgentEvent, { kind: K }> })[] {
  return log.filter((entry): entry is LoggedEvent & { readonly event: Extract<AgentEvent, { kind: K }> } => entry.event.kind === kind);
}

/** Wall-clock seconds of each phase of a cycle: from the first role that entered it to the first that entered the next. */
export function phaseSeconds(log: readonly LoggedEvent[], cycle: number, endMs: number): Readonly<Record<string, number>> {
  const starts = new Map<string, number>();
  let nextCycleMs = endMs;
  for (const { event, atMs } of eventsOfKind(log, 'moment')) {
    if (event.cycle === cycle && !starts.has(event.moment)) starts.set(event.moment, atMs);
    if (event.cycle === cycle + 1 && event.moment === 'distribute') nextCycleMs = Math.min(nextCycleMs, atMs);
  }
  const entries = [...starts];
  return Object.fromEntries(entries.map(([moment, startMs], index) => [moment, ((entries[index + 1]?.[1] ?? nextCycleMs) - startMs) / 1000]));
}

/** Bytes that went through the shared store in a cycle. */
export function bytesOnWire(log: readonly LoggedEvent[], cycle: number): number {
  return eventsOfKind(log, 'uploaded').reduce((sum, { event }) => (event.cycle === cycle ? sum + event.sizeBytes : sum), 0);
}
