import { describe, expect, it } from 'vitest';
import {
  assertExpertWeights,
  assertFinite,
  createCheckpoint,
  decodeExpertWeights,
  encodeExpertWeights,
  encodeSafetensors,
  expertTensorNames,
  extractExperts,
  fromBytes,
  graftExperts,
  openSafetensors,
  selectionOf,
  toFloat32,
  type Checkpoint,
  type ExpertWeights,
  type Tensor,
} from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';
import { fixtureTensors, TOPOLOGY } from '../model-fixture.ts';

const open = async (tensors: readonly Tensor[] = fixtureTensors(), close?: () => Promise<void>): Promise<Checkpoint> =>
  createCheckpoint({ topology: TOPOLOGY, files: [await openSafetensors(fromBytes(encodeSafetensors(tensors)))], ...(close && { close }) });

const names = expertTensorNames(TOPOLOGY, { layer: 2, expert: 1 });
const selection = new Map([[2, [1]], [0, [2, 0]]]);

describe('createCheckpoint', () => {
  it('reads over several files, and ignores tensors that it does not know', async () => {
    const [first, ...rest] = fixtureTensors();
    const extra = { name: 'inv_freq', dtype: 'I64' as const, shape: [1], data: new Uint8Array(8) };
    const files = await Promise.all([[first!], [...rest, extra]].map((part) => openSafetensors(fromBytes(encodeSafetensors(part)))));
    const checkpoint = createCheckpoint({ topology: TOPOLOGY, files });
    expect(checkpoint.tensors.size).toBe(rest.length + 2);
    expect((await checkpoint.readTensor(first!.name)).data).toEqual(first!.data);
    expect(await checkpoint.readFloat32(first!.name)).toEqual(toFloat32(first!));
    await checkpoint.close();
    await expectCode('safetensors-duplicate-tensor', () => createCheckpoint({ topology: TOPOLOGY, files: [...files, files[0]!] }));
  });

  it('refuses a model that is not complete', async () => {
    const tensors = fixtureTensors();
    expect((await expectCode('tensor-missing', () => open(tensors.slice(0, -1)))).context.tensor).toBe('model.norm.weight');
    const turned = tensors.map((tensor) => (tensor.name === names.down ? { ...tensor, shape: tensor.shape.toReversed() } : tensor));
    expect((await expectCode('tensor-shape-unexpected', () => open(turned))).context).toEqual({ tensor: names.down, expected: [8, 4], actual: [4, 8] });
    const checkpoint = await open();
    await expectCode('tensor-missing', () => checkpoint.readFloat32('x'));
    await expectCode('tensor-missing', () => checkpoint.readTensor('x'));
  });

  it('closes once', async () => {
    let closed = 0;
    const checkpoint = await open(fixtureTensors(), async () => void closed++);
    await Promise.all([checkpoint.close(), checkpoint.close()]);
    expect(closed).toBe(1);
  });
});

describe('extract, encode, decode, graft', () => {
  it('round trip: what is taken out and put back changes nothing', async () => {
    const base = await open();
    const experts = await extractExperts(base, selection);
    expect(experts.size).toBe(9);
    expect([...selectionOf(TOPOLOGY, experts)]).toEqual([[0, [0, 2]], [2, [1]]]);
    const bytes = encodeExpertWeights(experts, { cycle: '3' });
    const file = await openSafetensors(fromBytes(bytes));
    expect(file.metadata.get('cycle')).toBe('3');
    const decoded = await decodeExpertWeights(file);
    expect(new Map([...decoded].sort())).toEqual(new Map([...experts].sort()));
    expect(encodeExpertWeights(decoded, file.metadata)).toEqual(bytes);
    const grafted = graftExperts(base, decoded);
    for (const name of base.tensors.keys()) expect(await grafted.readFloat32(name)).toEqual(await base.readFloat32(name));
  });

  it('a graft shows the new experts, in F32, and leaves the base alone', async () => {
    const base = await open();
    const before = await base.readFloat32(names.gate);
    const changed: ExpertWeights = new Map([[names.gate, { shape: [4, 8], data: before.map((value) => value + 1) }]]);
    const grafted = graftExperts(base, changed);
    expect(await grafted.readFloat32(names.gate)).toEqual(changed.get(names.gate)!.data);
    expect(grafted.tensors.get(names.gate)).toEqual({ name: names.gate, dtype: 'F32', shape: [4, 8], sizeBytes: 128 });
    expect(await grafted.readTensor(names.up)).toEqual(await base.readTensor(names.up));
    expect(toFloat32(await grafted.readTensor(names.gate))).toEqual(changed.get(names.gate)!.data);
    (await grafted.readFloat32(names.gate)).fill(0);
    expect(await grafted.readFloat32(names.gate)).toEqual(changed.get(names.gate)!.data);
    expect(await base.readFloat32(names.gate)).toEqual(before);
    const again = graftExperts(grafted, new Map([[names.up, { shape: [4, 8], data: before }]]));
    expect(await again.readFloat32(names.gate)).toEqual(changed.get(names.gate)!.data);
    await again.close();
  });

  it('refuses selections that the model does not have', async () => {
    const base = await open();
    for (const [layer, expert] of [[1, 0], [3, 0], [0, 3], [0, -1], [0, 0.5]] as const) {
      await expectCode('selection-invalid', () => extractExperts(base, new Map([[layer, [expert]]])));
    }
    const error = await expectCode('selection-invalid', () => extractExperts(base, new Map([[0, [1, 1]]])));
    expect(error.context).toEqual({ layer: 0, expert: 1 });
  });

  it('refuses tensors that are no experts, by name, shape and length', async () => {
    const base = await open();
    const data = new Float32Array(32);
    const graft = (name: string, shape: readonly number[], values = data) => () => graftExperts(base, new Map([[name, { shape, data: values }]]));
    await expectCode('experts-mismatch', graft('model.norm.weight', [32]));
    await expectCode('experts-mismatch', graft(names.gate.replace('layers.2', 'layers.1'), [4, 8]));
    await expectCode('tensor-shape-unexpected', graft(names.gate, [8, 4]));
    await expectCode('tensor-size-unexpected', graft(names.gate, [4, 8], new Float32Array(31)));
    await expectCode('tensor-size-unexpected', () => encodeExpertWeights(new Map([['a', { shape: [2], data: new Float32Array(1) }]])));
    await expectCode('experts-mismatch', () => selectionOf(TOPOLOGY, new Map([[names.gate, { shape: [4, 8], data }]])));
    await expectCode('experts-mismatch', () => selectionOf(TOPOLOGY, new Map([['x', { shape: [4, 8], data }]])));
    const bf16 = await openSafetensors(fromBytes(encodeSafetensors(fixtureTensors().slice(0, 1))));
    await expectCode('tensor-dtype-unexpected', () => decodeExpertWeights(bf16));
    const weights: ExpertWeights = new Map([[names.gate, { shape: [4, 8], data: data.with(3, Number.NaN) }]]);
    assertExpertWeights(TOPOLOGY, weights);
    await expectCode('experts-not-finite', () => assertFinite(weights));
  });
});
