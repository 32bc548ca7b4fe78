import { describe, expect, it } from 'vitest';
import { routeTokens, type RoutingRule } from '../../src/index.ts';
import { openRoutingPool } from '../../src/node.ts';
import { expectCode } from '../expect-code.ts';

const built = new URL('../../dist/node/routing-worker.js', import.meta.url);
const script = (source: string): URL => new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${source}`)}`);
const rule: RoutingRule = { experts: 8, expertsPerToken: 2, normalizeTopK: true };

function someLogits(tokens: number, seed = 1): Float32Array {
  return Float32Array.from({ length: tokens * rule.experts }, (_, i) => ((seed + i * 2_654_435_761) % 65_536) / 8192 - 4);
}

describe('a routing pool', () => {
  it('gives what one router gives, for several batches at once, in shared memory and in copies', async () => {
    const pool = await openRoutingPool(rule, { workers: 3 }, built);
    const batches = [0, 1, 5, 30_000].map((tokens) => someLogits(tokens, tokens));
    const results = await Promise.all(batches.map((logits) => pool.route(logits)));
    batches.forEach((logits, i) => {
      const expected = routeTokens(logits, rule);
      expect(Buffer.from(results[i]!.ids.buffer).equals(Buffer.from(expected.ids.buffer))).toBe(true);
      expect(Buffer.from(results[i]!.weights.buffer).equals(Buffer.from(expected.weights.buffer))).toBe(true);
    });
    const input = new Float32Array(new SharedArrayBuffer(4 * 8 * 100));
    input.set(someLogits(100));
    for (const into of [
      { ids: new Uint16Array(200), weights: new Float32Array(200) },
      { ids: new Uint16Array(new SharedArrayBuffer(400)), weights: new Float32Array(new SharedArrayBuffer(800)) },
    ]) {
      expect(await pool.route(input, into)).toBe(into);
      expect([...into.ids]).toEqual([...routeTokens(input, rule).ids]);
      expect([...into.weights]).toEqual([...routeTokens(input, rule).weights]);
    }
    await pool.close();
  });

  it('takes the selection bias, and names the first token that is refused', async () => {
    const selectionBias = Float32Array.of(0, 0, 0, 0, 0, 0, 5, 9);
    const pool = await openRoutingPool({ ...rule, scoring: 'sigmoid' }, { workers: 2, selectionBias }, built);
    const logits = someLogits(50_000);
    expect([...(await pool.route(logits.slice(0, 8))).ids]).toEqual([7, 6]);
    for (const token of [49_000, 20_003, 20_001]) logits[token * 8 + 3] = Number.NaN;
    const error = await expectCode('routing-not-finite', () => pool.route(logits));
    expect(error.context).toEqual({ token: 20_001, expert: 3 });
    expect((await pool.route(someLogits(4))).ids).toHaveLength(8);
    await pool.close();
  });

  it('refuses sizes that do not fit', async () => {
    await expectCode('routing-invalid', () => openRoutingPool(rule, { workers: 0 }, built));
    await expectCode('routing-invalid', () => openRoutingPool({ ...rule, expertsPerToken: 9 }, { workers: 1 }, built));
    const pool = await openRoutingPool(rule, { workers: 1 }, built);
    await expectCode('routing-invalid', () => pool.route(new Float32Array(7)));
    await expectCode('routing-invalid', () => pool.route(new Float32Array(8), { ids: new Uint16Array(2), weights: new Float32Array(1) }));
    await pool.close();
  });

  it('rejects what is under way, and what comes later, when it is closed', async () => {
    const pool = await openRoutingPool(rule, { workers: 2 }, script(`parentPort.on('message', () => {}); parentPort.postMessage({ id: -1 });`));
    const waiting = expectCode('routing-pool-closed', () => pool.route(someLogits(4)));
    await pool.close();
    await waiting;
    await expectCode('routing-pool-closed', () => pool.route(someLogits(4)));
    await pool.close();
  });

  it('rejects when a thread dies, in a job or before it is ready', async () => {
    const dies = script(`parentPort.on('message', () => process.exit(3)); parentPort.postMessage({ id: -1 });`);
    const pool = await openRoutingPool(rule, { workers: 2 }, dies);
    await expectCode('routing-worker-failed', () => pool.route(someLogits(4)));
    await expectCode('routing-worker-failed', () => pool.route(someLogits(4)));
    await pool.close();
    const error = await expectCode('routing-worker-failed', () => openRoutingPool(rule, { workers: 1 }, script(`throw new RangeError('out of everything');`)));
    expect(error.message).toContain('out of everything');
    expect(error.cause).toMatchObject({ message: 'out of everything' });
  });
});
