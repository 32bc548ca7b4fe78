/**
 * From buffers of a device to typed arrays: one copy into one mapped buffer.
 * @module
 */
import { MoeError } from '../errors.ts';
import type { RoutingRule } from '../routing-rule.ts';
import { guard, USAGE, type WatchedDevice } from './gpu-device.ts';
import type { GpuRouting, HostRouting } from './gpu-routing.ts';

/** @see https://www.w3.org/TR/webgpu/#namespacedef-gpumapmode */
const MAP_READ = 0x1;

/** @throws routing-not-finite, gpu-failed, gpu-device-lost */
export async function readRouting(watched: WatchedDevice, rule: RoutingRule, routing: GpuRouting): Promise<HostRouting> {
  const { ids, weights, counts, offsets, order, positions, flag } = routing;
  const assignments = routing.tokens * rule.expertsPerToken;
  const parts: readonly (readonly [GPUBuffer, number])[] = [
    [ids, assignments],
    [weights, assignments],
    [counts, rule.experts],
    [offsets, rule.experts + 1],
    [order, assignments],
    [positions, assignments],
    [flag, 1],
  ];
  const read = await guard(watched, 'read a routing back', () => readParts(watched.device, parts));
  assertFlag(read[6]![0]!, rule);
  return {
    ids: Uint16Array.from(read[0]!),
    weights: new Float32Array(read[1]!.buffer),
    counts: read[2]!,
    offsets: read[3]!,
    order: read[4]!,
    positions: read[5]!,
  };
}

async function readParts(device: GPUDevice, parts: readonly (readonly [GPUBuffer, number])[]): Promise<Uint32Array[]> {
  const words = parts.reduce((sum, [, length]) => sum + length, 0);
  const staging = device.createBuffer({ size: 4 * words, usage: USAGE.mapRead | USAGE.copyTarget });
  const encoder = device.createCommandEncoder();
  let offset = 0;
  for (const [buffer, length] of parts) {
    if (length > 0) encoder.copyBufferToBuffer(buffer, 0, staging, offset, 4 * length);
    offset += 4 * length;
  }
  device.queue.submit([encoder.finish()]);
  try {
    await staging.mapAsync(MAP_READ);
    const mapped = staging.getMappedRange();
    let from = 0;
    return parts.map(([, length]) => new Uint32Array(mapped.slice(from, (from += 4 * length))));
  } finally {
    staging.destroy();
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
