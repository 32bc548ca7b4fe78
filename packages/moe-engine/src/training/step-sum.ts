/**
 * What a step adds up over its micro-batches: loss, gradients, and where the tokens went.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import type { PresentExperts } from '../model/present-experts.ts';
import type { Program } from '../model/program.ts';
import { addEmbeddedRows } from './embedding-gradient.ts';

/** Tokens of a step that each expert of one layer got; a token counts for each of its K experts, padding does not. */
export interface LayerLoad {
  readonly layer: number;
  /** `[E]` */
  readonly counts: readonly number[];
}

/** Sums over the micro-batches of one step. */
export interface StepSum {
  loss: number;
  auxiliaryLoss: number;
  /** Per trained tensor, in the order of the names; the first micro-batch's own arrays. */
  gradients: Float32Array[];
  readonly load: Map<number, number[]>;
}

/** Nothing added yet. */
export function createStepSum(layers: readonly number[], experts: number): StepSum {
  return { loss: 0, auxiliaryLoss: 0, gradients: [], load: new Map(layers.map((layer) => [layer, Array.from<number>({ length: experts }).fill(0)])) };
}

/** One micro-batch's outputs, by meaning, and how they count. */
export interface MicroBatchOutputs extends FetchedOutputs {
  readonly trained: readonly string[];
  readonly isText: (position: number) => boolean;
}

/** Adds a micro-batch: losses in float64, gradients in float32 as PyTorch accumulates them. */
export function addMicroBatch(sum: StepSum, { trained, isText, ...fetched }: MicroBatchOutputs): void {
  const { outputs } = fetched;
  sum.loss += floats(outputs.get('loss')!)[0]!;
  const auxiliary = outputs.get('auxiliaryLoss');
  if (auxiliary !== undefined) sum.auxiliaryLoss += floats(auxiliary)[0]!;
  const gradients = trained.map((name) => gradientOf(name, fetched));
  if (sum.gradients.length === 0) sum.gradients = gradients;
  else for (const [index, gradient] of gradients.entries()) addTo(sum.gradients[index]!, gradient);
  for (const [layer, counts] of sum.load) countExperts(counts, { ids: outputs.get(`ids.${layer}`)!, isText });
}

/** Per layer, in order. Under masked routing absent experts fill ranks with weight 0 where a layer holds fewer than K: nothing went to them. */
export function expertLoad({ load }: StepSum, present: PresentExperts | undefined): LayerLoad[] {
  const held = present?.routing === 'masked' ? present.experts : undefined;
  return [...load].map(([layer, counts]) => ({ layer, counts: held === undefined ? counts : counts.map((count, expert) => (held.get(layer)?.includes(expert) === true ? count : 0)) }));
}

/** What a run of a training graph gave, and for which tokens. */
export interface FetchedOutputs {
  readonly outputs: ReadonlyMap<string, Pick<Tensor, 'data' | 'dims'>>;
  readonly program: Pick<Program, 'embedding' | 'bag'>;
  /** The `tokens` that it was fed. */
  readonly tokens: Int32Array;
  /** V */
  readonly vocabularySize: number;
}

/** A trained tensor's gradient; the embedding's is completed, in place where the output head has part in it. */
export function gradientOf(name: string, { outputs, program: { embedding, bag }, tokens, vocabularySize }: FetchedOutputs): Float32Array {
  if (name !== embedding?.name) return floats(outputs.get(name)!);
  const ofHead = outputs.get(name);
  const gradient = ofHead === undefined ? new Float32Array(vocabularySize * embedding.width) : floats(ofHead);
  addEmbeddedRows(gradient, { rows: floats(outputs.get('embedded')!), tokens, bag, width: embedding.width });
  return gradient;
}

function floats(tensor: Pick<Tensor, 'data'>): Float32Array {
  return tensor.data as Float32Array;
}

function addTo(sum: Float32Array, addend: Float32Array): void {
  for (let index = 0; index < sum.length; index++) sum[index]! += addend[index]!;
}

/** Reads the low words of the 64-bit ids, `[T, K]`: a `BigInt` for each would cost more than the rest. */
function countExperts(counts: number[], { ids, isText }: { readonly ids: Pick<Tensor, 'data' | 'dims'>; readonly isText: (position: number) => boolean }): void {
  const { buffer, byteOffset, length } = ids.data as BigInt64Array;
  const words = new Int32Array(buffer, byteOffset, 2 * length);
  const expertsPerToken = ids.dims[1]!;
  for (let index = 0; index < length; index++) {
    if (isText(Math.floor(index / expertsPerToken))) counts[words[2 * index]!]! += 1;
  }
}
