/**
 * Options of the commands that compute.
 *
 * @module
 */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { DeviceChoice } from '@connito/moe-engine';
import type { CliContext } from './context.ts';
import { wholeNumber } from './options.ts';

/** What the user chose. */
export interface EngineFlags {
  readonly device: DeviceChoice;
  readonly threads: number;
}

/** What the engine is given. */
export interface EngineChoice extends EngineFlags {
  readonly onNotice: (notice: { readonly message: string }) => void;
  readonly signal: AbortSignal;
}

/** Rows of tokens per run of a graph: the validators' number, so that figures agree with theirs. */
export const BATCH_ROWS = 8;

const DEVICE_CHOICES = ['auto', 'cpu', 'wasm', 'webgpu', 'cuda'] as const satisfies readonly DeviceChoice[];

/** Adds `--device`, and `--provider`, its former name, whose value says what to write instead. */
export function addDeviceOption(command: Command): Command {
  const device = 'where to compute: cpu, wasm (the same bits everywhere, slower), webgpu, cuda, or the best that is installed, but not webgpu';
  return command
    .addOption(new Option('--device <device>', device).choices(DEVICE_CHOICES).default('auto'))
    .addOption(new Option('--provider <provider>', 'the former name of --device').hideHelp().argParser(refuseProvider));
}

function refuseProvider(given: string): never {
  throw new InvalidArgumentError(`It is called --device now: write --device ${given === 'native' ? 'cpu' : given}.`);
}

/** Adds `--device` and `--threads`. */
export function addEngineOptions(command: Command): Command {
  return addDeviceOption(command).option('--threads <threads>', 'threads of one operator; results do not depend on it', wholeNumber({ min: 1, max: 1024 }), 2);
}

/** The engine's options, with its notices going to the log. */
export function engineChoice({ device, threads }: EngineFlags, { log, signal }: CliContext): EngineChoice {
  return { device, threads, signal, onNotice: ({ message }) => log.warn(message) };
}
