/**
 * Routing on a GPU: a router is compiled for one rule, owns the buffers that its kernels write, and records into the command encoder of the caller, so that logits,
 * routing and what the experts make of it never leave the device.
 * @module
 */
import { MoeError } from '../errors.ts';
import { assertRoutingRule, routingInvalid, type RoutingRule } from '../routing/routing-rule.ts';
import { dispatchKernel } from './dispatch-kernel.ts';
import { assertAlive, guard, USAGE, watchDevice, type WatchedDevice } from './gpu-device.ts';
import { readRouting } from './gpu-readback.ts';
import type { GpuRouting, HostRouting } from './gpu-routing.ts';
import type { GpuBuffer, GpuCommandEncoder, GpuDevice } from './gpu-types.ts';
import { MAX_LIST, scoreKernel, TOKENS_PER_WORKGROUP, workgroupBytes } from './score-kernel.ts';

/** What a router is made for, besides its rule. */
export interface GpuRouterOptions {
  /** The most tokens of one {@link GpuRouter.route}; it sizes the buffers: about `16 K + E / 16` bytes a token. */
  readonly maxTokens: number;
  /** Whether every batch brings a selection bias: that is another kernel. No by default. */
  readonly biased?: boolean | undefined;
}

/** One batch of tokens. */
export interface GpuRoutingInput {
  /** `[T, E]` float32, usage STORAGE; bytes behind T · E are ignored. */
  readonly logits: GpuBuffer;
  /** T, from 0 to `maxTokens`. */
  readonly tokens: number;
  /** `[E]` float32, usage STORAGE, finite: added to the scores that choose, not to those that weigh (DeepSeek-V3). For a `biased` router, and only there. */
  readonly selectionBias?: GpuBuffer | undefined;
}

/** A compiled router. {@link GpuRouter.close} releases its buffers; the device stays the caller's. */
export interface GpuRouter {
  readonly rule: RoutingRule;
  readonly maxTokens: number;
  /**
   * Records the routing of a batch: one compute pass, four dispatches. Nothing is submitted, and nothing waits.
   * @throws routing-invalid a number of tokens, a buffer's size or usage, or a bias that does not fit; a router that is closed
   * @throws gpu-device-lost
   */
  route(encoder: GpuCommandEncoder, input: GpuRoutingInput): GpuRouting;
  /**
   * Copies a routing of this router to the host, after what was submitted before. Call it before the next `route` is submitted.
   * @throws routing-not-finite naming the first token and expert that were refused
   * @throws routing-invalid a router that is closed
   * @throws gpu-failed, gpu-device-lost
   */
  read(routing: GpuRouting): Promise<HostRouting>;
  /** Releases the buffers, also those of earlier routings. A second call does nothing. */
  close(): void;
}

type Buffers = { readonly [Name in Exclude<keyof GpuRouting, 'tokens'> | 'histogram' | 'noBias']: GPUBuffer };

interface Pipelines {
  readonly route: GPUComputePipeline;
  readonly scanChunks: GPUComputePipeline;
  readonly scanExperts: GPUComputePipeline;
  readonly place: GPUComputePipeline;
}

/** An open router's state. */
interface Router {
  readonly watched: WatchedDevice;
  readonly rule: RoutingRule;
  readonly maxTokens: number;
  readonly biased: boolean;
  readonly pipelines: Pipelines;
  readonly buffers: Buffers;
  isOpen: boolean;
}

/**
 * Compiles a rule's kernels and reserves their buffers.
 *
 * Ids are those of `routeTokens`, exactly where logits alone decide (no selection bias, groups by `max` or none), elsewhere where the ranks are more than a few units in
 * the last place apart. Weights are within 10^−6 (times `scale`) of it: float32 throughout, `exp` by the same polynomial, division as the device does it. Counts,
 * offsets, order and positions follow from the ids without any choice, so they are the same in every run.
 * @param rule K and kept groups up to 32; E as far as workgroup memory allows (1,504 on every device)
 * @throws routing-invalid a rule, or a number of tokens, that makes no sense
 * @throws gpu-limit naming the limit of the device, or of the kernels, that it goes beyond
 * @throws gpu-failed the device refused to compile or to allocate
 * @throws gpu-device-lost
 * @example
 * const router = await createGpuRouter(device, rule, { maxTokens: 8192 });
 * const { weights, order, offsets } = router.route(encoder, { logits, tokens });
 */
export async function createGpuRouter(device: GpuDevice, rule: RoutingRule, options: GpuRouterOptions): Promise<GpuRouter> {
  const { maxTokens, biased = false } = options;
  const watched = watchDevice(device);
  assertRoutingRule(rule);
  assertFits(watched.device, rule, maxTokens);
  const pipelines = await guard(watched, 'compile the routing kernels', () => createPipelines(watched.device, rule, biased));
  const buffers = await guard(watched, 'allocate the buffers of a router', () => createBuffers(watched.device, rule, maxTokens));
  const router: Router = { watched, rule, maxTokens, biased, pipelines, buffers, isOpen: true };
  return { rule, maxTokens, route: (encoder, input) => recordRouting(router, encoder, input), read: (routing) => read(router, routing), close: () => closeRouter(router) };
}

function recordRouting(router: Router, encoder: GPUCommandEncoder, input: GpuRoutingInput): GpuRouting {
  const { tokens } = input;
  const { histogram: _histogram, noBias: _noBias, ...results } = router.buffers;
  assertOpen(router);
  assertInput(router, input);
  encoder.clearBuffer(results.flag);
  if (tokens === 0) {
    encoder.clearBuffer(results.counts);
    encoder.clearBuffer(results.offsets);
  } else recordPass(router, encoder, input);
  return { tokens, ...results };
}

/** T is told to the kernels by the size of what is bound: a uniform would have to be written before the batch is submitted, and be the same for all of it. */
function recordPass({ watched: { device }, rule, pipelines, buffers }: Router, encoder: GPUCommandEncoder, { logits, tokens, selectionBias }: GpuRoutingInput): void {
  const chunks = Math.ceil(tokens / TOKENS_PER_WORKGROUP);
  const ids = { buffer: buffers.ids, size: 4 * tokens * rule.expertsPerToken };
  const histogram = { buffer: buffers.histogram, size: 4 * rule.experts * chunks };
  const bias = { buffer: selectionBias ?? buffers.noBias };
  const inScore = [{ buffer: logits, size: 4 * tokens * rule.experts }, bias, ids, { buffer: buffers.weights }, histogram, { buffer: buffers.flag }];
  const inDispatch = [ids, histogram, { buffer: buffers.counts }, { buffer: buffers.offsets }, { buffer: buffers.order }, { buffer: buffers.positions }];
  const pass = encoder.beginComputePass({ label: 'connito routing' });
  pass.setBindGroup(0, bind(device, pipelines.route, inScore));
  pass.setPipeline(pipelines.route);
  dispatchChunks(pass, chunks, device);
  pass.setBindGroup(0, bind(device, pipelines.place, inDispatch));
  pass.setPipeline(pipelines.scanChunks);
  pass.dispatchWorkgroups(rule.experts);
  pass.setPipeline(pipelines.scanExperts);
  pass.dispatchWorkgroups(1);
  pass.setPipeline(pipelines.place);
  dispatchChunks(pass, chunks, device);
  pass.end();
}

function bind(device: GPUDevice, pipeline: GPUComputePipeline, buffers: readonly GPUBufferBinding[]): GPUBindGroup {
  return device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: buffers.map((resource, binding) => ({ binding, resource })) });
}

/** A dimension holds at least 65,535 workgroups; more chunks go into a second one. */
function dispatchChunks(pass: GPUComputePassEncoder, chunks: number, { limits }: GPUDevice): void {
  const columns = Math.min(chunks, limits.maxComputeWorkgroupsPerDimension);
  pass.dispatchWorkgroups(columns, Math.ceil(chunks / columns));
}

async function read(router: Router, routing: GpuRouting): Promise<HostRouting> {
  assertOpen(router);
  return readRouting(router.watched, router.rule, routing);
}

function closeRouter(router: Router): void {
  router.isOpen = false;
  for (const buffer of Object.values(router.buffers)) buffer.destroy();
}

async function createPipelines(device: GPUDevice, rule: RoutingRule, biased: boolean): Promise<Pipelines> {
  const dispatch = dispatchKernel(rule);
  const ofScore = layout(device, [true, true, false, false, false, false]);
  const ofDispatch = layout(device, [true, false, false, false, false, false]);
  const [route, scanChunks, scanExperts, place] = await Promise.all([
    compile(device, { code: scoreKernel(rule, { biased }), entryPoint: 'route', layout: ofScore }),
    compile(device, { code: dispatch, entryPoint: 'scanChunks', layout: ofDispatch }),
    compile(device, { code: dispatch, entryPoint: 'scanExperts', layout: ofDispatch }),
    compile(device, { code: dispatch, entryPoint: 'place', layout: ofDispatch }),
  ]);
  return { route, scanChunks, scanExperts, place };
}

/** Written out rather than derived: a layout of `auto` leaves out what an entry point does not use. */
function layout(device: GPUDevice, readOnly: readonly boolean[]): GPUPipelineLayout {
  const entries = readOnly.map((isRead, binding) => ({ binding, visibility: 0x4, buffer: { type: isRead ? ('read-only-storage' as const) : ('storage' as const) } }));
  return device.createPipelineLayout({ bindGroupLayouts: [device.createBindGroupLayout({ entries })] });
}

function compile(device: GPUDevice, kernel: { code: string; entryPoint: string; layout: GPUPipelineLayout }): Promise<GPUComputePipeline> {
  const { code, entryPoint } = kernel;
  const module = device.createShaderModule({ code, label: `connito ${entryPoint}` });
  return device.createComputePipelineAsync({ layout: kernel.layout, compute: { module, entryPoint } });
}

function createBuffers(device: GPUDevice, { experts, expertsPerToken }: RoutingRule, maxTokens: number): Buffers {
  const assignments = maxTokens * expertsPerToken;
  const create = (words: number): GPUBuffer => device.createBuffer({ size: 4 * Math.max(1, words), usage: USAGE.storage | USAGE.copySource | USAGE.copyTarget });
  return {
    ids: create(assignments),
    weights: create(assignments),
    counts: create(experts),
    offsets: create(experts + 1),
    order: create(assignments),
    positions: create(assignments),
    flag: create(1),
    histogram: create(experts * Math.ceil(maxTokens / TOKENS_PER_WORKGROUP)),
    noBias: create(1),
  };
}

function assertFits({ limits }: GPUDevice, rule: RoutingRule, maxTokens: number): void {
  const { experts, expertsPerToken, scale = 1, groups } = rule;
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 0) throw routingInvalid('maxTokens', `an integer from 0, got ${maxTokens}`);
  if (!Number.isFinite(Math.fround(scale))) throw routingInvalid('scale', `a float32 on a GPU, got ${scale}`);
  assertKernelLimit('expertsPerToken', expertsPerToken);
  if (groups !== undefined) assertKernelLimit('groups.kept', groups.kept);
  assertDeviceLimit(limits, 'maxComputeWorkgroupStorageSize', workgroupBytes(experts));
  assertDeviceLimit(limits, 'maxStorageBufferBindingSize', 4 * maxTokens * experts);
  assertDeviceLimit(limits, 'maxStorageBufferBindingSize', 4 * maxTokens * expertsPerToken);
}

function assertOpen({ watched, isOpen }: Router): void {
  assertAlive(watched);
  if (!isOpen) throw routingInvalid('router', 'an open router, got one that is closed');
}

function assertInput({ rule: { experts }, maxTokens, biased }: Router, { logits, tokens, selectionBias }: GpuRoutingInput): void {
  if (!Number.isInteger(tokens) || tokens < 0 || tokens > maxTokens) throw routingInvalid('tokens', `an integer from 0 to maxTokens (${maxTokens}), got ${tokens}`);
  assertBuffer('logits', logits, 4 * tokens * experts);
  if ((selectionBias !== undefined) !== biased) throw routingInvalid('selectionBias', biased ? 'a buffer, got none: this router is biased' : 'none, got a buffer: this router is not biased');
  if (selectionBias !== undefined) assertBuffer('selectionBias', selectionBias, 4 * experts);
}

function assertBuffer(field: string, { size, usage }: GPUBuffer, least: number): void {
  if (size < least) throw routingInvalid(field, `a buffer of at least ${least} bytes, got ${size}`);
  if ((usage & USAGE.storage) === 0) throw routingInvalid(field, `a buffer with the usage STORAGE, got usage ${usage}`);
}

/** A list longer than this is not kept in registers. */
function assertKernelLimit(limit: string, required: number): void {
  if (required <= MAX_LIST) return;
  const message = `routing on a GPU, ${limit}: expected at most ${MAX_LIST}, got ${required}; routeTokens has no such limit`;
  throw new MoeError('gpu-limit', { message, context: { limit, required, allowed: MAX_LIST } });
}

function assertDeviceLimit(limits: GPUSupportedLimits, limit: 'maxComputeWorkgroupStorageSize' | 'maxStorageBufferBindingSize', required: number): void {
  const allowed = limits[limit];
  if (required <= allowed) return;
  const advice = limit === 'maxStorageBufferBindingSize' ? 'route fewer tokens at once, or' : 'there are too many experts for it;';
  const message = `routing on this device needs a ${limit} of ${required}, it has ${allowed}: ${advice} request a device with more in requiredLimits where the adapter has it`;
  throw new MoeError('gpu-limit', { message, context: { limit, required, allowed } });
}
