import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** `npm run test:slow` runs each property thousands of times. */
const limitMs = process.env['CONNITO_SLOW'] === undefined ? 60_000 : 1_800_000;

const packages = join(import.meta.dirname, 'packages');

/** Loading @polkadot/api anew in every file would cost most of this suite's time. */
const SHARES_MODULES = new Set(['localnet']);

/** One project per package. `extends: true` is what makes them take the time limits: projects found by a glob would not. */
export default defineConfig({
  test: {
    testTimeout: limitMs,
    hookTimeout: limitMs,
    // A second, the default, is nothing on a machine that builds meanwhile.
    expect: { poll: { timeout: 30_000 } },
    // @polkadot/api logs each refused transaction, and refusals are what many tests are about.
    onConsoleLog: (log) => (/RPC-CORE|REGISTRY: Unknown signed extensions/.test(log) ? false : undefined),
    projects: readdirSync(packages).map((name) => ({ extends: true as const, root: join(packages, name), test: { name: `@connito/${name}`, isolate: !SHARES_MODULES.has(name) } })),
  },
});
