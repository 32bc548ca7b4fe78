/**
 * The tree of commands. Each file in `commands/` registers its own and loads what it needs only when it runs.
 *
 * @module
 */
import { Command, Option, type CommanderError } from 'commander';
import { CliError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { formatExitCodes } from './exit-codes.ts';
import { createJsonLogger, LOG_LEVELS, type LogLevel } from './log.ts';
import { VERSION } from './version.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly logLevel?: LogLevel;
  readonly debug?: true;
}

/** Adds one command, or a group of them, to the program. */
export type Register = (program: Command, context: CliContext) => void;

/** The program with `registers`' commands; it throws {@link CommanderError} instead of exiting. */
export function createProgram(context: CliContext, registers: readonly Register[]): Command {
  const program = new Command('connito')
    .description('Train, prove and merge the experts of a Mixture-of-Experts model on a Bittensor subnet.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .addOption(new Option('--log-level <level>', 'log as JSON lines on stderr, from this level upwards').choices(LOG_LEVELS))
    .option('--debug', 'show the stack trace of an error (also CONNITO_DEBUG=1)')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({ writeOut: (text) => void context.stdout.write(text), writeErr: () => undefined, outputError: () => undefined })
    .addHelpText('after', `\n${formatExitCodes()}\n\nResults go to stdout, logs to stderr. \`connito help <command>\` shows a command's options and examples.`)
    .exitOverride()
    .hook('preAction', async (root) => {
      const { logLevel } = root.opts<GlobalOptions>();
      if (logLevel !== undefined) context.log = await createJsonLogger(logLevel);
    });
  for (const register of registers) register(program, context);
  return program;
}

/** Adds a group such as `data` that only holds commands. */
export function addGroup(program: Command, name: string, description: string): Command {
  return program.command(name).description(description).usage('<command> [options]').helpCommand(false);
}

/** What commander refused, as a usage error in one line. */
export function usageError(program: Command, args: readonly string[], error: CommanderError): CliError {
  const { path, command } = deepestCommand(program, args);
  const see = `See \`${path} --help\``;
  if (error.code === 'commander.help') {
    const names = command.commands.map((child) => child.name()).filter((name) => name !== 'help');
    return new CliError('usage', `\`${path}\` needs a command: ${names.join(', ')}. ${see}`);
  }
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n').filter((line) => line !== '');
  const suggestion = rest.map((line) => line.replace(/^\(|\)$/g, '')).join(' ');
  return new CliError('usage', [first.replace(/\.?$/, '.'), suggestion, see].filter((part) => part !== '').join(' '), {}, { cause: error });
}

/** The command that `args` begin with, how it is called, and the words that are left. Options before it are skipped. */
export function deepestCommand(program: Command, args: readonly string[]): { readonly path: string; readonly command: Command; readonly rest: readonly string[] } {
  let command = program;
  let path = program.name();
  const rest: string[] = [];
  for (const word of args) {
    const child = command.commands.find((candidate) => candidate.name() === word);
    if (child === undefined) rest.push(word);
    else {
      command = child;
      path += ` ${child.name()}`;
    }
  }
  return { path, command, rest };
}
