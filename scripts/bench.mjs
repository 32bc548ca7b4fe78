/**
 * `npm run bench [-- <package> [benchmark] | -- <benchmark>]`: runs the benchmarks of `packages/<package>/bench`, all or one, one after the other.
 * Anything else lists them.
 * A benchmark is a `.mjs` file whose name ends in `.bench.mjs`; it prints ratios against the peer that PYTHON runs.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root, setUp } from './setup.mjs';

const [wanted, wantedName] = process.argv.slice(2);
const all = readdirSync(join(root, 'packages')).flatMap((name) => filesOf(join('packages', name, 'bench')).map((file) => ({ name, file })));
const isNamed = (file, name) => file.endsWith(`/${name}.bench.mjs`);
const benchmarks = choose().filter(({ file }) => wantedName === undefined || isNamed(file, wantedName));

/** A package, else a benchmark's name, else a package without its `moe-`. */
function choose() {
  const choices = [({ name }) => [undefined, name].includes(wanted), ({ file }) => isNamed(file, wanted), ({ name }) => name === `moe-${wanted}`];
  return choices.map((choice) => all.filter(choice)).find((found) => found.length > 0) ?? [];
}

function filesOf(directory) {
  if (!existsSync(join(root, directory))) return [];
  return readdirSync(join(root, directory)).filter((file) => file.endsWith('.bench.mjs')).sort().map((file) => `${directory}/${file}`);
}

setUp();
if (benchmarks.length === 0) {
  console.error(`connito: no benchmark ${[wanted, wantedName].filter(Boolean).join(' ')}; expected a package, and perhaps the name of one of its bench/<name>.bench.mjs, or such a name alone:`);
  for (const { name, file } of all) console.error(`  ${name} ${basename(file, '.bench.mjs')}`);
  process.exitCode = 2;
}
for (const { file } of benchmarks) {
  console.log(`\n# ${file}`);
  const { status } = spawnSync(process.execPath, [file], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exitCode = 1;
}
