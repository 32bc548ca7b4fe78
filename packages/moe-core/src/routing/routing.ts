/**
 * From router logits to the K experts of each token and their weights, for every family's {@link RoutingRule}.
 *
 * Experts are ranked by their logits, not by float32 probabilities: softmax and sigmoid are monotone, so the order is the same, but two different logits
 * whose scores round to the same float32 stay apart, and the choice does not depend on an `exp`. Only a selection bias, and sums over a group,
 * need the scores themselves.
 * @see https://github.com/huggingface/transformers/tree/v5.18.0/src/transformers/models (the `…TopKRouter` of each family; Llama4Router)
 * @module
 */
import type { RoutingKernel } from '../internal/routing-kernel.ts';
import { createPlainKernel } from '../internal/routing-plain.ts';
import { createWasmKernel, type WasmKernel } from '../internal/routing-wasm.ts';
import { assertRoutingRule, routingInvalid, type RoutingOptions, type RoutingRule } from './routing-rule.ts';

/** Chosen experts of T tokens. */
export interface Routing {
  /** `[T, K]`, by falling rank within a token. */
  readonly ids: Uint16Array;
  /** `[T, K]`, beside `ids`. */
  readonly weights: Float32Array;
}

/** What computes: WebAssembly SIMD, or TypeScript. Both give the same bits and the same errors. */
export type RoutingKernelName = 'wasm' | 'typescript';

export interface RouterOptions extends RoutingOptions {
  /** Forces a kernel. By default WebAssembly where the host has it with SIMD and lets it be compiled, TypeScript elsewhere. */
  readonly kernel?: RoutingKernelName | undefined;
}

/** A rule that is checked, with a kernel whose memory is laid out: for many batches. */
export interface Router {
  readonly rule: RoutingRule;
  readonly kernel: RoutingKernelName;
  /**
   * What {@link routeTokens} does, for any T: logits go through the kernel's fixed memory in chunks of 16 KiB.
   * @param logits `[T, E]` row-major
   * @param into `[T, K]` arrays to write to, which are then returned; without it new ones. After an error their content is undefined.
   * @throws routing-invalid sizes that do not fit
   * @throws routing-not-finite naming token and expert
   */
  route(logits: Float32Array, into?: Routing): Routing;
}

/**
 * With x a token's logits, float32 throughout unless said otherwise:
 *
 * 1. scores `s = softmax(x)` or `sigmoid(x)`; what is ranked: `c = x`, or `c = s + selectionBias` where there is a bias;
 * 2. groups, where the rule has them: `g = max c`, or the sum of the two largest `c` (of the two largest `s` without a bias) of a group; the `kept` groups of
 *    largest g stay. Outside of them an expert is not ranked (`exclude`), or ranked with score 0 (`zero`: `c = −∞`, or 0 beside a bias; its softmax weight is 0 too);
 * 3. `ids` = the K experts of largest c;
 * 4. `weights = s[ids]`, without the bias; with `normalizeTopK` divided by `Σ s[ids] + 10^−20` (for softmax: `e^(x − max)` over the chosen in place of s); times `scale`.
 *
 * `exp` is a fixed float32 polynomial (within 1 unit in the last place, 0 below e^−87.3). Sums are float64, over all experts by id or over the chosen by rank;
 * quotient and scale are float64, rounded to float32 once: the same bits on every machine and from every kernel.
 *
 * Equal c (−0 equals 0): the lower id wins, of experts as of groups. −∞ is a masked expert: it comes after all others, with weight 0. NaN, +∞ and a
 * token whose logits are all −∞ are refused.
 * @param logits `[T, E]` row-major
 * @throws routing-invalid a rule or sizes that do not fit
 * @throws routing-not-finite naming token and expert
 * @example
 * const { ids, weights } = routeTokens(Float32Array.of(1, 3, 2), { experts: 3, expertsPerToken: 2, normalizeTopK: true });
 */
export function routeTokens(logits: Float32Array, rule: RoutingRule, options: RouterOptions = {}): Routing {
  assertRoutingRule(rule, options);
  return routeWith(prepareKernel(rule, options, (shared ??= createWasmKernel())).kernel, { rule, logits });
}

/**
 * A router for many batches. The bias is copied: after a change of it make another one.
 * @throws routing-invalid a rule that cannot be followed, or `kernel: 'wasm'` where the host cannot run it
 * @example
 * const router = createRouter({ experts: 64, expertsPerToken: 6, normalizeTopK: false });
 * const into = { ids: new Uint16Array(512 * 6), weights: new Float32Array(512 * 6) };
 * for (const logits of batches) router.route(logits, into);
 */
export function createRouter(rule: RoutingRule, options: RouterOptions = {}): Router {
  assertRoutingRule(rule, options);
  const selectionBias = options.selectionBias?.slice();
  const { name, kernel } = prepareKernel(rule, { ...options, selectionBias }, createWasmKernel());
  return { rule, kernel: name, route: (logits, into) => routeWith(kernel, { rule, logits, into }) };
}

/** The WebAssembly instance of {@link routeTokens}, made by its first call and laid out anew by every one. */
let shared: WasmKernel | undefined;

function prepareKernel(rule: RoutingRule, options: RouterOptions, wasm: WasmKernel | undefined): { name: RoutingKernelName; kernel: RoutingKernel } {
  if (wasm === undefined && options.kernel === 'wasm') throw routingInvalid('kernel', 'a host with WebAssembly SIMD for wasm, got one without');
  if (wasm === undefined || options.kernel === 'typescript') return { name: 'typescript', kernel: createPlainKernel(rule, options) };
  wasm.prepare(rule, options);
  return { name: 'wasm', kernel: wasm };
}

/** Checks the sizes, makes room where the caller has none, and routes. */
function routeWith(kernel: RoutingKernel, call: { rule: RoutingRule; logits: Float32Array; into?: Routing | undefined }): Routing {
  const { rule, logits } = call;
  const { experts, expertsPerToken } = rule;
  if (logits.length % experts !== 0) throw routingInvalid('logits', `a multiple of ${experts} values, got ${logits.length}`);
  const length = (logits.length / experts) * expertsPerToken;
  const { ids, weights } = call.into ?? { ids: new Uint16Array(length), weights: new Float32Array(length) };
  if (ids.length !== length || weights.length !== length) throw routingInvalid('into', `${length} ids and weights, got ${ids.length} and ${weights.length}`);
  kernel.route({ logits, ids, weights, firstToken: 0 });
  return { ids, weights };
}
