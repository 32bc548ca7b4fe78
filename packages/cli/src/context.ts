/**
 * What a command may touch of the world around it, so that it can run in a test as well as in a terminal.
 *
 * @module
 */
import { oneLine } from './cli-error.ts';
import { createPlainLogger, type Logger } from './log.ts';

/** A terminal, a pipe or a test's buffer. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Given to every command. */
export interface CliContext {
  /** Results only. */
  readonly stdout: OutputStream;
  /** Logs, progress and errors. */
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts on Ctrl-C, SIGTERM and a broken pipe: a command then cleans up and returns or rejects. */
  readonly signal: AbortSignal;
  /** Replaced once `--log-level` is known; use it through the context. */
  log: Logger;
  /** One line, or several, on stdout. */
  print(text: string): void;
  /** A value as JSON on stdout: indented on a terminal, one line otherwise. */
  printJson(value: unknown): void;
}

/** A context over these streams. */
export function createContext(options: Pick<CliContext, 'stdout' | 'stderr' | 'env' | 'signal'>): CliContext {
  const { stdout, stderr } = options;
  return {
    ...options,
    log: createPlainLogger((text) => stderr.write(text)),
    print: (text) => void stdout.write(`${text}\n`),
    printJson: (value) => void stdout.write(`${JSON.stringify(value, jsonReplacer, stdout.isTTY === true ? 2 : 0)}\n`),
  };
}

/** Whether to colour what goes to `stream`: a terminal, unless NO_COLOR is set or TERM is dumb. */
export function wantsColor(stream: OutputStream, env: CliContext['env']): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** Text from a file or another party, safe to print: one line, no control characters. */
export function printable(text: string, maxLength = 200): string {
  const line = oneLine(text);
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
}

/** `Map`s become objects, `bigint`s decimal strings, byte arrays hex. */
function jsonReplacer(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}
