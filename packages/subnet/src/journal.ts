/**
 * The crash-safe journal: every event of a role, appended before it takes effect, so that `kill -9` at any instant loses
 * at most an effect's work and never its meaning. LMDB's transactions give the safety, msgpackr the encoding: plain MessagePack, which
 * other programs can read too.
 *
 * @module
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { Packr } from 'msgpackr';
import { SubnetError } from './error.ts';

/** Append-only list of events on disk. */
export interface Journal<E> {
  /** All events so far, oldest first. */
  readonly events: readonly E[];
  /** Appends and waits until the event is durable. */
  append(event: E): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens or creates the journal in `directory`.
 *
 * @param identity - who writes it (role, hotkey, task); a journal of somebody else is refused
 * @throws SubnetError `state-of-another`
 */
export async function openJournal<E>(directory: string, identity: string): Promise<Journal<E>> {
  mkdirSync(directory, { recursive: true });
  const database: RootDatabase<unknown, string | number> = open({ path: join(directory, 'journal.lmdb'), encoder: new Packr({ useRecords: false }) });
  const owner = database.get('identity');
  if (owner === undefined) await database.put('identity', identity);
  else if (owner !== identity) {
    await database.close();
    throw new SubnetError('state-of-another', `The state directory ${directory} belongs to ${String(owner)}, not to ${identity}. Choose another --state directory: each hotkey has one for each task`, { directory });
  }
  const events = [...database.getRange({ start: 0, end: Number.MAX_SAFE_INTEGER })].map(({ value }) => value as E);
  return {
    events,
    async append(event) {
      await database.put(events.length, event);
      await database.flushed;
      events.push(event);
    },
    close: () => database.close(),
  };
}
