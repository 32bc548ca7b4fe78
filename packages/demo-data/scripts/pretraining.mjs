/**
 * What the demo's model is pretrained on and how: its config, its hyperparameters, its rows.
 *
 * Rows of 128 tokens, drawn 47.5 / 47.5 / 5 % from prose, code and *easy* mathematics. The hard kinds of mathematics are left out on purpose: they are what the demo's miners train.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const MODEL = join(ROOT, 'model');
export const ROW = 128;
export const SEED = '20260';
export const SHARES = { prose: 0.475, code: 0.475, mathematics: 0.05 };
export const EVALUATION_FILES = { prose: 'general/prose.jsonl', code: 'general/code.jsonl', mathematics: 'target/mathematics.jsonl' };
/** Rows of each domain that losses are measured on while the model is made; the README's figures are over all. */
export const EVALUATION_ROWS = 256;

export const CONFIG = {
  architectures: ['Qwen3MoeForCausalLM'], model_type: 'qwen3_moe', vocab_size: 1024, hidden_size: 128, num_hidden_layers: 4, num_attention_heads: 4, num_key_value_heads: 2,
  head_dim: 32, intermediate_size: 192, moe_intermediate_size: 96, num_experts: 16, num_experts_per_tok: 2, norm_topk_prob: true, decoder_sparse_step: 1, mlp_only_layers: [],
  hidden_act: 'silu', attention_bias: false, attention_dropout: 0, max_position_embeddings: 1024, rms_norm_eps: 1e-6, rope_theta: 10000,
  rope_parameters: { rope_theta: 10000, rope_type: 'default' }, initializer_range: 0.02, tie_word_embeddings: true, router_aux_loss_coef: 0.01, output_router_logits: false,
  sliding_window: null, use_sliding_window: false, use_cache: true, bos_token_id: null, eos_token_id: 0, pad_token_id: 0,
}; // prettier-ignore

/** 2000 steps of 16 rows. The balance loss is the mean of each layer's, 0.01 times Switch Transformer's, which transformers' is K times. */
export const TRAINING = {
  steps: 2000, batchSize: 16, sequenceLength: ROW, learningRate: 3e-3, warmupSteps: 100, schedule: 'cosine', finalShare: 0.05,
  betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, auxiliary: { balance: 0.01 / CONFIG.num_experts_per_tok, balanceOver: 'layer' },
}; // prettier-ignore

/** Token ids of the given files below `text/`: documents in file order, each followed by `<|endoftext|>`, cut to whole rows. */
export function packedRows(...names) {
  const tokenizer = new Tokenizer(readModelFile('tokenizer.json'), readModelFile('tokenizer_config.json'));
  const end = tokenizer.token_to_id('<|endoftext|>');
  const stream = [];
  for (const name of names) {
    for (const line of readFileSync(join(ROOT, 'text', name), 'utf8').split('\n')) {
      if (line === '') continue;
      for (const id of tokenizer.encode(JSON.parse(line).text).ids) stream.push(id);
      stream.push(end);
    }
  }
  return Uint16Array.from(stream.slice(0, Math.floor(stream.length / ROW) * ROW));
}

function readModelFile(name) {
  return JSON.parse(readFileSync(join(MODEL, name), 'utf8'));
}

/** Rows to measure the loss on, by domain. */
export function heldOutRows() {
  return Object.fromEntries(Object.entries(EVALUATION_FILES).map(([domain, name]) => [domain, packedRows(name).subarray(0, EVALUATION_ROWS * ROW)]));
}

/** Packed rows of a domain's pretraining texts. */
export function domainRows(domain) {
  return packedRows(...readdirSync(join(ROOT, 'text/pretrain')).filter((name) => name.startsWith(domain)).sort().map((name) => `pretrain/${name}`));
}

/** `count` rows, each of a domain drawn by its share, each domain's in shuffled epochs. @returns `[count, ROW]` */
export function drawRows(count, seed = SEED) {
  const uniform = createUniform(seed);
  const pools = Object.entries(SHARES).map(([domain, share]) => ({ share, draw: shuffledRows(domainRows(domain), uniform) }));
  const out = new Uint16Array(count * ROW);
  for (let row = 0; row < count; row++) {
    let rest = uniform();
    const pool = pools.find(({ share }) => (rest -= share) < 0) ?? pools.at(-1);
    out.set(pool.draw(), row * ROW);
  }
  return out;
}

function shuffledRows(rows, uniform) {
  const total = rows.length / ROW;
  let order = [];
  return () => {
    if (order.length === 0) {
      order = Array.from({ length: total }, (_, index) => index);
      for (let last = total - 1; last > 0; last--) {
        const other = Math.floor(uniform() * (last + 1));
        [order[last], order[other]] = [order[other], order[last]];
      }
    }
    const row = order.pop();
    return rows.subarray(row * ROW, (row + 1) * ROW);
  };
}

/** mulberry32: quick, and good enough to shuffle rows. */
export function createUniform(seed) {
  let state = Number(seed) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Mean loss of each domain's held-out rows, nats per token. */
export async function evaluate(createEvaluator, checkpoint, rows) {
  const evaluator = await createEvaluator({ checkpoint, sequenceLength: ROW, batchSize: 16 });
  try {
    const losses = {};
    for (const [domain, tokens] of Object.entries(rows)) {
      const all = await evaluator.rowLosses(tokens);
      losses[domain] = all.reduce((sum, loss) => sum + loss, 0) / all.length;
    }
    return losses;
  } finally {
    await evaluator.close();
  }
}
