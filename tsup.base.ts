import type { Options } from 'tsup';

/** Shared by every package: ESM for Node 20, one file per entry plus shared chunks; `tsc` writes the declarations. */
const base: Options = {
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  splitting: true,
  clean: true,
  treeshake: true,
};

export default base;
