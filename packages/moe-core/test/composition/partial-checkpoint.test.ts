import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCheckpoint, encodeSafetensors, extractExperts, fingerprintCheckpoint, fromBytes, graftExperts, graftModules, openSafetensors, parseTopology, partialCheckpoint, type Checkpoint, type ExpertSelection } from '../../src/index.ts';
import { openCheckpoint, writeModelDirectory } from '../../src/node.ts';
import { expectCode } from '../expect-code.ts';
import { CONFIG, fixtureTensors, TOPOLOGY } from '../model-fixture.ts';
import { gateName, makeModule, openBase } from './composition-fixture.ts';
import { fullTensors, rightSizedCases } from './right-sized-fixture.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'moe-core-partial-'));
});
afterAll(() => rm(scratch, { recursive: true }));

async function openWithout(left: readonly string[]): Promise<Checkpoint> {
  const tensors = fixtureTensors().filter(({ name }) => !left.includes(name));
  return createCheckpoint({ topology: TOPOLOGY, present, files: [await openSafetensors(fromBytes(encodeSafetensors(tensors)))] });
}

const present: ExpertSelection = new Map([[2, [2, 0]]]);
const holds = (name: string): boolean => !name.includes('.experts.') || /layers\.2\.mlp\.experts\.[02]\./.test(name);

describe('partialCheckpoint', () => {
  it('holds everything but the other experts, byte for byte', async () => {
    const full = await openBase();
    const partial = partialCheckpoint(full, present);
    expect([...partial.tensors.keys()]).toEqual([...full.tensors.keys()].filter(holds));
    for (const name of partial.tensors.keys()) {
      expect(await partial.readTensor(name)).toEqual(await full.readTensor(name));
      expect(await partial.readFloat32(name)).toEqual(await full.readFloat32(name));
      expect(await partial.readRange(name, { offset: 1, length: 2 })).toEqual(await full.readRange(name, { offset: 1, length: 2 }));
    }
    for (const read of ['readTensor', 'readFloat32'] as const) await expectCode('tensor-missing', () => partial[read](gateName(0, 0)));
    await expectCode('tensor-missing', () => partial.readRange(gateName(2, 1), { offset: 0, length: 1 }));
    expect(await fingerprintCheckpoint(partial)).toBe(await fingerprintCheckpoint(full));
    await expectCode('selection-invalid', () => partialCheckpoint(full, new Map([[1, [0]]])));
  });

  it('as a directory opens with the experts that it must hold, in one file or shards, and refuses to be taken for the full model', async () => {
    const full = await openBase();
    await writeFile(join(scratch, 'config.json'), JSON.stringify(CONFIG));
    for (const [name, maxShardBytes] of [['one', undefined], ['shards', 400]] as const) {
      const directory = join(scratch, name);
      await writeModelDirectory(directory, { checkpoint: partialCheckpoint(full, present), copyFrom: scratch, maxShardBytes });
      const opened = await openCheckpoint(directory, { present });
      for (const tensor of fixtureTensors().filter((candidate) => holds(candidate.name))) expect(await opened.readTensor(tensor.name)).toEqual(tensor);
      expect(opened.tensors.size).toBe(fixtureTensors().filter((candidate) => holds(candidate.name)).length);
      await opened.close();
      expect((await expectCode('tensor-missing', () => openCheckpoint(directory))).message).toContain('only some of the experts on purpose');
      expect((await expectCode('tensor-missing', () => openCheckpoint(directory, { present: new Map([[2, [0, 1]]]) }))).context.tensor).toBe(gateName(2, 1));
      await expectCode('selection-invalid', () => openCheckpoint(directory, { present: new Map([[2, [3]]]) }));
    }
  });

  it('takes experts: as weights or as a module, whose dtype they keep where the base has none', async () => {
    const partial = partialCheckpoint(await openBase(), present);
    const other = await extractExperts(await openBase(), new Map([[0, [1]]]));
    expect(await graftExperts(partial, other).readFloat32(gateName(0, 1))).toEqual(other.get(gateName(0, 1))!.data);
    const module = await makeModule({ selection: new Map([[0, [1]], [2, [0]]]), factor: 2, dtype: 'F32' });
    const { checkpoint } = await graftModules(partial, [{ name: 'a', module }]);
    expect(checkpoint.tensors.get(gateName(0, 1))!.dtype).toBe('F32');
    expect(checkpoint.tensors.get(gateName(2, 0))!.dtype).toBe('BF16');
    expect(await checkpoint.readTensor(gateName(0, 1))).toEqual(await module.readTensor(gateName(0, 1)));
    expect(await checkpoint.readRange(gateName(0, 1), { offset: 3, length: 5 })).toEqual((await module.readTensor(gateName(0, 1))).data.subarray(12, 32));
    await expectCode('tensor-missing', () => checkpoint.readTensor(gateName(0, 0)));
  });

  it('refuses families whose experts lie in common tensors', async () => {
    const model = rightSizedCases().find(({ name }) => name.startsWith('gpt_oss'))!;
    const full = createCheckpoint({ topology: parseTopology(JSON.parse(model.config)), files: [await openSafetensors(fromBytes(encodeSafetensors(fullTensors(model))))] });
    expect((await expectCode('export-unsupported', () => partialCheckpoint(full, new Map()))).message).toContain('gpt_oss');
  });
});

describe('createCheckpoint with present experts', () => {
  it('lets exactly the tensors of other experts lack', async () => {
    const names = fixtureTensors().map(({ name }) => name);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.constantFrom(...names), { maxLength: 4 }), async (left) => {
        const missing = left.filter(holds);
        if (missing.length === 0) return void (await openWithout(left));
        const { context } = await expectCode('tensor-missing', () => openWithout(left));
        expect(missing).toContain(context.tensor);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) },
    );
  });

  it('checks shapes of experts that are there without need', async () => {
    const tensors = fixtureTensors().map((tensor) => (tensor.name === gateName(0, 0) ? { ...tensor, shape: tensor.shape.toReversed() } : tensor));
    const file = await openSafetensors(fromBytes(encodeSafetensors(tensors)));
    await expectCode('tensor-shape-unexpected', () => createCheckpoint({ topology: TOPOLOGY, present, files: [file] }));
  });
});
