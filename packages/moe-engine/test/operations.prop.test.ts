import type { RoutingRule } from '@connito/moe-core';
import * as fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { causalAttention } from '../src/layers/attention.ts';
import { tokenLosses } from '../src/layers/cross-entropy.ts';
import { combineRows, createDispatch, dispatchRows, dispatchWeights } from '../src/layers/dispatch.ts';
import { add, clamp, dropLastPosition, gateRows, reshape, scale, scaleRows, swiglu, transpose, weightedSum } from '../src/layers/elementwise.ts';
import { differentiate } from '../src/graph/gradients.ts';
import { createGraph, fixed, type Graph, type Value } from '../src/graph/graph.ts';
import { joinLast, repeatHead, splitLast } from '../src/layers/heads.ts';
import { addBias, linear } from '../src/layers/linear.ts';
import { loadBalancingLoss, tokenShares } from '../src/layers/load-balancing.ts';
import { rmsNorm } from '../src/layers/rms-norm.ts';
import { createRotaryTables, rotate } from '../src/layers/rotary.ts';
import { routerZLoss } from '../src/layers/router-z-loss.ts';
import { route } from '../src/layers/routing.ts';
import { joinRows, splitRows } from '../src/layers/row-groups.ts';
import { packedRows, plainRows } from '../src/layers/row-layout.ts';

/**
 * Directional derivative of `Σ operation(inputs) ⊙ c / n` by central differences against the gradient's inner product.
 * Float32 limits it to about 1e-2; exact agreement is tested on whole models. `c` makes the output's gradient uneven.
 */
async function checkGradient(shapes: readonly (readonly number[])[], operation: (graph: Graph, inputs: readonly Value[]) => Value, seed: number): Promise<void> {
  const graph = createGraph();
  const inputs = shapes.map((shape, index) => graph.input({ name: `x${index}`, shape, trained: true }));
  const out = operation(graph, inputs);
  const sizes = out.shape.map((size) => size as number);
  const c = wave(sizes, seed + 17);
  const loss = weightedSum(graph, out, graph.constant(c.map((entry) => entry / c.length), sizes));
  const gradients = differentiate(graph, loss, inputs);
  const session = await InferenceSession.create(graph.encode([loss, ...gradients]).model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const values = shapes.map((shape, index) => wave(shape, seed + index));
  const direction = shapes.map((shape, index) => wave(shape, seed + 100 + index));
  const run = async (shift: number): Promise<InferenceSession.OnnxValueMapType> =>
    session.run(Object.fromEntries(shapes.map((shape, index) => [`x${index}`, new Tensor('float32', values[index]!.map((entry, i) => entry + shift * direction[index]![i]!), shape)])));
  const at = async (shift: number): Promise<number> => Number((await run(shift))[loss.name]!.data[0]);
  const step = 2e-2;
  const slope = (8 * ((await at(step)) - (await at(-step))) - ((await at(2 * step)) - (await at(-2 * step)))) / (12 * step);
  const results = await run(0);
  const inner = gradients.reduce((sum, gradient, index) => sum + (results[gradient.name]!.data as Float32Array).reduce((part, entry, i) => part + entry * direction[index]![i]!, 0), 0);
  await session.release();
  expect(Math.abs(inner - slope)).toBeLessThan(2e-3 * Math.abs(slope) + 2e-5);
}

/** Values of a graph without inputs. */
async function compute(build: (graph: Graph) => Value): Promise<Float32Array> {
  const graph = createGraph();
  const out = build(graph);
  const session = await InferenceSession.create(graph.encode([out]).model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const results = await session.run({});
  await session.release();
  return results[out.name]!.data as Float32Array;
}

function wave(shape: readonly number[], seed: number): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length }, (_, index) => Math.sin((index + 1) * (1.3 + seed * 0.37)) + 0.3 * Math.cos(index * 0.71 + seed));
}

/** `0.2 · logits + constants` that lie far enough apart for the choice of experts not to change within the difference's steps; `[T, 6]`. */
function spread(graph: Graph, logits: Value): Value {
  const apart = Float32Array.from({ length: fixed(logits.shape[0]) * 6 }, (_, i) => ((i * 7) % 6) * 1.5 + (i % 3) * 0.1);
  const shifted = addBias(graph, reshape(graph, scale(graph, logits, 0.2), [1, apart.length]), graph.constant(apart, [apart.length]));
  return reshape(graph, shifted, logits.shape);
}

function someIds(length: number, vocabularySize: number, start: number): Int32Array {
  return Int32Array.from({ length }, (_, index) => (start + index * index) % vocabularySize);
}

const size = fc.integer({ min: 1, max: 5 });
const seed = fc.nat(1000);
const few = { numRuns: 6 };

describe('differentiation rules against central differences', () => {
  it('linear with residual', () => fc.assert(fc.asyncProperty(size, size, size, seed, (n, i, o, s) => checkGradient([[n, i], [o, i], [n, o]], (graph, [x, w, r]) => linear(graph, x!, w!, r), s)), few));

  it('splitRows and joinRows with an empty group', () =>
    fc.assert(
      fc.asyncProperty(size, size, seed, (i, o, s) =>
        checkGradient(
          [[5, i], [o, i], [o, i], [o, i]],
          (graph, [x, ...weights]) => {
            const rows = { counts: graph.constant(BigInt64Array.of(2n, 0n, 3n), [3]), groups: 3 };
            return joinRows(graph, splitRows(graph, x!, rows).map((part, group) => linear(graph, part, weights[group]!)), { rows, total: 5 });
          },
          s,
        ),
      ),
      few,
    ));

  it('rmsNorm with a trained weight, two leading axes', () =>
    fc.assert(fc.asyncProperty(size, size, fc.integer({ min: 2, max: 6 }), seed, (n, m, d, s) => checkGradient([[n, m, d], [d]], (graph, [x, w]) => rmsNorm(graph, x!, w!, 1e-2), s)), few));

  it('rmsNorm', () => fc.assert(fc.asyncProperty(size, fc.integer({ min: 2, max: 6 }), seed, (n, d, s) => checkGradient([[n, d]], (graph, [x]) => rmsNorm(graph, x!, graph.constant(wave([d], 3), [d]), 1e-2), s)), few));

  it('swiglu and scaleRows', () => fc.assert(fc.asyncProperty(size, size, seed, (n, d, s) => checkGradient([[n, d], [n, d], [n, 1]], (graph, [gate, up, w]) => scaleRows(graph, swiglu(graph, gate!, up!), w!), s)), few));

  it('dropLastPosition, transpose and reshape', () =>
    fc.assert(
      fc.asyncProperty(size, fc.integer({ min: 2, max: 5 }), size, seed, (b, p, d, s) =>
        checkGradient([[b, p, d]], (graph, [x]) => transpose(graph, reshape(graph, dropLastPosition(graph, x!), [b, p - 1, d, 1]), [2, 0, 3, 1]), s),
      ),
      few,
    ));

  it.each([
    ['halves', { kind: 'full' }],
    ['neighbours', { kind: 'window', tokens: 3 }],
    ['halves', { kind: 'chunk', tokens: 2 }],
  ] as const)('rotate %s and causalAttention with shared heads, narrower values and span %o', (pairs, span) =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 5 }), seed, (b, shared, group, positions, s) =>
        checkGradient(
          [[b, shared * group, positions, 4], [b, shared, positions, 4], [b, shared, positions, 3]],
          (graph, [query, key, value]) => {
            // Odd seeds: two documents a row.
            const documents = graph.constant(Int32Array.from({ length: b * positions }, (_, i) => Number(i % positions > positions / 2)), [b, positions]);
            const layout = s % 2 === 0 ? plainRows(graph, { batchSize: b, sequenceLength: positions }) : packedRows(graph, documents);
            const tables = createRotaryTables(graph, { positions: layout.positions, count: 5, frequencies: Float32Array.of(1, 0.1), amplitude: 1.2, pairs });
            return causalAttention(graph, { query: rotate(graph, query!, tables), key: rotate(graph, key!, tables), value: value!, mask: layout.maskOf(span), scale: 0.4 });
          },
          s,
        ),
      ),
      few,
    ));

  it('loadBalancingLoss of two layers, added to another scalar', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), seed, (tokens, s) =>
        checkGradient(
          [[tokens, 4], [tokens, 4], []],
          (graph, [first, second, other]) => {
            const ids = graph.constant(BigInt64Array.from({ length: tokens * 2 }, (_, i) => BigInt((i * 3) % 4)), [tokens, 2]);
            const shares = graph.constant(Float32Array.from({ length: tokens }, (_, i) => (i === 0 ? 0.5 : 0.5 / (tokens - 1))), [tokens, 1]);
            return add(graph, scale(graph, loadBalancingLoss(graph, [{ logits: first!, ids }, { logits: second!, ids }], shares), 0.7), other!);
          },
          s,
        ),
      ),
      few,
    ));

  it('splitLast, of which one part is unused, repeatHead and joinLast', () =>
    fc.assert(
      fc.asyncProperty(size, size, fc.integer({ min: 1, max: 3 }), seed, (positions, d, heads, s) =>
        checkGradient(
          [[1, 1, positions, d + 3], [1, heads, positions, 2]],
          (graph, [x, y]) => {
            const [kept] = splitLast(graph, x!, [d, 3]) as [Value, Value];
            return joinLast(graph, [repeatHead(graph, kept, heads), y!]);
          },
          s,
        ),
      ),
      few,
    ));

  it('addBias, scale and gateRows', () =>
    fc.assert(fc.asyncProperty(size, size, seed, (n, d, s) => checkGradient([[n, d], [d], [n, 1]], (graph, [x, b, z]) => gateRows(graph, scale(graph, addBias(graph, x!, b!), 0.7), z!), s)), few));

  it('clamp, away from its edges', () =>
    fc.assert(
      fc.asyncProperty(size, seed, (n, s) =>
        // No step crosses an edge: values stay within 0.2 of −4, 0 and 4.
        checkGradient([[n, 4]], (graph, [x]) => clamp(graph, addBias(graph, scale(graph, x!, 0.1), graph.constant(Float32Array.of(-4, 0, 0, 4), [4])), 2), s),
      ),
      few,
    ));

  it('tokenLosses', () =>
    fc.assert(
      fc.asyncProperty(size, size, fc.integer({ min: 2, max: 7 }), seed, (n, d, v, s) =>
        checkGradient([[n, d]], (graph, [hidden]) => tokenLosses(graph, { hidden: hidden!, head: graph.constant(wave([v, d], 5), [v, d]), targets: graph.constant(Int32Array.from({ length: n }, (_, i) => i % v), [n, 1]) }), s),
      ),
      few,
    ));

  it('tokenLosses of a vocabulary so large that the rows are taken in chunks', async () => {
    const [n, d, v] = [300, 2, 16_384];
    const losses = (graph: Graph, hidden: Value, rows: number): Value => tokenLosses(graph, { hidden, head: graph.constant(wave([v, d], 5), [v, d]), targets: graph.constant(someIds(n, v, 1).subarray(0, rows), [rows, 1]) });
    await checkGradient([[n, d]], (graph, [hidden]) => losses(graph, hidden!, n), 3);
    const all = await compute((graph) => losses(graph, graph.constant(wave([n, d], 3), [n, d]), n));
    const alone = await compute((graph) => losses(graph, graph.constant(wave([n, d], 3).subarray(0, 2 * 7), [7, d]), 7));
    expect(all.length).toBe(n);
    expect(all.subarray(0, 7)).toEqual(alone);
  });

  it('tokenLosses with a trained head and bags of targets, some ids twice', () =>
    fc.assert(
      fc.asyncProperty(size, size, fc.integer({ min: 2, max: 7 }), fc.integer({ min: 1, max: 4 }), seed, (n, d, v, bag, s) =>
        checkGradient([[n, d], [v, d]], (graph, [hidden, head]) => tokenLosses(graph, { hidden: hidden!, head: head!, targets: graph.constant(someIds(n * bag, v, s), [n, bag]) }), s),
      ),
      few,
    ));

  it('routerZLoss of two layers', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), seed, (tokens, s) =>
        // Kept small, so that float32 leaves the differences enough digits.
        checkGradient([[tokens, 4], [tokens, 4]], (graph, layers) => scale(graph, routerZLoss(graph, layers.map((logits) => ({ logits })), tokenShares(graph, layers[0]!)), 0.3), s),
      ),
      few,
    ));

  const all = [0, 1, 2, 3, 4, 5];
  const softmax = { experts: 6, expertsPerToken: 2, normalizeTopK: false };
  it.each<[string, RoutingRule, readonly number[]]>([
    ['softmax', softmax, all],
    ['softmax, two experts present', softmax, [1, 3]],
    ['renormalised', { ...softmax, expertsPerToken: 3, normalizeTopK: true }, all],
    ['renormalised, one expert present', { ...softmax, expertsPerToken: 3, normalizeTopK: true }, [2]],
    ['top 1, scaled', { ...softmax, expertsPerToken: 1, scale: 2.5 }, all],
    ['renormalised and scaled', { ...softmax, normalizeTopK: true, scale: 0.5 }, all],
    ['groups', { ...softmax, scale: 16, groups: { count: 3, kept: 2, score: 'max' } }, all],
    ['sigmoid', { ...softmax, scoring: 'sigmoid' }, all],
    ['sigmoid, renormalised, groups', { ...softmax, scoring: 'sigmoid', normalizeTopK: true, groups: { count: 2, kept: 1, score: 'top2-sum' } }, [0, 4, 5]],
  ])('routing, dispatch and combination: %s', (_name, rule, present) =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), (tokens) =>
        checkGradient(
          [[tokens, 6], [tokens, 3]],
          (graph, [logits, x]) => {
            const routing = route(graph, { logits: spread(graph, logits!) }, rule);
            const dispatch = createDispatch(graph, routing, { experts: 6, present });
            return combineRows(graph, scaleRows(graph, dispatchRows(graph, x!, dispatch), dispatchWeights(graph, routing.weights, dispatch)), dispatch);
          },
          tokens,
        ),
      ),
      few,
    ),
  );
});
