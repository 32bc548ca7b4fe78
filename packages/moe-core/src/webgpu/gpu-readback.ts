/**
 * From buffers of a device to typed arrays.
 * @module
 */
import { MoeError } from '../errors.ts';
import type { RoutingRule } from '../routing/routing-rule.ts';
import { guard, USAGE, type WatchedDevice } from './gpu-device.ts';
import type { GpuRouting, HostRouting } from './gpu-routing.ts';

/** @see https://www.w3.org/TR/webgpu/#namespacedef-gpumapmode */
const MAP_READ = 0x1;

/** @throws routing-not-finite, gpu-failed, gpu-device-lost */
export async function readRouting(watched: WatchedDevice, rule: RoutingRule, routing: GpuRouting): Promise<HostRouting> {
  const assignments = routing.tokens * rule.expertsPerToken;
  const parts: readonly (readonly [GPUBuffer, number])[] = [
    [routing.ids, assignments],
    [routing.weights, assignments],
    [routing.counts, rule.experts],
    [routing.offsets, rule.experts + 1],
    [routing.order, assignments],
    [routing.positions, assignments],
    [routing.flag, 1],
  ];
  const [ids, weights, counts, offsets, order, positions, flag] = await guard(watched, 'read a routing back', () => readParts(watched.device, parts));
  assertFlag(flag![0]!, rule);
  return { ids: Uint16Array.from(ids!), weights: new Float32Array(weights!.buffer), counts: counts!, offsets: offsets!, order: order!, positions: positions! };
}

/** A staging buffer for each: one for all could be larger than a device allows. Everything up to the mapping is recorded and submitted before this returns. */
async function readParts(device: GPUDevice, parts: readonly (readonly [GPUBuffer, number])[]): Promise<Uint32Array<ArrayBuffer>[]> {
  const encoder = device.createCommandEncoder();
  const staged = parts.map(([buffer, words]) => {
    const staging = device.createBuffer({ size: 4 * Math.max(1, words), usage: USAGE.mapRead | USAGE.copyTarget });
    if (words > 0) encoder.copyBufferToBuffer(buffer, 0, staging, 0, 4 * words);
    return { staging, words };
  });
  device.queue.submit([encoder.finish()]);
  try {
    await Promise.all(staged.map(({ staging }) => staging.mapAsync(MAP_READ)));
    return staged.map(({ staging, words }) => new Uint32Array(staging.getMappedRange().slice(0, 4 * words)));
  } finally {
    for (const { staging } of staged) staging.destroy();
  }
}

function assertFlag(flag: number, { experts }: RoutingRule): void {
  if (flag === 0) return;
  const element = ~flag >>> 0;
  const token = Math.floor(element / experts);
  const expert = element % experts;
  throw new MoeError('routing-not-finite', {
    message: `the router's logits of token ${token} hold NaN or Infinity at expert ${expert}, or -Infinity at all; the activations before it have overflowed`,
    context: { token, expert },
  });
}
