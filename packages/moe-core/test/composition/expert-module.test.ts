import { describe, expect, it } from 'vitest';
import {
  createExpertModule,
  encodeExpertModule,
  encodeSafetensors,
  fingerprintCheckpoint,
  formatModuleMetadata,
  fromBytes,
  graftExperts,
  isModuleMetadata,
  openExpertModule,
  openSafetensors,
  parseModuleMetadata,
  toFloat32,
  type ModuleProvenance,
  type Tensor,
} from '../../src/index.ts';
import { collectBytes, gateName, makeModule, openBase, throughBytes, variantTensors } from './composition-fixture.ts';
import { expectCode } from '../expect-code.ts';
import { fixtureTensors, TOPOLOGY } from '../model-fixture.ts';

const selection = new Map([[2, [1]], [0, [2, 0]]]);
const provenance: Partial<ModuleProvenance> = {
  author: 'Ada', description: 'contracts', license: 'MIT', createdAt: '2026-11-24T12:00:00Z', version: 7, weight: 0.25, extra: new Map([['cycle', '12'], ['task.domain', 'law']]),
};

/** A file whose metadata and tensors are those of a good module, but for these changes. */
async function tampered(changes: { metadata?: Record<string, string | undefined>; tensors?: (tensors: Tensor[]) => Tensor[] }) {
  const module = await makeModule({ selection, provenance });
  const tensors = await Promise.all([...module.tensors.keys()].map((name) => module.readTensor(name)));
  const metadata = new Map(formatModuleMetadata(module));
  for (const [key, value] of Object.entries(changes.metadata ?? {})) {
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
  }
  return openSafetensors(fromBytes(encodeSafetensors(changes.tensors?.(tensors) ?? tensors, metadata)));
}

const open = async (changes: Parameters<typeof tampered>[0]) => openExpertModule(await tampered(changes), TOPOLOGY);
const cfg = (layers: string) => ({ metadata: { expert_cfg: `{"experts": ${layers}, "shared_experts": false, "non_expert_modules": false}` } });

describe('expert modules', () => {
  it('keep the bytes, the provenance and an ascending selection', async () => {
    const base = await openBase();
    const module = await throughBytes(await makeModule({ selection, provenance }));
    expect([...module.selection]).toEqual([[0, [0, 2]], [2, [1]]]);
    expect(module.dtype).toBe('BF16');
    expect(module.provenance).toMatchObject(provenance);
    expect(module.provenance.base.fingerprint).toBe(await fingerprintCheckpoint(base));
    expect([...module.tensors.keys()].slice(0, 4)).toEqual([gateName(0, 0), gateName(0, 0).replace('gate_proj', 'up_proj'), gateName(0, 0).replace('gate_proj', 'down_proj'), gateName(0, 2)]);
    expect(module.tensors.size).toBe(9);
    for (const name of module.tensors.keys()) expect(await module.readTensor(name)).toEqual(await base.readTensor(name));
    await expectCode('tensor-missing', () => module.readTensor(gateName(0, 1)));
    await expectCode('tensor-missing', async () => (await makeModule({ selection })).readTensor(gateName(0, 1)));
  });

  it('written twice are the same bytes, and one stream is header and tensors', async () => {
    const module = await makeModule({ selection, provenance });
    const bytes = await collectBytes(encodeExpertModule(module));
    expect(await collectBytes(encodeExpertModule(await throughBytes(module)))).toEqual(bytes);
    let chunks = 0;
    for await (const chunk of encodeExpertModule(module)) chunks += chunk.length > 0 ? 1 : 0;
    expect(chunks).toBe(10);
  });

  it('in float32 hold the same values', async () => {
    const base = await openBase();
    const module = await throughBytes(await makeModule({ selection, dtype: 'F32' }));
    expect(module.dtype).toBe('F32');
    for (const name of module.tensors.keys()) expect(toFloat32(await module.readTensor(name))).toEqual(await base.readFloat32(name));
  });

  it('take trained experts through a graft, with the base\'s fingerprint', async () => {
    const base = await openBase();
    const fingerprint = await fingerprintCheckpoint(base);
    const names = await makeModule({ selection: new Map([[0, [1]]]) });
    const trained = new Map(await Promise.all([...names.tensors].map(async ([name, { shape }]) => [name, { shape, data: (await base.readFloat32(name)).map((value) => value + 0.125) }] as const)));
    const view = graftExperts(base, trained);
    expect(await fingerprintCheckpoint(view)).toBe(fingerprint);
    const module = await throughBytes(createExpertModule({ checkpoint: view, selection: new Map([[0, [1]]]), provenance: { family: 'qwen3_moe', base: { fingerprint } } }));
    expect(module.dtype).toBe('F32');
    expect(toFloat32(await module.readTensor(gateName(0, 1)))).toEqual(trained.get(gateName(0, 1))!.data);
    const mixed = await expectCode('module-invalid', () => createExpertModule({ checkpoint: view, selection: new Map([[0, [0, 1]]]), provenance: { family: 'qwen3_moe', base: { fingerprint } } }));
    expect(mixed.message).toContain('BF16 and F32');
  });

  it('refuse nothing, strange experts and another family', async () => {
    await expectCode('selection-invalid', () => makeModule({ selection: new Map() }));
    await expectCode('selection-invalid', () => makeModule({ selection: new Map([[0, []]]) }));
    await expectCode('selection-invalid', () => makeModule({ selection: new Map([[1, [0]]]) }));
    await expectCode('module-invalid', () => makeModule({ selection, provenance: { family: 'mixtral' as never } }));
    for (const bad of [{ createdAt: 'yesterday' }, { weight: 0 }, { weight: Number.NaN }, { version: -1 }, { version: 1.5 }, { author: 'x'.repeat(1025) }, { extra: new Map([['format', 'x']]) }, { extra: new Map([['Key', 'x']]) }, { base: { fingerprint: 'x' } }]) {
      await expectCode('module-invalid', () => makeModule({ selection, provenance: bad }));
    }
  });

  it('refuse values that are not finite when they are read', async () => {
    const base = await openBase(variantTensors(Number.NaN));
    const module = createExpertModule({ checkpoint: base, selection, provenance: { family: 'qwen3_moe', base: { fingerprint: '0'.repeat(64) } } });
    expect((await expectCode('experts-not-finite', () => module.readTensor(gateName(0, 2)))).context.tensor).toBe(gateName(0, 2));
    await expectCode('experts-not-finite', () => collectBytes(encodeExpertModule(module)));
  });
});

describe('a stranger\'s module', () => {
  it.each([
    [{ format: undefined }, 'format'], [{ format: 'connito/expert-module/2' }, 'format'], [{ family: 'mamba' }, 'family'], [{ base_fingerprint: undefined }, 'base_fingerprint'],
    [{ base_fingerprint: 'F'.repeat(64) }, 'base_fingerprint'], [{ base_root: 'x' }, 'base_root'], [{ expert_cfg: undefined }, 'expert_cfg'],
    [{ expert_cfg: '{"experts": {"0": [2, 0], "2": [1]}, "shared_experts": false, "non_expert_modules": false}' }, 'expert_cfg'],
    [{ expert_cfg: '{"experts": {"0": [0, 2], "2": []}, "shared_experts": false, "non_expert_modules": false}' }, 'expert_cfg'],
    [{ expert_cfg: '{"experts": {"0": [0, 2], "2": [1]}, "shared_experts": true, "non_expert_modules": false}' }, 'expert_cfg'],
    [{ expert_cfg: '{"experts": {}, "shared_experts": false, "non_expert_modules": false}' }, 'expert_cfg'], [{ expert_cfg: ' '.repeat(4_000_001) }, 'expert_cfg'],
    [{ dtype: 'I64' }, 'dtype'], [{ dtype: 'F8_E4M3' }, 'dtype'], [{ created_at: '2026-02-31T00:00:00Z' }, 'created_at'], [{ created_at: '2026-11-24' }, 'created_at'],
    [{ version: '9007199254740993' }, 'version'], [{ version: '01' }, 'version'], [{ weight: '-1' }, 'weight'], [{ weight: '1e999' }, 'weight'], [{ weight: '0.0' }, 'weight'],
    [{ author: 'x'.repeat(1025) }, 'author'], [{ note: 'x'.repeat(1025) }, 'note'], [{ 'Bad key': 'x' }, 'Bad key'],
    [Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ''])), '__metadata__'],
  ] as [Record<string, string | undefined>, string][])('metadata case %#', async (metadata, field) => {
    const file = await tampered({ metadata });
    const error = await expectCode('module-invalid', () => openExpertModule(file, TOPOLOGY));
    expect(error.context.field).toBe(field);
    expect(error.message.length).toBeLessThan(300);
  });

  it('must fit the model and hold exactly what it names', async () => {
    await expectCode('selection-invalid', () => open(cfg('{"0": [0, 2], "1": [1]}')));
    await expectCode('selection-invalid', () => open(cfg('{"0": [0, 3], "2": [1]}')));
    await expectCode('expert-config-invalid', () => open(cfg('{"0": [0, 65536]}')));
    await expectCode('json-duplicate-key', () => open(cfg('{"0": [0], "0": [2]}')));
    await expectCode('experts-mismatch', () => open(cfg('{"0": [0, 2]}')));
    await expectCode('tensor-missing', () => open(cfg('{"0": [0, 1, 2], "2": [1]}')));
    await expectCode('tensor-missing', () => open({ tensors: (tensors) => tensors.slice(1) }));
    await expectCode('experts-mismatch', () => open({ tensors: (tensors) => [...tensors, fixtureTensors()[0]!] }));
    await expectCode('tensor-shape-unexpected', () => open({ tensors: ([first, ...rest]) => [{ ...first!, shape: first!.shape.toReversed() }, ...rest] }));
    await expectCode('tensor-dtype-unexpected', () => open({ tensors: ([first, ...rest]) => [{ ...first!, dtype: 'F16' }, ...rest] }));
    await expectCode('tensor-dtype-unexpected', () => open({ metadata: { dtype: 'F32' } }));
    expect((await expectCode('module-mismatch', async () => openExpertModule(await tampered({}), { ...TOPOLOGY, family: 'other' as never }))).context.field).toBe('family');
    const nan = await open({ tensors: ([first, ...rest]) => [{ ...first!, data: new Uint8Array(first!.data.length).fill(0xff) }, ...rest] });
    await expectCode('experts-not-finite', () => nan.readTensor([...nan.tensors.keys()][0]!));
  });

  it('is told from other files by its format', async () => {
    expect(isModuleMetadata(new Map([['format', 'connito/expert-module/9']]))).toBe(true);
    expect(isModuleMetadata(new Map([['format', 'pt']]))).toBe(false);
    expect(isModuleMetadata(new Map())).toBe(false);
    expect((await expectCode('module-invalid', () => parseModuleMetadata(new Map()))).message).toContain('does not say its format');
  });
});
