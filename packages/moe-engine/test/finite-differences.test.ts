import { describe, expect, it } from 'vitest';
import { compileTraining } from '../src/model/program.ts';
import { referenceLoss } from './reference-forward.ts';
import { computedTensors, FAMILY_MODELS, loadTinyModel, openTestRuntime, relativeDistance, runProgram, TINY_MODELS } from './tiny-model.ts';

const STEP = 1e-5;
const COORDINATES = process.env['CONNITO_SLOW'] ? 40 : 3;

describe.each([...TINY_MODELS, ...FAMILY_MODELS])('float64 finite differences of an independent forward pass, model %s', (name) => {
  it(`agree with the loss and with the gradient of every parameter, ${COORDINATES} coordinates per tensor`, async () => {
    const model = await loadTinyModel(name);
    const { topology, tokens, sequenceLength } = model;
    const weights = new Map<string, ArrayLike<number>>([...model.weights].map(([tensor, data]) => [tensor, Float64Array.from(data)]));
    const names = computedTensors(topology);
    const outputs = await runProgram(await openTestRuntime(), compileTraining({ ...model, trained: names }), model);
    expect(Number(outputs.get('loss')![0])).toBeCloseTo(referenceLoss(topology, weights, tokens, sequenceLength), 5);
    let largest = 0;
    for (const tensor of names) {
      const values = weights.get(tensor) as Float64Array;
      const gradient = outputs.get(tensor) as Float32Array;
      const stride = Math.max(1, Math.floor(values.length / COORDINATES));
      const [expected, actual]: [number[], number[]] = [[], []];
      for (let index = 0; index < values.length; index += stride) {
        const kept = values[index]!;
        const at = (value: number): number => {
          values[index] = value;
          return referenceLoss(topology, weights, tokens, sequenceLength);
        };
        expected.push((at(kept + STEP) - at(kept - STEP)) / (2 * STEP));
        actual.push(gradient[index]!);
        values[index] = kept;
      }
      const distance = relativeDistance(actual, expected);
      largest = Math.max(largest, distance);
      expect(distance).toBeLessThan(1e-4);
    }
    expect(largest).toBeGreaterThan(0);
  });
});
