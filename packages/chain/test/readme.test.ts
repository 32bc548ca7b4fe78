/** The README is the reference: what is exported, and every error code, stands in one of its tables. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');
/** What stands in backticks in the rows of tables. */
const codeIn = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('|')).flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, code]) => code as string));
/** The name before an argument list. */
const nameOf = (code: string): string => /^[\w-]+/.exec(code)?.[0] ?? '';
const section = (title: string): string => readme.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';

function exportsOf(path: string): string[] {
  const lists = [...read(path).matchAll(/export (?:type )?\{([^}]*)\}/g)].map(([, names]) => names as string);
  return lists.flatMap((names) => names.split(',').map((name) => name.trim())).filter((name) => name !== '');
}

function errorCodes(): string[] {
  const union = /export type ChainErrorCode =([\s\S]*?)';/.exec(read('src/errors.ts'))?.[1] ?? '';
  return [...`${union}'`.matchAll(/\| '([a-z-]+)'/g)].map(([, code]) => code as string);
}

describe('the README', () => {
  it.each(['src/index.ts', 'src/node/index.ts'])('has all exports of %s in its tables', (path) => {
    const names = exportsOf(path);
    expect(names.length).toBeGreaterThan(20);
    const named = new Set(codeIn(readme).map(nameOf));
    expect(names.filter((name) => !named.has(name))).toEqual([]);
  });

  it('names no function in its API that is not exported', () => {
    const exported = new Set(exportsOf('src/index.ts'));
    const firstCells = section('API').split('\n').filter((line) => line.startsWith('| `')).map((line) => line.replaceAll('\\|', '').split('|').slice(0, 2).join('|'));
    expect(firstCells.length).toBeGreaterThan(20);
    expect(firstCells.flatMap(codeIn).map(nameOf).filter((name) => !exported.has(name))).toEqual([]);
  });

  it('has every error code, and no other, in the table of errors', () => {
    const rows = section('Errors').split('\n').filter((line) => line.startsWith('| `')).map((line) => line.split('|').slice(0, 2).join('|'));
    expect(new Set(rows.flatMap(codeIn))).toEqual(new Set(errorCodes()));
  });

  it('has an example of wallets that runs', () => {
    const examples = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code as string).filter((code) => code.includes("from '@connito/chain/node'"));
    expect(examples).toHaveLength(1);
    const parent = fileURLToPath(new URL('../.connito/', import.meta.url));
    mkdirSync(parent, { recursive: true });
    const folder = mkdtempSync(`${parent}readme-`);
    try {
      writeFileSync(`${folder}/password.txt`, 'correct horse\n', { mode: 0o600 });
      writeFileSync(`${folder}/example.mjs`, `${examples[0]}console.log(keypair.hotkey.length, payer.hotkey === (await miner.address('coldkey')));\n`);
      const { status, stdout, stderr } = spawnSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
      expect([status, stdout, stderr]).toEqual([0, expect.stringMatching(/^5\w{47}\n48 true\n$/), expect.stringMatching(/^([a-z]+ ){11}[a-z]+\n$/)]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 180_000);

  it('has no error code that no test expects', () => {
    const tests = readdirSync(new URL('.', import.meta.url), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.test.ts') && !path.endsWith('readme.test.ts'));
    const text = tests.map((path) => read(`test/${path}`)).join('\n');
    expect(tests.length).toBeGreaterThan(10);
    expect(errorCodes().filter((code) => !text.includes(`'${code}'`))).toEqual([]);
  });
});
