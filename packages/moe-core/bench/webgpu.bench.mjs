/**
 * Tokens routed and sorted by expert a second on the first adapter that Dawn finds, beside the WebAssembly kernel and `dispatchTokens` on one thread. For a machine
 * with a GPU: on a software adapter the figures mean nothing, and that is said.
 *
 *   npm run bench -- moe-core webgpu
 *
 * Logits are on the device already, as they are where a model runs; one submit holds many batches, so that what is measured is the kernels and not the way to them.
 * @module
 */
import { cpus, loadavg } from 'node:os';
import { createRouter, dispatchTokens } from '@connito/moe-core';
import { createGpuRouter } from '@connito/moe-core/webgpu';
import { create } from 'webgpu';
import { measureRounds, report, seconds } from './harness.mjs';

const SHAPES = [
  { experts: 64, expertsPerToken: 6, normalizeTopK: false },
  { experts: 128, expertsPerToken: 8, normalizeTopK: true },
  { experts: 256, expertsPerToken: 8, normalizeTopK: true, scoring: 'sigmoid', scale: 2.5, groups: { count: 8, kept: 4, score: 'top2-sum' } },
  { experts: 8, expertsPerToken: 2, normalizeTopK: true },
];
const BATCHES = 16;
const STORAGE_AND_COPY_TARGET = 0x88;

// Dawn ends the process when its GPU is collected.
const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (adapter === null) {
  console.error('no GPU adapter: on Linux Dawn needs a Vulkan driver, e.g. mesa-vulkan-drivers 25 or the vendor’s');
  process.exit(1);
}
const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
const isSoftware = isFallbackAdapter || architecture === 'software';
const device = await adapter.requestDevice({ requiredLimits: { maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize } });
console.log(`adapter: ${description} (${vendor} ${architecture})${isSoftware ? ': a software adapter, so these are no GPU figures' : ''}`);
console.log(`${cpus()[0]?.model}, Node ${process.version}, load ${loadavg().map((x) => x.toFixed(1)).join(' ')}`);

/** Uniform logits from a small generator: the same in every run. */
function makeLogits(length) {
  let state = 12_345;
  return Float32Array.from({ length }, () => ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32) * 12 - 6);
}

async function benchRule(rule, tokens) {
  const values = makeLogits(tokens * rule.experts);
  const logits = device.createBuffer({ size: values.byteLength, usage: STORAGE_AND_COPY_TARGET });
  device.queue.writeBuffer(logits, 0, values);
  const onGpu = await createGpuRouter(device, rule, { maxTokens: tokens });
  const onCpu = createRouter(rule);
  const sample = values.subarray(0, Math.min(tokens, 16_384) * rule.experts);
  const subjects = {
    [`${BATCHES} batches on the adapter`]: () =>
      seconds(async () => {
        const encoder = device.createCommandEncoder();
        for (let batch = 0; batch < BATCHES; batch++) onGpu.route(encoder, { logits, tokens });
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
      }).then((spent) => spent / BATCHES / tokens),
    'WebAssembly and dispatchTokens': () => seconds(() => dispatchTokens(onCpu.route(sample).ids, rule.experts)).then((spent) => (spent * rule.experts) / sample.length),
  };
  const medians = await measureRounds(subjects, 7);
  report(`${rule.experts} experts, top ${rule.expertsPerToken}, ${rule.scoring ?? 'softmax'}, ${tokens} tokens`, { medians, work: 1e-6, unit: 'Mtokens/s', against: 'WebAssembly and dispatchTokens' });
  onGpu.close();
  logits.destroy();
}

for (const rule of SHAPES) for (const tokens of isSoftware ? [4_096] : [4_096, 65_536, 262_144]) await benchRule(rule, tokens);
device.destroy();
