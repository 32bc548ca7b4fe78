/**
 * The demo's child processes: each is this CLI again, one role each, reporting in JSON lines on its stdout. They end with the demo,
 * however it ends: a child whose parent is gone notices the closed channel.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How long a process has to end by itself before it is killed. */
const GRACE_MS = 3_000;

/** A process to start. */
export interface ProcessPlan {
  /** Unique; names the log file. */
  readonly name: string;
  readonly args: readonly string[];
  /** Added to the environment: secrets go here, never on the command line. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onEvent: (event: unknown) => void;
}

/** A running process. */
export interface RunningProcess {
  readonly name: string;
  /** Resolves when it has ended well; rejects with its last words otherwise. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/** Starts one role; its stderr goes to `<logs>/<name>.log`. */
export function startProcess({ name, args, env, onEvent }: ProcessPlan, logs: string): RunningProcess {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { ...process.env, ...env, CONNITO_CHILD: '1' } });
  const log = createWriteStream(join(logs, `${name}.log`));
  const lastWords: string[] = [];
  if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => onEvent(JSON.parse(line)));
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.write(`${line}\n`);
      lastWords.push(line);
      if (lastWords.length > 5) lastWords.shift();
    });
  }
  const done = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      log.end();
      if (code === 0) resolve();
      else reject(new Error(`${name} ended with ${signal ?? `exit code ${code}`}: ${lastWords.join(' ') || 'no message'} (log: ${join(logs, `${name}.log`)})`));
    });
  });
  return { name, done, stop: () => stopChild(child, done) };
}

async function stopChild(child: ChildProcess, done: Promise<void>): Promise<void> {
  const ended = done.catch(() => undefined);
  if (child.exitCode !== null || child.signalCode !== null) return ended;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await ended;
  clearTimeout(timer);
}
