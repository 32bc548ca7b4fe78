import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openSafetensorsFile, writeSafetensorsFile } from '../src/node.ts';
import { CONFIG, fixtureTensors } from './model-fixture.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = existsSync(join(root, 'dist/node.js'));
if (!built) console.warn('SKIPPED: the README example needs the built package (dist)');

/** A directory in which the package can be imported by its name. */
async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'moe-core-readme-'));
  try {
    await mkdir(join(directory, 'node_modules/@connito'), { recursive: true });
    await symlink(root, join(directory, 'node_modules/@connito/moe-core'), 'dir');
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Standard output of the README's first example that contains `word`. */
async function runExample(directory: string, word: string): Promise<string> {
  const examples = [...(await readFile(join(root, 'README.md'), 'utf8')).matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
  await writeFile(join(directory, 'example.mjs'), examples.find((code) => code.includes(word))!);
  return (await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: directory })).stdout;
}

describe.skipIf(!built)('README', () => {
  it('the example runs', () =>
    inDirectory(async (directory) => {
      await mkdir(join(directory, 'model'));
      await writeFile(join(directory, 'model/config.json'), JSON.stringify(CONFIG));
      await writeSafetensorsFile(join(directory, 'model/model.safetensors'), fixtureTensors());
      expect(await runExample(directory, 'openCheckpoint')).toMatch(/^\d+\.\d+ 3\n$/);
      const file = await openSafetensorsFile(join(directory, 'experts.safetensors'));
      expect(file.tensors.size).toBe(6);
      expect(file.metadata.get('made')).toBe('by an example');
      await file.close();
    }));

  it('the routing example runs', () =>
    inDirectory(async (directory) => {
      expect(await runExample(directory, 'dispatchTokens')).toBe('wasm 0.015625 3072 3072\n');
    }));

  it('the partition example runs', () =>
    inDirectory(async (directory) => {
      expect(await runExample(directory, 'planExpertGroups')).toBe('4 experts cover half of the routing\n3 miners in groups\n3 shards\n');
    }));
});
