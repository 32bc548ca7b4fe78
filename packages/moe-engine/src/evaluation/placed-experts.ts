/**
 * Experts of candidates in the device's memory, for the length of one request.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import type { Runtime } from '../runtime/runtime.ts';
import type { TensorMessage } from '../runtime/tensor-message.ts';

/** Tensors by the name of the weight whose place they take. */
export type PlacedExperts = Readonly<Record<string, Tensor>>;

/** Copies each candidate's experts to the device, lets `use` feed them, and gives the memory back, whatever becomes of it. */
export async function withPlacedExperts<Result>(runtime: Runtime, candidates: readonly (readonly TensorMessage[])[], use: (placed: readonly PlacedExperts[]) => Promise<Result>): Promise<Result> {
  const placed: Record<string, Tensor>[] = [];
  try {
    for (const experts of candidates) {
      const tensors: Record<string, Tensor> = {};
      placed.push(tensors);
      for (const { name, data, shape } of experts) tensors[name] = await runtime.place(data, shape);
    }
    return await use(placed);
  } finally {
    for (const tensors of placed) for (const tensor of Object.values(tensors)) tensor.dispose();
  }
}
