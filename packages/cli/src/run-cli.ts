/**
 * One run of the command line: parse, carry out, and turn whatever goes wrong into one line and an exit code.
 *
 * @module
 */
import { CommanderError } from 'commander';
import { commands } from './commands/index.ts';
import { errorLine, exitCodeOf } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { createProgram, usageError, type Register } from './program.ts';

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
    if (args.length === 0) {
      program.outputHelp();
      return EXIT_CODES.ok;
    }
    await program.parseAsync([...args], { from: 'user' });
    return stopped(context) ?? EXIT_CODES.ok;
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(program, args, thrown) : thrown;
    if (error === undefined) return EXIT_CODES.ok;
    const exitCode = stopped(context);
    if (exitCode !== undefined && !wantsDebug(args, context)) return exitCode;
    report(error, args, context);
    return exitCode ?? exitCodeOf(error);
  }
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
  return args.includes('--debug') || (env['CONNITO_DEBUG'] ?? '0') !== '0';
}
