/**
 * `npm test`: sets up, then lint, types, boundaries, package checks and every package's tests.
 * The last line is `N passed, N failed[, N skipped]`; each check counts as one test. Arguments go to vitest.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, setUp } from './setup.mjs';

const checks = [
  ['lint', ['node_modules/oxlint/bin/oxlint', '--deny-warnings']],
  ['types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  ['boundaries', ['scripts/boundaries.mjs']],
  ['packages', ['scripts/packages.mjs']],
];

function runNode(args) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

function runVitest(vitestArgs) {
  const directory = mkdtempSync(join(tmpdir(), 'connito-test-'));
  const report = join(directory, 'report.json');
  try {
    const ok = runNode(['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...vitestArgs]);
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'));
    return { ok, passed: numPassedTests, failed: Math.max(numFailedTests, ok ? 0 : 1), skipped: numPendingTests + numTodoTests };
  } catch (error) {
    console.error(`vitest left no report: ${error.message}`);
    return { ok: false, passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

let passed = 0;
let failed = 0;
let skipped = 0;
try {
  setUp();
  for (const [name, args] of checks) {
    const ok = runNode(args);
    console.log(`${ok ? 'ok' : 'FAILED'} ${name}`);
    if (ok) passed += 1;
    else failed += 1;
  }
  const tests = runVitest(process.argv.slice(2));
  passed += tests.passed;
  failed += tests.failed;
  skipped += tests.skipped;
} catch (error) {
  console.error(`connito: ${error.message}`);
  failed += 1;
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
