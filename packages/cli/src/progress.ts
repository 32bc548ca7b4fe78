/**
 * One line on a terminal that says how far a command is; nothing elsewhere.
 *
 * @module
 */
import type { CliContext } from './context.ts';
import { cutText } from './terminal.ts';

/** Overwrites its own line. */
export interface Progress {
  show(message: string): void;
  /** Takes the line away. */
  clear(): void;
}

/** Progress on stderr, where that is a terminal and logs are not JSON. */
export function openProgress({ stderr, env }: Pick<CliContext, 'stderr' | 'env'>): Progress {
  if (stderr.isTTY !== true || env['TERM'] === 'dumb') return { show: () => undefined, clear: () => undefined };
  return {
    show: (message) => void stderr.write(`\r\u001b[2K${cutText(message, (stderr.columns ?? 80) - 1)}`),
    clear: () => void stderr.write('\r\u001b[2K'),
  };
}
