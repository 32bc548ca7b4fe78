import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  createCheckpoint,
  expertProjections,
  expertTensorNames,
  extractExperts,
  fromBytes,
  graftExperts,
  openSafetensors,
  parseTopology,
  readFloat32Range,
  selectionOf,
  type ByteSource,
  type Checkpoint,
  type ExpertWeights,
  type Topology,
} from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { fromBase64, readVectors } from '../vectors/read-vectors.ts';

interface Case {
  readonly name: string;
  readonly config: unknown;
  readonly file: string;
  readonly inputs: readonly (readonly number[])[];
  /** Per expert, per input. */
  readonly outputs: readonly (readonly (readonly number[])[])[];
}

const { cases } = readVectors<{ cases: readonly Case[] }>('expert-storage');

const open = async ({ config, file }: Case, source: ByteSource = fromBytes(fromBase64(file))): Promise<Checkpoint> =>
  createCheckpoint({ topology: parseTopology(config), files: [await openSafetensors(source)] });

/** An expert's forward from its logical tensors, in float64. */
function forward({ activation }: Topology, weights: ExpertWeights, names: ReturnType<typeof expertTensorNames>, x: readonly number[]): number[] {
  const linear = (weight: string, bias: string | undefined, input: readonly number[]): number[] => {
    const { shape, data } = weights.get(weight)!;
    const added = bias === undefined ? undefined : weights.get(bias)!.data;
    return Array.from({ length: shape[0]! }, (_, row) => input.reduce((sum, value, column) => sum + value * data[row * shape[1]! + column]!, added?.[row] ?? 0));
  };
  const up = linear(names.up, names.upBias, x);
  const hidden = linear(names.gate, names.gateBias, x).map((gate, i) => {
    if (activation.kind === 'swiglu') return (gate / (1 + Math.exp(-gate))) * up[i]!;
    const [g, u] = [Math.min(gate, activation.limit), Math.min(Math.max(up[i]!, -activation.limit), activation.limit)];
    return ((u + 1) * g) / (1 + Math.exp(-activation.alpha * g));
  });
  return linear(names.down, names.downBias, hidden);
}

describe("one expert's tensors against its module's forward", () => {
  test.each(cases)('$name', async (vector) => {
    const checkpoint = await open(vector);
    const { topology } = checkpoint;
    const [layer] = topology.moeLayers;
    for (const [expert, outputs] of vector.outputs.entries()) {
      const weights = await extractExperts(checkpoint, new Map([[layer!, [expert]]]));
      expect([...selectionOf(topology, weights)]).toEqual([[layer, [expert]]]);
      const names = expertTensorNames(topology, { layer: layer!, expert });
      expect([...weights.keys()]).toEqual(expertProjections(topology).map((projection) => names[projection]));
      for (const [i, x] of vector.inputs.entries()) {
        const actual = forward(topology, weights, names, x);
        for (const [d, expected] of outputs[i]!.entries()) expect(Math.abs(actual[d]! - expected)).toBeLessThanOrEqual(1e-4 * Math.max(1, ...outputs[i]!.map(Math.abs)));
      }
    }
  });
});

describe('fused tensors', () => {
  const fused = cases.filter(({ name }) => ['granitemoe', 'gpt_oss', 'llama4_text', 'llama4'].includes(name));

  test.each(fused)('$name: an expert is read by its own bytes, each once', async (vector) => {
    const bytes = fromBytes(fromBase64(vector.file));
    let read = 0;
    const checkpoint = await open(vector, { sizeBytes: bytes.sizeBytes, read: (offset, length) => ((read += length), bytes.read(offset, length)) });
    read = 0;
    const weights = await extractExperts(checkpoint, new Map([[0, [1]]]));
    expect(read).toBe(2 * [...weights.values()].reduce((sum, { data }) => sum + data.length, 0));
  });

  test.each(fused)('$name: a graft changes its slices and nothing else', async (vector) => {
    const base = await open(vector);
    const { topology } = base;
    const names = expertTensorNames(topology, { layer: 0, expert: 1 });
    const [kept, old] = [await extractExperts(base, new Map([[0, [0, 2]]])), await extractExperts(base, new Map([[0, [1]]]))];
    const changed: ExpertWeights = new Map([[names.up, { shape: old.get(names.up)!.shape, data: old.get(names.up)!.data.map((value) => value + 1) }]]);
    const grafted = graftExperts(base, changed);
    expect(await extractExperts(grafted, new Map([[0, [0, 2]]]))).toEqual(kept);
    expect(await extractExperts(grafted, new Map([[0, [1]]]))).toEqual(new Map([...old, ...changed]));
    const differing = [...base.tensors.keys()].filter((name) => grafted.tensors.get(name)!.dtype !== base.tensors.get(name)!.dtype);
    expect(differing).toHaveLength(1);
    const [fusedName] = differing;
    const [before, after] = [await base.readFloat32(fusedName!), await grafted.readFloat32(fusedName!)];
    expect(after.filter((value, i) => value !== before[i])).toHaveLength(topology.expertWidth * topology.hiddenSize);
    expect(new Uint8Array(after.buffer)).toEqual((await grafted.readTensor(fusedName!)).data);
    const others = [...base.tensors.keys()].filter((name) => name !== fusedName);
    for (const name of others) expect(await grafted.readTensor(name)).toEqual(await base.readTensor(name));
    const again = graftExperts(grafted, new Map([[names.up, old.get(names.up)!]]));
    expect(await again.readFloat32(fusedName!)).toEqual(before);
  });

  it('ranges of a grafted view are those of its whole tensors', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(fused.length - 1), fc.nat(2), fc.nat(), fc.nat(), async (which, expert, from, count) => {
        const base = await open(fused[which]!);
        const experts = await extractExperts(base, new Map([[0, [expert]]]));
        const grafted = graftExperts(base, new Map([...experts].map(([name, { shape, data }]) => [name, { shape, data: data.map((value) => -value) }])));
        for (const [name, { shape }] of grafted.tensors) {
          const elements = shape.reduce((a, b) => a * b, 1);
          const offset = from % (elements + 1);
          const length = count % (elements - offset + 1);
          expect(await readFloat32Range(grafted, name, { offset, length })).toEqual((await grafted.readFloat32(name)).slice(offset, offset + length));
        }
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 30) },
    );
  });

  it('extract, graft, extract is the identity; so is grafting what was there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(cases.length - 1), fc.subarray([0, 1, 2], { minLength: 1 }), async (which, ids) => {
        const base = await open(cases[which]!);
        const selection = new Map([[0, ids]]);
        const experts = await extractExperts(base, selection);
        const grafted = graftExperts(base, experts);
        expect(await extractExperts(grafted, selection)).toEqual(experts);
        for (const name of base.tensors.keys()) expect(await grafted.readFloat32(name)).toEqual(await base.readFloat32(name));
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 30) },
    );
  });

  it('refuses ranges that a tensor does not have', async () => {
    const checkpoint = await open(fused[0]!);
    const [name, { shape }] = [...checkpoint.tensors].find(([, info]) => info.shape.length === 3)!;
    const elements = shape.reduce((a, b) => a * b, 1);
    for (const [offset, length] of [[-1, 1], [0, elements + 1], [elements, 1], [0.5, 1], [0, Number.NaN], [2 ** 53, 1]] as const) {
      const error = await expectCode('tensor-range-invalid', () => checkpoint.readRange(name, { offset, length }));
      expect(error.context).toEqual({ tensor: name, offset, length, elements });
    }
    await expectCode('tensor-missing', () => checkpoint.readRange('x', { offset: 0, length: 1 }));
    expect(await checkpoint.readRange(name, { offset: elements, length: 0 })).toHaveLength(0);
  });
});
