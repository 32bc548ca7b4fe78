/**
 * Routing in WebAssembly SIMD (AssemblyScript): the same steps and bits as `src/internal/routing-plain.ts`, for four tokens at a time, one in each lane.
 * `npm run wasm` in this package builds it into `src/internal/routing-wasm-bytes.ts`; a test builds it again and compares.
 *
 * What is ranked becomes one float64 per expert, unique within its token: the float32 as an integer that orders alike, plus (65,535 − id) / 2^16. Then the
 * top K is a chain of minimum and maximum without a branch, and ties go to the lower id by themselves.
 * @module
 */

/** Below every key: an empty rank, or an expert that is excluded. */
const NOTHING: f64 = -1e18;
/** Ranks that one pass keeps in registers. */
const PASS: i32 = 8;
const NEGATIVE_INFINITY: f32 = -f32.MAX_VALUE * 2;

// The rule, set by `prepare`.
let experts: i32 = 0;
let k: i32 = 0;
let sigmoid: bool = false;
let normalize: bool = false;
let biased: bool = false;
let scale: f64 = 1;
let groups: i32 = 0;
let kept: i32 = 0;
let sumsTwo: bool = false;
let zeroOutside: bool = false;

// Input and output of a batch, row-major.
let logits: usize = 0;
let ids: usize = 0;
let weights: usize = 0;
/** `[E]` */
let bias: usize = 0;

// One block of four tokens; `v128` entries hold one value for each.
/** `v128[E]`: logits */
let x: usize = 0;
/** `v128[E]`: scores */
let s: usize = 0;
/** `v128[E]`: what is ranked */
let c: usize = 0;
/** `[2][E]` pairs of float64 for tokens 0, 1 and 2, 3 */
let keys: usize = 0;
/** `[2][ranks]` pairs of float64: what the passes keep, best first; ranks are K or the kept groups, rounded up to whole passes */
let best: usize = 0;
/** `v128[K]`: logits, then exponentials or scores of the chosen */
let chosen: usize = 0;
/** `v128[groups]`: scores of groups, then their masks, all ones where kept */
let groupScores: usize = 0;
let groupMasks: usize = 0;
/** Where the rows of a last block that is not full come from and go to. */
let spareIds: usize = 0;
let spareWeights: usize = 0;

/** Flags of {@link prepare}. */
const SIGMOID: i32 = 1;
const NORMALIZE: i32 = 2;
const BIASED: i32 = 4;
const SUMS_TWO: i32 = 8;
const ZERO_OUTSIDE: i32 = 16;

/** Takes a rule and lays out the memory for batches of up to `maxTokens`; pointers that were asked for before are void. */
export function prepare(expertCount: i32, expertsPerToken: i32, flags: i32, factor: f64, groupCount: i32, keptCount: i32, maxTokens: i32): void {
  experts = expertCount;
  k = expertsPerToken;
  scale = factor;
  groups = groupCount;
  kept = keptCount;
  sigmoid = (flags & SIGMOID) != 0;
  normalize = (flags & NORMALIZE) != 0;
  biased = (flags & BIASED) != 0;
  sumsTwo = (flags & SUMS_TWO) != 0;
  zeroOutside = (flags & ZERO_OUTSIDE) != 0;
  const entries: usize = max(experts, groups);
  const ranks: usize = (max(k, kept) + PASS - 1) / PASS * PASS;
  let end = (__heap_base + 15) & ~15;
  logits = end;
  end += <usize>maxTokens * experts * 4;
  bias = end = align(end);
  end += <usize>experts * 4;
  x = end = align(end);
  s = end += <usize>experts * 16;
  c = end += <usize>experts * 16;
  keys = end += <usize>experts * 16;
  best = end += entries * 32;
  chosen = end += ranks * 32;
  groupScores = end += <usize>k * 16;
  groupMasks = end += <usize>groups * 16;
  weights = end += <usize>groups * 16;
  spareWeights = end += <usize>maxTokens * k * 4;
  ids = end += <usize>k * 4;
  spareIds = end += <usize>maxTokens * k * 2;
  end += <usize>k * 2;
  const pages = <i32>((end + 0xffff) >> 16);
  if (pages > memory.size()) memory.grow(pages - memory.size());
}

export function logitsPointer(): usize { return logits; }
export function biasPointer(): usize { return bias; }
export function idsPointer(): usize { return ids; }
export function weightsPointer(): usize { return weights; }

/** Routes `tokens` tokens. @returns −1, or the first token of the block of four in which one is refused; that block has no result. */
export function route(tokens: i32): i32 {
  for (let token = 0; token < tokens; token += 4) {
    const present = min(4, tokens - token);
    if (!loadBlock(token, present)) return token;
    if (biased || sumsTwo) fillScores();
    if (biased) addBias();
    if (groups > 0) chooseGroups();
    makeKeys();
    selectBest(experts, k);
    weigh(token, present);
  }
  return -1;
}

// @ts-ignore: decorator
@inline
function align(address: usize): usize {
  return (address + 15) & ~15;
}

/** The largest logit of each token of the block. */
let largest: v128 = i32x4(0, 0, 0, 0);

/** Transposes four rows into `x`. @returns whether all four are accepted */
function loadBlock(token: i32, present: i32): bool {
  const size = <usize>experts << 2;
  const row0 = logits + <usize>token * size;
  const row1 = present > 1 ? row0 + size : row0;
  const row2 = present > 2 ? row1 + size : row0;
  const row3 = present > 3 ? row2 + size : row0;
  const infinity = f32x4.splat(<f32>Infinity);
  let ok = i32x4.splat(-1);
  let most = f32x4.splat(NEGATIVE_INFINITY);
  const whole = size & ~15;
  let to = x;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const a = v128.load(row0 + at);
    const b = v128.load(row1 + at);
    const d = v128.load(row2 + at);
    const e = v128.load(row3 + at);
    ok = v128.and(ok, v128.and(v128.and(f32x4.lt(a, infinity), f32x4.lt(b, infinity)), v128.and(f32x4.lt(d, infinity), f32x4.lt(e, infinity))));
    const abLow = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const deLow = v128.shuffle<i32>(d, e, 0, 4, 1, 5);
    const deHigh = v128.shuffle<i32>(d, e, 2, 6, 3, 7);
    const x0 = v128.shuffle<i64>(abLow, deLow, 0, 2);
    const x1 = v128.shuffle<i64>(abLow, deLow, 1, 3);
    const x2 = v128.shuffle<i64>(abHigh, deHigh, 0, 2);
    const x3 = v128.shuffle<i64>(abHigh, deHigh, 1, 3);
    v128.store(to, x0);
    v128.store(to, x1, 16);
    v128.store(to, x2, 32);
    v128.store(to, x3, 48);
    most = f32x4.pmax(f32x4.pmax(most, f32x4.pmax(x0, x1)), f32x4.pmax(x2, x3));
    to += 64;
  }
  for (; at < size; at += 4) {
    const one = f32x4(load<f32>(row0 + at), load<f32>(row1 + at), load<f32>(row2 + at), load<f32>(row3 + at));
    ok = v128.and(ok, f32x4.lt(one, infinity));
    most = f32x4.pmax(most, one);
    v128.store(to, one);
    to += 16;
  }
  largest = most;
  return i32x4.all_true(ok) && i32x4.all_true(f32x4.gt(most, f32x4.splat(NEGATIVE_INFINITY)));
}

/** `exp32` of `src/internal/float32-exp.ts` in four lanes; 0 for NaN. */
// @ts-ignore: decorator
@inline
function exp(value: v128): v128 {
  const shifted = f32x4.add(f32x4.mul(value, f32x4.splat(1.4426950216293335)), f32x4.splat(12582912));
  const n = f32x4.sub(shifted, f32x4.splat(12582912));
  const r = f32x4.sub(f32x4.sub(value, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(-0.00021219444170128554)));
  let q = f32x4.add(f32x4.mul(f32x4.splat(0.0013814467238262296), r), f32x4.splat(0.008368780836462975));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.04166839271783829));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.1666651964187622));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(0.4999999403953552));
  const e = f32x4.add(f32x4.add(f32x4.mul(q, f32x4.mul(r, r)), r), f32x4.splat(1));
  // The low bits of `shifted` are n, so its shift by 23 is n in the place of the exponent.
  return v128.and(i32x4.add(e, i32x4.shl(shifted, 23)), f32x4.ge(value, f32x4.splat(-87.3)));
}

/** `sigmoid32` in four lanes. */
// @ts-ignore: decorator
@inline
function logistic(value: v128): v128 {
  const e = exp(f32x4.neg(f32x4.abs(value)));
  const numerator = v128.bitselect(f32x4.splat(1), e, f32x4.gt(value, f32x4.splat(0)));
  return f32x4.div(numerator, f32x4.add(f32x4.splat(1), e));
}

// @ts-ignore: decorator
@inline
function high(value: v128): v128 {
  return v128.shuffle<i64>(value, value, 1, 1);
}

/** Sums of exponentials of tokens 0, 1 and 2, 3. */
let sum01: v128 = i32x4(0, 0, 0, 0);
let sum23: v128 = i32x4(0, 0, 0, 0);

/** `Σ e^(x − largest)` by id; with `store`, the exponentials go to `s`. */
// @ts-ignore: decorator
@inline
function sumExponentials(store: bool): void {
  const most = largest;
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  for (let at: usize = 0, end = <usize>experts << 4; at < end; at += 16) {
    const e = exp(f32x4.sub(v128.load(x + at), most));
    if (store) v128.store(s + at, e);
    a = f64x2.add(a, f64x2.promote_low_f32x4(e));
    b = f64x2.add(b, f64x2.promote_low_f32x4(high(e)));
  }
  sum01 = a;
  sum23 = b;
}

/** `value / (sum01, sum23) · factor` in float64, rounded once. */
// @ts-ignore: decorator
@inline
function quotient(value: v128, low: v128, upper: v128, factor: v128): v128 {
  const a = f64x2.mul(f64x2.div(f64x2.promote_low_f32x4(value), low), factor);
  const b = f64x2.mul(f64x2.div(f64x2.promote_low_f32x4(high(value)), upper), factor);
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2);
}

function fillScores(): void {
  const end = <usize>experts << 4;
  if (sigmoid) {
    for (let at: usize = 0; at < end; at += 16) v128.store(s + at, logistic(v128.load(x + at)));
    return;
  }
  sumExponentials(true);
  for (let at: usize = 0; at < end; at += 16) v128.store(s + at, quotient(v128.load(s + at), sum01, sum23, f64x2.splat(1)));
}

/** `c = s + bias`, −∞ where the logit is. */
function addBias(): void {
  const masked = f32x4.splat(NEGATIVE_INFINITY);
  for (let expert = 0; expert < experts; expert++) {
    const at = <usize>expert << 4;
    const sum = f32x4.add(v128.load(s + at), f32x4.splat(load<f32>(bias + (<usize>expert << 2))));
    v128.store(c + at, v128.bitselect(sum, masked, f32x4.gt(v128.load(x + at), masked)));
  }
}

/** Scores the groups and sets `groupMasks`. */
function chooseGroups(): void {
  const size = experts / groups;
  const masked = f32x4.splat(NEGATIVE_INFINITY);
  const values = biased ? c : sumsTwo ? s : x;
  let at: usize = 0;
  for (let group = 0; group < groups; group++) {
    let first = masked;
    let second = masked;
    for (let member = 0; member < size; member++, at += 16) {
      const value = v128.bitselect(v128.load(values + at), masked, f32x4.gt(v128.load(x + at), masked));
      second = f32x4.pmax(second, f32x4.pmin(first, value));
      first = f32x4.pmax(first, value);
    }
    if (sumsTwo) first = v128.bitselect(f32x4.add(first, second), first, f32x4.gt(second, masked));
    storeKey(<usize>group, <usize>groups, first);
    v128.store(groupMasks + (<usize>group << 4), i32x4.splat(0));
  }
  selectBest(groups, kept);
  for (let rank = 0; rank < kept; rank++) {
    const found = decodeIds(rank, kept);
    store<i32>(groupMasks + (<usize>i32x4.extract_lane(found, 0) << 4), -1);
    store<i32>(groupMasks + (<usize>i32x4.extract_lane(found, 1) << 4) + 4, -1);
    store<i32>(groupMasks + (<usize>i32x4.extract_lane(found, 2) << 4) + 8, -1);
    store<i32>(groupMasks + (<usize>i32x4.extract_lane(found, 3) << 4) + 12, -1);
  }
}

/** A float32 as the int32 that orders alike, −0 as 0. */
// @ts-ignore: decorator
@inline
function ordered(value: v128): v128 {
  const canonical = f32x4.add(value, f32x4.splat(0));
  return v128.xor(canonical, i32x4.shr_u(i32x4.shr_s(canonical, 31), 1));
}

// @ts-ignore: decorator
@inline
function storeKey(id: usize, count: usize, value: v128): void {
  const order = ordered(value);
  const rest = f64x2.splat(<f64>(65535 - <i32>id) / 65536);
  v128.store(keys + (id << 4), f64x2.add(f64x2.convert_low_i32x4_s(order), rest));
  v128.store(keys + ((count + id) << 4), f64x2.add(f64x2.convert_low_i32x4_s(high(order)), rest));
}

function makeKeys(): void {
  const values = biased ? c : x;
  const count = <usize>experts;
  if (groups == 0) {
    for (let expert: usize = 0; expert < count; expert++) storeKey(expert, count, v128.load(values + (expert << 4)));
    return;
  }
  const size = <usize>(experts / groups);
  const masked = f32x4.splat(NEGATIVE_INFINITY);
  const nothing = f64x2.splat(NOTHING);
  let expert: usize = 0;
  for (let group: usize = 0; group < <usize>groups; group++) {
    const mask = v128.load(groupMasks + (group << 4));
    for (const end = expert + size; expert < end; expert++) {
      const value = v128.load(values + (expert << 4));
      const zeroed = biased ? v128.bitselect(f32x4.splat(0), masked, f32x4.gt(value, masked)) : masked;
      storeKey(expert, count, v128.bitselect(value, zeroed, mask));
      if (zeroOutside) continue;
      const low = keys + (expert << 4);
      const upper = keys + ((count + expert) << 4);
      v128.store(low, v128.bitselect(v128.load(low), nothing, i64x2.extend_low_i32x4_s(mask)));
      v128.store(upper, v128.bitselect(v128.load(upper), nothing, i64x2.extend_high_i32x4_s(mask)));
    }
  }
}

/** The `count` best of `entries` keys, for each token, into `best`. Passes of up to 8 ranks; each leaves what it does not keep to the next. */
function selectBest(entries: i32, count: i32): void {
  const ranks = <usize>roundUp(count);
  for (let half: usize = 0; half < 2; half++) {
    const from = keys + ((half * entries) << 4);
    let to = best + ((half * ranks) << 4);
    for (let left = count; left > 0; left -= PASS, to += PASS << 4) {
      if (left <= 2) keepTwo(from, entries, to);
      else if (left <= 4) keepFour(from, entries, to);
      else if (left <= 6) keepSix(from, entries, to);
      else keepEight(from, entries, to, left > PASS);
    }
  }
}

// @ts-ignore: decorator
@inline
function roundUp(count: i32): i32 {
  return (count + PASS - 1) / PASS * PASS;
}

/** The four that follow are one function for four lengths, written out, so that the ranks stay in registers. */
function keepTwo(from: usize, entries: i32, to: usize): void {
  let r0 = f64x2.splat(NOTHING);
  let r1 = r0;
  for (const end = from + (<usize>entries << 4); from < end; from += 16) {
    const key = v128.load(from);
    const a = f64x2.pmin(r0, key);
    r0 = f64x2.pmax(r0, key);
    r1 = f64x2.pmax(r1, a);
  }
  v128.store(to, r0);
  v128.store(to, r1, 16);
}

function keepFour(from: usize, entries: i32, to: usize): void {
  let r0 = f64x2.splat(NOTHING);
  let r1 = r0;
  let r2 = r0;
  let r3 = r0;
  for (const end = from + (<usize>entries << 4); from < end; from += 16) {
    const key = v128.load(from);
    const a = f64x2.pmin(r0, key);
    r0 = f64x2.pmax(r0, key);
    const b = f64x2.pmin(r1, a);
    r1 = f64x2.pmax(r1, a);
    const d = f64x2.pmin(r2, b);
    r2 = f64x2.pmax(r2, b);
    r3 = f64x2.pmax(r3, d);
  }
  v128.store(to, r0);
  v128.store(to, r1, 16);
  v128.store(to, r2, 32);
  v128.store(to, r3, 48);
}

function keepSix(from: usize, entries: i32, to: usize): void {
  let r0 = f64x2.splat(NOTHING);
  let r1 = r0;
  let r2 = r0;
  let r3 = r0;
  let r4 = r0;
  let r5 = r0;
  for (const end = from + (<usize>entries << 4); from < end; from += 16) {
    const key = v128.load(from);
    const a = f64x2.pmin(r0, key);
    r0 = f64x2.pmax(r0, key);
    const b = f64x2.pmin(r1, a);
    r1 = f64x2.pmax(r1, a);
    const d = f64x2.pmin(r2, b);
    r2 = f64x2.pmax(r2, b);
    const e = f64x2.pmin(r3, d);
    r3 = f64x2.pmax(r3, d);
    const f = f64x2.pmin(r4, e);
    r4 = f64x2.pmax(r4, e);
    r5 = f64x2.pmax(r5, f);
  }
  v128.store(to, r0);
  v128.store(to, r1, 16);
  v128.store(to, r2, 32);
  v128.store(to, r3, 48);
  v128.store(to, r4, 64);
  v128.store(to, r5, 80);
}

/** With `pass`, what falls out at the end takes the place of the key that came. */
function keepEight(from: usize, entries: i32, to: usize, pass: bool): void {
  let r0 = f64x2.splat(NOTHING);
  let r1 = r0;
  let r2 = r0;
  let r3 = r0;
  let r4 = r0;
  let r5 = r0;
  let r6 = r0;
  let r7 = r0;
  for (const end = from + (<usize>entries << 4); from < end; from += 16) {
    const key = v128.load(from);
    const a = f64x2.pmin(r0, key);
    r0 = f64x2.pmax(r0, key);
    const b = f64x2.pmin(r1, a);
    r1 = f64x2.pmax(r1, a);
    const d = f64x2.pmin(r2, b);
    r2 = f64x2.pmax(r2, b);
    const e = f64x2.pmin(r3, d);
    r3 = f64x2.pmax(r3, d);
    const f = f64x2.pmin(r4, e);
    r4 = f64x2.pmax(r4, e);
    const g = f64x2.pmin(r5, f);
    r5 = f64x2.pmax(r5, f);
    const h = f64x2.pmin(r6, g);
    r6 = f64x2.pmax(r6, g);
    if (pass) v128.store(from, f64x2.pmin(r7, h));
    r7 = f64x2.pmax(r7, h);
  }
  v128.store(to, r0);
  v128.store(to, r1, 16);
  v128.store(to, r2, 32);
  v128.store(to, r3, 48);
  v128.store(to, r4, 64);
  v128.store(to, r5, 80);
  v128.store(to, r6, 96);
  v128.store(to, r7, 112);
}

/** Ids of one rank of `best`, four int32. */
// @ts-ignore: decorator
@inline
function decodeIds(rank: i32, count: i32): v128 {
  const at = best + (<usize>rank << 4);
  const low = fraction(v128.load(at));
  const upper = fraction(v128.load(at + (<usize>roundUp(count) << 4)));
  return i32x4.sub(i32x4.splat(65535), v128.shuffle<i64>(low, upper, 0, 2));
}

// @ts-ignore: decorator
@inline
function fraction(key: v128): v128 {
  return i32x4.trunc_sat_f64x2_s_zero(f64x2.mul(f64x2.sub(key, f64x2.floor(key)), f64x2.splat(65536)));
}

/** Ids and weights of the block, written to the rows of those tokens that are there. */
function weigh(token: i32, present: i32): void {
  let reference = gather(token, present);
  if (!normalize) reference = largest;
  if (!sigmoid && !normalize && !biased && !sumsTwo) sumExponentials(false);
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  for (let at = chosen, end = chosen + (<usize>k << 4); at < end; at += 16) {
    const logit = v128.load(at);
    const score = sigmoid ? logistic(logit) : exp(f32x4.sub(logit, reference));
    v128.store(at, score);
    a = f64x2.add(a, f64x2.promote_low_f32x4(score));
    b = f64x2.add(b, f64x2.promote_low_f32x4(high(score)));
  }
  if (normalize) {
    a = f64x2.add(a, f64x2.splat(1e-20));
    b = f64x2.add(b, f64x2.splat(1e-20));
  } else {
    a = sigmoid ? f64x2.splat(1) : sum01;
    b = sigmoid ? f64x2.splat(1) : sum23;
  }
  const factor = f64x2.splat(scale);
  const size = <usize>k << 2;
  const row0 = weights + <usize>token * size;
  const row1 = present > 1 ? row0 + size : spareWeights;
  const row2 = present > 2 ? row1 + size : spareWeights;
  const row3 = present > 3 ? row2 + size : spareWeights;
  for (let rank: usize = 0; rank < <usize>k; rank++) {
    const result = quotient(v128.load(chosen + (rank << 4)), a, b, factor);
    v128.store_lane<f32>(row0 + (rank << 2), result, 0);
    v128.store_lane<f32>(row1 + (rank << 2), result, 1);
    v128.store_lane<f32>(row2 + (rank << 2), result, 2);
    v128.store_lane<f32>(row3 + (rank << 2), result, 3);
  }
}

/** Writes the ids, and the logits of the chosen to `chosen`, −∞ where softmax counts an expert outside of the kept groups as 0. @returns the largest of each token */
function gather(token: i32, present: i32): v128 {
  const zeroes = groups > 0 && zeroOutside && !sigmoid;
  const size = zeroes ? <u32>(experts / groups) : 1;
  const width = <usize>k << 1;
  const row0 = ids + <usize>token * width;
  const row1 = present > 1 ? row0 + width : spareIds;
  const row2 = present > 2 ? row1 + width : spareIds;
  const row3 = present > 3 ? row2 + width : spareIds;
  const masked = f32x4.splat(NEGATIVE_INFINITY);
  let most = masked;
  for (let rank: usize = 0; rank < <usize>k; rank++) {
    const found = decodeIds(<i32>rank, k);
    const id0 = i32x4.extract_lane(found, 0);
    const id1 = i32x4.extract_lane(found, 1);
    const id2 = i32x4.extract_lane(found, 2);
    const id3 = i32x4.extract_lane(found, 3);
    store<u16>(row0 + (rank << 1), <u16>id0);
    store<u16>(row1 + (rank << 1), <u16>id1);
    store<u16>(row2 + (rank << 1), <u16>id2);
    store<u16>(row3 + (rank << 1), <u16>id3);
    let logit = lanes(x, id0, id1, id2, id3);
    if (zeroes) logit = v128.bitselect(logit, masked, lanes(groupMasks, id0 / size, id1 / size, id2 / size, id3 / size));
    most = f32x4.pmax(most, logit);
    v128.store(chosen + (rank << 4), logit);
  }
  return most;
}

/** One lane from each of four entries of a `v128` array. */
// @ts-ignore: decorator
@inline
function lanes(array: usize, e0: u32, e1: u32, e2: u32, e3: u32): v128 {
  let result = v128.load32_zero(array + (<usize>e0 << 4));
  result = v128.load_lane<u32>(array + (<usize>e1 << 4) + 4, result, 1);
  result = v128.load_lane<u32>(array + (<usize>e2 << 4) + 8, result, 2);
  return v128.load_lane<u32>(array + (<usize>e3 << 4) + 12, result, 3);
}
