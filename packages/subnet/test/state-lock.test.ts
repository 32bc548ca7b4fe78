import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

it.runIf(process.platform === 'linux')('takes over the lock of a process whose number another one has by now', () => {
  const release = lockState(directory);
  const [, boot, began] = readFileSync(join(directory, 'lock'), 'utf8').split(' ');
  expect([boot, began]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), expect.stringMatching(/^\d+$/)]);
  release();
  for (const other of [`${boot} 1`, `00000000-0000-0000-0000-000000000000 ${began}`]) {
    writeFileSync(join(directory, 'lock'), `${process.ppid} ${other}`);
    expect(() => lockState(directory)()).not.toThrow();
  }
});

it.runIf(process.platform === 'linux')('knows another living process by its beginning', () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']);
  try {
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
    writeFileSync(join(directory, 'lock'), `${child.pid} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${stat?.[19]}`);
    expect(() => lockState(directory)).toThrow(expect.objectContaining({ code: 'state-in-use' }));
  } finally {
    child.kill('SIGKILL');
  }
});
