/**
 * The exit codes of every command: one table for the code, the help text and the README.
 *
 * @module
 */

/** What a process of ours ends with. Append-only: scripts depend on the numbers. */
export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  usage: 2,
  data: 3,
  network: 4,
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
} as const;

/** The name of an exit code. */
export type ExitName = keyof typeof EXIT_CODES;

const MEANINGS: Readonly<Record<ExitName, string>> = {
  ok: 'done, and every check passed',
  failed: 'a check failed, or a run did not reach its end',
  usage: 'the command line is wrong: unknown command or option, missing or bad value',
  data: 'a file or its content is wrong: missing, truncated, of an unknown kind',
  network: 'the chain or a port is at fault: unreachable, wrong network, port taken',
  interrupted: 'stopped by Ctrl-C (SIGINT)',
  brokenPipe: 'the reader of the output went away (SIGPIPE)',
  terminated: 'stopped by SIGTERM',
};

/** The table as lines for help texts, `  3  a file …`. */
export function formatExitCodes(): string {
  const rows = Object.entries(EXIT_CODES).map(([name, code]) => `  ${String(code).padEnd(4)} ${MEANINGS[name as ExitName]}`);
  return ['Exit codes:', ...rows].join('\n');
}
