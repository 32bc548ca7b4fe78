/**
 * A trainer as a process: started through the shell, ended with everything that it started, its output read line by line.
 *
 * @module
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { MoeEngineError } from '../../error.ts';

/** How a trainer is run. */
export interface TrainerProcessOptions {
  /** A shell command; the job's path is added to it as its last argument. */
  readonly command: string;
  readonly jobPath: string;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Lines of its standard output. */
  readonly onLine: (line: string) => void;
  /** Lines of its standard error. */
  readonly onErrorLine: (line: string) => void;
}

/** How long a trainer may take to end once it has been asked to. */
const GRACE_MS = 5_000;

/** Longer lines are cut: a trainer that writes without end must not fill the memory. */
const MAX_LINE_CHARACTERS = 65_536;

/**
 * Runs a trainer to its end.
 *
 * @throws {trainer-failed} it ended with another exit code than 0, or by a signal, or could not be started
 * @throws {trainer-timeout} {aborted}
 */
export async function runTrainerProcess(options: TrainerProcessOptions): Promise<void> {
  const { command, jobPath, timeoutMs, signal } = options;
  if (signal?.aborted === true) throw aborted(signal);
  const child = spawn(`${command} ${quote(jobPath)}`, { shell: true, detached: !isWindows, stdio: ['ignore', 'pipe', 'pipe'], env: withoutSecrets(process.env, jobPath) });
  const stop = stopper(child);
  const output = followOutput(child, options, stop);
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => stop.now(new MoeEngineError('trainer-timeout', `the trainer ${nameOf(command)} did not end within ${timeoutMs / 1000} s and was stopped`, { timeoutMs })), timeoutMs);
  const abort = (): void => stop.now(aborted(signal!));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const [exitCode, killedBy] = await ended(child);
    stop.rest();
    const lastError = await output;
    if (stop.reason !== undefined) throw stop.reason;
    if (exitCode !== 0) throw failed(command, { exitCode, killedBy, lastError });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    stop.done();
  }
}

/** Hands lines on until both pipes are closed; a callback that throws stops the trainer with what it threw. @returns the last error line that says something */
async function followOutput(child: TrainerChild, { onLine, onErrorLine }: TrainerProcessOptions, stop: Stopper): Promise<string> {
  let lastError = '';
  const follow = (stream: Readable, onText: (line: string) => void): Promise<void> => readLines(stream, onText).catch((error: unknown) => stop.now(error));
  const noteError = (line: string): void => {
    if (line.trim() !== '') lastError = line;
    onErrorLine(line);
  };
  await Promise.all([follow(child.stdout, onLine), follow(child.stderr, noteError)]);
  return lastError;
}

type TrainerChild = ChildProcessByStdio<null, Readable, Readable>;

const isWindows = process.platform === 'win32';

/** The first word: the rest may hold what nobody should read in a log. */
function nameOf(command: string): string {
  return command.trim().split(/\s/, 1)[0]!;
}

function quote(path: string): string {
  return isWindows ? `"${path}"` : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

/** A trainer is somebody else's code: keys of ours are none of its business. */
function withoutSecrets(env: NodeJS.ProcessEnv, jobPath: string): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(env).filter(([name]) => !/^(CONNITO_|BT_PW_|BT_WALLET_PASSWORD)/.test(name))), CONNITO_JOB: jobPath };
}

interface Stopper {
  /** Asks the trainer and what it has started to end; insists after a while. The first reason counts. */
  now(reason: unknown): void;
  /** The shell is gone: ends what it has left in the background, at once, or after the grace where everything was asked to end. */
  rest(): void;
  done(): void;
  readonly reason: unknown;
}

function stopper(child: TrainerChild): Stopper {
  let reason: unknown;
  let [insisting, letting]: (NodeJS.Timeout | undefined)[] = [];
  const killAtExit = (): void => kill(child, 'SIGKILL');
  process.on('exit', killAtExit);
  return {
    now(why) {
      if (reason !== undefined) return;
      reason = why;
      kill(child, 'SIGTERM');
      insisting = setTimeout(() => kill(child, 'SIGKILL'), GRACE_MS);
    },
    rest() {
      if (reason === undefined) kill(child, 'SIGKILL');
      // Whoever has left the group may hold the pipes for ever.
      letting = setTimeout(() => void (child.stdout.destroy(), child.stderr.destroy()), 2 * GRACE_MS);
    },
    done() {
      clearTimeout(insisting);
      clearTimeout(letting);
      process.off('exit', killAtExit);
    },
    get reason() {
      return reason;
    },
  };
}

/** The group, where there are any: the shell passes no signal on. */
function kill(child: TrainerChild, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(isWindows ? child.pid : -child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Exit code and signal; settles when the process is gone, whoever still holds its pipes. */
function ended(child: TrainerChild): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve([code, signal]));
  });
}

async function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let kept = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = (kept + (chunk as string)).split('\n');
    kept = lines.pop()!.slice(0, MAX_LINE_CHARACTERS);
    for (const line of lines) onLine(line.slice(0, MAX_LINE_CHARACTERS).replace(/\r$/, ''));
  }
  if (kept !== '') onLine(kept);
}

function failed(command: string, { exitCode, killedBy, lastError }: { readonly exitCode: number | null; readonly killedBy: NodeJS.Signals | null; readonly lastError: string }): MoeEngineError {
  const how = killedBy === null ? `with exit code ${exitCode}` : `by ${killedBy}`;
  const said = lastError === '' ? '' : `: ${lastError.slice(0, 500)}`;
  return new MoeEngineError('trainer-failed', `the trainer ${nameOf(command)} ended ${how}${said}`, { exitCode: exitCode ?? undefined, signal: killedBy ?? undefined });
}

function aborted(signal: AbortSignal): MoeEngineError {
  return new MoeEngineError('aborted', 'the trainer was stopped by the signal of its caller', { completedSteps: undefined }, { cause: signal.reason });
}
