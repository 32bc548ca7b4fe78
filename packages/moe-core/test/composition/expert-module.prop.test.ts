import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createExpertModule, encodeExpertModule, fingerprintCheckpoint, fromBytes, isMoeError, openExpertModule, openSafetensors, parseModuleMetadata, formatModuleMetadata, graftModules, type ExpertModule } from '../../src/index.ts';
import { collectBytes, makeModule, openBase } from './composition-fixture.ts';
import { TOPOLOGY } from '../model-fixture.ts';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);
const ids = fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 });
const selection = fc.record({ 0: ids, 2: ids }).map((layers) => new Map([[0, layers[0]], [2, layers[2]]]));

async function openOrCode(open: () => Promise<ExpertModule>): Promise<ExpertModule | undefined> {
  try {
    const module = await open();
    for (const name of module.tensors.keys()) await module.readTensor(name);
    return module;
  } catch (error) {
    if (isMoeError(error)) return undefined;
    throw error;
  }
}

describe('module files', () => {
  it('round trip, and graft back without a trace', async () => {
    const base = await openBase();
    const fingerprint = await fingerprintCheckpoint(base);
    await fc.assert(
      fc.asyncProperty(selection, fc.constantFrom('base' as const, 'F32' as const), async (experts, dtype) => {
        const module = createExpertModule({ checkpoint: base, selection: experts, dtype, provenance: { family: 'qwen3_moe', base: { fingerprint } } });
        const file = await openSafetensors(fromBytes(await collectBytes(encodeExpertModule(module))));
        const opened = openExpertModule(file, TOPOLOGY);
        expect(opened.selection).toEqual(module.selection);
        const { checkpoint } = await graftModules(base, [{ name: 'a', module: opened }]);
        for (const name of module.tensors.keys()) expect(await checkpoint.readTensor(name)).toEqual(await base.readTensor(name));
      }),
      { numRuns },
    );
  });

  it('a changed file opens, or fails with a code', async () => {
    const good = await collectBytes(encodeExpertModule(await makeModule({ selection: new Map([[0, [1, 2]], [2, [0]]]), provenance: { author: 'a', createdAt: '2026-11-24T12:00:00Z', weight: 2 } })));
    const header = Number(new DataView(good.buffer).getBigUint64(0, true)) + 8;
    const change = fc.record({ at: fc.nat(good.length - 1), inHeader: fc.boolean(), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = good.slice();
        for (const { at, inHeader, byte } of changes) bytes[inHeader ? at % header : at] = byte;
        await openOrCode(async () => openExpertModule(await openSafetensors(fromBytes(bytes)), TOPOLOGY));
      }),
      { numRuns },
    );
  });

  it('any metadata is read, and then written the same, or fails with a code', async () => {
    const good = formatModuleMetadata(await makeModule({ selection: new Map([[0, [1]]]) }));
    const value = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('2026-11-24T12:00:00.001Z', '1e-3', '12', 'a'.repeat(64), '{"experts": {"0": [1, 2]}, "shared_experts": false, "non_expert_modules": false}', 'F32', 'MIT'));
    const key = fc.oneof(fc.constantFrom(...good.keys(), 'author', 'version', 'weight', 'created_at', 'base_root', 'base_name', 'note'), fc.string());
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 5 }), (pairs) => {
        try {
          const parsed = parseModuleMetadata(new Map([...good, ...pairs]));
          expect(parseModuleMetadata(formatModuleMetadata(parsed))).toEqual(parsed);
        } catch (error) {
          if (!isMoeError(error)) throw error;
        }
      }),
      { numRuns },
    );
  });
});
