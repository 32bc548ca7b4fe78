import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRouter, isMoeError, routeTokens, type RoutingRule } from '../../src/index.ts';
import { routingSamples, type RoutingSample } from './routing-arbitrary.ts';
import { expectCode } from '../expect-code.ts';

const runs = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) };

/** Ids and bits of weights, or the error. */
function outcome({ logits, rule, options }: RoutingSample, kernel: 'wasm' | 'typescript'): unknown {
  try {
    const { ids, weights } = routeTokens(logits, rule, { ...options, kernel });
    return { ids: [...ids], weights: [...new Uint32Array(weights.buffer)] };
  } catch (error) {
    if (!isMoeError(error)) throw error;
    return { code: error.code, context: error.context, message: error.message };
  }
}

describe('the WebAssembly kernel', () => {
  it('is what its source compiles to', () => {
    const { status, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL('../../wasm/build.mjs', import.meta.url)), '--check'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('gives the bits of the plain one, for every rule, with and without logits that are refused', () => {
    const refused = fc.option(fc.record({ at: fc.nat(), value: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY) }), { freq: 5 });
    fc.assert(
      fc.property(routingSamples({ mostExperts: 72, mostTokens: 13 }), refused, (sample, poison) => {
        if (poison !== null && sample.logits.length > 0) sample.logits[poison.at % sample.logits.length] = poison.value;
        expect(outcome(sample, 'wasm')).toEqual(outcome(sample, 'typescript'));
      }),
      runs,
    );
  });

  it.each<RoutingRule>([
    { experts: 64, expertsPerToken: 6, normalizeTopK: false },
    { experts: 256, expertsPerToken: 8, scoring: 'sigmoid', normalizeTopK: true, scale: 2.5, groups: { count: 8, kept: 4, score: 'top2-sum' } },
    { experts: 5000, expertsPerToken: 40, normalizeTopK: true },
    { experts: 65_536, expertsPerToken: 3, normalizeTopK: false, groups: { count: 32_768, kept: 17, score: 'max', outside: 'zero' } },
  ])('gives them over several chunks and in large rules: %j', (rule) => {
    const tokens = rule.experts > 1000 ? 6 : 331;
    // A plain generator with a period: rows of coarse values, so that ties are everywhere.
    const logits = Float32Array.from({ length: tokens * rule.experts }, (_, i) => ((i * 2_654_435_761) % 4096) / 256 - 8);
    const [wasm, plain] = (['wasm', 'typescript'] as const).map((kernel) => routeTokens(logits, rule, { kernel }));
    expect(wasm!.ids).toEqual(plain!.ids);
    expect(new Uint32Array(wasm!.weights.buffer)).toEqual(new Uint32Array(plain!.weights.buffer));
  });

  it('names the token and expert of a whole batch, past the first chunk', async () => {
    const logits = new Float32Array(500 * 64);
    logits[333 * 64 + 7] = Number.NaN;
    for (const kernel of ['wasm', 'typescript'] as const) {
      const error = await expectCode('routing-not-finite', () => routeTokens(logits, { experts: 64, expertsPerToken: 6, normalizeTopK: true }, { kernel }));
      expect(error.context).toEqual({ token: 333, expert: 7 });
    }
  });
});

describe('createRouter', () => {
  const rule = { experts: 4, expertsPerToken: 2, normalizeTopK: true } as const;
  const logits = Float32Array.of(1, 2, 3, 4, 4, 3, 2, 1);

  it('writes into the caller’s arrays, shared memory too', () => {
    for (const kernel of ['wasm', 'typescript'] as const) {
      const router = createRouter(rule, { kernel });
      expect(router.kernel).toBe(kernel);
      const into = { ids: new Uint16Array(new SharedArrayBuffer(8)), weights: new Float32Array(new SharedArrayBuffer(16)) };
      const input = new Float32Array(new SharedArrayBuffer(32));
      input.set(logits);
      const routing = router.route(input, into);
      expect(routing.ids).toBe(into.ids);
      expect([...into.ids]).toEqual([3, 2, 0, 1]);
      expect([...into.weights]).toEqual([...routeTokens(logits, rule).weights]);
    }
  });

  it('keeps the bias that it was made with, and its rule beside other routers', () => {
    const bias = Float32Array.of(9, 0, 0, 0);
    const [a, b] = [createRouter({ ...rule, scoring: 'sigmoid' }, { selectionBias: bias }), createRouter(rule)];
    bias.fill(0);
    expect([...a.route(logits).ids]).toEqual([0, 3, 0, 1]);
    expect([...b.route(logits).ids]).toEqual([3, 2, 0, 1]);
  });

  it('refuses arrays and batches that do not fit', async () => {
    const router = createRouter(rule);
    for (const [ids, weights] of [[3, 4], [4, 3], [5, 5]] as const) {
      const error = await expectCode('routing-invalid', () => router.route(logits, { ids: new Uint16Array(ids), weights: new Float32Array(weights) }));
      expect(error.context.field).toBe('into');
    }
    await expectCode('routing-invalid', () => router.route(new Float32Array(5)));
  });
});

const forbidden = vi.fn<() => never>(function forbid() {
  throw new Error('blocked by a content security policy');
});

describe('where WebAssembly is missing or may not be compiled', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it.each([
    ['missing', undefined],
    ['forbidden', { Module: forbidden }],
  ])('%s: TypeScript routes, and forcing wasm is refused', async (_, replacement) => {
    vi.stubGlobal('WebAssembly', replacement);
    vi.resetModules();
    const { createRouter: create } = await import('../../src/routing/routing.ts');
    const rule = { experts: 2, expertsPerToken: 1, normalizeTopK: true };
    expect(create(rule).kernel).toBe('typescript');
    expect([...create(rule).route(Float32Array.of(1, 2)).ids]).toEqual([1]);
    // One attempt to compile is enough.
    expect(forbidden.mock.calls.length).toBeLessThanOrEqual(1);
    await expectCode('routing-invalid', () => create(rule, { kernel: 'wasm' }));
  });
});
