/**
 * The WebAssembly kernel as this package sees it: compiled on first use, one instance per router, four tokens at a time.
 * @module
 */
import type { RoutingOptions, RoutingRule } from '../routing/routing-rule.ts';
import { assertLogits, type RoutingBatch, type RoutingKernel } from './routing-kernel.ts';
import { ROUTING_WASM } from './routing-wasm-bytes.ts';

/** What `wasm/routing.ts` exports; pointers are byte offsets. */
interface RoutingExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  prepare(experts: number, expertsPerToken: number, flags: number, scale: number, groups: number, kept: number, maxTokens: number): void;
  logitsPointer(): number;
  biasPointer(): number;
  idsPointer(): number;
  weightsPointer(): number;
  route(tokens: number): number;
}

/** The part of `WebAssembly` that is used, typed here: neither lib ES2023 nor every host has it. */
interface WebAssemblyHost {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** Logits that are copied in at once: they stay in the first-level cache beside what the kernel makes of them. */
const CHUNK_VALUES = 4096;

const FLAGS = { sigmoid: 1, normalize: 2, biased: 4, sumsTwo: 8, zeroOutside: 16 };

/** `undefined` before the first use, `null` where it cannot be compiled. */
let compiled: object | null | undefined;

/** A kernel for one rule at a time; `prepare` changes the rule. */
export interface WasmKernel extends RoutingKernel {
  /** @param rule one that has passed `assertRoutingRule`, with its options */
  prepare(rule: RoutingRule, options: RoutingOptions): void;
}

/** A new instance, or `undefined` where the host has no WebAssembly SIMD, or forbids to compile. */
export function createWasmKernel(): WasmKernel | undefined {
  const { WebAssembly } = globalThis as { readonly WebAssembly?: WebAssemblyHost };
  if (WebAssembly === undefined) return undefined;
  if (compiled === undefined) compiled = compile(WebAssembly);
  if (compiled === null) return undefined;
  const exports = new WebAssembly.Instance(compiled, {}).exports as RoutingExports;
  let memory: KernelMemory | undefined;
  return {
    prepare: (rule, options) => void (memory = layOut(exports, rule, options)),
    route: (batch) => routeInChunks(exports, memory!, batch),
  };
}

function compile(WebAssembly: WebAssemblyHost): object | null {
  try {
    return new WebAssembly.Module(Uint8Array.from(atob(ROUTING_WASM), (character) => character.charCodeAt(0)));
  } catch {
    // No SIMD, a content security policy, or a browser that wants large modules compiled elsewhere: the plain kernel gives the same bits.
    return null;
  }
}

/** Views of the instance's memory; they hold for as long as `prepare` is not called again. */
interface KernelMemory {
  readonly experts: number;
  readonly expertsPerToken: number;
  /** Tokens of a chunk. */
  readonly tokens: number;
  readonly logits: Float32Array;
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
}

function layOut(exports: RoutingExports, rule: RoutingRule, { selectionBias }: RoutingOptions): KernelMemory {
  const { experts, expertsPerToken, groups, scale = 1 } = rule;
  const tokens = Math.max(4, Math.floor(CHUNK_VALUES / experts / 4) * 4);
  let flags = rule.scoring === 'sigmoid' ? FLAGS.sigmoid : 0;
  if (rule.normalizeTopK) flags |= FLAGS.normalize;
  if (selectionBias !== undefined) flags |= FLAGS.biased;
  if (groups?.score === 'top2-sum') flags |= FLAGS.sumsTwo;
  if (groups?.outside === 'zero') flags |= FLAGS.zeroOutside;
  exports.prepare(experts, expertsPerToken, flags, scale, groups?.count ?? 0, groups?.kept ?? 0, tokens);
  const { buffer } = exports.memory;
  if (selectionBias !== undefined) new Float32Array(buffer, exports.biasPointer(), experts).set(selectionBias);
  return {
    experts,
    expertsPerToken,
    tokens,
    logits: new Float32Array(buffer, exports.logitsPointer(), tokens * experts),
    ids: new Uint16Array(buffer, exports.idsPointer(), tokens * expertsPerToken),
    weights: new Float32Array(buffer, exports.weightsPointer(), tokens * expertsPerToken),
  };
}

function routeInChunks(exports: RoutingExports, memory: KernelMemory, { logits, ids, weights, firstToken }: RoutingBatch): void {
  const { experts, expertsPerToken } = memory;
  const total = logits.length / experts;
  for (let from = 0; from < total; from += memory.tokens) {
    const tokens = Math.min(memory.tokens, total - from);
    memory.logits.set(logits.subarray(from * experts, (from + tokens) * experts));
    const refused = exports.route(tokens);
    if (refused >= 0) throwForBlock(logits, { experts, token: from + refused, firstToken });
    ids.set(memory.ids.subarray(0, tokens * expertsPerToken), from * expertsPerToken);
    weights.set(memory.weights.subarray(0, tokens * expertsPerToken), from * expertsPerToken);
  }
}

/** The kernel says in which four tokens one is refused; the plain check says which, and why. */
function throwForBlock(logits: Float32Array, block: { experts: number; token: number; firstToken: number }): void {
  const { experts, firstToken } = block;
  for (let token = block.token; token < block.token + 4; token++) assertLogits(logits.subarray(token * experts, (token + 1) * experts), firstToken + token);
}
