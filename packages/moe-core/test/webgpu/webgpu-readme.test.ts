import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findTestGpu } from './gpu-adapter.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = existsSync(join(root, 'dist/webgpu.js'));
if (!built) console.warn('SKIPPED: the README example on a GPU and the declarations need the built package (dist)');
const gpu = built ? await findTestGpu() : undefined;

describe.skipIf(gpu === undefined)('README, On a GPU', () => {
  it('the example runs', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'moe-core-webgpu-'));
    try {
      const [, example] = /### On a GPU\n[\s\S]*?```js\n([\s\S]*?)```/.exec(await readFile(join(root, 'README.md'), 'utf8'))!;
      await mkdir(join(directory, 'node_modules/@connito'), { recursive: true });
      await symlink(root, join(directory, 'node_modules/@connito/moe-core'), 'dir');
      await symlink(join(root, 'node_modules/webgpu'), join(directory, 'node_modules/webgpu'), 'dir');
      await writeFile(join(directory, 'example.mjs'), example!);
      const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: directory });
      expect(stdout).toBe('1,2,1,3 0,0,2,3,4 0,2,1,3\n');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe.skipIf(!built)('declarations', () => {
  it('the entries other than ./webgpu never name a GPU type', () => {
    for (const entry of ['index.d.ts', 'node.d.ts']) {
      const files = reachable(join(root, 'dist', entry));
      expect(files.size).toBeGreaterThan(10);
      expect([...files].filter((file) => /\bGPU[A-Z]|webgpu/.test(withoutComments(readFileSync(file, 'utf8'))))).toEqual([]);
    }
  });

  it('./webgpu refers to no declarations that a consumer may lack', () => {
    const text = [...reachable(join(root, 'dist/webgpu.d.ts'))].map((file) => readFileSync(file, 'utf8')).join('\n');
    expect(text).toContain('createGpuRouter');
    expect(text).not.toMatch(/^\/\/\/ <reference/m);
  });
});

/** The declaration files that one leads to. */
function reachable(file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/from '(\.[^']+)'/g)) reachable(join(dirname(file), specifier!.replace(/\.ts$/, '.d.ts')), found);
  return found;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '');
}
