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

describe.skipIf(!built)('README', () => {
  it('the example runs', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'moe-core-readme-'));
    try {
      const [, example] = /```js\n([\s\S]*?)```/.exec(await readFile(join(root, 'README.md'), 'utf8'))!;
      await mkdir(join(directory, 'node_modules/@connito'), { recursive: true });
      await symlink(root, join(directory, 'node_modules/@connito/moe-core'), 'dir');
      await mkdir(join(directory, 'model'));
      await writeFile(join(directory, 'example.mjs'), example!);
      await writeFile(join(directory, 'model/config.json'), JSON.stringify(CONFIG));
      await writeSafetensorsFile(join(directory, 'model/model.safetensors'), fixtureTensors());
      const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: directory });
      expect(stdout).toMatch(/^\d+\.\d+ 3\n$/);
      const file = await openSafetensorsFile(join(directory, 'experts.safetensors'));
      expect(file.tensors.size).toBe(6);
      expect(file.metadata.get('made')).toBe('by an example');
      await file.close();
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
