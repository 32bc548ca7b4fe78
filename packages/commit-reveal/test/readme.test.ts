import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the README', () => {
  it('has examples that run and print what they say', () => {
    const examples = [...readFileSync(`${root}README.md`, 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', examples.join('\n')], { cwd: root, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^[0-9a-f]{64} \[ 38, 40 \]\ntrue\n$/);
  });
});
