/**
 * The WGSL that turns logits into experts and weights, written for one {@link RoutingRule}: `routeTokens` with a thread per token.
 *
 * A workgroup takes 64 tokens. It brings their logits into workgroup memory 16 experts at a time, so that global reads are coalesced, and then each thread walks its
 * own row with a running list of the best K in registers. That is at most the E · K comparisons of a workgroup that looks for the maximum of one token K times, without
 * the reduction and the barriers between them; most experts fail the first comparison; and no subgroups are needed. What it gives up is latency where there are few
 * tokens: 64 of them are one workgroup.
 *
 * Logits are compared as integers (see `toKey`), which is exact, and keeps NaN and ±∞ out of float arithmetic: WGSL lets an implementation assume that there
 * are none. Each list is unrolled, because an array that is indexed by a variable would leave the registers.
 * @see https://www.w3.org/TR/WGSL/#floating-point-evaluation
 * @module
 */
import { NORMALIZER_FLOOR } from '../internal/routing-plain.ts';
import type { RoutingRule } from '../routing/routing-rule.ts';

/** Tokens of a workgroup, one a thread; two words of bits hold a set of them. Every device allows 256 threads. */
export const TOKENS_PER_WORKGROUP = 64;
/** Experts that are in workgroup memory at once; a row has one word more, so that 64 threads in one column meet 32 different banks. */
const TILE_EXPERTS = 16;
const TILE_STRIDE: number = TILE_EXPERTS + 1;

/** Longer lists would leave the registers of most GPUs. */
export const MAX_LIST = 32;

/** Bytes of workgroup memory that both kernels together ask for at most: the tile, and two words of tokens per expert. */
export function workgroupBytes(experts: number): number {
  return 4 * (TOKENS_PER_WORKGROUP * TILE_STRIDE + 2 * experts);
}

/** The rule with its defaults, as the fragments need it. */
interface Plan {
  readonly rule: RoutingRule;
  readonly sigmoid: boolean;
  /** Whether a selection bias is added to the scores that choose. */
  readonly biased: boolean;
}

/**
 * Bindings of group 0: logits `[T, E]` (as bits), bias `[E]`, ids `[T, K]`, weights `[T, K]`, histogram `[E, ceil(T / 64)]` (tokens of each expert in each
 * workgroup), flag (0, or the complement of the first element of logits that is refused). T comes from the size of the bound logits.
 */
export function scoreKernel(rule: RoutingRule, { biased }: { readonly biased: boolean }): string {
  const plan: Plan = { rule, sigmoid: rule.scoring === 'sigmoid', biased };
  return [constants(rule), BINDINGS, FUNCTIONS, rankFunction(plan), entryPoint(plan)].join('\n');
}

function constants({ experts, expertsPerToken, scale = 1, groups }: RoutingRule): string {
  return `
const EXPERTS = ${experts}u;
const TOP = ${expertsPerToken}u;
const GROUP_SIZE = ${experts / (groups?.count ?? 1)}u;
const SCALE = ${floatLiteral(scale)};
const NORMALIZER_FLOOR = ${floatLiteral(NORMALIZER_FLOOR)};
const TOKENS = ${TOKENS_PER_WORKGROUP}u;
const TILE = ${TILE_EXPERTS}u;
const STRIDE = ${TILE_STRIDE}u;
// Keys: of −∞, which masks an expert; of the least of what is not finite above it. Below MASKED are the NaN with a sign.
const MASKED = 0x007fffffu;
const INFINITE = 0xff800000u;
const NONE = 0xffffffffu;`;
}

/** The shortest decimal that reads as this float32. Not bits: Naga (Firefox, Deno) evaluates no `bitcast` in a constant. */
function floatLiteral(value: number): string {
  return `${Math.fround(value)}f`;
}

const BINDINGS = `
@group(0) @binding(0) var<storage, read> logits: array<u32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> histogram: array<u32>;
@group(0) @binding(5) var<storage, read_write> flag: atomic<u32>;

var<workgroup> tile: array<u32, TOKENS * STRIDE>;
// For each expert the set of the workgroup's tokens that chose it, as 64 bits: the order of the threads leaves no trace in it.
var<workgroup> members: array<atomic<u32>, 2u * EXPERTS>;`;

/**
 * `exponential` and `sigmoid` are `exp32` and `sigmoid32` of internal/float32-exp.ts, but that a device may fuse products with sums: WGSL's own exp may be off by
 * 3 + 2|x| units in the last place.
 */
const FUNCTIONS = `
// Order-preserving: a < b as floats exactly where toKey(a) < toKey(b); −0 becomes 0.
fn toKey(bits: u32) -> u32 {
  if (bits == 0x80000000u) { return bits; }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

// NaN and +∞ are reported, and routed as if they were masked.
fn maskRefused(key: u32) -> u32 {
  return select(key, MASKED, key >= INFINITE || key < MASKED);
}

fn fromKey(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}

// e^x for x from −88 to 0.
fn exponential(x: f32) -> f32 {
  if (x < -87.3) { return 0.0; }
  let n = round(x * 1.4426950216293335);
  let r = (x - n * 0.693359375) + n * 0.00021219444170128554;
  let q = (((0.0013814467238262296 * r + 0.008368780836462975) * r + 0.04166839271783829) * r + 0.1666651964187622) * r + 0.4999999403953552;
  return ((q * (r * r) + r) + 1.0) * bitcast<f32>(u32(i32(n) + 127) << 23u);
}

// e^(x − largest), 0 for a masked expert. Halves first: their difference cannot overflow.
fn softmaxTerm(key: u32, largest: f32) -> f32 {
  let x = fromKey(key);
  if (key == MASKED || 0.5 * x - 0.5 * largest < -44.0) { return 0.0; }
  return exponential(min(x - largest, 0.0));
}

fn sigmoid(key: u32) -> f32 {
  if (key == MASKED) { return 0.0; }
  let x = fromKey(key);
  let e = exponential(-min(abs(x), 88.0));
  return select(e, 1.0, x > 0.0) / (1.0 + e);
}

fn loadTile(first_token: u32, first_expert: u32, tokens: u32, lane: u32) {
  workgroupBarrier();
  for (var item = lane; item < TOKENS * TILE; item += TOKENS) {
    let token = first_token + item / TILE;
    let expert = first_expert + item % TILE;
    if (token < tokens && expert < EXPERTS) {
      tile[(item / TILE) * STRIDE + item % TILE] = toKey(logits[token * EXPERTS + expert]);
    }
  }
  workgroupBarrier();
}`;

/** What an expert is ranked by: its logit, or its score and the bias. */
function rankFunction({ sigmoid, biased }: Plan): string {
  if (!biased) return '\nfn rankOf(key: u32, expert: u32, largest: f32, sum: f32) -> u32 { return key; }';
  return `
fn rankOf(key: u32, expert: u32, largest: f32, sum: f32) -> u32 {
  if (key == MASKED) { return MASKED; }
  return toKey(bitcast<u32>(${sigmoid ? 'sigmoid(key)' : 'softmaxTerm(key, largest) / sum'} + bias[expert]));
}`;
}

/** The parameters of WGSL's entry point are its builtins. */
function entryPoint(plan: Plan): string {
  const { groups } = plan.rule;
  return `
@compute @workgroup_size(TOKENS)
fn route(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tokens = arrayLength(&logits) / EXPERTS;
  let chunk = workgroup.x + workgroup.y * workgroups.x;
  let token = chunk * TOKENS + lane;
  let row = token * EXPERTS;
  var refused = NONE;
  var largest_key = MASKED;
  var largest = 0.0;
  var sum = 0.0;
  var keys: array<u32, ${plan.rule.expertsPerToken}>;
  var picks: array<u32, ${plan.rule.expertsPerToken}>;
  ${groups === undefined ? '' : groupVariables(groups.kept)}
  ${planPasses(plan).map((steps) => pass(plan, steps)).join('')}
  if (token < tokens) {
    ${weigh(plan)}
  }
  workgroupBarrier();
  let chunks = (tokens + TOKENS - 1u) / TOKENS;
  if (chunk < chunks) {
    for (var expert = lane; expert < EXPERTS; expert += TOKENS) {
      histogram[expert * chunks + chunk] = countOneBits(atomicLoad(&members[2u * expert])) + countOneBits(atomicLoad(&members[2u * expert + 1u]));
    }
  }
}`;
}

function groupVariables(kept: number): string {
  return `var group_keys: array<u32, ${kept}>;
  var kept: array<u32, ${kept}>;
  var first = MASKED;
  var second = MASKED;
  var inside = true;`;
}

type Step = 'inspect' | 'sum' | 'group' | 'insert';

/** Which steps walk the row together: a step that needs what another one finds over the whole row waits for the next pass. */
function planPasses({ rule, sigmoid, biased }: Plan): readonly (readonly Step[])[] {
  const { groups, normalizeTopK } = rule;
  const sum: readonly Step[] = !sigmoid && (biased || !normalizeTopK) ? ['sum'] : [];
  const choose: readonly (readonly Step[])[] = groups === undefined ? [['insert']] : [['group'], ['insert']];
  // A softmax among the ranks waits for the largest logit, and beside a bias for the sum too; other ranks wait for nothing.
  if (!sigmoid && biased) return [['inspect'], sum, ...choose];
  if (!sigmoid && groups?.score === 'top2-sum') return [['inspect'], ['group'], ['insert', ...sum]];
  const [first, ...later] = choose;
  if (later.length > 0) return [['inspect', ...first!], ['insert', ...sum]];
  return sum.length > 0 ? [['inspect', ...first!], sum] : [['inspect', ...first!]];
}

function pass(plan: Plan, steps: readonly Step[]): string {
  return `
  for (var first_expert = 0u; first_expert < EXPERTS; first_expert += TILE) {
    loadTile(chunk * TOKENS, first_expert, tokens, lane);
    var partial = 0.0;
    for (var column = 0u; column < min(TILE, EXPERTS - first_expert); column += 1u) {
      let expert = first_expert + column;
      var key = tile[lane * STRIDE + column];
      ${steps.includes('inspect') ? INSPECT : 'key = maskRefused(key);'}
      ${steps.map((step) => fragment(plan, step)).join('\n      ')}
    }
    sum += partial;
  }
  ${steps.includes('inspect') ? 'largest = fromKey(max(largest_key, MASKED + 1u));' : ''}`;
}

const INSPECT = `if (key != maskRefused(key)) { refused = min(refused, expert); }
      key = maskRefused(key);
      largest_key = max(largest_key, key);`;

function fragment(plan: Plan, step: Step): string {
  switch (step) {
    case 'inspect':
      return '';
    case 'sum':
      // Per tile, then over tiles: the error of a float32 sum grows with the number of its terms.
      return 'partial += softmaxTerm(key, largest);';
    case 'group':
      return scoreGroup(plan);
    case 'insert':
      return insertExpert(plan);
  }
}

/** The two largest ranks of a run of experts, masked ones aside; at its end the group goes into the list of kept ones. */
function scoreGroup({ rule, sigmoid, biased }: Plan): string {
  const { kept, score } = rule.groups!;
  const scored = `toKey(bitcast<u32>(${sigmoid ? 'sigmoid(key)' : 'softmaxTerm(key, largest)'}))`;
  const value = score === 'top2-sum' && !biased ? `select(${scored}, MASKED, key == MASKED)` : 'rankOf(key, expert, largest, sum)';
  const total = score === 'max' ? 'first' : 'select(toKey(bitcast<u32>(fromKey(max(first, MASKED + 1u)) + fromKey(max(second, MASKED + 1u)))), first, second == MASKED)';
  return `let value = ${value};
      second = max(second, min(first, value));
      first = max(first, value);
      if ((expert + 1u) % GROUP_SIZE == 0u) {
        let group_key = ${total};
        ${insertion({ keys: 'group_keys', values: 'kept', size: kept, key: 'group_key', value: 'expert / GROUP_SIZE' })}
        first = MASKED;
        second = MASKED;
      }`;
}

function insertExpert({ rule, biased }: Plan): string {
  const insert = insertion({ keys: 'keys', values: 'picks', size: rule.expertsPerToken, key: 'rank', value: 'expert' });
  if (rule.groups === undefined) return `let rank = rankOf(key, expert, largest, sum);\n      ${insert}`;
  // The key of 0 is 2^31. Without a bias 0 is the least that a score can be: such an expert comes after all that are inside.
  const outside = biased ? 'select(0x80000000u, MASKED, key == MASKED)' : 'MASKED';
  const enter = `if (expert % GROUP_SIZE == 0u) { inside = ${isKept('expert / GROUP_SIZE', rule.groups.kept)}; }`;
  if (rule.groups.outside === 'zero') return `${enter}\n      let rank = select(${outside}, rankOf(key, expert, largest, sum), inside);\n      ${insert}`;
  return `${enter}\n      if (inside) {\n        let rank = rankOf(key, expert, largest, sum);\n        ${insert}\n      }`;
}

function isKept(group: string, kept: number): string {
  return Array.from({ length: kept }, (_, index) => `kept[${index}] == ${group}`).join(' || ');
}

/**
 * Puts a key into a list by falling key, from the end, where it is strictly greater: an equal one stays behind the lower id that is there. Lists begin as zeros,
 * which are below every key that comes.
 */
function insertion({ keys, values, size, key, value }: { keys: string; values: string; size: number; key: string; value: string }): string {
  const lines = [`if (${key} > ${keys}[${size - 1}]) {`];
  for (let index = size - 1; index > 0; index--) {
    lines.push(`  if (${key} > ${keys}[${index - 1}]) { ${keys}[${index}] = ${keys}[${index - 1}]; ${values}[${index}] = ${values}[${index - 1}]; }`);
    lines.push(`  else if (${key} > ${keys}[${index}]) { ${keys}[${index}] = ${key}; ${values}[${index}] = ${value}; }`);
  }
  lines.push(`  if (${key} > ${keys}[0]) { ${keys}[0] = ${key}; ${values}[0] = ${value}; }`, '}');
  return lines.join('\n      ');
}

/** Step 4 of `routeTokens`, and the token's bit in the sets of its experts. */
function weigh({ rule, sigmoid }: Plan): string {
  const ranks = Array.from({ length: rule.expertsPerToken }, (_, rank) => rank);
  const zeroed = (rank: number): string => (rule.groups === undefined || sigmoid ? 'false' : `!(${isKept(`picks[${rank}] / GROUP_SIZE`, rule.groups.kept)})`);
  // What the row holds of the chosen, not what they were ranked by.
  const chosenKey = (rank: number): string => `let key_${rank} = select(maskRefused(toKey(logits[row + picks[${rank}]])), MASKED, ${zeroed(rank)});`;
  const reference = rule.normalizeTopK ? `fromKey(max(MASKED + 1u, ${ranks.map((rank) => `key_${rank}`).reduce((a, b) => `max(${a}, ${b})`)}))` : 'largest';
  const score = (rank: number): string => (sigmoid ? `sigmoid(key_${rank})` : `softmaxTerm(key_${rank}, reference)`);
  const denominator = rule.normalizeTopK ? `${ranks.map((rank) => `score_${rank}`).join(' + ')} + NORMALIZER_FLOOR` : sigmoid ? '1.0' : 'sum';
  return [
    ...ranks.map(chosenKey),
    `let reference = ${reference};`,
    ...ranks.map((rank) => `let score_${rank} = ${score(rank)};`),
    `let factor = select(SCALE, 0.0, refused != NONE || largest_key == MASKED);`,
    `let denominator = ${denominator};`,
    ...ranks.map((rank) => `ids[token * TOP + ${rank}u] = picks[${rank}]; weights[token * TOP + ${rank}u] = select(score_${rank} / denominator * factor, 0.0, factor == 0.0);`),
    ...ranks.map((rank) => `atomicOr(&members[2u * picks[${rank}] + lane / 32u], 1u << (lane % 32u));`),
    'if (refused != NONE) { atomicMax(&flag, ~(row + refused)); } else if (largest_key == MASKED) { atomicMax(&flag, ~row); }',
  ].join('\n    ');
}
