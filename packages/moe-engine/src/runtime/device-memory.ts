/**
 * Tensors in a GPU's own memory, so that weights cross over once and not with every run.
 *
 * ONNX Runtime's JavaScript interface has no copy in either direction (`getData()` of such a tensor ends the process), so a graph of one Identity makes
 * both: its outputs stay on the device, or come back from it. WebGPU only: the binding takes and gives no tensors in CUDA's memory.
 *
 * @module
 */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { createGraph, type Spec } from '../graph/graph.ts';
import type { OnnxRuntime } from './device.ts';

/** Copies of float32 tensors. */
export interface DeviceMemory {
  /** A copy on the device; the caller disposes of it. */
  place(tensor: Tensor): Promise<Tensor>;
  /** A copy of what `place` gave, in memory that JavaScript reads. */
  fetch(tensor: Tensor): Promise<Tensor>;
}

type Direction = 'gpu-buffer' | 'cpu';

/** Opens the memory of the WebGPU device. Sessions are made when first needed, one per direction and number of axes. */
export function openDeviceMemory(onnx: OnnxRuntime): DeviceMemory {
  const sessions = new Map<string, Promise<InferenceSession>>();
  const copyTo = (direction: Direction) => async (tensor: Tensor): Promise<Tensor> => {
    const key = `${direction} ${tensor.dims.length}`;
    const session = sessions.get(key) ?? createCopier(onnx, direction, tensor.dims.length);
    sessions.set(key, session);
    const [copy] = Object.values(await (await session).run({ original: tensor }));
    return copy as Tensor;
  };
  return { place: copyTo('gpu-buffer'), fetch: copyTo('cpu') };
}

function createCopier(onnx: OnnxRuntime, direction: Direction, axes: number): Promise<InferenceSession> {
  const graph = createGraph();
  const spec: Spec = { type: 'float32', shape: Array.from({ length: axes }, () => null) };
  const copy = graph.node('Identity', [graph.input({ name: 'original', ...spec })], spec);
  // Unoptimised, because an optimised graph might hand its input on in place of a copy.
  return onnx.InferenceSession.create(graph.encode([copy]).model, { executionProviders: ['webgpu'], graphOptimizationLevel: 'disabled', preferredOutputLocation: direction, logSeverityLevel: 3 });
}
