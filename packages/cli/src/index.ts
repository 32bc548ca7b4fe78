/**
 * The command line as a library: run a command with streams of your own, render a demo's report.
 *
 * @module
 */
export { runCli, StopReason } from './run-cli.ts';
export { createContext, type CliContext, type OutputStream } from './context.ts';
export { CliError, errorLine, exitCodeOf, isCliError } from './cli-error.ts';
export { EXIT_CODES, type ExitName } from './exit-codes.ts';
export type { Logger, LogLevel } from './log.ts';
export type { Register } from './program.ts';
export { renderReportTable, reportPassed, type DemoReport, type ReportCycle, type ReportLosses, type ReportMinerScore } from './demo/report.ts';
export { renderReportHtml } from './demo/report-html.ts';
export type { Behaviour } from './demo/view-state.ts';
