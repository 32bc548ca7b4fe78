/**
 * Logs, always on stderr: short lines for people by default, pino's JSON lines where a level was asked for.
 *
 * @module
 */
import { oneLine } from './cli-error.ts';

/** In the order of rising silence. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** How much is logged. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one line per call. `fields` appear in JSON logs only. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Lines for people: info as it is, warnings and errors by name; debug is left out. */
export function createPlainLogger(write: (text: string) => void): Logger {
  const line = (prefix: string) => (message: string) => write(`${prefix}${oneLine(message)}\n`);
  return { debug: () => undefined, info: line(''), warn: line('warning: '), error: line('error: ') };
}

/** Pino's JSON lines on stderr from `level` upwards. */
export async function createJsonLogger(level: LogLevel): Promise<Logger> {
  const { pino } = await import('pino');
  const logger = pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
  const write = (name: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields: Readonly<Record<string, unknown>> = {}) => logger[name](fields, message);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
