import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createGraph, float, integers } from '../src/graph/graph.ts';
import { encodeOnnxModel } from '../src/graph/onnx-encoder.ts';

describe('encodeOnnxModel', () => {
  it('writes these bytes for an Identity of a float', () => {
    const model = encodeOnnxModel({
      nodes: [{ operator: 'Identity', domain: '', inputs: ['x'], outputs: ['y'], attributes: {} }],
      inputs: [{ name: 'x', type: 'float32', shape: [2] }],
      outputs: [{ name: 'y', type: 'float32', shape: [null] }],
      constants: [],
    });
    // Put together by hand from the field numbers of onnx.proto3.
    const expected = [
      '080a', // ir_version = 10
      '1207636f6e6e69746f', // producer_name = "connito"
      '3a40', // graph, 64 bytes
      '0a10 0a0178 120179 22084964656e74697479', // node: input x, output y, op_type Identity
      '1207636f6e6e69746f', // name
      '5a0f 0a0178 120a 0a08 0801 1204 0a02 0802', // input x: float, [2]
      '6212 0a0179 120d 0a0b 0801 1207 0a05 1203 792e30', // output y: float, [y.0]
      '4202 1017', // opset_import: version 23
      '4211 0a0d 636f6d2e6d6963726f736f6674 1001', // opset_import: com.microsoft 1
    ]
      .join('')
      .replaceAll(' ', '');
    expect(Buffer.from(model).toString('hex')).toBe(expected);
  });

  it('is read by ONNX Runtime: every kind of attribute, constants, omitted inputs, open dimensions, own domain', async () => {
    const graph = createGraph();
    const x = graph.input({ name: 'x', shape: [null, 3] });
    const flipped = graph.node('Transpose', [x], float(3, null), { perm: { ints: [1, 0] } });
    const product = graph.node('com.microsoft:FusedMatMul', [x, flipped], float(null, null), { alpha: { float: -0.5 }, transA: { int: 0 } });
    const clipped = graph.node('Clip', [product, undefined, graph.constant(Float32Array.of(-1), [])], float(null, null));
    const soft = graph.node('Softmax', [clipped], float(null, null), { axis: { int: -1 } });
    const pad = graph.node('Pad', [soft, integers(graph, 0, 0, 0, 1)], float(null, null), { mode: { string: 'edge' } });
    graph.node('Exp', [pad], float(null, null)); // not needed, so not written
    const { model, inputs } = graph.encode([pad]);
    expect(inputs).toEqual([x]);
    expect(Buffer.from(model).includes('Exp')).toBe(false);
    const session = await InferenceSession.create(model);
    const output = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2, 3, 0, 1, 0), [2, 3]) });
    const values = output[pad.name]!;
    expect(values.dims).toEqual([2, 3]);
    // x·xᵀ = [[14, 2], [2, 1]], times −½ and clipped at −1 from above: [[−7, −1], [−1, −1]]; softmax; last column repeated.
    const small = 1 / (1 + Math.exp(6));
    for (const [index, entry] of [small, 1 - small, 1 - small, 0.5, 0.5, 0.5].entries()) expect(values.data[index]).toBeCloseTo(entry, 5);
  });
});
