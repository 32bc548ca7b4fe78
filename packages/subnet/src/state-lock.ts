/**
 * One process per state directory: two runs of one hotkey would overwrite each other's commitments.
 *
 * A process is named by its number and, on Linux, by when it began: after a restart of the machine or a container the number soon belongs to somebody else, and
 * a role must come up again without anybody removing its lock.
 *
 * @module
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SubnetError } from './error.ts';

/**
 * Takes the directory for this process; a lock whose process is gone is taken over.
 *
 * @returns gives the lock back
 * @throws SubnetError `state-in-use`
 */
export function lockState(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'lock');
  const own = holder(process.pid);
  if (!tryLock(path, own)) {
    const held = readFileSync(path, 'utf8');
    const pid = Number(held.split(' ', 1)[0]);
    if (pid !== process.pid && isAlive(pid) && isSame(held, pid)) {
      throw new SubnetError('state-in-use', `The state directory ${directory} is in use by process ${pid}. Stop it first, or choose another --state directory. If this is a copy, remove ${path}`, { directory, pid });
    }
    writeFileSync(path, own);
  }
  return () => rmSync(path, { force: true });
}

function tryLock(path: string, own: string): boolean {
  try {
    writeFileSync(path, own, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** An empty or damaged lock, of a power cut, names nobody. To `kill`, 0 and below would be process groups. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether the process that has the number now is the one that wrote the lock; a lock without a beginning cannot tell. */
function isSame(held: string, pid: number): boolean {
  return !held.includes(' ') || held === holder(pid);
}

/** The number, and on Linux which start of the machine and which tick since then the process began with (proc_pid_stat(5), field 22). */
function holder(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The name of the program, in parentheses, may hold spaces and parentheses of its own.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
    return `${pid} ${boot} ${fields?.[19] ?? ''}`;
  } catch {
    return String(pid); // no Linux, or the process has just gone
  }
}
