import { describe, expect, it } from 'vitest';
import { fingerprintCheckpoint, fromFloat32, graftModules, toFloat32, type ConflictPolicy, type NamedModule } from '../../src/index.ts';
import { gateName, makeModule, openBase, throughBytes, variantTensors } from './composition-fixture.ts';
import { expectCode } from '../expect-code.ts';
import { fixtureTensors } from '../model-fixture.ts';

const named = (name: string, module: NamedModule['module']): NamedModule => ({ name, module });
const at = (layer: number, ...experts: number[]) => new Map([[layer, experts]]);
const time = (hour: number) => ({ createdAt: `2026-11-24T${String(hour).padStart(2, '0')}:00:00Z` });

const router = (tensors: ReturnType<typeof fixtureTensors>) => tensors.map((tensor) => (tensor.name.endsWith('mlp.gate.weight') ? { ...tensor, data: tensor.data.map((byte) => byte ^ 1) } : tensor));
const graft = async (modules: readonly NamedModule[], onConflict?: ConflictPolicy) => graftModules(await openBase(), modules, { onConflict });

describe('graftModules', () => {
  it('replaces the named experts and nothing else', async () => {
    const base = await openBase();
    const [law, math] = await Promise.all([makeModule({ selection: at(0, 2), factor: 2 }), makeModule({ selection: at(2, 0, 1), factor: 3 })].map(async (module) => throughBytes(await module)));
    const { checkpoint, experts } = await graftModules(base, [named('math', math!), named('law', law!)]);
    expect(experts).toEqual([{ layer: 0, expert: 2, modules: ['law'] }, { layer: 2, expert: 0, modules: ['math'] }, { layer: 2, expert: 1, modules: ['math'] }]);
    expect(checkpoint.tensors).toEqual(base.tensors);
    for (const name of base.tensors.keys()) {
      const source = law!.tensors.has(name) ? law! : math!.tensors.has(name) ? math! : base;
      expect(await checkpoint.readTensor(name)).toEqual(await source.readTensor(name));
      expect(await checkpoint.readFloat32(name)).toEqual(toFloat32(await source.readTensor(name)));
    }
    expect(await fingerprintCheckpoint(checkpoint)).toBe(await fingerprintCheckpoint(base));
    expect((await graftModules(base, [])).experts).toEqual([]);
    await checkpoint.close();
  });

  it('what was extracted and grafted back changes no byte, in either dtype, also one after the other', async () => {
    const base = await openBase();
    for (const dtype of ['base', 'F32'] as const) {
      const first = await graftModules(base, [named('a', await throughBytes(await makeModule({ selection: at(0, 0, 1), dtype })))]);
      const second = await graftModules(first.checkpoint, [named('b', await throughBytes(await makeModule({ selection: at(2, 2), dtype })))]);
      for (const name of base.tensors.keys()) expect(await second.checkpoint.readTensor(name)).toEqual(await base.readTensor(name));
    }
  });

  it('rounds another dtype once to the base\'s, and refuses what that cannot hold', async () => {
    const base = await openBase();
    const module = await makeModule({ selection: at(0, 1), factor: 1.0009765625, dtype: 'F32', stored: 'F32' });
    const { checkpoint } = await graftModules(base, [named('a', module)]);
    const values = toFloat32(await module.readTensor(gateName(0, 1)));
    expect((await checkpoint.readTensor(gateName(0, 1))).data).toEqual(fromFloat32(values, 'BF16'));
    const half = fixtureTensors().map((tensor) => (tensor.name.includes('.experts.') ? { ...tensor, dtype: 'F16' as const, data: fromFloat32(toFloat32(tensor), 'F16') } : tensor));
    const large = await makeModule({ selection: at(0, 1), factor: 1e7 });
    const narrow = await graftModules(await openBase(half), [named('a', large)]);
    expect((await expectCode('experts-not-finite', () => narrow.checkpoint.readTensor(gateName(0, 1)))).message).toContain('F16 cannot hold');
  });

  it('refuses modules of another base, unless told otherwise', async () => {
    const other = await openBase(router(fixtureTensors()));
    const module = await makeModule({ selection: at(0, 1), provenance: { base: { fingerprint: await fingerprintCheckpoint(other), name: 'other', root: 'a'.repeat(64) } } });
    const base = await openBase();
    const error = await expectCode('module-mismatch', () => graftModules(base, [named('a.safetensors', module)]));
    expect(error.context).toEqual({ field: 'base_fingerprint', module: 'a.safetensors' });
    expect(error.message).toContain('made for another base ("other")');
    expect((await graftModules(base, [named('a', module)], { allowOtherBase: true })).experts).toHaveLength(1);
    expect((await graftModules(other, [named('a', module)], { baseRoot: 'a'.repeat(64) })).experts).toHaveLength(1);
    expect((await expectCode('module-mismatch', () => graftModules(other, [named('a', module)], { baseRoot: 'b'.repeat(64) }))).context.field).toBe('base_root');
    const foreign = { ...module, provenance: { ...module.provenance, family: 'mixtral' as never } };
    expect((await expectCode('module-mismatch', () => graftModules(base, [named('a', foreign)]))).context.field).toBe('family');
    expect((await expectCode('module-mismatch', () => graftModules(other, [named('a', module), named('a', module)]))).context.field).toBe('name');
    await expectCode('selection-invalid', () => graftModules(other, [named('a', { ...module, selection: at(1, 0) })]));
    await expectCode('tensor-missing', () => graftModules(other, [named('a', { ...module, selection: at(0, 0) })]));
    const [first] = module.tensors;
    await expectCode('tensor-shape-unexpected', () => graftModules(other, [named('a', { ...module, tensors: new Map([...module.tensors, [first![0], { ...first![1], shape: [1] }]]) })]));
  });
});

describe('conflicts', () => {
  it('are an error that names the expert and both modules', async () => {
    const [a, b] = await Promise.all([makeModule({ selection: at(2, 0, 1) }), makeModule({ selection: at(2, 1, 2) })]);
    const error = await expectCode('module-conflict', () => graft([named('a', a), named('b', b)]));
    expect(error.context).toEqual({ layer: 2, expert: 1, modules: ['a', 'b'] });
    expect(error.message).toBe('expert 1 of layer 2 is in "a" and in "b"; graft one of them, or choose the policy newest or weighted');
  });

  it('newest: by time, then version, then bytes, whatever the order', async () => {
    const make = async (name: string, factor: number, provenance: object) => named(name, await makeModule({ selection: at(0, 1), factor, provenance }));
    const old = await make('old', 2, { ...time(9), version: 9 });
    const late = await make('late', 3, { ...time(10), version: 1 });
    const later = await make('later', 4, { ...time(10), version: 2 });
    const twin = await make('twin', 5, { ...time(10), version: 2 });
    for (const order of [[old, late], [late, old]]) expect((await graft(order, 'newest')).experts[0]!.modules).toEqual(['late']);
    for (const order of [[old, late, later], [later, old, late]]) expect((await graft(order, 'newest')).experts[0]!.modules).toEqual(['later']);
    const winners = await Promise.all([[later, twin], [twin, later]].map(async (order) => (await graft(order, 'newest')).experts[0]!.modules));
    expect(winners[0]).toEqual(winners[1]);
    const { checkpoint } = await graft([old, late], 'newest');
    expect(await checkpoint.readTensor(gateName(0, 1))).toEqual(await late.module.readTensor(gateName(0, 1)));
    const timeless = await make('timeless', 2, {});
    expect((await expectCode('module-mismatch', () => graft([old, timeless], 'newest'))).context).toEqual({ field: 'created_at', module: 'timeless' });
    const elsewhere = named('elsewhere', await makeModule({ selection: at(0, 0) }));
    expect((await graft([old, late, elsewhere], 'newest')).experts).toEqual([{ layer: 0, expert: 0, modules: ['elsewhere'] }, { layer: 0, expert: 1, modules: ['late'] }]);
  });

  it('weighted: the mean by weight, the same bits in every order', async () => {
    const make = async (name: string, factor: number, weight: number) => named(name, await makeModule({ selection: at(0, 1), factor, stored: 'F32', dtype: 'F32', provenance: { weight } }));
    const modules = await Promise.all([make('a', 1.1, 1), make('b', 1.7, 0.3), make('c', -0.4, 2.5)]);
    const name = gateName(0, 1);
    const results = await Promise.all([[0, 1, 2], [2, 1, 0], [1, 0, 2]].map(async (order) => (await graft(order.map((i) => modules[i]!), 'weighted')).checkpoint.readTensor(name)));
    for (const result of results) expect(result).toEqual(results[0]);
    const inputs = await Promise.all(modules.map(({ module }) => module.readTensor(name).then(toFloat32)));
    toFloat32(results[0]!).forEach((value, i) => {
      const exact = (1 * inputs[0]![i]! + 0.3 * inputs[1]![i]! + 2.5 * inputs[2]![i]!) / 3.8;
      expect(Math.abs(value - exact)).toBeLessThanOrEqual(Math.abs(exact) * 2 ** -8);
    });
    expect((await graft(modules, 'weighted')).experts[0]!.modules.toSorted()).toEqual(['a', 'b', 'c']);
    const weightless = named('w', await makeModule({ selection: at(0, 1) }));
    expect((await expectCode('module-mismatch', () => graft([modules[0]!, weightless], 'weighted'))).context).toEqual({ field: 'weight', module: 'w' });
    const same = await Promise.all([make('a', 1, 1), make('b', 1, 1)]);
    expect(await (await graft(same, 'weighted')).checkpoint.readTensor(name)).toEqual(await (await openBase()).readTensor(name));
  });

  it('weights whose sum is not finite are refused when the mean is read', async () => {
    const modules = await Promise.all(['a', 'b'].map(async (name) => named(name, await makeModule({ selection: at(0, 1), factor: name === 'a' ? 1 : 2, provenance: { weight: 1.7e308 } }))));
    const error = await expectCode('module-mismatch', () => graft(modules, 'weighted'));
    expect(error.context.field).toBe('weight');
  });

  it('a base in float32 takes the mean in float32', async () => {
    const base = await openBase(variantTensors(1, 'F32'));
    const modules = await Promise.all([1, 3].map(async (factor) => named(`${factor}`, await makeModule({ selection: at(0, 1), factor, provenance: { weight: 1 } }))));
    const { checkpoint } = await graftModules(base, modules, { onConflict: 'weighted' });
    const [a, b] = await Promise.all(modules.map(({ module }) => module.readTensor(gateName(0, 1)).then(toFloat32)));
    expect(await checkpoint.readFloat32(gateName(0, 1))).toEqual(a!.map((value, i) => (value + b![i]!) / 2));
  });
});
