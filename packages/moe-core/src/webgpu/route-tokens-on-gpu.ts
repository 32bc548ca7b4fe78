/**
 * `routeTokens` on a GPU for those who have their logits on the host: uploads, routes once, reads back. For tests and for a first try; an engine keeps
 * everything on the device with `createGpuRouter`.
 * @module
 */
import { assertRoutingRule, routingInvalid, type RoutingOptions, type RoutingRule } from '../routing/routing-rule.ts';
import { USAGE } from './gpu-device.ts';
import { createGpuRouter } from './gpu-router.ts';
import type { HostRouting } from './gpu-routing.ts';
import type { GpuDevice } from './gpu-types.ts';

/** What is routed, as `routeTokens` takes it. */
export interface RouteOnGpu extends RoutingOptions {
  /** `[T, E]` row-major */
  readonly logits: Float32Array;
  readonly rule: RoutingRule;
}

/**
 * A routing and its dispatch by the device's kernels; see {@link createGpuRouter} for what agrees with `routeTokens` and how closely.
 * @throws routing-invalid, routing-not-finite as `routeTokens`
 * @throws gpu-limit, gpu-failed, gpu-device-lost as {@link createGpuRouter}
 * @example
 * const { ids, weights, offsets, order } = await routeTokensOnGpu(device, { logits, rule });
 */
export async function routeTokensOnGpu(device: GpuDevice, { logits, rule, selectionBias }: RouteOnGpu): Promise<HostRouting> {
  assertRoutingRule(rule, { selectionBias });
  const tokens = logits.length / rule.experts;
  if (!Number.isInteger(tokens)) throw routingInvalid('logits', `a multiple of ${rule.experts} values, got ${logits.length}`);
  const router = await createGpuRouter(device, rule, { maxTokens: tokens, biased: selectionBias !== undefined });
  const uploaded: GPUBuffer[] = [];
  try {
    const upload = (values: Float32Array): GPUBuffer => {
      const buffer = device.createBuffer({ size: Math.max(4, values.byteLength), usage: USAGE.storage | USAGE.copyTarget });
      uploaded.push(buffer);
      device.queue.writeBuffer(buffer, 0, values);
      return buffer;
    };
    const encoder = device.createCommandEncoder();
    const routing = router.route(encoder, { logits: upload(logits), tokens, selectionBias: selectionBias && upload(selectionBias) });
    device.queue.submit([encoder.finish()]);
    return await router.read(routing);
  } finally {
    for (const buffer of uploaded) buffer.destroy();
    router.close();
  }
}
