/** Modules of every family: where experts are fused, the logical tensors of one are a stride through a tensor of all. */
import { describe, expect, it } from 'vitest';
import {
  createExpertModule,
  diffCheckpoints,
  encodeExpertModule,
  expertProjections,
  extractExperts,
  fingerprintCheckpoint,
  fromBytes,
  graftExperts,
  graftModules,
  openExpertModule,
  openSafetensors,
  toFloat32,
  type Checkpoint,
  type ExpertModule,
  type ExpertSelection,
} from '../../src/index.ts';
import { collectBytes } from './composition-fixture.ts';
import { openFull, rightSizedCases, selectionIn } from './right-sized-fixture.ts';

const families = [...new Map(rightSizedCases().map((model) => [model.name.split(' ')[0]!, model])).entries()].map(([family, model]) => ({ family, model }));

async function moduleOf(checkpoint: Checkpoint, selection: ExpertSelection, fingerprint: string): Promise<ExpertModule> {
  const { family } = checkpoint.topology;
  const bytes = await collectBytes(encodeExpertModule(createExpertModule({ checkpoint, selection, provenance: { family, base: { fingerprint } } })));
  return openExpertModule(await openSafetensors(fromBytes(bytes)), checkpoint.topology);
}

describe.each(families)('$family', ({ model }) => {
  const selection = selectionIn(model);
  const [layer, ids] = [...selection][0]!;

  it('a module has the values of extractExperts, and grafted back leaves no trace', async () => {
    const base = await openFull(model);
    const module = await moduleOf(base, selection, await fingerprintCheckpoint(base));
    const experts = await extractExperts(base, selection);
    expect([...module.tensors.keys()].sort()).toEqual([...experts.keys()].sort());
    for (const [name, { shape, data }] of experts) {
      expect(module.tensors.get(name)!.shape).toEqual(shape);
      expect(toFloat32(await module.readTensor(name))).toEqual(data);
    }
    const { checkpoint } = await graftModules(base, [{ name: 'a', module }]);
    expect(await diffCheckpoints(base, checkpoint)).toMatchObject({ equal: true, compared: expect.any(Number) });
  });

  it('a trained expert arrives where it was, and only there', async () => {
    const base = await openFull(model);
    const one = new Map([[layer, [ids[0]!]]]);
    const trained = new Map([...(await extractExperts(base, one))].map(([name, { shape, data }]) => [name, { shape, data: data.map((value, i) => value * 2 + i) }]));
    const module = await moduleOf(graftExperts(base, trained), one, await fingerprintCheckpoint(base));
    const { checkpoint } = await graftModules(base, [{ name: 'a', module }]);
    expect(await extractExperts(checkpoint, one)).toEqual(trained);
    const { differing, groups, onlyInA, onlyInB } = await diffCheckpoints(base, checkpoint);
    expect([onlyInA, onlyInB, groups.map(({ place }) => place)]).toEqual([[], [], [expect.objectContaining({ layer, expert: ids[0] })]]);
    expect(differing.length).toBe(expertProjections(base.topology).length);
    // A fused tensor that is read whole and in parts is the same.
    for (const [name, { sizeBytes, shape }] of checkpoint.tensors) {
      const elements = shape.reduce((product, size) => product * size, 1);
      const half = Math.floor(elements / 2);
      const parts = [await checkpoint.readRange(name, { offset: 0, length: half }), await checkpoint.readRange(name, { offset: half, length: elements - half })];
      expect(Buffer.concat(parts).equals((await checkpoint.readTensor(name)).data)).toBe(true);
      expect(parts[0]!.length + parts[1]!.length).toBe(sizeBytes);
    }
  });
});
