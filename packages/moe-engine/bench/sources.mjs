/**
 * Modules of this package that no entry exports, for benchmarks.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'tsup';

/** Bundles a file of `src`, with what it needs of moe-core, and imports it. */
export async function compileSource(path) {
  const outDir = await mkdtemp(join(tmpdir(), 'connito-bench-'));
  try {
    await build({ entry: [fileURLToPath(new URL(`../src/${path}`, import.meta.url))], outDir, format: 'esm', config: false, silent: true, noExternal: [/^@connito\//], outExtension: () => ({ js: '.mjs' }) });
    return await import(pathToFileURL(join(outDir, `${basename(path, '.ts')}.mjs`)));
  } finally {
    await rm(outDir, { recursive: true });
  }
}
