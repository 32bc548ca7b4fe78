export { runCli, StopReason } from './run-cli.ts';
export { createContext, type CliContext, type OutputStream } from './context.ts';
export { CliError, errorLine, exitCodeOf, isCliError } from './cli-error.ts';
export { EXIT_CODES, type ExitName } from './exit-codes.ts';
