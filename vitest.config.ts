import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const packages = join(import.meta.dirname, 'packages');

/** One project per package. `extends: true` is what makes them take the time limits: projects found by a glob would not. */
export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: readdirSync(packages).map((name) => ({ extends: true as const, root: join(packages, name), test: { name: `@connito/${name}` } })),
  },
});
