/**
 * Options of the commands that compute.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { CliContext } from './context.ts';
import { wholeNumber } from './options.ts';

/** What the user chose. */
export interface EngineFlags {
  readonly provider: 'auto' | 'native' | 'wasm';
  readonly threads: number;
}

/** What the engine is given. */
export interface EngineChoice extends EngineFlags {
  readonly onNotice: (notice: { readonly message: string }) => void;
  readonly signal: AbortSignal;
}

/** Rows of tokens per run of a graph: the validators' number, so that figures agree with theirs. */
export const BATCH_ROWS = 8;

/** Adds `--provider` and `--threads`. */
export function addEngineOptions(command: Command): Command {
  return command
    .addOption(new Option('--provider <provider>', 'ONNX Runtime: native, wasm (the same bits everywhere, slower), or the first that loads').choices(['auto', 'native', 'wasm']).default('auto'))
    .option('--threads <threads>', 'threads of one operator; results do not depend on it', wholeNumber({ min: 1, max: 1024 }), 2);
}

/** The engine's options, with its notices going to the log. */
export function engineChoice({ provider, threads }: EngineFlags, { log, signal }: CliContext): EngineChoice {
  return { provider, threads, signal, onNotice: ({ message }) => log.warn(message) };
}
