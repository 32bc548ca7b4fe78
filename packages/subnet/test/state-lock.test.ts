import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockState } from '../src/state-lock.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'connito-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('refuses a directory that a living process holds', () => {
  const release = lockState(directory);
  writeFileSync(join(directory, 'lock'), String(process.ppid));
  expect(() => lockState(directory)).toThrow(expect.objectContaining({ code: 'state-in-use' }));
  release();
});

it('takes over the lock of a process that is gone', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  lockState(directory)();
  writeFileSync(join(directory, 'lock'), String(pid));
  expect(() => lockState(directory)()).not.toThrow();
});

it.each(['', '-1', 'rubbish'])('takes over a damaged lock, %j', (content) => {
  writeFileSync(join(directory, 'lock'), content);
  expect(() => lockState(directory)()).not.toThrow();
});
