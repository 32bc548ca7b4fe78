#!/usr/bin/env node
/**
 * The `connito` command: binds {@link runCli} to this process. Also imported by the clone's `scripts/connito.mjs`.
 *
 * @module
 */
import { createContext } from './context.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { runCli, StopReason } from './run-cli.ts';

/** A handle that a command left open must not keep a finished process alive. */
const GRACE_MS = 2_000;

/** Ctrl-C again after this long ends at once. Sooner it is the same one: npm passes on what the terminal has already sent. */
const INSIST_MS = 500;

const stop = new AbortController();
const context = createContext({ stdout: process.stdout, stderr: process.stderr, env: process.env, signal: stop.signal });

function stopOn(signal: NodeJS.Signals, exitCode: number): void {
  let firstMs: number | undefined;
  process.on(signal, () => {
    if (firstMs !== undefined && performance.now() - firstMs > INSIST_MS) process.exit(exitCode);
    firstMs ??= performance.now();
    stop.abort(new StopReason(`stopped by ${signal}`, exitCode));
  });
}

stopOn('SIGINT', EXIT_CODES.interrupted);
stopOn('SIGTERM', EXIT_CODES.terminated);
stopOn('SIGHUP', 129);
if (process.env['CONNITO_CHILD'] !== undefined && process.channel) {
  // Started by `connito demo`: ends with it, also when the demo is killed.
  process.once('disconnect', () => stop.abort(new StopReason('the process that started this one is gone', EXIT_CODES.failed)));
  process.channel.unref();
}
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  stop.abort(new StopReason('the reader of the output went away', EXIT_CODES.brokenPipe));
});
process.stderr.on('error', () => undefined);

process.exitCode = await runCli(process.argv.slice(2), context);
if (stop.signal.aborted && stop.signal.reason instanceof StopReason) process.exitCode = stop.signal.reason.exitCode;
setTimeout(() => process.exit(), GRACE_MS).unref();
