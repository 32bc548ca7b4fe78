import { defineConfig } from 'vitest/config';

/** Test files share one module registry per worker: loading @polkadot/api anew for each took more time than the tests. */
export default defineConfig({
  test: {
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // @polkadot/api logs each refused transaction, and refusals are what many tests are about.
    onConsoleLog: (log) => (/RPC-CORE|REGISTRY: Unknown signed extensions/.test(log) ? false : undefined),
  },
});
