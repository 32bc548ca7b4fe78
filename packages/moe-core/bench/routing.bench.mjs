/**
 * Tokens routed a second from given logits: each kernel on one thread beside torch on one thread, then pools of one and two threads.
 *
 *   PYTHON=/path/to/python npm run bench -- moe-core routing
 *
 * @module
 */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { createRouter } from '@connito/moe-core';
import { openRoutingPool } from '@connito/moe-core/node';
import { measureRounds, openPeer, report, seconds } from './harness.mjs';

const SHAPES = [
  { experts: 64, expertsPerToken: 6, tokens: 16_384 },
  { experts: 128, expertsPerToken: 8, tokens: 8_192 },
  { experts: 256, expertsPerToken: 8, tokens: 4_096 },
  { experts: 8, expertsPerToken: 2, tokens: 65_536 },
];

/** Standard normal by Box and Muller from a small generator: the same logits in every run. */
function normalLogits(length) {
  let state = 12_345;
  const uniform = () => ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) + 0.5) / 2 ** 32;
  return Float32Array.from({ length }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

const peer = openPeer(new URL('routing.py', import.meta.url));
console.log(`${cpus()[0]?.model}, ${availableParallelism()} threads, Node ${process.version}, load ${loadavg().map((x) => x.toFixed(1)).join(' ')}`);

async function benchRule({ experts, expertsPerToken, tokens, normalizeTopK }) {
  const rule = { experts, expertsPerToken, normalizeTopK };
  const logits = normalLogits(tokens * experts);
  const into = { ids: new Uint16Array(tokens * expertsPerToken), weights: new Float32Array(tokens * expertsPerToken) };
  const ours = (kernel) => {
    const router = createRouter(rule, { kernel });
    return () => seconds(() => router.route(logits, into));
  };
  const subjects = { 'WebAssembly SIMD': ours('wasm'), TypeScript: ours('typescript') };
  if (peer) {
    await peer.call('load', { experts, tokens, seed: 1, threads: 1 });
    if (normalizeTopK) {
      subjects['torch topk(softmax), then ÷ Σ'] = () => peer.call('renormalised', { k: expertsPerToken });
      subjects['torch softmax(topk)'] = () => peer.call('renormalised_logits_first', { k: expertsPerToken });
    } else subjects['torch topk(softmax)'] = () => peer.call('full', { k: expertsPerToken });
  }
  const medians = await measureRounds(subjects, 15);
  const against = normalizeTopK ? 'torch topk(softmax), then ÷ Σ' : 'torch topk(softmax)';
  report(`${experts} experts, top ${expertsPerToken}, ${normalizeTopK ? 'renormalised' : 'full softmax'}, ${tokens} tokens, one thread`, { medians, work: tokens / 1e6, unit: 'Mtokens/s', against });
}

async function benchDeepseekV3({ experts, expertsPerToken, tokens }) {
  const rule = { experts, expertsPerToken, scoring: 'sigmoid', normalizeTopK: true, scale: 2.5, groups: { count: 8, kept: 4, score: 'top2-sum' } };
  const logits = normalLogits(tokens * experts);
  const into = { ids: new Uint16Array(tokens * expertsPerToken), weights: new Float32Array(tokens * expertsPerToken) };
  const ours = (kernel) => {
    const router = createRouter(rule, { kernel, selectionBias: new Float32Array(experts) });
    return () => seconds(() => router.route(logits, into));
  };
  const subjects = { 'WebAssembly SIMD': ours('wasm'), TypeScript: ours('typescript') };
  if (peer) {
    await peer.call('load', { experts, tokens, seed: 1, threads: 1 });
    subjects['torch, the same steps'] = () => peer.call('deepseek_v3', { k: expertsPerToken, groups: 8, kept: 4, scale: 2.5 });
  }
  const medians = await measureRounds(subjects, 15);
  report(`DeepSeek-V3: ${experts} experts, top ${expertsPerToken} of the best 4 of 8 groups, bias, renormalised, ${tokens} tokens, one thread`, { medians, work: tokens / 1e6, unit: 'Mtokens/s', against: 'torch, the same steps' });
}

for (const shape of SHAPES) for (const normalizeTopK of [false, true]) await benchRule({ ...shape, normalizeTopK });
await benchDeepseekV3({ experts: 256, expertsPerToken: 8, tokens: 4_096 });
peer?.close();

async function benchPools({ experts, expertsPerToken, tokens }) {
  const rule = { experts, expertsPerToken, normalizeTopK: false };
  const shared = new Float32Array(new SharedArrayBuffer(4 * tokens * experts));
  shared.set(normalLogits(tokens * experts));
  const length = tokens * expertsPerToken;
  const into = { ids: new Uint16Array(new SharedArrayBuffer(2 * length)), weights: new Float32Array(new SharedArrayBuffer(4 * length)) };
  const pools = await Promise.all([1, 2].map((workers) => openRoutingPool(rule, { workers })));
  const medians = await measureRounds(Object.fromEntries(pools.map((pool) => [`${pool.workers} worker${pool.workers > 1 ? 's' : ''}`, () => seconds(() => pool.route(shared, into))])), 15);
  report(`${experts} experts, top ${expertsPerToken}, full softmax, ${tokens} tokens in shared memory`, { medians, work: tokens / 1e6, unit: 'Mtokens/s', against: '1 worker' });
  await Promise.all(pools.map((pool) => pool.close()));
}

for (const shape of SHAPES) await benchPools({ ...shape, tokens: shape.tokens * 16 });
