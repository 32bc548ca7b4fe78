import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Options } from 'tsup';

/** What runs from `dist` loads parts of it later: a role for days, a test while somebody builds. */
const KEEP_MS = 7 * 86_400_000;

/** Outputs are written over, never emptied beforehand; files that no build of this week has written go. */
async function removeOld(): Promise<void> {
  for (const entry of await readdir('dist', { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && /\.js(\.map)?$/.test(path) && (await stat(path)).mtimeMs < Date.now() - KEEP_MS) await rm(path, { force: true });
  }
}

/** Shared by every package: ESM for Node 20, one file per entry plus shared chunks; `tsc` writes the declarations. */
const base: Options = {
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  splitting: true,
  clean: false,
  onSuccess: removeOld,
  treeshake: true,
};

export default base;
