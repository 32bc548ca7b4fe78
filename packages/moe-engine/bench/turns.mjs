/**
 * Processes that take turns: all are started and warmed up, then one at a time runs while the others are stopped (SIGSTOP), so that a busy
 * machine slows all alike and each one's memory is its own. Linux: peak memory is read from /proc.
 *
 * A subject repeats its step for ever and prints a line of JSON for each: `{ begun, ended, cpu, loss }` — milliseconds since 1970, CPU seconds of all
 * its threads, and what it computed. Its first line is `{ imported }`: resident bytes before it loaded a model.
 * @module
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Starts a subject and lets it take `warmUp` steps; stopped afterwards. */
export async function startSubject(name, { command, args, env = {}, warmUp = 2 }) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let complaint = '';
  child.stderr.on('data', (chunk) => (complaint = (complaint + chunk).slice(-2000)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = new Promise((resolve) => child.once('exit', resolve));
  endWithUs(child);
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name} ended:\n${complaint}`);
    return JSON.parse(value);
  };
  const { imported, ...about } = await next();
  const first = [];
  while (first.length < warmUp) first.push(await next());
  child.kill('SIGSTOP');
  return {
    name,
    imported,
    about,
    losses: first.map(({ loss }) => loss),
    /** Lets it run until it has taken `count` steps that begun in this turn. */
    async turn(count) {
      const resumed = Date.now();
      child.kill('SIGCONT');
      const steps = [];
      while (steps.length < count) {
        const step = await next();
        if (step.begun >= resumed) steps.push({ wall: (step.ended - step.begun) / 1000, cpu: step.cpu });
      }
      child.kill('SIGSTOP');
      return { wall: median(steps.map(({ wall }) => wall)), cpu: median(steps.map(({ cpu }) => cpu)) };
    },
    /** Highest resident set of the whole process so far, bytes. */
    peakMemory: () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) * 1024,
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** A stopped process would outlive this one unseen. */
function endWithUs(child) {
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  for (const signal of ['SIGINT', 'SIGTERM']) if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
}

/** Alternating turns; name to `{ wall, cpu }`, one entry a round. */
export async function takeTurns(subjects, { rounds, steps }) {
  const samples = new Map(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) samples.get(subject.name).push(await subject.turn(steps));
  }
  return samples;
}

/** The middle value; of an even number the mean of both. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
