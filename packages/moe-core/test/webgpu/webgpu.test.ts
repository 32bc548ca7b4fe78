import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { dispatchTokens, isMoeError, routeTokens, type RoutingRule } from '../../src/index.ts';
import { createGpuRouter, routeTokensOnGpu, type GpuDevice, type GpuRouter, type HostRouting } from '../../src/webgpu.ts';
import { expectCode } from '../expect-code.ts';
import { findTestGpu } from './gpu-adapter.ts';
import { referenceToken } from '../routing/routing-reference.ts';

const STORAGE = 0x80;
const COPY_TARGET = 0x8;
const SLOW = process.env['CONNITO_SLOW'] !== undefined;
const gpu = await findTestGpu();
const device = await gpu?.requestDevice();
if (gpu !== undefined) console.info(`GPU kernels run on: ${gpu.name}`);
afterAll(() => device?.destroy());

/** Families as they are, and the corners of what a rule can say; those whose kernels take a software adapter seconds to compile are slow. */
const CASES: Readonly<Record<string, { readonly rule: RoutingRule; readonly isBiased?: true; readonly isSlow?: true }>> = {
  'qwen3_moe 128/8': { rule: { experts: 128, expertsPerToken: 8, normalizeTopK: true }, isSlow: true },
  'qwen2_moe 60/4, softmax over all': { rule: { experts: 60, expertsPerToken: 4, normalizeTopK: false } },
  'mixtral 8/2': { rule: { experts: 8, expertsPerToken: 2, normalizeTopK: true } },
  'llama4 16/1': { rule: { experts: 16, expertsPerToken: 1, scoring: 'sigmoid', normalizeTopK: false } },
  'deepseek_v2 160/6 of 3 groups': { rule: { experts: 160, expertsPerToken: 6, normalizeTopK: false, scale: 16, groups: { count: 8, kept: 3, score: 'max' } } },
  'deepseek_v3 256/8 of 4 groups': { rule: { experts: 256, expertsPerToken: 8, scoring: 'sigmoid', normalizeTopK: true, scale: 2.5, groups: { count: 8, kept: 4, score: 'top2-sum' } }, isBiased: true },
  'deepseek_v3 without its bias': { rule: { experts: 32, expertsPerToken: 4, scoring: 'sigmoid', normalizeTopK: true, groups: { count: 4, kept: 2, score: 'top2-sum' } }, isSlow: true },
  'deepseek_v3 as in older transformers': { rule: { experts: 32, expertsPerToken: 4, scoring: 'sigmoid', normalizeTopK: true, groups: { count: 4, kept: 2, score: 'top2-sum', outside: 'zero' } }, isBiased: true },
  'sigmoid, zero outside, no bias': { rule: { experts: 24, expertsPerToken: 7, scoring: 'sigmoid', normalizeTopK: false, groups: { count: 6, kept: 1, score: 'max', outside: 'zero' } }, isSlow: true },
  'softmax, zero outside': { rule: { experts: 24, expertsPerToken: 7, normalizeTopK: true, groups: { count: 6, kept: 1, score: 'max', outside: 'zero' } }, isSlow: true },
  'softmax, zero outside, biased': { rule: { experts: 24, expertsPerToken: 7, normalizeTopK: true, groups: { count: 6, kept: 1, score: 'max', outside: 'zero' } }, isBiased: true, isSlow: true },
  'softmax, groups by sum': { rule: { experts: 32, expertsPerToken: 4, normalizeTopK: false, groups: { count: 4, kept: 2, score: 'top2-sum' } } },
  'softmax, biased': { rule: { experts: 40, expertsPerToken: 5, normalizeTopK: false }, isBiased: true, isSlow: true },
  'softmax, biased, groups by max': { rule: { experts: 40, expertsPerToken: 5, normalizeTopK: true, groups: { count: 8, kept: 3, score: 'max' } }, isBiased: true, isSlow: true },
  '512/32': { rule: { experts: 512, expertsPerToken: 32, normalizeTopK: false }, isSlow: true },
  '1504/3': { rule: { experts: 1504, expertsPerToken: 3, normalizeTopK: true }, isSlow: true },
  '17/17': { rule: { experts: 17, expertsPerToken: 17, normalizeTopK: true, scale: 0.5 }, isSlow: true },
  '1/1': { rule: { experts: 1, expertsPerToken: 1, normalizeTopK: false }, isSlow: true },
};

/** Uniform numbers from a seed (Lehmer). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Smooth, coarse (so that ties abound) and masked rows in turn, with zeros of both signs. */
function makeLogits(tokens: number, experts: number, random: () => number): Float32Array {
  const logits = new Float32Array(tokens * experts);
  for (let token = 0; token < tokens; token++) {
    for (let expert = 0; expert < experts; expert++) {
      const value = random() * 12 - 6;
      const isMasked = token % 4 === 3 && random() < 0.7 && expert !== token % experts;
      logits[token * experts + expert] = isMasked ? -Infinity : token % 4 === 1 ? Math.round(value / 3) : token % 4 === 2 ? value * 10 : value;
    }
  }
  return logits;
}

/** The dispatch that the ids ask for, by a plain counting sort. */
function sortAssignments(ids: Uint16Array, experts: number): Omit<HostRouting, 'ids' | 'weights'> {
  const counts = new Uint32Array(experts);
  for (const id of ids) counts[id]!++;
  const offsets = new Uint32Array(experts + 1);
  for (let expert = 0; expert < experts; expert++) offsets[expert + 1] = offsets[expert]! + counts[expert]!;
  const next = offsets.slice();
  const positions = Uint32Array.from(ids, (id) => next[id]!++);
  const order = new Uint32Array(ids.length);
  positions.forEach((position, assignment) => (order[position] = assignment));
  return { counts, offsets, order, positions };
}

/** Vitest takes seconds to compare millions of elements. */
function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}

interface Case {
  readonly logits: Float32Array;
  readonly rule: RoutingRule;
  readonly bias?: Float32Array | undefined;
}

/**
 * What is wrong with a routing beside that of `routeTokens`: ids that differ though the choice is clear, weights further off than 10^−6 of the scale, a dispatch
 * that is not the counting sort of the ids.
 */
function findFaults(actual: HostRouting, { logits, rule, bias }: Case): unknown[] {
  const { experts, expertsPerToken, scale = 1 } = rule;
  const expected = routeTokens(logits, rule, { selectionBias: bias });
  const faults: unknown[] = [];
  const unclear = new Set<number>();
  for (let token = 0; token * experts < logits.length; token++) {
    const range = [token * expertsPerToken, (token + 1) * expertsPerToken] as const;
    const [found, wanted] = [[...actual.ids.subarray(...range)], [...expected.ids.subarray(...range)]];
    if (found.join() === wanted.join()) continue;
    unclear.add(token);
    // Where logits alone decide, every bit does.
    const isExact = bias === undefined && rule.groups?.score !== 'top2-sum';
    const { margin } = referenceToken([...logits.subarray(token * experts, (token + 1) * experts)], rule, bias);
    if (isExact || margin > 8) faults.push({ token, found, wanted, margin });
  }
  expected.weights.forEach((weight, index) => {
    const error = Math.abs(actual.weights[index]! - weight);
    if (!(error <= 1e-6 * Math.max(1, scale)) && !unclear.has(Math.floor(index / expertsPerToken))) faults.push({ index, weight, error });
  });
  if (unclear.size > 0.02 * (logits.length / experts)) faults.push({ unclear: unclear.size });
  const { offsets, order } = dispatchTokens(actual.ids, experts);
  if (!sameBytes(offsets, actual.offsets) || !sameBytes(order, actual.order)) faults.push('dispatchTokens');
  for (const [name, words] of Object.entries(sortAssignments(actual.ids, experts))) if (!sameBytes(words, actual[name as keyof HostRouting])) faults.push(name);
  if (actual.ids.length !== expected.ids.length || actual.weights.length !== expected.weights.length) faults.push('length');
  return faults;
}

function upload(on: GpuDevice, values: Float32Array): GPUBuffer {
  const buffer = on.createBuffer({ size: Math.max(4, values.byteLength), usage: STORAGE | COPY_TARGET });
  on.queue.writeBuffer(buffer, 0, values);
  return buffer;
}

async function routeOnce(router: GpuRouter, logits: Float32Array, bias?: Float32Array): Promise<HostRouting> {
  const buffers = [upload(device!, logits), ...(bias === undefined ? [] : [upload(device!, bias)])] as const;
  const encoder = device!.createCommandEncoder();
  const routing = router.route(encoder, { logits: buffers[0], tokens: logits.length / router.rule.experts, selectionBias: buffers[1] });
  device!.queue.submit([encoder.finish()]);
  const result = await router.read(routing);
  for (const buffer of buffers) buffer.destroy();
  return result;
}

/** The result, or how it was refused. */
async function settle(action: () => unknown): Promise<unknown> {
  try {
    return await action();
  } catch (error) {
    return isMoeError(error, 'routing-not-finite') ? { code: error.code, context: error.context } : error;
  }
}

/** Rules that can be followed, of up to 48 experts. */
const arbitraryRule: fc.Arbitrary<RoutingRule> = fc
  .record({ count: fc.integer({ min: 1, max: 6 }), size: fc.integer({ min: 2, max: 8 }), kept: fc.nat(), top: fc.nat(), isGrouped: fc.boolean() })
  .chain(({ count, size, kept, top, isGrouped }) => {
    const keptGroups = 1 + (kept % count);
    const experts = count * size;
    return fc.record({
      experts: fc.constant(experts),
      expertsPerToken: fc.constant(1 + (top % Math.min(12, isGrouped ? keptGroups * size : experts))),
      scoring: fc.constantFrom('softmax' as const, 'sigmoid' as const),
      normalizeTopK: fc.boolean(),
      scale: fc.constantFrom(1, 2.5),
      groups: isGrouped
        ? fc.record({ count: fc.constant(count), kept: fc.constant(keptGroups), score: fc.constantFrom('max' as const, 'top2-sum' as const), outside: fc.constantFrom('exclude' as const, 'zero' as const) })
        : fc.constant(undefined),
    });
  });

/** The device with some of its methods replaced. */
function override(on: GpuDevice, changed: Partial<GPUDevice>): GpuDevice {
  return new Proxy(on, {
    get: (target, name) => {
      const value: unknown = Reflect.get(changed, name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('what a device cannot do', () => {
  const limits = { maxStorageBufferBindingSize: 134_217_728, maxComputeWorkgroupStorageSize: 16_384 };
  const guaranteed = { lost: new Promise(() => undefined), limits } as unknown as GpuDevice;
  const rule: RoutingRule = { experts: 64, expertsPerToken: 6, normalizeTopK: true };
  const attempt = async (changed: Partial<RoutingRule>, maxTokens = 1) => (await expectCode('gpu-limit', () => createGpuRouter(guaranteed, { ...rule, ...changed }, { maxTokens }))).context;

  it('is refused by the name of the limit', async () => {
    expect(await attempt({}, 524_289)).toEqual({ limit: 'maxStorageBufferBindingSize', required: 134_217_984, allowed: 134_217_728 });
    expect(await attempt({ experts: 4, expertsPerToken: 4 }, 8_388_609)).toMatchObject({ limit: 'maxStorageBufferBindingSize' });
    expect(await attempt({ expertsPerToken: 33 })).toEqual({ limit: 'expertsPerToken', required: 33, allowed: 32 });
    expect(await attempt({ groups: { count: 64, kept: 33, score: 'max' } })).toEqual({ limit: 'groups.kept', required: 33, allowed: 32 });
    expect((await expectCode('routing-invalid', () => createGpuRouter(guaranteed, { ...rule, scale: 1e39 }, { maxTokens: 1 }))).context).toEqual({ field: 'scale' });
    expect(await attempt({ experts: 1505 })).toEqual({ limit: 'maxComputeWorkgroupStorageSize', required: 16_392, allowed: 16_384 });
  });
});

describe.skipIf(device === undefined)('routing on a GPU', () => {
  for (const [name, { rule, isSlow, isBiased }] of Object.entries(CASES)) {
    it.skipIf(isSlow && !SLOW)(`routes ${name} as routeTokens does`, async () => {
      const random = createRandom(7);
      const logits = makeLogits(333, rule.experts, random);
      const bias = isBiased ? Float32Array.from({ length: rule.experts }, () => random() - 0.5) : undefined;
      const routing = await routeTokensOnGpu(device!, { logits, rule, selectionBias: bias });
      expect(findFaults(routing, { logits, rule, bias })).toEqual([]);
    });
  }

  it('routes whatever finite or masked logits come, and names what else comes', async () => {
    const rule: RoutingRule = { experts: 8, expertsPerToken: 3, normalizeTopK: false };
    const router = await createGpuRouter(device!, rule, { maxTokens: 130 });
    const value = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 1, -Infinity), fc.constantFrom(NaN, Infinity));
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 8 * 130 }), async (values) => {
        const logits = Float32Array.from(values.slice(0, values.length - (values.length % 8)));
        const found = await settle(async () => findFaults(await routeOnce(router, logits), { logits, rule }));
        const wanted = await settle(() => (routeTokens(logits, rule), []));
        expect(found).toEqual(wanted);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
    router.close();
  });

  it.runIf(SLOW)('routes by whatever rule comes', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryRule, fc.boolean(), fc.integer({ min: 1, max: 2 ** 30 }), async (rule, isBiased, seed) => {
        const random = createRandom(seed);
        const logits = makeLogits(100, rule.experts, random);
        const bias = isBiased ? Float32Array.from({ length: rule.experts }, () => random() - 0.5) : undefined;
        expect(findFaults(await routeTokensOnGpu(device!, { logits, rule, selectionBias: bias }), { logits, rule, bias })).toEqual([]);
      }),
      // Each run compiles its own kernels, which takes a software adapter a second.
      { numRuns: Math.min(30, Number(process.env['FUZZ_RUNS'] ?? 300)) },
    );
  });

  it('keeps batches of one submit apart, whatever their sizes, and gives the same bytes every time', async () => {
    const rule: RoutingRule = { experts: 8, expertsPerToken: 2, normalizeTopK: true };
    const router = await createGpuRouter(device!, rule, { maxTokens: 20_000 });
    const logits = makeLogits(20_000, 8, createRandom(3));
    const uploaded = upload(device!, logits);
    for (const tokens of [20_000, 16_384, 64, 63, 1, 0]) {
      const encoder = device!.createCommandEncoder();
      router.route(encoder, { logits: uploaded, tokens: 777 });
      const routing = router.route(encoder, { logits: uploaded, tokens });
      device!.queue.submit([encoder.finish()]);
      const first = await router.read(routing);
      expect(findFaults(first, { logits: logits.subarray(0, tokens * 8), rule })).toEqual([]);
      const second = await routeOnce(router, logits.subarray(0, tokens * 8));
      expect(Object.entries(first).filter(([name, words]) => !sameBytes(words, second[name as keyof HostRouting]))).toEqual([]);
    }
    router.close();
  });

  it('gives a refused token weights 0 and leaves the others as they are', async () => {
    const rule: RoutingRule = { experts: 8, expertsPerToken: 2, normalizeTopK: true };
    const clean = makeLogits(70, 8, createRandom(5));
    const logits = clean.slice();
    logits[66 * 8 + 3] = NaN;
    logits[68 * 8 + 1] = Infinity;
    const router = await createGpuRouter(device!, rule, { maxTokens: 70 });
    const encoder = device!.createCommandEncoder();
    const routing = router.route(encoder, { logits: upload(device!, logits), tokens: 70 });
    const staging = device!.createBuffer({ size: 4 * 140, usage: 0x1 | COPY_TARGET });
    encoder.copyBufferToBuffer(routing.weights, 0, staging, 0, 4 * 140);
    device!.queue.submit([encoder.finish()]);
    const { context, message } = await expectCode('routing-not-finite', () => router.read(routing));
    expect(context).toEqual({ token: 66, expert: 3 });
    expect(message).toContain('token 66');
    await staging.mapAsync(0x1);
    const weights = new Float32Array(staging.getMappedRange());
    const expected = routeTokens(clean, rule).weights;
    for (let index = 0; index < 140; index++) expect(weights[index]).toBeCloseTo([66, 68].includes(index >> 1) ? 0 : expected[index]!, 6);
    router.close();
  });

  it.runIf(SLOW)('goes into a second dimension of workgroups beyond 65,535 of them', async () => {
    const rule: RoutingRule = { experts: 2, expertsPerToken: 1, normalizeTopK: false };
    const logits = makeLogits(65_535 * 64 + 1000, 2, createRandom(11));
    const { ids, order, offsets } = await routeTokensOnGpu(device!, { logits, rule });
    const expected = sortAssignments(routeTokens(logits, rule).ids, 2);
    expect([sameBytes(ids, routeTokens(logits, rule).ids), sameBytes(order, expected.order), sameBytes(offsets, expected.offsets)]).toEqual([true, true, true]);
  });

  it('refuses what does not fit, before anything is recorded', async () => {
    const rule: RoutingRule = { experts: 8, expertsPerToken: 2, normalizeTopK: true };
    const router = await createGpuRouter(device!, rule, { maxTokens: 10 });
    const biased = await createGpuRouter(device!, { ...rule, scoring: 'sigmoid' }, { maxTokens: 10, biased: true });
    const encoder = device!.createCommandEncoder();
    const logits = upload(device!, new Float32Array(80));
    const small = upload(device!, new Float32Array(1));
    const unusable = device!.createBuffer({ size: 320, usage: COPY_TARGET });
    const cases: [string, () => unknown][] = [
      ['tokens', () => router.route(encoder, { logits, tokens: 11 })],
      ['tokens', () => router.route(encoder, { logits, tokens: 0.5 })],
      ['logits', () => router.route(encoder, { logits: small, tokens: 10 })],
      ['logits', () => router.route(encoder, { logits: unusable, tokens: 10 })],
      ['selectionBias', () => router.route(encoder, { logits, tokens: 10, selectionBias: logits })],
      ['selectionBias', () => biased.route(encoder, { logits, tokens: 10 })],
      ['selectionBias', () => biased.route(encoder, { logits, tokens: 10, selectionBias: small })],
      ['logits', () => routeTokensOnGpu(device!, { logits: new Float32Array(7), rule })],
      ['groups.count', () => createGpuRouter(device!, { ...rule, groups: { count: 3, kept: 1, score: 'max' } }, { maxTokens: 1 })],
      ['maxTokens', () => createGpuRouter(device!, rule, { maxTokens: -1 })],
    ];
    for (const [field, action] of cases) expect((await expectCode('routing-invalid', action)).context).toEqual({ field });
    router.close();
    router.close();
    for (const action of [() => router.route(encoder, { logits, tokens: 1 }), () => router.read({} as never)]) {
      expect((await expectCode('routing-invalid', action)).context).toEqual({ field: 'router' });
    }
  });

  it('passes on what the device says when it cannot compile or allocate', async () => {
    const rule: RoutingRule = { experts: 8, expertsPerToken: 2, normalizeTopK: true };
    const attempt = async (changed: Partial<GPUDevice>) => expectCode('gpu-failed', () => createGpuRouter(override(device!, changed), rule, { maxTokens: 10 }));
    const uncompilable = await attempt({ createShaderModule: () => device!.createShaderModule({ code: 'fn' }) });
    expect(uncompilable.context).toEqual({ step: 'compile the routing kernels' });
    expect(uncompilable.cause).toBeDefined();
    const unallocatable = await attempt({ createBuffer: ({ size }) => device!.createBuffer({ size, usage: 0 }) });
    expect(unallocatable.context).toEqual({ step: 'allocate the buffers of a router' });
    expect(unallocatable.message).toMatch(/^the GPU device did not allocate the buffers of a router: .*usage/is);
  });

  it('says that the device is lost', async () => {
    const doomed = await gpu!.requestDevice();
    const rule: RoutingRule = { experts: 8, expertsPerToken: 2, normalizeTopK: true };
    const router = await createGpuRouter(doomed, rule, { maxTokens: 10 });
    const encoder = doomed.createCommandEncoder();
    const logits = upload(doomed, new Float32Array(80));
    const routing = router.route(encoder, { logits, tokens: 10 });
    doomed.queue.submit([encoder.finish()]);
    const reading = router.read(routing).catch((error: unknown) => error);
    doomed.destroy();
    await doomed.lost;
    for (const action of [() => router.route(encoder, { logits, tokens: 1 }), () => router.read(routing), () => createGpuRouter(doomed, rule, { maxTokens: 1 }), () => routeTokensOnGpu(doomed, { logits: new Float32Array(8), rule })]) {
      expect((await expectCode('gpu-device-lost', action)).context).toEqual({ reason: 'destroyed' });
    }
    expect(await reading).toMatchObject({ code: 'gpu-device-lost' });
    router.close();
  });
});
