import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What stands first in the backticks of the rows of tables. */
const codeIn = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('|')).flatMap((line) => [...line.matchAll(/`([\w-]+)[^`]*`/g)].map(([, name]) => name as string));

describe('the README', () => {
  it('has examples that run and print what they say', () => {
    const examples = [...readFileSync(`${root}README.md`, 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', examples.join('\n')], { cwd: root, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^[0-9a-f]{64} \[ 38, 40 \]\ntrue\n$/);
  });

  it.each(['index', 'node'])('has all exports of %s.ts in its tables', (name) => {
    const source = readFileSync(`${root}src/${name}.ts`, 'utf8');
    const names = [...source.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) => (list as string).split(',').map((part) => part.trim()));
    const named = new Set(codeIn(readFileSync(`${root}README.md`, 'utf8')));
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((exported) => !named.has(exported))).toEqual([]);
  });

  it('has every error code, and no other, in the table of errors', () => {
    const section = /^## Errors\n([\s\S]*?)^## /m.exec(readFileSync(`${root}README.md`, 'utf8'))?.[1] as string;
    const union = /CommitRevealErrorCode =([\s\S]*?';)/.exec(readFileSync(`${root}src/errors.ts`, 'utf8'))?.[1] as string;
    const firstCells = section.split('\n').map((line) => line.split('|').slice(0, 2).join('|'));
    expect(new Set(firstCells.flatMap((cell) => codeIn(cell)))).toEqual(new Set([...union.matchAll(/\| '([a-z-]+)'/g)].map(([, code]) => code)));
  });
});
