/**
 * `npm run test:slow`: everything of `npm test`, with 2,000 runs of each fuzzed property and with the tests that take minutes or need a Python
 * (`CONNITO_SLOW`). Arguments go to vitest.
 * @module
 */
process.env.CONNITO_SLOW = '1';
process.env.FUZZ_RUNS ??= '2000';
await import('./test.mjs');
