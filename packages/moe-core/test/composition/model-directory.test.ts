import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fingerprintCheckpoint, graftModules } from '../../src/index.ts';
import { openCheckpoint, openExpertModuleFile, writeExpertModuleFile, writeModelDirectory, writeSafetensorsFile } from '../../src/node.ts';
import { gateName, makeModule, openBase } from './composition-fixture.ts';
import { expectCode } from '../expect-code.ts';
import { CONFIG, fixtureTensors, TOPOLOGY } from '../model-fixture.ts';

let directory: string;
const at = (...names: string[]): string => join(directory, ...names);

function stop(): never {
  throw new Error('stopped');
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'moe-core-'));
  await mkdir(at('model'));
  await writeFile(at('model', 'config.json'), JSON.stringify(CONFIG));
  await writeSafetensorsFile(at('model', 'model.safetensors'), fixtureTensors(), { format: 'pt' });
  await writeFile(at('model', 'tokenizer.json'), '{"é": 1}');
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('writeModelDirectory', () => {
  it('copies what is no weights, writes texts in the place of copies, and leaves every tensor as it is', async () => {
    await mkdir(at('model', 'original'));
    await writeFile(at('model', '.gitattributes'), '');
    await writeFile(at('model', 'pytorch_model.bin'), '');
    await writeFile(at('model', 'vocabulary.txt'), 'linked');
    await symlink('vocabulary.txt', at('model', 'merges.txt'));
    const checkpoint = await openCheckpoint(at('model'));
    const seen: number[] = [];
    const written = await writeModelDirectory(at('out'), { checkpoint, copyFrom: at('model'), files: new Map([['README.md', 'new']]), onTensor: ({ doneBytes, totalBytes }) => seen.push(doneBytes / totalBytes) });
    expect(written.files).toEqual(['README.md', 'config.json', 'merges.txt', 'model.safetensors', 'tokenizer.json', 'vocabulary.txt']);
    expect((await readdir(at('out'))).sort()).toEqual([...written.files]);
    expect(await readFile(at('out', 'model.safetensors'))).toEqual(await readFile(at('model', 'model.safetensors')));
    expect(await readFile(at('out', 'tokenizer.json'))).toEqual(await readFile(at('model', 'tokenizer.json')));
    expect(await readFile(at('out', 'merges.txt'), 'utf8')).toBe('linked');
    expect(seen[0]).toBe(0);
    expect(seen.length).toBe(checkpoint.tensors.size);
    await checkpoint.close();
  });

  it('follows links as a hub cache has them, and none that lead elsewhere', async () => {
    const snapshot = at('cache', 'snapshots', 'abc');
    await mkdir(snapshot, { recursive: true });
    await mkdir(at('cache', 'blobs'));
    await writeFile(at('cache', 'blobs', 'f00'), 'a vocabulary');
    await symlink('../../blobs/f00', join(snapshot, 'vocab.txt'));
    const checkpoint = await openCheckpoint(at('model'));
    expect((await writeModelDirectory(at('out'), { checkpoint, copyFrom: snapshot })).files).toContain('vocab.txt');
    expect(await readFile(at('out', 'vocab.txt'), 'utf8')).toBe('a vocabulary');
    await symlink('/etc/hostname', at('model', 'notes.txt'));
    expect((await expectCode('file-unreadable', () => writeModelDirectory(at('stolen'), { checkpoint, copyFrom: at('model') }))).message).toContain('is a link to /etc/hostname, outside of the model');
    await checkpoint.close();
  });

  it('shards, and the shards open as the same model', async () => {
    const checkpoint = await openCheckpoint(at('model'));
    const { files, tensorBytes } = await writeModelDirectory(at('out'), { checkpoint, copyFrom: at('model'), maxShardBytes: 1000 });
    expect(files.filter((file) => file.endsWith('.safetensors')).length).toBeGreaterThan(2);
    expect(files).toContain('model.safetensors.index.json');
    const index = JSON.parse(await readFile(at('out', 'model.safetensors.index.json'), 'utf8'));
    expect(index.metadata.total_size).toBe(tensorBytes);
    const sharded = await openCheckpoint(at('out'));
    for (const name of checkpoint.tensors.keys()) expect(await sharded.readTensor(name)).toEqual(await checkpoint.readTensor(name));
    await Promise.all([checkpoint.close(), sharded.close()]);
  });

  it('takes an empty directory, and refuses one that is not, or a file', async () => {
    const model = { checkpoint: await openCheckpoint(at('model')), copyFrom: at('model') };
    await mkdir(at('empty'));
    await writeModelDirectory(at('empty'), model);
    const error = await expectCode('output-not-empty', () => writeModelDirectory(at('empty'), model));
    expect(error.message).toContain('is not empty (it holds config.json)');
    expect((await expectCode('output-not-empty', () => writeModelDirectory(at('model', 'config.json'), model))).message).toContain('is a file');
    expect((await expectCode('output-not-empty', () => writeModelDirectory(at('model', 'config.json', 'x'), model))).message).toContain('is a file, or lies in one');
    await writeModelDirectory(at('new', 'parent', 'out'), model);
    await expectCode('file-missing', () => writeModelDirectory(at('out'), { ...model, copyFrom: at('nothing') }));
    await model.checkpoint.close();
  });

  it('refuses what was filled meanwhile, and a link in the place of a directory', async () => {
    const checkpoint = await openCheckpoint(at('model'));
    const fill = () => void (existsSync(at('late')) || (mkdirSync(at('late')), writeFileSync(at('late', 'x'), '')));
    expect((await expectCode('output-not-empty', () => writeModelDirectory(at('late'), { checkpoint, copyFrom: at('model'), onTensor: fill }))).message).toContain('any more');
    await mkdir(at('elsewhere'));
    await symlink(at('elsewhere'), at('link'));
    await expectCode('file-write-failed', () => writeModelDirectory(at('link'), { checkpoint, copyFrom: at('model') }));
    expect((await readdir(directory)).sort()).toEqual(['elsewhere', 'late', 'link', 'model']);
    await checkpoint.close();
  });

  it('a failure leaves nothing behind', async () => {
    const checkpoint = await openCheckpoint(at('model'));
    await expect(writeModelDirectory(at('out'), { checkpoint, copyFrom: at('model'), onTensor: stop })).rejects.toThrow('stopped');
    await symlink(at('nowhere'), at('model', 'dangling.json'));
    await expectCode('file-missing', () => writeModelDirectory(at('out'), { checkpoint, copyFrom: at('model') }));
    expect((await readdir(directory)).sort()).toEqual(['model']);
    await checkpoint.close();
  });
});

describe('module files', () => {
  it('are written, opened for a model, and grafted into files', async () => {
    const size = await writeExpertModuleFile(at('law.safetensors'), await makeModule({ selection: new Map([[0, [1]]]), factor: 2 }));
    expect((await readFile(at('law.safetensors'))).length).toBe(size);
    const module = await openExpertModuleFile(at('law.safetensors'), TOPOLOGY);
    const base = await openCheckpoint(at('model'));
    const { checkpoint } = await graftModules(base, [{ name: 'law', module }]);
    await writeModelDirectory(at('out'), { checkpoint, copyFrom: at('model') });
    const grafted = await openCheckpoint(at('out'));
    expect(await grafted.readTensor(gateName(0, 1))).toEqual(await module.readTensor(gateName(0, 1)));
    expect(await grafted.readTensor(gateName(0, 2))).toEqual(await base.readTensor(gateName(0, 2)));
    expect(await fingerprintCheckpoint(grafted)).toBe(await fingerprintCheckpoint(await openBase()));
    await Promise.all([module.close(), checkpoint.close(), grafted.close()]);
  });

  it('name the file in what they refuse', async () => {
    expect((await expectCode('module-invalid', () => openExpertModuleFile(at('model', 'model.safetensors'), TOPOLOGY))).message).toContain(at('model', 'model.safetensors'));
    await expectCode('file-missing', () => openExpertModuleFile(at('nothing'), TOPOLOGY));
    const header = new Uint8Array(8);
    new DataView(header.buffer).setBigUint64(0, 25_000_001n, true);
    await writeFile(at('large'), header);
    await expectCode('safetensors-header-too-large', () => openExpertModuleFile(at('large'), TOPOLOGY));
  });
});
