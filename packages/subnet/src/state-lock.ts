/**
 * One process per state directory: two runs of one hotkey would overwrite each other's commitments.
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
  if (!tryLock(path)) {
    const pid = Number(readFileSync(path, 'utf8'));
    if (pid !== process.pid && isAlive(pid)) {
      throw new SubnetError('state-in-use', `The state directory ${directory} is in use by process ${pid}. Stop it first, or choose another --state directory`, { directory, pid });
    }
    writeFileSync(path, String(process.pid));
  }
  return () => rmSync(path, { force: true });
}

function tryLock(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
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
