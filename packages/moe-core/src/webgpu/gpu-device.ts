/**
 * The caller's device, watched: what goes wrong on it becomes a MoeError where it happened, instead of an event later on.
 * @module
 */
import { MoeError } from '../errors.ts';
import type { GpuDevice } from './gpu-types.ts';

/** @see https://www.w3.org/TR/webgpu/#namespacedef-gpubufferusage (Node has no such globals) */
export const USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, storage: 0x80 } as const;

/** A device, and how it was lost once it was. */
export interface WatchedDevice {
  readonly device: GPUDevice;
  lost: GPUDeviceLostInfo | undefined;
}

/** Starts to listen for the loss of a device. */
export function watchDevice(device: GpuDevice): WatchedDevice {
  const watched: WatchedDevice = { device, lost: undefined };
  void device.lost.then((info) => (watched.lost = info));
  return watched;
}

/** @throws gpu-device-lost where the loss is known already */
export function assertAlive({ lost }: WatchedDevice): void {
  if (lost === undefined) return;
  const message = `the GPU device is lost (${lost.reason}): ${lost.message || 'no reason given'}; request a new one and create the router again`;
  throw new MoeError('gpu-device-lost', { message, context: { reason: lost.reason } });
}

const FILTERS = ['validation', 'out-of-memory', 'internal'] as const;

/**
 * Runs a step between error scopes. They are closed before anything is awaited, since they are a stack that the device's other users share.
 * @throws gpu-failed with the device's own words
 * @throws gpu-device-lost
 */
export async function guard<Result>(watched: WatchedDevice, step: string, run: () => Result | Promise<Result>): Promise<Result> {
  const { device } = watched;
  assertAlive(watched);
  for (const filter of FILTERS) device.pushErrorScope(filter);
  let running: Promise<Result>;
  try {
    running = Promise.resolve(run());
  } catch (error) {
    running = Promise.reject(error);
  }
  const scopes = FILTERS.map(() => device.popErrorScope());
  const [outcome, ...errors] = await Promise.allSettled([running, ...scopes]);
  assertAlive(watched);
  const reported = errors.map((error) => (error.status === 'fulfilled' ? error.value : error.reason)).find((error) => error !== null);
  if (reported !== undefined) throw failed(step, reported);
  if (outcome.status === 'rejected') throw failed(step, outcome.reason);
  return outcome.value;
}

function failed(step: string, cause: unknown): MoeError<'gpu-failed'> {
  const words = typeof cause === 'object' && cause !== null && 'message' in cause ? String(cause.message) : String(cause);
  return new MoeError('gpu-failed', { message: `the GPU device did not ${step}: ${words}`, context: { step }, cause });
}
