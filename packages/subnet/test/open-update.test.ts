import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArtifactError, openFileStore, type ArtifactStore } from '@connito/artifacts';
import { openKeypair } from '@connito/chain';
import { fromHex, toHex, type UpdateRecord } from '@connito/commit-reveal';
import { compressUpdate, encodeExpertWeights, encodeSafetensors, fromFloat32, type ExpertWeights, type Float32Tensor } from '@connito/moe-core';
import { openUpdate } from '../src/open-update.ts';
import { genesisOf, type TaskManifest } from '../src/task-manifest.ts';
import { commitmentFor, encodeTopKUpdate, encodeUpdate } from '../src/update-artifact.ts';
import type { TopKUpdateRules } from '../src/update-rules.ts';
import { exampleManifest } from './example-manifest.ts';

const cycle = 1;
const hotkey: string = openKeypair('//Bob').hotkey;
const salt = new Uint8Array(32).fill(9);
const manifest: TaskManifest = { ...exampleManifest, scoring: { ...exampleManifest.scoring, maxBytes: 4_096, maxUpdateNorm: 10 } };
const weights = (values: Record<string, readonly number[]>): ExpertWeights => new Map(Object.entries(values).map(([name, data]): [string, Float32Tensor] => [name, { shape: [data.length], data: Float32Array.from(data) }]));
const start = weights({ a: [1, 2, 3], b: [4, 5] });
const honest = weights({ a: [0.1, -0.2, 0.3], b: [0.5, 0] });

let directory = '';
let store: ArtifactStore;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'connito-open-'));
  store = await openFileStore(directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Stores an artifact and makes the record that commits to it as `author`'s for `forCycle`. */
async function submit(bytes: Uint8Array, updateRoot: Uint8Array, { author = hotkey, forCycle = cycle } = {}): Promise<UpdateRecord> {
  const { sha256, sizeBytes } = await store.put(bytes);
  const commitment = commitmentFor({ genesis: genesisOf(manifest), netuid: manifest.netuid, cycle: forCycle, hotkey: author }, { salt, updateRoot });
  return { kind: 'update', cycle: forCycle, commitment, locator: '', artifactSha256: fromHex(sha256), sizeBytes };
}

async function submitUpdate(update: ExpertWeights, options: { author?: string; forCycle?: number } = {}): Promise<UpdateRecord> {
  const { bytes, updateRoot } = encodeUpdate(update, { cycle, salt });
  return submit(bytes, updateRoot, options);
}

const open = (record: Parameters<typeof openUpdate>[0]['record']) => openUpdate({ store, manifest, cycle, hotkey, record, start });

describe('openUpdate', () => {
  it('opens what was committed', async () => {
    const opened = await open(await submitUpdate(honest));
    expect('update' in opened && opened.update.get('a')?.data).toEqual(honest.get('a')?.data);
  });

  it.each<[string, string, () => Promise<Parameters<typeof openUpdate>[0]['record']>]>([
    ['malformed-record', 'bytes that are no record', async () => null],
    ['absent', 'a record of another kind', async () => ({ kind: 'sheet', cycle, sheetSha256: salt })],
    ['absent', "another cycle's record", () => submitUpdate(honest, { forCycle: 0 })],
    ['too-large', 'a size above the cap', async () => ({ ...(await submitUpdate(honest)), sizeBytes: 4_097 })],
    ['unfetchable', 'an artifact that was never uploaded', async () => ({ ...(await submitUpdate(honest)), artifactSha256: salt })],
    ['hash-mismatch', 'another size than the record says', async () => ({ ...(await submitUpdate(honest)), sizeBytes: 17 })],
    ['malformed', 'an artifact that is no safetensors file', () => submit(new Uint8Array(100).fill(7), salt)],
    ['malformed', 'a truncated file', () => submit(encodeUpdate(honest, { cycle, salt }).bytes.slice(0, -1), salt)],
    ['malformed', 'a missing tensor', () => submitUpdate(weights({ a: [0, 0, 0] }))],
    ['disallowed-tensor', 'a tensor too many', () => submitUpdate(weights({ a: [0, 0, 0], b: [0, 0], c: [1] }))],
    ['disallowed-tensor', 'another shape', () => submitUpdate(weights({ a: [0, 0, 0], b: [0, 0, 0] }))],
    ['disallowed-tensor', 'another dtype', () => submit(encodeSafetensors([{ name: 'a', dtype: 'F16', shape: [3], data: fromFloat32(Float32Array.of(1, 2, 3), 'F16') }]), salt)],
    ['non-finite', 'a NaN', () => submitUpdate(weights({ a: [0, Number.NaN, 0], b: [0, 0] }))],
    ['non-finite', 'an infinity', () => submitUpdate(weights({ a: [0, 0, 0], b: [Number.POSITIVE_INFINITY, 0] }))],
    ['norm-exceeded', 'a step that is too long', () => submitUpdate(weights({ a: [8, 8, 0], b: [0, 0] }))],
    ['commitment-mismatch', "somebody else's commitment", () => submitUpdate(honest, { author: openKeypair('//Charlie').hotkey })],
    ['commitment-mismatch', 'another root than committed', () => submit(encodeUpdate(honest, { cycle, salt }).bytes, salt)],
    ['commitment-mismatch', 'no salt', () => submit(encodeExpertWeights(honest, {}), salt)],
  ])('answers %s to %s', async (code, _what, makeRecord) => {
    expect(await open(await makeRecord())).toEqual({ code });
  });

  it('answers unfetchable to a directory planted in place of the artifact', async () => {
    const record = await submitUpdate(weights({ a: [0.5, 0.5, 0.5], b: [1, 1] }));
    const sha256 = toHex(record.artifactSha256);
    const path = join(directory, 'sha256', sha256.slice(0, 2), sha256);
    rmSync(path);
    mkdirSync(path);
    expect(await open(record)).toEqual({ code: 'unfetchable' });
  });

  it('abstains where its own disk fails', async () => {
    const record = await submitUpdate(honest);
    const broken = { getBytes: () => Promise.reject(new ArtifactError('io', 'the file system failed')) };
    expect(await openUpdate({ store: broken, manifest, cycle, hotkey, record, start })).toEqual({ code: 'validator-fault' });
  });

  it('answers hash-mismatch to a file that was changed in the store', async () => {
    const record = await submitUpdate(weights({ a: [0.5, 0.25, 0.125], b: [1, 1] }));
    for (const entry of readdirSync(join(directory, 'sha256'), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) writeFileSync(join(entry.parentPath, entry.name), new Uint8Array(record.sizeBytes));
    }
    expect(await open(record)).toEqual({ code: 'hash-mismatch' });
  });
});

describe('openUpdate of a task with compressed updates', () => {
  const rules: TopKUpdateRules = { encoding: 'top-k', chunkSize: 4, keep: 2, valueBits: 2, decay: 0.95 };
  const openTopK = (record: UpdateRecord) => openUpdate({ store, manifest: { ...manifest, update: rules }, cycle, hotkey, record, start });
  const compressed = (update: ExpertWeights, by: TopKUpdateRules = rules) => encodeTopKUpdate(update, { cycle, salt, rules: by });
  const submitTopK = (update: ExpertWeights, by?: TopKUpdateRules) => {
    const { bytes, updateRoot } = compressed(update, by);
    return submit(bytes, updateRoot);
  };

  it('opens the values that were sent', async () => {
    const { sent } = compressUpdate(honest, rules);
    const opened = await openTopK(await submitTopK(honest));
    expect('update' in opened && opened.update).toEqual(sent);
  });

  it.each<[string, string, () => Promise<UpdateRecord>]>([
    ['malformed', 'a float32 artifact', () => submitUpdate(honest)],
    ['malformed', 'bytes that are no artifact', () => submit(new Uint8Array(100).fill(7), salt)],
    ['malformed', 'a truncated file', () => submit(compressed(honest).bytes.slice(0, -1), salt)],
    ['malformed', 'a byte too many', () => submit(Uint8Array.of(...compressed(honest).bytes, 0), salt)],
    ['malformed', 'a missing tensor', () => submitTopK(weights({ a: [1, 0, 0] }))],
    ['malformed', 'more values than the manifest keeps', () => submitTopK(honest, { ...rules, keep: 4 })],
    ['malformed', 'finer values than the manifest has', () => submitTopK(honest, { ...rules, valueBits: 32 })],
    ['disallowed-tensor', 'a tensor too many', () => submitTopK(weights({ a: [1, 0, 0], b: [1, 0], c: [1] }))],
    ['disallowed-tensor', 'another shape', () => submitTopK(weights({ a: [1, 0, 0], b: [1, 0, 0] }))],
    ['norm-exceeded', 'a step that is too long', () => submitTopK(weights({ a: [8, 8, 0], b: [0, 0] }))],
    ['commitment-mismatch', 'the root of what was not sent', () => submit(compressed(honest).bytes, encodeUpdate(honest, { cycle, salt }).updateRoot)],
    ['commitment-mismatch', 'no salt', () => submit(compressUpdate(honest, rules).bytes, compressed(honest).updateRoot)],
  ])('answers %s to %s', async (code, _what, makeRecord) => {
    expect(await openTopK(await makeRecord())).toEqual({ code });
  });

  it('has no place where the task says float32', async () => {
    expect(await open(await submitTopK(honest))).toEqual({ code: 'malformed' });
  });

  it('answers any change of one byte with a code, but in metadata that nothing depends on', async () => {
    const { bytes, updateRoot } = compressed(honest);
    const { sent } = compressUpdate(honest, rules);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 0x11;
      const opened = await openTopK(await submit(changed, updateRoot));
      const outcome = 'code' in opened ? opened.code : opened.update;
      expect([sent, 'malformed', 'disallowed-tensor', 'norm-exceeded', 'commitment-mismatch']).toContainEqual(outcome);
    }
  });
});
