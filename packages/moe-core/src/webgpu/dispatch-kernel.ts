/**
 * The WGSL that sorts assignments by expert: a counting sort whose result does not depend on which thread comes first.
 *
 * The score kernel has counted per expert and workgroup of 64 tokens. `scanChunks` turns each expert's row of that histogram into exclusive prefix sums, `scanExperts`
 * does the same with the experts' totals, and `place` adds to both the assignment's rank among the 64 tokens: the number of lower bits in the set of those that chose
 * the same expert. Atomics only ever gather such sets, in which order leaves no trace.
 * @module
 */
import type { RoutingRule } from '../routing/routing-rule.ts';
import { TOKENS_PER_WORKGROUP } from './score-kernel.ts';

/** Threads of a scan: what every device allows. */
export const SCAN_THREADS = 256;

/**
 * Bindings of group 0: ids `[T, K]`, histogram `[E, ceil(T / 64)]`, counts `[E]`, offsets `[E + 1]`, order `[T · K]`, positions `[T, K]`. T comes from the size of
 * the bound ids.
 */
export function dispatchKernel({ experts, expertsPerToken }: RoutingRule): string {
  return `
const EXPERTS = ${experts}u;
const TOP = ${expertsPerToken}u;
const TOKENS = ${TOKENS_PER_WORKGROUP}u;
const THREADS = ${SCAN_THREADS}u;
${DISPATCH}`;
}

const DISPATCH = `
@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read_write> histogram: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> offsets: array<u32>;
@group(0) @binding(4) var<storage, read_write> order: array<u32>;
@group(0) @binding(5) var<storage, read_write> positions: array<u32>;

var<workgroup> sums: array<u32, THREADS>;
var<workgroup> members: array<atomic<u32>, 2u * EXPERTS>;

fn countChunks() -> u32 {
  return (arrayLength(&ids) / TOP + TOKENS - 1u) / TOKENS;
}

// Leaves in sums[lane] the sum of the values of the lanes up to this one.
fn scanWorkgroup(value: u32, lane: u32) {
  sums[lane] = value;
  workgroupBarrier();
  for (var step = 1u; step < THREADS; step *= 2u) {
    var left = 0u;
    if (lane >= step) { left = sums[lane - step]; }
    workgroupBarrier();
    sums[lane] += left;
    workgroupBarrier();
  }
}

@compute @workgroup_size(THREADS)
fn scanChunks(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let expert = workgroup.x;
  let chunks = countChunks();
  var carry = 0u;
  for (var first = 0u; first < chunks; first += THREADS) {
    let chunk = first + lane;
    var value = 0u;
    if (chunk < chunks) { value = histogram[expert * chunks + chunk]; }
    scanWorkgroup(value, lane);
    if (chunk < chunks) { histogram[expert * chunks + chunk] = carry + sums[lane] - value; }
    carry += sums[THREADS - 1u];
    workgroupBarrier();
  }
  if (lane == 0u) { counts[expert] = carry; }
}

@compute @workgroup_size(THREADS)
fn scanExperts(@builtin(local_invocation_index) lane: u32) {
  var carry = 0u;
  for (var first = 0u; first < EXPERTS; first += THREADS) {
    let expert = first + lane;
    var value = 0u;
    if (expert < EXPERTS) { value = counts[expert]; }
    scanWorkgroup(value, lane);
    if (expert < EXPERTS) { offsets[expert] = carry + sums[lane] - value; }
    carry += sums[THREADS - 1u];
    workgroupBarrier();
  }
  if (lane == 0u) { offsets[EXPERTS] = carry; }
}

@compute @workgroup_size(TOKENS)
fn place(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tokens = arrayLength(&ids) / TOP;
  let chunks = countChunks();
  let chunk = workgroup.x + workgroup.y * workgroups.x;
  let token = chunk * TOKENS + lane;
  if (token < tokens) {
    for (var rank = 0u; rank < TOP; rank += 1u) {
      atomicOr(&members[2u * ids[token * TOP + rank] + lane / 32u], 1u << (lane % 32u));
    }
  }
  workgroupBarrier();
  if (token >= tokens) { return; }
  let below = (1u << (lane % 32u)) - 1u;
  for (var rank = 0u; rank < TOP; rank += 1u) {
    let assignment = token * TOP + rank;
    let expert = ids[assignment];
    var before = countOneBits(atomicLoad(&members[2u * expert + lane / 32u]) & below);
    if (lane >= 32u) { before += countOneBits(atomicLoad(&members[2u * expert])); }
    let position = offsets[expert] + histogram[expert * chunks + chunk] + before;
    order[position] = assignment;
    positions[assignment] = position;
  }
}`;
