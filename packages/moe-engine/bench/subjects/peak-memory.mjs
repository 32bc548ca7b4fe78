/** Highest resident memory of this process. @module */
import { readFileSync } from 'node:fs';

/** Bytes, from the time of its exec on: getrusage would count its parent's before the fork. Linux. */
export function peakMemory() {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}
