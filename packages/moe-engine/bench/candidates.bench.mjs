/**
 * Scoring 8 candidates side by side (`candidateLosses`) against 8 separate evaluations, by the layer in which candidates begin to differ.
 *
 *   npm run bench -- moe-engine candidates
 *
 * The floor is what the products alone cost at the rate of the separate evaluations of the same round: what is shared once, the rest 8 times. Shared is what comes
 * before the changed experts, in their first layer also the gate and up projections of the experts that none changes. Random weights; a token's experts are
 * nearly uniform then, so the share of an expert is taken as K / E. Times are CPU times of the process, which computes on one thread: a busy machine disturbs them less.
 */
import { cpus } from 'node:os';
import { extractExperts, parseTopology } from '@connito/moe-core';
import { createEvaluator } from '@connito/moe-engine';
import { measureRounds } from '../../moe-core/bench/harness.mjs';

const [candidateCount, sequenceLength, batchSize, batches, rounds] = [8, 128, 8, 2, Number(process.argv[2] ?? 7)];
const config = {
  model_type: 'qwen3_moe', hidden_size: 384, intermediate_size: 768, moe_intermediate_size: 384, num_hidden_layers: 6, num_attention_heads: 6, num_key_value_heads: 2, head_dim: 64,
  num_experts: 16, num_experts_per_tok: 4, norm_topk_prob: true, vocab_size: 4096, rms_norm_eps: 1e-6, rope_theta: 10_000, tie_word_embeddings: false, hidden_act: 'silu', max_position_embeddings: 1024,
};
const { num_hidden_layers: layers, hidden_size: hidden, moe_intermediate_size: width, num_experts: experts, num_experts_per_tok: active, vocab_size: vocabulary, num_attention_heads: heads, num_key_value_heads: keyValueHeads, head_dim: headDim } = config;
const CHANGED = [0, 3, 7, 12];

const checkpoint = randomCheckpoint();
const tokens = Int32Array.from({ length: batches * batchSize * sequenceLength }, (_, index) => (index * index * 31 + index * 7) % vocabulary);
console.log(`${cpus()[0].model}, ${cpus().length} cores; ${layers} layers of ${experts} experts, hidden ${hidden}; ${batches} × ${batchSize} × ${sequenceLength} tokens, 1 thread, CPU time, medians of ${rounds} alternating rounds`);
for (const from of [0, 2, 4, 5]) await compare(from);

async function compare(from) {
  const selection = new Map(Array.from({ length: layers - from }, (_, index) => [from + index, CHANGED]));
  const candidates = await Promise.all(Array.from({ length: candidateCount }, (_, index) => changedExperts(selection, index)));
  const evaluator = await createEvaluator({ checkpoint, sequenceLength, batchSize, experts: selection });
  const medians = await measureRounds(
    {
      separate: () => cpuSeconds(async () => { for (const one of candidates) await evaluator.rowLosses(tokens, { experts: one }); }),
      together: () => cpuSeconds(async () => { for await (const _ of evaluator.candidateLosses(tokens, candidates)); }),
    },
    rounds,
  );
  await evaluator.close();
  const [separate, together] = [medians.get('separate'), medians.get('together')];
  const { shared, own } = work(from);
  const floor = (separate * (shared + candidateCount * own)) / (candidateCount * (shared + own));
  const share = ((100 * shared) / (shared + own)).toFixed(0);
  const gflops = (candidateCount * batches * (shared + own)) / separate / 1e9;
  console.log(`experts of layers ${from} to ${layers - 1} changed (${share.padStart(2)} % shared): separate ${ms(separate)} (${gflops.toFixed(0)} GFLOP/s), together ${ms(together)}: ${(separate / together).toFixed(2)} × faster, ${(together / floor).toFixed(3)} × the floor, ${(together / separate).toFixed(3)} × separate`);
}

/** FLOPs of a batch that lie before and behind the cut. */
function work(from) {
  const rows = batchSize * sequenceLength;
  const attention = 2 * rows * hidden * (2 * heads + 2 * keyValueHeads) * headDim + 4 * rows * sequenceLength * heads * headDim;
  const router = 2 * rows * hidden * experts;
  const product = 2 * rows * active * hidden * width;
  const layer = attention + router + 3 * product;
  const unchanged = (2 * product * (experts - CHANGED.length)) / experts;
  const shared = from * layer + attention + router + unchanged;
  return { shared, own: layers * layer - shared + 2 * batchSize * (sequenceLength - 1) * hidden * vocabulary };
}

async function cpuSeconds(action) {
  const start = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

function ms(time) {
  return `${(time * 1000).toFixed(0)} ms`;
}

async function changedExperts(selection, index) {
  const start = await extractExperts(checkpoint, selection);
  return new Map([...start].map(([name, { shape, data }]) => [name, { shape, data: data.map((entry) => entry * (1 + index / 100)) }]));
}

function randomCheckpoint() {
  const shapes = new Map([['model.embed_tokens.weight', [vocabulary, hidden]], ['lm_head.weight', [vocabulary, hidden]], ['model.norm.weight', [hidden]]]);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) shapes.set(`${prefix}.${norm}.weight`, [hidden]);
    for (const norm of ['q_norm', 'k_norm']) shapes.set(`${prefix}.self_attn.${norm}.weight`, [headDim]);
    shapes.set(`${prefix}.self_attn.q_proj.weight`, [heads * headDim, hidden]).set(`${prefix}.self_attn.o_proj.weight`, [hidden, heads * headDim]);
    for (const name of ['k_proj', 'v_proj']) shapes.set(`${prefix}.self_attn.${name}.weight`, [keyValueHeads * headDim, hidden]);
    shapes.set(`${prefix}.mlp.gate.weight`, [experts, hidden]);
    for (let expert = 0; expert < experts; expert++) {
      for (const name of ['gate_proj', 'up_proj']) shapes.set(`${prefix}.mlp.experts.${expert}.${name}.weight`, [width, hidden]);
      shapes.set(`${prefix}.mlp.experts.${expert}.down_proj.weight`, [hidden, width]);
    }
  }
  const readFloat32 = (name) => Promise.resolve(randomTensor(name, shapes.get(name).reduce((product, size) => product * size, 1)));
  return { topology: parseTopology(config), tensors: new Map([...shapes].map(([name, shape]) => [name, { name, shape, dtype: 'F32' }])), readFloat32, close: () => Promise.resolve() };
}

/** Ones for norms, else uniform of standard deviation 0.03; the same for a name each time. */
function randomTensor(name, length) {
  if (name.includes('norm')) return new Float32Array(length).fill(1);
  let state = [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.codePointAt(0)) | 0, 7);
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state / 2 ** 31) * 0.05;
  });
}
