/**
 * One run of the command line: parse, carry out, and turn whatever goes wrong into one line and an exit code.
 *
 * @module
 */
import { CommanderError, type Command } from 'commander';
import { commands } from './commands/index.ts';
import { errorLine, exitCodeOf } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { createProgram, deepestCommand, usageError, type Register } from './program.ts';

/** Why a run was stopped from outside; the reason of the context's signal. */
export class StopReason extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.name = 'StopReason';
    this.exitCode = exitCode;
  }
}

/** Runs `args` (without node and script); resolves with the exit code and never rejects. */
export async function runCli(args: readonly string[], context: CliContext, registers: readonly Register[] = commands): Promise<number> {
  const program = createProgram(context, registers);
  try {
    await program.parseAsync(helpFirst(program, args), { from: 'user' });
    return stopped(context) ?? EXIT_CODES.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT_CODES.ok;
    const error = thrown instanceof CommanderError ? usageError(program, args, thrown) : thrown;
    const exitCode = stopped(context);
    if (exitCode !== undefined && !wantsDebug(args, context)) return exitCode;
    report(error, args, context);
    return exitCode ?? exitCodeOf(error);
  }
}

/**
 * `help experts select` is `experts select --help`, which commander's own help command knows for one level only. Where a group has no
 * command of that name, the words are left to commander to refuse.
 */
function helpFirst(program: Command, args: readonly string[]): string[] {
  const [first, ...path] = args;
  if (first === undefined) return ['--help'];
  if (first !== 'help') return [...args];
  const { command, rest } = deepestCommand(program, path);
  const isUnknown = command.commands.length > 0 && rest.some((word) => !word.startsWith('-'));
  return isUnknown ? path : [...path, '--help'];
}

function stopped({ signal }: CliContext): number | undefined {
  if (!signal.aborted) return undefined;
  return signal.reason instanceof StopReason ? signal.reason.exitCode : EXIT_CODES.interrupted;
}

function report(error: unknown, args: readonly string[], context: CliContext): void {
  context.stderr.write(`connito: ${errorLine(error)}\n`);
  if (!wantsDebug(args, context)) return;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) context.stderr.write(`${cause.stack ?? cause.message}\n`);
}

function wantsDebug(args: readonly string[], { env }: CliContext): boolean {
  return args.includes('--debug') || !['', '0', undefined].includes(env['CONNITO_DEBUG']);
}
